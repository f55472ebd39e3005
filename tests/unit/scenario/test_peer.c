// SPDX-License-Identifier: GPL-2.0-or-later
/* What comes of an exam over many pairs, and spans with guards. */
#include "sysroot.h"

#include "scenario/peer.h"

#define REFCNT "/sys/module/p2pcert_p2p/refcnt"
#define AVAILABLE "/sys/bus/pci/devices/0000:04:00.0/p2pmem/available"

static struct platform *platform(void)
{
	struct platform *p = platform_new("live", NULL);

	assert_non_null(platform_add(p, (struct pci_addr){ 0, 4, 0, 0 }));
	platform_finish(p);
	return p;
}

/* An exam as it is after its pairs. */
static struct exam after(struct heard *h, size_t exercised, size_t refused, size_t examined)
{
	return (struct exam){
		.ctx = &h->ctx,
		.fd = -1,
		.log_fd = -1,
		.exercised = exercised,
		.examined = examined,
		.refused = refused,
		.refusal = refused ? xstrdup("redirect on the way") : NULL,
		.facts = jx_array(),
		.functions = xcalloc(1, sizeof(struct exam_function)),
	};
}

static void outcomes(void **state)
{
	autoplatform struct platform *p = platform();
	static const struct {
		enum exam_subject subject;
		size_t exercised, refused, examined;
		enum evidence_state said; /* of data */
		uint64_t refcnt; /* before */
		uint64_t available; /* before; 0: nothing was lent */
		enum outcome outcome;
		const char *event, *key, *value; /* one record that must be there */
	} rows[] = {
		{ EXAM_DATA, 2, 1, 3, EVIDENCE_PROVEN, 0, 4096, OUTCOME_PASS, "why", NULL, NULL },
		{ EXAM_DATA, 2, 1, 3, EVIDENCE_MISSING, 0, 4096, OUTCOME_PASS, "why", NULL, NULL },
		{ EXAM_DATA, 2, 1, 3, EVIDENCE_REFUTED, 0, 4096, OUTCOME_FAIL, "why", NULL, NULL },
		/* The machine refuses everything: rightly, or not. */
		{ EXAM_DATA, 0, 3, 3, EVIDENCE_PROVEN, 0, 4096, OUTCOME_SKIP, "skip", "category",
		  "hw-unsupported" },
		{ EXAM_DATA, 0, 3, 3, EVIDENCE_REFUTED, 0, 4096, OUTCOME_FAIL, "why", NULL, NULL },
		/* It refuses some, and of the others nothing was seen. */
		{ EXAM_MAPPING, 0, 1, 3, EVIDENCE_PROVEN, 0, 4096, OUTCOME_PASS, "evidence", "kind",
		  "path" },
		/* It refuses none, where that is what was to be seen. */
		{ EXAM_REFUSAL, 0, 0, 3, EVIDENCE_PROVEN, 0, 4096, OUTCOME_SKIP, "skip", "category",
		  "hw-unsupported" },
		{ EXAM_REFUSAL, 0, 0, 0, EVIDENCE_PROVEN, 0, 0, OUTCOME_PASS, "evidence", "kind",
		  "errno" },
		{ EXAM_REFUSAL, 2, 2, 3, EVIDENCE_PROVEN, 0, 4096, OUTCOME_PASS, "why", NULL,
		  NULL },
		/* Of pairs that go by bus address there are some, all wrong, or none. */
		{ EXAM_ROUTE, 2, 0, 2, EVIDENCE_PROVEN, 0, 4096, OUTCOME_PASS, "why", NULL, NULL },
		{ EXAM_ROUTE, 2, 0, 2, EVIDENCE_REFUTED, 0, 4096, OUTCOME_FAIL, "why", NULL, NULL },
		{ EXAM_ROUTE, 0, 0, 0, EVIDENCE_PROVEN, 0, 4096, OUTCOME_SKIP, "skip", "category",
		  "hw-unsupported" },
		/* Nothing at all is no pass: the supervisor misses the data. */
		{ EXAM_DATA, 0, 0, 0, EVIDENCE_PROVEN, 0, 0, OUTCOME_PASS, "evidence", "state",
		  "missing" },
		/* Leaks of the module's use count and of the provider's memory. */
		{ EXAM_DATA, 2, 0, 2, EVIDENCE_PROVEN, 1, 4096, OUTCOME_FAIL, "evidence", "state",
		  "refuted" },
		{ EXAM_DATA, 2, 0, 2, EVIDENCE_PROVEN, 0, 8192, OUTCOME_FAIL, "evidence", "state",
		  "refuted" },
	};

	put(*state, REFCNT, "0\n");
	put(*state, AVAILABLE, "4096\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct heard h;
		struct exam x;

		heard_begin(&h, *state, p);
		x = after(&h, rows[i].exercised, rows[i].refused, rows[i].examined);
		x.subject = rows[i].subject;
		x.left_out = rows[i].subject == EXAM_ROUTE;
		x.refcnt = rows[i].refcnt;
		x.functions[0].lent = rows[i].available != 0;
		x.functions[0].available = rows[i].available;
		exam_say(&x, EVIDENCE_DATA, rows[i].said, "row %zu", i);
		assert_int_equal(exam_end(&x), rows[i].outcome);
		assert_true(heard_count(&h, rows[i].event, rows[i].key, rows[i].value) >= 1);
		assert_int_equal(heard_count(&h, "facts", "name", "transfers"), 1);
		heard_end(&h);
	}
}

static void slow(void **state attr_unused)
{
	/* a page of memory in a microsecond */
	assert_false(peer_is_slow(4096, 1000, 4096, 1000));
	assert_false(peer_is_slow(4096, 8000, 4096, 1000));
	assert_true(peer_is_slow(4096, 8001, 4096, 1000));
	assert_true(peer_is_slow(8192, 16004, 4096, 1000));
	assert_false(peer_is_slow(8192, 8001, 4096, 1000));
	/* nothing was moved, or nothing is known of memory */
	assert_false(peer_is_slow(0, 8001, 4096, 1000));
	assert_false(peer_is_slow(4096, 8001, 0, 0));
	assert_true(peer_is_slow(1ull << 40, 1ull << 62, 4096, 1000));
}

static void many_pairs(void **state)
{
	autoplatform struct platform *p = platform();
	struct heard h;
	struct exam x;

	put(*state, REFCNT, "0\n");
	heard_begin(&h, *state, p);
	x = after(&h, 10000, 0, 10000);
	for (int i = 0; i < 10000; i++) {
		exam_say(&x, EVIDENCE_DATA, EVIDENCE_PROVEN, "pair %d", i);
		exam_device(&x, &p->functions[0]);
	}
	/* A late refutation is heard all the same. */
	exam_say(&x, EVIDENCE_DATA, EVIDENCE_REFUTED, "the last");
	assert_true(heard_count(&h, "evidence", "state", "proven") < 100);
	assert_int_equal(heard_count(&h, "evidence", "state", "refuted"), 1);
	assert_int_equal(heard_count(&h, "device", NULL, NULL), 1);
	assert_int_equal(exam_end(&x), OUTCOME_FAIL);
	heard_end(&h);
}

static void no_module(void **state)
{
	autoplatform struct platform *p = platform();
	struct heard h;
	struct exam x;

	heard_begin(&h, *state, p);
	assert_int_equal(exam_begin(&x, &h.ctx, EXAM_DATA, EXAM_FAULTS), -1);
	assert_int_equal(heard_count(&h, "error", "kind", "setup"), 1);
	heard_end(&h);
}

static void spans(attr_unused void **state)
{
	const struct span s = { 256, 512, 1, 2 };
	unsigned char area[1024];
	static const struct {
		size_t at;
		bool guard;
	} rows[] = { { 0, true },    { 255, true }, { 256, false },
		     { 767, false }, { 768, true }, { 1023, true } };

	span_fill(&s, area, sizeof(area));
	assert_null(span_refuse(&s, area, sizeof(area)));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *guards = NULL, *all = NULL;

		area[rows[i].at] ^= 0x10;
		guards = span_refuse_guards(&s, area, sizeof(area));
		all = span_refuse(&s, area, sizeof(area));
		assert_non_null(all);
		assert_int_equal(guards != NULL, rows[i].guard);
		area[rows[i].at] ^= 0x10;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(outcomes),  cmocka_unit_test(slow),  test_in_dir(many_pairs),
		test_in_dir(no_module), cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
