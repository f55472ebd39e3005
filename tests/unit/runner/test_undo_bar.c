// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/runner/undo_bar.c, as far as it goes without a function under VFIO: what is no change of this kind is refused,
 * and what cannot be put back is said. tests/lab/t/p2pdma.sh sees bytes come back.
 */
#include "test_undo_kind.h"

#include "base/hex.h"
#include "scenario/pagemap.h"

#define KIND "bar-range"

static json_t *args_of(const char *address, int bar, size_t len)
{
	autofree unsigned char *bytes = xcalloc(len + 1, 1);
	autofree char *held = hex_text(bytes, len);
	json_t *args = jx_object();

	jx_set_str(args, "address", address);
	jx_set_int(args, "bar", bar);
	jx_set_str(args, "held", held);
	return args;
}

static void assert_no_change(const char *root, json_t *args)
{
	autofree char *text = json_dumps(args, 0);

	assert_refused(root, KIND, text);
	json_decref(args);
}

static void refused(void **state)
{
	json_t *args;

	put(*state, "/sys/bus/pci/devices/0000:06:00.0/vendor", "0x1af4\n");
	assert_refused(*state, KIND, "{}");
	assert_no_change(*state, args_of("6", 2, page_size()));
	assert_no_change(*state, args_of("0000:06:00.0", -1, page_size()));
	assert_no_change(*state, args_of("0000:06:00.0", 6, page_size()));
	assert_no_change(*state, args_of("0000:06:00.0", 2, 0));
	assert_no_change(*state, args_of("0000:06:00.0", 2, page_size() + 8));
	assert_no_change(*state, args_of("0000:06:00.0", 2, 1 << 20));
	args = args_of("0000:06:00.0", 2, page_size());
	json_object_del(args, "held");
	assert_no_change(*state, args);
	args = args_of("0000:06:00.0", 2, page_size());
	json_object_del(args, "bar");
	assert_no_change(*state, args);
}

static void not_there(void **state)
{
	autojson json_t *args = args_of("0000:06:00.0", 2, page_size());
	bool there;

	put(*state, "/sys/bus/pci/devices/0000:05:00.0/vendor", "0x1af4\n");
	assert_int_equal(try_look(*state, KIND, args, &there, "no PCI function"), -ENODEV);
	assert_int_equal(try_revert(*state, KIND, args, "any more"), UNDO_GONE);
}

/* It is there, and not under VFIO: whatever it holds, it is not what it was. */
static void not_put_back(void **state)
{
	autojson json_t *args = args_of("0000:06:00.0", 2, page_size());
	bool there;

	put(*state, "/sys/bus/pci/devices/0000:06:00.0/vendor", "0x1af4\n");
	assert_int_equal(try_look(*state, KIND, args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_apply(*state, KIND, args, NULL, NULL), 0);
	assert_int_equal(try_revert(*state, KIND, args, "cannot write to BAR 2 of '0000:06:00.0'"),
			 UNDO_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(refused),
		test_in_dir(not_there),
		test_in_dir(not_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
