/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small questions that several families of checks ask of the model. */
#include "check/aid.h"

#include <string.h>

#include "base/alloc.h"

int check_owner(const struct check_input *in, int i)
{
	const struct function *f = check_function(in, i);
	const struct function *pf;

	if (!f->is_virtual)
		return i;
	pf = platform_find(in->platform, f->physical);
	return pf ? (int)(pf - in->platform->functions) : -1;
}

bool check_is_express(const struct function *f)
{
	return f->port_type != PORT_UNKNOWN && f->port_type != PORT_CONVENTIONAL &&
	       f->port_type != PORT_CONVENTIONAL_BRIDGE;
}

static bool is_same_device(const struct function *a, const struct function *b)
{
	return a->addr.domain == b->addr.domain && a->addr.bus == b->addr.bus &&
	       a->addr.dev == b->addr.dev;
}

/* A path stands for pairs of other functions of the same devices: what holds of one holds of those. */
static void mark_siblings(const struct check_input *in, bool *is)
{
	int nr = (int)in->platform->nr_functions;

	for (int first = 0, next; first < nr; first = next) {
		bool any = false;

		for (next = first; next < nr && is_same_device(check_function(in, first),
							       check_function(in, next));
		     next++)
			any |= is[next];
		for (int i = first; i < next && any; i++)
			is[i] |= check_on_path(in, i) && !check_function(in, i)->is_bridge;
	}
}

bool *check_initiators(const struct check_input *in)
{
	bool *is = xcalloc(in->platform->nr_functions, sizeof(*is));

	for (size_t k = 0; k < in->nr_paths; k++)
		is[in->paths[k].pair.initiator] = true;
	mark_siblings(in, is);
	return is;
}

bool *check_targets(const struct check_input *in)
{
	bool *is = xcalloc(in->platform->nr_functions, sizeof(*is));

	for (size_t k = 0; k < in->nr_paths; k++)
		is[in->paths[k].pair.target] = true;
	mark_siblings(in, is);
	return is;
}

bool check_is_turn(const struct check_input *in, const struct check_path *path, int k)
{
	return path->pair.route != ROUTE_ROOT_REDIRECT && k > 0 && k + 1 < path->nr_via &&
	       check_function(in, path->via[k - 1])->upstream == path->via[k] &&
	       check_function(in, path->via[k + 1])->upstream == path->via[k];
}

int *check_way(const struct check_input *in, const struct check_path *path, bool back, int *nr)
{
	int *way = xcalloc((size_t)path->nr_via + 1, sizeof(*way));
	int sender = back ? path->pair.target : path->pair.initiator;

	*nr = 0;
	/* what is on a root bus is in the root complex from the start */
	if (check_function(in, sender)->upstream == UPSTREAM_ROOT_BUS)
		return way;
	for (int n = 0; n < path->nr_via; n++) {
		int k = back ? path->nr_via - 1 - n : n;

		if (check_is_turn(in, path, k))
			continue;
		way[(*nr)++] = path->via[k];
		if (check_function(in, path->via[k])->port_type == PORT_ROOT)
			return way;
	}
	way[(*nr)++] = back ? path->pair.initiator : path->pair.target;
	return way;
}

const char *check_bytes_format(uint64_t bytes, char buf[CHECK_BYTES_MAX])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t u = 0;

	while (u + 1 < ARRAY_LEN(units) && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, CHECK_BYTES_MAX, "%llu %s", (unsigned long long)bytes, units[u]);
	return buf;
}

bool check_cmdline_has(const struct platform *p, const char *word)
{
	const size_t len = strlen(word);
	const char *at = p->kernel_cmdline;

	for (; at && (at = strstr(at, word)); at += len)
		if ((at == p->kernel_cmdline || strchr(" \t\n,=", at[-1])) &&
		    (!at[len] || strchr(" \t\n,", at[len])))
			return true;
	return false;
}
