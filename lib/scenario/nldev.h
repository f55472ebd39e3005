/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of RDMA devices over netlink (rdma/rdma_netlink.h, NLDEV): which device is behind a
 * name, which of its regions has a key, and what the device itself counts of a region on demand, as
 * rdma-statistic(8) shows it; and making software devices.
 */
#ifndef P2PCERT_SCENARIO_NLDEV_H
#define P2PCERT_SCENARIO_NLDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum nldev_counter {
	NLDEV_PAGE_FAULTS, /* pages that were fetched for the device */
	NLDEV_PAGE_INVALIDATIONS, /* and taken from it */
	NLDEV_PAGE_PREFETCH, /* and fetched by advice */
	NR_NLDEV_COUNTERS,
};

struct nldev_counters {
	unsigned int known; /* bit N: the device has counter N */
	uint64_t value[NR_NLDEV_COUNTERS];
};

extern const char *const nldev_counter_names[NR_NLDEV_COUNTERS];

/*
 * The counters of the region with this remote key: none known where the device counts nothing of its regions.
 * 0, or a negative errno: it could not be looked. -ENODEV: there is no such device or region; -EPERM: keys
 * are shown to CAP_NET_ADMIN alone.
 */
int nldev_mr_counters(const char *device, uint32_t rkey, struct nldev_counters *c) attr_must_check;

/* What was counted between two looks; a counter that was not there at both is not known. */
void nldev_counters_since(const struct nldev_counters *before, const struct nldev_counters *now,
			  struct nldev_counters *between);
/*
 * Did a counter move, or stay, as it must? NULL if it did, or if the device has none; else what is wrong, to be
 * freed.
 */
char *nldev_counter_refuse(const struct nldev_counters *between, enum nldev_counter which,
			   bool moves) attr_must_check;

/*
 * Makes and removes a software device as rdma-link(8) does; type "rxe". 0 when it is done, or a negative errno:
 * the kernel's, or that it could not be asked.
 */
int nldev_link_add(const char *device, const char *type, const char *netdev) attr_must_check;
int nldev_link_delete(uint32_t device) attr_must_check;
/* The kernel's number of a device, by which it is removed. -ENODEV: there is none. */
int nldev_device(const char *name, uint32_t *device) attr_must_check;

/* --- nldev_parse.c, for nldev.c: what the kernel has answered, pure ------------------------------- */

/*
 * One datagram: each returns 1 if the answer was in it, 0 if there may be more to come, -ENODATA at the end
 * of a dump, what the kernel has refused with, or -EBADMSG. seq: of the request.
 */
int nldev_parse_device(const void *data, size_t len, uint32_t seq, const char *name,
		       uint32_t *index) attr_must_check;
/* -EPERM: there are regions, without their keys. */
int nldev_parse_mr(const void *data, size_t len, uint32_t seq, uint32_t rkey,
		   uint32_t *number) attr_must_check;
int nldev_parse_counters(const void *data, size_t len, uint32_t seq,
			 struct nldev_counters *c) attr_must_check;
/* Of a command. */
int nldev_parse_done(const void *data, size_t len, uint32_t seq) attr_must_check;

#endif
