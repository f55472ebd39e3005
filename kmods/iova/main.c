// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_iova: memory of the caller that is mapped for a device in each of the ways that the
 * kernel has, so that what each promises can be held against it. This is the character device,
 * which serialises what is asked of an open file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "iova.h"

#include <linux/module.h>

#if IOV_SUPPORTED

#include <linux/slab.h>

#include "p2pcert_dev.h"

#define IOV_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_NOTIFY_LOST |                \
	 P2PCERT_FAULT_WRONG_OFFSET | P2PCERT_FAULT_FLUSH_EACH | P2PCERT_FAULT_FREE_LESS |         \
	 P2PCERT_FAULT_FREE_LATE | P2PCERT_FAULTS_ENTER)

static long iov_do_locked(struct iov_file *f, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case P2PCERT_IOC_SET_FAULTS:
		return p2pcert_ioctl_set_faults(arg, IOV_FAULTS, &f->faults);
	case P2PCERT_IOC_IOVA_ATTACH:
		return iov_ioctl_attach(f, arg);
	case P2PCERT_IOC_IOVA_DETACH:
		return iov_detach(f);
	case P2PCERT_IOC_IOVA_MAP:
		return iov_ioctl_map(f, arg);
	case P2PCERT_IOC_IOVA_UNMAP:
		return iov_ioctl_unmap(f, arg);
	case P2PCERT_IOC_IOVA_RELINK:
		return iov_ioctl_relink(f, arg);
	case P2PCERT_IOC_IOVA_PAGES:
		return iov_ioctl_pages(f, arg);
	case P2PCERT_IOC_IOVA_READ:
		return iov_ioctl_access(f, arg, false);
	case P2PCERT_IOC_IOVA_WRITE:
		return iov_ioctl_access(f, arg, true);
	}
	return -ENOTTY;
}

static long iov_do(struct file *file, unsigned int cmd, void __user *arg)
{
	struct iov_file *f = file->private_data;
	long ret;

	if (cmd == P2PCERT_IOC_HELD)
		return p2pcert_ioctl_held(arg, &iov_held);
	if (mutex_lock_interruptible(&f->lock))
		return -EINTR;
	ret = iov_do_locked(f, cmd, arg);
	mutex_unlock(&f->lock);
	return ret;
}

static int iov_open(struct inode *inode, struct file *file)
{
	struct iov_file *f = p2pcert_open(inode, file, sizeof(*f));

	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_init(&f->lock);
	INIT_LIST_HEAD(&f->late);
	return 0;
}

static int iov_release(struct inode *inode, struct file *file)
{
	struct iov_file *f = file->private_data;

	iov_detach(f);
	kfree(f);
	return 0;
}

P2PCERT_DEVICE(iov, P2PCERT_DEV_IOVA);

static int __init iov_init(void)
{
	return misc_register(&iov_misc);
}

static void __exit iov_exit(void)
{
	misc_deregister(&iov_misc);
	iov_drop_leaks();
}
module_exit(iov_exit);

#else /* IOV_SUPPORTED */

static int __init iov_init(void)
{
	pr_info("not loaded: this kernel was built without what maps memory for DMA in two steps\n");
	return -EOPNOTSUPP;
}

#endif /* IOV_SUPPORTED */

module_init(iov_init);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: memory mapped for DMA in two steps, page by page and otherwise");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
