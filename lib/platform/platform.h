/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform model: what is known of a machine's PCI functions, bridges and IOMMU, as plain data.
 * A source (live machine, snapshot, lspci text) builds it once through platform_new(),
 * platform_add() and platform_finish(); from then on it is read only. What the source could not
 * show stays marked unknown and is never guessed.
 *
 * The words are those of the PCI Express Base Specification.
 */
#ifndef P2PCERT_PLATFORM_PLATFORM_H
#define P2PCERT_PLATFORM_PLATFORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"

/* Device/port type of the PCI Express capability (PCIe 6.0, 7.5.3.2), and what is not PCIe. */
enum port_type {
	PORT_UNKNOWN, /* config space did not show whether there is a PCIe capability */
	PORT_CONVENTIONAL, /* no PCIe capability, not a bridge */
	PORT_CONVENTIONAL_BRIDGE, /* no PCIe capability, PCI-to-PCI bridge */
	PORT_ENDPOINT,
	PORT_LEGACY_ENDPOINT,
	PORT_ROOT,
	PORT_UPSTREAM,
	PORT_DOWNSTREAM,
	PORT_PCIE_TO_PCI,
	PORT_PCI_TO_PCIE,
	PORT_RC_ENDPOINT,
	PORT_RC_EVENT_COLLECTOR,
};

/* ACS bits, the same in capability and control (PCIe 6.0, 7.7.11). */
#define ACS_SV 0x01u /* source validation */
#define ACS_TB 0x02u /* translation blocking */
#define ACS_RR 0x04u /* P2P request redirect */
#define ACS_CR 0x08u /* P2P completion redirect */
#define ACS_UF 0x10u /* upstream forwarding */
#define ACS_EC 0x20u /* P2P egress control */
#define ACS_DT 0x40u /* direct translated P2P */

enum known { KNOWN_NO, KNOWN_ABSENT, KNOWN_PRESENT };

struct acs {
	enum known known; /* NO: the source did not show extended config space */
	uint16_t capability;
	uint16_t control;
	uint16_t unsure; /* bits of control that a prediction cannot tell; 0 in what was read */
	/*
	 * Some ports have the control register at +8 (see lib/p2p/quirks.c): what is there, and which
	 * of its bits are known; none where the source does not show that register.
	 */
	uint16_t dword_control, dword_known;
};

struct link {
	bool known;
	uint8_t width, max_width; /* lanes; 0: none */
	uint8_t speed, max_speed; /* the registers' generation: 1 = 2.5 GT/s ...; 0: not known */
};

/*
 * A register of which a source may have shown only some bits: hex shows them all, decoded text those
 * that it names. A bit of value means something only where it is in seen.
 */
struct reg {
	uint32_t value, seen;
};

static inline bool reg_seen(struct reg r, uint32_t mask)
{
	return (r.seen & mask) == mask;
}

/* Is there a bit of mask that is known to be set? */
static inline bool reg_is_set(struct reg r, uint32_t mask)
{
	return (r.value & r.seen & mask) != 0;
}

/* Are all bits of mask known to be clear? */
static inline bool reg_is_clear(struct reg r, uint32_t mask)
{
	return reg_seen(r, mask) && !(r.value & mask);
}

/*
 * The registers of the PCI Express capability (PCIe 6.0, 7.5.3), without what struct link has. Those
 * that a function cannot have, the second ones of a capability of version 1 and the slot's of a port
 * without one, are zero and seen: what they would enable is off.
 */
struct express {
	struct reg device_capabilities, device_control, device_status;
	struct reg link_control;
	struct reg slot_capabilities, slot_status;
	struct reg device_capabilities_2, device_control_2;
};

#define DEVCAP_MPS 0x00000007u /* 128 << value bytes */
#define DEVCAP_EXT_TAG 0x00000020u
#define DEVCAP_FLR 0x10000000u
#define DEVCTL_CORRECTABLE 0x0001u /* the four error reporting enables */
#define DEVCTL_NONFATAL 0x0002u
#define DEVCTL_FATAL 0x0004u
#define DEVCTL_UNSUPPORTED 0x0008u
#define DEVCTL_RELAXED 0x0010u
#define DEVCTL_MPS 0x00e0u /* 128 << value bytes */
#define DEVCTL_EXT_TAG 0x0100u
#define DEVCTL_NO_SNOOP 0x0800u
#define DEVCTL_MRRS 0x7000u /* 128 << value bytes */
#define DEVSTA_CORRECTABLE 0x0001u
#define DEVSTA_NONFATAL 0x0002u
#define DEVSTA_FATAL 0x0004u
#define DEVSTA_UNSUPPORTED 0x0008u
#define LNKCTL_ASPM 0x0003u
#define LNKCTL_DISABLED 0x0010u
#define SLTCAP_HOTPLUG 0x00000040u
#define SLTCAP_NUMBER 0xfff80000u /* of the physical slot, << SLTCAP_NUMBER_SHIFT; 0: soldered */
#define SLTCAP_NUMBER_SHIFT 19
#define SLTSTA_PRESENCE 0x0040u
#define DEVCAP2_ARI 0x00000020u
#define DEVCAP2_ATOMIC_ROUTE 0x00000040u
#define DEVCAP2_ATOMIC_32 0x00000080u /* these three: as a completer */
#define DEVCAP2_ATOMIC_64 0x00000100u
#define DEVCAP2_ATOMIC_128 0x00000200u
#define DEVCAP2_NO_RO_PASSING 0x00000400u /* no relaxed-ordered P2P writes overtake */
#define DEVCAP2_TAG10_COMPLETER 0x00010000u
#define DEVCAP2_TAG10_REQUESTER 0x00020000u
#define DEVCTL2_TIMEOUT 0x000fu
#define DEVCTL2_NO_TIMEOUT 0x0010u
#define DEVCTL2_ARI 0x0020u
#define DEVCTL2_ATOMIC_REQUEST 0x0040u
#define DEVCTL2_ATOMIC_EGRESS_BLOCK 0x0080u
#define DEVCTL2_TAG10_REQUESTER 0x1000u

/* Header registers (PCIe 6.0, 7.5.1). */
#define COMMAND_IO 0x0001u
#define COMMAND_MEMORY 0x0002u
#define COMMAND_MASTER 0x0004u
#define BRIDGE_CONTROL_BUS_RESET 0x0040u

/* Advanced error reporting (7.8.4) and downstream port containment (7.9.14): what is pending. */
struct errors {
	struct reg uncorrectable, uncorrectable_mask, correctable; /* AER status and mask */
	struct reg dpc_control, dpc_status;
};

#define AER_ACS_VIOLATION 0x00200000u
#define AER_UNSUPPORTED 0x00100000u
#define AER_ATOMIC_EGRESS_BLOCKED 0x01000000u
#define AER_POISONED 0x00001000u
#define AER_COMPLETION_TIMEOUT 0x00004000u
#define AER_COMPLETER_ABORT 0x00008000u
#define AER_MALFORMED 0x00040000u
#define DPC_STATUS_TRIGGERED 0x0001u
#define DPC_CONTROL_TRIGGER 0x0003u

/* Control registers of what lets a device use or answer translated addresses, and of SR-IOV. */
#define ATS_ENABLE 0x8000u
#define PRI_ENABLE 0x0001u
#define PASID_ENABLE 0x0001u
#define SRIOV_VF_ENABLE 0x0001u
#define SRIOV_VF_MEMORY 0x0008u
#define SRIOV_ARI 0x0010u

/* One resizable BAR (7.8.6): sizes are exponents, 2^n bytes. */
struct rebar {
	uint8_t bar; /* index of the BAR */
	uint8_t size; /* 2^size bytes now */
	uint64_t sizes; /* bit n: it can have 2^n bytes; 0 if the source does not show them */
};

/* What a bridge forwards down, CPU addresses, both ends included; start > end: closed. */
struct window {
	bool known;
	uint64_t start, end;
};

enum window_kind { WINDOW_IO, WINDOW_MEMORY, WINDOW_PREFETCHABLE, NR_WINDOWS };

enum bar_kind { BAR_NONE, BAR_IO, BAR_MEM32, BAR_MEM64 };

struct bar {
	enum bar_kind kind;
	bool prefetchable;
	uint64_t start; /* CPU physical address, as in sysfs `resource` */
	uint64_t size; /* bytes; 0: not assigned, or the source shows only the address */
	bool unassigned; /* it is there, and has no address */
	bool disabled; /* its decoder is off */
};

#define PCI_BARS 6

/* Published peer-to-peer memory, sysfs p2pmem/. */
struct p2pmem {
	bool present;
	bool published;
	bool allocate; /* user space can map it */
	uint64_t size, available; /* bytes */
};

/* What the source itself says stands above a function, if it says so (sysfs paths do). */
enum parent_kind { PARENT_UNSAID, PARENT_ROOT_BUS, PARENT_BRIDGE };

#define NUMA_UNKNOWN (-1)
#define GROUP_UNKNOWN (-1)
#define UPSTREAM_ROOT_BUS (-1)
#define UPSTREAM_UNKNOWN (-2) /* a bridge that the source did not show */

struct function {
	struct pci_addr addr;
	uint16_t vendor, device, subvendor, subdevice;
	bool ids_known;
	uint32_t class; /* 24 bits: class, subclass, programming interface */
	bool class_known;
	uint8_t revision;
	char *name; /* from pci.ids; NULL if unknown */
	char *driver; /* NULL: none bound */
	enum port_type port_type;
	bool multifunction; /* as the kernel has it: header bit 7, or function number > 0; never a VF */
	bool multifunction_known;
	bool is_bridge;
	uint8_t secondary, subordinate; /* bus numbers, of a bridge */
	bool bus_master; /* command register bit 2 */
	bool bus_master_known;
	bool is_virtual;
	bool maybe_virtual; /* the source cannot tell whether it is a VF */
	struct pci_addr physical; /* of a VF: its PF */
	uint16_t nr_virtual; /* VFs enabled now, of a PF */
	uint16_t max_virtual; /* TotalVFs */
	uint16_t first_virtual; /* routing id of the first VF, relative to the PF's; 0 if unknown */
	uint16_t virtual_stride; /* from each VF to the next */
	uint16_t virtual_device; /* the device id of its VFs; 0 if unknown */
	int numa_node;
	int iommu_group; /* as the kernel reports it */
	char *iommu_type; /* "DMA", "DMA-FQ", "identity", ...; NULL if unknown */
	char *iommu_unit; /* "dmar0": the unit that translates it, as sysfs names it; NULL if unknown */
	uint8_t dma_bits, coherent_dma_bits; /* of the masks that the driver set; 0 if unknown */
	bool power_known, powered; /* in D0 */
	uint64_t memory_bytes; /* on the device, as its driver says (a GPU's VRAM); 0 if unknown */
	bool silent; /* config space reads as all ones: it does not answer */
	/* how much of config space was seen, by us or by who decoded it: 0, 64, 256 or 4096 */
	size_t config_bytes;
	struct acs acs;
	struct link link;
	/* of a VF only what is its own is seen: the rest reads as zeros, and its PF's counts */
	struct reg command, bridge_control;
	struct express express;
	struct errors errors;
	bool has_ats, has_pri, has_pasid, has_aer, has_dpc, has_sriov, has_dsn, has_rebar,
		has_multicast, has_cxl, has_ide; /* only if config_bytes 4096 */
	bool has_ntb; /* a non-transparent bridge, by its ids; set by platform_finish() */
	struct reg ats_control, pri_control, pasid_control, sriov_control;
	struct rebar rebars[PCI_BARS];
	uint8_t nr_rebars;
	struct window windows[NR_WINDOWS]; /* of a bridge */
	struct bar bars[PCI_BARS];
	bool bars_unnumbered; /* in order, but the source does not show which is which */
	struct p2pmem p2pmem;
	enum parent_kind parent_kind;
	struct pci_addr parent; /* if PARENT_BRIDGE */
	/* the function whose driver made the host bridge that it is below: an Intel VMD */
	bool has_host_owner;
	struct pci_addr host_owner;
	/* set by platform_finish() */
	int upstream; /* index of the bridge above (above the PF for a VF), or UPSTREAM_* */
	int host_bridge; /* index into host_bridges, -1 if a bridge on the way is not known */
};

/* A root bus and the function that stands for it in the kernel's rules. */
struct host_bridge {
	uint32_t domain;
	uint8_t bus;
	int numa_node;
	int first; /* index of the first function seen on the root bus in discovery order, VFs apart */
	int owner; /* index of the function whose driver made it, a VMD; -1 if none is known */
};

/* An IOMMU unit as /sys/class/iommu shows it. */
struct iommu_unit {
	char *name; /* "dmar0", "ivhd0", "smmu3.0x..." */
	struct pci_addr function; /* of units that are PCI functions */
	bool is_function;
	uint64_t capability, extended; /* Intel's CAP and ECAP registers; 0 if unknown */
};

/* Addresses that a group's devices cannot use as IOVA, or that must map to themselves. */
struct reserved_range {
	int iommu_group;
	uint64_t start, end; /* both included */
	char *type; /* "direct", "reserved", "msi", ... */
};

#define MAX_NODES 1024 /* NUMA nodes that a distance table is kept for */

struct numa {
	int nr; /* nodes 0..nr-1; 0: unknown */
	uint8_t *distance; /* nr*nr, row: from; 0: unknown; as the firmware says, 10 is local */
};

struct gap { /* something that the source could not show, said once to the user */
	char *subject; /* "0000:00:01.0", "iommu groups" */
	char *text; /* "config space beyond 64 bytes needs root" */
};

struct cpu_ident {
	bool known;
	char vendor[16]; /* CPUID vendor string or /proc/cpuinfo's vendor_id; "" if not x86 */
	int family;
	int model;
	char *name; /* NULL if unknown */
};

struct platform {
	char *source_kind; /* "live", "snapshot", "lspci", "rdma_topo" */
	char *source_path; /* NULL for live */
	char *kernel_release; /* NULL if the source does not show it */
	char *kernel_cmdline; /* NULL likewise */
	char *machine; /* "x86_64"; NULL likewise */
	struct cpu_ident cpu;
	char *kernel_config; /* the text of its .config; NULL if the source does not show it */
	char *machine_name, *firmware; /* DMI: board or product; BIOS vendor, version, date; NULL */
	char **modules; /* loaded ones, sorted; meaningless unless modules_known */
	size_t nr_modules;
	bool modules_known;
	uint64_t memory_bytes; /* of RAM; 0 if unknown */
	struct numa numa;
	struct iommu_unit *iommu_units;
	size_t nr_iommu_units;
	struct reserved_range *reserved;
	size_t nr_reserved;
	enum known iommu_groups; /* ABSENT: the kernel has none, no IOMMU is in use */
	/*
	 * The source has no host bridges (class 0600) and other functions of the system: of a root bus
	 * that does not begin with 00.0 it is unknown what stands first there.
	 */
	bool system_left_out;
	struct function *functions; /* ordered by address, also while the model is built */
	size_t nr_functions;
	size_t room; /* for so many functions there is memory */
	struct host_bridge *host_bridges;
	size_t nr_host_bridges;
	struct gap *gaps;
	size_t nr_gaps;
	bool finished;
};

struct platform *platform_new(const char *source_kind, const char *source_path) attr_must_check;
void platform_free(struct platform *p);

static inline void autoplatform_fn(struct platform **p)
{
	platform_free(*p);
}
#define autoplatform __attribute__((cleanup(autoplatform_fn)))

/* A function of which nothing is known. */
struct function platform_function(struct pci_addr addr) attr_must_check;

/*
 * Adds an empty function, everything unknown, and returns it for the source to fill; the pointer
 * is good until the next call. An address that is there already gives NULL with errno EEXIST.
 */
struct function *platform_add(struct platform *p, struct pci_addr addr);

/* Makes memory ready for so many functions: for sources that know the number. */
void platform_reserve(struct platform *p, size_t nr);

/* Takes an array of functions that are in order, of xreallocarray(), for a model that has none. */
void platform_adopt(struct platform *p, struct function *functions, size_t nr, size_t room);

void platform_add_gap(struct platform *p, const char *subject, const char *fmt, ...)
	attr_printf(3, 4);

/*
 * Finds every function's bridge and host bridge, says in one gap each what is unknown of many
 * functions, and freezes the model. Follows the kernel's pci_upstream_bridge(): a VF has its PF's
 * bridge. Every bridge found has a lower bus number than what is below it, so walks upward end.
 */
void platform_finish(struct platform *p);

/* NULL if there is none. */
const struct function *platform_find(const struct platform *p, struct pci_addr addr);
/* The first function on the root bus; NULL if the source may have left out what stands before it. */
const struct function *platform_first(const struct platform *p, const struct host_bridge *hb);
/* NULL on a root bus, and if the bridge is not known: upstream tells which. */
const struct function *platform_upstream(const struct platform *p, const struct function *f);

/*
 * Fills what config space shows (header, PCIe, ACS and other capabilities) from the first len bytes
 * of it. Never reads past len; a capability list that loops or leaves config space is cut with a
 * gap. The function's address must be set.
 */
void platform_parse_config(struct platform *p, struct function *f, const uint8_t *config,
			   size_t len);

/*
 * Reads the running machine: sysfs and config space, names from the PCI id database. Works
 * unprivileged: what cannot be read becomes a gap. NULL with errno if there is no PCI bus to read at
 * all. With a sysroot that is not NULL or "", the same as platform_read_from() of that directory.
 */
struct platform *platform_read_live(const char *sysroot) attr_must_check;

/*
 * Reads a captured machine and nothing of the running one but its PCI id database. The kind is
 * recognised: a directory or an archive that holds a copy of /sys, or text of lspci or of rdma_topo
 * dump, plain or compressed; "-" is standard input. NULL with errno, and in *why a message for the user, which the caller frees:
 * EIO and ENOMEM are the environment's fault, anything else the input's.
 */
struct platform *platform_read_from(const char *where, char **why) attr_must_check;

/* The same of text or an archive in memory; name is what messages call it. */
struct platform *platform_read_memory(const char *name, const void *data, size_t len,
				      char **why) attr_must_check;

/* The platform document, schema "p2pcert.platform/1". New reference. */
json_t *platform_to_json(const struct platform *p) attr_must_check;

const char *port_type_name(enum port_type type); /* "endpoint", "root-port", ... */
/* "8", "2.5": GT/s of a link register's generation; "?" if there is no such generation. */
const char *link_speed_name(uint8_t generation);

#endif
