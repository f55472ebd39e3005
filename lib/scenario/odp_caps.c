/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.caps: what a device claims of on-demand paging, for each transport service and operation, against
 * what works. Each operation is tried between pinned regions first: one that does not work there says
 * nothing of on-demand paging. Then with the memory of each end on demand that the operation uses, where
 * no page is mapped. What is claimed must work; what works and is not claimed is worth knowing.
 */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/odp_claims.h"
#include "scenario/odp_rig.h"
#include "scenario/pagemap.h"

#define PAGES 2
#define LOCAL_PAGE 0
#define REMOTE_PAGE 1
#define TIMEOUT_MS 1000
#define TRIES 5 /* an unreliable service may drop what is not there yet */
#define POLL_MS 10

enum { RC = 1 << 0, UC = 1 << 1, UD = 1 << 2, XRC = 1 << 3 };
enum { LOCAL = 1 << 0, REMOTE = 1 << 1 };

static const struct service {
	const char *name;
	unsigned int bit;
	enum ibv_qp_type type;
} services[] = {
	{ "reliable connection", RC, IBV_QPT_RC },
	{ "unreliable connection", UC, IBV_QPT_UC },
	{ "unreliable datagram", UD, IBV_QPT_UD },
	{ "extended reliable connection", XRC, IBV_QPT_XRC_SEND },
};

static const struct operation {
	uint32_t claim;
	const struct rig_op *op;
	unsigned int ends; /* whose memory it uses */
	unsigned int services; /* that have it */
	bool shared_receives;
	uint64_t send_ops; /* what it takes to post it */
	int with; /* rights that it takes */
} operations[] = {
	{ IBV_ODP_SUPPORT_SEND, &rig_send, LOCAL, RC | UC | UD | XRC, false, 0, 0 },
	{ IBV_ODP_SUPPORT_RECV, &rig_send, REMOTE, RC | UC | UD, false, 0, 0 },
	{ IBV_ODP_SUPPORT_WRITE, &rig_write, LOCAL | REMOTE, RC | UC | XRC, false, 0, 0 },
	{ IBV_ODP_SUPPORT_READ, &rig_read, LOCAL | REMOTE, RC | XRC, false, 0, 0 },
	{ IBV_ODP_SUPPORT_ATOMIC, &rig_add, LOCAL | REMOTE, RC | XRC, false, 0, 0 },
	{ IBV_ODP_SUPPORT_SRQ_RECV, &rig_send, REMOTE, RC | UC | UD | XRC, true, 0, 0 },
	{ ODP_SUPPORT_FLUSH, &rig_flush_visible, REMOTE, RC | XRC, false, VERBS_OP_FLUSH,
	  VERBS_ACCESS_FLUSH_GLOBAL },
	{ ODP_SUPPORT_ATOMIC_WRITE, &rig_atomic_write, REMOTE, RC | XRC, false,
	  VERBS_OP_ATOMIC_WRITE, 0 },
};

/* What is tried. */
struct attempt {
	const struct service *service;
	const struct operation *operation;
	char *name;
	bool claimed;
};

struct tally {
	size_t tried, claimed;
	char *broken; /* the first that is claimed and does not work; NULL: none */
	char *untried; /* that is claimed and could not be tried */
	char *unclaimed; /* that works and is not claimed */
	json_t *rows;
};

static const char works[] = "works";

/* --- one attempt -------------------------------------------------------------------------------- */

/* What an unreliable service has sent may not be there yet. */
static bool becomes_right(const struct rig *r)
{
	for (int i = 0; i < TIMEOUT_MS / POLL_MS; i++) {
		if (rig_is_right(r, &r->local) && rig_is_right(r, &r->remote))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
	return false;
}

static int set_up(struct rig *r, const struct attempt *a)
{
	struct verbs *v = &r->device->verbs;

	v->service = a->service->type;
	v->shares_receives = a->operation->shared_receives;
	return verbs_set_operations(v, a->operation->send_ops);
}

static int registered(struct rig *r, const struct attempt *a, unsigned int on_demand)
{
	r->remote.with = a->operation->with;
	return rig_register(r, &r->local, on_demand & LOCAL)
		       ?: rig_register(r, &r->remote, on_demand & REMOTE);
}

/* Memory whose data is known and of which no page is mapped. */
static int prepare(struct rig *r, unsigned int on_demand)
{
	int ret;

	rig_fill_both(r);
	ret = rig_drop(r, &r->local) ?: rig_drop(r, &r->remote);
	if (on_demand & LOCAL)
		ret = ret ?: rig_mapped(r, &r->local, 0);
	if (on_demand & REMOTE)
		ret = ret ?: rig_mapped(r, &r->remote, 0);
	return ret;
}

/* Its neighbours may have come with it. */
static int is_mapped(struct rig *r, const struct rig_buffer *b, size_t page)
{
	uint64_t entry;
	int err = pagemap_read(r->pagemap, rig_pages(r, b) + page * r->page, 1, &entry);

	if (err || entry & PAGEMAP_PRESENT)
		return err;
	return rig_refute(r, EVIDENCE_PATH, "page %zu of the %s is not mapped by it", page,
			  b->name);
}

/* The page was faulted in, at either end that is on demand; where a flush goes nothing needs to be. */
static int faulted_in(struct rig *r, const struct attempt *a, unsigned int on_demand)
{
	int ret = 0;

	if (a->operation->claim == ODP_SUPPORT_FLUSH || !(a->service->bit & (RC | XRC)))
		return 0;
	if (on_demand & LOCAL)
		ret = is_mapped(r, &r->local, LOCAL_PAGE);
	return ret ?: on_demand & REMOTE ? is_mapped(r, &r->remote, REMOTE_PAGE) : 0;
}

static char *outcome_of(struct rig *r, int err, enum ibv_wc_status status)
{
	if (err)
		return xstrdup(strerror(-err));
	if (status != IBV_WC_SUCCESS)
		return xstrdup(ibv_wc_status_str(status));
	return xstrdup(becomes_right(r) ? works : "succeeds, and the data is not right");
}

/* *what becomes `works`, or what goes wrong. 0, 1 if something else did, or a negative errno. */
static int try(struct rig *r, const struct attempt *a, unsigned int on_demand, char **what)
{
	bool reliable = a->service->bit & (RC | XRC);
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	int err = set_up(r, a), ret;

	err = err ?: registered(r, a, on_demand);
	for (int i = 0; !err && i < (reliable ? 1 : TRIES); i++) {
		ret = prepare(r, on_demand);
		if (ret)
			return ret;
		err = rig_probe(r, a->operation->op, LOCAL_PAGE, REMOTE_PAGE, TIMEOUT_MS, &status);
		if (err != -ETIMEDOUT)
			break;
	}
	ret = err || status != IBV_WC_SUCCESS ? 0 : faulted_in(r, a, on_demand);
	if (!ret)
		*what = outcome_of(r, err, status);
	return ret;
}

/* --- all of them -------------------------------------------------------------------------------- */

static void keep_first(char **first, const char *name, const char *what)
{
	if (!*first)
		*first = xasprintf("%s: %s", name, what);
}

static bool is_good(const char *what)
{
	return what && strcmp(what, works) == 0;
}

/* What is tried of an operation, as the facts call it. */
static const struct side {
	const char *key;
	unsigned int on_demand;
} sides[] = {
	{ "pinned", 0 },
	{ "local_on_demand", LOCAL },
	{ "remote_on_demand", REMOTE },
};

#define PINNED 0

static void judge(struct rig *r, const struct attempt *a, char *const *what, struct tally *t)
{
	const char *bad = NULL;

	if (!is_good(what[PINNED])) {
		if (a->claimed)
			keep_first(&t->untried, a->name, what[PINNED]);
		return;
	}
	for (size_t i = 1; i < ARRAY_LEN(sides) && !bad; i++)
		if (!(sides[i].on_demand & ~a->operation->ends))
			bad = is_good(what[i]) ? NULL : what[i];
	t->tried++;
	t->claimed += a->claimed;
	if (a->claimed && bad) {
		keep_first(&t->broken, a->name, bad);
		rig_stage(r, "%s", a->name);
		rig_refute(r, EVIDENCE_DATA, "is claimed; on demand: %s", bad);
	} else if (!a->claimed && !bad) {
		keep_first(&t->unclaimed, a->name, works);
	}
}

static int run_attempt(struct rig *r, const struct attempt *a, struct tally *t)
{
	char *what[ARRAY_LEN(sides)] = { NULL };
	json_t *row = jx_object();
	int ret = 0;

	jx_set_str(row, "attempt", a->name);
	jx_set_bool(row, "claimed", a->claimed);
	for (size_t i = 0; i < ARRAY_LEN(sides) && !ret; i++) {
		if (sides[i].on_demand & ~a->operation->ends || (i && !is_good(what[PINNED])))
			continue;
		rig_stage(r, "%s, %s", a->name, sides[i].key);
		ret = try(r, a, sides[i].on_demand, &what[i]);
		if (what[i])
			jx_set_str(row, sides[i].key, what[i]);
	}
	jx_append(t->rows, row);
	if (!ret)
		judge(r, a, what, t);
	for (size_t i = 0; i < ARRAY_LEN(sides); i++)
		free(what[i]);
	return ret;
}

static int run_service(struct rig *r, const struct service *s, uint32_t claims, struct tally *t)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(operations) && !ret; i++) {
		const struct operation *o = &operations[i];
		autofree char *what = odp_claims_text(o->claim);
		autofree char *name = xasprintf("%s, %s", s->name, what);
		struct attempt a = { s, o, name, claims & o->claim };

		if (o->services & s->bit)
			ret = run_attempt(r, &a, t);
	}
	return ret;
}

/* A region of the whole address space, which is not used here. */
static int run_implicit(struct rig *r, struct tally *t)
{
	struct verbs *v = &r->device->verbs;
	bool claimed = v->attr.odp_caps.general_caps & IBV_ODP_SUPPORT_IMPLICIT;
	struct ibv_mr *mr = NULL;
	int err = verbs_register_iova(v, NULL, SIZE_MAX, 0,
				      IBV_ACCESS_ON_DEMAND | IBV_ACCESS_LOCAL_WRITE, &mr);
	static const char name[] = "a region of the whole address space";
	json_t *row = jx_object();

	jx_set_str(row, "attempt", name);
	jx_set_bool(row, "claimed", claimed);
	jx_set_str(row, "registered", err ? strerror(-err) : works);
	jx_append(t->rows, row);
	rig_stage(r, "%s", name);
	if (claimed && err) {
		keep_first(&t->broken, name, strerror(-err));
		return rig_refute(r, EVIDENCE_DATA, "is claimed, and refused: %s", strerror(-err));
	}
	if (!claimed && !err)
		keep_first(&t->unclaimed, name, works);
	return err ? 0 : verbs_deregister(v, mr);
}

static int run_all(struct rig *r, struct tally *t)
{
	const struct ibv_device_attr_ex *attr = &r->device->verbs.attr;
	const uint32_t claims[ARRAY_LEN(services)] = {
		attr->odp_caps.per_transport_caps.rc_odp_caps,
		attr->odp_caps.per_transport_caps.uc_odp_caps,
		attr->odp_caps.per_transport_caps.ud_odp_caps,
		attr->xrc_odp_caps,
	};
	int ret = rig_map_both(r);

	for (size_t i = 0; i < ARRAY_LEN(services) && !ret; i++)
		ret = run_service(r, &services[i], claims[i], t);
	if (ret)
		return ret;
	ret = run_implicit(r, t);
	return ret < 0 ? ret : 0;
}

/* --- what came of it ---------------------------------------------------------------------------- */

static enum outcome conclude(struct rig *r, const struct tally *t, int ret)
{
	struct rdma_device *device = r->device;
	const char *name = device->verbs.name;

	if (t->unclaimed)
		scn_finding(device->ctx, "ODP-UNCLAIMED", NULL, 0, "%s: %s", name, t->unclaimed);
	if (t->broken)
		scn_finding(device->ctx, "ODP-CLAIM", NULL, 0, "%s: %s", name, t->broken);
	if (ret)
		return rig_conclude(r, ret, "cannot try");
	if (t->broken)
		return rdma_conclude(device, OUTCOME_FAIL, "claims what does not work: %s",
				     t->broken);
	if (t->untried) {
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_MISSING,
			     "%s: claimed, and cannot be tried: %s", name, t->untried);
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "claims what cannot be tried: %s", t->untried);
	}
	scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %zu operations of all services work between pinned regions; the %zu of "
		     "them that are claimed for on-demand regions move the right data there as "
		     "well, into and out of pages that were not mapped",
		     name, t->tried, t->claimed);
	scn_evidence(
		device->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		"%s: reliable services map the page that they move, which was not mapped before",
		name);
	return rdma_conclude(device, OUTCOME_PASS, "the %zu claims that it makes hold", t->claimed);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	autofree char *facts = xasprintf("claims of %s", device->verbs.name);
	struct tally t = { .rows = jx_array() };
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: run_all(&r, &t);
	outcome = conclude(&r, &t, ret);
	scn_facts(device->ctx, facts, t.rows);
	free(t.broken);
	free(t.untried);
	free(t.unclaimed);
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(caps, "caps", "what a device claims of on-demand paging against what works", 0, body,
	     NULL, EV(DATA) | EV(PATH), .FAULTS(RIG_FAULTS));
