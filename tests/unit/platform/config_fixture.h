/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A function whose config space a test puts together, and parses as each source would. */
#ifndef P2PCERT_TEST_CONFIG_FIXTURE_H
#define P2PCERT_TEST_CONFIG_FIXTURE_H

#include "../test.h"

#include "config_space.h"
#include "platform/config.h"

struct config_fixture {
	struct platform *p;
	struct function *f;
	uint8_t config[CONFIG_SIZE];
};

/* Around each test; the function has a header, and nothing else. */
int config_setup(void **state);
int config_teardown(void **state);
#define CONFIG_TEST(f) cmocka_unit_test_setup_teardown(f, config_setup, config_teardown)

/*
 * Parses the first len bytes, from a buffer of exactly that size, so that a read beyond it is caught; and
 * sees that what the running machine is asked for of them says the same.
 */
void config_parse(struct config_fixture *x, size_t len);

#endif
