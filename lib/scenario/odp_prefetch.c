/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.prefetch: the three kinds of advice on a region on demand, waited for and not (ibv_advise_mr(3)).
 * What an advice has done shows in the process's page table before any transfer: pages that were not
 * there are, to be read (then they are the kernel's page of zeros) or to be written (then they are our
 * own), or just those that were there before. What a region or the address space does not have is
 * refused with the documented error. Transfers must be right afterwards.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "scenario/odp_rig.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define PAGES 8
#define POLL_MS 20
#define POLLS 250

#define READ_ONLY (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

/* The pages under test afterwards. */
enum state {
	UNTOUCHED, /* none is there */
	READABLE, /* all are there, none of our own */
	WRITABLE, /* all are, of our own */
	AS_BEFORE, /* the first half, of our own, which the CPU has written to */
};

struct advice {
	const char *name;
	enum ibv_advise_mr_advice advice;
	bool wait;
	int without; /* rights that the region lacks */
	size_t offset; /* in pages from the region's begin, beside the guard */
	bool unmapped; /* there is no memory */
	int errors[2]; /* any of these, 0: none */
	enum state state;
};

static const struct advice advices[] = {
	{ "prefetch, waited for", IBV_ADVISE_MR_ADVICE_PREFETCH, true, .state = READABLE },
	{ "prefetch", IBV_ADVISE_MR_ADVICE_PREFETCH, false, .state = READABLE },
	{ "prefetch to write, waited for", IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, true,
	  .state = WRITABLE },
	{ "prefetch to write", IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, false, .state = WRITABLE },
	{ "prefetch without faults, waited for", IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT, true,
	  .state = AS_BEFORE },
	{ "prefetch without faults", IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT, false,
	  .state = AS_BEFORE },
	{ "prefetch beyond the region", IBV_ADVISE_MR_ADVICE_PREFETCH, true, .offset = PAGES,
	  .errors = { EFAULT }, .state = UNTOUCHED },
	{ "prefetch of what is unmapped", IBV_ADVISE_MR_ADVICE_PREFETCH, true, .unmapped = true,
	  .errors = { EFAULT }, .state = UNTOUCHED },
	{ "prefetch to write of a region that can be read alone",
	  IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, true, .without = READ_ONLY,
	  .errors = { EPERM, EFAULT }, .state = UNTOUCHED },
	{ "prefetch of a region that can be read alone", IBV_ADVISE_MR_ADVICE_PREFETCH, true,
	  .without = READ_ONLY, .state = READABLE },
};

static bool is_expected(const struct advice *a, int err)
{
	if (!a->errors[0])
		return !err;
	return err == -a->errors[0] || (a->errors[1] && err == -a->errors[1]);
}

/* --- the page table ----------------------------------------------------------------------------- */

static bool is_in_state(const uint64_t *entries, enum state state)
{
	static const struct {
		size_t present, own;
	} expected[] = {
		[UNTOUCHED] = { 0, 0 },
		[READABLE] = { PAGES, 0 },
		[WRITABLE] = { PAGES, PAGES },
		[AS_BEFORE] = { PAGES / 2, PAGES / 2 },
	};
	size_t present = 0, own = 0;

	for (size_t i = 0; i < PAGES; i++) {
		present += (entries[i] & PAGEMAP_PRESENT) != 0;
		own += entries[i] & PAGEMAP_PRESENT && entries[i] & PAGEMAP_EXCLUSIVE;
	}
	return present == expected[state].present && own == expected[state].own;
}

/* What is not waited for may come later. */
static int check_state(struct rig *r, const struct advice *a)
{
	uint64_t entries[PAGES];

	for (int i = 0; i < (a->wait ? 1 : POLLS); i++) {
		int err = pagemap_read(r->pagemap, rig_pages(r, &r->local), PAGES, entries);

		if (err || is_in_state(entries, a->state))
			return err;
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
	return rig_refute(r, EVIDENCE_PATH, "the pages are not mapped as they must be");
}

/* --- one advice --------------------------------------------------------------------------------- */

/* Cold memory that holds zeros, but for the pages that the CPU writes to. */
static int prepare(struct rig *r, const struct advice *a)
{
	struct rig_buffer *b = &r->local;
	int ret;

	b->without = a->without;
	ret = rig_drop(r, b) ?: rig_register(r, b, true);
	if (ret)
		return ret;
	if (a->state == AS_BEFORE) {
		memset(rig_pages(r, b), 0x5a, PAGES / 2 * r->page);
		memset(b->known + r->page, 0x5a, PAGES / 2 * r->page);
	}
	if (a->unmapped && munmap(rig_pages(r, b), rig_pages_len(r)) < 0)
		return -errno;
	return 0;
}

static int remap(struct rig *r)
{
	void *p = mmap(rig_pages(r, &r->local), rig_pages_len(r), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

static int give(struct rig *r, const struct advice *a)
{
	size_t offset = (a->offset + 1) * r->page;
	int err = 0;

	if (!scn_injected(r->device->ctx, "no-advice"))
		err = verbs_advise(&r->device->verbs, a->advice, a->wait, r->local.mr, offset,
				   PAGES * r->page);
	if (is_expected(a, err))
		return 0;
	return rig_refute(r, EVIDENCE_ERRNO, "ends with '%s', expected '%s'",
			  err ? strerror(-err) : "success",
			  a->errors[0] ? strerror(a->errors[0]) : "success");
}

/* From the memory and, where it may, into it. */
static int traffic(struct rig *r, const struct advice *a)
{
	int ret;

	rig_fill(r, &r->remote);
	ret = rig_move_all(r, &rig_write, IBV_WC_SUCCESS) ?: rig_check(r, &r->remote);
	if (ret || a->without)
		return ret;
	rig_fill(r, &r->remote);
	return rig_move_all(r, &rig_read, IBV_WC_SUCCESS);
}

static int run_advice(struct rig *r, const struct advice *a)
{
	int ret;

	rig_stage(r, "%s", a->name);
	ret = prepare(r, a);
	ret = ret ?: give(r, a);
	ret = ret ?: check_state(r, a);
	if (a->unmapped && ret >= 0)
		ret = remap(r) ?: ret;
	return ret ?: traffic(r, a) ?: rig_check(r, &r->local);
}

/* All are tried: what one does says nothing of another. The first that went wrong is what came of it. */
static int run_all(struct rig *r, char **first, bool *known)
{
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(advices); i++) {
		int ret = run_advice(r, &advices[i]);

		if (ret < 0)
			return ret;
		if (ret && !*first)
			*first = xstrdup(advices[i].name);
		*known &= !ret || advices[i].without;
		result |= ret;
	}
	return result;
}

static bool supports_advice(struct rig *r)
{
	size_t page = r->page;

	return verbs_advise(&r->device->verbs, IBV_ADVISE_MR_ADVICE_PREFETCH, true, r->local.mr,
			    page, page) != -EOPNOTSUPP;
}

static enum outcome run_rig(struct rig *r)
{
	autofree char *first = NULL;
	bool known =
		rig_is_soft(r); /* soft RoCE: of regions that can be read alone, and no other */
	int ret = rig_map(r, &r->local, -1) ?: rig_map_memfd(r, &r->remote);

	ret = ret ?: rig_register(r, &r->local, true) ?: rig_register(r, &r->remote, false);
	if (!ret && !supports_advice(r))
		return rdma_conclude(r->device, OUTCOME_SKIP,
				     "neither libibverbs nor the driver takes advice");
	ret = ret ?: run_all(r, &first, &known);
	if (ret > 0) {
		rig_stage(r, "%s", first);
		scn_finding(r->device->ctx, known ? "RXE-PREFETCH" : "ODP-PREFETCH", NULL, 0,
			    "%s: %s", r->device->verbs.name, first);
	}
	return rig_conclude(r, ret, "%zu kinds of advice do what they say", ARRAY_LEN(advices));
}

static void say(struct rig *r)
{
	struct scenario_ctx *ctx = r->device->ctx;
	const char *device = r->device->verbs.name;

	scn_evidence(
		ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		"%s: %u pages are mapped after an advice and before any transfer as the advice "
		"says",
		device, PAGES);
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: transfers after each advice: all of both buffers right", device);
	scn_evidence(ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
		     "%s: what there is no memory or no right for is refused as documented",
		     device);
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	outcome = ret ? rig_conclude(&r, ret, "cannot start") : run_rig(&r);
	if (outcome == OUTCOME_PASS)
		say(&r);
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO(prefetch, "prefetch",
	     "advice to fetch pages of an on-demand region in advance, to read, to write, and "
	     "without faults",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL,
	     EV(DATA) | EV(PATH) | EV(ERRNO), .FAULTS("skip-copy", "corrupt-copy", "no-advice"));
