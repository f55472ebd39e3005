// SPDX-License-Identifier: GPL-2.0-only
/* Must not compile: a function that no kernel has, called without a declaration. */
#include <linux/module.h>

int p2pcert_probe(void);

int p2pcert_probe(void)
{
	return p2pcert_no_kernel_has_this();
}
