/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.userfaultfd: memory whose missing pages the process itself provides (userfaultfd(2)), given
 * up under an on-demand region. A device that comes to a missing page gets what the process provides, or
 * the documented error, as its driver is able to wait for the process or not; never what was there before.
 * When the CPU has touched the page it is there for the device as well.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "scenario/odp_race.h"
#include "scenario/pattern.h"

#define PAGES 4

struct trial {
	struct rig r;
	struct rig_buffer *b, *other;
	int uffd, stop; /* an event ends the thread */
	pthread_t thread;
	bool serving;
	unsigned char
		*provided; /* what the thread fills missing pages with, as large as a buffer */
	struct rig_count
		count; /* of transfers to missing pages: which the process provided, or did not */
	char *impossible; /* why it cannot be tried; NULL: it can */
	struct race_count raced;
};

/* --- who provides pages ------------------------------------------------------------------------- */

static void provide(const struct trial *t, uint64_t address)
{
	size_t offset = (address & ~(t->r.page - 1)) - (uintptr_t)t->b->data;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)t->b->data + offset,
		.src = (uintptr_t)t->provided + offset,
		.len = t->r.page,
	};

	/* who has been before us has woken whoever waits */
	(void)ioctl(t->uffd, UFFDIO_COPY, &copy);
}

static void *serve(void *arg)
{
	const struct trial *t = arg;
	struct pollfd fds[] = { { t->uffd, POLLIN, 0 }, { t->stop, POLLIN, 0 } };
	struct uffd_msg msg;

	while (poll(fds, ARRAY_LEN(fds), -1) >= 0 && !fds[1].revents)
		if (read(t->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT)
			provide(t, msg.arg.pagefault.address);
	return NULL;
}

static int serving_start(struct trial *t)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)rig_pages(&t->r, t->b), rig_pages_len(&t->r) },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int err;

	t->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (t->uffd < 0) {
		t->impossible = xasprintf("no userfaultfd(2): %s", strerror(errno));
		return 0;
	}
	t->stop = eventfd(0, EFD_CLOEXEC);
	if (t->stop < 0 || ioctl(t->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(t->uffd, UFFDIO_REGISTER, &range) < 0)
		return -errno;
	err = -pthread_create(&t->thread, NULL, serve, t);
	t->serving = !err;
	return err;
}

static void serving_end(struct trial *t)
{
	if (t->serving && write(t->stop, &(uint64_t){ 1 }, sizeof(uint64_t)) > 0)
		pthread_join(t->thread, NULL);
	t->serving = false;
	if (t->uffd >= 0)
		close(t->uffd);
	if (t->stop >= 0)
		close(t->stop);
	t->uffd = t->stop = -1;
}

/* --- course ------------------------------------------------------------------------------------- */

static int drop(const struct trial *t)
{
	const struct rig *r = &t->r;

	return madvise(rig_pages(r, t->b), rig_pages_len(r), MADV_DONTNEED) < 0 ? -errno : 0;
}

/* All pages under test are missing; what will be there is known. */
static int give_up(struct trial *t)
{
	struct rig *r = &t->r;

	pattern_fill(t->provided, r->len, pattern_seed(r->device->seed, UINT64_MAX - r->fills++),
		     0);
	memcpy(t->b->known + r->page, t->provided + r->page, rig_pages_len(r));
	return drop(t);
}

/* The CPU comes to each page, and has it provided. */
static void touch(const struct trial *t)
{
	const volatile unsigned char *pages = rig_pages(&t->r, t->b);

	for (size_t i = 0; i < t->r.pages; i++)
		(void)pages[i * t->r.page];
}

/* One that finds its page missing: what it came to counts, and must be one of the two. */
static int move_missing(struct trial *t, const struct rig_end *end, const struct rig_op *op,
			size_t page)
{
	struct rig *r = &t->r;
	enum ibv_wc_status status;
	int err = rig_probe(r, op, page, page, RIG_TRANSFER_MS, &status);

	if (err == -ETIMEDOUT)
		return rig_refute(r, EVIDENCE_DATA, "%s does not complete in %d ms", op->name,
				  RIG_TRANSFER_MS);
	return err ?: rig_either(r, end, op, status, &t->count);
}

static int run_op(struct trial *t, const struct rig_end *end, const struct rig_op *op)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s of %s, whose pages are missing", op->name, end->name);
	rig_fill(r, t->other);
	ret = give_up(t);
	for (size_t i = 0; i < PAGES && !ret; i++)
		ret = move_missing(t, end, op, i);
	ret = ret ?: rig_check(r, t->other) ?: rig_check(r, t->b);
	ret = ret ?: give_up(t);
	if (ret)
		return ret;
	rig_stage(r, "%s of %s, whose pages were provided to the CPU", op->name, end->name);
	touch(t);
	rig_fill(r, t->other);
	return rig_move_all(r, op, IBV_WC_SUCCESS) ?: rig_check(r, t->other) ?: rig_check(r, t->b);
}

/* What is provided in a round is new. Nothing is missing: the CPU has looked at all of it. */
static int ready(void *arg)
{
	struct trial *t = arg;
	struct rig *r = &t->r;

	pattern_fill(t->provided, r->len, pattern_seed(r->device->seed, UINT64_MAX - r->fills++),
		     0);
	return 0;
}

static int apply(void *arg)
{
	const struct trial *t = arg;

	return drop(t);
}

/* A device that comes to a missing page waits, or is refused; it need not be the same each time. */
static int run_during(struct trial *t, const struct rig_end *end)
{
	struct race race = {
		.r = &t->r,
		.end = end,
		.name = "pages that are missing",
		.rules = { .content = RACE_LOSES, .may_refuse = true },
		.after = t->provided,
		.ready = ready,
		.apply = apply,
		.arg = t,
	};

	return race_run(&race, race_end_ns(&t->r), &t->raced);
}

static int run_end(struct trial *t, const struct rig_end *end)
{
	struct rig *r = &t->r;
	int ret;

	t->b = end->local ? &r->local : &r->remote;
	t->other = end->local ? &r->remote : &r->local;
	rig_stage(r, "setting up");
	ret = rig_map(r, t->b, -1) ?: rig_map_memfd(r, t->other) ?: rig_learn(r);
	if (ret)
		return ret;
	rig_fill(r, t->b);
	ret = rig_register(r, t->b, true) ?: rig_register(r, t->other, false);
	rig_fill(r, t->other);
	ret = ret ?: rig_move_all(r, end->reads, IBV_WC_SUCCESS) ?: serving_start(t);
	if (!ret && !t->impossible)
		ret = run_op(t, end, end->reads) ?: run_op(t, end, end->writes)
			      ?: run_during(t, end);
	serving_end(t);
	ret = ret ?: rig_deregister(r, t->b) ?: rig_deregister(r, t->other);
	if (!ret) {
		rig_unmap(r, t->b);
		rig_unmap(r, t->other);
	}
	return ret;
}

static enum outcome conclude(struct trial *t, int ret)
{
	struct rdma_device *device = t->r.device;

	if (!ret && t->impossible) {
		device->category = SKIP_KERNEL_CONFIG;
		return rdma_conclude(device, OUTCOME_SKIP, "%s", t->impossible);
	}
	if (!ret && !race_has_met(&t->raced))
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "no pages were given up during a transfer");
	if (ret > 0 && (t->r.wrong_data || t->r.wrong_status))
		scn_finding(device->ctx, t->r.wrong_data ? "ODP-STALE" : "ODP-STATUS", NULL, 0,
			    "%s: %s", device->verbs.name, t->r.stage);
	if (!ret) {
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: of %zu transfers to a missing page %zu waited for the process to "
			     "provide it, and %zu were refused; all of both buffers right",
			     device->verbs.name, t->count.moved + t->count.refused, t->count.moved,
			     t->count.refused);
		race_say(&t->r, "giving up what the process provides", &t->raced);
	}
	return rig_conclude(&t->r, ret, "missing pages are %s",
			    !t->count.refused ? "waited for"
			    : !t->count.moved ? "refused until the CPU has touched them"
					      : "waited for, or refused");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { .uffd = -1, .stop = -1 };
	enum outcome outcome;
	int ret = rig_open(&t.r, device, PAGES);

	t.provided = xcalloc(1, t.r.len);
	for (size_t i = 0; i < RIG_ENDS && !ret && !t.impossible; i++)
		ret = run_end(&t, &rig_ends[i]);
	outcome = conclude(&t, ret);
	free(t.provided);
	free(t.impossible);
	rig_close(&t.r);
	return outcome;
}

ODP_SCENARIO_OF(invalidate_userfaultfd, "invalidate.userfaultfd",
		"missing pages of an on-demand region that the process itself provides",
		IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
		.NEEDS(RDMA_ODP_NEEDS, { NEED_KCONFIG, "CONFIG_USERFAULTFD" }),
		.safety = SAFETY_SAFE, .level = LEVEL_QUICK,
		.FAULTS("skip-copy", "corrupt-copy", "pinned"));
