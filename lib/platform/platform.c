/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building the platform model: functions kept in order of their addresses, and at the end the
 * hierarchy over them. Where facts come from is for the sources to know.
 */
#include "platform/platform.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "platform/ntb.h"

struct platform *platform_new(const char *source_kind, const char *source_path)
{
	struct platform *p = xcalloc(1, sizeof(*p));

	p->source_kind = xstrdup(source_kind);
	p->source_path = xstrdup(source_path);
	return p;
}

void platform_free(struct platform *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_functions; i++) {
		free(p->functions[i].name);
		free(p->functions[i].driver);
		free(p->functions[i].iommu_type);
		free(p->functions[i].iommu_unit);
	}
	for (size_t i = 0; i < p->nr_gaps; i++) {
		free(p->gaps[i].subject);
		free(p->gaps[i].text);
	}
	for (size_t i = 0; i < p->nr_modules; i++)
		free(p->modules[i]);
	for (size_t i = 0; i < p->nr_iommu_units; i++)
		free(p->iommu_units[i].name);
	for (size_t i = 0; i < p->nr_reserved; i++)
		free(p->reserved[i].type);
	free(p->functions);
	free(p->host_bridges);
	free(p->modules);
	free(p->iommu_units);
	free(p->reserved);
	free(p->numa.distance);
	free(p->kernel_config);
	free(p->machine_name);
	free(p->firmware);
	free(p->gaps);
	free(p->cpu.name);
	free(p->source_kind);
	free(p->source_path);
	free(p->kernel_release);
	free(p->kernel_cmdline);
	free(p->machine);
	free(p);
}

/* Where addr is, or would have to be. */
static size_t position(const struct platform *p, struct pci_addr addr)
{
	size_t low = 0, high = p->nr_functions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pci_addr_cmp(p->functions[middle].addr, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int find_index(const struct platform *p, struct pci_addr addr)
{
	size_t i = position(p, addr);

	return i < p->nr_functions && pci_addr_eq(p->functions[i].addr, addr) ? (int)i : -1;
}

const struct function *platform_find(const struct platform *p, struct pci_addr addr)
{
	int i = find_index(p, addr);

	return i < 0 ? NULL : &p->functions[i];
}

const struct function *platform_upstream(const struct platform *p, const struct function *f)
{
	return f->upstream < 0 ? NULL : &p->functions[f->upstream];
}

const struct function *platform_first(const struct platform *p, const struct host_bridge *hb)
{
	const struct function *f = &p->functions[hb->first];

	return p->system_left_out && (f->addr.dev || f->addr.fn) ? NULL : f;
}

struct function platform_function(struct pci_addr addr)
{
	return (struct function){
		.addr = addr,
		.numa_node = NUMA_UNKNOWN,
		.iommu_group = GROUP_UNKNOWN,
		.upstream = UPSTREAM_UNKNOWN,
		.host_bridge = -1,
	};
}

void platform_reserve(struct platform *p, size_t nr)
{
	if (nr <= p->room)
		return;
	p->room = nr;
	p->functions = xreallocarray(p->functions, p->room, sizeof(*p->functions));
}

struct function *platform_add(struct platform *p, struct pci_addr addr)
{
	size_t i = position(p, addr);

	if (p->finished)
		BUG("platform_add() on a finished model");
	if (i < p->nr_functions && pci_addr_eq(p->functions[i].addr, addr)) {
		errno = EEXIST;
		return NULL;
	}
	if (p->nr_functions == p->room)
		platform_reserve(p, p->room ? p->room * 2 : 64);
	memmove(&p->functions[i + 1], &p->functions[i],
		(p->nr_functions - i) * sizeof(*p->functions));
	p->nr_functions++;
	p->functions[i] = platform_function(addr);
	return &p->functions[i];
}

void platform_adopt(struct platform *p, struct function *functions, size_t nr, size_t room)
{
	if (p->functions)
		BUG("platform_adopt() over functions that are there");
	p->functions = functions;
	p->nr_functions = nr;
	p->room = room;
}

void platform_add_gap(struct platform *p, const char *subject, const char *fmt, ...)
{
	struct gap *gap;
	va_list ap;

	p->gaps = xreallocarray(p->gaps, p->nr_gaps + 1, sizeof(*p->gaps));
	gap = &p->gaps[p->nr_gaps++];
	gap->subject = xstrdup(subject);
	va_start(ap, fmt);
	gap->text = xvasprintf(fmt, ap);
	va_end(ap);
}

/* What is known of one domain's buses so far, on the way through its functions in order. */
struct buses {
	uint32_t domain;
	int owner[256]; /* the bridge with this secondary bus, or UPSTREAM_UNKNOWN */
	bool below[256]; /* some bridge's range holds this bus */
	bool root[256]; /* something on it stands on root buses only */
};

static void buses_init(struct buses *b, uint32_t domain)
{
	*b = (struct buses){ .domain = domain };
	for (size_t i = 0; i < ARRAY_LEN(b->owner); i++)
		b->owner[i] = UPSTREAM_UNKNOWN;
}

/*
 * Linux reconfigures bridges whose secondary bus number is not above their own bus, and 0 is "not
 * configured": neither owns a bus.
 */
static void note_bridge(struct buses *b, const struct function *f, int index)
{
	if (!f->is_bridge || f->secondary <= f->addr.bus)
		return;
	if (b->owner[f->secondary] == UPSTREAM_UNKNOWN)
		b->owner[f->secondary] = index;
	for (int bus = f->secondary; bus <= f->subordinate; bus++)
		b->below[bus] = true;
}

/* Is behind a link, and a link has a port above it. */
static bool needs_port_above(const struct function *f)
{
	switch (f->port_type) {
	case PORT_ENDPOINT:
	case PORT_LEGACY_ENDPOINT:
	case PORT_UPSTREAM:
	case PORT_DOWNSTREAM:
	case PORT_PCIE_TO_PCI:
		return true;
	default:
		return false;
	}
}

/* Stands on root buses only: part of the root complex, or class 0600, a host bridge. */
static bool is_of_root_complex(const struct function *f)
{
	return f->port_type == PORT_ROOT || f->port_type == PORT_RC_ENDPOINT ||
	       f->port_type == PORT_RC_EVENT_COLLECTOR ||
	       (!needs_port_above(f) && f->class_known && f->class >> 8 == 0x0600);
}

static int find_upstream(const struct platform *p, const struct buses *b, const struct function *f)
{
	uint8_t bus = f->addr.bus;
	int i;

	if (f->parent_kind == PARENT_ROOT_BUS)
		return UPSTREAM_ROOT_BUS;
	/* only a bridge with a lower bus number: a source that says otherwise could close a loop */
	if (f->parent_kind == PARENT_BRIDGE && f->parent.domain == f->addr.domain &&
	    f->parent.bus < bus) {
		i = find_index(p, f->parent);
		return i < 0 ? UPSTREAM_UNKNOWN : i;
	}
	if (f->parent_kind == PARENT_BRIDGE)
		return UPSTREAM_UNKNOWN;
	if (b->owner[bus] >= 0)
		return b->owner[bus];
	/*
	 * No bridge owns the bus: a root bus, or the bridge was not seen. Bus 0 is one. Of others only
	 * what stands there tells: what is behind a link has a port above it, virtual machines excepted;
	 * of what can stand anywhere nothing is known unless its type was seen and no range holds it.
	 */
	if (bus == 0 || is_of_root_complex(f) || (b->root[bus] && !needs_port_above(f)))
		return UPSTREAM_ROOT_BUS;
	return b->below[bus] || f->port_type == PORT_UNKNOWN || needs_port_above(f)
		       ? UPSTREAM_UNKNOWN
		       : UPSTREAM_ROOT_BUS;
}

/* The host bridge of this root bus, added if it is new. */
static int host_bridge_of(struct platform *p, const struct function *f)
{
	struct host_bridge *hb = NULL;

	/* functions come in order, so a root bus is that of the function before, or new */
	if (p->nr_host_bridges)
		hb = &p->host_bridges[p->nr_host_bridges - 1];
	if (hb && hb->domain == f->addr.domain && hb->bus == f->addr.bus)
		return (int)p->nr_host_bridges - 1;
	p->host_bridges =
		xreallocarray(p->host_bridges, p->nr_host_bridges + 1, sizeof(*p->host_bridges));
	hb = &p->host_bridges[p->nr_host_bridges];
	/* the kernel scans a bus in ascending order, as functions are ordered here */
	*hb = (struct host_bridge){
		.domain = f->addr.domain,
		.bus = f->addr.bus,
		.numa_node = f->numa_node,
		.first = (int)(f - p->functions),
		.owner = f->has_host_owner ? find_index(p, f->host_owner) : -1,
	};
	return (int)p->nr_host_bridges++;
}

static const struct function *physical_of(const struct platform *p, const struct function *vf)
{
	const struct function *pf = platform_find(p, vf->physical);

	return pf && !pf->is_virtual ? pf : NULL;
}

static void note_root_buses(const struct platform *p, size_t first, struct buses *b)
{
	for (size_t i = first; i < p->nr_functions && p->functions[i].addr.domain == b->domain; i++)
		if (is_of_root_complex(&p->functions[i]))
			b->root[p->functions[i].addr.bus] = true;
}

/* Bridges come before what is below them, so one pass in order finds what is above each first. */
static void find_hierarchy(struct platform *p)
{
	struct buses buses;

	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];

		if (i == 0 || f->addr.domain != buses.domain) {
			buses_init(&buses, f->addr.domain);
			note_root_buses(p, i, &buses);
		}
		if (f->is_virtual)
			continue;
		f->upstream = find_upstream(p, &buses, f);
		note_bridge(&buses, f, (int)i);
		if (f->upstream == UPSTREAM_ROOT_BUS)
			f->host_bridge = host_bridge_of(p, f);
		else if (f->upstream >= 0)
			f->host_bridge = p->functions[f->upstream].host_bridge;
	}
	/* VFs join the root bus after the scan, so they never stand for a host bridge */
	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];
		const struct function *pf = f->is_virtual ? physical_of(p, f) : NULL;

		if (pf) {
			f->upstream = pf->upstream;
			f->host_bridge = pf->host_bridge;
		}
	}
}

/* What is unknown of many functions for one reason is one gap, not one for each. */
static void add_config_gaps(struct platform *p)
{
	static const struct {
		size_t bytes;
		const char *text;
	} kinds[] = {
		{ 0, "not seen: port type and ACS are unknown there" },
		{ 64, "seen only up to byte 64: port type and ACS are unknown there; "
		      "all of it needs root" },
		{ 256, "seen only up to byte 256: ACS is unknown there; all of it needs root" },
	};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		size_t n = 0;

		for (size_t i = 0; i < p->nr_functions; i++)
			n += p->functions[i].acs.known == KNOWN_NO &&
			     p->functions[i].config_bytes == kinds[k].bytes;
		if (n)
			platform_add_gap(p, "config space", "of %zu of %zu functions %s", n,
					 p->nr_functions, kinds[k].text);
	}
}

/* Those of one kind are said one by one while a person would read them. */
static void add_upstream_gaps(struct platform *p, bool is_virtual, const char *text)
{
	enum { MANY = 8 };
	const struct function *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];

		if (f->upstream != UPSTREAM_UNKNOWN || f->is_virtual != is_virtual)
			continue;
		if (n++ == 0)
			first = f;
	}
	if (n > MANY) {
		platform_add_gap(p, pci_addr_str(first->addr), "%s, nor those of %zu others", text,
				 n - 1);
		return;
	}
	for (size_t i = 0; n && i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];

		if (f->upstream == UPSTREAM_UNKNOWN && f->is_virtual == is_virtual)
			platform_add_gap(p, pci_addr_str(f->addr), "%s", text);
	}
}

static void add_hierarchy_gaps(struct platform *p)
{
	add_upstream_gaps(p, false, "the bridge above it was not seen");
	add_upstream_gaps(p, true, "its physical function was not seen");
}

void platform_finish(struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++) {
		struct function *f = &p->functions[i];

		f->has_ntb = ntb_is_one(f);
		if (f->maybe_virtual)
			continue;
		f->multifunction = !f->is_virtual && (f->multifunction || f->addr.fn > 0);
		f->multifunction_known |= f->is_virtual || f->addr.fn > 0;
	}
	find_hierarchy(p);
	add_config_gaps(p);
	add_hierarchy_gaps(p);
	p->finished = true;
}

const char *port_type_name(enum port_type type)
{
	static const char *const names[] = {
		[PORT_UNKNOWN] = "unknown",
		[PORT_CONVENTIONAL] = "conventional",
		[PORT_CONVENTIONAL_BRIDGE] = "conventional-bridge",
		[PORT_ENDPOINT] = "endpoint",
		[PORT_LEGACY_ENDPOINT] = "legacy-endpoint",
		[PORT_ROOT] = "root-port",
		[PORT_UPSTREAM] = "upstream-port",
		[PORT_DOWNSTREAM] = "downstream-port",
		[PORT_PCIE_TO_PCI] = "pcie-to-pci-bridge",
		[PORT_PCI_TO_PCIE] = "pci-to-pcie-bridge",
		[PORT_RC_ENDPOINT] = "rc-integrated-endpoint",
		[PORT_RC_EVENT_COLLECTOR] = "rc-event-collector",
	};

	return names[type];
}

const char *link_speed_name(uint8_t generation)
{
	static const char *const names[] = { "?", "2.5", "5", "8", "16", "32", "64" };

	return names[generation < ARRAY_LEN(names) ? generation : 0];
}
