// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An RDMA device that is a function and takes a peer's memory, in the place of libibverbs, with a peer made of
 * ordinary memory: what moves is the library's own path, from registration to completion.
 */
#include "sysroot.h"

#include <sys/mman.h>

#include "fake_verbs.h"
#include "scenario/initiator_rdma.h"
#include "scenario/pagemap.h"

#define DEVICE "/sys/class/infiniband/fake0/device"

static struct initiator_kind kind;

static bool meet(struct initiator *i, struct peer *p, const struct function *target)
{
	autofree char *why = NULL;
	void *memory =
		mmap(NULL, i->area, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	*p = (struct peer){ .exam = i->exam, .initiator = i->function, .target = target };
	p->name = xstrdup("fake0 and memory");
	p->supported = true;
	p->map = (struct p2pmem_map){ memory, i->area };
	p->image = xcalloc(1, i->area);
	p->fact = jx_object();
	i->exam->examined++;
	assert_int_equal(initiator_rdma_register(i, p, &why), 0);
	return true;
}

static bool is_target(const struct initiator *i attr_unused, const struct function *f attr_unused)
{
	return true;
}

struct came {
	bool refuted, proven, missing; /* data */
	size_t used;
	char *moved; /* NULL: no pair was met */
	char *unusable;
};

static struct came run(const char *root, const char *fault)
{
	const char *const inject[] = { fault, NULL };
	struct platform *p = platform_new("live", NULL);
	struct initiator_tally tally;
	struct came came = { 0 };
	struct heard h;
	struct exam x;

	assert_non_null(platform_add(p, (struct pci_addr){ 0, 3, 0, 0 }));
	assert_non_null(platform_add(p, (struct pci_addr){ 0, 4, 0, 0 }));
	platform_finish(p);
	kind = initiator_rdma;
	kind.meet = meet;
	kind.is_target = is_target;
	heard_begin(&h, root, p);
	h.env.inject = inject;
	x = (struct exam){ .ctx = &h.ctx, .fd = -1, .log_fd = -1, .facts = jx_array() };
	x.functions = xcalloc(2, sizeof(*x.functions));
	assert_int_equal(initiators_run(&x, &kind, &tally), 0);
	assert_int_equal(tally.found, 1);
	came.used = tally.used;
	came.refuted = x.said[EVIDENCE_DATA][EVIDENCE_REFUTED];
	came.proven = x.said[EVIDENCE_DATA][EVIDENCE_PROVEN];
	came.missing = x.said[EVIDENCE_DATA][EVIDENCE_MISSING];
	came.unusable = x.unusable ? xstrdup(x.unusable) : NULL;
	if (json_array_size(x.facts))
		came.moved = xstrdup(jx_get_str(json_array_get(x.facts, 0), "moved"));
	exam_abandon(&x);
	heard_end(&h);
	platform_free(p);
	assert_int_equal(fake_verbs.queue_pairs, 0);
	assert_int_equal(fake_verbs.regions, 0);
	return came;
}

static void moves(void **state)
{
	static const struct {
		const char *inject;
		enum fake_fault fault;
		const char *moved; /* NULL: it breaks down */
	} rows[] = {
		{ NULL, FAKE_RIGHT, "right" },
		{ "skip-copy", FAKE_RIGHT, "wrong" },
		{ "short-copy", FAKE_RIGHT, "wrong" },
		{ "corrupt-copy", FAKE_RIGHT, "wrong" },
		/* of the device */
		{ NULL, FAKE_SUCCESS, "wrong" },
		{ NULL, FAKE_OTHER_REQUEST, NULL },
		{ NULL, FAKE_OTHER_STATUS, NULL },
	};

	put_link(*state, DEVICE, "../../../0000:03:00.0");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct came came;

		fake_verbs_reset();
		fake_verbs.fault = rows[i].fault;
		fake_verbs.at = 1;
		came = run(*state, rows[i].inject);
		assert_int_equal(came.used, 1);
		assert_non_null(came.moved);
		assert_int_equal(came.proven, i == 0);
		assert_int_equal(came.refuted, i != 0);
		if (rows[i].moved)
			assert_string_equal(came.moved, rows[i].moved);
		else
			assert_string_not_equal(came.moved, "right");
		free(came.moved);
		free(came.unusable);
	}
}

/* A device that is no function moves nothing by itself, whatever it can register. */
static void soft(void **state)
{
	struct came came;

	fake_verbs_reset();
	came = run(*state, NULL);
	assert_int_equal(came.used, 0);
	assert_null(came.moved);
	assert_non_null(came.unusable);
	assert_non_null(strstr(came.unusable, "'fake0' is no PCI function"));
	assert_false(came.refuted || came.missing || came.proven);
	free(came.unusable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(moves),
		test_in_dir(soft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
