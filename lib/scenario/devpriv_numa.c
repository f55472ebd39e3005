/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devpriv family: several NUMA nodes. Pages in the device belong to none: those who move memory
 * between nodes, the kernel by itself or a process by move_pages(2), mbind(2) and migrate_pages(2),
 * take what is in memory and leave alone what is in the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/text.h"
#include "scenario/devmem.h"
#include "scenario/memstat.h"

#define PAGES 128
#define HALF (PAGES / 2)
#define MASK_BITS 64 /* that are looked at: one word of a mask */
#define HINTS_EXPECTED 8
#define HINTS_SECONDS 30 /* the kernel looks at a process's memory after a second of its run time */

#define BALANCING "/proc/sys/kernel/numa_balancing"
#define WITH_MEMORY "/sys/devices/system/node/has_memory"

/* Memory begins on the node that this process runs on, and is moved to the other one. */
struct nodes {
	int near, far;
};

/* --- nodes ------------------------------------------------------------------------------------ */

/* The mask of a list such as "0-1,3"; 0 if it cannot be read. */
static uint64_t parse_list(const char *list)
{
	uint64_t mask = 0;
	char *end;

	for (const char *s = list; *s; s = *end == ',' ? end + 1 : end) {
		unsigned long first = strtoul(s, &end, 10), last = first;

		if (end == s)
			return 0;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i < MASK_BITS; i++)
			mask |= 1ull << i;
	}
	return mask;
}

/* False after devmem_skip(). */
static bool find_nodes(struct devmem *dev, struct nodes *n)
{
	autofree char *list = NULL;
	unsigned int node = 0;
	uint64_t mask;

	if (fs_read_attr(AT_FDCWD, WITH_MEMORY, &list) < 0) {
		devmem_skip(dev, SKIP_KERNEL_CONFIG, "the kernel knows no NUMA nodes");
		return false;
	}
	mask = parse_list(list);
	(void)syscall(SYS_getcpu, NULL, &node, NULL);
	if (node < MASK_BITS)
		mask &= ~(1ull << node);
	if (!mask) {
		devmem_skip(dev, SKIP_HW_UNSUPPORTED, "there is only one NUMA node with memory");
		return false;
	}
	*n = (struct nodes){ .near = (int)node, .far = __builtin_ctzll(mask) };
	return true;
}

/* This process stays where it is, on the near node. */
static void stay(void)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	CPU_ZERO(&here);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_SET(cpu, &here);
		(void)sched_setaffinity(0, sizeof(here), &here);
	}
}

static void set_policy(int mode)
{
	(void)syscall(SYS_set_mempolicy, mode, NULL, 0);
}

/* --- asked for -------------------------------------------------------------------------------- */

/* move_pages(2) of all pages; node < 0: only asks where they are. The kernel's answer for each. */
static bool ask(struct area *a, int node, int status[PAGES])
{
	void *pages[PAGES];
	int nodes[PAGES];
	long r;

	for (size_t i = 0; i < PAGES; i++) {
		pages[i] = area_page(a, i);
		nodes[i] = node;
		status[i] = INT32_MIN;
	}
	r = syscall(SYS_move_pages, 0, PAGES, pages, node < 0 ? NULL : nodes, status, MPOL_MF_MOVE);
	if (r == 0)
		return true;
	devmem_refute(a->dev, EVIDENCE_PATH, "move_pages() gives %ld (%s)", r, strerror(errno));
	return false;
}

/* The first half is in the device, and so nowhere; the other one is on that node. */
static void expect_nodes(struct area *a, int node, const int status[PAGES], const char *when)
{
	for (size_t i = 0; i < PAGES; i++) {
		int expected = i < HALF ? -ENOENT : node;

		if (status[i] == expected)
			continue;
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "page %zu, which is %s, %s: the kernel says %d, and should say %d", i,
			      i < HALF ? "in the device" : "in memory", when, status[i], expected);
		return;
	}
	devmem_prove(a->dev, EVIDENCE_PATH, "%d pages are on node %d %s, and %d in the device",
		     PAGES - HALF, node, when, HALF);
}

static void by_move_pages(struct area *a, const struct nodes *n)
{
	int status[PAGES];

	if (ask(a, n->far, status))
		expect_nodes(a, n->far, status, "moved by move_pages()");
}

static void by_mbind(struct area *a, const struct nodes *n)
{
	unsigned long mask = 1ul << n->near;

	if (syscall(SYS_mbind, a->start, PAGES * page_size(), MPOL_BIND, &mask, MASK_BITS + 1,
		    MPOL_MF_MOVE | MPOL_MF_STRICT) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "mbind() fails: %s", strerror(errno));
	(void)syscall(SYS_mbind, a->start, PAGES * page_size(), MPOL_DEFAULT, NULL, 0, 0);
}

static void by_migrate_pages(struct area *a, const struct nodes *n)
{
	unsigned long from = 1ul << n->near, to = 1ul << n->far;

	if (syscall(SYS_migrate_pages, 0, MASK_BITS + 1, &from, &to) < 0)
		devmem_refute(a->dev, EVIDENCE_PATH, "migrate_pages() fails: %s", strerror(errno));
}

static const struct mover {
	const char *name;
	void (*move)(struct area *a, const struct nodes *n);
	bool far; /* where the pages are then */
} movers[] = {
	{ "moved by move_pages()", by_move_pages, true },
	{ "moved by mbind()", by_mbind, false },
	{ "moved by migrate_pages()", by_migrate_pages, true },
};

static void expect_untouched(struct area *a, const char *when)
{
	area_look(a, 0, HALF, AREA_AWAY, when);
	area_look(a, HALF, PAGES - HALF, AREA_IN_RAM, when);
	area_check_device(a, 0, HALF, when);
	area_check(a, HALF, PAGES - HALF, when);
}

static void move_each(struct area *a, const struct nodes *n)
{
	int status[PAGES];

	for (size_t i = 0; i < ARRAY_LEN(movers) && !a->dev->refuted; i++) {
		movers[i].move(a, n);
		if (ask(a, -1, status))
			expect_nodes(a, movers[i].far ? n->far : n->near, status, movers[i].name);
		expect_untouched(a, movers[i].name);
	}
}

/* --- by itself -------------------------------------------------------------------------------- */

static bool turn_on(struct devmem *dev)
{
	json_t *args = jx_object();
	autofree char *why = NULL;

	jx_set_str(args, "name", "kernel.numa_balancing");
	jx_set_str(args, "value", "1");
	if (scn_change(dev->ctx, "sysctl", args, NULL, &why) == 0)
		return true;
	devmem_skip(dev, SKIP_PERMISSION, "%s", why);
	return false;
}

/*
 * Reads what is on the far node until the kernel has taken pages from us to see whether we do. False if
 * it never does.
 */
static bool wait_for_hints(struct area *a)
{
	const uint64_t before = memstat_told("/proc/vmstat", "numa_hint_faults");
	int64_t end = clock_ns() + HINTS_SECONDS * NS_PER_S;
	unsigned int sum = 0;

	do {
		for (size_t i = HALF; i < PAGES; i++)
			for (size_t k = 0; k < page_size(); k += sizeof(uint64_t))
				sum += *(volatile unsigned char *)(area_page(a, i) + k);
		if (memstat_told("/proc/vmstat", "numa_hint_faults") >= before + HINTS_EXPECTED)
			return true;
	} while (clock_ns() < end);
	return sum == UINT32_MAX && false;
}

/* Of memory that is being looked at anything can go to the device. */
static void use_balanced(struct area *a)
{
	struct p2pcert_devpriv_counters before, after;
	bool hinted;

	if (!devmem_counted(a->dev, &before))
		return;
	hinted = wait_for_hints(a);
	if (!hinted)
		devmem_missing(a->dev, EVIDENCE_PATH,
			       "the kernel has not balanced our memory in %d seconds",
			       HINTS_SECONDS);
	if (devmem_counted(a->dev, &after) && after.cpu_faults != before.cpu_faults)
		devmem_refute(a->dev, EVIDENCE_COUNTERS,
			      "%" PRIu64 " pages came back from the device by being balanced",
			      (uint64_t)(after.cpu_faults - before.cpu_faults));
	if (hinted)
		devmem_prove(a->dev, EVIDENCE_PATH, "the kernel has looked at our memory");
	expect_untouched(a, "while memory is balanced");
	if (area_send(a, HALF, PAGES - HALF))
		area_check_device(a, 0, PAGES, "migrated while memory is balanced");
	area_check(a, 0, PAGES, "back while memory is balanced");
	area_fill(a, 0, PAGES);
	area_check(a, 0, PAGES, "written while memory is balanced");
}

static void balance(struct area *a, const struct nodes *n)
{
	int status[PAGES];

	area_fill(a, 0, PAGES);
	/* what is near is not looked at: there is nothing to gain */
	if (!ask(a, n->far, status) || !area_send(a, 0, HALF))
		return;
	set_policy(MPOL_DEFAULT);
	use_balanced(a);
	set_policy(MPOL_LOCAL);
}

static bool body_numa_balance(struct devmem *dev)
{
	struct nodes n;
	struct area *a;
	bool ok;

	stay();
	if (!find_nodes(dev, &n))
		return false;
	if (!fs_exists(AT_FDCWD, BALANCING)) {
		devmem_skip(dev, SKIP_KERNEL_CONFIG, "the kernel has no NUMA balancing");
		return false;
	}
	a = area_new(dev, AREA_PRIVATE, PAGES, "nodes");
	if (!a)
		return false;
	area_fill(a, 0, PAGES);
	if (area_send(a, 0, HALF))
		move_each(a, &n);
	ok = dev->refuted || turn_on(dev);
	if (ok && !dev->refuted)
		balance(a, &n);
	area_end(a);
	return ok;
}

DEVMEM_SCENARIO(numa_balance, "numa-balance",
		"memory that moves between nodes leaves behind what is in the device", 60);
