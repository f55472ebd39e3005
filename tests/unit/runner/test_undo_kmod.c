/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_kmod.c: what it takes for a module's name, and what it notes; no module is loaded or
 * unloaded here (lib/kmod's own tests have a kernel for that, the lab has a real one).
 */
#include "test_undo_kind.h"

#include "kmod/kmod.h"

static void names(void **state)
{
	static const char *const neither[] = {
		"{}",
		"{\"name\":7}",
		"{\"name\":\"\"}",
		"{\"name\":\"../ext4\"}",
		"{\"name\":\"-r\"}",
		"{\"name\":\"a b\"}",
		"{\"name\":\"pci:v00008086d*\"}",
	};
	autofree char *ours = xasprintf("{\"name\":\"%s\"}", kmod_modules[0].name);

	for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
		assert_refused(*state, "module", neither[i]);
		assert_refused(*state, "stock-module", neither[i]);
	}
	/* one of the distribution is no test module, and the other way round */
	assert_refused(*state, "module", "{\"name\":\"ext4\"}");
	assert_refused(*state, "stock-module", ours);
}

static void there(void **state)
{
	autofree char *path = xasprintf("/sys/module/%s/refcnt", kmod_modules[0].name);
	autofree char *ours = xasprintf("{\"name\":\"%s\"}", kmod_modules[0].name);
	autojson json_t *test = parse_args(ours);
	autojson json_t *stock = parse_args("{\"name\":\"rdma_rxe\"}");
	bool is_there;

	assert_int_equal(try_look(*state, "module", test, &is_there, NULL), 0);
	assert_false(is_there);
	assert_int_equal(try_revert(*state, "module", test, NULL), UNDO_GONE);
	put(*state, path, "0\n");
	assert_int_equal(try_look(*state, "module", test, &is_there, NULL), 0);
	assert_true(is_there);
	/* it is there, but it is not the one that was built */
	assert_int_equal(try_apply(*state, "module", test, NULL, kmod_modules[0].name), -EEXIST);

	put(*state, "/sys/module/rdma_rxe/refcnt", "0\n");
	assert_int_equal(try_look(*state, "stock-module", stock, &is_there, NULL), 0);
	assert_true(is_there);
	assert_null(json_object_get(stock, "before"));
	assert_int_equal(try_apply(*state, "stock-module", stock, NULL, NULL), 0);
}

static void no_such(void **state)
{
	autojson json_t *args = parse_args("{\"name\":\"p2pcert_no_such_module\"}");
	bool is_there;

	assert_int_equal(try_look(*state, "stock-module", args, &is_there, "has no module"),
			 -ENOENT);
	assert_int_equal(try_apply(*state, "stock-module", args, NULL, "has no module"), -ENOENT);
}

static void before(void **state)
{
	static const char *const rows[] = {
		"{\"name\":\"rdma_rxe\"}",
		"{\"name\":\"rdma_rxe\",\"before\":{}}",
		"{\"name\":\"rdma_rxe\",\"before\":{\"absent\":\"ib_core\"}}",
		"{\"name\":\"rdma_rxe\",\"before\":{\"absent\":[7]}}",
		"{\"name\":\"rdma_rxe\",\"before\":{\"absent\":[\"ib_core\",\"../..\"]}}",
	};
	autojson json_t *never =
		parse_args("{\"name\":\"rdma_rxe\",\"before\":{\"absent\":[\"ib_core\"]}}");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autojson json_t *args = parse_args(rows[i]);

		assert_int_equal(try_revert(*state, "stock-module", args, "no change of kind"),
				 UNDO_FAILED);
	}
	assert_int_equal(try_revert(*state, "stock-module", never, NULL), UNDO_GONE);
	/* what stays is said */
	put(*state, "/sys/module/ib_core/refcnt", "4\n");
	assert_int_equal(try_revert(*state, "stock-module", never, "stays loaded: ib_core"),
			 UNDO_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(names),
		test_in_dir(there),
		test_in_dir(no_such),
		test_in_dir(before),
	};

	return cmocka_run_group_tests_name("runner/undo_kmod", tests, NULL, NULL);
}
