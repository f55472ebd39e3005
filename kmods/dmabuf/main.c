// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_dmabuf: an exporter and an importer of dma-bufs, and memory of a device file, with which
 * the kernel's promises to both sides can be exercised on any machine. This is the character
 * device: it says which file's importer is meant, and serialises what is asked of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "dmabuf.h"

#include <linux/module.h>

#if DMB_SUPPORTED

#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "p2pcert_dev.h"

#define DMB_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_NOTIFY_LOST |                \
	 P2PCERT_FAULT_STALE_ADDRESS | P2PCERT_FAULT_REVOKE_IGNORED |                              \
	 P2PCERT_FAULT_POLICY_IGNORED | P2PCERT_FAULTS_ENTER)

struct dmb_file {
	struct mutex lock; /* of the importer */
	struct dmb_importer importer;
	bool allowed; /* faults of mappings get pages */
};

static struct miscdevice dmb_misc;

static long dmb_ioctl_allow(struct dmb_file *f, struct address_space *mapping, void __user *arg)
{
	u32 allowed;

	if (copy_from_user(&allowed, arg, sizeof(allowed)))
		return -EFAULT;
	if (allowed > 1)
		return -EINVAL;
	if (f->importer.faults & P2PCERT_FAULT_POLICY_IGNORED)
		return 0;
	WRITE_ONCE(f->allowed, allowed);
	if (!allowed)
		dmb_zap_faulted(mapping);
	return 0;
}

static long dmb_import(struct dmb_importer *im, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case P2PCERT_IOC_SET_FAULTS:
		return p2pcert_ioctl_set_faults(arg, DMB_FAULTS, &im->faults);
	case P2PCERT_IOC_DMABUF_ATTACH:
		return dmb_ioctl_attach(im, dmb_misc.this_device, arg);
	case P2PCERT_IOC_DMABUF_DETACH:
		return dmb_detach(im);
	case P2PCERT_IOC_DMABUF_MAP:
		return dmb_ioctl_map(im, arg);
	case P2PCERT_IOC_DMABUF_UNMAP:
		return dmb_unmap(im);
	case P2PCERT_IOC_DMABUF_READ:
		return dmb_ioctl_access(im, arg, false);
	case P2PCERT_IOC_DMABUF_WRITE:
		return dmb_ioctl_access(im, arg, true);
	case P2PCERT_IOC_DMABUF_COUNTERS:
		return dmb_ioctl_counters(im, arg);
	}
	return -ENOTTY;
}

static long dmb_do(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dmb_file *f = file->private_data;
	u32 faults = READ_ONCE(f->importer.faults);
	long ret;

	switch (cmd) {
	case P2PCERT_IOC_HELD:
		return p2pcert_ioctl_held(arg, &dmb_held);
	case P2PCERT_IOC_DMABUF_ALLOW_FAULTS:
		return dmb_ioctl_allow(f, file->f_mapping, arg);
	case P2PCERT_IOC_DMABUF_EXPORT:
		return dmb_ioctl_export(arg, faults);
	case P2PCERT_IOC_DMABUF_PLACE:
		return dmb_ioctl_place(arg);
	case P2PCERT_IOC_DMABUF_MOVE:
		return dmb_ioctl_move(arg, faults, false);
	case P2PCERT_IOC_DMABUF_REVOKE:
		return dmb_ioctl_move(arg, faults, true);
	case P2PCERT_IOC_DMABUF_POLICY:
		return dmb_ioctl_policy(arg);
	}
	if (mutex_lock_interruptible(&f->lock))
		return -EINTR;
	ret = dmb_import(&f->importer, cmd, arg);
	mutex_unlock(&f->lock);
	return ret;
}

static int dmb_open(struct inode *inode, struct file *file)
{
	struct dmb_file *f = p2pcert_open(inode, file, sizeof(*f));

	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_init(&f->lock);
	f->allowed = true;
	return 0;
}

static int dmb_release(struct inode *inode, struct file *file)
{
	struct dmb_file *f = file->private_data;

	dmb_detach(&f->importer);
	kfree(f);
	return 0;
}

static int dmb_mmap_file(struct file *file, struct vm_area_struct *vma)
{
	struct dmb_file *f = file->private_data;

	return dmb_mmap(vma, &f->allowed);
}

P2PCERT_DEVICE(dmb, P2PCERT_DEV_DMABUF, .mmap = dmb_mmap_file);

static int __init dmb_init(void)
{
	int err = dmb_bar_register();

	if (err)
		return err;
	err = misc_register(&dmb_misc);
	if (err)
		goto unregister;
	/* It stands for a device that reaches all of memory. */
	err = dma_coerce_mask_and_coherent(dmb_misc.this_device, DMA_BIT_MASK(64));
	if (!err)
		return 0;
	misc_deregister(&dmb_misc);
unregister:
	dmb_bar_unregister();
	return err;
}

static void __exit dmb_exit(void)
{
	misc_deregister(&dmb_misc);
	dmb_bar_unregister();
	dmb_drop_leaks();
}
module_exit(dmb_exit);

#if HAVE_MODULE_IMPORT_NS_BARE
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif

#else /* DMB_SUPPORTED */

static int __init dmb_init(void)
{
	pr_info("not loaded: this kernel's dma-bufs are of before 6.3, or it has none\n");
	return -EOPNOTSUPP;
}

#endif /* DMB_SUPPORTED */

module_init(dmb_init);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: exporter and importer of dma-bufs, and memory of a device file");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
