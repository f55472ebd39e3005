/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which functions the kernel would put into one IOMMU group: pci_device_group() in
 * drivers/iommu/iommu.c, the same from Linux 6.1 to 7.3.
 *
 * What was not seen is dealt with by placing all functions twice, once as if everything unknown
 * isolated and once as if nothing of it did. More isolation only ever splits groups, so a group
 * that comes out the same both times does not depend on what is unknown.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/isolation.h"

#define NOT_PLACED (-3)

/* What stays the same in both rounds. */
struct facts {
	const struct platform *p;
	enum p2p_answer *isolates; /* p2p_acs_enabled() of each function */
	bool *aliased; /* a function on its bus may have aliases there */
	int vmd; /* the only VMD function, or -1 */
};

struct round {
	const struct facts *facts;
	bool trusting; /* what is unknown isolates */
	bool *path; /* the function and all above it isolate */
	int *of; /* index of the function that a group was made for */
};

static bool assume(const struct round *r, enum p2p_answer isolating)
{
	return isolating == P2P_YES || (isolating == P2P_CANNOT_TELL && r->trusting);
}

static bool isolates(const struct round *r, int i)
{
	return assume(r, r->facts->isolates[i]);
}

/* Intel VMD: its functions are in domains beyond those of firmware, and send requests as it. */
static bool is_below_vmd(const struct function *f)
{
	return f->addr.domain > 0xffff;
}

static bool is_vmd(const struct function *f)
{
	static const uint16_t devices[] = { 0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b,
					    0x9a0b, 0xa77f, 0xad0b, 0xb06f, 0xb60b };

	if (f->driver && strcmp(f->driver, "vmd") == 0)
		return true;
	for (size_t i = 0; f->ids_known && f->vendor == 0x8086 && i < ARRAY_LEN(devices); i++)
		if (f->device == devices[i])
			return true;
	return false;
}

static int find_vmd(const struct platform *p)
{
	int found = -1;

	for (int i = 0; i < (int)p->nr_functions; i++) {
		if (!is_vmd(&p->functions[i]))
			continue;
		if (found >= 0)
			return -1; /* which of them a domain belongs to is not said */
		found = i;
	}
	return found;
}

static bool same_bus(const struct function *a, const struct function *b)
{
	return a->addr.domain == b->addr.domain && a->addr.bus == b->addr.bus;
}

static bool same_slot(const struct function *a, const struct function *b)
{
	return same_bus(a, b) && a->addr.dev == b->addr.dev;
}

/*
 * The functions around i that are alike: first to last. Functions are ordered by address, so those
 * of a bus and of a slot stand together.
 */
static void neighbours(const struct platform *p, int i,
		       bool (*alike)(const struct function *, const struct function *), int *first,
		       int *last)
{
	const struct function *f = &p->functions[i];

	for (*first = i; *first > 0 && alike(f, &p->functions[*first - 1]); --*first)
		;
	for (*last = i; *last + 1 < (int)p->nr_functions && alike(f, &p->functions[*last + 1]);)
		++*last;
}

/*
 * Does what is behind the bridge send its requests under an id of the bridge's? The kernel excepts
 * the ASPEED AST1150 (since 7.2) and what is above a ThunderX2 root port. For groups that changes
 * nothing: these bridges have no ACS either.
 */
static bool bridge_aliases(const struct round *r, const struct function *bridge)
{
	switch (bridge->port_type) {
	case PORT_CONVENTIONAL_BRIDGE:
	case PORT_PCIE_TO_PCI:
	case PORT_PCI_TO_PCIE:
		return true;
	case PORT_UNKNOWN:
		return !r->trusting;
	default:
		return false;
	}
}

struct search {
	const struct round *r;
	bool visited[256]; /* device and function numbers of the one bus */
};

static int group_of_slot(struct search *s, int i);

static bool are_aliases(const struct round *r, int a, int b)
{
	const struct function *fa = &r->facts->p->functions[a];
	const struct function *fb = &r->facts->p->functions[b];
	enum p2p_answer there = p2p_dma_alias(fa, fb), back = p2p_dma_alias(fb, fa);

	if (there == P2P_YES || back == P2P_YES)
		return true;
	return !r->trusting && (there == P2P_CANNOT_TELL || back == P2P_CANNOT_TELL);
}

/* The group of i, or of a function on its bus that it cannot be told from; -1: none has one yet. */
static int group_of_aliases(struct search *s, int i)
{
	const struct platform *p = s->r->facts->p;
	const struct function *f = &p->functions[i];
	bool *visited = &s->visited[f->addr.dev << 3 | f->addr.fn];
	int first, last, group = -1;

	if (*visited)
		return -1;
	*visited = true;
	if (s->r->of[i] >= 0)
		return s->r->of[i];
	if (!s->r->facts->aliased[i])
		return -1;
	neighbours(p, i, same_bus, &first, &last);
	for (int t = first; t <= last && group < 0; t++) {
		if (t == i || !are_aliases(s->r, i, t))
			continue;
		group = group_of_aliases(s, t);
		if (group < 0)
			group = group_of_slot(s, t);
	}
	return group;
}

/* The group of another function of the device, where neither keeps away from the other. */
static int group_of_slot(struct search *s, int i)
{
	int first, last, group = -1;

	if (!s->r->facts->p->functions[i].multifunction || isolates(s->r, i))
		return -1;
	neighbours(s->r->facts->p, i, same_slot, &first, &last);
	for (int t = first; t <= last && group < 0; t++)
		if (t != i && !isolates(s->r, t))
			group = group_of_aliases(s, t);
	return group;
}

/* The topmost bridge above d that aliases what is below it, or d. */
static int topmost_alias(const struct round *r, int d)
{
	const struct platform *p = r->facts->p;

	for (int b = p->functions[d].upstream; b >= 0; b = p->functions[b].upstream)
		if (bridge_aliases(r, &p->functions[b]))
			d = b;
	return d;
}

/* The topmost bridge above d of those that do not isolate, themselves or further up, or d. */
static int topmost_unisolated(const struct round *r, int d)
{
	const struct platform *p = r->facts->p;

	for (int b = p->functions[d].upstream; b >= 0 && !r->path[b]; b = p->functions[b].upstream)
		d = b;
	return d;
}

/*
 * An IOMMU that is a function does not translate for itself: AMD's, and virtio's, which the VIOT names
 * (viot_pci_dev_iommu_init() in drivers/acpi/viot.c).
 */
static bool is_iommu(const struct function *f)
{
	return p2p_is_amd_iommu(f) || (f->ids_known && f->vendor == 0x1af4 && f->device == 0x1057);
}

/*
 * What the function's requests come from: below a VMD that function, pci_real_dma_dev(). Where the
 * source does not say which, it is the only one there is. -1: it cannot be told.
 */
static int requester(const struct round *r, int i)
{
	const struct platform *p = r->facts->p;
	const struct function *f = &p->functions[i];

	if (f->host_bridge >= 0 && p->host_bridges[f->host_bridge].owner >= 0)
		return p->host_bridges[f->host_bridge].owner;
	return is_below_vmd(f) ? r->facts->vmd : i;
}

/*
 * The kernel stops on the way up at the first bridge with a group. That is the group of the topmost
 * one too, since bridges are placed before what is below them.
 */
static int place(const struct round *r, int i)
{
	const struct function *f = &r->facts->p->functions[i];
	struct search search = { .r = r };
	int d = requester(r, i), group;

	if (is_iommu(f))
		return P2P_GROUP_NONE;
	if (d < 0)
		return P2P_GROUP_CANNOT_TELL;
	d = topmost_unisolated(r, topmost_alias(r, d));
	group = group_of_aliases(&search, d);
	if (group < 0)
		group = group_of_slot(&search, d);
	return group < 0 ? i : group;
}

/* Bridges stand before what is below them, and virtual functions are there last. */
static void place_all(struct round *r)
{
	const struct platform *p = r->facts->p;
	int n = (int)p->nr_functions;

	r->path = xcalloc(p->nr_functions, sizeof(*r->path));
	r->of = xcalloc(p->nr_functions, sizeof(*r->of));
	for (int i = 0; i < n; i++) {
		int up = p->functions[i].upstream;

		r->path[i] = isolates(r, i) && (up < 0 || r->path[up]);
		r->of[i] = NOT_PLACED;
	}
	for (int i = 0; i < n; i++)
		if (!p->functions[i].is_virtual)
			r->of[i] = place(r, i);
	for (int i = 0; i < n; i++)
		if (p->functions[i].is_virtual)
			r->of[i] = place(r, i);
}

static void round_release(struct round *r)
{
	free(r->path);
	free(r->of);
}

/* Groups are named after their first member by address, which need not be the first placed. */
static int *first_members(const struct round *r)
{
	size_t n = r->facts->p->nr_functions;
	int *first = xcalloc(n, sizeof(*first));
	int *label = xcalloc(n, sizeof(*label));

	for (size_t i = 0; i < n; i++)
		first[i] = -1;
	for (size_t i = 0; i < n; i++) {
		int group = r->of[i];

		if (group >= 0 && first[group] < 0)
			first[group] = (int)i;
		label[i] = group >= 0 ? first[group] : group;
	}
	free(first);
	return label;
}

/* Something about the function was not seen that may decide over a group. */
static bool is_unsure(const struct facts *facts, int i)
{
	const struct function *f = &facts->p->functions[i];

	return facts->isolates[i] == P2P_CANNOT_TELL || p2p_dma_alias(f, f) == P2P_CANNOT_TELL;
}

/* The bridge above is not known, or one further up. */
static bool is_cut(const struct platform *p, int i)
{
	return p->functions[i].host_bridge < 0;
}

/*
 * Takes back the labels of groups that differ between the rounds. Those of the doubting one hold
 * together all that could be together, so the unknown that splits one is among its members.
 */
static void compare(const struct facts *facts, const int *trusting, const int *doubting,
		    struct p2p_groups *groups)
{
	size_t n = facts->p->nr_functions;
	bool *differs = xcalloc(n, sizeof(*differs));
	int *unsure = xcalloc(n, sizeof(*unsure)); /* 1 + the first unsure member */

	for (size_t i = 0; i < n; i++) {
		int g = doubting[i];

		if (g < 0)
			continue;
		if (trusting[i] != g)
			differs[g] = differs[doubting[trusting[i]]] = true;
		if (!unsure[g] && is_unsure(facts, (int)i))
			unsure[g] = (int)i + 1;
	}
	for (size_t i = 0; i < n; i++) {
		int g = doubting[i];

		groups->of[i] = g;
		groups->because[i] = (int)i;
		if (is_cut(facts->p, (int)i) || (g >= 0 && differs[g]))
			groups->of[i] = P2P_GROUP_CANNOT_TELL;
		if (g >= 0 && unsure[g])
			groups->because[i] = unsure[g] - 1;
	}
	free(differs);
	free(unsure);
}

static void find_facts(const struct platform *p, const struct p2p_rules *rules, struct facts *facts)
{
	*facts = (struct facts){
		.p = p,
		.isolates = xcalloc(p->nr_functions, sizeof(*facts->isolates)),
		.aliased = xcalloc(p->nr_functions, sizeof(*facts->aliased)),
		.vmd = find_vmd(p),
	};
	for (int i = 0; i < (int)p->nr_functions; i++) {
		const struct function *f = &p->functions[i];
		int first, last;

		facts->isolates[i] = p2p_acs_enabled(p, rules, f, P2P_ISOLATION);
		if (!p2p_has_dma_alias(f) || facts->aliased[i])
			continue;
		neighbours(p, i, same_bus, &first, &last);
		memset(&facts->aliased[first], true, (size_t)last - (size_t)first + 1);
	}
}

void p2p_groups_predict(const struct platform *platform, const struct p2p_rules *rules,
			struct p2p_groups *groups)
{
	struct facts facts;
	struct round trusting = { .facts = &facts, .trusting = true };
	struct round doubting = { .facts = &facts };
	autofree int *a = NULL, *b = NULL;

	groups->of = xcalloc(platform->nr_functions, sizeof(*groups->of));
	groups->because = xcalloc(platform->nr_functions, sizeof(*groups->because));
	find_facts(platform, rules, &facts);
	place_all(&trusting);
	place_all(&doubting);
	a = first_members(&trusting);
	b = first_members(&doubting);
	compare(&facts, a, b, groups);
	round_release(&trusting);
	round_release(&doubting);
	free(facts.isolates);
	free(facts.aliased);
}

void p2p_groups_release(struct p2p_groups *groups)
{
	free(groups->of);
	free(groups->because);
}

/* What of the function was not seen. */
static const char *unseen(const struct function *f)
{
	if (!f->ids_known)
		return "its vendor and device were not seen";
	if (f->port_type == PORT_UNKNOWN)
		return "its port type was not seen: reading all of config space needs root";
	if (!f->multifunction_known)
		return "whether its device has more functions was not seen";
	if (f->acs.known == KNOWN_NO)
		return "its ACS was not seen: reading all of config space needs root";
	if (f->acs.unsure)
		return "what firmware left in its ACS control cannot be told";
	if (p2p_dma_alias(f, f) == P2P_CANNOT_TELL)
		return "the ids under which it sends requests are in its own registers";
	if (p2p_acs_is_dword(f))
		return "its ACS control register, at +8, was not seen";
	return "whether it isolates depends on more than config space";
}

char *p2p_group_reason(const struct platform *platform, const struct p2p_groups *groups, int i)
{
	const struct function *f = &platform->functions[i];
	const struct function *cause = &platform->functions[groups->because[i]];

	if (groups->of[i] >= 0)
		return NULL;
	if (groups->of[i] == P2P_GROUP_NONE)
		return xstrdup("it is the IOMMU itself, which is in no group");
	if (is_cut(platform, i))
		return xstrdup(
			f->is_virtual
				? "its physical function, or a bridge above that, was not seen"
				: "a bridge above it was not seen");
	if (is_below_vmd(f))
		return xstrdup("which VMD function its domain belongs to was not seen");
	return xasprintf("%s: %s", pci_addr_str(cause->addr), unseen(cause));
}

void p2p_isolation_to_json(const struct platform *platform, const struct p2p_rules *rules,
			   json_t *functions)
{
	struct p2p_groups groups;

	p2p_groups_predict(platform, rules, &groups);
	for (int i = 0; i < (int)platform->nr_functions; i++) {
		json_t *o = json_array_get(functions, (size_t)i);
		autofree char *reason = p2p_group_reason(platform, &groups, i);

		jx_set_str(json_object_get(o, "acs"), "quirk",
			   p2p_acs_quirk(platform, &platform->functions[i]));
		if (groups.of[i] >= 0)
			jx_set_str(o, "iommu_group_predicted",
				   pci_addr_str(platform->functions[groups.of[i]].addr));
		jx_set_str(o, "iommu_group_reason", reason);
	}
	p2p_groups_release(&groups);
}
