/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of p2pcert_p2p share. From the bottom: range.c pins memory of the caller, maps it
 * and tells how it was mapped; verdict.c has what the kernel rules on a pair, pin.c how it lets
 * memory be pinned, and copy.c a transfer by a DMA engine; main.c is the character device.
 */
#ifndef P2PCERT_P2P_H
#define P2PCERT_P2P_H

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "p2pcert_kmod.h"

/* Before this flag existed the kernel could not hand P2PDMA pages to user space at all. */
#if HAVE_FOLL_PCI_P2PDMA
#define P2P_FOLL FOLL_PCI_P2PDMA
#else
#define P2P_FOLL 0
#endif

/* What is held now, for whoever looks for leaks. */
extern struct p2pcert_holdings p2p_held;

/* --- range.c --- */

/* A range of the caller, pinned, and mapped for dev while `mapped` says so. */
struct p2p_range {
	struct page **pages;
	unsigned int nr_pages; /* pinned */
	unsigned int offset; /* of the range's first byte in pages[0] */
	u64 length;
	bool write; /* the device writes into it */
	bool got; /* by get_user_pages_...(), and so not pinned in the kernel's sense */
	struct device *dev;
	struct sg_table sgt;
	bool mapped;
};

/* Is it a range that a caller may mean? 0 or -EINVAL. */
int p2p_check_range(u64 addr, u64 length);
/* Until an error: what was pinned before stays so, for p2p_unpin(). flags: P2PCERT_PIN_* */
int p2p_pin_pages(struct p2p_range *r, u64 addr, u64 length, u32 flags);
/* The same, for a device that is to read it, or to write it. */
int p2p_pin(struct p2p_range *r, struct device *dev, u64 addr, u64 length, bool write);
void p2p_unpin(struct p2p_range *r);
int p2p_map(struct p2p_range *r);
void p2p_unmap(struct p2p_range *r);
void p2p_release_range(struct p2p_range *r);
/* Describes up to max runs of a mapped range; returns how many runs there are. */
u32 p2p_describe(const struct p2p_range *r, struct p2pcert_seg *segs, u32 max);

/* A function, with a reference that is counted; NULL if there is none. */
struct pci_dev *p2p_get_function(const struct p2pcert_bdf *bdf);
void p2p_put_function(struct pci_dev *pdev);

/* For P2PCERT_FAULT_LEAK: keeps a function, or the first page of a range, until the module goes. */
int p2p_leak_function(struct pci_dev *pdev);
int p2p_leak_page(struct p2p_range *r);
void p2p_drop_leaks(void);

/* --- verdict.c --- */

long p2p_ioctl_distance(void __user *arg, u32 faults, bool why);
long p2p_ioctl_map(void __user *arg, u32 faults);

/* --- pin.c --- */

/* What a file holds by P2PCERT_PIN_HOLD. */
struct p2p_hold {
	struct mutex lock; /* of the range */
	struct p2p_range range;
};

long p2p_ioctl_pin(struct p2p_hold *hold, void __user *arg, u32 faults);
long p2p_ioctl_unpin(struct p2p_hold *hold);

/* --- copy.c --- */

long p2p_ioctl_copy(void __user *arg, u32 faults);

#endif /* P2PCERT_P2P_H */
