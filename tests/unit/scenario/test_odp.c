// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scenarios of on-demand paging over a device that does as it must, whose regions are what the address space
 * holds: they pass, also those that no soft device passes; over one with a defect, and with a fault that is
 * committed, they fail. What a device does not claim is skipped, what it claims and refuses is not.
 */
#include "scenario/odp_rig.h"

#include <errno.h>

#include "../test.h"
#include "fake_clock.h"
#include "fake_verbs.h"
#include "ran.h"

static const char *const scenarios[] = {
	"odp.write",
	"odp.read",
	"odp.send",
	"odp.recv",
	"odp.atomic",
	"odp.alignment",
	"odp.iova",
	"odp.implicit",
	"odp.shmem",
	"odp.zero-page",
	"odp.invalidate.munmap",
	"odp.invalidate.munmap-mmap",
	"odp.invalidate.dontneed",
	"odp.invalidate.mremap",
	"odp.invalidate.mprotect",
	"odp.invalidate.mprotect-none",
	"odp.invalidate.fork-cow",
	"odp.invalidate.punch",
	"odp.invalidate.truncate",
	"odp.invalidate.free",
	"odp.invalidate.during",
};

/* What this machine may not have. */
static const char *const lacking[] = {
	"odp.invalidate.userfaultfd",
	"odp.invalidate.split",
	"odp.invalidate.collapse",
};

static void comes_to(const char *id, const char *inject, const char *outcome, const char *text)
{
	struct ran r = ran(id, inject);

	ran_says(&r, id, outcome, text);
	ran_release(&r);
}

static void right(attr_unused void **state)
{
	fake_verbs_reset();
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		comes_to(scenarios[i], NULL, "pass", "");
	comes_to("odp.caps", NULL, "pass", "5 claims");
	comes_to("odp.rights", NULL, "pass", "refused as they must be");
}

static void lacks(attr_unused void **state)
{
	fake_verbs_reset();
	for (size_t i = 0; i < ARRAY_LEN(lacking); i++) {
		struct ran r = ran(lacking[i], NULL);

		if (strcmp(r.outcome, "skip") != 0) {
			ran_says(&r, lacking[i], "pass", "");
			comes_to(lacking[i], "skip-copy", "fail", "");
			comes_to(lacking[i], "corrupt-copy", "fail", "");
		} else {
			print_message("# %s: %s\n", lacking[i], r.skip);
		}
		ran_release(&r);
	}
}

static void faults(attr_unused void **state)
{
	fake_verbs_reset();
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		comes_to(scenarios[i], "skip-copy", "fail", "");
		comes_to(scenarios[i], "corrupt-copy", "fail", "");
	}
	comes_to("odp.rights", "all-rights", "fail", "");
}

/* --- defects of the device ---------------------------------------------------------------------- */

static void is_found(const char *id, const char *code)
{
	struct ran r = ran(id, NULL);

	ran_says(&r, id, "fail", "");
	assert_non_null(r.finding);
	assert_string_equal(r.finding, code);
	ran_release(&r);
}

static void loses_offset(attr_unused void **state)
{
	fake_verbs_reset();
	fake_verbs.loses_offset = true;
	is_found("odp.alignment", "ODP-WRONG-DATA");
	comes_to("odp.write", NULL, "pass", "");
}

static void grants_all(attr_unused void **state)
{
	fake_verbs_reset();
	fake_verbs.grants_all = true;
	is_found("odp.rights", "ODP-RIGHTS");
}

static void loses_iova(attr_unused void **state)
{
	fake_verbs_reset();
	fake_verbs.loses_iova = true;
	comes_to("odp.iova", NULL, "fail", "");
	comes_to("odp.write", NULL, "pass", "");
}

/* --- claims ------------------------------------------------------------------------------------- */

static void is_skipped(const char *id, const char *category, const char *text)
{
	struct ran r = ran(id, NULL);

	ran_says(&r, id, "skip", text);
	assert_string_equal(r.category, category);
	ran_release(&r);
}

static void unclaimed(attr_unused void **state)
{
	fake_verbs_reset();
	fake_verbs.claims.general_caps = IBV_ODP_SUPPORT;
	is_skipped("odp.implicit", "hw-unsupported",
		   "does not claim regions of the whole address space");
	fake_verbs.claims.per_transport_caps.rc_odp_caps = IBV_ODP_SUPPORT_READ;
	is_skipped("odp.write", "hw-unsupported", "does not claim on-demand paging for RDMA write");
	fake_verbs.claims.general_caps = 0;
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		is_skipped(scenarios[i], "hw-unsupported", "does not claim on-demand paging for");
}

/* Whatever errno it is: who claims it must have it. */
static void claimed_and_refused(attr_unused void **state)
{
	static const int errnos[] = { EOPNOTSUPP, EINVAL, ENOMEM };

	fake_verbs_reset();
	for (size_t i = 0; i < ARRAY_LEN(errnos); i++) {
		fake_verbs.implicit_errno = errnos[i];
		comes_to("odp.implicit", NULL, "fail", "claims such a region, and refuses it");
		comes_to("odp.implicit", NULL, "fail", strerror(errnos[i]));
	}
}

/* Datagrams and extended connections that nobody can make: nothing was shown. */
static void claimed_and_missing(attr_unused void **state)
{
	fake_verbs_reset();
	fake_verbs.claims.per_transport_caps.ud_odp_caps = IBV_ODP_SUPPORT_SEND;
	comes_to("odp.caps", NULL, "inconclusive",
		 "cannot be tried: unreliable datagram, send: Operation not supported");
	fake_verbs_reset();
	fake_verbs.xrc_claims = IBV_ODP_SUPPORT_WRITE;
	comes_to("odp.caps", NULL, "inconclusive", "RDMA write: Operation not supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right),
		cmocka_unit_test(lacks),
		cmocka_unit_test(faults),
		cmocka_unit_test(loses_offset),
		cmocka_unit_test(grants_all),
		cmocka_unit_test(loses_iova),
		cmocka_unit_test(unclaimed),
		cmocka_unit_test(claimed_and_refused),
		cmocka_unit_test(claimed_and_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
