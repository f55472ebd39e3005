/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.*: the address space changes under a region on demand, before the device has used it, between
 * its transfers and during them. From then on the device must reach what the process would at the same
 * address, with the same rights: nothing that was there before, and where there is nothing, an error:
 * remote access of the responder's memory, local protection of the initiator's (ibv_poll_cq(3);
 * InfiniBand Architecture Specification volume 1, 10.10.2 and 11.6.2). The other end is pinned.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/odp_change.h"
#include "scenario/scenario.h"

#define PAGES 8

/* When the change comes. */
enum moment { BEFORE_TRAFFIC, BETWEEN_TRANSFERS, DURING_TRANSFERS, NR_MOMENTS };

/* --- before, and between ------------------------------------------------------------------------ */

/* From the memory and into it; the other end has new data in between. */
static int traffic(struct trial *t, const struct rig_end *end, const struct race_rules *rules)
{
	struct rig_buffer *other = end->local ? &t->r.remote : &t->r.local;
	int ret = rig_move_all(&t->r, end->reads, rules->no_read ? end->refused : IBV_WC_SUCCESS);

	ret = ret ?: rig_check(&t->r, other);
	if (ret)
		return ret;
	rig_fill(&t->r, other);
	ret = rig_move_all(&t->r, end->writes, rules->no_write ? end->refused : IBV_WC_SUCCESS);
	return ret ?: rig_check(&t->r, other);
}

static int change(struct trial *t)
{
	const struct race_rules *rules = &t->change->rules;
	const struct rig *r = &t->r;

	memcpy(t->keep, t->b->known, r->len);
	t->before[0] = t->before[1] = t->keep;
	if (rules->content == RACE_LOSES)
		memset(t->b->known + r->page, 0, rig_pages_len(r) + (rules->tail ? r->page : 0));
	return t->change->apply(t);
}

static int run_quiet(struct trial *t, const struct rig_end *end, enum moment moment)
{
	const struct race_rules plain = { 0 };
	const struct change *c = t->change;
	int ret = 0;

	rig_stage(&t->r, "%s, %s, %s", end->name, c->name,
		  moment == BEFORE_TRAFFIC ? "before traffic" : "between transfers");
	if (moment == BETWEEN_TRANSFERS)
		ret = traffic(t, end, &plain) ?: rig_check(&t->r, t->b);
	ret = ret ?: change(t);
	if (ret || t->impossible)
		return ret;
	ret = traffic(t, end, &c->rules);
	if (c->restore && !ret)
		ret = c->restore(t);
	ret = ret ?: rig_check(&t->r, t->b);
	if (c->verify && !ret)
		ret = c->verify(t);
	if (!ret && c->restore)
		rig_stage(&t->r, "%s, after %s", end->name, c->name);
	return ret ?: traffic(t, end, &plain) ?: rig_check(&t->r, t->b);
}

/* --- course ------------------------------------------------------------------------------------- */

static int run_moment(struct trial *t, const struct rig_end *end, enum moment moment)
{
	if (moment != DURING_TRANSFERS)
		return run_quiet(t, end, moment);
	return change_race(t, end, race_end_ns(&t->r), &t->count);
}

/* New memory and new regions, of which the one is changed. */
static int run_end(struct trial *t, const struct rig_end *end, enum moment moment)
{
	int ret = change_set_up(t, end) ?: run_moment(t, end, moment);

	return ret ?: change_tear_down(t, end);
}

static int run_all(struct trial *t)
{
	int ret = 0;

	for (size_t i = 0; i < RIG_ENDS * NR_MOMENTS && !ret && !t->impossible; i++)
		ret = run_end(t, &rig_ends[i / NR_MOMENTS], i % NR_MOMENTS);
	return ret;
}

static void find(const struct trial *t)
{
	const struct rig *r = &t->r;
	const char *code = r->wrong_data ? "ODP-STALE" : "ODP-STATUS";

	if (r->wrong_data || r->wrong_status)
		scn_finding(r->device->ctx, code, NULL, 0, "%s: %s", r->device->verbs.name,
			    r->stage);
}

static void say(const struct trial *t)
{
	const struct change *c = t->change;

	if (c->rules.no_read && t->r.unreachable != IBV_WC_LOC_PROT_ERR)
		scn_evidence(t->r.device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: sends from there end with '%s', as from a pinned region that is "
			     "no more",
			     t->r.device->verbs.name, ibv_wc_status_str(t->r.unreachable));
	scn_evidence(t->r.device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %s: %u pages at either end, before traffic and between transfers: reads "
		     "%s, writes %s, all of both buffers as it must be",
		     t->r.device->verbs.name, c->name, PAGES,
		     c->rules.no_read ? "refused" : "right",
		     c->rules.no_write ? "refused" : "right");
	race_say(&t->r, c->name, &t->count);
}

static enum outcome conclude(struct trial *t, int ret)
{
	if (!ret && t->impossible) {
		t->r.device->category = SKIP_DEPENDENCY;
		return rdma_conclude(t->r.device, OUTCOME_SKIP, "%s", t->impossible);
	}
	if (!ret && !race_has_met(&t->count))
		return rdma_conclude(t->r.device, OUTCOME_INCONCLUSIVE, "no change met a transfer");
	if (ret > 0)
		find(t);
	else if (!ret)
		say(t);
	return rig_conclude(&t->r, ret, "%s: the device goes by it", t->change->name);
}

static enum outcome body(struct rdma_device *device, const void *arg)
{
	struct trial t = { .change = arg, .leash = -1, .told = -1 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	t.keep = xcalloc(1, t.r.len);
	ret = ret ?: run_all(&t);
	outcome = conclude(&t, ret);
	change_end(&t);
	free(t.keep);
	free(t.impossible);
	rig_close(&t.r);
	return outcome;
}

#define INVALIDATE(symbol, odp_id, faults_, row, text) \
	ODP_SCENARIO(symbol, "invalidate." odp_id, text, \
		     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, &change_##row, EV(DATA), \
		     .FAULTS faults_)

INVALIDATE(invalidate_munmap, "munmap", (RIG_FAULTS), munmap,
	   "memory of an on-demand region is unmapped");
INVALIDATE(invalidate_munmap_mmap, "munmap-mmap", (RIG_FAULTS), replace,
	   "memory of an on-demand region is replaced by other");
INVALIDATE(invalidate_dontneed, "dontneed", (RIG_FAULTS), dontneed,
	   "anonymous memory of an on-demand region is given up");
INVALIDATE(invalidate_mremap, "mremap", (RIG_FAULTS), mremap,
	   "memory of an on-demand region moves away, and comes back");
INVALIDATE(invalidate_mprotect, "mprotect", (RIG_FAULTS), read_only,
	   "memory of an on-demand region becomes read only");
INVALIDATE(invalidate_mprotect_none, "mprotect-none", (RIG_FAULTS), no_access,
	   "memory of an on-demand region becomes inaccessible");
/* What is pinned stays with the parent, whose device it is: fork() copies it for the child. */
INVALIDATE(invalidate_fork_cow, "fork-cow", ("skip-copy", "corrupt-copy"), fork,
	   "memory of an on-demand region is shared with a child, and copied");
INVALIDATE(invalidate_punch, "punch", (RIG_FAULTS), punch,
	   "a hole is punched into the file of an on-demand region");
INVALIDATE(invalidate_truncate, "truncate", (RIG_FAULTS), truncate,
	   "the file of an on-demand region is truncated, and grows again");
/* Memory that is pinned is neither moved nor merged. */
INVALIDATE(invalidate_move_pages, "move-pages", ("skip-copy", "corrupt-copy"), move_pages,
	   "memory of an on-demand region moves to another NUMA node");
INVALIDATE(invalidate_ksm, "ksm", ("skip-copy", "corrupt-copy"), merge,
	   "memory of an on-demand region is merged with other of the same data");
