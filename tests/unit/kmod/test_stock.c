/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/stock.c: what came with a stock module goes with it, and nothing else does. */
#include "../test.h"
#include "base/jx.h"
#include "fake.h"

static const char *const needed[] = { "ib_uverbs", "ib_core", "udp_tunnel", NULL };

/* As after loading rdma_rxe, with a user of RDMA that was loaded by its first use since. */
static struct kmod_env loaded(const char *root)
{
	struct kmod_env env = fake_reset(root);

	fake.dependencies = needed;
	fake_show_loaded("ib_core");
	fake_show_loaded("ib_uverbs");
	fake_show_loaded("udp_tunnel");
	fake_show_loaded("rdma_cm");
	fake_show_loaded("rdma_ucm");
	fake_hold("ib_core", "ib_uverbs");
	fake_hold("ib_core", "rdma_cm");
	fake_hold("ib_core", "rdma_ucm");
	fake_hold("ib_uverbs", "rdma_ucm");
	fake_hold("rdma_cm", "rdma_ucm");
	return env;
}

static json_t *names(const char *const *list)
{
	json_t *array = jx_array();

	for (; *list; list++)
		jx_append_str(array, *list);
	return array;
}

static void absent(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	autojson json_t *array = NULL;

	fake.dependencies = needed;
	fake_show_loaded("udp_tunnel");
	assert_int_equal(kmod_stock_absent(&env, "rdma_rxe", &array, &why), 0);
	assert_int_equal(json_array_size(array), 2);
	assert_string_equal(json_string_value(json_array_get(array, 0)), "ib_uverbs");
	assert_string_equal(json_string_value(json_array_get(array, 1)), "ib_core");

	fake.dependencies_error = -ENOENT;
	assert_int_equal(kmod_stock_absent(&env, "rdma_rxe", &array, &why), -ENOENT);
	assert_int_equal(why.reason, KMOD_MISSING);
	kmod_why_release(&why);
	fake.dependencies_error = -ENOMEM;
	assert_int_equal(kmod_stock_absent(&env, "rdma_rxe", &array, &why), -ENOMEM);
	assert_int_equal(why.reason, KMOD_FAILED);
	kmod_why_release(&why);
}

static void all_goes(void **state)
{
	struct kmod_env env = loaded(*state);
	autojson json_t *array = names(needed);
	autofree char *left = NULL;
	bool changed;

	kmod_unload_stock(&env, array, &changed, &left);
	assert_true(changed);
	assert_null(left);
	assert_string_equal(fake.removed, "rdma_ucm ib_uverbs rdma_cm ib_core udp_tunnel ");
	kmod_unload_stock(&env, array, &changed, &left);
	assert_false(changed);
	assert_null(left);
}

static void what_was_there_stays(void **state)
{
	static const char *const some[] = { "ib_uverbs", NULL };
	struct kmod_env env = loaded(*state);
	autojson json_t *array = names(some);
	autofree char *left = NULL;
	bool changed;

	kmod_unload_stock(&env, array, &changed, &left);
	assert_true(changed);
	assert_null(left);
	assert_string_equal(fake.removed, "rdma_ucm ib_uverbs ");
}

/* A driver of devices has a use count of zero, and yet it is in use: here one that came meanwhile. */
static void drivers_stay(void **state)
{
	struct kmod_env env = loaded(*state);
	autojson json_t *array = names(needed);
	autofree char *left = NULL;
	bool changed;

	fake_show_loaded("mlx5_ib");
	fake_write("/sys/module/mlx5_ib/drivers/auxiliary:mlx5_ib.rdma", "");
	fake_hold("ib_core", "mlx5_ib");
	kmod_unload_stock(&env, array, &changed, &left);
	assert_true(changed);
	assert_string_equal(left, "ib_core");
	assert_null(strstr(fake.removed, "mlx5_ib"));
}

static void used_stay(void **state)
{
	struct kmod_env env = loaded(*state);
	autojson json_t *array = names(needed);
	autofree char *left = NULL;
	bool changed;

	fake_write("/sys/module/rdma_ucm/refcnt", "1\n");
	fake.stubborn = "udp_tunnel";
	kmod_unload_stock(&env, array, &changed, &left);
	assert_false(changed);
	assert_string_equal(left, "ib_uverbs, ib_core, udp_tunnel");
}

/* No kernel does this; the depth ends it. */
static void each_holds_the_other(void **state)
{
	struct kmod_env env = loaded(*state);
	autojson json_t *array = names(needed);
	autofree char *left = NULL;
	bool changed;

	fake_hold("rdma_ucm", "rdma_cm");
	kmod_unload_stock(&env, array, &changed, &left);
	assert_string_equal(left, "ib_uverbs, ib_core");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(absent),
		test_in_dir(all_goes),
		test_in_dir(what_was_there_stays),
		test_in_dir(drivers_stay),
		test_in_dir(used_stay),
		test_in_dir(each_holds_the_other),
	};

	return cmocka_run_group_tests_name("kmod/stock", tests, NULL, NULL);
}
