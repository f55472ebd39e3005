/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts in BTF, through libbpf. The types are large, and are let go as soon as they were looked at. */
#include "scenario/fact_btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define ANONYMOUS_DEPTH 8

/* What one file of BTF shows. */
struct shown {
	char *module; /* NULL: the kernel proper */
	bool *facts; /* by their number in the set */
};

struct fact_btf {
	const struct fact_set *set;
	struct btf *kernel; /* NULL: not read */
	struct shown *shown; /* the kernel proper first */
	size_t nr;
};

static bool has_member(const struct btf *btf, const struct btf_type *t, const char *name, int depth)
{
	for (size_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const char *own = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *inner;

		if (own && strcmp(own, name) == 0)
			return true;
		inner = m->name_off || depth == 0 ? NULL : btf__type_by_id(btf, m->type);
		if (inner && btf_is_composite(inner) && has_member(btf, inner, name, depth - 1))
			return true;
	}
	return false;
}

/* Does a type of the fact's name show it? */
static bool type_shows(const struct btf *btf, const struct btf_type *t, const struct fact *fact)
{
	switch (fact->kind) {
	case FACT_FUNC:
		return btf_is_func(t);
	case FACT_TYPE:
		return btf_is_composite(t) || btf_is_any_enum(t);
	case FACT_MEMBER:
		return btf_is_composite(t) && has_member(btf, t, fact->member, ANONYMOUS_DEPTH);
	case FACT_ENUM: /* an enumerator is no type */
	case NR_FACT_KINDS:
		break;
	}
	return false;
}

/* Notes what the name, of a type or, without one, of an enumerator, shows. */
static void look_at_name(const struct fact_btf *b, const struct btf *btf, __u32 offset,
			 const struct btf_type *t, bool *shown)
{
	const char *name = offset ? btf__name_by_offset(btf, offset) : NULL;
	const struct fact *fact;
	size_t nr;

	if (!name)
		return;
	for (fact = fact_set_about(b->set, name, strlen(name), &nr); nr; fact++, nr--)
		if (t ? type_shows(btf, t, fact) : fact->kind == FACT_ENUM)
			shown[fact_set_index(b->set, fact)] = true;
}

/* In the types of btf itself, not in those that it builds on. */
static bool *look(const struct fact_btf *b, const struct btf *btf)
{
	const struct btf *base = btf__base_btf(btf);
	bool *shown = xcalloc(fact_set_size(b->set) + 1, sizeof(*shown));
	__u32 end = btf__type_cnt(btf);

	for (__u32 id = base ? btf__type_cnt(base) : 1; id < end; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		look_at_name(b, btf, t->name_off, t, shown);
		for (size_t i = 0; btf_is_enum(t) && i < btf_vlen(t); i++)
			look_at_name(b, btf, btf_enum(t)[i].name_off, NULL, shown);
		for (size_t i = 0; btf_is_enum64(t) && i < btf_vlen(t); i++)
			look_at_name(b, btf, btf_enum64(t)[i].name_off, NULL, shown);
	}
	return shown;
}

static void add(struct fact_btf *b, const char *module, const struct btf *btf)
{
	b->shown = xreallocarray(b->shown, b->nr + 1, sizeof(*b->shown));
	b->shown[b->nr++] = (struct shown){ module ? xstrdup(module) : NULL, look(b, btf) };
}

static const bool *of_module(const struct fact_btf *b, const char *module)
{
	for (size_t i = 1; i < b->nr; i++)
		if (strcmp(b->shown[i].module, module) == 0)
			return b->shown[i].facts;
	return NULL;
}

struct fact_btf *fact_btf_new(const struct fact_set *set)
{
	struct fact_btf *b = xcalloc(1, sizeof(*b));

	b->set = set;
	return b;
}

void fact_btf_free(struct fact_btf *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nr; i++) {
		free(b->shown[i].module);
		free(b->shown[i].facts);
	}
	free(b->shown);
	if (b->kernel)
		btf__free(b->kernel);
	free(b);
}

/* What is wrong with a file is said by who asked, not by the library. */
static struct btf *parse(const char *path, struct btf *base)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct btf *btf = base ? btf__parse_split(path, base) : btf__parse(path, NULL);
	int err = errno;

	libbpf_set_print(print);
	errno = err;
	return btf;
}

int fact_btf_read_kernel(struct fact_btf *b, const char *path)
{
	b->kernel = parse(path, NULL);
	if (!b->kernel)
		return errno ? -errno : -EINVAL;
	add(b, NULL, b->kernel);
	return 0;
}

void fact_btf_read_module(struct fact_btf *b, const char *module, const char *path)
{
	struct btf *btf = of_module(b, module) ? NULL : parse(path, b->kernel);

	if (!btf)
		return;
	add(b, module, btf);
	btf__free(btf);
}

enum feature_state fact_btf_ask(const struct fact_btf *b, const struct fact *fact,
				const char *modules)
{
	enum feature_state otherwise = fact->kind == FACT_FUNC ? FEATURE_UNKNOWN : FEATURE_ABSENT;
	size_t number = fact_set_index(b->set, fact);
	char module[FACT_MAX];

	if (b->shown[0].facts[number])
		return FEATURE_PRESENT;
	while (modules && next_word(&modules, " ", module, sizeof(module))) {
		const bool *shown = of_module(b, module);

		if (!shown)
			otherwise = FEATURE_UNKNOWN;
		else if (shown[number])
			return FEATURE_PRESENT;
	}
	return otherwise;
}
