/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids to names and names to ids. The way back is an index by name, made when it is first asked for. */
#include "platform/names.h"

#include <pci/pci.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/log.h"
#include "base/text.h"

#define NAME_MAX_BYTES 512
/* udev's copy of the database says nothing else, and takes longer */
#define FROM_FILE (PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB)
/* The database of 2026 has 45,000 lines. */
#define LINES_MAX 1000000

enum kind { CLASS, VENDOR, DEVICE };

/* A named id: of a class with its subclass, a vendor, or a device with its vendor above the id. */
struct entry {
	char *name;
	uint32_t id;
	enum kind kind;
};

struct pci_names {
	struct pci_access *access;
	struct entry *entries; /* ordered by kind, vendor of a device, name */
	size_t nr, room;
	bool indexed;
};

/* libpci's own handler exits with its own message and status. */
static attr_printf(1, 2) attr_noreturn void on_error(char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	die(EXIT_ENVIRONMENT, "cannot read the PCI id database: %s", text_trim(text));
}

static attr_printf(1, 2) void on_message(char *fmt attr_unused, ...)
{
}

struct pci_names *pci_names_open(void)
{
	struct pci_names *names = xcalloc(1, sizeof(*names));

	/* only the id database is used: pci_init() would look for hardware */
	names->access = pci_alloc();
	names->access->error = on_error;
	names->access->warning = on_message;
	names->access->debug = on_message;
	return names;
}

void pci_names_close(struct pci_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->nr; i++)
		free(names->entries[i].name);
	free(names->entries);
	pci_cleanup(names->access);
	free(names);
}

char *pci_names_of(struct pci_names *names, uint16_t vendor, uint16_t device)
{
	char vendor_text[NAME_MAX_BYTES], device_text[NAME_MAX_BYTES];
	const char *v, *d;
	autofree char *name = NULL;

	v = pci_lookup_name(names->access, vendor_text, sizeof(vendor_text),
			    PCI_LOOKUP_VENDOR | FROM_FILE, vendor);
	d = pci_lookup_name(names->access, device_text, sizeof(device_text),
			    PCI_LOOKUP_DEVICE | FROM_FILE, vendor, device);
	if (!v)
		return NULL;
	name = d ? xasprintf("%s %s", v, d) : xasprintf("%s Device %04x", v, device);
	return text_sanitize(name, strlen(name));
}

/* --- the way back ------------------------------------------------------------------------------- */

static uint32_t owner(const struct entry *e)
{
	return e->kind == DEVICE ? e->id >> 16 : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (owner(x) != owner(y))
		return owner(x) < owner(y) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void add(struct pci_names *names, enum kind kind, uint32_t id, const char *name)
{
	if (names->nr == names->room) {
		names->room = names->room ? names->room * 2 : 1024;
		names->entries =
			xreallocarray(names->entries, names->room, sizeof(*names->entries));
	}
	names->entries[names->nr++] = (struct entry){ text_sanitize(name, strlen(name)), id, kind };
}

/* "HEX  Name" with this many digits. */
static bool split(char *line, size_t digits, uint32_t *id, const char **name)
{
	uint64_t value;

	if (strlen(line) < digits + 3 || line[digits] != ' ' || line[digits + 1] != ' ')
		return false;
	line[digits] = '\0';
	if (text_to_u64(line, 16, UINT16_MAX, &value) < 0)
		return false;
	*id = (uint32_t)value;
	*name = line + digits + 2;
	return true;
}

/* What the lines so far are about: those with tabs in front belong to the last one without. */
struct section {
	enum { IN_NOTHING, IN_VENDOR, IN_CLASS } kind;
	uint32_t id;
};

/* "vvvv  Vendor", "\tdddd  Device", "C cc  Class", "\tss  Subclass"; deeper lines are not wanted. */
static void read_line(struct pci_names *names, struct section *in, char *line)
{
	const char *name;
	uint32_t id;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#' || text_starts_with(line, "\t\t"))
		return;
	if (*line == '\t') {
		if (in->kind == IN_VENDOR && split(line + 1, 4, &id, &name))
			add(names, DEVICE, in->id << 16 | id, name);
		else if (in->kind == IN_CLASS && split(line + 1, 2, &id, &name))
			add(names, CLASS, in->id << 8 | id, name);
		return;
	}
	in->kind = IN_NOTHING;
	if (text_starts_with(line, "C ") && split(line + 2, 2, &id, &name)) {
		*in = (struct section){ IN_CLASS, id };
	} else if (split(line, 4, &id, &name)) {
		*in = (struct section){ IN_VENDOR, id };
		add(names, VENDOR, id, name);
	}
}

/* libpci looks for the name as given and for it without or with ".gz"; zlib reads both kinds. */
static gzFile open_database(const char *path)
{
	autofree char *packed = xasprintf("%s.gz", path);
	size_t len = strlen(path);
	autofree char *plain = xstrndup(path, len > 3 ? len - 3 : len);
	const char *const paths[] = { path, packed,
				      text_starts_with(path + strlen(plain), ".gz") ? plain
										    : path };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		gzFile f = gzopen(paths[i], "rbe");

		if (f)
			return f;
	}
	return NULL;
}

/* A database that is not there has no names. */
static void make_index(struct pci_names *names)
{
	struct section in = { IN_NOTHING, 0 };
	char line[2 * NAME_MAX_BYTES];
	gzFile f;

	if (names->indexed)
		return;
	names->indexed = true;
	f = open_database(names->access->id_file_name);
	for (int n = 0; f && n < LINES_MAX && gzgets(f, line, sizeof(line)); n++)
		read_line(names, &in, line);
	if (f)
		gzclose(f);
	if (names->nr)
		qsort(names->entries, names->nr, sizeof(*names->entries), by_name);
}

/* The first of this kind and name, *count of which are there; owner is a device's vendor. */
static const struct entry *look_up(const struct pci_names *names, enum kind kind, uint32_t vendor,
				   char *name, size_t *count)
{
	const struct entry key = { name, vendor << 16, kind };
	size_t low = 0, high = names->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_name(&names->entries[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (low + *count < names->nr && by_name(&names->entries[low + *count], &key) == 0)
		++*count;
	return *count ? &names->entries[low] : NULL;
}

/* What is left of "Vendor Device" behind the vendor: a name, or "Device 0d57". Counts the answers. */
static size_t find_device_of(const struct pci_names *names, uint32_t vendor, char *name,
			     uint32_t *id)
{
	const struct entry *e;
	uint64_t value;
	size_t count;

	e = look_up(names, DEVICE, vendor, name, &count);
	if (e)
		*id = e->id;
	if (!e && text_starts_with(name, "Device ") && strlen(name) == 11 &&
	    text_to_u64(name + 7, 16, UINT16_MAX, &value) == 0) {
		*id = vendor << 16 | (uint32_t)value;
		return 1;
	}
	return count;
}

bool pci_names_find_device(struct pci_names *names, const char *name, uint16_t *vendor,
			   uint16_t *device)
{
	autofree char *text = xstrdup(name);
	size_t found = 0;
	uint32_t id = 0;

	make_index(names);
	/* where the vendor's name ends is not marked: every blank is tried */
	for (char *blank = strchr(text, ' '); blank; blank = strchr(blank + 1, ' ')) {
		const struct entry *v;
		size_t count;

		*blank = '\0';
		v = look_up(names, VENDOR, 0, text, &count);
		for (size_t i = 0; i < count; i++)
			found += find_device_of(names, v[i].id, blank + 1, &id);
		*blank = ' ';
	}
	if (found != 1)
		return false;
	*vendor = (uint16_t)(id >> 16);
	*device = (uint16_t)id;
	return true;
}

bool pci_names_find_class(struct pci_names *names, const char *name, uint16_t *class)
{
	autofree char *text = xstrdup(name);
	const struct entry *e;
	size_t count;

	make_index(names);
	e = look_up(names, CLASS, 0, text, &count);
	if (count != 1)
		return false;
	*class = (uint16_t)e->id;
	return true;
}
