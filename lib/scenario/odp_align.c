/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.alignment: RDMA writes and reads of every length class between every class of places in a page, at
 * every path MTU, with the one region on demand, the other, or both; and beforehand the same between pinned
 * regions, which says whether it is on-demand paging that goes wrong. Status is not evidence: after
 * each transfer all of both buffers is held against what must be there.
 */
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/odp_rig.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"
#include "scenario/scenario.h"

#define BUFFER_PAGES 6
#define MTU_MAX 4096 /* of any path */
#define TRANSFER_MS 10000
#define WORKAROUND "rxe-odp-offset"

#define ACCESS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)

enum kind { PINNED, ON_DEMAND, NR_KINDS };

struct buffer {
	unsigned char *data; /* MAP_FAILED: none */
	struct ibv_mr *mr[NR_KINDS]; /* over the same memory */
};

/* What is in both buffers. */
struct image {
	unsigned char *local, *remote;
};

/* Which region is on demand. */
static const struct side {
	const char *name;
	enum kind local, remote;
} sides[] = {
	{ "both pinned", PINNED, PINNED },
	{ "local on demand", ON_DEMAND, PINNED },
	{ "remote on demand", PINNED, ON_DEMAND },
	{ "both on demand", ON_DEMAND, ON_DEMAND },
};

static const struct operation {
	const char *name;
	enum ibv_wr_opcode opcode;
} operations[] = {
	{ "write", IBV_WR_RDMA_WRITE },
	{ "read", IBV_WR_RDMA_READ },
};

struct sweep {
	struct rdma_device *device;
	struct buffer local, remote;
	struct image right; /* after a transfer, as it must be */
	/* as the known defect has it, with nothing and with something else where it sets nothing */
	struct image known[2];
	size_t page, len; /* bytes, in a page and a buffer */
	size_t mtu; /* bytes, of the path */
	bool aligned; /* whole pages alone are tried: the workaround */
	uint64_t tried, failed; /* transfers; those that did not end with success */
	uint64_t wrong[2]; /* those that did, and were wrong: between pinned regions, and others */
	uint64_t
		as_known; /* of the wrong ones those that look like the known defect of soft RoCE */
};

/* One transfer, offsets in bytes from the start of the buffers. */
struct one {
	const struct operation *op;
	const struct side *side;
	size_t local_offset, remote_offset, len;
};

/* --- buffers ------------------------------------------------------------------------------------ */

static int buffer_open(struct sweep *s, struct buffer *b)
{
	struct verbs *v = &s->device->verbs;
	int err;

	b->data = mmap(NULL, s->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->data == MAP_FAILED)
		return -errno;
	err = verbs_register(v, b->data, s->len, ACCESS, &b->mr[PINNED]);
	return err
		       ?: verbs_register(v, b->data, s->len, ACCESS | IBV_ACCESS_ON_DEMAND,
					 &b->mr[ON_DEMAND]);
}

static void buffer_close(const struct sweep *s, struct buffer *b)
{
	if (b->data != MAP_FAILED)
		munmap(b->data, s->len);
}

/* New data in both buffers, other in the one than in the other. */
static void fill(struct sweep *s, uint64_t n)
{
	uint64_t seed = s->device->seed;

	pattern_fill(s->local.data, s->len, pattern_seed(seed, 2 * n), 0);
	pattern_fill(s->remote.data, s->len, pattern_seed(seed, 2 * n + 1), 0);
}

/* --- what must be there ------------------------------------------------------------------------- */

/*
 * The defect that is known copies each packet to or from the start of its page in a region on demand, and
 * where the packet reaches into a further page begins with its first byte again, so that the end of a
 * packet that is sent is never set: Linux drivers/infiniband/sw/rxe/rxe_odp.c, __rxe_odp_mr_copy().
 */
static void copy_known(const struct sweep *s, unsigned char *region, size_t offset,
		       unsigned char *packet, size_t len, bool to_region)
{
	size_t room = s->page - offset % s->page;

	for (size_t at = offset / s->page * s->page; len; at += s->page, room = s->page) {
		size_t n = len < room ? len : room;

		if (to_region)
			memcpy(region + at, packet, n);
		else
			memcpy(packet, region + at, n);
		len -= n;
	}
}

static void copy_part(const struct sweep *s, unsigned char *region, size_t offset,
		      unsigned char *packet, size_t len, bool to_region, bool known)
{
	if (known)
		copy_known(s, region, offset, packet, len, to_region);
	else if (to_region)
		memcpy(region + offset, packet, len);
	else
		memcpy(packet, region + offset, len);
}

/* Packet by packet, as it must be, or as the known defect does it; unset: what is not set is this. */
static void expect(const struct sweep *s, const struct one *o, bool defect, int unset,
		   struct image *image)
{
	bool write = o->op->opcode == IBV_WR_RDMA_WRITE;
	bool local = defect && o->side->local == ON_DEMAND;
	bool remote = defect && o->side->remote == ON_DEMAND;
	unsigned char packet[MTU_MAX];
	size_t n;

	memcpy(image->local, s->local.data, s->len);
	memcpy(image->remote, s->remote.data, s->len);
	for (size_t done = 0; done < o->len; done += n) {
		size_t at_local = o->local_offset + done, at_remote = o->remote_offset + done;

		memset(packet, unset, sizeof(packet));
		n = o->len - done < s->mtu ? o->len - done : s->mtu;
		if (!write)
			copy_part(s, image->remote, at_remote, packet, n, false, remote);
		copy_part(s, image->local, at_local, packet, n, !write, local);
		if (write)
			copy_part(s, image->remote, at_remote, packet, n, true, remote);
	}
}

static bool is_as_in(const struct sweep *s, const struct image *image)
{
	return memcmp(s->local.data, image->local, s->len) == 0 &&
	       memcmp(s->remote.data, image->remote, s->len) == 0;
}

/* --- transfers ---------------------------------------------------------------------------------- */

static char *one_text(const struct sweep *s, const struct one *o)
{
	return xasprintf("RDMA %s of %zu bytes, from %zu in a page locally, %zu remotely, path MTU "
			 "%zu, %s",
			 o->op->name, o->len, o->local_offset % s->page, o->remote_offset % s->page,
			 s->mtu, o->side->name);
}

/* 0, 1 if the device failed (then said), or a negative errno. */
static int transfer(struct sweep *s, const struct one *o)
{
	struct scenario_ctx *ctx = s->device->ctx;
	struct verbs *v = &s->device->verbs;
	const struct verbs_transfer order = {
		.opcode = o->op->opcode,
		.local = s->local.mr[o->side->local],
		.remote = s->remote.mr[o->side->remote],
		.local_offset = o->local_offset,
		.remote_offset = o->remote_offset,
		.len = o->len,
	};
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	autofree char *text = NULL;
	int err = 0;

	if (!scn_injected(ctx, "skip-copy"))
		err = verbs_transfer(v, &order, TRANSFER_MS, &status);
	if (scn_injected(ctx, "corrupt-copy"))
		s->remote.data[s->len / 2] ^= 1;
	if (err ? err != -ETIMEDOUT : status == IBV_WC_SUCCESS)
		return err;
	text = one_text(s, o);
	err = rdma_refute(s->device, EVIDENCE_DATA, "%s: %s", text,
			  err ? "does not complete" : ibv_wc_status_str(status));
	if (err < 0)
		return err;
	s->failed++;
	return verbs_reconnect(v) ?: 1;
}

/* Bytes that are not the same in both images were never set: they may be anything. */
static bool is_between(const unsigned char *is, const unsigned char *a, const unsigned char *b,
		       size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] == b[i] && is[i] != a[i])
			return false;
	return true;
}

static bool is_as_known(const struct sweep *s)
{
	const struct image *a = &s->known[0], *b = &s->known[1];

	return is_between(s->local.data, a->local, b->local, s->len) &&
	       is_between(s->remote.data, a->remote, b->remote, s->len);
}

static bool is_on_demand(const struct side *side)
{
	return side->local == ON_DEMAND || side->remote == ON_DEMAND;
}

/* 0, 1 if it went wrong, or a negative errno. */
static int try_one(struct sweep *s, const struct one *o)
{
	int err;

	fill(s, s->tried++);
	expect(s, o, false, 0, &s->right);
	expect(s, o, true, 0, &s->known[0]);
	expect(s, o, true, 0xff, &s->known[1]);
	err = transfer(s, o);
	if (err || is_as_in(s, &s->right))
		return err;
	s->as_known += is_as_known(s);
	return 1;
}

/* --- the sweep ---------------------------------------------------------------------------------- */

/* Places in a page and lengths, in parts of a page and bytes beside: page * pages / 8 + bytes. */
struct size {
	unsigned int eighths;
	int bytes;
};

static const struct size offsets[] = { { 0, 0 }, { 0, 1 }, { 0, 64 }, { 4, 3 }, { 8, -1 } };
static const struct size lengths[] = { { 0, 1 }, { 0, 100 }, { 2, 1 },  { 8, -1 },
				       { 8, 0 }, { 8, 1 },   { 16, 17 } };
static const struct size whole_pages[] = { { 8, 0 }, { 16, 0 }, { 24, 0 } };

static size_t bytes_of(const struct sweep *s, const struct size *size)
{
	return s->page / 8 * size->eighths + (size_t)size->bytes;
}

/* Of those with this operation and side. */
struct tally {
	uint64_t tried, failed, wrong;
	char *first; /* text of the first wrong one */
};

static int tally_one(struct sweep *s, const struct one *o, struct tally *tally)
{
	uint64_t failed = s->failed;
	int r = try_one(s, o);

	if (r < 0)
		return r;
	tally->tried++;
	if (s->failed > failed)
		tally->failed++;
	else if (r && !tally->wrong++)
		tally->first = one_text(s, o);
	return 0;
}

static int sweep_lengths(struct sweep *s, struct one *o, struct tally *tally)
{
	const struct size *sizes = s->aligned ? whole_pages : lengths;
	size_t n = s->aligned ? ARRAY_LEN(whole_pages) : ARRAY_LEN(lengths);
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		o->len = bytes_of(s, &sizes[i]);
		r = tally_one(s, o, tally);
	}
	return r;
}

/* From every place to every place; the first page of either buffer is never touched. */
static int sweep_offsets(struct sweep *s, struct one *o, struct tally *tally)
{
	size_t n = s->aligned ? 1 : ARRAY_LEN(offsets);
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		for (size_t k = 0; k < n && !r; k++) {
			o->local_offset = s->page + bytes_of(s, &offsets[i]);
			o->remote_offset = s->page + bytes_of(s, &offsets[k]);
			r = sweep_lengths(s, o, tally);
		}
	}
	return r;
}

static int sweep_mtus(struct sweep *s, struct one *o, struct tally *tally)
{
	struct verbs *v = &s->device->verbs;
	int r = 0;

	for (enum ibv_mtu mtu = IBV_MTU_256; mtu <= v->port_attr.active_mtu && !r; mtu++) {
		if (s->aligned && 128u << mtu != s->page)
			continue;
		r = verbs_set_mtu(v, mtu);
		s->mtu = v->path_mtu;
		r = r ?: sweep_offsets(s, o, tally);
	}
	return r;
}

static void say(struct sweep *s, const struct one *o, const struct tally *tally)
{
	struct scenario_ctx *ctx = s->device->ctx;
	const char *device = s->device->verbs.name;

	if (tally->wrong)
		scn_evidence(
			ctx, EVIDENCE_DATA, EVIDENCE_REFUTED,
			"%s: RDMA %s, %s: %" PRIu64 " of %" PRIu64
			" transfers completed with success and moved wrong data, the first: %s",
			device, o->op->name, o->side->name, tally->wrong, tally->tried,
			tally->first);
	else if (!tally->failed)
		scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: RDMA %s, %s: %" PRIu64 " transfers, all right to the last byte",
			     device, o->op->name, o->side->name, tally->tried);
}

/* A row of the report's table. */
static void note(json_t *rows, const struct one *o, const struct tally *tally)
{
	json_t *row = jx_object();

	jx_set_str(row, "operation", o->op->name);
	jx_set_str(row, "regions", o->side->name);
	jx_set_int(row, "transfers", (int64_t)tally->tried);
	jx_set_int(row, "failed", (int64_t)tally->failed);
	jx_set_int(row, "wrong", (int64_t)tally->wrong);
	jx_set_str(row, "first_wrong", tally->first);
	jx_append(rows, row);
}

static int sweep_side(struct sweep *s, const struct operation *op, const struct side *side,
		      json_t *rows)
{
	struct one o = { .op = op, .side = side };
	struct tally tally = { 0 };
	int r = sweep_mtus(s, &o, &tally);

	if (r == 0) {
		say(s, &o, &tally);
		note(rows, &o, &tally);
		s->wrong[is_on_demand(side)] += tally.wrong;
	}
	free(tally.first);
	return r;
}

static int sweep_all(struct sweep *s)
{
	autofree char *name = xasprintf("transfers of %s", s->device->verbs.name);
	json_t *rows = jx_array();
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(operations); i++)
		for (size_t k = 0; k < ARRAY_LEN(sides) && !r; k++)
			r = sweep_side(s, &operations[i], &sides[k], rows);
	scn_facts(s->device->ctx, name, rows);
	return r;
}

/* --- what came of it ---------------------------------------------------------------------------- */

static void find(const struct sweep *s)
{
	bool known = s->as_known == s->wrong[true];

	scn_finding(s->device->ctx, known ? "RXE-ODP-OFFSET" : "ODP-WRONG-DATA", NULL, 0,
		    "%s: %" PRIu64 " of %" PRIu64
		    " transfers moved wrong data with success, %" PRIu64
		    " of them as if the offset in the page were not there; between pinned regions "
		    "all are right",
		    s->device->verbs.name, s->wrong[true], s->tried, s->as_known);
}

static enum outcome conclude(const struct sweep *s)
{
	if (s->failed)
		return rdma_conclude(s->device, OUTCOME_FAIL,
				     "%" PRIu64 " of %" PRIu64 " transfers fail", s->failed,
				     s->tried);
	if (s->wrong[false])
		return rdma_conclude(s->device, OUTCOME_FAIL,
				     "moves wrong data between pinned regions as well");
	if (s->wrong[true]) {
		find(s);
		return rdma_conclude(s->device, OUTCOME_FAIL,
				     "%" PRIu64 " of %" PRIu64 " transfers moved wrong data",
				     s->wrong[true], s->tried);
	}
	return rdma_conclude(s->device, OUTCOME_PASS, "%" PRIu64 " transfers right%s", s->tried,
			     s->aligned ? ", of whole pages alone" : "");
}

static enum outcome run_sweep(struct sweep *s)
{
	int err = buffer_open(s, &s->local);

	err = err ?: buffer_open(s, &s->remote);
	if (err)
		return rdma_conclude(s->device, OUTCOME_ERROR, "cannot register memory: %s",
				     strerror(-err));
	err = sweep_all(s);
	if (err)
		return rdma_conclude(s->device, OUTCOME_ERROR, "cannot transfer: %s",
				     strerror(-err));
	return s->tried ? conclude(s)
			: rdma_conclude(s->device, OUTCOME_INCONCLUSIVE,
					"no path MTU is as large as a page");
}

static void image_new(const struct sweep *s, struct image *image)
{
	image->local = xcalloc(1, s->len);
	image->remote = xcalloc(1, s->len);
}

static void image_release(struct image *image)
{
	free(image->local);
	free(image->remote);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct sweep s = {
		.device = device,
		.local = { .data = MAP_FAILED },
		.remote = { .data = MAP_FAILED },
		.page = page_size(),
		.len = BUFFER_PAGES * page_size(),
		.aligned = scn_works_around(device->ctx, WORKAROUND),
	};
	enum outcome outcome;

	image_new(&s, &s.right);
	image_new(&s, &s.known[0]);
	image_new(&s, &s.known[1]);
	outcome = run_sweep(&s);
	/* the regions go before their memory */
	verbs_deregister_all(&device->verbs);
	buffer_close(&s, &s.local);
	buffer_close(&s, &s.remote);
	image_release(&s.right);
	image_release(&s.known[0]);
	image_release(&s.known[1]);
	return outcome;
}

ODP_SCENARIO_OF(alignment, "alignment",
		"RDMA of all lengths between all places in a page, at every path MTU, region on "
		"demand or pinned",
		IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
		.NEEDS(RDMA_ODP_NEEDS), .safety = SAFETY_SAFE, .level = LEVEL_STANDARD,
		.FAULTS("skip-copy", "corrupt-copy"), .WORKAROUNDS(WORKAROUND));
