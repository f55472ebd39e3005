// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that is away at times: a device that goes by it passes; one that moves a byte and refuses, or refuses
 * in another way than it must, does not.
 */
#include "scenario/odp_away.h"

#include <fcntl.h>

#include "../test.h"
#include "fake_clock.h"
#include "fake_verbs.h"
#include "scenario/ctx.h"

#define PAGES 4
#define TRANSFERS 4000
#define ROUNDS 1000 /* a busy machine may not get to taking the memory away in one of them */

struct bench {
	struct scenario_env env;
	struct scenario_ctx ctx;
	struct rdma_device device;
	struct rig r;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	char *why = NULL;

	fake_verbs_reset();
	b->env.seed = 7;
	b->ctx.env = &b->env;
	b->ctx.channel = open("/dev/null", O_WRONLY | O_CLOEXEC);
	b->device.ctx = &b->ctx;
	b->device.seed = 7;
	assert_int_equal(verbs_open(&b->device.verbs, "fake0", &why), 0);
	assert_int_equal(verbs_connect(&b->device.verbs, 0, &why), 0);
	assert_int_equal(rig_open(&b->r, &b->device, PAGES), 0);
	assert_int_equal(rig_map_both(&b->r), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	rig_close(&b->r);
	verbs_close(&b->device.verbs);
	close(b->ctx.channel);
	free(b);
	assert_int_equal(fake_verbs.regions, 0);
	return 0;
}

/* Until transfers were moved and were refused, or something is wrong. */
static int run(struct bench *b, const struct rig_end *end, struct away_count *count)
{
	int ret = 0;

	*count = (struct away_count){ 0 };
	for (int i = 0; i < ROUNDS && !ret; i++) {
		ret = away_run(&b->r, end, clock_ns() + TRANSFERS * 50 * NS_PER_MS, count);
		if (count->transfers.moved && count->transfers.refused)
			break;
	}
	return ret;
}

static void right(void **state)
{
	struct bench *b = *state;
	struct away_count count;

	for (size_t i = 0; i < RIG_ENDS; i++) {
		assert_int_equal(run(b, &rig_ends[i], &count), 0);
		print_message("# %s: %zu moved, %zu refused, away %llu times\n", rig_ends[i].name,
			      count.transfers.moved, count.transfers.refused,
			      (unsigned long long)count.changes);
		assert_true(count.transfers.moved > 0);
		assert_true(count.transfers.refused > 0);
		assert_true(count.changes > 0);
	}
}

static void moves_and_refuses(void **state)
{
	struct bench *b = *state;
	struct away_count count;

	fake_verbs.moves_refused = true;
	assert_int_equal(run(b, &rig_ends[0], &count), 1);
	assert_true(b->r.wrong_data);
}

static void refuses_otherwise(void **state)
{
	struct bench *b = *state;
	struct away_count count;

	fake_verbs.refuses_otherwise = true;
	assert_int_equal(run(b, &rig_ends[0], &count), 1);
	assert_true(b->r.wrong_status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(right, setup, teardown),
		cmocka_unit_test_setup_teardown(moves_and_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_otherwise, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
