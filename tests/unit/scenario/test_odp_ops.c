// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations of the rig: what is posted, and what the model says is there afterwards. */
#include "../test.h"

#include "scenario/odp_rig.h"

#define PAGE 4096u
#define PAGES 4u
#define LEN ((PAGES + 2) * PAGE)
#define WORD_AT (PAGE / 2 + 8)

struct bench {
	struct rdma_device device;
	struct rig r;
	unsigned char local[LEN], remote[LEN], before[2][LEN];
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	for (size_t i = 0; i < LEN; i++) {
		b->local[i] = (unsigned char)(i * 7 + i / PAGE);
		b->remote[i] = (unsigned char)~b->local[i];
	}
	memcpy(b->before[0], b->local, LEN);
	memcpy(b->before[1], b->remote, LEN);
	b->r = (struct rig){
		.device = &b->device,
		.local = { .known = b->local },
		.remote = { .known = b->remote },
		.page = PAGE,
		.pages = PAGES,
		.len = LEN,
		.piece = 1024,
	};
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static uint64_t word(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* All but len bytes from `at` on are as they were. */
static void only_changed(const unsigned char *now, const unsigned char *before, size_t at,
			 size_t len)
{
	assert_memory_equal(now, before, at);
	assert_memory_equal(now + at + len, before + at + len, LEN - at - len);
}

static struct verbs_transfer apply(struct bench *b, const struct rig_op *op)
{
	struct verbs_transfer o = rig_order(&b->r, op, 1, 2);

	assert_int_equal(o.opcode, op->opcode);
	assert_int_equal(o.local_offset, 2 * PAGE);
	op->apply(&b->r, &o);
	return o;
}

static void moves(void **state)
{
	static const struct rig_op *const ops[] = { &rig_send, &rig_write, &rig_read };

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		bool writes = ops[i] != &rig_read;
		struct bench *b;
		struct verbs_transfer o;

		setup(state);
		b = *state;
		o = apply(b, ops[i]);
		assert_int_equal(o.remote_offset, 3 * PAGE);
		assert_int_equal(o.len, 1024);
		assert_memory_equal(b->local + o.local_offset, b->remote + o.remote_offset, 1024);
		assert_memory_equal(b->remote + o.remote_offset,
				    writes ? b->before[0] + o.local_offset
					   : b->before[1] + o.remote_offset,
				    1024);
		only_changed(b->local, b->before[0], o.local_offset, writes ? 0 : 1024);
		only_changed(b->remote, b->before[1], o.remote_offset, writes ? 1024 : 0);
		teardown(state);
	}
	*state = NULL;
}

/* The word that was there comes back; what is there then depends on the operation. */
static void atomics(void **state)
{
	static const struct {
		const struct rig_op *op;
		bool adds, swaps;
	} rows[] = { { &rig_add, true, false },
		     { &rig_swap, false, true },
		     { &rig_no_swap, false, false } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verbs_transfer o;
		struct bench *b;
		uint64_t was;

		setup(state);
		b = *state;
		o = apply(b, rows[i].op);
		assert_int_equal(o.remote_offset, 3 * PAGE + WORD_AT);
		assert_int_equal(o.len, 8);
		was = word(b->before[1] + o.remote_offset);
		assert_true(word(b->local + o.local_offset) == was);
		assert_true(word(b->remote + o.remote_offset) == (rows[i].adds ? was + o.compare_add
								  : rows[i].swaps ? o.swap
										  : was));
		assert_true(rows[i].adds ||
			    (o.swap != was && (o.compare_add == was) == rows[i].swaps));
		only_changed(b->local, b->before[0], o.local_offset, 8);
		only_changed(b->remote, b->before[1], o.remote_offset, 8);
		teardown(state);
	}
	*state = NULL;
}

static void atomic_write(void **state)
{
	struct bench *b = *state;
	struct verbs_transfer o = apply(b, &rig_atomic_write);

	assert_int_equal(o.remote_offset, 3 * PAGE + WORD_AT);
	assert_true(word(b->remote + o.remote_offset) == word(b->before[0] + o.local_offset));
	only_changed(b->local, b->before[0], 0, 0);
	only_changed(b->remote, b->before[1], o.remote_offset, 8);
}

static void flushes(void **state)
{
	static const struct {
		const struct rig_op *op;
		enum verbs_placement placement;
		enum verbs_selection level;
	} rows[] = {
		{ &rig_flush_visible, VERBS_GLOBAL, VERBS_RANGE },
		{ &rig_flush_persistent, VERBS_PERSISTENT, VERBS_RANGE },
		{ &rig_flush_all, VERBS_PERSISTENT, VERBS_REGION },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verbs_transfer o = apply(b, rows[i].op);

		assert_int_equal(o.placement, rows[i].placement);
		assert_int_equal(o.level, rows[i].level);
		assert_int_equal(o.len, 1024);
	}
	only_changed(b->local, b->before[0], 0, 0);
	only_changed(b->remote, b->before[1], 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves),
		cmocka_unit_test(atomics),
		cmocka_unit_test_setup_teardown(atomic_write, setup, teardown),
		cmocka_unit_test_setup_teardown(flushes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
