// SPDX-License-Identifier: GPL-2.0-or-later
/* Who publishes memory, how much is free, mapping it, and copies in aligned units. */
#include "sysroot.h"

#include "scenario/p2pmem.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define P2PMEM "/sys/bus/pci/devices/0000:04:00.0/p2pmem/"

static const struct pci_addr provider = { 0, 4, 0, 0 };

static void providers(attr_unused void **state)
{
	struct function f = { .p2pmem = { .present = true, .published = true, .allocate = true } };

	assert_true(p2pmem_is_provider(&f));
	f.p2pmem.published = false;
	assert_false(p2pmem_is_provider(&f));
	f.p2pmem.published = true;
	f.p2pmem.allocate = false;
	assert_false(p2pmem_is_provider(&f));
}

/* What may be written to and put back. */
static void memory(attr_unused void **state)
{
	static const struct {
		uint32_t class;
		bool unknown, memory;
	} classes[] = {
		{ 0x010802, false, true }, /* a drive */
		{ 0x030200, false, true }, /* a GPU */
		{ 0x00ff00, false, true }, /* what says nothing of itself */
		{ 0x030200, true, false }, /* who knows */
		{ 0x020000, false, false }, /* Ethernet, and its doorbells */
		{ 0x020700, false, false }, /* InfiniBand */
		{ 0x068000, false, false }, /* a window to another host */
	};
	struct function f = { .bars[2] = { .kind = BAR_MEM64, .prefetchable = true } };

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		f.class = classes[i].class;
		f.class_known = !classes[i].unknown;
		assert_int_equal(p2pmem_bar_is_memory(&f, 2), classes[i].memory);
		assert_false(p2pmem_bar_is_memory(&f, 0));
	}
	f.class = 0x030200;
	f.is_bridge = true;
	assert_false(p2pmem_bar_is_memory(&f, 2));
}

static void free_memory(void **state)
{
	struct heard h;
	uint64_t bytes;

	assert_int_equal(p2pmem_available(*state, provider, &bytes), -ENOENT);
	put(*state, P2PMEM "available", "66977792\n");
	assert_int_equal(p2pmem_available(*state, provider, &bytes), 0);
	assert_int_equal(bytes, 66977792);

	heard_begin(&h, *state, NULL);
	assert_true(p2pmem_judge_available(&h.ctx, provider, 66977792));
	assert_int_equal(heard_count(&h, "evidence", "state", "proven"), 1);
	assert_false(p2pmem_judge_available(&h.ctx, provider, 66977792 + 4096));
	assert_int_equal(heard_count(&h, "evidence", "state", "refuted"), 1);
	heard_end(&h);
}

static void mapping(void **state)
{
	autofree char *path = fs_under(*state, P2PMEM "allocate");
	autop2pmem struct p2pmem_map map = { 0 };
	size_t len = 2 * page_size();
	autofree unsigned char *in = xcalloc(1, len), *out = xcalloc(1, len);

	assert_int_equal(p2pmem_map(*state, provider, len, &map), -ENOENT);
	assert_null(map.addr);
	put(*state, P2PMEM "allocate", "");
	assert_int_equal(truncate(path, (off_t)len), 0);
	assert_int_equal(p2pmem_map(*state, provider, len, &map), 0);

	/* Sources and destinations in ordinary memory need no alignment. */
	pattern_fill(in, len, 3, 0);
	p2pmem_write(map.addr, in + 1, len - 8);
	p2pmem_read(out + 1, map.addr, len - 8);
	assert_memory_equal(out + 1, in + 1, len - 8);
	/* Not a byte more than asked for. */
	for (size_t i = len - 8; i < len; i++)
		assert_int_equal(map.addr[i], 0);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[len - 7], 0);
	/* In the place of what was mapped there, from the beginning of what is lent. */
	map.addr[0] = 1;
	map.addr[page_size()] = 2;
	assert_int_equal(p2pmem_map_at(*state, provider, map.addr + page_size(), page_size()), 0);
	assert_int_equal(map.addr[page_size()], 1);
	p2pmem_unmap(&map);
	assert_null(map.addr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(providers),
		cmocka_unit_test(memory),
		test_in_dir(free_memory),
		test_in_dir(mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
