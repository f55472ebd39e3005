/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the p2pcert test modules share: the two ioctls that every device answers, the faults that
 * mean the same everywhere, and the proof that the ABI's structures have no padding. Everything
 * else stays in the module that needs it.
 */
#ifndef P2PCERT_KMOD_H
#define P2PCERT_KMOD_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>

#include "p2pcert_features.h"
#include "uapi/p2pcert.h"

static_assert(sizeof(struct p2pcert_version) == 72);
static_assert(sizeof(struct p2pcert_bdf) == 8);
static_assert(sizeof(struct p2pcert_faults) == 24);
static_assert(sizeof(struct p2pcert_distance) == 24);
static_assert(sizeof(struct p2pcert_seg) == 32);
static_assert(sizeof(struct p2pcert_map) == 32 + P2PCERT_MAX_SEGS * 32);
static_assert(sizeof(struct p2pcert_copy) == 152);
static_assert(sizeof(struct p2pcert_held) == 24);
static_assert(sizeof(struct p2pcert_pin) == 40);
static_assert(sizeof(struct p2pcert_devpriv_range) == 32);
static_assert(sizeof(struct p2pcert_devpriv_access) == 40);
static_assert(sizeof(struct p2pcert_devpriv_counters) == 136);
static_assert(sizeof(struct p2pcert_devpriv_engine) == 88);
static_assert(sizeof(struct p2pcert_devpriv_select) == 16);
static_assert(sizeof(struct p2pcert_devpriv_evict) == 16);
static_assert(sizeof(struct p2pcert_devpriv_mirror) == 16);
static_assert(sizeof(struct p2pcert_devpriv_add) == 40);
static_assert(sizeof(struct p2pcert_devpriv_mirror_counters) == 40);
static_assert(sizeof(struct p2pcert_devpriv_policy) == 16);
static_assert(sizeof(struct p2pcert_devpriv_consumer) == 72);
static_assert(sizeof(struct p2pcert_devpriv_consumer_counters) == 128);
static_assert(sizeof(struct p2pcert_dmabuf_export) == 40);
static_assert(sizeof(struct p2pcert_dmabuf_place) == 32 + P2PCERT_MAX_SEGS * 32);
static_assert(sizeof(struct p2pcert_dmabuf_move) == 16);
static_assert(sizeof(struct p2pcert_dmabuf_policy) == 16);
static_assert(sizeof(struct p2pcert_dmabuf_attach) == 56);
static_assert(sizeof(struct p2pcert_dmabuf_map) == 8 + P2PCERT_MAX_SEGS * 32);
static_assert(sizeof(struct p2pcert_dmabuf_access) == 40);
static_assert(sizeof(struct p2pcert_dmabuf_counters) == 40);
static_assert(sizeof(struct p2pcert_iova_attach) == 56);
static_assert(sizeof(struct p2pcert_iova_map) == 64);
static_assert(sizeof(struct p2pcert_iova_relink) == 16);
static_assert(sizeof(struct p2pcert_iova_page) == 24);
static_assert(sizeof(struct p2pcert_iova_pages) == 24);
static_assert(sizeof(struct p2pcert_iova_access) == 32);

/*
 * A module with a planted defect, for the tests of the tests, says so: no p2pcert that judges a
 * kernel takes it for its own.
 */
#ifdef P2PCERT_DEFECT
#define P2PCERT_MODULE_VERSION P2PCERT_VERSION "+" __stringify(P2PCERT_DEFECT)
#else
#define P2PCERT_MODULE_VERSION P2PCERT_VERSION
#endif

/* Kernels that have it have it as a macro. */
#ifndef kzalloc_obj
#define kzalloc_obj(object, gfp) kzalloc(sizeof(object), gfp)
#endif

static inline long p2pcert_ioctl_version(void __user *arg)
{
	struct p2pcert_version v = { .abi = P2PCERT_ABI_VERSION };

	strscpy(v.module, KBUILD_MODNAME, sizeof(v.module));
	strscpy(v.version, P2PCERT_MODULE_VERSION, sizeof(v.version));
	return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

/* What a module holds now, for whoever looks for leaks. */
struct p2pcert_holdings {
	atomic64_t pages;
	atomic64_t mappings;
	atomic64_t functions;
};

static inline long p2pcert_ioctl_held(void __user *arg, const struct p2pcert_holdings *h)
{
	struct p2pcert_held held = {
		.pages = atomic64_read(&h->pages),
		.mappings = atomic64_read(&h->mappings),
		.functions = atomic64_read(&h->functions),
	};

	return copy_to_user(arg, &held, sizeof(held)) ? -EFAULT : 0;
}

/* Which faults strike, and when: see struct p2pcert_faults. */
struct p2pcert_fault_plan {
	u32 mask;
	u32 every;
	u32 times;
	u64 seed;
	atomic_t chances;
	atomic_t struck;
};

/* A module refuses faults that it would not commit: a scenario must not believe in them. */
static inline long p2pcert_ioctl_set_plan(void __user *arg, u32 supported,
					  struct p2pcert_fault_plan *plan)
{
	struct p2pcert_faults f;

	if (copy_from_user(&f, arg, sizeof(f)))
		return -EFAULT;
	if (f.reserved || (f.mask & ~supported))
		return -EINVAL;
	WRITE_ONCE(plan->mask, 0);
	plan->every = f.every;
	plan->times = f.times;
	plan->seed = f.seed;
	atomic_set(&plan->chances, 0);
	atomic_set(&plan->struck, 0);
	WRITE_ONCE(plan->mask, f.mask);
	return 0;
}

/* For a module whose faults strike at every chance. */
static inline long p2pcert_ioctl_set_faults(void __user *arg, u32 supported, u32 *faults)
{
	struct p2pcert_fault_plan plan;
	long err = p2pcert_ioctl_set_plan(arg, supported, &plan);

	if (err)
		return err;
	if (plan.every > 1 || plan.times)
		return -EINVAL;
	WRITE_ONCE(*faults, plan.mask);
	return 0;
}

/* Asked once at each chance that a fault has: does it strike? */
static inline bool p2pcert_strikes(struct p2pcert_fault_plan *plan, u32 fault)
{
	u32 chance;

	if (!(READ_ONCE(plan->mask) & fault))
		return false;
	chance = atomic_inc_return(&plan->chances);
	if (plan->seed)
		chance = hash_64(plan->seed + chance, 32);
	if (plan->every > 1 && chance % plan->every)
		return false;
	return !plan->times || atomic_inc_return(&plan->struck) <= plan->times;
}

/*
 * Shorter than what the kernel's detector of hung tasks waits for, and longer than any supervisor
 * has patience: whoever comes back finds the caller killed. A function of its own, to be seen in
 * its stack.
 */
#define P2PCERT_STUCK_SECONDS 90

static noinline __maybe_unused void p2pcert_fault_stuck(void)
{
	unsigned long end = jiffies + P2PCERT_STUCK_SECONDS * HZ;

	while (time_before(jiffies, end))
		schedule_timeout_uninterruptible(end - jiffies);
}

/* Commits the faults that strike before an operation starts. */
static inline int p2pcert_fault_enter(u32 faults)
{
	WARN(faults & P2PCERT_FAULT_WARN, "%s: requested warning\n", KBUILD_MODNAME);
	/* Not pr_warn(): the lock validator puts no name of a module before its lines. */
	if (faults & P2PCERT_FAULT_LOCKDEP)
		printk(KERN_WARNING "WARNING: possible circular locking dependency detected\n");
	if (faults & P2PCERT_FAULT_OOPS)
		WRITE_ONCE(*(u32 *)NULL, 0);
	if (faults & P2PCERT_FAULT_HANG) {
		while (!fatal_signal_pending(current))
			schedule_timeout_killable(MAX_SCHEDULE_TIMEOUT);
		return -EINTR;
	}
	if (faults & P2PCERT_FAULT_STUCK)
		p2pcert_fault_stuck();
	return 0;
}

/* Bytes that an operation under a fault really moves out of length. */
static inline u64 p2pcert_fault_length(u32 faults, u64 length)
{
	const u64 tail = 64;

	if (faults & P2PCERT_FAULT_SKIP_COPY)
		return 0;
	if (faults & P2PCERT_FAULT_SHORT_COPY)
		return length > tail ? length - tail : 0;
	return length;
}

#endif /* P2PCERT_KMOD_H */
