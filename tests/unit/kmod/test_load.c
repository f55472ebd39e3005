/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/load.c: what is loaded when, and what is left alone. */
#include "../test.h"
#include "base/fs.h"
#include "fake.h"

#define NAME "p2pcert_devpriv"
#define FILE_PATH "/lib/modules/6.66/updates/p2pcert/" NAME ".ko"

static void load_and_unload(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	fake_write(FILE_PATH, "x");
	assert_int_equal(kmod_load(&env, NAME, "max_mb=1", &changed, &why), 0);
	assert_true(changed);
	assert_non_null(strstr(fake.inserted, FILE_PATH " max_mb=1"));
	/* there already: verified, not loaded again */
	assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), 0);
	assert_false(changed);
	assert_int_equal(fake.nr_inserts, 1);
	assert_int_equal(kmod_unload(&env, NAME, &changed, &why), 0);
	assert_true(changed);
	assert_int_equal(kmod_unload(&env, NAME, &changed, &why), 0);
	assert_false(changed);
	assert_int_equal(fake.nr_removes, 1);
}

static void nothing_built(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), -ENOENT);
	assert_int_equal(why.reason, KMOD_MISSING);
	assert_int_equal(fake.nr_inserts, 0);
	kmod_why_release(&why);
}

/* What was not built for this kernel is missing; what is not what it should be is refused. */
static void wrong_files(void **state)
{
	static const struct {
		const char *version, *vermagic;
		enum kmod_reason reason;
	} rows[] = {
		{ "0.0.0", "6.66 SMP preempt mod_unload ", KMOD_REJECTED },
		{ NULL, "6.66 SMP preempt mod_unload ", KMOD_REJECTED },
		{ "0.0.0", NULL, KMOD_REJECTED },
		{ "0.0.0", "6.667 SMP preempt mod_unload ", KMOD_MISSING },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kmod_env env = fake_reset(*state);
		struct kmod_why why = { 0 };
		bool changed;

		fake_write(FILE_PATH, "x");
		fake.file_version = rows[i].version;
		fake.file_vermagic = rows[i].vermagic;
		assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), -ENOENT);
		assert_int_equal(why.reason, rows[i].reason);
		assert_false(changed);
		assert_int_equal(fake.nr_inserts, 0);
		kmod_why_release(&why);
	}
}

static void foreign_is_left_alone(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	fake_write(FILE_PATH, "x");
	fake.srcversion = "FFFF";
	fake_show_loaded(NAME);
	assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), -EEXIST);
	assert_int_equal(why.reason, KMOD_REJECTED);
	assert_false(changed);
	assert_int_equal(fake.nr_inserts + fake.nr_removes, 0);
	kmod_why_release(&why);
}

/* What turns out not to be what was built does not stay. */
static void unverified_goes_again(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	fake_write(FILE_PATH, "x");
	fake.ask_error = -EIO;
	assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), -EPERM);
	assert_int_equal(why.reason, KMOD_REJECTED);
	assert_false(changed);
	assert_int_equal(fake.nr_removes, 1);
	kmod_why_release(&why);

	/* nor is it forgotten when it cannot be made to go */
	fake.remove_error = -EAGAIN;
	assert_int_equal(kmod_load(&env, NAME, NULL, &changed, &why), -EPERM);
	assert_true(changed);
	kmod_why_release(&why);
}

static void busy(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	fake_show_loaded(NAME);
	fake_write("/sys/module/" NAME "/refcnt", "3\n");
	fake.remove_error = -EAGAIN;
	assert_int_equal(kmod_unload(&env, NAME, &changed, &why), -EAGAIN);
	assert_int_equal(why.reason, KMOD_BUSY);
	assert_non_null(strstr(why.text, "use count 3"));
	assert_false(changed);
	kmod_why_release(&why);
	fake.remove_error = -ENOENT;
	assert_int_equal(kmod_unload(&env, NAME, &changed, &why), 0);
	assert_false(changed);
}

static void stock(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	bool changed;

	assert_int_equal(kmod_load_stock(&env, "rdma_rxe", &changed, &why), 0);
	assert_true(changed);
	assert_int_equal(kmod_load_stock(&env, "rdma_rxe", &changed, &why), 0);
	assert_false(changed);
	fake.stock_error = -ENOENT;
	assert_int_equal(kmod_load_stock(&env, "absent", &changed, &why), -ENOENT);
	assert_int_equal(why.reason, KMOD_MISSING);
	kmod_why_release(&why);
	fake.stock_error = -EPERM;
	assert_int_equal(kmod_load_stock(&env, "absent", &changed, &why), -EPERM);
	assert_int_equal(why.reason, KMOD_PERMISSION);
	kmod_why_release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(load_and_unload),
		test_in_dir(nothing_built),
		test_in_dir(wrong_files),
		test_in_dir(foreign_is_left_alone),
		test_in_dir(unverified_goes_again),
		test_in_dir(busy),
		test_in_dir(stock),
	};

	unsetenv("P2PCERT_KMODS_BUILD");
	return cmocka_run_group_tests_name("kmod/load", tests, NULL, NULL);
}
