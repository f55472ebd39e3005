/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of rdma_topo: one that the tool wrote, made-up ones key by key, and hostile ones. */
#include "../test.h"

#include <zlib.h>

#include "base/alloc.h"
#include "config_space.h"
#include "platform/input.h"
#include "platform/platform.h"

/* --- a dump in the making ------------------------------------------------------------------------- */

/* What stands in one item; NULL: the key is left out. The texts are JSON. */
struct item {
	const char *realpath, *config, *modalias, *iommu_group, *numa_node, *vpd, *subsystems,
		*more;
};

#define PORT "\"/sys/devices/pci0000:00/0000:00:01.0\""
#define DRIVE "\"/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0\""
#define DRIVE_ALIAS "\"pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02\""

static char *base64(const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = xcalloc(len / 3 + 1, 4 + 1), *at = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		bits |= have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= have > 2 ? bytes[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			*at++ = k > have ? '=' : digits[bits >> (18 - 6 * k) & 63];
	}
	return text;
}

/* As JSON holds it, with the quotes. */
static char *packed(const uint8_t *bytes, size_t len)
{
	uLongf n = compressBound(len);
	autofree uint8_t *deflated = xcalloc(n, 1);
	autofree char *text = NULL;

	assert_int_equal(compress(deflated, &n, bytes, len), Z_OK);
	text = base64(deflated, n);
	return xasprintf("\"%s\"", text);
}

static char *drive_config(size_t len)
{
	uint8_t config[CONFIG_SIZE];

	config_header(config, 0x144d, 0xa808, 0x010802);
	config_express(config, 0, 4, 4, 4, 4);
	return packed(config, len);
}

static char *item_text(const struct item *i)
{
	const char *const keys[] = { "realpath",  "config", "modalias",   "iommu_group",
				     "numa_node", "vpd",    "subsystems", "more" };
	const char *const values[] = { i->realpath,  i->config, i->modalias,   i->iommu_group,
				       i->numa_node, i->vpd,    i->subsystems, i->more };
	char *text = xstrdup("{");

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		autofree char *before = text;

		text = values[k] ? xasprintf("%s%s\n  \"%s\": %s", before, before[1] ? "," : "",
					     keys[k], values[k])
				 : xstrdup(before);
	}
	return text;
}

static struct platform *read_text(const char *text, char **why)
{
	return platform_read_memory("dump.json", text, strlen(text), why);
}

static struct platform *read_items(const struct item *items, size_t nr, char **why)
{
	autofree char *text = xstrdup("[");
	autofree char *whole = NULL;

	for (size_t i = 0; i < nr; i++) {
		autofree char *before = text;
		autofree char *item = item_text(&items[i]);

		text = xasprintf("%s%s%s\n}", before, i ? ",\n" : "\n", item);
	}
	whole = xasprintf("%s\n]\n", text);
	return read_text(whole, why);
}

static struct platform *read_good(const struct item *items, size_t nr)
{
	autofree char *why = NULL;
	struct platform *p = read_items(items, nr, &why);

	if (!p)
		fail_msg("%s", why);
	assert_string_equal(p->source_kind, "rdma_topo");
	return p;
}

static void expect_refusal(const char *text, const char *message)
{
	autofree char *why = NULL;

	assert_null(read_text(text, &why));
	assert_int_equal(errno, EINVAL);
	if (!strstr(why, message) || !strstr(why, "'dump.json' line "))
		fail_msg("'%s' does not say '%s'", why, message);
}

static void expect_item_refused(const struct item *item, const char *message)
{
	autofree char *why = NULL;

	assert_null(read_items(item, 1, &why));
	assert_int_equal(errno, EINVAL);
	if (!strstr(why, message) || !strstr(why, "'dump.json' line 2: "))
		fail_msg("'%s' does not say '%s'", why, message);
}

static bool has_gap(const struct platform *p, const char *subject)
{
	for (size_t i = 0; i < p->nr_gaps; i++)
		if (strcmp(p->gaps[i].subject, subject) == 0)
			return true;
	return false;
}

/* --- what is in it ---------------------------------------------------------------------------------- */

static void test_one_function(void **state attr_unused)
{
	autofree char *config = drive_config(CONFIG_SIZE);
	autofree char *vpd = packed((const uint8_t *)"\x82\0\0\x78", 4);
	const struct item item = {
		DRIVE, config, DRIVE_ALIAS, "17", "1", vpd, "{\"nvme\": [\"nvme0\"]}", "[{}]"
	};
	autoplatform struct platform *p = read_good(&item, 1);
	const struct function *f = &p->functions[0];

	assert_int_equal(p->nr_functions, 1);
	assert_string_equal(pci_addr_str(f->addr), "0000:01:00.0");
	assert_int_equal(f->parent_kind, PARENT_BRIDGE);
	assert_string_equal(pci_addr_str(f->parent), "0000:00:01.0");
	assert_true(f->ids_known);
	assert_int_equal(f->vendor, 0x144d);
	assert_int_equal(f->device, 0xa808);
	assert_int_equal(f->subvendor, 0x144d);
	assert_int_equal(f->subdevice, 0xa801);
	assert_int_equal(f->class, 0x010802);
	assert_int_equal(f->revision, 5);
	assert_int_equal(f->iommu_group, 17);
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->config_bytes, 4096);
	assert_int_equal(f->port_type, PORT_ENDPOINT);
	assert_int_equal(f->acs.known, KNOWN_ABSENT);
	assert_int_equal(p->iommu_groups, KNOWN_PRESENT);
	assert_true(has_gap(p, "kernel release"));
	assert_true(has_gap(p, "processor"));
	assert_true(has_gap(p, "host bridges"));
	assert_true(has_gap(p, "drivers"));
}

/* The keys that the tool leaves out or writes null for, and config space as far as it was readable. */
static void test_unknown(void **state attr_unused)
{
	autofree char *config = drive_config(64);
	const struct item item = { DRIVE, config, DRIVE_ALIAS, "null", "-1", NULL, NULL, NULL };
	const struct item bare = { DRIVE, config, DRIVE_ALIAS, NULL, "null", "null", "null", NULL };
	autoplatform struct platform *p = read_good(&item, 1), *q = read_good(&bare, 1);

	assert_int_equal(p->functions[0].iommu_group, GROUP_UNKNOWN);
	assert_int_equal(p->functions[0].numa_node, NUMA_UNKNOWN);
	assert_int_equal(p->functions[0].config_bytes, 64);
	assert_int_equal(p->functions[0].acs.known, KNOWN_NO);
	/* null is what the tool writes where the kernel shows none; a key that is not there says nothing */
	assert_int_equal(p->iommu_groups, KNOWN_ABSENT);
	assert_int_equal(q->iommu_groups, KNOWN_NO);
	assert_true(has_gap(q, "iommu groups"));
	assert_int_equal(q->functions[0].numa_node, NUMA_UNKNOWN);
}

/* The registers of a VF have no ids: the kernel's own do, and the PF's registers tell that it is one. */
static void test_virtual(void **state attr_unused)
{
	enum { SRIOV_AT = 0x100 };
	uint8_t config[CONFIG_SIZE];
	autofree char *pf = NULL;
	autofree char *vf = NULL;

	config_header(config, 0x15b3, 0x1021, 0x020000);
	config_express(config, 0, 4, 4, 4, 4);
	put32(config, SRIOV_AT, 0x0010 | 1 << 16);
	put16(config, SRIOV_AT + 0x08, 1);
	put16(config, SRIOV_AT + 0x0e, 4);
	put16(config, SRIOV_AT + 0x10, 1);
	put16(config, SRIOV_AT + 0x14, 1);
	put16(config, SRIOV_AT + 0x16, 1);
	put16(config, SRIOV_AT + 0x1a, 0x101e);
	pf = packed(config, sizeof(config));
	config_header(config, 0xffff, 0xffff, 0x020000);
	config_express(config, 0, 4, 4, 4, 4);
	vf = packed(config, sizeof(config));

	const struct item items[] = {
		{ .realpath = "\"/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1\"",
		  .config = vf,
		  .modalias = "\"pci:v000015B3d0000101Esv000015B3sd00000050bc02sc00i00\"" },
		{ .realpath = "\"/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0\"",
		  .config = pf,
		  .modalias = "\"pci:v000015B3d00001021sv000015B3sd00000050bc02sc00i00\"" },
	};
	autoplatform struct platform *p = read_good(items, ARRAY_LEN(items));

	assert_false(p->functions[0].is_virtual);
	assert_true(p->functions[1].is_virtual);
	assert_string_equal(pci_addr_str(p->functions[1].physical), "0000:01:00.0");
	assert_int_equal(p->functions[1].vendor, 0x15b3);
	assert_int_equal(p->functions[1].device, 0x101e);
}

/* The tool leaves out host bridges, so only 00.0 is certain to be the first of its root bus. */
static void test_first_on_root_bus(void **state attr_unused)
{
	uint8_t config[CONFIG_SIZE];
	autofree char *port = NULL;

	config_header(config, 0x8086, 0x352a, 0x060400);
	config_bridge(config, 0, 1, 1);
	config_express(config, 4, 4, 4, 4, 4);
	port = packed(config, sizeof(config));

	const char *alias = "\"pci:v00008086d0000352Asv00000000sd00000000bc06sc04i00\"";
	const struct item items[] = {
		{ .realpath = PORT, .config = port, .modalias = alias },
		{ .realpath = "\"/sys/devices/pci0001:00/0001:00:00.0\"",
		  .config = port,
		  .modalias = alias },
	};
	autoplatform struct platform *p = read_good(items, ARRAY_LEN(items));

	assert_int_equal(p->nr_host_bridges, 2);
	assert_null(platform_first(p, &p->host_bridges[0]));
	assert_ptr_equal(platform_first(p, &p->host_bridges[1]), &p->functions[1]);
}

static void test_compressed(void **state attr_unused)
{
	autofree char *config = drive_config(CONFIG_SIZE);
	const struct item item = { .realpath = DRIVE, .config = config, .modalias = DRIVE_ALIAS };
	autofree char *one = item_text(&item);
	autofree char *text = xasprintf(" \r\n\t[%s} ] ", one);
	uint8_t bytes[4096];
	z_stream z = { .next_in = (Bytef *)text,
		       .avail_in = (uInt)strlen(text),
		       .next_out = bytes,
		       .avail_out = sizeof(bytes) };
	autofree char *why = NULL;
	struct platform *p;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	p = platform_read_memory("dump.json.gz", bytes, z.total_out, &why);
	deflateEnd(&z);
	assert_non_null(p);
	assert_string_equal(p->source_kind, "rdma_topo");
	platform_free(p);
}

/* --- what is not taken ------------------------------------------------------------------------------ */

static void test_bad_values(void **state attr_unused)
{
	autofree char *config = drive_config(CONFIG_SIZE);
	const struct {
		struct item item; /* what is not set is as it should be */
		const char *message;
	} cases[] = {
		{ { .realpath = "17" }, "no 'realpath'" },
		{ { .realpath = "null" }, "no 'realpath'" },
		{ { .realpath = "\"\"" }, "'' is not the path of a PCI function" },
		{ { .realpath = "\"/sys/devices/eth0\"" }, "is not the path of a PCI function" },
		{ { .realpath = "\"/sys/0000:01:00.0/\"" }, "is not the path of a PCI function" },
		{ { .realpath = "\"0000:01:20.0\"" }, "is not the path of a PCI function" },
		{ { .config = "null" }, "no 'config'" },
		{ { .config = "[]" }, "'config' does not hold" },
		{ { .config = "\"\"" }, "'config' does not hold" },
		{ { .config = "\"eJwDAAAAAAE\"" }, "'config' does not hold" },
		{ { .config = "\"eJwD!AAAAAE=\"" }, "'config' does not hold" },
		{ { .config = "\"eJwDAAAAAAI=\"" }, "'config' does not hold" }, /* checksum */
		{ { .config = "\"eJwDAAAAAAE=AAAA\"" }, "'config' does not hold" },
		{ { .config = "\"eJwDAAAAAAF4eA==\"" },
		  "'config' does not hold" }, /* and more behind it */
		{ { .config = "\"eJwDAAAA\"" }, "'config' does not hold" }, /* cut */
		{ { .modalias = "null" }, "'modalias'" },
		{ { .modalias = "\"usb:v1D6Bp0002\"" }, "'modalias'" },
		{ { .modalias = "\"pci:v0001144Dd0000A808sv0000144Dsd0000A801bc01sc08i02\"" },
		  "'modalias'" },
		{ { .modalias = "\"pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i0\"" },
		  "'modalias'" },
		{ { .modalias = "\"pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i021\"" },
		  "'modalias'" },
		{ { .modalias = "\"pci:v+000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02\"" },
		  "'modalias'" },
		{ { .iommu_group = "-1" }, "'iommu_group' is no number from 0" },
		{ { .iommu_group = "2147483648" }, "'iommu_group'" },
		{ { .iommu_group = "1.0" }, "'iommu_group'" },
		{ { .iommu_group = "\"1\"" }, "'iommu_group'" },
		{ { .numa_node = "-2" }, "'numa_node' is no number from -1" },
		{ { .numa_node = "true" }, "'numa_node'" },
		{ { .vpd = "\"VPD\"" }, "'vpd' does not hold at most 32768 bytes" },
		{ { .vpd = "1" }, "'vpd'" },
		{ { .subsystems = "[]" }, "'subsystems' is no object" },
		{ { .subsystems = "{\"net\": \"eth0\"}" }, "'net', which is no array of names" },
		{ { .subsystems = "{\"net\": [0]}" }, "'net', which is no array of names" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct item item = cases[i].item;

		if (!item.realpath)
			item.realpath = DRIVE;
		if (!item.config)
			item.config = config;
		if (!item.modalias)
			item.modalias = DRIVE_ALIAS;
		expect_item_refused(&item, cases[i].message);
	}
}

/* One byte more than config space or VPD can have, as a bomb would begin. */
static void test_too_long(void **state attr_unused)
{
	static const uint8_t zeros[1 << 20];
	autofree char *config = drive_config(CONFIG_SIZE);
	autofree char *long_config = packed(zeros, CONFIG_SIZE + 1);
	autofree char *bomb = packed(zeros, sizeof(zeros));
	autofree char *vpd = packed(zeros, 32768);
	struct item item = { .realpath = DRIVE, .config = long_config, .modalias = DRIVE_ALIAS };

	expect_item_refused(&item, "'config' does not hold at most 4096 bytes");
	item.config = bomb;
	expect_item_refused(&item, "'config' does not hold at most 4096 bytes");
	item.config = config;
	item.vpd = bomb;
	expect_item_refused(&item, "'vpd' does not hold at most 32768 bytes");
	item.vpd = vpd;
	platform_free(read_good(&item, 1));
}

static void test_twice(void **state attr_unused)
{
	autofree char *config = drive_config(CONFIG_SIZE);
	const struct item items[] = {
		{ .realpath = DRIVE, .config = config, .modalias = DRIVE_ALIAS },
		{ .realpath = DRIVE, .config = config, .modalias = DRIVE_ALIAS },
	};
	autofree char *why = NULL;

	assert_null(read_items(items, 2, &why));
	assert_non_null(strstr(why, "line 7: function '0000:01:00.0' is there twice"));
}

static void test_bad_json(void **state attr_unused)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[]", "no PCI function" },
		{ "[{}]", "no 'realpath'" },
		{ "[{}", "no 'realpath'" },
		{ "[{]", "line 1: " },
		{ "[{\n\"a\": 1,\n\"b\" 2}]", "line 3: " },
		{ "[{\"a\": 1, \"a\": 2}]", "duplicate" },
		{ "[{\"a\": \"\\u0000\"}]", "\\u0000" },
		{ "[{\"a\": \"\xff\"}]", "unable to decode byte 0xff" },
		{ "{\"schema\": \"p2pcert.platform/1\"}", "no array of functions" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_refusal(cases[i].text, cases[i].message);
}

/* What stands around items that are good. */
static void test_bad_array(void **state attr_unused)
{
	static const struct {
		const char *after, *message;
	} cases[] = {
		{ "", "the end of the array is missing" },
		{ "}", "not set off by commas" },
		{ " {}]", "not set off by commas" },
		{ ", 1]", "expected near '1'" },
		{ ", []]", "an item is no object" },
		{ ",]", "expected near ']'" },
		{ ",", "line 5: " },
		{ "] x", "something follows" },
		{ "][", "something follows" },
	};
	autofree char *config = drive_config(CONFIG_SIZE);
	const struct item item = { .realpath = DRIVE, .config = config, .modalias = DRIVE_ALIAS };
	autofree char *one = item_text(&item);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *text = xasprintf("[%s\n}%s", one, cases[i].after);

		expect_refusal(text, cases[i].message);
	}
}

static void test_nesting_and_size(void **state attr_unused)
{
	autofree char *deep = xcalloc(100001, 1);
	autofree char *nested = NULL;
	autofree char *large = NULL;
	size_t len = RDMA_TOPO_ITEM_MAX + 100;

	memset(deep, '[', 100000);
	nested = xasprintf("[{\"a\": %s", deep);
	expect_refusal(nested, "depth");
	large = xcalloc(len + 1, 1);
	memset(large, ' ', len);
	memcpy(large, "[{", 2);
	expect_refusal(large, "more than 1048576 bytes");
}

/* Blanks without end behind the first brackets. */
static ssize_t read_blanks(struct input *in attr_unused, void *buf, size_t size)
{
	memset(buf, ' ', size);
	return (ssize_t)size;
}

static void test_endless(void **state attr_unused)
{
	struct input in = { read_blanks, "dump.json" };
	autoplatform struct platform *p = platform_new("rdma_topo", "dump.json");
	autofree char *why = NULL;

	assert_int_equal(rdma_topo_read(&in, p, &why), -EFBIG);
	assert_non_null(strstr(why, "the limit is 256 MiB of JSON"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_function),     cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_virtual),          cmocka_unit_test(test_first_on_root_bus),
		cmocka_unit_test(test_compressed),       cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_too_long),         cmocka_unit_test(test_twice),
		cmocka_unit_test(test_bad_json),         cmocka_unit_test(test_bad_array),
		cmocka_unit_test(test_nesting_and_size), cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests_name("platform/rdma_topo", tests, NULL, NULL);
}
