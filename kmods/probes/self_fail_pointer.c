// SPDX-License-Identifier: GPL-2.0-only
/* Must not compile: a callback of another type. */
#include <linux/module.h>
#include <linux/fs.h>

static int p2pcert_release(long a)
{
	return a;
}

const struct file_operations p2pcert_probe;
const struct file_operations p2pcert_probe = {
	.release = p2pcert_release,
};
