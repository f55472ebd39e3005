/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Isolation: IOMMU groups against what ACS shows now, what keeps functions from being isolated, and
 * how the IOMMU is used.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/attr.h"
#include "check/aid.h"
#include "check/role.h"
#include "check/set.h"

/* --- groups -------------------------------------------------------------------------------------- */

static bool same_device(const struct function *a, const struct function *b)
{
	return a->addr.domain == b->addr.domain && a->addr.bus == b->addr.bus &&
	       a->addr.dev == b->addr.dev;
}

static bool knows_groups(const struct check_input *in, struct check_sink *sink)
{
	if (in->platform->iommu_groups == KNOWN_NO)
		check_unseen(sink, -1, "IOMMU groups were not seen");
	return in->platform->iommu_groups == KNOWN_PRESENT;
}

struct member {
	int group, function;
};

static int by_group(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->function > y->function) - (x->function < y->function);
}

/*
 * The kernel's groups by their first member, as the predicted ones are, whatever numbers the source
 * gives them; -1: none. The caller frees it.
 */
static int *kernel_groups(const struct platform *p)
{
	struct member *members = xcalloc(p->nr_functions, sizeof(*members));
	int *of = xcalloc(p->nr_functions, sizeof(*of));
	int first = -1;

	for (size_t i = 0; i < p->nr_functions; i++)
		members[i] = (struct member){ p->functions[i].iommu_group, (int)i };
	qsort(members, p->nr_functions, sizeof(*members), by_group);
	for (size_t i = 0; i < p->nr_functions; i++) {
		if (!i || members[i].group != members[i - 1].group)
			first = members[i].function;
		of[members[i].function] = members[i].group < 0 ? -1 : first;
	}
	free(members);
	return of;
}

/* The groups that hold: the kernel's, else the predicted ones. The caller frees it. */
static int *groups_now(const struct check_input *in)
{
	size_t n = in->platform->nr_functions;
	int *of;

	if (in->platform->iommu_groups == KNOWN_PRESENT)
		return kernel_groups(in->platform);
	of = xcalloc(n, sizeof(*of));
	memcpy(of, in->groups->of, n * sizeof(*of));
	return of;
}

/* Reports each group of `of` whose members are in more than one group of `other`. */
static void report_split(const struct check_input *in, const int *of, const int *other,
			 const char *code, const char *what, struct check_sink *sink)
{
	size_t n = in->platform->nr_functions;
	int *seen = xcalloc(n, sizeof(*seen)); /* 1 + the other group of a member */
	bool *split = xcalloc(n, sizeof(*split));

	for (size_t i = 0; i < n; i++) {
		if (of[i] < 0 || other[i] < 0)
			continue;
		split[of[i]] |= seen[of[i]] && seen[of[i]] != other[i] + 1;
		seen[of[i]] = other[i] + 1;
	}
	for (int g = 0; g < (int)n; g++) {
		struct check_set members;

		if (!split[g])
			continue;
		members = check_set_new(in);
		for (int i = g; i < (int)n; i++)
			if (of[i] == g)
				check_set_add(&members, i);
		check_found(sink, code, members.items, members.nr, NULL,
			    "%zu functions, from %s on, %s", members.nr, check_addr(in, g), what);
		check_set_release(&members);
	}
	free(seen);
	free(split);
}

static void check_stale(const struct check_input *in, struct check_sink *sink)
{
	autofree int *kernel = kernel_groups(in->platform);

	if (!knows_groups(in, sink))
		return;
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		if (kernel[i] < 0)
			continue;
		if (in->groups->of[i] == P2P_GROUP_CANNOT_TELL)
			check_unseen(sink, i, "what its group depends on was not seen");
		else
			check_looked(sink, 1);
	}
	/* the kernel believes in isolation that is not there */
	report_split(in, in->groups->of, kernel, "GROUP-STALE",
		     "are one group by their ACS as it is now, and several by the kernel", sink);
	/* the other way round, which costs but harms nobody */
	report_split(in, kernel, in->groups->of, "GROUP-WIDER-THAN-ACS",
		     "are one group by the kernel, and several by their ACS as it is now", sink);
}

/* Reports functions of other devices in the group of i, bridges apart. */
static void report_others(const struct check_input *in, const int *group, int i,
			  struct check_sink *sink)
{
	struct check_set others = check_set_new(in);

	check_set_add(&others, i);
	for (int k = 0; k < (int)in->platform->nr_functions; k++)
		if (group[k] == group[i] && !check_function(in, k)->is_bridge &&
		    !same_device(check_function(in, i), check_function(in, k)))
			check_set_add(&others, k);
	if (others.nr > 1)
		check_found(sink, "GROUP-NOT-ISOLATED", others.items, others.nr, NULL,
			    "%s is declared to be isolated, and shares its IOMMU group with %zu "
			    "functions of other devices",
			    check_addr(in, i), others.nr - 1);
	check_set_release(&others);
}

/* Who is declared to be isolated shares its group with no other device. */
static void check_claimed(const struct check_input *in, struct check_sink *sink)
{
	autofree int *group = groups_now(in);

	for (size_t k = 0; in->claims && k < in->claims->nr_isolated; k++) {
		int i = in->claims->isolated[k];

		if (group[i] < 0) {
			check_unseen(sink, i,
				     "its IOMMU group was not seen, nor what decides over it");
			continue;
		}
		check_looked(sink, 1);
		report_others(in, group, i, sink);
	}
}

/* Is the function of a kind that exchanges data, and not just on its way? */
static bool is_peer(const struct check_input *in, int i)
{
	return role_of(in->platform, check_function(in, i)) != ROLE_OTHER && check_on_path(in, i);
}

/* Which groups hold peers of several devices? first: 1 + a peer of each group. */
static size_t find_shared(const struct check_input *in, const int *group, bool *shared,
			  struct check_sink *sink)
{
	autofree int *first = xcalloc(in->platform->nr_functions, sizeof(*first));
	size_t nr = 0;

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		int g = group[i];

		if (!is_peer(in, i))
			continue;
		if (g < 0) {
			check_unseen(sink, i,
				     "its IOMMU group was not seen, nor what decides over it");
			continue;
		}
		check_looked(sink, 1);
		if (!first[g])
			first[g] = i + 1;
		if (same_device(check_function(in, first[g] - 1), check_function(in, i)))
			continue;
		nr += !shared[g];
		shared[g] = true;
	}
	return nr;
}

static void check_shared(const struct check_input *in, struct check_sink *sink)
{
	size_t n = in->platform->nr_functions;
	autofree bool *shared = xcalloc(n, sizeof(*shared));
	autofree int *group = groups_now(in);
	size_t nr = find_shared(in, group, shared, sink);
	struct check_set members = check_set_new(in);

	for (int i = 0; i < (int)n; i++)
		if (group[i] >= 0 && shared[group[i]] && is_peer(in, i))
			check_set_add(&members, i);
	if (nr)
		check_found(sink, "GROUP-SHARED", members.items, members.nr, NULL,
			    in->platform->iommu_groups == KNOWN_PRESENT
				    ? "%zu IOMMU groups hold several devices that exchange data, "
				      "%zu functions in all"
				    : "%zu IOMMU groups would hold several devices that exchange "
				      "data, %zu functions in all",
			    nr, members.nr);
	check_set_release(&members);
}

static void check_absent(const struct check_input *in, struct check_sink *sink)
{
	if (!knows_groups(in, sink))
		return;
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		if (!check_on_path(in, i) || p2p_is_amd_iommu(check_function(in, i)))
			continue;
		check_looked(sink, 1);
		if (check_function(in, i)->iommu_group == GROUP_UNKNOWN)
			check_found_as(sink, "GROUP-ABSENT", check_severity(in, i, SEVERITY_MINOR),
				       &i, 1, NULL,
				       "an IOMMU is in use, and %s is in no IOMMU group",
				       check_addr(in, i));
	}
}

/* --- ACS ----------------------------------------------------------------------------------------- */

static bool is_port(const struct function *f)
{
	return f->port_type == PORT_ROOT || f->port_type == PORT_DOWNSTREAM;
}

/*
 * What the kernel has written at boot, against what is there now. Ports that have their control
 * register elsewhere, or none, are left out.
 */
static void check_lost(const struct check_input *in, struct check_sink *sink)
{
	autofree char *why = NULL;
	enum p2p_answer requested =
		p2p_acs_requested(in->platform, in->rules, in->boot, in->boot, &why);
	struct p2p_boot boot = { 0 };
	struct platform then;

	if (requested == P2P_CANNOT_TELL || !in->platform->kernel_cmdline) {
		check_unseen(sink, -1, "whether the kernel has turned ACS on was not seen");
		return;
	}
	p2p_boot_parse(in->platform->kernel_cmdline, in->rules, &boot);
	p2p_acs_write(in->platform, in->rules, &boot, requested, &then);
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct acs *now = &check_function(in, i)->acs,
				 *meant = &then.functions[i].acs;
		unsigned int lost;

		if (!is_port(check_function(in, i)) || now->known != KNOWN_PRESENT ||
		    p2p_acs_is_dword(check_function(in, i)))
			continue;
		check_looked(sink, 1);
		lost = meant->control & ~meant->unsure & ~now->control & P2P_ISOLATION;
		if (lost)
			check_found_as(
				sink, lost == ACS_SV ? "ACS-SOURCE-VALIDATION-LOST" : "ACS-LOST",
				lost == ACS_SV ? SEVERITY_MINOR : SEVERITY_MAJOR, &i, 1, NULL,
				"ACS control of %s is %#06x, and the kernel has set %#06x",
				check_addr(in, i), now->control, meant->control);
	}
	p2p_acs_release(&then);
	p2p_boot_release(&boot);
}

static void check_ports(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!is_port(f) || !check_on_path(in, i))
			continue;
		if (f->acs.known == KNOWN_NO) {
			check_unseen(sink, i, "ACS of a port was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (f->acs.known == KNOWN_ABSENT && !p2p_acs_quirk(in->platform, f))
			check_found(sink, "PORT-WITHOUT-ACS", &i, 1, NULL,
				    "%s, a %s, has no ACS capability", check_addr(in, i),
				    port_type_name(f->port_type));
	}
}

/* Another function of the device that exchanges data and, like i, has nothing that isolates it. */
static bool has_open_sibling(const struct check_input *in, int i)
{
	const struct function *f = check_function(in, i);
	int k = i;

	/* functions of a device stand together */
	while (k > 0 && same_device(f, check_function(in, k - 1)))
		k--;
	for (; k < (int)in->platform->nr_functions && same_device(f, check_function(in, k)); k++)
		if (k != i && is_peer(in, k) && !check_function(in, k)->is_virtual)
			return true;
	return false;
}

static void check_multifunction(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		enum p2p_answer answer;

		if (!is_peer(in, i) || f->is_virtual || !f->multifunction)
			continue;
		answer = p2p_acs_enabled(in->platform, in->rules, f, P2P_ISOLATION);
		if (answer == P2P_CANNOT_TELL) {
			check_unseen(sink, i,
				     "what isolates it from the other functions of its "
				     "device was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (answer == P2P_NO && has_open_sibling(in, i))
			check_found(sink, "MULTIFUNCTION-WITHOUT-ACS", &i, 1, NULL,
				    "%s is one of several functions that exchange data, and "
				    "isolates nothing from them",
				    check_addr(in, i));
	}
}

static void check_quirk(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		const char *quirk;

		if (!check_on_path(in, i) || !f->ids_known)
			continue;
		check_looked(sink, 1);
		quirk = p2p_acs_quirk(in->platform, f);
		if (quirk)
			check_found(sink, "ACS-QUIRK", &i, 1, NULL,
				    "the kernel's quirk '%s' answers for %s", quirk,
				    check_addr(in, i));
	}
}

/* --- how the IOMMU is used ----------------------------------------------------------------------- */

static enum iommu_mode mode_of(const struct check_input *in, int i)
{
	const char *type = check_function(in, i)->iommu_type;

	if (in->platform->iommu_groups == KNOWN_ABSENT)
		return IOMMU_OFF;
	if (!type)
		return IOMMU_UNSAID;
	return strcmp(type, "identity") == 0 ? IOMMU_PASSTHROUGH : IOMMU_TRANSLATING;
}

static const char *const mode_names[] = {
	[IOMMU_UNSAID] = "unknown",
	[IOMMU_OFF] = "off",
	[IOMMU_PASSTHROUGH] = "passthrough",
	[IOMMU_TRANSLATING] = "translating",
};

/* The initiators, for it is their requests that an IOMMU translates, by mode. */
static void gather_modes(const struct check_input *in, struct check_set sets[4],
			 struct check_sink *sink)
{
	autofree bool *initiators = check_initiators(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		enum iommu_mode mode;

		if (!initiators[i])
			continue;
		mode = mode_of(in, i);
		if (mode == IOMMU_UNSAID)
			check_unseen(sink, i, "how an IOMMU is used for it was not seen");
		else
			check_looked(sink, 1);
		check_set_add(&sets[mode], i);
	}
}

/* Of those in the set, the ones with a path through the host bridge. */
static bool has_long_way(const struct check_input *in, const struct check_set *set)
{
	for (size_t i = 0; i < in->nr_paths; i++)
		if (in->paths[i].pair.verdict == VERDICT_HOST_BRIDGE &&
		    set->has[in->paths[i].pair.initiator])
			return true;
	return false;
}

static void report_claimed_mode(const struct check_input *in, const struct check_set sets[4],
				struct check_sink *sink)
{
	for (enum iommu_mode m = IOMMU_OFF; m <= IOMMU_TRANSLATING; m++)
		if (in->claims && in->claims->iommu && in->claims->iommu != m && sets[m].nr)
			check_found(sink, "IOMMU-NOT-AS-DECLARED", sets[m].items, sets[m].nr, NULL,
				    "the manifest says %s, and for %zu initiators it is %s",
				    mode_names[in->claims->iommu], sets[m].nr, mode_names[m]);
}

static void check_mode(const struct check_input *in, struct check_sink *sink)
{
	struct check_set sets[4];

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		sets[i] = check_set_new(in);
	gather_modes(in, sets, sink);
	report_claimed_mode(in, sets, sink);
	if (sets[IOMMU_OFF].nr)
		check_found(sink, "IOMMU-UNUSED", NULL, 0, NULL, "the kernel has no IOMMU group");
	if (sets[IOMMU_PASSTHROUGH].nr)
		check_found(sink, "IOMMU-PASSTHROUGH", sets[IOMMU_PASSTHROUGH].items,
			    sets[IOMMU_PASSTHROUGH].nr, NULL,
			    "the domain of %zu initiators is of type identity",
			    sets[IOMMU_PASSTHROUGH].nr);
	if (sets[IOMMU_TRANSLATING].nr && has_long_way(in, &sets[IOMMU_TRANSLATING]))
		check_found_as(
			sink, "IOMMU-TRANSLATES-P2P", check_severity(in, -1, SEVERITY_MINOR),
			sets[IOMMU_TRANSLATING].items, sets[IOMMU_TRANSLATING].nr, NULL,
			"the IOMMU translates for %zu initiators, and some of their pairs go "
			"through the host bridge",
			sets[IOMMU_TRANSLATING].nr);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		check_set_release(&sets[i]);
}

static const struct check checks[] = {
	{
		"isolation.stale",
		"IOMMU groups are what ACS control shows",
		"IOMMU groups; all of config space",
		check_stale,
	},
	{
		"isolation.claimed",
		"what is declared to be isolated is",
		"a manifest; IOMMU groups, or all of config space",
		check_claimed,
	},
	{
		"isolation.shared",
		"functions of different devices that exchange data are in groups of their own",
		"IOMMU groups, or all of config space",
		check_shared,
	},
	{
		"isolation.absent",
		"every function that exchanges data is in an IOMMU group",
		"IOMMU groups",
		check_absent,
	},
	{
		"isolation.lost",
		"ACS control is as the kernel has left it",
		"the kernel's command line, IOMMU groups; ACS control of the ports",
		check_lost,
	},
	{
		"isolation.ports",
		"ports have ACS",
		"ACS of the ports: all of config space",
		check_ports,
	},
	{
		"isolation.multifunction",
		"functions of one device are isolated from each other",
		"ACS of functions: all of config space",
		check_multifunction,
	},
	{
		"isolation.quirk",
		"what isolates is in config space",
		"vendor and device ids",
		check_quirk,
	},
	{
		"isolation.iommu",
		"the IOMMU is used as it is declared to be, and costs nothing",
		"IOMMU groups and their types",
		check_mode,
	},
};

const struct check_family check_family_isolation = { "isolation", checks, ARRAY_LEN(checks) };
