// SPDX-License-Identifier: GPL-2.0-or-later
/* Which module is ours, which faults there are, and use counts. */
#include "sysroot.h"

#include "base/version.h"
#include "scenario/modfd.h"

static void faults_have_names(attr_unused void **state)
{
	static const char *const inject[] = { "leak", "no-such-fault", "skip-copy", NULL };
	struct heard h;

	assert_int_equal(modfd_fault("skip-copy"), P2PCERT_FAULT_SKIP_COPY);
	assert_int_equal(modfd_fault("hang"), P2PCERT_FAULT_HANG);
	assert_int_equal(modfd_fault("skip"), 0);

	heard_begin(&h, NULL, NULL);
	assert_int_equal(modfd_injected(&h.ctx, ~0u), 0);
	h.env.inject = inject;
	assert_int_equal(modfd_injected(&h.ctx, ~0u), P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_LEAK);
	/* A scenario is not given faults that it would not see. */
	assert_int_equal(modfd_injected(&h.ctx, P2PCERT_FAULT_LEAK | P2PCERT_FAULT_WARN),
			 P2PCERT_FAULT_LEAK);
	heard_end(&h);
}

static struct p2pcert_version version(uint32_t abi, const char *module, const char *text)
{
	struct p2pcert_version v = { .abi = abi };

	strcpy(v.module, module);
	strcpy(v.version, text);
	return v;
}

static void only_our_module_is_taken(attr_unused void **state)
{
	const char *name = "p2pcert_p2p";
	struct p2pcert_version good = version(P2PCERT_ABI_VERSION, name, p2pcert_version());
	struct p2pcert_version bad[] = {
		version(P2PCERT_ABI_VERSION + 1, name, p2pcert_version()),
		version(P2PCERT_ABI_VERSION, "p2pcert_devpriv", p2pcert_version()),
		version(P2PCERT_ABI_VERSION, name, "0.0.0-other"),
		good,
		good,
	};

	/* Not even terminated. */
	memset(bad[3].module, 'x', sizeof(bad[3].module));
	memset(bad[4].version, '1', sizeof(bad[4].version));

	assert_null(modfd_refuse(&good, name));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		autofree char *why = modfd_refuse(&bad[i], name);

		assert_non_null(why);
		assert_non_null(strstr(why, name));
	}
}

static void device_that_is_not_there(void **state)
{
	struct heard h;
	uint64_t refcnt;

	heard_begin(&h, *state, NULL);
	assert_int_equal(modfd_open(&h.ctx, "p2pcert-no-such-module", 0, &refcnt), -1);
	assert_int_equal(heard_count(&h, "error", "text",
				     "the use count of module 'p2pcert-no-such-module' cannot be "
				     "read: it is not loaded"),
			 1);
	/* Loaded, and no device: nobody else says more than once what is missing. */
	put(*state, "/sys/module/p2pcert-no-such-module/refcnt", "0\n");
	assert_int_equal(modfd_open(&h.ctx, "p2pcert-no-such-module", 0, &refcnt), -1);
	assert_int_equal(heard_count(&h, "error", "kind", "setup"), 2);
	heard_end(&h);
}

static void use_counts(void **state)
{
	struct heard h;
	uint64_t n;

	put(*state, "/sys/module/p2pcert_p2p/refcnt", "3\n");
	assert_int_equal(modfd_refcnt(*state, "p2pcert_p2p", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(modfd_refcnt(*state, "p2pcert_edu", &n), -ENOENT);

	heard_begin(&h, *state, NULL);
	assert_true(modfd_judge_refcnt(&h.ctx, "p2pcert_p2p", 3));
	assert_int_equal(heard_count(&h, "evidence", "state", "proven"), 1);
	assert_false(modfd_judge_refcnt(&h.ctx, "p2pcert_p2p", 2));
	assert_int_equal(heard_count(&h, "evidence", "state", "refuted"), 1);
	/* Not knowing is not failing. */
	assert_true(modfd_judge_refcnt(&h.ctx, "p2pcert_edu", 0));
	assert_int_equal(heard_count(&h, "evidence", "state", "missing"), 1);
	heard_end(&h);
}

static void what_is_held(attr_unused void **state)
{
	const struct p2pcert_held before = { .pages = 2, .mappings = 1 };
	const struct p2pcert_held more[] = {
		{ .pages = 3, .mappings = 1 },
		{ .pages = 2, .mappings = 2 },
		{ .mappings = 1, .functions = 1 },
	};
	const struct p2pcert_held less = { .pages = 1 };
	struct p2pcert_held held;
	struct heard h;

	assert_false(modfd_held_more(&before, &before));
	assert_false(modfd_held_more(&before, &less));
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		assert_true(modfd_held_more(&before, &more[i]));

	/* Not knowing is not failing, but without it nothing is begun. */
	heard_begin(&h, NULL, NULL);
	assert_true(modfd_judge_held(&h.ctx, P2PCERT_DEV_P2P, -1, &before));
	assert_int_equal(heard_count(&h, "evidence", "state", "missing"), 1);
	assert_int_equal(modfd_held(&h.ctx, P2PCERT_DEV_P2P, -1, &held), -1);
	assert_int_equal(heard_count(&h, "error", "kind", "setup"), 1);
	heard_end(&h);
}

static void errno_names(attr_unused void **state)
{
	assert_string_equal(errno_text(-EREMOTEIO), "EREMOTEIO");
	assert_string_equal(errno_text(EINVAL), "EINVAL");
	assert_non_null(errno_text(-100000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_have_names),   cmocka_unit_test(only_our_module_is_taken),
		test_in_dir(device_that_is_not_there), test_in_dir(use_counts),
		cmocka_unit_test(what_is_held),        cmocka_unit_test(errno_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
