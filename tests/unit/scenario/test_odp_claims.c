// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device claims of on-demand paging, in words. */
#include "scenario/odp_claims.h"

#include <infiniband/verbs.h>
#include <stdlib.h>

#include "../test.h"

static void says(uint32_t claims, const char *expected)
{
	char *text = odp_claims_text(claims);

	assert_string_equal(text, expected);
	free(text);
}

static void text(attr_unused void **state)
{
	says(0, "nothing");
	says(IBV_ODP_SUPPORT_SEND, "send");
	says(IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, "RDMA write, RDMA read");
	says(0xff, "send, receive, RDMA write, RDMA read, atomic operations, receive from a shared "
		   "queue, RDMA flush, atomic write");
	says(ODP_SUPPORT_FLUSH | 0x500, "RDMA flush, 0x500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
