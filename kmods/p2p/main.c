// SPDX-License-Identifier: GPL-2.0-only
/*
 * p2pcert_p2p: what the running kernel says about peer-to-peer DMA, and one real transfer by a real
 * DMA engine. It answers four questions for user space: the p2pdma distance of a pair, how a range
 * of the caller's memory is mapped for a device, whether a memcpy channel moves bytes from one
 * range to another, and whether a range can be pinned. It keeps no state between them but a range
 * that stays pinned because the caller wants it so.
 *
 * No device is ever programmed here: transfers go through the dmaengine API, so that the engine's
 * own driver stays in charge, and a mapping made only to be described is taken down again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "p2p/p2p.h"

#include <linux/slab.h>

#include "p2pcert_dev.h"

#define P2P_FAULTS                                                                                 \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY |         \
	 P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS |              \
	 P2PCERT_FAULTS_ENTER)

struct p2p_file {
	u32 faults;
	struct p2p_hold hold;
};

static int p2p_open(struct inode *inode, struct file *file)
{
	struct p2p_file *f = p2pcert_open(inode, file, sizeof(*f));

	if (IS_ERR(f))
		return PTR_ERR(f);
	mutex_init(&f->hold.lock);
	return 0;
}

static int p2p_release(struct inode *inode, struct file *file)
{
	struct p2p_file *f = file->private_data;

	p2p_unpin(&f->hold.range);
	kfree(f);
	return 0;
}

static long p2p_do(struct file *file, unsigned int cmd, void __user *arg)
{
	struct p2p_file *f = file->private_data;
	u32 faults = READ_ONCE(f->faults);

	switch (cmd) {
	case P2PCERT_IOC_SET_FAULTS:
		return p2pcert_ioctl_set_faults(arg, P2P_FAULTS, &f->faults);
	case P2PCERT_IOC_DISTANCE:
		return p2p_ioctl_distance(arg, faults, false);
	case P2PCERT_IOC_DISTANCE_WHY:
		return p2p_ioctl_distance(arg, faults, true);
	case P2PCERT_IOC_MAP:
		return p2p_ioctl_map(arg, faults);
	case P2PCERT_IOC_COPY:
		return p2p_ioctl_copy(arg, faults);
	case P2PCERT_IOC_HELD:
		return p2pcert_ioctl_held(arg, &p2p_held);
	case P2PCERT_IOC_PIN:
		return p2p_ioctl_pin(&f->hold, arg, faults);
	case P2PCERT_IOC_UNPIN:
		return p2p_ioctl_unpin(&f->hold);
	}
	return -ENOTTY;
}

P2PCERT_DEVICE(p2p, P2PCERT_DEV_P2P);

static int __init p2p_init(void)
{
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA)) {
		pr_info("not loaded: this kernel was built without CONFIG_PCI_P2PDMA\n");
		return -EOPNOTSUPP;
	}
	if (!P2P_FOLL) {
		pr_info("not loaded: this kernel cannot pin P2PDMA pages of user space\n");
		return -EOPNOTSUPP;
	}
	return misc_register(&p2p_misc);
}
module_init(p2p_init);

static void __exit p2p_exit(void)
{
	misc_deregister(&p2p_misc);
	p2p_drop_leaks();
}
module_exit(p2p_exit);

MODULE_AUTHOR("The p2pcert authors");
MODULE_DESCRIPTION("p2pcert: peer-to-peer DMA verdicts, mappings and transfers");
MODULE_LICENSE("GPL");
MODULE_VERSION(P2PCERT_MODULE_VERSION);
