/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The character device of a module: who may open it, what an open file has of its own, and the
 * ioctl that every device answers. What else it answers is the module's.
 */
#ifndef P2PCERT_DEV_H
#define P2PCERT_DEV_H

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "p2pcert_kmod.h"

/* What a file that is being opened has of its own, zero, for release to free; or an ERR_PTR(). */
static inline void *p2pcert_open(struct inode *inode, struct file *file, size_t size)
{
	if (!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-EPERM);
	file->private_data = kzalloc(size, GFP_KERNEL);
	if (!file->private_data)
		return ERR_PTR(-ENOMEM);
	nonseekable_open(inode, file);
	return file->private_data;
}

/*
 * Defines PREFIX_misc, from the module's PREFIX_open(), PREFIX_release() and PREFIX_do(), which is
 * given the file and an ioctl that is the module's own. More file operations may follow.
 */
#define P2PCERT_DEVICE(prefix, device_name, ...)                                                   \
	static long prefix##_ioctl(struct file *file, unsigned int cmd, unsigned long value)       \
	{                                                                                          \
		void __user *arg = (void __user *)value;                                           \
												   \
		if (cmd == P2PCERT_IOC_VERSION)                                                    \
			return p2pcert_ioctl_version(arg);                                         \
		return prefix##_do(file, cmd, arg);                                                \
	}                                                                                          \
												   \
	static const struct file_operations prefix##_fops = {                                      \
		.owner = THIS_MODULE,                                                              \
		.open = prefix##_open,                                                             \
		.release = prefix##_release,                                                       \
		.unlocked_ioctl = prefix##_ioctl,                                                  \
		.compat_ioctl = compat_ptr_ioctl,                                                  \
		__VA_ARGS__                                                                        \
	};                                                                                         \
												   \
	static struct miscdevice prefix##_misc = {                                                 \
		.minor = MISC_DYNAMIC_MINOR,                                                       \
		.name = device_name,                                                               \
		.fops = &prefix##_fops,                                                            \
		.mode = 0600,                                                                      \
	}

#endif /* P2PCERT_DEV_H */
