// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scenarios of on-demand paging over a device that does as it must, whose regions are what the address space
 * holds: they pass, also those that no soft device passes; over one with a defect, and with a fault that is
 * committed, they fail. What a device does not claim is skipped, what it claims and refuses is not.
 */
#include "scenario/odp_rig.h"

#include <errno.h>

#include "../test.h"
#include "base/jx.h"
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

/* Services, with what each has, as the responder sees them. */
static const struct service {
	const char *name;
	enum ibv_qp_type type, responder;
	uint32_t *claims;
	uint32_t all;
} services[] = {
	{ "reliable connection", IBV_QPT_RC, IBV_QPT_RC,
	  &fake_verbs.claims.per_transport_caps.rc_odp_caps,
	  IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_WRITE |
		  IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC | IBV_ODP_SUPPORT_SRQ_RECV },
	{ "unreliable connection", IBV_QPT_UC, IBV_QPT_UC,
	  &fake_verbs.claims.per_transport_caps.uc_odp_caps,
	  IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_WRITE |
		  IBV_ODP_SUPPORT_SRQ_RECV },
	{ "unreliable datagram", IBV_QPT_UD, IBV_QPT_UD,
	  &fake_verbs.claims.per_transport_caps.ud_odp_caps,
	  IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_SRQ_RECV },
	{ "extended reliable connection", IBV_QPT_XRC_SEND, IBV_QPT_XRC_RECV,
	  &fake_verbs.xrc_claims,
	  IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ |
		  IBV_ODP_SUPPORT_ATOMIC | IBV_ODP_SUPPORT_SRQ_RECV },
};

/* A device that claims all there is of all services, and has it. */
static void claim_all(void)
{
	fake_verbs_reset();
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		*services[i].claims = services[i].all;
}

/* Each claim was tried, with what it came to, and nothing that the service has not. */
static void all_tried(const struct ran *r)
{
	size_t index, k, claimed = 0;
	json_t *record, *row;

	json_array_foreach (r->records, index, record) {
		json_t *facts = json_object_get(record, "value");

		if (!json_is_array(facts))
			continue;
		json_array_foreach (facts, k, row) {
			if (!jx_get_bool(row, "claimed", false))
				continue;
			claimed++;
			assert_string_equal(jx_get_str(row, json_object_get(row, "registered")
								    ? "registered"
								    : "pinned"),
					    "works");
		}
	}
	assert_int_equal(claimed, 6 + 4 + 3 + 5 + 1);
}

static void all_services(attr_unused void **state)
{
	struct ran r;

	claim_all();
	r = ran("odp.caps", NULL);
	ran_says(&r, "odp.caps", "pass", "the 18 claims that it makes hold");
	all_tried(&r);
	assert_null(r.finding);
	ran_release(&r);
	comes_to("odp.srq", NULL, "pass", "");
	comes_to("odp.srq", "skip-copy", "fail", "");
	comes_to("odp.srq", "corrupt-copy", "fail", "");
}

/* It spoils or refuses memory on demand in one service: each claim of that one is found out. */
static void odd_service(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		for (uint32_t bit = 1; bit <= services[i].all; bit <<= 1) {
			bool reliable = services[i].type == IBV_QPT_RC ||
					services[i].type == IBV_QPT_XRC_SEND;

			if (!(services[i].all & bit))
				continue;
			claim_all();
			*services[i].claims = bit;
			fake_verbs.odd_service = services[i].responder;
			fake_verbs.odd_refuses = bit == IBV_ODP_SUPPORT_ATOMIC || !reliable;
			is_found("odp.caps", "ODP-CLAIM");
			comes_to("odp.caps", NULL, "fail", services[i].name);
		}
	}
}

/* A service that nobody can make: nothing was shown. */
static void claimed_and_missing(attr_unused void **state)
{
	for (size_t i = 1; i < ARRAY_LEN(services); i++) {
		claim_all();
		fake_verbs.lacks = 1u << services[i].type;
		comes_to("odp.caps", NULL, "inconclusive", services[i].name);
		comes_to("odp.caps", NULL, "inconclusive", "Operation not supported");
		*services[i].claims = 0;
		comes_to("odp.caps", NULL, "pass", "claims that it makes hold");
	}
	claim_all();
	fake_verbs.lacks_srq = true;
	comes_to("odp.caps", NULL, "inconclusive",
		 "reliable connection, receive from a shared queue: Operation not supported");
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
		cmocka_unit_test(all_services),
		cmocka_unit_test(odd_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
