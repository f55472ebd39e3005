/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of p2pcert_devpriv share. From the bottom: memory.c owns devices, their pages and
 * the data behind them; bar.c makes devices of PCI functions; channel.c takes a DMA engine and
 * engine.c copies pages with it; migrate.c moves pages in and out; find.c finds where a process's
 * pages are; mirror.c uses them as a device would, and consumer.c as another device would, which
 * asks alias.c where they can be reached; main.c is the character device.
 */
#ifndef P2PCERT_DEVPRIV_H
#define P2PCERT_DEVPRIV_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

#include "p2pcert_kmod.h"

/*
 * Without device-private memory the functions used here are not exported, and memremap_pages()
 * would warn: such a kernel gets a module that says so and does not load.
 */
#define DPV_SUPPORTED                                                                              \
	(HAVE_CONFIG_DEVICE_PRIVATE && HAVE_EXPORT_HMM_RANGE_FAULT &&                              \
	 HAVE_EXPORT_MIGRATE_VMA_SETUP && HAVE_EXPORT_MIGRATE_DEVICE_RANGE &&                      \
	 HAVE_EXPORT_REQUEST_FREE_MEM_REGION && HAVE_EXPORT_MMU_INTERVAL_NOTIFIER_INSERT)

/* Can a whole huge page go to the device and come back? */
#define DPV_HUGE (HAVE_MIGRATE_VMA_SELECT_COMPOUND && HAVE_PAGEMAP_FOLIO_SPLIT &&                  \
		  HAVE_ZONE_DEVICE_PAGE_INIT_PGMAP && IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))

/*
 * Defects to plant, for tests that the scenarios notice them: at most one is compiled in, by
 * P2PCERT_DEFECT=NAME on make's command line. In the scenarios that are to notice them, none but
 * the last ones touches memory that is neither the module's nor the caller's.
 */
enum dpv_defect {
	DPV_DEFECT_none,
	DPV_DEFECT_page_not_copied, /* one page in seven stays behind on the way in */
	DPV_DEFECT_hole_not_cleared, /* memory that was never touched shows something else */
	DPV_DEFECT_tail_not_copied, /* of a huge page, the last small one */
	DPV_DEFECT_fault_loses_data, /* a touched page comes back empty */
	DPV_DEFECT_fault_does_nothing, /* and says that it has come back */
	DPV_DEFECT_evict_loses_data,
	DPV_DEFECT_range_too_long, /* by one page */
	DPV_DEFECT_range_too_short,
	DPV_DEFECT_reference_extra, /* of each page that went in, besides that of its mapping */
	DPV_DEFECT_reference_kept, /* of each page that came back, until the device goes */
	DPV_DEFECT_faults_not_counted,
	DPV_DEFECT_wrong_owner, /* all devices have the same, and so take each other's pages */
	DPV_DEFECT_write_spills, /* what is written to a page also lands in another one */
	DPV_DEFECT_page_off, /* data comes from and goes to the page behind */
	DPV_DEFECT_write_lost, /* the device may not write what it may */
	DPV_DEFECT_write_gained, /* what may be read may be written */
	DPV_DEFECT_sees_memory, /* the device takes ordinary memory for its own */
	DPV_DEFECT_order_lost, /* a huge mapping is told as small ones */
	DPV_DEFECT_stale_entry, /* memory that is gone stays in the page table */
	DPV_DEFECT_protection_ignored, /* what may be written no more still is */
	DPV_DEFECT_read_kept, /* what may be accessed no more can be read as before */
	DPV_DEFECT_exclusive_kept, /* after the CPU has touched the page */
	DPV_DEFECT_sequence_ignored, /* what was found before an invalidation is used after it */
	DPV_DEFECT_engine_not_awaited, /* what the DMA engine has not copied yet counts as copied */
	DPV_DEFECT_engine_failure_ignored, /* and what it could not copy */
	DPV_DEFECT_alias_masked, /* the answer loses which page it is, and that it is one */
	DPV_DEFECT_alias_off, /* the alias is that of the page behind */
	DPV_DEFECT_alias_same_for_all, /* what the last one was told, whoever asks */
	DPV_DEFECT_alias_write_gained, /* what a consumer may read it may write */
	DPV_DEFECT_alias_kept, /* in use when the page is no more where it was */
	DPV_DEFECT_alias_all_back, /* one refusal, and all pages of the range come back */
	DPV_DEFECT_alias_retry_locked, /* the second try after a refusal waits for the first */
	DPV_DEFECT_alias_not_unmapped, /* when it is in use no more */
	DPV_DEFECT_alias_in_huge_off, /* the kernel is believed which page is inside a huge one */
	/* and those that may end the kernel, which is all that there is to notice */
	DPV_DEFECT_split_without_pagemap, /* what is cut off a huge page belongs to no device */
	DPV_DEFECT_freed_twice, /* the memory behind a page */
};

#ifdef P2PCERT_DEFECT
#define DPV_DEFECT(name) (__PASTE(DPV_DEFECT_, P2PCERT_DEFECT) == DPV_DEFECT_##name)
#else
#define DPV_DEFECT(name) (DPV_DEFECT_none == DPV_DEFECT_##name)
#endif

struct dpv_device;
struct dpv_bar;
struct dpv_engine;

/* One piece of device memory: a dev_pagemap with its pages. */
struct dpv_chunk {
	struct dev_pagemap pagemap;
	struct dpv_device *dev;
	struct list_head node;
	struct resource *res;
	unsigned long first_pfn;
	unsigned long nr_pages; /* usable: the last chunk may be larger than what is allowed */
	unsigned long *used; /* bitmap of pages handed out */
	unsigned long hint; /* where to look for a free one first */
	struct page **backing; /* of each page in use; NULL: the pages are in the BAR */
	u64 first_number; /* pages of the device before it; in a BAR that is where they lie */
};

/* What happened in a device, since it is there. */
struct dpv_counters {
	atomic64_t to_device;
	atomic64_t to_ram;
	atomic64_t huge_to_device; /* huge pages that moved whole */
	atomic64_t huge_to_ram;
	atomic64_t splits; /* huge pages split while in the device */
	atomic64_t faults;
	atomic64_t evicted;
	atomic64_t cpu_copied; /* pages */
	atomic64_t engine_copied;
	atomic64_t engine_failed; /* that the CPU copied instead */
	atomic64_t engine_ns;
	atomic64_t aliases; /* mapped for consumers now */
	atomic64_t references_lost; /* of pages being brought back, that somebody dropped */
	atomic64_t freed_twice; /* pages that came back when nobody had them */
};

struct dpv_device {
	struct kref ref;
	struct list_head node; /* in the list of devices */
	struct rw_semaphore gate; /* held for reading while the device is used; see dpv_enter() */
	bool gone;
	/*
	 * Held for reading from when pages are taken until they are initialised, and for writing
	 * while the kernel looks for pages to evict: what a page is part of it reads before it has
	 * a reference (migrate_device_range(), 7.2 and 7.3), and takes a small page that was the
	 * tail of a freed huge one for huge.
	 */
	struct rw_semaphore fresh;
	unsigned int index; /* of memory's devices */
	struct dpv_bar *bar; /* NULL: the data is in ordinary memory */
	spinlock_t lock; /* protects the page state of all chunks */
	struct list_head chunks; /* only grows, under grow_lock and lock */
	struct mutex grow_lock; /* held while a chunk is added */
	unsigned long nr_pages;
	unsigned long nr_used;
	struct list_head leaks;
	struct dpv_counters count;
	/* faults that strike what nobody asks for, the return of touched memory; under lock */
	struct p2pcert_fault_plan *plan;
	struct list_head policies; /* of aliases; under lock */
	struct mutex consumers_lock; /* of the list; the consumers' own locks nest inside */
	struct list_head consumers;
	struct mutex engine_lock; /* held while the engine copies a page, or is another one */
	struct dpv_engine *engine; /* NULL: the CPU copies */
};

/* --- memory.c --- */

/* A device made of memory, made when it is first asked for; a reference, or an ERR_PTR(). */
struct dpv_device *dpv_ram_device(unsigned int index);
/* A device made of a function's BAR; a reference, or ERR_PTR(-ENODEV). */
struct dpv_device *dpv_bar_device(const struct p2pcert_bdf *bdf);
void dpv_put_device(struct dpv_device *dev);

/* A device over so many pages of a BAR joins the list; the list's reference, or an ERR_PTR(). */
struct dpv_device *dpv_add_device(struct dpv_bar *bar, unsigned int index);
/* Brings all its pages back, gives its memory back and takes it off the list. */
void dpv_remove_device(struct dpv_device *dev);
void dpv_remove_devices(void);

/* Between these two the device stays; -ENODEV if it has gone. */
int dpv_enter(struct dpv_device *dev);
void dpv_leave(struct dpv_device *dev);

/*
 * Sees to it that there are pages to hand out. Called before any lock of the memory manager is
 * held: adding memory takes locks that must not nest inside these. Other callers may be faster, so
 * this promises nothing; a device that is full is no error either.
 */
void dpv_reserve(struct dpv_device *dev, unsigned long nr);
/* 2^order locked device pages in one folio with one reference, content undefined; or NULL. */
struct page *dpv_get_pages(struct dpv_device *dev, unsigned int order);
struct dpv_device *dpv_page_device(const struct page *page);
/* What its pages are known by to the kernel: the device itself. */
void *dpv_owner(struct dpv_device *dev);
/* Its place in the device's memory, in pages. */
u64 dpv_page_number(struct page *page);

/* The data of one device page; length is at most the page size. */
void dpv_data_read(struct page *page, void *to, size_t length);
void dpv_data_write(struct page *page, const void *from, size_t length);
void dpv_data_clear(struct page *page);
/* Where it is; in a BAR only after dpv_bar_add_pages(). */
struct page *dpv_data_page(struct page *page);

/* Keeps one device page until the device goes, for P2PCERT_FAULT_LEAK. */
int dpv_leak_page(struct dpv_device *dev);
/* The same with a reference of a page in use; false if there is no memory to remember it. */
bool dpv_keep_page(struct dpv_device *dev, struct page *page);
unsigned long dpv_in_use(struct dpv_device *dev);
/* Pages that it may grow to. */
unsigned long dpv_limit(const struct dpv_device *dev);

/* Does a fault strike now in what is done on the device's own account? */
bool dpv_device_strikes(struct dpv_device *dev, u32 fault);
/* A file's plan strikes there too, until it is taken away again. */
void dpv_device_plan(struct dpv_device *dev, struct p2pcert_fault_plan *plan);
void dpv_device_unplan(struct dpv_device *dev, struct p2pcert_fault_plan *plan);

/* --- bar.c --- */

int dpv_bar_register(void);
void dpv_bar_unregister(void);
bool dpv_bar_is(const struct dpv_bar *bar, const struct p2pcert_bdf *bdf);
void __iomem *dpv_bar_at(const struct dpv_bar *bar, u64 offset);
unsigned long dpv_bar_pages(const struct dpv_bar *bar);
int dpv_bar_node(const struct dpv_bar *bar);
/* Sees to it that the BAR has peer-to-peer pages, which stay until its driver goes. */
int dpv_bar_add_pages(struct dpv_bar *bar);
bool dpv_bar_has_pages(const struct dpv_bar *bar);
struct page *dpv_bar_page(const struct dpv_bar *bar, u64 nr);

/* --- engine.c --- */

/* As P2PCERT_IOC_DEVPRIV_ENGINE says; returns its result, and -EINVAL for what cannot be asked. */
int dpv_engine_set(struct dpv_device *dev, struct p2pcert_devpriv_engine *r, const void *owner);
/* The device has no engine any more, if it had it of this owner; NULL is any. */
void dpv_engine_drop(struct dpv_device *dev, const void *owner);
/*
 * The engine copies between a device page and a page of memory; false if the CPU is to do it.
 * Sleeps. plan is that of the file that wants it, NULL if nobody asked.
 */
bool dpv_engine_copy(struct dpv_device *dev, struct p2pcert_fault_plan *plan, struct page *page,
		     struct page *ram, bool to_device);

/* --- migrate.c --- */

/* How data is copied: honestly, or with the faults that a file asked for. */
struct dpv_copy {
	struct p2pcert_fault_plan *plan; /* NULL: no faults */
	u64 end; /* of the whole range, for the fault that strikes its tail */
};

/* P2PCERT_DELAY_MS, for P2PCERT_FAULT_DELAY. */
void dpv_delay(void);
/* Bytes of the page at addr that are copied: all, but for faults. */
u64 dpv_copy_length(const struct dpv_copy *copy, u64 addr);

int dpv_migrate_range(struct dpv_device *dev, struct p2pcert_devpriv_range *r,
		      struct p2pcert_fault_plan *plan, bool to_device);
/* Brings back nr pages at most, whoever uses them, the device's first ones first. */
int dpv_evict(struct dpv_device *dev, u64 nr, u64 *evicted);
/* Brings everything back; there must be no way into the device any more. */
void dpv_evict_all(struct dpv_device *dev);
vm_fault_t dpv_migrate_to_ram(struct vm_fault *vmf);

/* --- find.c --- */

struct hmm_range;

/* Whoever has a page table of its own: its lock is the one that an invalidation takes. */
struct dpv_finder {
	struct mmu_interval_notifier *notifier;
	struct mutex *lock; /* held when dpv_find() has found */
	struct p2pcert_fault_plan *plan;
	atomic64_t *retries;
};

/*
 * hmm_range_fault() of a part of the notifier's range, until what it tells is up to date; the
 * address space may be another one than the caller's. Returns with the lock held if it returns 0.
 */
int dpv_find(const struct dpv_finder *f, struct hmm_range *range);

/* --- alias.c --- */

/*
 * The owner's answer to a peer that wants to reach a page of the device: 0, and the pfn of the page
 * that can be mapped for it with HMM_PFN_VALID, and with HMM_PFN_WRITE if it may be written;
 * -EOPNOTSUPP: there is none; -EACCES: this peer may not. plan is that of who asks.
 */
int dpv_alias(struct dpv_device *dev, struct device *peer, struct p2pcert_fault_plan *plan,
	      struct page *page, bool write, unsigned long *hmm_pfn);
/* May the peer have aliases at all, by policy? */
bool dpv_alias_is_allowed(struct dpv_device *dev, struct device *peer, bool write);
/* As P2PCERT_IOC_DEVPRIV_POLICY says. */
int dpv_alias_set_policy(struct dpv_device *dev, const struct p2pcert_devpriv_policy *p,
			 const void *owner);
/* The kernel's own question, where it asks: NULL, or -EOPNOTSUPP, if there is none. */
struct page *dpv_alias_page(struct page *page);
int dpv_alias_pfn(struct page *page, unsigned long *pfn);
/* Forgets what this owner has ruled; NULL is any. */
void dpv_alias_drop_policies(struct dpv_device *dev, const void *owner);

/* --- consumer.c --- */

struct dpv_consumer;

/* As P2PCERT_IOC_DEVPRIV_CONSUMER says: a consumer, or an ERR_PTR() with its result. */
struct dpv_consumer *dpv_consumer_start(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
					struct p2pcert_devpriv_consumer *r);
void dpv_consumer_stop(struct dpv_consumer *c); /* NULL is none */
/* Ends what the owner's consumers have mapped and its policies do not allow, before it returns. */
void dpv_consumers_recall(struct dpv_device *dev);
bool dpv_consumer_covers(const struct dpv_consumer *c, u64 addr, u64 length);
void dpv_consumer_count(struct dpv_consumer *c, struct p2pcert_devpriv_consumer_counters *n);
/* Its engine reads or writes what is at the addresses. */
int dpv_consumer_access(struct dpv_consumer *c, struct p2pcert_devpriv_access *r, bool write);
/* How pages are mapped for it now. */
int dpv_consumer_table(struct dpv_consumer *c, struct p2pcert_devpriv_access *r);

/* --- mirror.c --- */

struct dpv_mirror;

/* A mirror of [addr, addr + length) of the caller's memory, or an ERR_PTR(). */
struct dpv_mirror *dpv_mirror_start(struct dpv_device *dev, struct p2pcert_fault_plan *plan,
				    u64 addr, u64 length);
void dpv_mirror_stop(struct dpv_mirror *m); /* NULL is none */
bool dpv_mirror_covers(const struct dpv_mirror *m, u64 addr, u64 length);
void dpv_mirror_count(struct dpv_mirror *m, struct p2pcert_devpriv_mirror_counters *c);
/* Reads or writes through the device's page table, with page faults of its own. */
int dpv_mirror_access(struct dpv_mirror *m, struct p2pcert_devpriv_access *r, bool write);
int dpv_mirror_snapshot(struct dpv_mirror *m, struct p2pcert_devpriv_access *r);
int dpv_mirror_exclusive(struct dpv_mirror *m, struct p2pcert_devpriv_range *r);
int dpv_mirror_add(struct dpv_mirror *m, struct p2pcert_devpriv_add *a);
/* Reads or writes what is in the device now, and touches nothing else. */
int dpv_peek(struct dpv_device *dev, struct p2pcert_devpriv_access *r,
	     struct p2pcert_fault_plan *plan, bool write);
/* How often what is in the device now is referred to and mapped. */
int dpv_holds(struct dpv_device *dev, struct p2pcert_devpriv_access *r,
	      struct p2pcert_fault_plan *plan);

#endif /* P2PCERT_DEVPRIV_H */
