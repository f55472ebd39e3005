// SPDX-License-Identifier: GPL-2.0-or-later
/* The loopback over a device of this process: what there is none of, what is refused, and with which errno. */
#include "scenario/verbs.h"

#include <errno.h>

#include "../test.h"
#include "fake_verbs.h"

static int setup(void **state)
{
	static struct verbs v;
	char *why = NULL;

	fake_verbs_reset();
	assert_int_equal(verbs_open(&v, "fake0", &why), 0);
	assert_int_equal(verbs_connect(&v, 0, &why), 0);
	assert_null(why);
	*state = &v;
	return 0;
}

static int teardown(void **state)
{
	verbs_close(*state);
	assert_int_equal(fake_verbs.queue_pairs, 0);
	assert_int_equal(fake_verbs.regions, 0);
	return 0;
}

static void names(attr_unused void **state)
{
	char **list;

	assert_int_equal(verbs_names(&list), 0);
	assert_string_equal(list[0], "fake0");
	assert_null(list[1]);
	verbs_names_free(list);
}

static void does_not_open(const char *name, int expected, const char *text)
{
	struct verbs v;
	char *why = NULL;

	assert_int_equal(verbs_open(&v, name, &why), expected);
	assert_string_equal(why, text);
	free(why);
	verbs_close(&v);
}

static void not_there(attr_unused void **state)
{
	fake_verbs_reset();
	does_not_open("fake1", -ENODEV, "cannot open it: No such device");
	fake_verbs.inactive = true;
	does_not_open("fake0", -ENETDOWN, "no port is active");
}

/* The errno is the driver's: programs go by it. */
static void dmabufs(void **state)
{
	static const int errnos[] = { EOPNOTSUPP, EINVAL, EBADF };
	struct verbs *v = *state;
	struct ibv_mr *mr;

	for (size_t i = 0; i < ARRAY_LEN(errnos); i++) {
		fake_verbs.dmabuf_errno = errnos[i];
		assert_int_equal(verbs_register_dmabuf(v, 0, 0, 4096, 0, 0, &mr), -errnos[i]);
	}
	assert_int_equal(fake_verbs.regions, 0);
}

static void regions(void **state)
{
	struct verbs *v = *state;
	struct ibv_mr *mrs[VERBS_MAX_MRS + 1];
	char byte;

	for (size_t i = 0; i < VERBS_MAX_MRS; i++)
		assert_int_equal(verbs_register(v, &byte, 1, 0, &mrs[i]), 0);
	assert_int_equal(verbs_register(v, &byte, 1, 0, &mrs[VERBS_MAX_MRS]), -ENOSPC);
	assert_int_equal(verbs_deregister(v, mrs[0]), 0);
	assert_int_equal(verbs_deregister(v, mrs[0]), -ENOENT);
	assert_int_equal(verbs_register(v, &byte, 1, 0, &mrs[0]), 0);
}

static const enum ibv_qp_type others[] = { IBV_QPT_UC, IBV_QPT_UD, IBV_QPT_XRC_SEND };

/* Neither the library nor the driver has them; afterwards a connection can be made again. */
static void missing_services(void **state)
{
	struct verbs *v = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		fake_verbs.lacks = 1u << others[i];
		assert_int_equal(verbs_set_service(v, others[i], false), -EOPNOTSUPP);
	}
	/* a domain alone makes no connection, and is not left behind */
	fake_verbs.lacks = 1u << IBV_QPT_XRC_RECV;
	assert_int_equal(verbs_set_service(v, IBV_QPT_XRC_SEND, false), -EOPNOTSUPP);
	fake_verbs.lacks = 0;
	fake_verbs.lacks_srq = true;
	assert_int_equal(verbs_set_service(v, IBV_QPT_XRC_SEND, false), -EOPNOTSUPP);
	assert_int_equal(verbs_set_service(v, IBV_QPT_RC, true), -EOPNOTSUPP);
	assert_int_equal(verbs_set_service(v, IBV_QPT_RC, false), 0);
	assert_int_equal(fake_verbs.queue_pairs, 2);
	assert_int_equal(fake_verbs.shared_queues, 0);
	assert_int_equal(fake_verbs.domains, 0);
}

/* A message of each service, to a queue that is shared or not: an extended connection's always is. */
static void services(void **state)
{
	struct verbs *v = *state;
	unsigned char data[64] = "sent";
	struct verbs_transfer t = { .opcode = IBV_WR_SEND, .len = 16 };
	struct ibv_mr *mr;

	assert_int_equal(verbs_register(v, data, sizeof(data), IBV_ACCESS_LOCAL_WRITE, &mr), 0);
	t.local = mr;
	for (size_t i = 0; i < 2 * ARRAY_LEN(others); i++) {
		enum ibv_qp_type service = others[i / 2];
		bool shared = i % 2;
		struct ibv_wc wc;

		memset(data + 32, 0, 16);
		assert_int_equal(verbs_set_service(v, service, shared), 0);
		assert_int_equal(fake_verbs.shared_queues, shared || service == IBV_QPT_XRC_SEND);
		assert_int_equal(fake_verbs.domains, service == IBV_QPT_XRC_SEND);
		assert_int_equal(verbs_receive(v, mr, 32, 16), 0);
		assert_int_equal(verbs_post(v, &t), 0);
		assert_int_equal(verbs_wait(v, VERBS_INITIATOR, 0, &wc), 0);
		assert_int_equal(wc.status, IBV_WC_SUCCESS);
		assert_int_equal(verbs_wait(v, VERBS_RESPONDER, 0, &wc), 0);
		assert_int_equal(wc.byte_len, verbs_received_len(v, 16));
		assert_int_equal(verbs_received_len(v, 16), service == IBV_QPT_UD ? 56 : 16);
		assert_memory_equal(data, data + 32, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(not_there),
		cmocka_unit_test_setup_teardown(dmabufs, setup, teardown),
		cmocka_unit_test_setup_teardown(regions, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_services, setup, teardown),
		cmocka_unit_test_setup_teardown(services, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
