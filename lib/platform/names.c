/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids to names and names to ids. The way back is an index by name, made when it is first asked for. */
#include "platform/names.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/text.h"

#define NAME_MAX_BYTES 512
/* The database of 2026 has 1.6 MB. */
#define DATABASE_MAX (64u << 20)

enum kind { CLASS, VENDOR, DEVICE };

/* A named id: of a class with its subclass, a vendor, or a device with its vendor above the id. */
struct entry {
	char *name;
	uint32_t id;
	enum kind kind;
};

/* The name of the device with this id, its vendor's above it. */
struct answer {
	uint32_t id;
	char *name; /* NULL: nobody has asked */
};

#define ANSWERS 256

/* A vendor that has been asked for: its line, and where those of its devices end. */
struct vendor {
	int id;
	const char *line, *to;
};

struct pci_names {
	char *text; /* all of it; NULL: there is none */
	bool read, mapped;
	size_t len;
	struct vendor *vendors;
	size_t nr_vendors;
	/* the last ones: most functions of a machine are of few kinds */
	struct answer answers[ANSWERS];
	struct entry *entries; /* ordered by kind, vendor of a device, name */
	size_t nr, room;
	bool indexed;
};

struct pci_names *pci_names_open(void)
{
	return xcalloc(1, sizeof(struct pci_names));
}

void pci_names_close(struct pci_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->nr; i++)
		free(names->entries[i].name);
	for (size_t i = 0; i < ANSWERS; i++)
		free(names->answers[i].name);
	free(names->entries);
	free(names->vendors);
	if (names->mapped)
		munmap(names->text, names->len);
	else
		free(names->text);
	free(names);
}

/* --- the database ------------------------------------------------------------------------------- */

/* Where libpci looks for it, as distributions build that; it may also be there as ".gz". */
static const char *const paths[] = {
	"/usr/share/misc/pci.ids",
	"/usr/share/hwdata/pci.ids",
	"/usr/share/pci.ids",
};

/*
 * As it is, of which only what is looked at comes into memory; what is mapped has a NUL behind it
 * unless it fills its last page.
 */
static char *map_database(const char *path, size_t *len)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *text;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DATABASE_MAX ||
	    st.st_size % sysconf(_SC_PAGESIZE) == 0)
		return NULL;
	*len = (size_t)st.st_size;
	text = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	return text == MAP_FAILED ? NULL : text;
}

/* zlib reads it packed or not. */
static gzFile open_database(const char *path)
{
	autofree char *packed = xasprintf("%s.gz", path);
	gzFile f = gzopen(path, "rbe");

	return f ? f : gzopen(packed, "rbe");
}

/* The whole file, as far as it can be read; NULL if nothing of it can. */
static char *read_database(gzFile f, size_t *len)
{
	unsigned int room = 1u << 21, have = 0;
	char *text = xreallocarray(NULL, room, 1);
	int n;

	while ((n = gzread(f, text + have, room - have - 1)) > 0) {
		have += (unsigned int)n;
		if (room - have > 1)
			continue;
		if (room >= DATABASE_MAX)
			break;
		room *= 2;
		text = xreallocarray(text, room, 1);
	}
	text[have] = '\0';
	*len = strlen(text);
	return text;
}

static void load(struct pci_names *names, const char *path)
{
	gzFile f;

	names->text = map_database(path, &names->len);
	names->mapped = names->text;
	f = names->mapped ? NULL : open_database(path);
	if (!f)
		return;
	names->text = read_database(f, &names->len);
	gzclose(f);
}

/* A database that is not there has no names. P2PCERT_PCI_IDS names another one. */
static const char *database(struct pci_names *names)
{
	const char *chosen = getenv("P2PCERT_PCI_IDS");

	if (names->read)
		return names->text;
	names->read = true;
	if (chosen && *chosen)
		load(names, chosen);
	else
		for (size_t i = 0; i < ARRAY_LEN(paths) && !names->text; i++)
			load(names, paths[i]);
	return names->text;
}

/* What stands behind the end of the line, or to. */
static const char *behind_line(const char *line, const char *to)
{
	const char *end = memchr(line, '\n', (size_t)(to - line));

	return end ? end + 1 : to;
}

/* --- names of ids ------------------------------------------------------------------------------- */

/* The value of four lower case hexadecimal digits with two blanks behind them, or -1. */
static int four_digits(const char *s)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = s[i] >= '0' && s[i] <= '9'   ? s[i] - '0'
			    : s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
							 : -1;

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return s[4] == ' ' && s[5] == ' ' ? value : -1;
}

/* The id of a line so many tabs in, -1 if it has none there. */
static int line_id(const char *line, size_t tabs)
{
	for (; tabs && *line == '\t'; tabs--)
		line++;
	return tabs ? -1 : four_digits(line);
}

/*
 * The line of an id, by halves, so that little of the database comes into memory: it is in order. What
 * people have added to it out of order may be missed.
 */
static const char *search(const char *from, const char *to, size_t tabs, int id)
{
	while (from < to) {
		const char *middle = from + (to - from) / 2;
		const char *end = memrchr(from, '\n', (size_t)(middle - from));
		const char *line = middle = end ? end + 1 : from;
		int found = -1;

		while (line < to && (found = line_id(line, tabs)) < 0)
			line = behind_line(line, to);
		if (found == id)
			return line;
		if (found < 0 || found > id)
			to = middle;
		else
			from = behind_line(line, to);
	}
	return NULL;
}

/* Where the lines of a vendor's devices end. */
static const char *vendor_end(const char *line, const char *to)
{
	do
		line = behind_line(line, to);
	while (line < to && (*line == '\t' || *line == '#'));
	return line;
}

/* Its line is NULL if there is none with this id. */
static const struct vendor *find_vendor(struct pci_names *names, int id)
{
	const char *to = names->text + names->len;
	struct vendor *v;

	for (size_t i = 0; i < names->nr_vendors; i++)
		if (names->vendors[i].id == id)
			return &names->vendors[i];
	/* doubles at every power of two */
	if (!(names->nr_vendors & (names->nr_vendors - 1)))
		names->vendors =
			xreallocarray(names->vendors, names->nr_vendors ? 2 * names->nr_vendors : 1,
				      sizeof(*names->vendors));
	v = &names->vendors[names->nr_vendors++];
	*v = (struct vendor){ .id = id, .line = search(names->text, to, 0, id) };
	v->to = v->line ? vendor_end(v->line, to) : NULL;
	return v;
}

/* What stands behind the id. */
static char *name_in(const char *line)
{
	const char *name = line + strspn(line, "\t") + strlen("1234  ");

	return text_sanitize(name, strcspn(name, "\r\n"));
}

static char *find_name(struct pci_names *names, uint16_t vendor, uint16_t device)
{
	autofree char *vendor_name = NULL, *device_name = NULL;
	const struct vendor *v = find_vendor(names, vendor);
	const char *line;

	if (!v->line)
		return NULL;
	vendor_name = name_in(v->line);
	line = search(v->line, v->to, 1, device);
	if (!line)
		return xasprintf("%s Device %04x", vendor_name, device);
	device_name = name_in(line);
	return xasprintf("%s %s", vendor_name, device_name);
}

char *pci_names_of(struct pci_names *names, uint16_t vendor, uint16_t device)
{
	uint32_t id = (uint32_t)vendor << 16 | device;
	struct answer *answer = &names->answers[(vendor ^ device) % ANSWERS];

	if (!database(names))
		return NULL;
	if (!answer->name || answer->id != id) {
		free(answer->name);
		*answer = (struct answer){ id, find_name(names, vendor, device) };
	}
	return xstrdup(answer->name);
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

static void make_index(struct pci_names *names)
{
	struct section in = { IN_NOTHING, 0 };
	char copy[2 * NAME_MAX_BYTES];
	const char *line, *to;

	if (names->indexed)
		return;
	names->indexed = true;
	line = database(names);
	to = line + names->len;
	for (; line < to; line = behind_line(line, to)) {
		size_t len = strcspn(line, "\r\n");

		if (len >= sizeof(copy))
			continue;
		memcpy(copy, line, len);
		copy[len] = '\0';
		read_line(names, &in, copy);
	}
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
