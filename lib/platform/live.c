/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysfs as a platform source, of the running machine or of a captured tree: PCI functions, their
 * attributes and config space; names from the PCI id database. What concerns no single function is for
 * iommu.c and machine.c. Everything may be missing, unreadable or going away.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"
#include "platform/capture.h"
#include "platform/config.h"
#include "platform/device_path.h"
#include "platform/input.h"
#include "platform/iommu.h"
#include "platform/machine.h"
#include "platform/names.h"
#include "platform/place.h"
#include "platform/platform.h"
#include "platform/redact.h"

/* One entry of the PCI bus. */
struct entry {
	char *name;
	char *dir; /* its directory */
	char *node; /* the path that sysfs gives it in the device tree; NULL: none */
};

struct entries {
	struct entry *items;
	size_t nr;
};

static void entries_release(struct entries *e)
{
	for (size_t i = 0; i < e->nr; i++) {
		free(e->items[i].name);
		free(e->items[i].dir);
		free(e->items[i].node);
	}
	free(e->items);
}

/* Takes the strings. */
static void entries_add(struct entries *e, char *name, char *dir, char *node)
{
	/* doubles at every power of two */
	if (!(e->nr & (e->nr - 1)))
		e->items = xreallocarray(e->items, e->nr ? 2 * e->nr : 1, sizeof(*e->items));
	e->items[e->nr++] = (struct entry){ name, dir, node };
}

/* Where the entries of the directory go. */
struct listed {
	const struct place *top;
	struct entries *entries;
};

/* CAPTURE_DEVICES with a relative link's target behind it: "../../../devices/pci0000:00/...". */
static char *follow(const char *target)
{
	size_t len = strlen(CAPTURE_DEVICES);

	while (text_starts_with(target, "../")) {
		target += 3;
		while (len > 0 && CAPTURE_DEVICES[--len] != '/')
			;
	}
	return xasprintf("%.*s/%s", (int)len, CAPTURE_DEVICES, target);
}

/* A link that leads nowhere is a function that cannot be read. */
static void add_listed(void *with, const char *name)
{
	const struct listed *l = with;
	autofree char *path = xasprintf(CAPTURE_DEVICES "/%s", name);
	char *node = place_link(l->top, path);
	char *dir = NULL;

	if (l->top->tree)
		dir = place_canonical(l->top, path);
	else if (node && *node != '/')
		dir = follow(node);
	entries_add(l->entries, xstrdup(name), dir ? dir : take_ptr(path), node);
}

/* By address, so that each joins the model at its end; what has none comes first. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	struct pci_addr first, second;
	bool has_first = pci_addr_parse(x->name, &first) == 0;
	bool has_second = pci_addr_parse(y->name, &second) == 0;

	if (!has_first || !has_second)
		return has_first - has_second;
	return pci_addr_cmp(first, second);
}

static int list_functions(const struct place *top, struct entries *e)
{
	struct listed l = { top, e };
	int r = place_list(top, CAPTURE_DEVICES, add_listed, &l);

	if (r == 0 && e->nr > FUNCTIONS_MAX)
		r = -EFBIG;
	if (r == 0 && e->nr)
		qsort(e->items, e->nr, sizeof(*e->items), compare_entries);
	return r;
}

/* In what is kept, others look for the files that they know, whoever else has said the same. */
static bool wants_all(const struct place *dir)
{
	return dir->tree || dir->record;
}

static bool read_limited(const struct place *dir, const char *attr, uint64_t max, uint64_t *value)
{
	return place_read_u64(dir, attr, value) == 0 && *value <= max;
}

/* "8086:29C0" */
static bool parse_ids(char *text, uint16_t *vendor, uint16_t *device)
{
	char *colon = strchr(text, ':');
	uint64_t first, second;

	if (!colon)
		return false;
	*colon = '\0';
	if (text_to_u64(text, 16, UINT16_MAX, &first) < 0 ||
	    text_to_u64(colon + 1, 16, UINT16_MAX, &second) < 0)
		return false;
	*vendor = (uint16_t)first;
	*device = (uint16_t)second;
	return true;
}

/* One file that says what otherwise takes six; false if it does not say all of it. */
static bool read_uevent(struct function *f, const struct place *dir)
{
	autofree char *text = NULL;
	const char *driver = NULL;
	bool subsystem = false;
	char *rest, *line;
	uint64_t value;

	if (place_read_attr(dir, "uevent", &text) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (text_starts_with(line, "PCI_ID=")) {
			f->ids_known = parse_ids(line + strlen("PCI_ID="), &f->vendor, &f->device);
		} else if (text_starts_with(line, "PCI_SUBSYS_ID=")) {
			subsystem = parse_ids(line + strlen("PCI_SUBSYS_ID="), &f->subvendor,
					      &f->subdevice);
		} else if (text_starts_with(line, "PCI_CLASS=") &&
			   text_to_u64(line + strlen("PCI_CLASS="), 16, 0xffffff, &value) == 0) {
			f->class_known = true;
			f->class = (uint32_t)value;
		} else if (text_starts_with(line, "DRIVER=")) {
			driver = line + strlen("DRIVER=");
		}
	}
	if (!f->ids_known || !f->class_known || !subsystem)
		return false;
	f->driver = xstrdup(driver);
	return true;
}

/* Its ids and class, and the driver that is bound to it. */
static void read_identity(struct function *f, const struct place *dir)
{
	uint64_t vendor, device, value;

	if (!wants_all(dir) && read_uevent(f, dir))
		return;
	if (place_read_link_name(dir, "driver", &f->driver) < 0)
		f->driver = NULL;
	f->ids_known = read_limited(dir, "vendor", UINT16_MAX, &vendor) &&
		       read_limited(dir, "device", UINT16_MAX, &device);
	if (f->ids_known) {
		f->vendor = (uint16_t)vendor;
		f->device = (uint16_t)device;
	}
	if (read_limited(dir, "subsystem_vendor", UINT16_MAX, &value))
		f->subvendor = (uint16_t)value;
	if (read_limited(dir, "subsystem_device", UINT16_MAX, &value))
		f->subdevice = (uint16_t)value;
	f->class_known = read_limited(dir, "class", 0xffffff, &value);
	if (f->class_known)
		f->class = (uint32_t)value;
}

/* include/linux/ioport.h: what sysfs shows of a resource's flags */
#define IS_IO 0x100u
#define IS_MEM 0x200u
#define IS_PREFETCH 0x2000u
#define IS_MEM64 0x100000u
#define IS_DISABLED 0x10000000u
#define IS_UNSET 0x20000000u

struct resource {
	uint64_t start, end, flags;
};

/* "0xSTART 0xEND 0xFLAGS": one line of the attribute; false for what is no range. */
static bool parse_resource(char *line, struct resource *r)
{
	static const char nothing[] = "0x0000000000000000 0x0000000000000000 0x0000000000000000";
	uint64_t *const fields[] = { &r->start, &r->end, &r->flags };
	size_t n = 0;
	char *word;

	if (strcmp(line, nothing) == 0)
		return false; /* as most lines are, whose numbers need not be read */
	while (n < ARRAY_LEN(fields) && (word = strsep(&line, " ")) &&
	       text_to_u64(word, 16, UINT64_MAX, fields[n]) == 0)
		n++;
	return n == ARRAY_LEN(fields) && r->flags & (IS_IO | IS_MEM) && r->end >= r->start &&
	       r->end - r->start < INT64_MAX;
}

static void set_bar(struct bar *bar, const struct resource *r)
{
	bar->kind = r->flags & IS_IO ? BAR_IO : r->flags & IS_MEM64 ? BAR_MEM64 : BAR_MEM32;
	bar->prefetchable = r->flags & IS_PREFETCH;
	bar->disabled = r->flags & IS_DISABLED;
	bar->unassigned = r->start == 0 || r->flags & IS_UNSET;
	if (bar->unassigned)
		return; /* what stands there is no address */
	bar->start = r->start;
	bar->size = r->end - r->start + 1;
}

/* A window that is closed shows no flags: config space tells it from one that the kernel let go. */
static void set_window(struct window *w, enum window_kind kind, const struct resource *r)
{
	enum window_kind is = r->flags & IS_IO         ? WINDOW_IO
			      : r->flags & IS_PREFETCH ? WINDOW_PREFETCHABLE
						       : WINDOW_MEMORY;

	if (is == kind && !(r->flags & (IS_UNSET | IS_DISABLED)))
		*w = (struct window){ true, r->start, r->end };
}

/*
 * A line for each BAR, the ROM, then the BARs of VFs if the kernel knows of SR-IOV, and of a bridge
 * the windows and one more that only CardBus uses.
 */
static void read_resources(struct function *f, const struct place *dir)
{
	enum { WITHOUT_SRIOV = 11, WITH_SRIOV = 17, WINDOW_LINES = 4 };
	struct resource found[WITH_SRIOV] = { 0 };
	bool valid[WITH_SRIOV] = { false };
	autofree char *text = NULL;
	char *line, *rest;
	int n = 0;

	if (place_read_attr(dir, "resource", &text) < 0)
		return;
	for (rest = text; n < WITH_SRIOV && (line = strsep(&rest, "\n")); n++)
		valid[n] = parse_resource(line, &found[n]);
	for (int i = 0; i < PCI_BARS; i++)
		if (valid[i])
			set_bar(&f->bars[i], &found[i]);
	/* class 0604, 0609: PCI-to-PCI; others have no windows there */
	if ((n != WITHOUT_SRIOV && n != WITH_SRIOV) || !f->class_known ||
	    (f->class >> 8 != 0x0604 && f->class >> 8 != 0x0609))
		return;
	for (int kind = 0; kind < NR_WINDOWS; kind++)
		if (valid[n - WINDOW_LINES + kind])
			set_window(&f->windows[kind], kind, &found[n - WINDOW_LINES + kind]);
}

/* "8.0 GT/s PCIe", "2.5 GT/s"; 0 for "Unknown". */
static uint8_t read_speed(const struct place *dir, const char *attr)
{
	autofree char *text = NULL;
	size_t n;

	if (place_read_attr(dir, attr, &text) < 0)
		return 0;
	n = strcspn(text, " ");
	text[n] = '\0';
	if (n > 2 && strcmp(text + n - 2, ".0") == 0)
		text[n - 2] = '\0';
	for (uint8_t generation = 1; generation <= 6; generation++)
		if (strcmp(text, link_speed_name(generation)) == 0)
			return generation;
	return 0;
}

/* What sysfs shows of the link to anyone, for when config space could not be read. */
static void read_link(struct function *f, const struct place *dir)
{
	uint64_t width, max_width;

	if (f->link.known || f->config_bytes >= STANDARD_BYTES ||
	    !read_limited(dir, "max_link_width", 63, &max_width) || !max_width ||
	    !read_limited(dir, "current_link_width", 63, &width))
		return;
	f->link = (struct link){
		.known = true,
		.width = (uint8_t)width,
		.max_width = (uint8_t)max_width,
		.speed = read_speed(dir, "current_link_speed"),
		.max_speed = read_speed(dir, "max_link_speed"),
	};
}

/* The running machine is asked for no more than is looked at. */
static int read_config_bytes(const struct place *dir, char **config, size_t *len)
{
	struct place unrecorded = *dir;
	autofree char *bytes = NULL;
	ssize_t n;

	unrecorded.record = NULL;
	if (wants_all(dir))
		return place_read_sysfs(&unrecorded, "config", EXTENDED_BYTES, config, len);
	bytes = xcalloc(EXTENDED_BYTES, 1);
	n = config_read_needed(dir->fd, "config", (uint8_t *)bytes);
	if (n < 0)
		return (int)n;
	*config = take_ptr(bytes);
	*len = (size_t)n;
	return 0;
}

/* What config space says, where it could be read, is not asked of sysfs again. */
static void read_config(struct platform *p, struct function *f, const struct place *dir)
{
	autofree char *config = NULL;
	uint64_t bus, value;
	size_t len = 0;

	if (read_config_bytes(dir, &config, &len) == 0) {
		redact_config((uint8_t *)config, len);
		place_record(dir, "config", config, len);
		platform_parse_config(p, f, (const uint8_t *)config, len);
	}
	if ((!f->config_bytes || wants_all(dir)) &&
	    read_limited(dir, "revision", UINT8_MAX, &value))
		f->revision = (uint8_t)value;
	if (f->config_bytes)
		return;
	/* class 0604, 0609: PCI-to-PCI, 0607: CardBus */
	f->is_bridge = f->class_known && (f->class >> 8 == 0x0604 || f->class >> 8 == 0x0607 ||
					  f->class >> 8 == 0x0609);
	if (f->is_bridge && read_limited(dir, "secondary_bus_number", UINT8_MAX, &bus))
		f->secondary = (uint8_t)bus;
	if (f->is_bridge && read_limited(dir, "subordinate_bus_number", UINT8_MAX, &bus))
		f->subordinate = (uint8_t)bus;
}

static void read_virtual(struct function *f, const struct place *dir)
{
	autofree char *physical = NULL;

	if (place_read_link_name(dir, "physfn", &physical) == 0 &&
	    pci_addr_parse(physical, &f->physical) == 0)
		f->is_virtual = true;
}

/* How many VFs it has, unless its own capability has said so. */
static void read_sriov(struct function *f, const struct place *dir)
{
	uint64_t max, now;

	if ((f->config_bytes >= STANDARD_BYTES && !wants_all(dir)) ||
	    !read_limited(dir, "sriov_totalvfs", UINT16_MAX, &max))
		return;
	if (!read_limited(dir, "sriov_numvfs", UINT16_MAX, &now))
		now = 0;
	if (f->has_sriov)
		return;
	f->max_virtual = (uint16_t)max;
	f->nr_virtual = (uint16_t)now;
}

static void read_iommu(struct function *f, const struct place *dir)
{
	autofree char *group = NULL;
	uint64_t value;

	if (place_read_link_name(dir, "iommu_group", &group) == 0 &&
	    text_to_u64(group, 10, INT_MAX, &value) == 0)
		f->iommu_group = (int)value;
	if (place_read_link_name(dir, "iommu", &f->iommu_unit) < 0)
		f->iommu_unit = NULL;
}

/* Before config space is read: the kernel wakes a function for that. */
static void read_power(struct function *f, const struct place *dir)
{
	static const struct {
		const char *text;
		bool powered;
	} states[] = {
		{ "D0", true },     { "D1", false },     { "D2", false },
		{ "D3hot", false }, { "D3cold", false },
	};
	autofree char *text = NULL;

	if (place_read_attr(dir, "power_state", &text) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcmp(text, states[i].text) != 0)
			continue;
		f->power_known = true;
		f->powered = states[i].powered;
	}
}

/*
 * What its driver says. Without one the masks are the kernel's initial ones and mean nothing, and no
 * driver of bridges sets them.
 */
static void read_driver(struct function *f, const struct place *dir)
{
	uint64_t value;

	if (!f->driver || f->is_bridge)
		return;
	if (read_limited(dir, "dma_mask_bits", 64, &value))
		f->dma_bits = (uint8_t)value;
	if (read_limited(dir, "consistent_dma_mask_bits", 64, &value))
		f->coherent_dma_bits = (uint8_t)value;
	if (strcmp(f->driver, "amdgpu") == 0 &&
	    read_limited(dir, "mem_info_vram_total", INT64_MAX, &value))
		f->memory_bytes = value;
}

static void read_p2pmem(struct function *f, const struct place *dir)
{
	struct p2pmem *mem = &f->p2pmem;
	uint64_t published;

	/* a driver offers it, and takes it back when it goes */
	if (!wants_all(dir) && (!f->driver || f->is_bridge))
		return;
	mem->present = read_limited(dir, "p2pmem/size", INT64_MAX, &mem->size);
	if (!mem->present)
		return;
	if (!read_limited(dir, "p2pmem/available", INT64_MAX, &mem->available))
		mem->available = 0;
	mem->published = read_limited(dir, "p2pmem/published", 1, &published) && published;
	mem->allocate = place_has(dir, "p2pmem/allocate");
}

/* Opens the function's directory; a captured one only has to be there. */
static int open_entry(const struct entry *entry, const struct tree *tree, int *fd)
{
	if (tree)
		return tree_exists(tree, entry->dir) ? 0 : -errno;
	*fd = open(entry->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

static void read_function(struct platform *p, const struct entry *entry, const struct place *top,
			  struct pci_names *names)
{
	const char *name = entry->name;
	autoclose int fd = -1;
	struct place dir = { .tree = top->tree, .path = entry->dir, .record = top->record };
	struct pci_addr addr;
	struct function *f;
	int64_t node;
	int r;

	if (pci_addr_parse(name, &addr) < 0) {
		platform_add_gap(p, name, "is on the PCI bus but has no PCI address");
		return;
	}
	r = open_entry(entry, top->tree, &fd);
	if (r < 0) {
		platform_add_gap(p, pci_addr_str(addr), "cannot be read: %s", strerror(-r));
		return;
	}
	dir.fd = fd;
	f = platform_add(p, addr);
	if (!f)
		return; /* one address in two spellings */
	device_path_read(f, entry->node);
	read_identity(f, &dir);
	read_virtual(f, &dir);
	read_resources(f, &dir);
	read_power(f, &dir);
	read_config(p, f, &dir);
	read_sriov(f, &dir);
	read_link(f, &dir);
	if (place_read_s64(&dir, "numa_node", &node) == 0 && node >= 0 && node <= INT_MAX)
		f->numa_node = (int)node;
	read_driver(f, &dir);
	read_iommu(f, &dir);
	read_p2pmem(f, &dir);
	if (f->ids_known)
		f->name = pci_names_of(names, f->vendor, f->device);
}

static struct platform *read_machine(const struct tree *tree, const char *name, struct tree *record)
{
	const struct place top = { .tree = tree, .path = "", .fd = AT_FDCWD, .record = record };
	struct entries found = { 0 };
	struct pci_names *names;
	struct platform *p;
	int r = list_functions(&top, &found);

	if (r < 0) {
		entries_release(&found);
		errno = -r;
		return NULL;
	}
	p = platform_new(tree ? "snapshot" : "live", name);
	names = pci_names_open();
	for (size_t i = 0; i < found.nr; i++)
		read_function(p, &found.items[i], &top, names);
	pci_names_close(names);
	entries_release(&found);
	iommu_read(p, &top);
	machine_facts_read(p, &top);
	platform_finish(p);
	return p;
}

struct platform *platform_read_tree(const struct tree *tree, const char *name, struct tree *record)
{
	return read_machine(tree, name, record);
}

struct platform *live_read(struct tree *record)
{
	return read_machine(NULL, NULL, record);
}
