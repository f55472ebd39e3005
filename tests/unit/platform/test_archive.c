/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captured machines as archives: every packing, and what a hostile one can hold. */
#include "../test.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "platform/input.h"
#include "platform/platform.h"
#include "platform/tree.h"

#define DEVICE "sys/bus/pci/devices/0000:00:1f.0"

/* An archive in the making, in memory. */
struct packing {
	struct archive *a;
	char *bytes;
	size_t room, len;
};

static void pack_begin(struct packing *k, int (*format)(struct archive *),
		       int (*filter)(struct archive *), size_t room)
{
	*k = (struct packing){ .a = archive_write_new(), .bytes = xcalloc(room, 1), .room = room };
	assert_int_equal(format(k->a), ARCHIVE_OK);
	assert_int_equal(filter(k->a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(k->a, k->bytes, room, &k->len), ARCHIVE_OK);
}

/* libarchive fills up what is missing to the size, with zeros, as tar does. */
static void pack_sized(struct packing *k, mode_t type, const char *path, const char *content,
		       size_t size)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, type | 0644);
	archive_entry_set_size(e, type == AE_IFREG ? (la_int64_t)size : 0);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, content);
	assert_int_equal(archive_write_header(k->a, e), ARCHIVE_OK);
	if (type == AE_IFREG)
		assert_int_equal(archive_write_data(k->a, content, strlen(content)),
				 strlen(content));
	archive_entry_free(e);
}

static void pack(struct packing *k, mode_t type, const char *path, const char *content)
{
	pack_sized(k, type, path, content, content ? strlen(content) : 0);
}

static void pack_hardlink(struct packing *k, const char *path, const char *target)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, AE_IFREG | 0644);
	archive_entry_set_hardlink(e, target);
	assert_int_equal(archive_write_header(k->a, e), ARCHIVE_OK);
	archive_entry_free(e);
}

static void pack_end(struct packing *k)
{
	assert_int_equal(archive_write_close(k->a), ARCHIVE_OK);
	archive_write_free(k->a);
	k->a = NULL;
}

static struct platform *unpack(struct packing *k, char **why)
{
	struct platform *p;

	if (k->a)
		pack_end(k);
	p = platform_read_memory("captured.tar", k->bytes, k->len, why);
	free(k->bytes);
	return p;
}

static void tar_begin(struct packing *k)
{
	pack_begin(k, archive_write_set_format_pax_restricted, archive_write_add_filter_none,
		   8u << 20);
}

static void pack_machine(struct packing *k, const char *top)
{
	autofree char *vendor = xasprintf("%s" DEVICE "/vendor", top);
	autofree char *device = xasprintf("%s" DEVICE "/device", top);
	autofree char *release = xasprintf("%sproc/sys/kernel/osrelease", top);
	autofree char *bus = xasprintf("%ssys/bus/pci/devices", top);

	pack(k, AE_IFDIR, bus, NULL);
	pack(k, AE_IFREG, vendor, "0x8086\n");
	pack(k, AE_IFREG, device, "0x1234\n");
	pack(k, AE_IFREG, release, "6.12.1\n");
}

static void expect_machine(struct packing *k)
{
	autofree char *why = NULL;
	autoplatform struct platform *p = unpack(k, &why);

	if (!p)
		fail_msg("%s", why);
	assert_string_equal(p->source_kind, "snapshot");
	assert_int_equal(p->nr_functions, 1);
	assert_int_equal(p->functions[0].vendor, 0x8086);
	assert_int_equal(p->functions[0].device, 0x1234);
	assert_string_equal(p->kernel_release, "6.12.1");
}

static void expect_refusal(struct packing *k, const char *message)
{
	autofree char *why = NULL;

	assert_null(unpack(k, &why));
	assert_true(errno != EIO && errno != ENOMEM);
	if (!strstr(why, message) || !strstr(why, "'captured.tar'"))
		fail_msg("'%s' does not say '%s'", why, message);
}

static void test_packings(void **state attr_unused)
{
	static int (*const filters[])(struct archive *) = {
		archive_write_add_filter_none,  archive_write_add_filter_gzip,
		archive_write_add_filter_bzip2, archive_write_add_filter_xz,
		archive_write_add_filter_zstd,
	};
	static int (*const formats[])(struct archive *) = {
		archive_write_set_format_pax_restricted,
		archive_write_set_format_ustar,
		archive_write_set_format_gnutar,
		archive_write_set_format_cpio_newc,
	};

	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		for (size_t c = 0; c < ARRAY_LEN(filters); c++) {
			struct packing k;

			pack_begin(&k, formats[f], filters[c], 1u << 20);
			pack_machine(&k, "");
			expect_machine(&k);
		}
	}
}

/* As tar leaves files of /proc: that is no machine without a processor and a kernel. */
static void test_empty_proc(void **state attr_unused)
{
	static const char *const tops[] = { "", "machine/" };

	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		autofree char *vendor = xasprintf("%s" DEVICE "/vendor", tops[i]);
		autofree char *cpuinfo = xasprintf("%sproc/cpuinfo", tops[i]);
		autofree char *release = xasprintf("%sproc/sys/kernel/osrelease", tops[i]);
		autofree char *why = NULL;
		autoplatform struct platform *p = NULL;
		struct packing k;

		tar_begin(&k);
		pack(&k, AE_IFREG, vendor, "0x8086\n");
		pack(&k, AE_IFREG, cpuinfo, "");
		pack(&k, AE_IFREG, release, "");
		p = unpack(&k, &why);
		if (!p)
			fail_msg("%s", why);
		assert_false(p->cpu.known);
		assert_null(p->kernel_release);
	}
}

/* A page is what sysfs calls the size of every text in it, and tar fills them up to that. */
static void test_filled_up_text(void **state attr_unused)
{
	autofree char *why = NULL;
	autoplatform struct platform *p = NULL;
	struct packing k;

	tar_begin(&k);
	pack_sized(&k, AE_IFREG, DEVICE "/vendor", "0x8086\n", 4096);
	pack_sized(&k, AE_IFREG, DEVICE "/device", "0x1234\n", 4096);
	pack_sized(&k, AE_IFREG, DEVICE "/numa_node", "1\n", 4096);
	p = unpack(&k, &why);
	if (!p)
		fail_msg("%s", why);
	assert_true(p->functions[0].ids_known);
	assert_int_equal(p->functions[0].vendor, 0x8086);
	assert_int_equal(p->functions[0].device, 0x1234);
	assert_int_equal(p->functions[0].numa_node, 1);
}

static void test_tops(void **state attr_unused)
{
	static const char *const tops[] = {
		"", "./", "/", "machine/", "./machine-1+2/", ".//x/./"
	};

	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		struct packing k;

		tar_begin(&k);
		pack(&k, AE_IFREG, "a-file-beside-it", "hello");
		pack_machine(&k, tops[i]);
		expect_machine(&k);
	}
}

/* Links lead to where the capture has them, hard links too. */
static void test_links(void **state attr_unused)
{
	struct packing k;

	tar_begin(&k);
	pack(&k, AE_IFLNK, "m/" DEVICE, "../../../devices/pci0000:00/0000:00:1f.0");
	pack(&k, AE_IFREG, "m/sys/devices/pci0000:00/0000:00:1f.0/vendor", "0x8086\n");
	pack(&k, AE_IFLNK, "m/sys/devices/pci0000:00/0000:00:1f.0/device", "/elsewhere/device");
	pack(&k, AE_IFREG, "m/elsewhere/device", "0x1234\n");
	pack(&k, AE_IFREG, "m/proc/first/osrelease", "6.12.1\n");
	pack_hardlink(&k, "m/proc/sys/kernel/osrelease", "m/proc/first/osrelease");
	/* of a file that nobody wanted, of one that is not there, and of itself */
	pack(&k, AE_IFREG, "m/proc/version_signature", "x");
	pack_hardlink(&k, "m/proc/cpuinfo", "m/proc/version_signature");
	pack_hardlink(&k, "m/proc/cmdline", "../../etc/passwd");
	pack_hardlink(&k, "m/proc/first/osrelease", "m/proc/first/osrelease");
	expect_machine(&k);
}

static void copy(struct packing *k, const struct packing *from, size_t at, size_t len)
{
	assert_true(k->len + len <= k->room);
	memcpy(k->bytes + k->len, from->bytes + at, len);
	k->len += len;
}

/* What is there twice and the same is there once; archives one behind the other are one. */
static void test_twice(void **state attr_unused)
{
	struct packing k, twice = { .bytes = xcalloc(1, 1u << 20), .room = 1u << 20 };

	tar_begin(&k);
	pack_machine(&k, "");
	pack_machine(&k, "./");
	pack_end(&k);
	copy(&twice, &k, 0, k.len);
	copy(&twice, &k, 0, k.len);
	free(k.bytes);
	expect_machine(&twice);
}

static void test_contradictions(void **state attr_unused)
{
	static const struct {
		mode_t type;
		const char *path, *content;
	} entries[] = {
		{ AE_IFREG, DEVICE "/vendor", "0x10de\n" },
		{ AE_IFREG, "./" DEVICE "//vendor", "0x8086" },
		{ AE_IFLNK, DEVICE "/vendor", "device" },
		{ AE_IFDIR, DEVICE "/vendor", NULL },
		{ AE_IFLNK, DEVICE, "../elsewhere" },
		{ AE_IFLNK, DEVICE "/driver", "../../../../bus/pci/drivers/vfio-pci" },
	};

	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		struct packing k;

		tar_begin(&k);
		pack_machine(&k, "");
		pack(&k, AE_IFLNK, DEVICE "/driver", "../../../../bus/pci/drivers/nvme");
		pack(&k, entries[i].type, entries[i].path, entries[i].content);
		expect_refusal(&k, "more than once, and not the same");
	}
}

static void test_traversal(void **state attr_unused)
{
	static const char *const paths[] = { "../outside/vendor", "sys/../../vendor",
					     "/../../etc/cron.d/vendor",
					     DEVICE "/vendor/below-a-file/vendor" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct packing k;

		tar_begin(&k);
		pack_machine(&k, "");
		pack(&k, AE_IFREG, paths[i], "0x1\n");
		expect_refusal(&k, "no capture of a machine has");
	}
}

/* A link first, then a file "below" it, as archives do that want to write elsewhere. */
static void test_through_a_link(void **state attr_unused)
{
	struct packing k;

	tar_begin(&k);
	pack(&k, AE_IFLNK, DEVICE, "/tmp");
	pack(&k, AE_IFREG, DEVICE "/vendor", "0x8086\n");
	expect_refusal(&k, "no capture of a machine has");
	assert_int_not_equal(access("/tmp/vendor", F_OK), 0);
}

/* Links that lead out end at the top, and those in a circle nowhere; devices and pipes are nothing. */
static void test_strange_entries(void **state attr_unused)
{
	autofree char *why = NULL;
	struct packing k;
	struct platform *p;

	tar_begin(&k);
	pack_machine(&k, "");
	pack(&k, AE_IFLNK, "sys/bus/pci/devices/0000:00:01.0", "../../../../../../../../etc");
	pack(&k, AE_IFLNK, "sys/bus/pci/devices/0000:00:02.0", "0000:00:03.0");
	pack(&k, AE_IFLNK, "sys/bus/pci/devices/0000:00:03.0", "0000:00:02.0");
	pack(&k, AE_IFCHR, "sys/bus/pci/devices/0000:00:04.0", NULL);
	pack(&k, AE_IFIFO, DEVICE "/config", NULL);
	pack(&k, AE_IFDIR, DEVICE "/resource", NULL);
	p = unpack(&k, &why);
	assert_non_null(p);
	assert_int_equal(p->nr_functions, 1);
	assert_int_equal(p->functions[0].config_bytes, 0);
	platform_free(p);
}

static void test_no_machine(void **state attr_unused)
{
	struct packing k;

	tar_begin(&k);
	pack(&k, AE_IFREG, "README", "hello");
	expect_refusal(&k, "no sys/bus/pci/devices");
	tar_begin(&k);
	pack(&k, AE_IFLNK, "sys/bus/pci/devices", "device");
	pack(&k, AE_IFREG, "sys/bus/pci/device", "no directory");
	expect_refusal(&k, "no sys/bus/pci/devices");
}

static void test_cut(void **state attr_unused)
{
	size_t refused = 0, read = 0, len;
	struct packing k;

	pack_begin(&k, archive_write_set_format_ustar, archive_write_add_filter_gzip, 1u << 20);
	pack_machine(&k, "");
	pack_end(&k);
	for (len = 1; len < k.len; len += 3) {
		autofree char *why = NULL;
		struct platform *p = platform_read_memory("cut", k.bytes, len, &why);

		refused += !p;
		read += p != NULL;
		assert_true(!p == !!why);
		platform_free(p);
	}
	assert_true(refused > read);
	free(k.bytes);
}

/* Nothing but the zeros at its end tells that a tar was not cut between two entries. */
static void test_cut_between_entries(void **state attr_unused)
{
	struct packing k;
	size_t end;

	tar_begin(&k);
	pack_machine(&k, "");
	end = k.len;
	pack_end(&k);
	for (end = k.len; end > 512 && !k.bytes[end - 512]; end -= 512)
		;
	assert_in_range(end, 1024, k.len - 1024);
	k.len = end;
	expect_refusal(&k, "the end of the archive is missing");
}

/* A header in the middle whose checksum is wrong: what it was of would be missing without a word. */
static void test_damaged(void **state attr_unused)
{
	struct packing k;

	tar_begin(&k);
	pack(&k, AE_IFDIR, "sys", NULL);
	pack_machine(&k, "");
	pack_end(&k);
	k.bytes[512] ^= 1;
	expect_refusal(&k, "Damaged");
}

/* These bytes alone, compressed. */
static void pack_raw(struct packing *k, const void *data, size_t len)
{
	struct archive_entry *e = archive_entry_new();

	pack_begin(k, archive_write_set_format_raw, archive_write_add_filter_zstd, 1u << 20);
	archive_entry_set_filetype(e, AE_IFREG);
	assert_int_equal(archive_write_header(k->a, e), ARCHIVE_OK);
	archive_entry_free(e);
	assert_int_equal(archive_write_data(k->a, data, len), len);
	pack_end(k);
}

/* Zeros behind an archive that unpack to more than anything may be. */
static void test_limit_bytes(void **state attr_unused)
{
	size_t len = 64u << 20;
	autofree char *zeros = xcalloc(len, 1);
	struct packing inner, k, frame;

	tar_begin(&inner);
	pack_machine(&inner, "");
	pack_end(&inner);
	pack_raw(&k, inner.bytes, inner.len);
	free(inner.bytes);
	pack_raw(&frame, zeros, len);
	for (int i = 0; i < 65; i++)
		copy(&k, &frame, 0, frame.len);
	free(frame.bytes);
	expect_refusal(&k, "4 GiB unpacked");
}

static void test_long_paths(void **state attr_unused)
{
	autofree char *path = xcalloc(1, 5000);
	autofree char *below = NULL;

	for (size_t i = 0; i < 4998; i += 2)
		memcpy(path + i, "d/", 2);
	below = xasprintf(DEVICE "/%s", path);
	for (int link = 0; link < 2; link++) {
		struct packing k;

		tar_begin(&k);
		pack_machine(&k, "");
		if (link)
			pack(&k, AE_IFLNK, DEVICE "/driver", path);
		else
			pack(&k, AE_IFREG, below, "x");
		expect_refusal(&k, "no capture of a machine has");
	}
}

/* Names in no character set that this is one of are passed over, or are their bytes. */
static void test_strange_names(void **state attr_unused)
{
	autofree char *why = NULL;
	struct packing k;
	struct platform *p;

	pack_begin(&k, archive_write_set_format_ustar, archive_write_add_filter_none, 1u << 20);
	pack_machine(&k, "");
	pack(&k, AE_IFREG, "sys/bus/pci/devices/\xff\xfe/vendor", "0x1\n");
	pack(&k, AE_IFREG, "sys/\xc3\xa4/\x1b[31m/vendor", "0x1\n");
	p = unpack(&k, &why);
	if (!p)
		fail_msg("%s", why);
	assert_int_equal(p->nr_functions, 1);
	platform_free(p);
}

/* A file that says it is large and has a few bytes, and one that is too large for an attribute. */
static void test_sparse(void **state attr_unused)
{
	struct archive_entry *e = archive_entry_new();
	struct packing k;

	tar_begin(&k);
	pack_machine(&k, "");
	archive_entry_set_pathname(e, DEVICE "/config");
	archive_entry_set_mode(e, AE_IFREG | 0644);
	archive_entry_set_size(e, 3ll << 30);
	archive_entry_sparse_add_entry(e, (3ll << 30) - 1, 1);
	assert_int_equal(archive_write_header(k.a, e), ARCHIVE_OK);
	for (int i = 0; i < 3 * 1024; i++) {
		static const char zeros[1 << 20];

		assert_true(archive_write_data(k.a, zeros, sizeof(zeros)) >= 0);
	}
	archive_entry_free(e);
	expect_machine(&k);
}

/* The same entry without end. */
struct endless {
	struct input input;
	uint64_t given; /* bytes */
	char header[512];
};

static ssize_t read_endless(struct input *in, void *buf, size_t size)
{
	struct endless *e = (struct endless *)in;
	size_t n = size / sizeof(e->header);

	for (size_t i = 0; i < n; i++)
		memcpy((char *)buf + i * sizeof(e->header), e->header, sizeof(e->header));
	e->given += n * sizeof(e->header);
	return (ssize_t)(n * sizeof(e->header));
}

static void test_limit_entries(void **state attr_unused)
{
	struct endless e = { .input = { read_endless, "endless.tar" } };
	autofree char *why = NULL;
	struct packing k;

	pack_begin(&k, archive_write_set_format_ustar, archive_write_add_filter_none, 1u << 20);
	pack(&k, AE_IFREG, "x", "");
	pack_end(&k);
	memcpy(e.header, k.bytes, sizeof(e.header));
	free(k.bytes);
	assert_null(archive_read_platform(&e.input, NULL, &why));
	assert_int_equal(errno, EFBIG);
	assert_non_null(strstr(why, "1000000 entries"));
	assert_in_range(e.given, 480ull << 20, 520ull << 20);
}

/* The size field of a tar header, and the checksum over it. */
static void set_size(char header[512], unsigned long long size)
{
	unsigned int sum = 0;
	char octal[13];

	snprintf(octal, sizeof(octal), "%011llo", size);
	memcpy(header + 124, octal, 11);
	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(octal, sizeof(octal), "%06o", sum);
	memcpy(header + 148, octal, 7);
}

/* An entry that says it is larger than everything may be is not even skipped. */
static void test_bomb(void **state attr_unused)
{
	struct packing k;

	pack_begin(&k, archive_write_set_format_ustar, archive_write_add_filter_none, 1u << 20);
	pack(&k, AE_IFREG, "bomb", "");
	pack_machine(&k, "");
	pack_end(&k);
	set_size(k.bytes, 5ull << 30);
	expect_refusal(&k, "4 GiB unpacked");
}

/* Every entry of the bus counts, whatever it leads to; backwards, as would take longest. */
static void test_limit_functions(void **state attr_unused)
{
	struct packing k;

	pack_begin(&k, archive_write_set_format_ustar, archive_write_add_filter_gzip, 32u << 20);
	pack_machine(&k, "");
	for (int i = 0; i < FUNCTIONS_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), "sys/bus/pci/devices/%08x:00:00.0",
			 UINT32_MAX - (unsigned int)i);
		pack(&k, AE_IFLNK, path, "0000:00:1f.0");
	}
	expect_refusal(&k, "131072 functions");
}

/* --- the tree itself ------------------------------------------------------------------------------- */

static void test_limit_tree(void **state attr_unused)
{
	autotree struct tree *t = tree_new();
	char path[600];
	int r = 0;

	memset(path, 'n', 300);
	path[300] = '\0';
	assert_int_equal(tree_add_dir(t, path), -ENAMETOOLONG);
	for (int i = 0; r == 0 && i < 1100000; i++) {
		snprintf(path, sizeof(path), "d/%d", i);
		r = tree_add_dir(t, path);
	}
	assert_int_equal(r, -EFBIG);
}

static void test_tree_paths(void **state attr_unused)
{
	autotree struct tree *t = tree_new();
	size_t len;

	assert_int_equal(tree_add_file(t, "a/b/c", xstrdup("one"), 3), 0);
	assert_int_equal(tree_add_file(t, "/a//b/./c", xstrdup("one"), 3), 0);
	assert_int_equal(tree_add_file(t, "/a//b/./c", xstrdup("two"), 3), -EEXIST);
	assert_int_equal(tree_add_file(t, "a/b", xstrdup("no"), 2), -EEXIST);
	assert_int_equal(tree_add_link(t, "a/b", "c"), -EEXIST);
	assert_int_equal(tree_add_dir(t, "a/b/c"), -EEXIST);
	assert_int_equal(tree_add_dir(t, "a/b/."), 0);
	assert_int_equal(tree_add_file(t, "a/b/c/d", xstrdup("no"), 2), -EINVAL);
	assert_int_equal(tree_add_link(t, "l", "a/../a/b"), 0);
	assert_int_equal(tree_add_link(t, "up", "../../../.."), 0);
	assert_string_equal(tree_file(t, "a/b/c", &len), "one");
	assert_string_equal(tree_file(t, "/l/c", &len), "one");
	assert_string_equal(tree_file(t, "up/up/l/c", &len), "one");
	assert_null(tree_file(t, "a/b", &len));
	assert_int_equal(errno, EISDIR);
	assert_null(tree_file(t, "a/b/c/x", &len));
	assert_int_equal(errno, ENOTDIR);
	assert_null(tree_file(t, "a/x", &len));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(tree_link(t, "l"), "a/../a/b");
	assert_null(tree_link(t, "a"));
	assert_true(tree_exists(t, ""));
	assert_int_equal(tree_set_top(t, "a"), 0);
	assert_string_equal(tree_file(t, "../../b/c", &len), "one");
	assert_false(tree_exists(t, "a"));
}

/* Links that lead through links, each time a long way. */
static void test_tree_steps(void **state attr_unused)
{
	autotree struct tree *t = tree_new();
	char way[5 * 600 + 1] = "";

	assert_int_equal(tree_add_dir(t, "d/d"), 0);
	assert_true(tree_exists(t, "d/../d/d"));
	assert_int_equal(tree_add_link(t, "loop", "loop"), 0);
	assert_false(tree_exists(t, "loop"));
	assert_int_equal(errno, ELOOP);
	for (int i = 0; i < 20; i++) {
		autofree char *name = xasprintf("l%d", i);
		autofree char *target = xasprintf("d/../d/../d/../d/../d/../d/../d/../l%d", i + 1);

		assert_int_equal(tree_add_link(t, name, target), 0);
	}
	assert_int_equal(tree_add_dir(t, "l20"), 0);
	assert_true(tree_exists(t, "l0"));
	assert_false(tree_exists(t, "l0/../l0/../l0"));
	assert_int_equal(errno, ELOOP);
	for (size_t i = 0; i < sizeof(way) - 1; i += 5)
		memcpy(way + i, "d/../", 5);
	assert_false(tree_exists(t, way));
	assert_int_equal(errno, ELOOP);
	assert_true(tree_exists(t, way + sizeof(way) / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packings),       cmocka_unit_test(test_empty_proc),
		cmocka_unit_test(test_filled_up_text), cmocka_unit_test(test_tops),
		cmocka_unit_test(test_links),          cmocka_unit_test(test_traversal),
		cmocka_unit_test(test_through_a_link), cmocka_unit_test(test_strange_entries),
		cmocka_unit_test(test_no_machine),     cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limit_entries),  cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_limit_tree),     cmocka_unit_test(test_tree_paths),
		cmocka_unit_test(test_tree_steps),     cmocka_unit_test(test_twice),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_cut_between_entries),
		cmocka_unit_test(test_damaged),        cmocka_unit_test(test_limit_bytes),
		cmocka_unit_test(test_long_paths),     cmocka_unit_test(test_strange_names),
		cmocka_unit_test(test_sparse),         cmocka_unit_test(test_limit_functions),
	};

	/* what goes up to a limit takes its time, and nothing is learnt from watching it slowly */
	if (getenv("TEST_SKIP"))
		cmocka_set_skip_filter(getenv("TEST_SKIP"));
	return cmocka_run_group_tests_name("platform/archive", tests, NULL, NULL);
}
