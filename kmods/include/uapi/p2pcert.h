/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user-space ABI of the p2pcert test modules: everything that crosses the ioctl boundary and
 * nothing else. Each module owns one root-only character device; all of them answer
 * P2PCERT_IOC_VERSION first, and user space refuses a module whose answer it does not know.
 *
 * Conventions: sizes in bytes, addresses as 64-bit integers, every structure is the same on 32 and
 * 64 bits and has no implicit padding; reserved fields must be zero. An ioctl returns a negative
 * errno only if it could not be carried out at all; what the kernel answered to the operation under
 * test (which may be a refusal, and the right one) is in the structure's `result`.
 */
#ifndef P2PCERT_UAPI_H
#define P2PCERT_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define P2PCERT_ABI_VERSION 9
#define P2PCERT_IOC_MAGIC 0xb7

#define P2PCERT_DEV_P2P "p2pcert_p2p"
#define P2PCERT_DEV_DEVPRIV "p2pcert_devpriv"
#define P2PCERT_DEV_DMABUF "p2pcert_dmabuf"
#define P2PCERT_DEV_IOVA "p2pcert_iova"

struct p2pcert_version {
	__u32 abi; /* P2PCERT_ABI_VERSION of the module */
	__u32 reserved;
	char module[32]; /* the module's name, NUL-terminated */
	char version[32]; /* MODULE_VERSION, equal to the tool's version */
};

/* A PCI function. devfn is slot << 3 | function. */
struct p2pcert_bdf {
	__u32 domain;
	__u8 bus;
	__u8 devfn;
	__u16 reserved; /* zero */
};

/* Answered by every module, whatever else it knows. */
#define P2PCERT_IOC_VERSION _IOR(P2PCERT_IOC_MAGIC, 0x00, struct p2pcert_version)

/*
 * Faults that the modules commit on request, so that a scenario can be shown to notice them. They
 * belong to the open file that set them and end with it. A module refuses a mask with a fault that
 * it does not commit (-EINVAL): p2pcert_p2p knows no NO_MIGRATE, p2pcert_devpriv no WRONG_VERDICT.
 * Those of P2PCERT_FAULTS_ENTER strike at the start of every ioctl but those that only ask the
 * module, the others where they have a meaning. In device-private memory they strike the file's own
 * operations, never the fault handler: memory that comes back because it is touched comes back
 * whole.
 */
#define P2PCERT_FAULT_SKIP_COPY (1u << 0) /* report a copy done that was not */
#define P2PCERT_FAULT_CORRUPT_COPY (1u << 1) /* flip one bit of each copied page */
#define P2PCERT_FAULT_SHORT_COPY (1u << 2) /* leave the last 64 bytes of the range uncopied */
#define P2PCERT_FAULT_NO_MIGRATE (1u << 3) /* report pages migrated that were not */
#define P2PCERT_FAULT_WRONG_VERDICT (1u << 4) /* turn supported into refused and back */
#define P2PCERT_FAULT_LEAK (1u << 5) /* keep one page or mapping until the module goes */
#define P2PCERT_FAULT_WARN (1u << 6) /* write a warning to the kernel log */
#define P2PCERT_FAULT_HANG (1u << 7) /* sleep, killable, until the caller is killed */
#define P2PCERT_FAULT_STUCK (1u << 8) /* sleep for 90 seconds, whoever kills the caller */
#define P2PCERT_FAULT_LOCKDEP (1u << 9) /* write to the kernel log what the lock validator would */
#define P2PCERT_FAULT_OOPS (1u << 10) /* oops: the caller dies, the kernel is tainted for good */

#define P2PCERT_FAULTS_ENTER                                                                       \
	(P2PCERT_FAULT_WARN | P2PCERT_FAULT_HANG | P2PCERT_FAULT_STUCK | P2PCERT_FAULT_LOCKDEP |   \
	 P2PCERT_FAULT_OOPS)

/* Of p2pcert_devpriv: what a driver must live with, and that loses nothing. */
#define P2PCERT_FAULT_NO_DEVICE_MEMORY (1u << 11) /* the device has no page to give */
#define P2PCERT_FAULT_NO_MEMORY (1u << 12) /* there is no memory for what comes back */
/* copying a page takes P2PCERT_DELAY_MS longer, and so does using what a mirror has found */
#define P2PCERT_FAULT_DELAY (1u << 13)
#define P2PCERT_FAULT_ABORT (1u << 14) /* a page is unmapped for migration, and then left */
#define P2PCERT_FAULT_INVALIDATED (1u << 15) /* what the device has found is out of date at once */

/* Of p2pcert_devpriv: allowed, and more than some kernels can stand. */
#define P2PCERT_FAULT_PART_OF_HOLE (1u << 16) /* a huge hole gets a page for its first one alone */

/* Of p2pcert_devpriv with an engine: the CPU has to copy the page. */
#define P2PCERT_FAULT_ENGINE_REFUSES (1u << 17) /* the engine takes no transfer */
#define P2PCERT_FAULT_ENGINE_HANGS (1u << 18) /* a transfer that was submitted does not end */

/* Of p2pcert_dmabuf: what an exporter and an importer must not do, or must live with. */
#define P2PCERT_FAULT_MAP_FAILS (1u << 19) /* there is no memory for a mapping; of all that map */
#define P2PCERT_FAULT_NOTIFY_LOST (1u << 20) /* the memory moves, and no importer is told */
#define P2PCERT_FAULT_STALE_ADDRESS (1u << 21) /* the importer is told, and goes on as before */
#define P2PCERT_FAULT_REVOKE_IGNORED (1u << 22) /* what is revoked can be mapped nevertheless */
#define P2PCERT_FAULT_POLICY_IGNORED (1u << 23) /* so can what is denied, or only to be read */
/* All of these but NOTIFY_LOST are also of p2pcert_devpriv, of aliases. */

/* Of p2pcert_iova: what a driver must not do. */
#define P2PCERT_FAULT_FREE_LATE (1u << 27) /* addresses of ranges are kept until the channel goes */
#define P2PCERT_FAULT_WRONG_OFFSET (1u << 28) /* two pages of a mapping are exchanged */
#define P2PCERT_FAULT_FLUSH_EACH (1u << 29) /* a range is unlinked page by page */
#define P2PCERT_FAULT_FREE_LESS (1u << 30) /* of a range that fails, one page of addresses is freed */

#define P2PCERT_DELAY_MS 10

/* These strike also what nobody asks for: that pages come back as the CPU touches them. */
#define P2PCERT_FAULTS_DEVICE                                                                      \
	(P2PCERT_FAULT_NO_MEMORY | P2PCERT_FAULT_DELAY | P2PCERT_FAULT_ENGINE_REFUSES |            \
	 P2PCERT_FAULT_ENGINE_HANGS)

/*
 * When the faults in mask strike: at each of their chances, or if every is more than 1, at each
 * every-th, or if seed is not 0, at that many of them by chance; and if times is not 0, so often at
 * most. Chances are counted for all the faults together, from this call on. Only p2pcert_devpriv
 * knows more than mask.
 */
struct p2pcert_faults {
	__u32 mask;
	__u32 every;
	__u32 times;
	__u32 reserved;
	__u64 seed;
};

#define P2PCERT_IOC_SET_FAULTS _IOW(P2PCERT_IOC_MAGIC, 0x01, struct p2pcert_faults)

/* What the owner of memory lets a function do with it. */
#define P2PCERT_POLICY_ALLOW 0u
#define P2PCERT_POLICY_DENY 1u
#define P2PCERT_POLICY_READ_ONLY 2u

/* --- /dev/p2pcert_p2p: the kernel's peer-to-peer verdicts, mappings and engines ------------- */

/*
 * pci_p2pdma_distance_many() for one provider and one client, whether or not the provider provides
 * anything. result is 0 or the errno of the look-up (-ENODEV: no such function); distance is the
 * kernel's answer, -1 for "not supported".
 */
struct p2pcert_distance {
	struct p2pcert_bdf provider;
	struct p2pcert_bdf client;
	__s32 result;
	__s32 distance;
};

#define P2PCERT_IOC_DISTANCE _IOWR(P2PCERT_IOC_MAGIC, 0x10, struct p2pcert_distance)
/* The same, and the kernel writes to its log why a pair is redirected or refused. */
#define P2PCERT_IOC_DISTANCE_WHY _IOWR(P2PCERT_IOC_MAGIC, 0x14, struct p2pcert_distance)

/*
 * How the kernel mapped one run of pages for one device. A run is a DMA segment, or the part of one
 * whose pages are all of one kind, and contiguous if they are P2PDMA pages.
 */
#define P2PCERT_SEG_P2P_PAGE (1u << 0) /* the run's pages are PCI P2PDMA pages */
#define P2PCERT_SEG_BUS_ADDRESS (1u << 1) /* mapped as a PCI bus address, past the IOMMU */

struct p2pcert_seg {
	__u64 dma_addr; /* what the device would be given */
	__u64 phys_addr; /* physical address of the run's first byte, as the CPU sees it */
	__u64 length;
	__u32 flags; /* P2PCERT_SEG_* */
	__u32 reserved;
};

#define P2PCERT_MAX_SEGS 16

/*
 * Pins [addr, addr + length) of the caller (1 byte to 1 GiB) with FOLL_PCI_P2PDMA, maps it for the
 * client with dma_map_sgtable() as something to read, describes the mapping, unmaps. Nothing is
 * programmed into any device. A client that no driver has bound is mapped for with 64 address
 * bits, one that can do no DMA gives -EOPNOTSUPP, one that is not there -ENODEV; else result is
 * dma_map_sgtable()'s or pin_user_pages_fast()'s errno, or 0.
 */
struct p2pcert_map {
	struct p2pcert_bdf client;
	__u64 addr;
	__u64 length;
	__s32 result;
	__u32 nr_segs; /* runs of the mapping; only the first P2PCERT_MAX_SEGS are described */
	struct p2pcert_seg segs[P2PCERT_MAX_SEGS];
};

#define P2PCERT_IOC_MAP _IOWR(P2PCERT_IOC_MAGIC, 0x11, struct p2pcert_map)

/*
 * Copies length bytes (1 byte to 1 GiB) from src to dst of the caller, which must not overlap, with
 * the memcpy channel named `channel` (as in /sys/class/dma), both sides pinned with
 * FOLL_PCI_P2PDMA and mapped for the channel's device. result: 0, -ENODEV (no such channel, or in
 * use), the errno of pinning or mapping, -EINVAL (alignment that the engine cannot do), -ETIMEDOUT,
 * -ENOMEM (the engine took no descriptor), -EOVERFLOW (the kernel gave the engine a bus address that it
 * cannot drive: nothing was moved), or -EIO if the engine reported an error.
 */
struct p2pcert_copy {
	char channel[32];
	__u64 src;
	__u64 dst;
	__u64 length;
	__u32 timeout_ms; /* of the whole transfer: 1 to 600000 */
	__s32 result;
	__u64 duration_ns; /* of the transfers alone, without pinning and mapping */
	__u64 bytes_done; /* what the engine completed */
	struct p2pcert_bdf engine; /* the function that owns the channel */
	struct p2pcert_seg src_seg; /* first run of either side */
	struct p2pcert_seg dst_seg;
};

#define P2PCERT_IOC_COPY _IOWR(P2PCERT_IOC_MAGIC, 0x12, struct p2pcert_copy)

/*
 * What the module holds now, over all open files: nothing when no call is under way, unless there
 * is a leak (of an engine that could not be stopped, or P2PCERT_FAULT_LEAK: DISTANCE then keeps
 * its provider, MAP, COPY and PIN a page), or a file has pages with P2PCERT_PIN_HOLD. The module's use count does not show these.
 */
struct p2pcert_held {
	__u64 pages; /* pinned */
	__u64 mappings; /* DMA mappings of ranges */
	__u64 functions; /* references on PCI functions */
};

#define P2PCERT_IOC_HELD _IOR(P2PCERT_IOC_MAGIC, 0x13, struct p2pcert_held)

/*
 * Pins [addr, addr + length) of the caller (1 byte to 1 GiB) as flags say, and lets go of it again.
 * result is 0 or the errno of pinning; nr_pages is how many were pinned until then, and bit i of
 * p2p_pages whether page i is a PCI P2PDMA page, of the first 64. What the kernel takes for a
 * defect of its caller, and warns of, is not done (-EINVAL): P2PCERT_PIN_LONGTERM together with
 * P2PCERT_PIN_P2P or P2PCERT_PIN_GET.
 */
#define P2PCERT_PIN_P2P (1u << 0) /* FOLL_PCI_P2PDMA */
#define P2PCERT_PIN_WRITE (1u << 1) /* FOLL_WRITE */
#define P2PCERT_PIN_LONGTERM (1u << 2) /* FOLL_LONGTERM */
#define P2PCERT_PIN_FAST (1u << 3) /* by pin_user_pages_fast(), not pin_user_pages_unlocked() */
#define P2PCERT_PIN_GET (1u << 4) /* by get_user_pages_...() */
/* stays pinned until P2PCERT_IOC_UNPIN, or until the file closes; -EBUSY: something is already */
#define P2PCERT_PIN_HOLD (1u << 5)

struct p2pcert_pin {
	__u64 addr;
	__u64 length;
	__u64 p2p_pages;
	__u32 flags; /* P2PCERT_PIN_* */
	__u32 nr_pages;
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_PIN _IOWR(P2PCERT_IOC_MAGIC, 0x15, struct p2pcert_pin)
/* Lets go of what this file holds; -ENOENT: nothing. */
#define P2PCERT_IOC_UNPIN _IO(P2PCERT_IOC_MAGIC, 0x16)

/*
 * --- /dev/p2pcert_devpriv: device-private memory -----------------------------------------------
 *
 * mmap() of one page at offset 0 gives a page of the module's own, of ordinary memory and zero: one
 * that is no file's and not anonymous (VM_MIXEDMAP).
 */

/*
 * Which device an open file means from now on: one of those made of memory (ram: its number, below
 * P2PCERT_DEVPRIV_RAM_DEVICES), or one made of the largest memory BAR of a function that is bound
 * to the driver p2pcert_devpriv (ram: P2PCERT_DEVPRIV_BAR; -ENODEV: there is none). A file that has
 * not chosen means the memory device 0.
 */
#define P2PCERT_DEVPRIV_RAM_DEVICES 4
#define P2PCERT_DEVPRIV_BAR 0xffffffffu

struct p2pcert_devpriv_select {
	__u32 ram;
	__u32 reserved;
	struct p2pcert_bdf bdf; /* zero for a memory device */
};

#define P2PCERT_IOC_DEVPRIV_SELECT _IOW(P2PCERT_IOC_MAGIC, 0x25, struct p2pcert_devpriv_select)

/*
 * The device wants pages back, at most so many, whoever uses them. evicted says how many came: those
 * that are pinned, locked or being moved just then did not. A huge page comes whole.
 */
struct p2pcert_devpriv_evict {
	__u64 pages;
	__u64 evicted;
};

#define P2PCERT_IOC_DEVPRIV_EVICT _IOWR(P2PCERT_IOC_MAGIC, 0x26, struct p2pcert_devpriv_evict)

/*
 * A page range of the caller. addr and length are multiples of the page size. `pages` is how many
 * pages the operation reports moved; result is 0 or the errno of the migration as a whole. A page
 * that could not be moved, or is not mapped, is not an error: it is missing in `pages`. A kind of
 * mapping that the kernel does not migrate at all (hugetlb, device memory) ends the operation with
 * its errno; what lies before it has been moved. Pages stay in the device until they are touched,
 * unmapped or brought back, or the module goes; closing the file does not move them.
 */
struct p2pcert_devpriv_range {
	__u64 addr;
	__u64 length;
	__u64 pages;
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DEVPRIV_TO_DEVICE _IOWR(P2PCERT_IOC_MAGIC, 0x20, struct p2pcert_devpriv_range)
#define P2PCERT_IOC_DEVPRIV_TO_RAM _IOWR(P2PCERT_IOC_MAGIC, 0x21, struct p2pcert_devpriv_range)

/*
 * Reads or writes the caller's range as the device sees it: through hmm_range_fault() without
 * faulting, touching only pages that are in this device's memory. `pages` counts those; pages that
 * are elsewhere are left alone in `buffer` (read) or in memory (write).
 */
struct p2pcert_devpriv_access {
	__u64 addr;
	__u64 length;
	__u64 buffer; /* user pointer to length bytes */
	__u64 pages;
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DEVPRIV_READ _IOWR(P2PCERT_IOC_MAGIC, 0x22, struct p2pcert_devpriv_access)
#define P2PCERT_IOC_DEVPRIV_WRITE _IOWR(P2PCERT_IOC_MAGIC, 0x23, struct p2pcert_devpriv_access)

/*
 * The file mirrors [addr, addr + length) of the caller's memory from now on, instead of what it
 * mirrored before: the device has a page table of its own for it, which the kernel's invalidations
 * keep true. A length of 0 ends that. While there is a mirror the file keeps its device (-EBUSY).
 */
struct p2pcert_devpriv_mirror {
	__u64 addr;
	__u64 length;
};

#define P2PCERT_IOC_DEVPRIV_MIRROR _IOW(P2PCERT_IOC_MAGIC, 0x27, struct p2pcert_devpriv_mirror)

/*
 * Reads or writes a part of what is mirrored through the device's page table, wherever the pages
 * are; what is missing in the table, or may not be written, is faulted in. `pages` counts those
 * done; result is 0 or what hmm_range_fault() said: -EFAULT, -EPERM; -ESRCH if the process is gone.
 */
#define P2PCERT_IOC_DEVPRIV_MIRROR_READ _IOWR(P2PCERT_IOC_MAGIC, 0x28, struct p2pcert_devpriv_access)
#define P2PCERT_IOC_DEVPRIV_MIRROR_WRITE _IOWR(P2PCERT_IOC_MAGIC, 0x29, struct p2pcert_devpriv_access)

/*
 * What hmm_range_fault() says of each page of a part of what is mirrored, nothing being faulted: a
 * __u64 per page in buffer. 0: there is no page that the device could use.
 */
#define P2PCERT_PAGE_VALID (1u << 0)
#define P2PCERT_PAGE_WRITE (1u << 1)
#define P2PCERT_PAGE_ERROR (1u << 2) /* the device must not touch it; no other bit is set */
#define P2PCERT_PAGE_ZERO (1u << 3) /* the zero page */
#define P2PCERT_PAGE_DEVICE (1u << 4) /* in this device's memory, at the page whose number follows */
#define P2PCERT_PAGE_FOREIGN (1u << 5) /* in another device's: must not be told */
/* The mapping that it is a part of has 2^order pages. */
#define P2PCERT_PAGE_ORDER_SHIFT 6
#define P2PCERT_PAGE_ORDER_MASK 0x1fu
#define P2PCERT_PAGE_NUMBER_SHIFT 12

#define P2PCERT_IOC_DEVPRIV_SNAPSHOT _IOWR(P2PCERT_IOC_MAGIC, 0x2a, struct p2pcert_devpriv_access)

/*
 * How the pages of a range that are in this device's memory are held: a __u64 per page in buffer, 0 for
 * one that is not. References and mappings are those of the folio, of 2^order pages.
 */
#define P2PCERT_HOLD_REFERENCES(hold) ((__u32)((hold) & 0xffffff))
#define P2PCERT_HOLD_MAPPINGS(hold) ((__u32)((hold) >> 24 & 0xffffff))
#define P2PCERT_HOLD_ORDER(hold) ((__u32)((hold) >> 48 & 0xff))

#define P2PCERT_IOC_DEVPRIV_HOLDS _IOWR(P2PCERT_IOC_MAGIC, 0x2f, struct p2pcert_devpriv_access)

/*
 * Takes the pages of a part of what is mirrored for the device alone, until the CPU touches them.
 * `pages` counts those taken; result is 0 or make_device_exclusive()'s errno at the next one,
 * -EOPNOTSUPP where the kernel has it not in the form that is known here.
 */
#define P2PCERT_IOC_DEVPRIV_EXCLUSIVE _IOWR(P2PCERT_IOC_MAGIC, 0x2b, struct p2pcert_devpriv_range)

/*
 * The device adds to the 64 bits at addr (aligned), `times` times, by reading and writing: right only
 * while it has the page alone. result is 0, or -EAGAIN as soon as it has not; done says how often.
 */
struct p2pcert_devpriv_add {
	__u64 addr;
	__u64 add;
	__u64 times;
	__u64 done;
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DEVPRIV_ADD _IOWR(P2PCERT_IOC_MAGIC, 0x2c, struct p2pcert_devpriv_add)

/* Of the file's mirror, since it is there. */
struct p2pcert_devpriv_mirror_counters {
	__u64 faults; /* of the device, a batch of pages each */
	__u64 invalidations; /* calls of the notifier */
	__u64 entries_invalidated; /* page table entries that they took */
	__u64 retries; /* looks at memory that were out of date when they were done */
	__u64 entries; /* in the page table now */
};

#define P2PCERT_IOC_DEVPRIV_MIRROR_COUNTERS                                                        \
	_IOR(P2PCERT_IOC_MAGIC, 0x2d, struct p2pcert_devpriv_mirror_counters)

/*
 * From now on the file's device has pages that migrate copied by the memcpy channel named `channel`
 * (as in /sys/class/dma), whoever makes them migrate, until the file is closed or means another
 * device; an empty name ends it at once. The engine copies each `every`-th page (0 is 1). The CPU
 * copies the others, and those that the engine does not take or has not finished after timeout_ms
 * (1 to 600000). result: 0; -EBUSY: another file has given the device an engine; -ENODEV: no such
 * channel, or in use; -EOPNOTSUPP: the engine can do no DMA or cannot be stopped, or the kernel
 * cannot have peer-to-peer pages for the BAR; -EREMOTEIO or another errno of mapping: the engine
 * cannot reach the BAR; -EINVAL, -ENOMEM.
 */
struct p2pcert_devpriv_engine {
	char channel[32];
	__u32 timeout_ms;
	__u32 every;
	__s32 result;
	__u32 reserved;
	struct p2pcert_bdf engine; /* the function that owns the channel */
	struct p2pcert_seg seg; /* how a BAR's first page is mapped for it; zero if there is none */
};

#define P2PCERT_IOC_DEVPRIV_ENGINE _IOWR(P2PCERT_IOC_MAGIC, 0x2e, struct p2pcert_devpriv_engine)

/*
 * What a function gets to hear from now on that asks the file's device for a page's alias, until the
 * file is closed or means another device; all may read and write unless told. What a consumer of that
 * function has mapped and would not be given any more it has ceased to use when this returns.
 */
struct p2pcert_devpriv_policy {
	struct p2pcert_bdf function;
	__u32 policy; /* P2PCERT_POLICY_* */
	__u32 reserved;
};

#define P2PCERT_IOC_DEVPRIV_POLICY _IOW(P2PCERT_IOC_MAGIC, 0x30, struct p2pcert_devpriv_policy)

/*
 * A consumer is another device that uses the caller's memory: the DMA engine whose memcpy channel is
 * named (as in /sys/class/dma). From now on the file has one for [addr, addr + length), pages and
 * P2PCERT_CONSUMER_MAX_PAGES at most, instead of the one that it had; a length of 0 ends it. It has a
 * page table of its own, which the kernel's invalidations keep true. Of a page that is in the memory
 * of the file's device it asks that device, the owner, for an alias: a page of the owner's BAR, which
 * is mapped for the consumer so that it reaches the memory in place. Where the owner refuses or the
 * kernel does not map it, that page alone is brought back to memory. The file keeps its device
 * (-EBUSY). result: 0; -ENODEV: no such channel, or in use; -EOPNOTSUPP: it can do no DMA or cannot
 * be stopped, or with P2PCERT_CONSUMER_KERNEL this kernel does not ask; -EINVAL, -ENOMEM.
 */
#define P2PCERT_CONSUMER_MAX_PAGES 512
/* The kernel asks the owner, and not the consumer: hmm_range_fault() gives it the alias. */
#define P2PCERT_CONSUMER_KERNEL (1u << 0)

struct p2pcert_devpriv_consumer {
	__u64 addr;
	__u64 length;
	char channel[32];
	__u32 timeout_ms; /* of a page's transfer: 1 to 600000 */
	__u32 flags;
	struct p2pcert_bdf function; /* given: the one that the channel belongs to */
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DEVPRIV_CONSUMER _IOWR(P2PCERT_IOC_MAGIC, 0x31, struct p2pcert_devpriv_consumer)

/*
 * The consumer's engine reads or writes a part of its memory, a page at a time, wherever the pages
 * are; what is missing in its page table is faulted in. `pages` counts those done; result is 0, what
 * hmm_range_fault() said, -ESRCH if the process is gone, or what mapping memory or the engine gave.
 */
#define P2PCERT_IOC_DEVPRIV_CONSUMER_READ                                                          \
	_IOWR(P2PCERT_IOC_MAGIC, 0x32, struct p2pcert_devpriv_access)
#define P2PCERT_IOC_DEVPRIV_CONSUMER_WRITE                                                         \
	_IOWR(P2PCERT_IOC_MAGIC, 0x33, struct p2pcert_devpriv_access)

/* How the pages of a part are mapped now: a struct p2pcert_seg each in buffer, of length 0 if not. */
#define P2PCERT_IOC_DEVPRIV_CONSUMER_TABLE                                                         \
	_IOWR(P2PCERT_IOC_MAGIC, 0x34, struct p2pcert_devpriv_access)

/* Of the file's consumer, since it is there; in pages where nothing else is said. */
struct p2pcert_devpriv_consumer_counters {
	__u64 faults; /* of the consumer, a range each */
	__u64 granted; /* aliases that it was given and were mapped */
	__u64 denied; /* by the owner's policy */
	__u64 unmapped; /* aliases that it was given, and the kernel did not map */
	__u64 none; /* that the owner has no alias of */
	__u64 fallbacks; /* brought back for one of these reasons */
	__u64 invalidations; /* calls of the notifier */
	__u64 invalidated; /* mappings that they ended */
	__u64 waited; /* invalidations that waited for a transfer to end */
	__u64 retries; /* looks at memory that were out of date when they were done */
	__u64 alias_copied; /* by the engine, in place */
	__u64 memory_copied; /* and in memory */
	__u64 recalled; /* mappings of aliases that the owner's policy ended */
	__u64 aliases; /* mapped now */
	__u64 mapped; /* of all kinds, now */
	__u64 mappings; /* for DMA that these are: pages of a huge one may be mapped as one */
};

#define P2PCERT_IOC_DEVPRIV_CONSUMER_COUNTERS                                                      \
	_IOR(P2PCERT_IOC_MAGIC, 0x35, struct p2pcert_devpriv_consumer_counters)

/* Counters of the device since it is there, over all open files. */
struct p2pcert_devpriv_counters {
	__u64 pages_to_device; /* migrated from RAM */
	__u64 pages_to_ram; /* migrated back, for any reason */
	__u64 cpu_faults; /* migrate_to_ram() calls: CPU touched a device page */
	__u64 pages_evicted; /* brought back because the device wanted them gone */
	__u64 pages_in_use; /* now in device memory */
	__u64 pages_total; /* device memory in pages, grown so far */
	__u64 pages_limit; /* that it can grow to */
	__u64 huge_to_device; /* huge pages that moved whole */
	__u64 huge_to_ram;
	__u64 splits; /* huge pages split while they were in the device */
	__u64 cpu_copied; /* pages whose data the CPU has copied as they migrated */
	__u64 engine_copied; /* and a DMA engine */
	__u64 engine_failed; /* that it was to copy, and the CPU had to */
	__u64 engine_ns; /* that its transfers took */
	__u64 references_lost; /* of pages being brought back, that somebody dropped: none */
	__u64 freed_twice; /* pages that the kernel gave back when nobody had them */
	__u64 aliases; /* of its pages, mapped for consumers now */
};

#define P2PCERT_IOC_DEVPRIV_COUNTERS _IOR(P2PCERT_IOC_MAGIC, 0x24, struct p2pcert_devpriv_counters)

/*
 * --- /dev/p2pcert_dmabuf: memory that is handed from one device to another ----------------------
 *
 * The module exports dma-bufs, and imports those of anybody. A dma-buf of the module is named by
 * the file descriptor that EXPORT gave; what is done to another one gives -EINVAL. An open file is
 * an importer with one attachment at most, as a memory region of an RDMA device is. Faults of an
 * exporter are those of the file that exported, moved or revoked.
 */

/* Where the memory of a dma-buf is. */
#define P2PCERT_PLACE_RAM 0u
#define P2PCERT_PLACE_OTHER_RAM 1u /* other pages; the first ones stay, and are overwritten */
#define P2PCERT_PLACE_BAR 2u

#define P2PCERT_DMABUF_MAX_RANGES 8

/*
 * A dma-buf of length bytes (pages, 64 MiB at most) that is zero, at a place; the caller gets a
 * descriptor for it. With bar it can be placed in the largest memory BAR of that function, which
 * must be bound to the driver p2pcert_dmabuf (-ENODEV), there at bar_offset, in nr_ranges pieces of
 * equal length with gaps as long as they are. -EOPNOTSUPP: this kernel cannot map such memory.
 */
struct p2pcert_dmabuf_export {
	__u64 length;
	__u64 bar_offset;
	struct p2pcert_bdf bar; /* zero: RAM only */
	__u32 nr_ranges; /* 1 without a BAR */
	__u32 place;
	__s32 fd; /* given: closed on exec */
	__u32 reserved;
};

#define P2PCERT_IOC_DMABUF_EXPORT _IOWR(P2PCERT_IOC_MAGIC, 0x40, struct p2pcert_dmabuf_export)

/* Where the memory is now, as the CPU addresses it; and who is at it. */
struct p2pcert_dmabuf_place {
	__s32 fd;
	__u32 place;
	__u32 revoked;
	__u32 attachments;
	__u32 mappings;
	__u32 pins;
	__u32 attached; /* attachments that were ever made */
	__u32 nr_segs; /* only the first P2PCERT_MAX_SEGS are described */
	struct p2pcert_seg segs[P2PCERT_MAX_SEGS]; /* without a DMA address */
};

#define P2PCERT_IOC_DMABUF_PLACE _IOWR(P2PCERT_IOC_MAGIC, 0x41, struct p2pcert_dmabuf_place)

/*
 * MOVE brings the memory to another place with what it holds, tells the importers, and overwrites
 * where it was: -EBUSY if it is pinned, -ENXIO if it has no such place, -ENODEV if it is revoked.
 * REVOKE tells them too, and from then on nobody can attach or map: -ENODEV. Neither ends what an
 * importer has mapped, which is for him to do.
 */
struct p2pcert_dmabuf_move {
	__s32 fd;
	__u32 place; /* for MOVE */
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DMABUF_MOVE _IOWR(P2PCERT_IOC_MAGIC, 0x42, struct p2pcert_dmabuf_move)
#define P2PCERT_IOC_DMABUF_REVOKE _IOWR(P2PCERT_IOC_MAGIC, 0x43, struct p2pcert_dmabuf_move)

/*
 * What a function may do with a dma-buf that it attaches to from now on; all may do everything
 * unless told. Denied: attaching gives -EACCES. Read only: mapping for it to be written does.
 */
struct p2pcert_dmabuf_policy {
	__s32 fd;
	__u32 policy;
	struct p2pcert_bdf function; /* zero: all that are none */
};

#define P2PCERT_IOC_DMABUF_POLICY _IOW(P2PCERT_IOC_MAGIC, 0x44, struct p2pcert_dmabuf_policy)

/*
 * The file attaches a device to a dma-buf: the DMA engine whose memcpy channel is named, as in
 * /sys/class/dma, or, with an empty name, one of the module's own, which is no PCI function, and for
 * which the CPU copies. The channel belongs to the file until DETACH. -EBUSY: the file is attached.
 * result: 0; -ENODEV: there is no such channel, or it is in use; -EOPNOTSUPP: it can do no DMA, or
 * cannot be stopped; or what the exporter says.
 */
#define P2PCERT_ATTACH_NOTIFY (1u << 0) /* memory may move: the importer wants to be told */
#define P2PCERT_ATTACH_PEER (1u << 1) /* it may be a peer's, without pages */
#define P2PCERT_ATTACH_PIN (1u << 2) /* it is pinned as long as it is attached */
#define P2PCERT_ATTACH_WRITE (1u << 3) /* mapped for reading and writing, else for reading */

struct p2pcert_dmabuf_attach {
	__s32 fd;
	__u32 flags; /* P2PCERT_ATTACH_*; neither NOTIFY, PEER nor PIN: as importers were of old */
	char channel[32];
	struct p2pcert_bdf function; /* given: the one that the channel belongs to */
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_DMABUF_ATTACH _IOWR(P2PCERT_IOC_MAGIC, 0x45, struct p2pcert_dmabuf_attach)
#define P2PCERT_IOC_DMABUF_DETACH _IO(P2PCERT_IOC_MAGIC, 0x46)

/* Maps what is attached, unless it is mapped, and tells the DMA addresses; -EINVAL: not attached. */
struct p2pcert_dmabuf_map {
	__s32 result;
	__u32 nr_segs; /* only the first P2PCERT_MAX_SEGS are described */
	struct p2pcert_seg segs[P2PCERT_MAX_SEGS]; /* without a physical address */
};

#define P2PCERT_IOC_DMABUF_MAP _IOWR(P2PCERT_IOC_MAGIC, 0x47, struct p2pcert_dmabuf_map)
#define P2PCERT_IOC_DMABUF_UNMAP _IO(P2PCERT_IOC_MAGIC, 0x48)

/*
 * The importer reads or writes length bytes (64 KiB at most) at offset of what is attached, which is
 * mapped before if it is not: with its DMA engine, through the mapping, or the CPU does, if the
 * exporter lets it (-EINVAL). -ETIMEDOUT, -EIO, -ENOMEM: the engine; or what mapping gives. With fd
 * not negative it is the exporter, who reads or writes with the CPU where the memory is.
 */
struct p2pcert_dmabuf_access {
	__u64 offset;
	__u64 length;
	__u64 buffer; /* user pointer */
	__u32 timeout_ms; /* of the engine: 1 to 600000 */
	__u32 by_engine; /* given: 1 if it was */
	__s32 result;
	__s32 fd;
};

#define P2PCERT_IOC_DMABUF_READ _IOWR(P2PCERT_IOC_MAGIC, 0x49, struct p2pcert_dmabuf_access)
#define P2PCERT_IOC_DMABUF_WRITE _IOWR(P2PCERT_IOC_MAGIC, 0x4a, struct p2pcert_dmabuf_access)

/* Of the file's attachments, since it is open. */
struct p2pcert_dmabuf_counters {
	__u64 notified; /* calls of the exporter that memory moves or goes */
	__u64 mapped; /* that it was mapped */
	__u64 unmapped;
	__u64 engine_bytes;
	__u64 cpu_bytes;
};

#define P2PCERT_IOC_DMABUF_COUNTERS _IOR(P2PCERT_IOC_MAGIC, 0x4b, struct p2pcert_dmabuf_counters)

/*
 * P2PCERT_IOC_HELD tells what is held over all open files: pages of dma-bufs, DMA mappings of them,
 * functions attached. P2PCERT_FAULT_LEAK keeps a page of what is exported until the module goes.
 *
 * mmap() of the device gives memory of a device file, of 16 pages at most, by its offset: one of
 * P2PCERT_VMA_*, in pages. What is not written to is zero. It is of the mapping, and goes with it.
 */
#define P2PCERT_VMA_PFN 0u /* page frames that are nobody's pages, mapped at once (VM_PFNMAP) */
#define P2PCERT_VMA_FAULT 16u /* the same as they are touched, if the file is allowed to */
#define P2PCERT_VMA_NO_CPU 32u /* nothing that the CPU could touch: SIGBUS */
#define P2PCERT_VMA_PAGES 48u /* pages of the kernel's (VM_MIXEDMAP) */
#define P2PCERT_VMA_MAX_PAGES 16u

/* May mappings of the file that are made by faults get more pages? Yes, unless told: 1 or 0. */
#define P2PCERT_IOC_DMABUF_ALLOW_FAULTS _IOW(P2PCERT_IOC_MAGIC, 0x4c, __u32)

/*
 * --- /dev/p2pcert_iova: memory mapped for DMA in every way -----------------------------------------
 *
 * An open file has one device, the DMA engine whose memcpy channel is named, as in /sys/class/dma, and
 * one mapping for it. The channel belongs to the file until DETACH. -EBUSY: the file has one.
 * result: 0; -ENODEV: there is no such channel, or it is in use; -EOPNOTSUPP: it can do no DMA, or
 * cannot be stopped.
 */
struct p2pcert_iova_attach {
	char channel[32];
	struct p2pcert_bdf function; /* given: the one that the channel belongs to */
	__s32 result;
	__u32 reserved;
	__u64 merge_boundary; /* given: dma_get_merge_boundary(), 0 if pieces cannot be merged */
};

#define P2PCERT_IOC_IOVA_ATTACH _IOWR(P2PCERT_IOC_MAGIC, 0x60, struct p2pcert_iova_attach)
#define P2PCERT_IOC_IOVA_DETACH _IO(P2PCERT_IOC_MAGIC, 0x61)

/* How memory is mapped, for reading and writing. */
#define P2PCERT_IOVA_BY_IOVA 1u /* dma_iova_try_alloc(), dma_iova_link() of each page */
#define P2PCERT_IOVA_BY_PAGE 2u /* dma_map_phys() of each page */
#define P2PCERT_IOVA_BY_SG 3u /* dma_map_sgtable() */
#define P2PCERT_IOVA_BY_HMM 4u /* hmm_range_fault() and hmm_dma_map_pfn(): nothing is pinned */

/* Of BY_IOVA: pieces are unlinked before addresses are freed, not destroyed in one */
#define P2PCERT_IOVA_UNLINK (1u << 0)
#define P2PCERT_IOVA_FAIL_SYNC (1u << 1) /* given up as soon as all is linked */

/*
 * Maps [addr, addr + length) of the caller (1 byte to 1 GiB), which may lie in memory of a peer, page
 * by page. With fail_at the mapping fails at that page, the first being 1, and what was done is undone:
 * BY_IOVA links it where the first one is linked already, which the kernel has to refuse (-EALREADY if
 * it does not), and at the first page gives up; BY_PAGE gives up; the others know no such thing.
 * result: 0; -EOPNOTSUPP: the kernel does not map so for this device; -EREMOTEIO: it may not reach the
 * peer; or what pinning or mapping gives. -EBUSY: the file has a mapping.
 */
struct p2pcert_iova_map {
	__u64 addr;
	__u64 length;
	__u32 method; /* P2PCERT_IOVA_BY_* */
	__u32 flags; /* P2PCERT_IOVA_* */
	__u32 fail_at; /* 0: nowhere */
	__s32 result;
	__u64 iova; /* of the range that was allocated; 0: none was */
	__u64 iova_size;
	__u64 duration_ns; /* of mapping alone, BY_HMM with finding the pages */
	__u32 links; /* pieces that were linked or mapped */
	__u32 reserved;
};

#define P2PCERT_IOC_IOVA_MAP _IOWR(P2PCERT_IOC_MAGIC, 0x62, struct p2pcert_iova_map)
/* Tells how long it took, in nanoseconds; -EINVAL: nothing is mapped. */
#define P2PCERT_IOC_IOVA_UNMAP _IOR(P2PCERT_IOC_MAGIC, 0x63, __u64)

/* Unlinks some pages of a mapping BY_IOVA, and links them again. result: 0, or dma_iova_link()'s. */
struct p2pcert_iova_relink {
	__u32 first;
	__u32 nr;
	__s32 result;
	__u32 reserved;
};

#define P2PCERT_IOC_IOVA_RELINK _IOWR(P2PCERT_IOC_MAGIC, 0x64, struct p2pcert_iova_relink)

/* How the range's part in one page is mapped. */
#define P2PCERT_IOVA_PAGE_MAPPED (1u << 0)
#define P2PCERT_IOVA_PAGE_P2P (1u << 1) /* memory of a peer */
#define P2PCERT_IOVA_PAGE_BUS (1u << 2) /* which is given a PCI bus address */
#define P2PCERT_IOVA_PAGE_WRITE (1u << 3) /* BY_HMM: may be written */
/* BY_HMM: hmm_range_fault() has lost the flags of a mapping that was there, at some time */
#define P2PCERT_IOVA_PAGE_FORGOTTEN (1u << 4)

struct p2pcert_iova_page {
	__u64 dma_addr;
	__u64 phys_addr;
	__u32 flags; /* P2PCERT_IOVA_PAGE_* */
	__u32 reserved;
};

/* Of some pages of what is mapped. -EINVAL: there are no such pages. */
struct p2pcert_iova_pages {
	__u32 first;
	__u32 nr;
	__u64 buffer; /* user pointer to that many struct p2pcert_iova_page */
	__u64 invalidated; /* given; BY_HMM: pages that were mapped when they went */
};

#define P2PCERT_IOC_IOVA_PAGES _IOWR(P2PCERT_IOC_MAGIC, 0x65, struct p2pcert_iova_pages)

/*
 * The engine reads or writes length bytes (64 KiB at most) at offset of what is mapped; BY_HMM, pages
 * that have gone are found and mapped again before. What the engine has written is there for the CPU
 * when the mapping is gone. -ETIMEDOUT, -EIO, -ENOMEM: the engine; -EOVERFLOW: the kernel gave it an
 * address that it cannot drive; -EFAULT: there is no such memory.
 */
struct p2pcert_iova_access {
	__u64 offset;
	__u64 length;
	__u64 buffer; /* user pointer */
	__u32 timeout_ms; /* 1 to 600000, of each piece */
	__s32 result;
};

#define P2PCERT_IOC_IOVA_READ _IOWR(P2PCERT_IOC_MAGIC, 0x66, struct p2pcert_iova_access)
#define P2PCERT_IOC_IOVA_WRITE _IOWR(P2PCERT_IOC_MAGIC, 0x67, struct p2pcert_iova_access)

/* P2PCERT_FAULT_LEAK: what is unmapped, but BY_HMM, stays mapped until the module goes. */

#endif /* P2PCERT_UAPI_H */
