/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.device-private: memory under on-demand regions that has migrated into a device of the module
 * p2pcert_devpriv, where no other device can reach it: the kernel has to bring it back for a transfer,
 * page by page, and the data is right at both ends. Then a thread sends pages into the device and back
 * while transfers go on.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "scenario/devmem.h"
#include "scenario/odp_device.h"
#include "scenario/pattern.h"

#define PAGES 16

static const unsigned int ms_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 1000,
	[LEVEL_STANDARD] = 3000,
	[LEVEL_FULL] = 20000,
	[LEVEL_SOAK] = 20000,
};

static const struct rig_op *const ops[] = { &rig_write, &rig_read, &rig_send };

struct trial {
	struct rig r;
	int fd; /* of the module */
	struct p2pcert_devpriv_counters before; /* the transfer that is under way */
	/* of the thread */
	uint64_t seed;
	atomic_bool stop;
	atomic_uint_fast64_t moved; /* pages */
	atomic_int error; /* a negative errno */
};

static int count(const struct trial *t, struct p2pcert_devpriv_counters *c)
{
	return modfd_ioctl(t->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, c);
}

/* How many pages were moved, or a negative errno. */
static long migrate(const struct trial *t, unsigned long request, void *addr, size_t pages)
{
	struct p2pcert_devpriv_range range = {
		.addr = (uintptr_t)addr,
		.length = pages * t->r.page,
	};
	int err = modfd_ioctl(t->fd, request, &range);

	err = err ? err : range.result;
	return err ? err : (long)range.pages;
}

/* --- one after the other ------------------------------------------------------------------------ */

/* All of a buffer's pages under test go into the device, and are there. */
static int send_away(struct trial *t, const struct rig_buffer *b)
{
	struct rig *r = &t->r;
	struct pagemap_count c;
	long moved = migrate(t, P2PCERT_IOC_DEVPRIV_TO_DEVICE, rig_pages(r, b), r->pages);
	int err = moved < 0 ? (int)moved : 0;

	err = err ?: pagemap_count(r->pagemap, rig_pages(r, b), rig_pages_len(r), &c);
	if (err)
		return err;
	if ((size_t)moved == r->pages && c.swap == r->pages)
		return 0;
	return rig_refute(r, EVIDENCE_PATH,
			  "of %zu pages of the %s %ld migrated into the device, and %zu are there",
			  r->pages, b->name, moved, c.swap);
}

/* Nobody has touched the pages but the device that transfers: the kernel brought back each for it. */
static int came_back(struct trial *t, uint64_t expected)
{
	struct p2pcert_devpriv_counters now;
	uint64_t faults, pages;
	int err = count(t, &now);

	if (err)
		return err;
	faults = now.cpu_faults - t->before.cpu_faults;
	pages = now.pages_to_ram - t->before.pages_to_ram;
	if (faults == expected && pages == expected)
		return 0;
	return rig_refute(&t->r, EVIDENCE_COUNTERS,
			  "%llu pages came back by %llu faults, expected %llu",
			  (unsigned long long)pages, (unsigned long long)faults,
			  (unsigned long long)expected);
}

static int run_op(struct trial *t, const struct rig_op *op, bool local, bool remote)
{
	struct rig *r = &t->r;
	int ret;

	rig_stage(r, "%s, %s in the device", op->name,
		  local && remote ? "memory of both ends"
		  : local         ? "local memory"
				  : "remote memory");
	rig_fill_both(r);
	ret = local ? send_away(t, &r->local) : 0;
	ret = ret ?: remote ? send_away(t, &r->remote) : 0;
	ret = ret ?: count(t, &t->before);
	ret = ret ?: rig_move_all(r, op, IBV_WC_SUCCESS);
	ret = ret ?: came_back(t, (local + remote) * r->pages);
	ret = ret ?: rig_mapped(r, &r->local, r->pages) ?: rig_mapped(r, &r->remote, r->pages);
	return ret ?: rig_check_both(r);
}

static int run_ops(struct trial *t)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		for (int ends = 1; ends <= 3 && !ret; ends++)
			ret = run_op(t, ops[i], ends & 1, ends & 2);
	return ret;
}

/* --- at the same time --------------------------------------------------------------------------- */

/*
 * The kernel gives a device's fault a second to find a moment in which nothing changes (HMM_RANGE_DEFAULT_TIMEOUT), and
 * refuses the transfer then: there is such a moment after every migration.
 */
static void *migrate_main(void *arg)
{
	struct trial *t = arg;
	const struct rig *r = &t->r;

	for (uint64_t n = 0; !atomic_load(&t->stop); n++) {
		uint64_t random = pattern_seed(t->seed, n);
		const struct rig_buffer *b = random & 1 ? &r->local : &r->remote;
		size_t first = (random >> 8) % r->pages;
		int64_t begin = clock_ns();
		long moved = migrate(
			t, random & 6 ? P2PCERT_IOC_DEVPRIV_TO_DEVICE : P2PCERT_IOC_DEVPRIV_TO_RAM,
			rig_pages(r, b) + first * r->page, 1 + (random >> 16) % (r->pages - first));

		if (moved < 0) {
			atomic_store(&t->error, (int)moved);
			break;
		}
		atomic_fetch_add(&t->moved, (uint64_t)moved);
		usleep((useconds_t)((clock_ns() - begin) / 1000));
	}
	return NULL;
}

static int run_rounds(struct trial *t, size_t *rounds)
{
	struct rig *r = &t->r;
	int64_t end = clock_ns() + ms_of_level[scn_env(r->device->ctx)->level] * NS_PER_MS;
	int ret = 0;

	while (!ret && (clock_ns() < end || *rounds < ARRAY_LEN(ops))) {
		const struct rig_op *op = ops[*rounds % ARRAY_LEN(ops)];

		rig_stage(r, "%s, round %zu, pages migrate meanwhile", op->name, *rounds);
		rig_fill_both(r);
		ret = rig_move_all(r, op, IBV_WC_SUCCESS) ?: rig_check(r, &r->local) ?:
							     rig_check(r, &r->remote);
		++*rounds;
	}
	return ret ?: atomic_load(&t->error);
}

static int run_troubled(struct trial *t, size_t *rounds)
{
	pthread_t thread;
	int ret = -pthread_create(&thread, NULL, migrate_main, t);

	if (ret)
		return ret;
	ret = run_rounds(t, rounds);
	atomic_store(&t->stop, true);
	pthread_join(thread, NULL);
	return ret;
}

/* --- all of it ---------------------------------------------------------------------------------- */

static int set_up(struct rig *r)
{
	int ret = rig_map(r, &r->local, -1) ?: rig_map(r, &r->remote, -1);

	return ret ?: rig_register_both(r, true);
}

static void prove(const struct trial *t, size_t rounds)
{
	struct scenario_ctx *ctx = t->r.device->ctx;
	const char *name = t->r.device->verbs.name;

	scn_evidence(ctx, EVIDENCE_COUNTERS, EVIDENCE_PROVEN,
		     "%s: each page that was in the device came back by a fault of its own", name);
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
		     "%s: %zu operations on %u pages at either end and both, and %zu rounds while "
		     "%llu pages migrated, right at both ends",
		     name, ARRAY_LEN(ops), PAGES, rounds,
		     (unsigned long long)atomic_load(&t->moved));
	scn_evidence(ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
		     "%s: pages were in the device before a transfer, and in memory after it",
		     name);
}

static enum outcome run_rig(struct rdma_device *device, int fd)
{
	struct trial t = { .fd = fd, .seed = pattern_seed(device->seed, UINT64_MAX - 3) };
	enum outcome outcome;
	size_t rounds = 0;
	int ret = rig_open(&t.r, device, PAGES);

	ret = ret ?: set_up(&t.r) ?: run_ops(&t) ?: run_troubled(&t, &rounds);
	if (ret > 0 && t.r.wrong_data)
		scn_finding(device->ctx, "ODP-STALE", NULL, 0, "%s: %s", device->verbs.name,
			    t.r.stage);
	if (!ret)
		prove(&t, rounds);
	if (!ret && atomic_load(&t.moved) < rounds)
		outcome = rdma_conclude(device, OUTCOME_INCONCLUSIVE, "pages migrated too seldom");
	else
		outcome = rig_conclude(&t.r, ret,
				       "pages come back from the device for each transfer");
	rig_close(&t.r);
	return outcome;
}

enum outcome odp_with_module(struct rdma_device *device, odp_module_body *run)
{
	const uint32_t faults = P2PCERT_FAULT_NO_MIGRATE | P2PCERT_FAULT_LEAK;
	struct scenario_ctx *ctx = device->ctx;
	struct p2pcert_devpriv_counters before, after;
	enum outcome outcome;
	int fd = modfd_open(ctx, DEVMEM_MODULE, modfd_injected(ctx, faults), NULL);
	int err;

	if (fd < 0)
		return rdma_conclude(device, OUTCOME_ERROR, "the module cannot be used");
	err = modfd_ioctl(fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &before);
	outcome = run(device, fd);
	err = err ? err : modfd_ioctl(fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &after);
	close(fd);
	if (err)
		return rdma_conclude(device, OUTCOME_ERROR, "no counters of the module: %s",
				     strerror(-err));
	if (after.pages_in_use == before.pages_in_use) {
		scn_evidence(ctx, EVIDENCE_LEAK, EVIDENCE_PROVEN,
			     "the device has as many pages in use as before");
		return outcome;
	}
	scn_evidence(ctx, EVIDENCE_LEAK, EVIDENCE_REFUTED,
		     "the device has %llu pages in use, and had %llu before",
		     (unsigned long long)after.pages_in_use,
		     (unsigned long long)before.pages_in_use);
	return rdma_conclude(device, OUTCOME_FAIL, "pages of the device are still in use");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	return odp_with_module(device, run_rig);
}

ODP_SCENARIO_OF(device_private, "device-private",
		"memory that has migrated into a device comes back for on-demand transfers",
		IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_SEND, body, NULL,
		EV(DATA) | EV(PATH) | EV(COUNTERS) | EV(LEAK), .NEEDS(RDMA_ODP_NEEDS, DEVMEM_NEEDS),
		.safety = SAFETY_SAFE_BUT_NAMED, .level = LEVEL_QUICK,
		.FAULTS("skip-copy", "corrupt-copy", "no-migrate", "leak"));
