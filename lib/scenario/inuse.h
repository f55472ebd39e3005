/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether somebody uses a device, so that a scenario which can disturb it must leave it alone. Told
 * from sysfs and proc: mounts, swap space and what is built on a block device; the state of network
 * interfaces; processes that have a device node open, which RDMA, GPU and VFIO users do; displays
 * that are connected. All that lies below a function or hangs on it counts as part of it.
 *
 * What sysfs does not show cannot be told here: kernel users of an RDMA device (NFS, storage, IPoIB),
 * and processes of a machine of which only a part is seen, as in a container.
 */
#ifndef P2PCERT_SCENARIO_INUSE_H
#define P2PCERT_SCENARIO_INUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Where it is looked for, and what only the running machine can answer. */
struct in_use_env {
	const char *sysroot; /* before /sys, /proc and /dev; NULL: the machine's own */
	/*
	 * Opens the node for this process alone, and closes it again. 0, or a negative errno: -EBUSY if
	 * somebody has it. NULL: nothing is asked.
	 */
	int (*claim)(const char *node);
	/* Has the network interface an address? NULL: nothing is asked. */
	bool (*has_address)(const char *netdev);
};

/*
 * The reasons not to disturb a device, one line each: an address ("0000:03:00.0"), a block device
 * ("nvme0n1"), a network interface ("eth0") or an RDMA device ("mlx5_0"). That there is no such device
 * is one; that it cannot be told is one, too. Returns how many; *reasons is NULL if there is none, else
 * freed with in_use_free().
 */
size_t device_in_use(const struct in_use_env *env, const char *device,
		     char ***reasons) attr_must_check;
void in_use_free(char **reasons, size_t n);

/* The answers of the running machine. */
int in_use_claim(const char *node) attr_must_check;
bool in_use_has_address(const char *netdev);

#endif
