/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What initiators that user space drives through VFIO share, whoever drives them: the function that moves, and the
 * BAR of another one that it moves to and from, at an address that VFIO has put into the IOMMU's page table for it.
 * The kernel's peer-to-peer code has no say in that. For functions that were named alone, both of them; a BAR must
 * be prefetchable, so that it is memory and no registers, and what it held is put back.
 *
 * An initiator's state is a struct vfio_engine.
 */
#ifndef P2PCERT_SCENARIO_VFIO_ENGINE_H
#define P2PCERT_SCENARIO_VFIO_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/initiator.h"
#include "scenario/vfio.h"

/* Of the other function's BAR, from its beginning. */
#define VFIO_PEER_BYTES (16u * 1024)
/* Two windows below what any driver's function drives, where no machine has BARs: memory, and the BAR. */
#define VFIO_OWN_IOVA 0x1000000ull
#define VFIO_PEER_IOVA 0x2000000ull

struct vfio_engine {
	struct vfio_function function;
	void *driver; /* of whoever drives it */
	struct { /* the other function, while it takes part */
		struct vfio_function function;
		struct vfio_region_info bar;
		unsigned char *held; /* what its memory held */
	} target;
};

/* The functions that were named and that fit: find() of a kind, and its forget(). */
int vfio_engine_find(const struct exam *x, bool (*fits)(const struct function *f), void **list,
		     size_t *n) attr_must_check;
void vfio_engine_forget(void *list, size_t n);

/*
 * Takes the k-th of them, which decodes memory and masters the bus from then on. 0 or a negative errno, for
 * vfio_engine_say(), with *why if there is more to say; vfio_engine_close() must follow either.
 */
int vfio_engine_open(struct initiator *i, void *list, size_t k, char **why) attr_must_check;
void vfio_engine_close(struct initiator *i);
/* A function cannot be had, or not be driven. */
void vfio_engine_say(struct exam *x, const struct function *f, int err, const char *why);

/* Of struct initiator_kind. */
bool vfio_engine_is_target(const struct initiator *i, const struct function *f);
bool vfio_engine_meet(struct initiator *i, struct peer *p, const struct function *target);
void vfio_engine_leave(struct initiator *i, struct peer *p);
char *vfio_engine_refuse_path(const struct move *m, const struct moved *r, char **way);

#endif
