/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of p2pcert_dmabuf share. From the bottom: bar.c binds PCI functions, whose BAR can
 * be handed out; export.c makes dma-bufs and moves their memory about; import.c attaches to
 * anybody's and uses them as a device would; vma.c maps memory of a device file; main.c is the
 * character device.
 *
 * What a dma-buf is made of, and what an importer has mapped, is protected by the lock of its
 * reservation object. Locks nest so: of the file, of the list of BARs, of the reservation object.
 */
#ifndef P2PCERT_DMABUF_H
#define P2PCERT_DMABUF_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/wait.h>

#include "p2pcert_chan.h"
#include "p2pcert_kmod.h"

/* Older kernels lock dma-bufs by other rules; such a kernel gets a module that does not load. */
#define DMB_SUPPORTED                                                                              \
	(HAVE_DMA_BUF_MAP_ATTACHMENT_UNLOCKED && HAVE_VM_FLAGS_SET &&                              \
	 HAVE_EXPORT_DMA_BUF_EXPORT && HAVE_EXPORT_DMA_BUF_DYNAMIC_ATTACH)

/* Can memory without pages, of a BAR, be mapped for a peer? */
#define DMB_BARS (HAVE_DMA_BUF_PHYS_VEC_TO_SGT && HAVE_PCIM_P2PDMA_PROVIDER &&                     \
		  HAVE_CONFIG_PCI_P2PDMA)

/* What is held now, for whoever looks for leaks. */
extern struct p2pcert_holdings dmb_held;

/* --- bar.c --- */

struct p2pdma_provider;

struct dmb_bar {
	struct list_head node;
	struct list_head buffers; /* that may be placed here */
	struct pci_dev *pdev;
	struct p2pdma_provider *provider;
	void __iomem *base;
	void *before; /* what it held */
	phys_addr_t start;
	u64 size; /* bytes that are handed out */
};

int dmb_bar_register(void);
void dmb_bar_unregister(void);
/* Between these two no BAR comes or goes. */
void dmb_bars_lock(void);
void dmb_bars_unlock(void);
/* Of that function; NULL: none. With BARs locked. */
struct dmb_bar *dmb_bar_find(const struct p2pcert_bdf *bdf);

/* --- export.c --- */

struct dmb_buffer {
	struct dma_buf *dmabuf;
	struct list_head node; /* of its BAR's buffers, with BARs locked */
	struct dmb_bar *bar; /* NULL: it has none, or has it no more */
	u64 bar_offset;
	u32 nr_ranges;
	unsigned long nr_pages;
	struct page **pages[2]; /* of P2PCERT_PLACE_RAM and _OTHER_RAM */
	u32 place;
	bool revoked;
	u32 attachments;
	u32 attached; /* ever */
	u32 pins;
	u32 mappings;
	wait_queue_head_t unmapped;
	struct list_head policies;
	u32 faults; /* of the file that exported it */
};

/* The module's dma-buf that fd is, with a reference, or an ERR_PTR(). */
struct dmb_buffer *dmb_buffer_get(int fd);
void dmb_buffer_put(struct dmb_buffer *b);
/* Is it one of the module's? NULL if not. */
struct dmb_buffer *dmb_buffer_of(struct dma_buf *dmabuf);
/* Reads or writes where the memory is; with the reservation object locked. */
int dmb_buffer_access(struct dmb_buffer *b, u64 offset, void *data, u64 length, bool write);
/* Its BAR goes: nothing is mapped there when this returns. */
void dmb_buffer_lose_bar(struct dmb_buffer *b);

long dmb_ioctl_export(void __user *arg, u32 faults);
long dmb_ioctl_place(void __user *arg);
long dmb_ioctl_move(void __user *arg, u32 faults, bool revoke);
long dmb_ioctl_policy(void __user *arg);
void dmb_drop_leaks(void);

/* --- import.c --- */

struct dmb_importer {
	u32 flags; /* P2PCERT_ATTACH_* */
	u32 faults; /* of the file, now */
	struct p2pcert_chan channel; /* the device; without a channel the CPU copies */
	struct dma_buf_attachment *attach; /* NULL: none */
	struct sg_table *sgt; /* NULL: not mapped */
	atomic64_t notified;
	atomic64_t mapped;
	atomic64_t unmapped;
	atomic64_t engine_bytes;
	atomic64_t cpu_bytes;
};

/* own: the module's device, which attaches if no engine is asked for. */
long dmb_ioctl_attach(struct dmb_importer *im, struct device *own, void __user *arg);
long dmb_detach(struct dmb_importer *im);
long dmb_ioctl_map(struct dmb_importer *im, void __user *arg);
long dmb_unmap(struct dmb_importer *im);
long dmb_ioctl_access(struct dmb_importer *im, void __user *arg, bool write);
long dmb_ioctl_counters(struct dmb_importer *im, void __user *arg);

/* --- vma.c --- */

int dmb_mmap(struct vm_area_struct *vma, const bool *allowed);
/* Takes away from all mappings what faults have given them. */
void dmb_zap_faulted(struct address_space *mapping);

#endif /* P2PCERT_DMABUF_H */
