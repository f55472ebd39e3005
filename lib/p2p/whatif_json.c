/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other words on the command line change, as the document "p2pcert.what-if/1". */
#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/whatif.h"

static const char *address(const struct p2p_what_if *w, int i, char buf[PCI_ADDR_TEXT_MAX])
{
	return pci_addr_format(w->now->functions[i].addr, buf);
}

static json_t *control_to_json(struct p2p_control c)
{
	json_t *o = jx_object();

	jx_set_hex(o, "control", c.value, 4);
	jx_set_hex(o, "unsure", c.unsure, 4);
	return o;
}

static json_t *acs_to_json(const struct p2p_what_if *w)
{
	json_t *a = jx_array();
	char buf[PCI_ADDR_TEXT_MAX];

	for (size_t i = 0; i < w->nr_acs; i++) {
		json_t *o = jx_object();

		jx_set_str(o, "function", address(w, w->acs[i].function, buf));
		jx_set(o, "before", control_to_json(w->acs[i].before));
		jx_set(o, "after", control_to_json(w->acs[i].after));
		jx_append(a, o);
	}
	return a;
}

static json_t *pairs_to_json(const struct p2p_what_if *w, const struct p2p_pair_change *pairs,
			     size_t nr)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < nr; i++) {
		const struct p2p_pair *before = &pairs[i].before, *after = &pairs[i].after;
		json_t *o = jx_object();

		jx_set(o, "initiators",
		       p2p_class_members(w->now, &w->classes, w->classes.of[before->initiator]));
		jx_set(o, "targets",
		       p2p_class_members(w->now, &w->classes, w->classes.of[before->target]));
		jx_set(o, "before", p2p_pair_to_json(w->now, before));
		jx_set(o, "after", p2p_pair_to_json(&w->then, after));
		jx_append(a, o);
	}
	return a;
}

/* The change's functions, by their groups. list is scratch, a NULL for each function of the model. */
static json_t *partition(const struct p2p_what_if *w, const struct p2p_group_change *c,
			 const int *of, json_t **list)
{
	json_t *groups = jx_array();
	char buf[PCI_ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->nr; i++) {
		json_t **members = &list[of[c->functions[i]]];

		if (!*members) {
			*members = jx_array();
			jx_append(groups, *members);
		}
		jx_append_str(*members, address(w, c->functions[i], buf));
	}
	for (size_t i = 0; i < c->nr; i++)
		list[of[c->functions[i]]] = NULL;
	return groups;
}

static json_t *group_change_to_json(const struct p2p_what_if *w, const struct p2p_group_change *c,
				    json_t **list)
{
	static const char *const kinds[] = {
		[GROUPS_MERGE] = "merge",
		[GROUP_SPLITS] = "split",
		[GROUPS_CHANGE] = "change",
	};
	json_t *o = jx_object(), *lost = jx_array();
	char buf[PCI_ADDR_TEXT_MAX];

	jx_set_str(o, "kind", kinds[c->kind]);
	jx_set(o, "before", partition(w, c, w->groups_before.of, list));
	jx_set(o, "after", partition(w, c, w->groups_after.of, list));
	for (size_t i = 0; i < c->nr; i++)
		if (w->isolation_lost[c->functions[i]])
			jx_append_str(lost, address(w, c->functions[i], buf));
	jx_set(o, "isolation_lost", lost);
	return o;
}

static json_t *open_groups_to_json(const struct p2p_what_if *w)
{
	json_t *a = jx_array();
	char buf[PCI_ADDR_TEXT_MAX];

	for (size_t i = 0; i < w->nr_open_groups; i++) {
		int n = w->open_groups[i];
		autofree char *before = p2p_group_reason(w->now, &w->groups_before, n);
		autofree char *after = p2p_group_reason(&w->then, &w->groups_after, n);
		json_t *o = jx_object();

		jx_set_str(o, "function", address(w, n, buf));
		jx_set_str(o, "before", before);
		jx_set_str(o, "after", after);
		jx_append(a, o);
	}
	return a;
}

static json_t *groups_to_json(const struct p2p_what_if *w)
{
	autofree json_t **list = xcalloc(w->now->nr_functions, sizeof(json_t *));
	json_t *o = jx_object(), *changes = jx_array();

	for (size_t i = 0; i < w->nr_groups; i++)
		jx_append(changes, group_change_to_json(w, &w->groups[i], list));
	jx_set_bool(o, "there_then", !w->boot.no_iommu);
	jx_set(o, "changes", changes);
	jx_set(o, "unknown", open_groups_to_json(w));
	return o;
}

static json_t *remarks_to_json(const struct p2p_boot *boot)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < boot->nr_notes; i++) {
		json_t *o = jx_object();

		jx_set_str(o, "code", p2p_boot_note_name(boot->notes[i].kind));
		jx_set_str(o, "text", boot->notes[i].text);
		jx_append(a, o);
	}
	return a;
}

static json_t *kernel_to_json(const struct p2p_what_if *w)
{
	json_t *o = jx_object();

	jx_set_str(o, "release", w->now->kernel_release);
	jx_set_str(o, "cmdline", w->now->kernel_cmdline);
	jx_set_str(o, "rules", p2p_rules_name(w->rules));
	return o;
}

json_t *p2p_what_if_to_json(const struct p2p_what_if *w)
{
	static const char *const answers[] = {
		[P2P_YES] = "yes",
		[P2P_NO] = "no",
		[P2P_CANNOT_TELL] = "unknown",
	};
	json_t *doc = jx_object(), *o = jx_object();

	jx_set_str(doc, "schema", "p2pcert.what-if/1");
	jx_set_str(doc, "words", w->words);
	jx_set(doc, "kernel", kernel_to_json(w));
	jx_set_str(o, "turned_on", answers[w->requested]);
	jx_set_str(o, "reason", w->why);
	jx_set(doc, "acs_by_default", o);
	jx_set(doc, "remarks", remarks_to_json(&w->boot));
	jx_set(doc, "acs", acs_to_json(w));
	jx_set(doc, "pairs", pairs_to_json(w, w->pairs, w->nr_pairs));
	jx_set(doc, "unknown_pairs", pairs_to_json(w, w->open_pairs, w->nr_open_pairs));
	jx_set(doc, "iommu_groups", groups_to_json(w));
	return doc;
}
