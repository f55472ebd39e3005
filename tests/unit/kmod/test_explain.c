/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/explain.c: every errno of an insertion has a reason and a word of advice. */
#include "../test.h"
#include "fake.h"

#define NAME "p2pcert_p2p"

static void insert_errors(void **state)
{
	static const struct {
		int err;
		enum kmod_reason reason;
		const char *word;
	} rows[] = {
		{ EKEYREJECTED, KMOD_REJECTED, "Secure Boot" },
		{ ENOKEY, KMOD_REJECTED, "mokutil" },
		{ EBADMSG, KMOD_REJECTED, "sign" },
		{ EOPNOTSUPP, KMOD_UNSUPPORTED, "kernel log" },
		{ ENOENT, KMOD_REJECTED, "symbols" },
		{ EINVAL, KMOD_REJECTED, "parameters" },
		{ EEXIST, KMOD_REJECTED, "unload" },
		{ EBUSY, KMOD_BUSY, "moment" },
		{ ENOSYS, KMOD_UNSUPPORTED, "cannot load modules" },
		{ ENOMEM, KMOD_FAILED, "memory" },
		{ EPERM, KMOD_PERMISSION, "CAP_SYS_MODULE" },
		{ ENOEXEC, KMOD_REJECTED, "'6.66 SMP preempt mod_unload '" },
	};
	struct kmod_env env = fake_reset(*state);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kmod_why why = { 0 };

		assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -rows[i].err, &why),
				 -rows[i].err);
		assert_int_equal(why.reason, rows[i].reason);
		if (!strstr(why.text, rows[i].word) || !strstr(why.text, NAME))
			fail_msg("'%s' does not speak of '%s'", why.text, rows[i].word);
		kmod_why_release(&why);
	}
}

/* The format can be wrong for another release, or for this one as it is configured. */
static void format_has_causes(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };

	fake.file_vermagic = "6.667 SMP preempt mod_unload ";
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -ENOEXEC, &why), -ENOEXEC);
	assert_int_equal(why.reason, KMOD_MISSING);
	assert_non_null(strstr(why.text, "'6.667 SMP preempt mod_unload '"));
	kmod_why_release(&why);
	fake.file_vermagic = "6.66 SMP preempt";
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -ENOEXEC, &why), -ENOEXEC);
	assert_int_equal(why.reason, KMOD_REJECTED);
	assert_non_null(strstr(why.text, "configured"));
	kmod_why_release(&why);
}

static void permission_has_causes(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };

	fake_write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	fake_write("/proc/sys/kernel/modules_disabled", "0\n");
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -EPERM, &why), -EPERM);
	assert_int_equal(why.reason, KMOD_PERMISSION);
	kmod_why_release(&why);

	fake_write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -EPERM, &why), -EPERM);
	assert_int_equal(why.reason, KMOD_REJECTED);
	assert_non_null(strstr(why.text, "locked down"));
	kmod_why_release(&why);

	fake_write("/proc/sys/kernel/modules_disabled", "1\n");
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -EPERM, &why), -EPERM);
	assert_non_null(strstr(why.text, "modules_disabled"));
	kmod_why_release(&why);
}

static void not_a_module(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };

	fake.file_vermagic = NULL;
	assert_int_equal(kmod_explain_insert(&env, NAME, "/x.ko", -ENOEXEC, &why), -ENOEXEC);
	assert_int_equal(why.reason, KMOD_REJECTED);
	assert_non_null(strstr(why.text, "'/x.ko' is not a module"));
	kmod_why_release(&why);
}

static void reason_names(attr_unused void **state)
{
	for (int i = 0; i < NR_KMOD_REASONS; i++)
		assert_non_null(kmod_reason_name((enum kmod_reason)i));
	assert_string_equal(kmod_reason_name(KMOD_REJECTED), "module-rejected");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(insert_errors),         test_in_dir(format_has_causes),
		test_in_dir(permission_has_causes), test_in_dir(not_a_module),
		cmocka_unit_test(reason_names),
	};

	return cmocka_run_group_tests_name("kmod/explain", tests, NULL, NULL);
}
