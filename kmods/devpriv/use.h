/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a consumer has in its page table: pages that are mapped for it one by one, or, where a huge
 * page lies in one piece, many as one. Who may have what, and the lock of it all, is consumer.c's.
 */
#ifndef P2PCERT_DEVPRIV_USE_H
#define P2PCERT_DEVPRIV_USE_H

#include "channel.h"

/* A page as it is mapped; all zero: not. */
struct dpv_use {
	struct page *page; /* the alias, or memory */
	struct dpv_use *head; /* the first of those that are mapped as one */
	unsigned int nr; /* of the head: how many these are */
	struct dpv_side side; /* of the head */
	bool write; /* may be written */
	bool alias;
	bool dirty; /* written, if it is memory */
};

static inline dma_addr_t dpv_use_dma(const struct dpv_use *u)
{
	return sg_dma_address(&u->head->side.sg) + ((dma_addr_t)(u - u->head) << PAGE_SHIFT);
}

static inline bool dpv_can_use(const struct dpv_use *u, bool write)
{
	return u->page && (!write || u->write);
}

/* Maps nr pages from page on as one, as the uses from u on, of which none is mapped. */
int dpv_use_map(struct device *dev, struct dpv_use *u, struct page *page, unsigned int nr,
		bool write);
/* Ends a use, and all that are mapped with it; says how many. */
unsigned int dpv_use_unmap(struct device *dev, struct dpv_use *u);

#endif /* P2PCERT_DEVPRIV_USE_H */
