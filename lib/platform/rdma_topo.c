/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `rdma_topo dump` of rdma-core writes, as a platform source: a JSON array with an object for each
 * function, config space and VPD in it deflated and in base64. Its items are parsed one by one, so that a
 * hostile text costs little more memory than it has bytes, and every key that the tool writes is
 * checked. The tool leaves out host bridges and other functions of the system: what they are is unknown.
 */
#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "platform/device_path.h"
#include "platform/input.h"
#include "platform/names.h"
#include "platform/virtual.h"

#define CONFIG_MAX 4096u
#define VPD_MAX 32768u /* PCI Local Bus 3.0, appendix I: addresses have 15 bits */

/* One function, and where its item begins. */
struct shown_item {
	struct function f;
	size_t at;
};

struct dump {
	struct platform *p;
	struct shown_item *shown;
	size_t nr, room;
	struct pci_names *names;
	const char *name; /* what messages call it */
	char *text;
	size_t len, at;
	size_t item; /* where the one at hand begins */
	uint8_t digits[256]; /* of base64 */
	bool groups_unsaid; /* some item does not say whether it is in an IOMMU group */
	char **why;
};

/* From 1. */
static size_t line_of(const struct dump *d, size_t at)
{
	size_t line = 1;

	while (at--)
		line += d->text[at] == '\n';
	return line;
}

/* With the line of the item at hand, or so many below it. */
static attr_printf(3, 4) int refuse_at(struct dump *d, size_t below, const char *fmt, ...)
{
	autofree char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	*d->why = xasprintf("'%s' line %zu: %s", d->name, line_of(d, d->item) + below, what);
	return -EINVAL;
}

#define refuse(d, ...) refuse_at(d, 0, __VA_ARGS__)

/* --- values ------------------------------------------------------------------------------------------ */

/* By character of base64 (RFC 4648): 1 + what it stands for, 0 for what is no such character. */
static void make_digits(uint8_t digits[256])
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; set[i]; i++)
		digits[(uint8_t)set[i]] = (uint8_t)(i + 1);
}

/* Writes len / 4 * 3 bytes; returns how many of them count, or -1. */
static ssize_t from_base64(const uint8_t digits[256], const char *text, size_t len, uint8_t *out)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + len;
	size_t padding = 0;

	if (len % 4)
		return -1;
	for (; at < end; at += 4, out += 3) {
		uint8_t d[4] = { digits[at[0]], digits[at[1]], digits[at[2]], digits[at[3]] };
		uint32_t bits;

		if (at + 4 == end)
			padding = at[3] != '=' ? 0 : at[2] != '=' ? 1 : 2;
		for (size_t i = 4 - padding; i < 4; i++)
			d[i] = 1;
		if (!d[0] || !d[1] || !d[2] || !d[3])
			return -1;
		bits = (d[0] - 1u) << 18 | (d[1] - 1u) << 12 | (d[2] - 1u) << 6 | (d[3] - 1u);
		out[0] = (uint8_t)(bits >> 16);
		out[1] = (uint8_t)(bits >> 8);
		out[2] = (uint8_t)bits;
	}
	return (ssize_t)(len / 4 * 3 - padding);
}

/* Deflated bytes in base64 that are at most *len bytes, which becomes their number. */
static int unpack(const struct dump *d, const json_t *text, uint8_t *out, size_t *len)
{
	size_t text_len = json_string_length(text);
	autofree uint8_t *deflated = xcalloc(text_len / 4 + 1, 3);
	ssize_t n = from_base64(d->digits, json_string_value(text), text_len, deflated);
	uLongf inflated = *len;
	uLong used = n < 0 ? 0 : (uLong)n;

	if (n < 0 || uncompress2(out, &inflated, deflated, &used) != Z_OK || used != (uLong)n)
		return -EINVAL;
	*len = inflated;
	return 0;
}

/* The tool writes null for what a function does not have. */
static const json_t *value_of(const json_t *item, const char *key)
{
	const json_t *value = json_object_get(item, key);

	return json_is_null(value) ? NULL : value;
}

static int read_bytes(struct dump *d, const json_t *item, const char *key, uint8_t *out,
		      size_t *len)
{
	const json_t *value = value_of(item, key);
	size_t max = *len;

	*len = 0;
	if (!value)
		return 0;
	*len = max;
	if (!json_is_string(value) || unpack(d, value, out, len) < 0)
		return refuse(d, "'%s' does not hold at most %zu bytes, deflated and in base64",
			      key, max);
	return 0;
}

static int read_number(struct dump *d, const json_t *item, const char *key, json_int_t min,
		       int *number)
{
	const json_t *value = value_of(item, key);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > INT_MAX)
		return refuse(d, "'%s' is no number from %lld to %d", key, (long long)min, INT_MAX);
	*number = (int)json_integer_value(value);
	return 0;
}

/* --- one function ------------------------------------------------------------------------------------ */

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* NULL: it was refused. */
static struct function *add_function(struct dump *d, const json_t *item)
{
	const char *path = json_string_value(value_of(item, "realpath"));
	struct function *f;
	struct pci_addr addr;

	if (!path) {
		(void)refuse(d,
			     "there is no 'realpath': rdma_topo dump writes it for every function");
		return NULL;
	}
	if (pci_addr_parse(last_component(path), &addr) < 0) {
		(void)refuse(d, "'%s' is not the path of a PCI function", path);
		return NULL;
	}
	if (d->nr == FUNCTIONS_MAX) {
		(void)refuse(d, "there are more than %d functions", FUNCTIONS_MAX);
		return NULL;
	}
	if (d->nr == d->room) {
		d->room = d->room ? d->room * 2 : 64;
		d->shown = xreallocarray(d->shown, d->room, sizeof(*d->shown));
	}
	d->shown[d->nr] = (struct shown_item){ platform_function(addr), d->item };
	f = &d->shown[d->nr++].f;
	device_path_read(f, path);
	return f;
}

/* "pci:v00008086d00001234sv00001AF4sd00001100bc06sc04i00" (Linux, file2alias). */
static bool parse_modalias(const char *text, uint32_t values[7])
{
	static const struct {
		const char *mark;
		size_t digits;
	} parts[] = { { "pci:v", 8 }, { "d", 8 },  { "sv", 8 }, { "sd", 8 },
		      { "bc", 2 },    { "sc", 2 }, { "i", 2 } };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char digits[9] = "";
		uint64_t value;

		if (!text_starts_with(text, parts[i].mark))
			return false;
		text += strlen(parts[i].mark);
		strncat(digits, text, parts[i].digits);
		if (strlen(digits) != parts[i].digits ||
		    text_to_u64(digits, 16, UINT32_MAX, &value) < 0)
			return false;
		text += parts[i].digits;
		values[i] = (uint32_t)value;
	}
	return !*text;
}

/* The kernel's own ids, which the registers of a VF do not have. */
static int read_modalias(struct dump *d, const json_t *item, struct function *f)
{
	const char *text = json_string_value(value_of(item, "modalias"));
	uint32_t v[7];

	if (!text || !parse_modalias(text, v) || v[0] > UINT16_MAX || v[1] > UINT16_MAX)
		return refuse(d, "'modalias' is missing, or not that of a PCI function");
	f->ids_known = f->class_known = true;
	f->vendor = (uint16_t)v[0];
	f->device = (uint16_t)v[1];
	f->class = v[4] << 16 | v[5] << 8 | v[6];
	if (v[2] <= UINT16_MAX && v[3] <= UINT16_MAX) {
		f->subvendor = (uint16_t)v[2];
		f->subdevice = (uint16_t)v[3];
	}
	f->name = pci_names_of(d->names, f->vendor, f->device);
	return 0;
}

static int read_config(struct dump *d, const json_t *item, struct function *f)
{
	enum { REVISION = 0x08 };
	uint8_t config[CONFIG_MAX];
	size_t len = sizeof(config);
	int r;

	if (!value_of(item, "config"))
		return refuse(d,
			      "there is no 'config': rdma_topo dump writes it for every function");
	r = read_bytes(d, item, "config", config, &len);
	if (r < 0)
		return r;
	platform_parse_config(d->p, f, config, len);
	if (f->config_bytes)
		f->revision = config[REVISION];
	return 0;
}

/* Nothing of it is for the model, but a dump that is damaged there is damaged. */
static int check_vpd(struct dump *d, const json_t *item)
{
	size_t len = VPD_MAX;
	autofree uint8_t *vpd = value_of(item, "vpd") ? xcalloc(len, 1) : NULL;

	return read_bytes(d, item, "vpd", vpd, &len);
}

/* Likewise: {"net": ["eth0"], ...}. */
static int check_subsystems(struct dump *d, const json_t *item)
{
	/* what iterates has no const in jansson, and changes nothing */
	json_t *subsystems = (json_t *)value_of(item, "subsystems"), *names, *name;
	const char *key;
	size_t i;

	if (subsystems && !json_is_object(subsystems))
		return refuse(d, "'subsystems' is no object");
	json_object_foreach (subsystems, key, names) {
		if (!json_is_array(names))
			return refuse(d, "'subsystems' has '%s', which is no array of names", key);
		json_array_foreach (names, i, name) {
			if (!json_is_string(name))
				return refuse(d,
					      "'subsystems' has '%s', which is no array of names",
					      key);
		}
	}
	return 0;
}

static int read_function(struct dump *d, const json_t *item)
{
	struct function *f = add_function(d, item);
	int r;

	if (!f)
		return -EINVAL;
	r = read_modalias(d, item, f);
	if (r == 0)
		r = read_config(d, item, f);
	if (r == 0)
		r = read_number(d, item, "iommu_group", 0, &f->iommu_group);
	if (r == 0)
		r = read_number(d, item, "numa_node", NUMA_UNKNOWN, &f->numa_node);
	if (r == 0)
		r = check_vpd(d, item);
	if (r == 0)
		r = check_subsystems(d, item);
	d->groups_unsaid |= !json_object_get(item, "iommu_group");
	return r;
}

/* --- the array --------------------------------------------------------------------------------------- */

/* The next character that is no blank, which stays; 0 at the end. */
static char look(struct dump *d)
{
	while (d->at < d->len && d->text[d->at] && strchr(" \t\r\n", d->text[d->at]))
		d->at++;
	d->item = d->at;
	return d->at < d->len ? d->text[d->at] : 0;
}

static int take_item(struct dump *d)
{
	bool cut = d->len - d->at > RDMA_TOPO_ITEM_MAX;
	json_error_t error;
	autojson json_t *item =
		json_loadb(d->text + d->at, cut ? RDMA_TOPO_ITEM_MAX : d->len - d->at,
			   JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
	int r;

	if (!item && cut && json_error_code(&error) == json_error_premature_end_of_input)
		return refuse(d, "an item has more than %u bytes", RDMA_TOPO_ITEM_MAX);
	if (!item)
		return refuse_at(d, (size_t)error.line - 1, "%s", error.text);
	if (!json_is_object(item))
		return refuse(d, "an item is no object");
	r = read_function(d, item);
	d->at += (size_t)error.position;
	return r;
}

static int take_items(struct dump *d)
{
	char c;

	if (look(d) != '[')
		return refuse(
			d, "this is JSON, but no array of functions as rdma_topo dump writes it");
	d->at++;
	if (look(d) == ']')
		return refuse(d, "no PCI function is in it");
	do {
		int r;

		look(d);
		r = take_item(d);
		if (r < 0)
			return r;
		c = look(d);
		d->at++;
	} while (c == ',');
	if (c != ']')
		return refuse(d, c ? "the items of the array are not set off by commas"
				   : "the end of the array is missing");
	return look(d) ? refuse(d, "something follows the array") : 0;
}

/* The later of two items with one address is the one that is refused. */
static int compare_shown(const void *a, const void *b)
{
	const struct shown_item *x = a, *y = b;
	int order = pci_addr_cmp(x->f.addr, y->f.addr);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* In order, so that each joins the model at its end. */
static int hand_over(struct dump *d)
{
	qsort(d->shown, d->nr, sizeof(*d->shown), compare_shown);
	for (size_t i = 1; i < d->nr; i++) {
		if (pci_addr_eq(d->shown[i - 1].f.addr, d->shown[i].f.addr)) {
			d->item = d->shown[i].at;
			return refuse(d, "function '%s' is there twice",
				      pci_addr_str(d->shown[i].f.addr));
		}
	}
	platform_reserve(d->p, d->nr);
	for (size_t i = 0; i < d->nr; i++)
		*platform_add(d->p, d->shown[i].f.addr) = d->shown[i].f;
	d->nr = 0;
	return 0;
}

static void release(struct dump *d)
{
	for (size_t i = 0; i < d->nr; i++)
		free(d->shown[i].f.name);
	free(d->shown);
	free(d->text);
	pci_names_close(d->names);
}

static int read_whole(struct input *in, struct dump *d)
{
	size_t room = 0;
	ssize_t n;

	do {
		if (d->len == room) {
			room = room ? room * 2 : 64u * 1024;
			if (room > RDMA_TOPO_TEXT_MAX)
				room = RDMA_TOPO_TEXT_MAX + 1;
			d->text = xreallocarray(d->text, room, 1);
		}
		n = in->read(in, d->text + d->len, room - d->len);
		if (n > 0)
			d->len += (size_t)n;
		if (d->len > RDMA_TOPO_TEXT_MAX)
			return -EFBIG;
	} while (n > 0);
	return (int)n;
}

static void add_gaps(const struct dump *d)
{
	struct platform *p = d->p;
	bool grouped = false;

	for (size_t i = 0; i < p->nr_functions; i++)
		grouped |= p->functions[i].iommu_group != GROUP_UNKNOWN;
	if (grouped || !d->groups_unsaid)
		p->iommu_groups = grouped ? KNOWN_PRESENT : KNOWN_ABSENT;
	else
		platform_add_gap(p, "iommu groups", "not shown by the source");
	platform_add_gap(
		p, "host bridges",
		"rdma_topo leaves out functions of class 0600, and of others that belong to "
		"the system");
	platform_add_gap(p, "drivers", "not shown by the source");
	platform_add_gap(p, "kernel release", "not shown by the source");
	platform_add_gap(p, "processor", "not shown by the source");
}

int rdma_topo_read(struct input *in, struct platform *p, char **why)
{
	struct dump d = { .p = p, .name = in->name, .why = why };
	int r = read_whole(in, &d);

	if (r == -EFBIG)
		*why = xasprintf("'%s' is larger than any machine: the limit is %u MiB of JSON",
				 in->name, RDMA_TOPO_TEXT_MAX >> 20);
	else if (r < 0)
		*why = xasprintf("cannot read '%s': %s", in->name, strerror(-r));
	if (r == 0) {
		make_digits(d.digits);
		d.names = pci_names_open();
		r = take_items(&d);
	}
	if (r == 0)
		r = hand_over(&d);
	release(&d);
	if (r < 0)
		return r;
	p->system_left_out = true;
	virtual_mark(p);
	add_gaps(&d);
	return 0;
}
