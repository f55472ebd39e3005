/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of p2pcert_iova share. From the bottom: map.c maps memory of the caller for a
 * device in one of the ways that drivers have, hmm.c in the way of those that do not pin it;
 * engine.c lets the device use what is mapped; main.c is the character device.
 *
 * An open file has one device and one mapping at most, which its lock protects. Of a mapping that
 * follows the page table, the addresses have a lock of their own, which invalidations take.
 */
#ifndef P2PCERT_IOVA_H
#define P2PCERT_IOVA_H

#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>

#include "p2pcert_chan.h"
#include "p2pcert_kmod.h"

/* On a kernel without one of these the module does not load. */
#define IOV_SUPPORTED                                                                              \
	(HAVE_DMA_IOVA && HAVE_DMA_MAP_PHYS && HAVE_DMA_ATTR_MMIO && HAVE_HMM_DMA_MAP &&           \
	 HAVE_CONFIG_HMM_MIRROR && HAVE_CONFIG_PCI_P2PDMA && HAVE_FOLL_PCI_P2PDMA)

#if IOV_SUPPORTED
#include <linux/hmm-dma.h>

/* What is held now, for whoever looks for leaks. */
extern struct p2pcert_holdings iov_held;

struct iov_page {
	dma_addr_t dma;
	u32 flags; /* P2PCERT_IOVA_PAGE_* */
};

struct iov_hmm {
	struct mmu_interval_notifier notifier;
	struct hmm_dma_map map;
	struct device *dev;
	unsigned long start; /* of the first page */
	unsigned long nr;
	struct mutex lock; /* of the map's list of pages, and what follows */
	u64 invalidated; /* pages that were mapped when they went */
	bool deaf; /* P2PCERT_FAULT_NOTIFY_LOST */
	struct page **kept; /* pages that are not let go of, being deaf */
};

struct iov_map {
	struct list_head node; /* of leaks, or of what is freed late */
	struct device *dev; /* with a reference */
	u32 method; /* P2PCERT_IOVA_BY_*; 0: nothing is mapped */
	u32 flags; /* P2PCERT_IOVA_* */
	u32 faults; /* those of the file when it was mapped */
	u64 length;
	unsigned int offset; /* of the range's first byte in its first page */
	unsigned int nr_pages;
	unsigned int pinned; /* how many of them */
	struct page **pages; /* NULL if they are not pinned */
	struct iov_page *at;
	struct dma_iova_state state; /* of BY_IOVA */
	unsigned int links;
	struct sg_table sgt; /* of BY_SG */
	bool sg_mapped;
	struct iov_hmm *hmm; /* of BY_HMM */
};

struct iov_file {
	struct mutex lock; /* of all that follows */
	struct p2pcert_chan channel; /* the device */
	struct iov_map *map; /* NULL: none */
	struct list_head late; /* unmapped, but for their addresses: P2PCERT_FAULT_FREE_LATE */
	u32 faults;
};

/* Where the range's part in a page begins, from the range's first byte; and how long it is. */
static inline u64 iov_page_begin(const struct iov_map *m, unsigned int i)
{
	return i ? (u64)i * PAGE_SIZE - m->offset : 0;
}

static inline u32 iov_page_length(const struct iov_map *m, unsigned int i)
{
	return min_t(u64, m->length - iov_page_begin(m, i), PAGE_SIZE - (i ? 0 : m->offset));
}

/* --- map.c --- */

long iov_ioctl_map(struct iov_file *f, void __user *arg);
long iov_ioctl_unmap(struct iov_file *f, void __user *arg);
long iov_ioctl_relink(struct iov_file *f, void __user *arg);
long iov_ioctl_pages(struct iov_file *f, void __user *arg);
/* Unmaps what the file has mapped, if anything. */
void iov_drop_map(struct iov_file *f);
/* Frees the addresses that the file has kept. */
void iov_drop_late(struct iov_file *f);
void iov_drop_leaks(void);

/* --- hmm.c --- */

/* How a P2PDMA page is to be mapped for a device: flags, and an address if it is the bus's. */
int iov_p2p_kind(struct device *dev, struct page *page, struct iov_page *at);
/* The caller's memory from now on, with all pages mapped. */
int iov_hmm_begin(struct iov_map *m, unsigned long addr);
void iov_hmm_end(struct iov_map *m);
/* Sees that all pages are mapped; they stay so until iov_hmm_unlock(). */
int iov_hmm_lock(struct iov_map *m);
void iov_hmm_unlock(struct iov_map *m);
/* With the lock: how a page is mapped now. */
void iov_hmm_describe(const struct iov_map *m, unsigned int i, struct p2pcert_iova_page *p);

/* --- engine.c --- */

long iov_ioctl_attach(struct iov_file *f, void __user *arg);
long iov_detach(struct iov_file *f);
long iov_ioctl_access(struct iov_file *f, void __user *arg, bool write);

#endif /* IOV_SUPPORTED */
#endif /* P2PCERT_IOVA_H */
