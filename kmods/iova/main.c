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

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>

#define IOV_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_NOTIFY_LOST |                \
	 P2PCERT_FAULT_WRONG_OFFSET | P2PCERT_FAULT_FLUSH_EACH | P2PCERT_FAULTS_ENTER)

static long iov_ioctl_held(void __user *arg)
{
	struct p2pcert_held held = {
		.pages = atomic64_read(&iov_held.pages),
		.mappings = atomic64_read(&iov_held.mappings),
		.functions = atomic64_read(&iov_held.functions),
	};

	return copy_to_user(arg, &held, sizeof(held)) ? -EFAULT : 0;
}

static long iov_do(struct iov_file *f, unsigned int cmd, void __user *arg)
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

static long iov_ioctl(struct file *file, unsigned int cmd, unsigned long value)
{
	struct iov_file *f = file->private_data;
	void __user *arg = (void __user *)value;
	long ret;

	switch (cmd) {
	case P2PCERT_IOC_VERSION:
		return p2pcert_ioctl_version(arg);
	case P2PCERT_IOC_HELD:
		return iov_ioctl_held(arg);
	}
	if (mutex_lock_interruptible(&f->lock))
		return -EINTR;
	ret = iov_do(f, cmd, arg);
	mutex_unlock(&f->lock);
	return ret;
}

static int iov_open(struct inode *inode, struct file *file)
{
	struct iov_file *f;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	f = kzalloc_obj(*f, GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	init_completion(&f->done);
	file->private_data = f;
	return nonseekable_open(inode, file);
}

static int iov_release(struct inode *inode, struct file *file)
{
	struct iov_file *f = file->private_data;

	iov_detach(f);
	kfree(f);
	return 0;
}

static const struct file_operations iov_fops = {
	.owner = THIS_MODULE,
	.open = iov_open,
	.release = iov_release,
	.unlocked_ioctl = iov_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice iov_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = P2PCERT_DEV_IOVA,
	.fops = &iov_fops,
	.mode = 0600,
};

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
