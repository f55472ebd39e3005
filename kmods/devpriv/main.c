// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_devpriv: devices whose memory is device-private, in the smallest form in which the
 * kernel's migration, fault and snapshot paths can be held to their promises. This is the character
 * device: it says which device a file means, and checks what comes in.
 *
 * Memory that a process has migrated stays in the device when the file is closed: it belongs to the
 * address space, which may be shared with a child and outlives the file, and it comes back when it
 * is touched. It is brought back when the device goes, so that unloading never loses data.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "devpriv.h"

#include <linux/module.h>

#if DPV_SUPPORTED

#include <linux/slab.h>

#include "p2pcert_dev.h"

#define DPV_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_NO_MIGRATE | P2PCERT_FAULT_LEAK | P2PCERT_FAULT_NO_DEVICE_MEMORY |          \
	 P2PCERT_FAULT_NO_MEMORY | P2PCERT_FAULT_DELAY | P2PCERT_FAULT_ABORT |                     \
	 P2PCERT_FAULT_INVALIDATED | P2PCERT_FAULT_PART_OF_HOLE |                                  \
	 P2PCERT_FAULT_ENGINE_REFUSES | P2PCERT_FAULT_ENGINE_HANGS | P2PCERT_FAULT_MAP_FAILS |     \
	 P2PCERT_FAULT_STALE_ADDRESS | P2PCERT_FAULT_REVOKE_IGNORED |                              \
	 P2PCERT_FAULT_POLICY_IGNORED | P2PCERT_FAULTS_ENTER)

struct dpv_file {
	struct rw_semaphore lock; /* held for writing while the rest changes */
	struct dpv_device *dev;
	struct dpv_mirror *mirror; /* NULL: none */
	struct dpv_consumer *consumer; /* the same */
	struct p2pcert_fault_plan plan;
};

static int dpv_check_range(u64 addr, u64 length)
{
	if (!length || !PAGE_ALIGNED(addr) || !PAGE_ALIGNED(length) || addr + length < addr)
		return -EINVAL;
	if (addr != (unsigned long)addr || !access_ok(u64_to_user_ptr(addr), length))
		return -EINVAL;
	return 0;
}

static int dpv_check_mirror(const struct dpv_file *f, u64 addr, u64 length)
{
	if (!f->mirror || addr + length < addr || !dpv_mirror_covers(f->mirror, addr, length))
		return -EINVAL;
	return 0;
}

/* What of a range an ioctl wants done; -EINTR goes to the caller, all else into the result. */
typedef int (*dpv_access_fn)(struct dpv_file *f, struct p2pcert_devpriv_access *r);

static int dpv_do_peek_read(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_peek(f->dev, r, &f->plan, false);
}

static int dpv_do_peek_write(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_peek(f->dev, r, &f->plan, true);
}

static int dpv_do_mirror_read(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_mirror_access(f->mirror, r, false);
}

static int dpv_do_mirror_write(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_mirror_access(f->mirror, r, true);
}

static int dpv_do_snapshot(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_mirror_snapshot(f->mirror, r);
}

static int dpv_do_holds(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_holds(f->dev, r, &f->plan);
}

static int dpv_do_consumer_read(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_consumer_access(f->consumer, r, false);
}

static int dpv_do_consumer_write(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_consumer_access(f->consumer, r, true);
}

static int dpv_do_consumer_table(struct dpv_file *f, struct p2pcert_devpriv_access *r)
{
	return dpv_consumer_table(f->consumer, r);
}

/* Must there be something that covers the range? 0 or -EINVAL. */
typedef int (*dpv_check_fn)(const struct dpv_file *f, u64 addr, u64 length);

static int dpv_check_none(const struct dpv_file *f, u64 addr, u64 length)
{
	return 0;
}

static int dpv_check_consumer(const struct dpv_file *f, u64 addr, u64 length)
{
	return f->consumer && dpv_consumer_covers(f->consumer, addr, length) ? 0 : -EINVAL;
}

/* What comes before any operation on a range. */
static int dpv_begin(const struct dpv_file *f, u64 addr, u64 length, dpv_check_fn check)
{
	int err = dpv_check_range(addr, length);

	if (!err)
		err = check(f, addr, length);
	return err ? err : p2pcert_fault_enter(READ_ONCE(f->plan.mask));
}

static long dpv_ioctl_access(struct dpv_file *f, void __user *arg, dpv_access_fn access,
			     dpv_check_fn check)
{
	struct p2pcert_devpriv_access r;
	long ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved || r.buffer != (unsigned long)r.buffer)
		return -EINVAL;
	ret = dpv_begin(f, r.addr, r.length, check);
	if (ret)
		return ret;
	r.pages = 0;
	r.result = access(f, &r);
	if (r.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

/* The same for an operation that needs no buffer. */
typedef int (*dpv_range_fn)(struct dpv_file *f, struct p2pcert_devpriv_range *r);

static int dpv_migrate(struct dpv_file *f, struct p2pcert_devpriv_range *r, bool to_device)
{
	int err = 0;

	if (p2pcert_strikes(&f->plan, P2PCERT_FAULT_LEAK))
		err = dpv_leak_page(f->dev);
	return err ? err : dpv_migrate_range(f->dev, r, &f->plan, to_device);
}

static int dpv_do_to_device(struct dpv_file *f, struct p2pcert_devpriv_range *r)
{
	return dpv_migrate(f, r, true);
}

static int dpv_do_to_ram(struct dpv_file *f, struct p2pcert_devpriv_range *r)
{
	return dpv_migrate(f, r, false);
}

static int dpv_do_exclusive(struct dpv_file *f, struct p2pcert_devpriv_range *r)
{
	return dpv_mirror_exclusive(f->mirror, r);
}

static long dpv_ioctl_range(struct dpv_file *f, void __user *arg, dpv_range_fn range,
			    dpv_check_fn check)
{
	struct p2pcert_devpriv_range r;
	long ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved)
		return -EINVAL;
	ret = dpv_begin(f, r.addr, r.length, check);
	if (ret)
		return ret;
	r.pages = 0;
	r.result = range(f, &r);
	if (r.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long dpv_ioctl_add(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_add a;
	long ret;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.reserved || a.addr % sizeof(u64))
		return -EINVAL;
	ret = dpv_check_mirror(f, a.addr, sizeof(u64));
	if (ret)
		return ret;
	a.result = dpv_mirror_add(f->mirror, &a);
	if (a.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &a, sizeof(a)) ? -EFAULT : 0;
}

static long dpv_ioctl_mirror_counters(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_mirror_counters c;

	if (!f->mirror)
		return -EINVAL;
	dpv_mirror_count(f->mirror, &c);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

/* Takes the place of the file's mirror; a length of 0 only ends it. */
static long dpv_ioctl_mirror(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_mirror r;
	struct dpv_mirror *m = NULL;
	long err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.length) {
		err = dpv_check_range(r.addr, r.length);
		if (err)
			return err;
		m = dpv_mirror_start(f->dev, &f->plan, r.addr, r.length);
		if (IS_ERR(m))
			return PTR_ERR(m);
	}
	dpv_mirror_stop(f->mirror);
	f->mirror = m;
	return 0;
}

/* The channel of the old one may be the new one's, so that one goes first. */
static long dpv_ioctl_consumer(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_consumer r;
	struct dpv_consumer *c;
	long err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved || (r.flags & ~P2PCERT_CONSUMER_KERNEL))
		return -EINVAL;
	if (r.length) {
		err = dpv_check_range(r.addr, r.length);
		if (err || r.length > P2PCERT_CONSUMER_MAX_PAGES * PAGE_SIZE)
			return -EINVAL;
	}
	dpv_consumer_stop(f->consumer);
	f->consumer = NULL;
	r.result = 0;
	memset(&r.function, 0, sizeof(r.function));
	if (r.length) {
		c = dpv_consumer_start(f->dev, &f->plan, &r);
		if (IS_ERR(c))
			r.result = PTR_ERR(c);
		else
			f->consumer = c;
	}
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long dpv_ioctl_consumer_counters(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_consumer_counters c;

	if (!f->consumer)
		return -EINVAL;
	dpv_consumer_count(f->consumer, &c);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static long dpv_ioctl_policy(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_policy p;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	if (p.reserved || p.function.reserved || p.policy > P2PCERT_POLICY_READ_ONLY)
		return -EINVAL;
	return dpv_alias_set_policy(f->dev, &p, f);
}

static long dpv_ioctl_evict(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_evict e;
	int err;

	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	err = p2pcert_fault_enter(READ_ONCE(f->plan.mask));
	if (!err)
		err = dpv_evict(f->dev, e.pages, &e.evicted);
	if (err)
		return err;
	return copy_to_user(arg, &e, sizeof(e)) ? -EFAULT : 0;
}

static long dpv_ioctl_engine(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_engine r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.reserved)
		return -EINVAL;
	memset(&r.engine, 0, sizeof(r.engine));
	memset(&r.seg, 0, sizeof(r.seg));
	r.result = dpv_engine_set(f->dev, &r, f);
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long dpv_ioctl_counters(struct dpv_device *dev, void __user *arg)
{
	struct p2pcert_devpriv_counters c = {
		.pages_to_device = atomic64_read(&dev->count.to_device),
		.pages_to_ram = atomic64_read(&dev->count.to_ram),
		.cpu_faults = atomic64_read(&dev->count.faults),
		.pages_evicted = atomic64_read(&dev->count.evicted),
		.pages_limit = dpv_limit(dev),
		.huge_to_device = atomic64_read(&dev->count.huge_to_device),
		.huge_to_ram = atomic64_read(&dev->count.huge_to_ram),
		.splits = atomic64_read(&dev->count.splits),
		.cpu_copied = atomic64_read(&dev->count.cpu_copied),
		.engine_copied = atomic64_read(&dev->count.engine_copied),
		.engine_failed = atomic64_read(&dev->count.engine_failed),
		.engine_ns = atomic64_read(&dev->count.engine_ns),
		.references_lost = atomic64_read(&dev->count.references_lost),
		.freed_twice = atomic64_read(&dev->count.freed_twice),
		.aliases = atomic64_read(&dev->count.aliases),
	};

	spin_lock(&dev->lock);
	c.pages_in_use = dev->nr_used;
	c.pages_total = dev->nr_pages;
	spin_unlock(&dev->lock);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static long dpv_ioctl_set_faults(struct dpv_file *f, void __user *arg)
{
	long err;

	dpv_device_unplan(f->dev, &f->plan);
	err = p2pcert_ioctl_set_plan(arg, DPV_FAULTS, &f->plan);
	if (!err && (f->plan.mask & P2PCERT_FAULTS_DEVICE))
		dpv_device_plan(f->dev, &f->plan);
	return err;
}

/* What the file has made of its device ends. */
static void dpv_leave_device(struct dpv_file *f)
{
	dpv_device_unplan(f->dev, &f->plan);
	dpv_engine_drop(f->dev, f);
	dpv_alias_drop_policies(f->dev, f);
	dpv_put_device(f->dev);
}

/* The caller's old device is left: the new one is entered by the next call. */
static long dpv_ioctl_select(struct dpv_file *f, void __user *arg)
{
	struct p2pcert_devpriv_select s;
	struct dpv_device *dev;

	if (copy_from_user(&s, arg, sizeof(s)))
		return -EFAULT;
	if (s.reserved || s.bdf.reserved)
		return -EINVAL;
	if (f->mirror || f->consumer)
		return -EBUSY;
	if (s.ram == P2PCERT_DEVPRIV_BAR)
		dev = dpv_bar_device(&s.bdf);
	else if (s.ram < P2PCERT_DEVPRIV_RAM_DEVICES)
		dev = dpv_ram_device(s.ram);
	else
		return -EINVAL;
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	dpv_leave_device(f);
	f->dev = dev;
	return 0;
}

static int dpv_open(struct inode *inode, struct file *file)
{
	struct dpv_file *f = p2pcert_open(inode, file, sizeof(*f));

	if (IS_ERR(f))
		return PTR_ERR(f);
	init_rwsem(&f->lock);
	f->dev = dpv_ram_device(0);
	if (IS_ERR(f->dev)) {
		int err = PTR_ERR(f->dev);

		kfree(f);
		return err;
	}
	return 0;
}

static int dpv_release(struct inode *inode, struct file *file)
{
	struct dpv_file *f = file->private_data;

	dpv_mirror_stop(f->mirror);
	dpv_consumer_stop(f->consumer);
	dpv_leave_device(f);
	kfree(f);
	return 0;
}

/* Changes what the file means. */
static long dpv_change(struct dpv_file *f, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case P2PCERT_IOC_SET_FAULTS:
		return dpv_ioctl_set_faults(f, arg);
	case P2PCERT_IOC_DEVPRIV_SELECT:
		return dpv_ioctl_select(f, arg);
	case P2PCERT_IOC_DEVPRIV_CONSUMER:
		return dpv_ioctl_consumer(f, arg);
	default:
		return dpv_ioctl_mirror(f, arg);
	}
}

static long dpv_use(struct dpv_file *f, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case P2PCERT_IOC_DEVPRIV_TO_DEVICE:
		return dpv_ioctl_range(f, arg, dpv_do_to_device, dpv_check_none);
	case P2PCERT_IOC_DEVPRIV_TO_RAM:
		return dpv_ioctl_range(f, arg, dpv_do_to_ram, dpv_check_none);
	case P2PCERT_IOC_DEVPRIV_READ:
		return dpv_ioctl_access(f, arg, dpv_do_peek_read, dpv_check_none);
	case P2PCERT_IOC_DEVPRIV_WRITE:
		return dpv_ioctl_access(f, arg, dpv_do_peek_write, dpv_check_none);
	case P2PCERT_IOC_DEVPRIV_MIRROR_READ:
		return dpv_ioctl_access(f, arg, dpv_do_mirror_read, dpv_check_mirror);
	case P2PCERT_IOC_DEVPRIV_MIRROR_WRITE:
		return dpv_ioctl_access(f, arg, dpv_do_mirror_write, dpv_check_mirror);
	case P2PCERT_IOC_DEVPRIV_SNAPSHOT:
		return dpv_ioctl_access(f, arg, dpv_do_snapshot, dpv_check_mirror);
	case P2PCERT_IOC_DEVPRIV_HOLDS:
		return dpv_ioctl_access(f, arg, dpv_do_holds, dpv_check_none);
	case P2PCERT_IOC_DEVPRIV_CONSUMER_READ:
		return dpv_ioctl_access(f, arg, dpv_do_consumer_read, dpv_check_consumer);
	case P2PCERT_IOC_DEVPRIV_CONSUMER_WRITE:
		return dpv_ioctl_access(f, arg, dpv_do_consumer_write, dpv_check_consumer);
	case P2PCERT_IOC_DEVPRIV_CONSUMER_TABLE:
		return dpv_ioctl_access(f, arg, dpv_do_consumer_table, dpv_check_consumer);
	case P2PCERT_IOC_DEVPRIV_CONSUMER_COUNTERS:
		return dpv_ioctl_consumer_counters(f, arg);
	case P2PCERT_IOC_DEVPRIV_POLICY:
		return dpv_ioctl_policy(f, arg);
	case P2PCERT_IOC_DEVPRIV_EXCLUSIVE:
		return dpv_ioctl_range(f, arg, dpv_do_exclusive, dpv_check_mirror);
	case P2PCERT_IOC_DEVPRIV_ADD:
		return dpv_ioctl_add(f, arg);
	case P2PCERT_IOC_DEVPRIV_MIRROR_COUNTERS:
		return dpv_ioctl_mirror_counters(f, arg);
	case P2PCERT_IOC_DEVPRIV_ENGINE:
		return dpv_ioctl_engine(f, arg);
	case P2PCERT_IOC_DEVPRIV_EVICT:
		return dpv_ioctl_evict(f, arg);
	case P2PCERT_IOC_DEVPRIV_COUNTERS:
		return dpv_ioctl_counters(f->dev, arg);
	}
	return -ENOTTY;
}

static long dpv_ioctl_device(struct dpv_file *f, unsigned int cmd, void __user *arg)
{
	long ret = dpv_enter(f->dev);

	if (ret)
		return ret;
	ret = dpv_use(f, cmd, arg);
	dpv_leave(f->dev);
	return ret;
}

static long dpv_do(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dpv_file *f = file->private_data;
	long ret;

	switch (cmd) {
	case P2PCERT_IOC_SET_FAULTS:
	case P2PCERT_IOC_DEVPRIV_SELECT:
	case P2PCERT_IOC_DEVPRIV_MIRROR:
	case P2PCERT_IOC_DEVPRIV_CONSUMER:
		down_write(&f->lock);
		ret = dpv_change(f, cmd, arg);
		up_write(&f->lock);
		return ret;
	}
	down_read(&f->lock);
	ret = dpv_ioctl_device(f, cmd, arg);
	up_read(&f->lock);
	return ret;
}

/* One page, as a driver may map what is its own; the mapping has the only reference. */
static int dpv_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct page *page;
	int err;

	if (vma->vm_pgoff || vma_pages(vma) != 1)
		return -EINVAL;
	page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	err = vm_insert_page(vma, vma->vm_start, page);
	put_page(page);
	return err;
}

P2PCERT_DEVICE(dpv, P2PCERT_DEV_DEVPRIV, .mmap = dpv_mmap);

static int __init dpv_init(void)
{
	int err = dpv_bar_register();

	if (err)
		return err;
	err = misc_register(&dpv_misc);
	if (err)
		dpv_bar_unregister();
	return err;
}

static void __exit dpv_exit(void)
{
	misc_deregister(&dpv_misc);
	dpv_bar_unregister();
	dpv_remove_devices();
}
module_exit(dpv_exit);

#else /* DPV_SUPPORTED */

static int __init dpv_init(void)
{
	pr_info("not loaded: this kernel was built without CONFIG_DEVICE_PRIVATE or its exports\n");
	return -EOPNOTSUPP;
}

#endif /* DPV_SUPPORTED */

module_init(dpv_init);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: device-private memory, backed by memory or by a BAR");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
