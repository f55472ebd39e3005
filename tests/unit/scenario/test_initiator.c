// SPDX-License-Identifier: GPL-2.0-or-later
/* Transfers of an initiator that does as it is told, well or badly, with a peer made of ordinary memory. */
#include "sysroot.h"

#include <sys/mman.h>

#include "scenario/initiator.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define AREA (4 * page_size())

/* What it does wrong. */
enum vice {
	NONE,
	MOVES_NOTHING,
	MOVES_TOO_LITTLE,
	MOVES_ELSEWHERE,
	MOVES_TOO_MUCH,
	SPOILS_THE_SOURCE,
	COUNTS_WRONG,
	FAILS,
	TAKES_A_WRONG_WAY,
	CANNOT,
	CANNOT_ODD_LENGTHS,
	CANNOT_BE_ASKED,
	/* of one that compares */
	COMPARES_NOTHING,
	SEES_NO_DIFFERENCE,
};

static enum vice vice;
static bool supported; /* is the pair? */
static int refusal; /* what comes of it if it is not */

static int find(struct exam *x attr_unused, void **list, size_t *n)
{
	*list = NULL;
	*n = 1;
	return 0;
}

static void forget(void *list attr_unused, size_t n attr_unused)
{
}

static bool open_one(struct initiator *i, void *list attr_unused, size_t k attr_unused)
{
	i->function = &scn_env(i->exam->ctx)->platform->functions[0];
	i->name = "engine";
	i->area = AREA;
	i->own = pages_alloc(AREA);
	return true;
}

static void close_one(struct initiator *i)
{
	free(i->own);
}

static size_t unit(const struct initiator *i attr_unused)
{
	return 1;
}

static bool is_target(const struct initiator *i attr_unused, const struct function *f attr_unused)
{
	return true;
}

static bool meet(struct initiator *i, struct peer *p, const struct function *target)
{
	void *memory = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	*p = (struct peer){ .exam = i->exam, .initiator = i->function, .target = target };
	p->name = xstrdup("engine and memory");
	p->supported = supported;
	p->map = (struct p2pmem_map){ memory, AREA };
	p->image = xcalloc(1, AREA);
	p->fact = jx_object();
	i->exam->examined++;
	i->exam->refused += !supported;
	return true;
}

static int move(const struct move *m, struct moved *r)
{
	unsigned char *peer = m->peer->map.addr + m->at.peer_at;
	unsigned char *own = m->initiator->own + m->at.own_at;
	unsigned char *from = m->way == MOVE_TO_PEER ? own : peer;
	unsigned char *to = m->way == MOVE_TO_PEER ? peer : own;
	size_t len = m->at.len;

	if (vice == CANNOT || vice == CANNOT_BE_ASKED)
		return vice == CANNOT ? -ENOTSUP : -EBADF;
	if (vice == CANNOT_ODD_LENGTHS && len % 2)
		return -ENOTSUP;
	r->bytes = len;
	if (!supported) {
		r->result = refusal;
		r->bytes = refusal ? 0 : len;
		return 0;
	}
	if (vice == FAILS) {
		r->result = -EIO;
		r->bytes = 0;
		return 0;
	}
	if (vice == MOVES_NOTHING)
		return 0;
	memcpy(to + (vice == MOVES_ELSEWHERE), from, len - (vice == MOVES_TOO_LITTLE));
	to[len] ^= vice == MOVES_TOO_MUCH;
	from[len / 2] ^= vice == SPOILS_THE_SOURCE;
	r->bytes -= vice == COUNTS_WRONG;
	return 0;
}

static char *refuse_path(const struct move *m attr_unused, const struct moved *r attr_unused,
			 char **way)
{
	if (vice == TAKES_A_WRONG_WAY)
		return xstrdup("a wrong way");
	*way = xstrdup("the way");
	return NULL;
}

static const struct initiator_kind kind = {
	.name = "test",
	.by = "device",
	.ways = { "there", "back" },
	.refusals = { -EREMOTEIO },
	.unit = unit,
	.find = find,
	.forget = forget,
	.open = open_one,
	.close = close_one,
	.is_target = is_target,
	.meet = meet,
	.cases = initiator_memory_cases,
	.move = move,
	.refuse_path = refuse_path,
};

/* --- one that has data of its own, and compares the peer's with it ---------------------------------------- */

static unsigned char data[16384];
static size_t compared;

static size_t compared_cases(const struct initiator *i attr_unused, size_t area,
			     struct move_case list[MOVE_CASES])
{
	list[0] = (struct move_case){ 256, 8, area - 512, false };
	list[1] = (struct move_case){ 512, 0, 64, true };
	return 2;
}

static bool prepare(const struct move *m, struct content *holds)
{
	compared = 0;
	*holds = (struct content){ .bytes = data + m->at.own_at };
	return true;
}

static int move_or_compare(const struct move *m, struct moved *r)
{
	unsigned char *peer = m->peer->map.addr + m->at.peer_at;

	r->bytes = m->at.len;
	if (m->way == MOVE_TO_PEER) {
		memcpy(peer, data + m->at.own_at, m->at.len);
		return 0;
	}
	assert_int_equal(m->at.own_at, 8);
	if (vice != COMPARES_NOTHING &&
	    (vice == SEES_NO_DIFFERENCE || memcmp(peer, data + m->at.own_at, m->at.len) == 0))
		compared = m->at.len;
	peer[1] ^= vice == SPOILS_THE_SOURCE;
	return 0;
}

static char *refuse(const struct move *m, const struct content *came)
{
	return came && compared != m->at.len ? xstrdup("they differ") : NULL;
}

static const struct initiator_kind comparing = {
	.name = "comparing",
	.by = "device",
	.ways = { "there", "compared" },
	.compares = true,
	.unit = unit,
	.find = find,
	.forget = forget,
	.open = open_one,
	.close = close_one,
	.is_target = is_target,
	.meet = meet,
	.cases = compared_cases,
	.prepare = prepare,
	.move = move_or_compare,
	.refuse = refuse,
	.refuse_path = refuse_path,
};

/* --- all of them ------------------------------------------------------------------------------------------- */

/* The initiator, and one other function. */
static struct platform *platform(void)
{
	struct platform *p = platform_new("live", NULL);

	assert_non_null(platform_add(p, (struct pci_addr){ 0, 3, 0, 0 }));
	assert_non_null(platform_add(p, (struct pci_addr){ 0, 4, 0, 0 }));
	platform_finish(p);
	return p;
}

#define REFUTED(kind) (1u << EVIDENCE_##kind)

/* The kinds of evidence that are refuted after all transfers. */
static unsigned int run(const struct initiator_kind *who, const char *fault,
			size_t said[NR_EVIDENCE_KINDS][NR_EVIDENCE_STATES], char **moved)
{
	autoplatform struct platform *p = platform();
	const char *const inject[] = { fault, NULL };
	struct initiator_tally tally;
	unsigned int refuted = 0;
	struct heard h;
	struct exam x;

	heard_begin(&h, NULL, p);
	h.env.inject = inject;
	x = (struct exam){ .ctx = &h.ctx, .fd = -1, .log_fd = -1, .facts = jx_array() };
	x.functions = xcalloc(2, sizeof(*x.functions));
	assert_int_equal(initiators_run(&x, who, &tally), 0);
	assert_int_equal(tally.found, 1);
	assert_int_equal(tally.used, 1);
	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++)
		refuted |= x.said[k][EVIDENCE_REFUTED] ? 1u << k : 0;
	memcpy(said, x.said, sizeof(x.said));
	assert_int_equal(json_array_size(x.facts), 1);
	*moved = xstrdup(jx_get_str(json_array_get(x.facts, 0), "moved"));
	exam_abandon(&x);
	heard_end(&h);
	return refuted;
}

static void supported_pair(void **state attr_unused)
{
	static const struct {
		enum vice vice;
		const char *fault;
		unsigned int refuted;
		const char *moved;
	} rows[] = {
		{ NONE, NULL, 0, "right" },
		{ MOVES_NOTHING, NULL, REFUTED(DATA), "wrong" },
		{ MOVES_TOO_LITTLE, NULL, REFUTED(DATA), "wrong" },
		{ MOVES_ELSEWHERE, NULL, REFUTED(DATA), "wrong" },
		{ MOVES_TOO_MUCH, NULL, REFUTED(DATA), "wrong" },
		{ SPOILS_THE_SOURCE, NULL, REFUTED(DATA), "wrong" },
		{ COUNTS_WRONG, NULL, REFUTED(COUNTERS), "unclear" },
		{ FAILS, NULL, REFUTED(DATA), "unclear" },
		{ TAKES_A_WRONG_WAY, NULL, REFUTED(PATH), "unclear" },
		{ CANNOT, NULL, 0, "unclear" },
		{ CANNOT_ODD_LENGTHS, NULL, 0, "right" },
		{ CANNOT_BE_ASKED, NULL, 0, "unclear" },
		{ NONE, "skip-copy", REFUTED(DATA), "wrong" },
		{ NONE, "corrupt-copy", REFUTED(DATA), "wrong" },
		{ NONE, "short-copy", REFUTED(DATA), "wrong" },
	};

	supported = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t said[NR_EVIDENCE_KINDS][NR_EVIDENCE_STATES];
		autofree char *moved = NULL;

		vice = rows[i].vice;
		assert_int_equal(run(&kind, rows[i].fault, said, &moved), rows[i].refuted);
		assert_string_equal(moved, rows[i].moved);
		assert_int_equal(said[EVIDENCE_DATA][EVIDENCE_PROVEN] > 0,
				 strcmp(rows[i].moved, "right") == 0);
		assert_int_equal(said[EVIDENCE_DATA][EVIDENCE_MISSING] > 0,
				 rows[i].vice == CANNOT_BE_ASKED || rows[i].vice == CANNOT);
		/* two transfers, both ways */
		if (strcmp(rows[i].moved, "right") == 0)
			assert_int_equal(said[EVIDENCE_PATH][EVIDENCE_PROVEN],
					 vice == CANNOT_ODD_LENGTHS ? 2 : 4);
	}
}

/* With the peer holding what it must find, and nothing else. */
static void compared_pair(void **state attr_unused)
{
	static const struct {
		enum vice vice;
		const char *fault;
		unsigned int refuted;
	} rows[] = {
		{ NONE, NULL, 0 },
		{ COMPARES_NOTHING, NULL, REFUTED(DATA) },
		{ SPOILS_THE_SOURCE, NULL, REFUTED(DATA) },
		/* told by the peer's memory, whatever the device says */
		{ SEES_NO_DIFFERENCE, "corrupt-copy", REFUTED(DATA) },
		{ NONE, "skip-copy", REFUTED(DATA) },
		{ NONE, "corrupt-copy", REFUTED(DATA) },
		{ NONE, "short-copy", REFUTED(DATA) },
	};

	supported = true;
	pattern_fill(data, sizeof(data), 99, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t said[NR_EVIDENCE_KINDS][NR_EVIDENCE_STATES];
		autofree char *moved = NULL;

		vice = rows[i].vice;
		assert_int_equal(run(&comparing, rows[i].fault, said, &moved), rows[i].refuted);
		assert_string_equal(moved, rows[i].refuted ? "wrong" : "right");
		/* one both ways, one only there */
		if (!rows[i].refuted)
			assert_int_equal(said[EVIDENCE_PATH][EVIDENCE_PROVEN], 3);
	}
}

static void refused_pair(void **state attr_unused)
{
	static const struct {
		int result;
		unsigned int refuted;
		const char *moved;
	} rows[] = {
		{ -EREMOTEIO, 0, "refused" },
		/* another word than the kernel's; and none */
		{ -EIO, REFUTED(ERRNO), "unclear" },
		{ 0, REFUTED(PATH) | REFUTED(DATA), "wrong" },
	};

	supported = false;
	vice = NONE;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t said[NR_EVIDENCE_KINDS][NR_EVIDENCE_STATES];
		autofree char *moved = NULL;

		refusal = rows[i].result;
		assert_int_equal(run(&kind, NULL, said, &moved), rows[i].refuted);
		assert_string_equal(moved, rows[i].moved);
		assert_int_equal(said[EVIDENCE_DATA][EVIDENCE_PROVEN], 0);
	}
}

/* An end that other bytes came to, the drive's. */
static void contents(void **state attr_unused)
{
	const struct span s = { 256, 512, 1, 2 };
	unsigned char area[1024], bytes[512];
	const struct content drive = { .bytes = bytes };
	autofree char *none = NULL, *some = NULL, *guard = NULL;

	pattern_fill(bytes, sizeof(bytes), 7, 0);
	span_fill(&s, area, sizeof(area));
	assert_null(content_refuse(area, sizeof(area), &s, NULL));
	none = content_refuse(area, sizeof(area), &s, &drive);
	assert_non_null(strstr(none, "nothing arrived"));
	memcpy(area + s.at, bytes, 300);
	some = content_refuse(area, sizeof(area), &s, &drive);
	assert_non_null(strstr(some, "from offset 0x12c on, all of these as before"));
	memcpy(area + s.at, bytes, sizeof(bytes));
	assert_null(content_refuse(area, sizeof(area), &s, &drive));
	area[255] ^= 1;
	guard = content_refuse(area, sizeof(area), &s, &drive);
	assert_non_null(strstr(guard, "guard"));
}

static void named(void **state attr_unused)
{
	static const char *const devices[] = { "nvme0n1", "0000:04:00.0", NULL };
	struct scenario_env env = { .devices = devices };

	assert_true(initiator_is_named(&env, (struct pci_addr){ .bus = 4 }));
	assert_false(initiator_is_named(&env, (struct pci_addr){ .bus = 5 }));
	env.devices = NULL;
	assert_false(initiator_is_named(&env, (struct pci_addr){ .bus = 4 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supported_pair), cmocka_unit_test(compared_pair),
		cmocka_unit_test(refused_pair),   cmocka_unit_test(contents),
		cmocka_unit_test(named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
