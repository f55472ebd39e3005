// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each change of the address space during transfers: a device that goes by it passes; one that keeps the page
 * that was there, loses what it writes, moves a byte and refuses, or refuses in another way than it must,
 * does not.
 */
#include "scenario/odp_change.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "../test.h"
#include "fake_clock.h"
#include "fake_verbs.h"
#include "scenario/ctx.h"

#define PAGES 4
#define TIME_NS (1000 * 50 * NS_PER_MS) /* the clock is asked a thousand times */

static const struct change *const changes[] = {
	&change_munmap,    &change_replace, &change_dontneed, &change_mremap,   &change_read_only,
	&change_no_access, &change_fork,    &change_punch,    &change_truncate,
};

struct bench {
	struct scenario_env env;
	struct scenario_ctx ctx;
	struct rdma_device device;
	struct trial t;
	struct race_count count;
};

static void open_bench(struct bench *b, const struct change *change, const char *const *inject)
{
	char *why = NULL;

	*b = (struct bench){
		.env = { .seed = 7, .inject = inject },
		.t = { .change = change, .leash = -1, .told = -1 },
	};
	b->ctx.env = &b->env;
	b->ctx.channel = open("/dev/null", O_WRONLY | O_CLOEXEC);
	b->device.ctx = &b->ctx;
	b->device.seed = 7;
	assert_int_equal(verbs_open(&b->device.verbs, "fake0", &why), 0);
	assert_int_equal(verbs_connect(&b->device.verbs, 0, &why), 0);
	assert_int_equal(rig_open(&b->t.r, &b->device, PAGES), 0);
	b->t.keep = calloc(1, b->t.r.len);
}

static void close_bench(struct bench *b)
{
	change_end(&b->t);
	free(b->t.keep);
	rig_close(&b->t.r);
	verbs_close(&b->device.verbs);
	close(b->ctx.channel);
	assert_int_equal(fake_verbs.regions, 0);
}

static int run(struct bench *b, const struct rig_end *end)
{
	int ret = change_set_up(&b->t, end);

	ret = ret ?: change_race(&b->t, end, clock_ns() + TIME_NS, &b->count);
	return ret ?: change_tear_down(&b->t, end);
}

static void right(attr_unused void **state)
{
	static const char *const none[] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(changes) * RIG_ENDS; i++) {
		const struct change *change = changes[i / RIG_ENDS];
		const struct race_rules *rules = &change->rules;
		struct bench b;

		fake_verbs_reset();
		open_bench(&b, change, none);
		assert_int_equal(run(&b, &rig_ends[i % RIG_ENDS]), 0);
		print_message("# %s, %s: %zu rounds, %zu met, %zu moved, %zu refused\n",
			      change->name, rig_ends[i % RIG_ENDS].name, b.count.rounds,
			      b.count.met, b.count.transfers.moved, b.count.transfers.refused);
		assert_true(race_has_met(&b.count));
		assert_true(b.count.changes >= b.count.rounds);
		assert_int_equal(b.count.transfers.moved + b.count.transfers.refused,
				 b.count.rounds * PAGES);
		assert_true(!b.count.transfers.refused || rules->no_read || rules->no_write);
		close_bench(&b);
	}
}

/* --- what must be seen -------------------------------------------------------------------------- */

static bool any(const struct change *c attr_unused, const struct rig_end *end attr_unused)
{
	return true;
}

static bool loses_or_goes(const struct change *c, const struct rig_end *end attr_unused)
{
	return c->rules.content == RACE_LOSES || c->rules.no_read;
}

static bool refuses(const struct change *c, const struct rig_end *end attr_unused)
{
	return c->rules.no_write;
}

static bool refuses_remotely(const struct change *c, const struct rig_end *end)
{
	return c->rules.no_read && !end->local;
}

static void keeps_pages(void)
{
	fake_verbs.keeps_pages = true;
}

static void never_refuses(void)
{
	fake_verbs.never_refuses = true;
}

static void refuses_otherwise(void)
{
	fake_verbs.refuses_otherwise = true;
}

static void moves_refused(void)
{
	fake_verbs.moves_refused = true;
}

static void moves_nothing(void)
{
	fake_verbs.fault = FAKE_SUCCESS;
	/* the first read after all pages have been read once */
	fake_verbs.at = fake_verbs.completions + PAGES + 1;
}

static const struct defect {
	const char *name;
	void (*spoil)(void); /* the device, from when it is connected on; NULL: it is right */
	bool (*shows)(const struct change *c, const struct rig_end *end);
	bool status; /* that is wrong, not data */
	const char *inject[2];
} defects[] = {
	{ .name = "transfers that are left out", .shows = any, .inject = { "skip-copy" } },
	{ .name = "data that is spoilt", .shows = any, .inject = { "corrupt-copy" } },
	{ .name = "a transfer that moves nothing", .spoil = moves_nothing, .shows = any },
	{ .name = "pages that are no more", .spoil = keeps_pages, .shows = loses_or_goes },
	{ .name = "success where nothing is", .spoil = never_refuses, .shows = refuses },
	{ .name = "a byte though it refuses", .spoil = moves_refused, .shows = refuses_remotely },
	{ .name = "another status",
	  .spoil = refuses_otherwise,
	  .shows = refuses_remotely,
	  .status = true },
};

static void is_seen(const struct defect *d, const struct change *change, const struct rig_end *end)
{
	struct bench b;
	int ret;

	fake_verbs_reset();
	open_bench(&b, change, d->inject);
	assert_int_equal(change_set_up(&b.t, end), 0);
	if (d->spoil)
		d->spoil();
	ret = change_race(&b.t, end, clock_ns() + TIME_NS, &b.count);
	if (ret != 1 || (d->status ? !b.t.r.wrong_status : !b.t.r.wrong_data))
		fail_msg("%s, %s, %s: %d, not seen", d->name, change->name, end->name, ret);
	close_bench(&b);
}

static void wrong(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(defects); i++)
		for (size_t k = 0; k < ARRAY_LEN(changes) * RIG_ENDS; k++)
			if (defects[i].shows(changes[k / RIG_ENDS], &rig_ends[k % RIG_ENDS]))
				is_seen(&defects[i], changes[k / RIG_ENDS],
					&rig_ends[k % RIG_ENDS]);
}

/* --- rules that no change above has ------------------------------------------------------------- */

/* What a row's apply does, to the page in the middle or to all. */
static int give_up(struct trial *t, size_t first, size_t n)
{
	return madvise(rig_pages(&t->r, t->b) + first * t->r.page, n * t->r.page, MADV_DONTNEED);
}

static int give_up_all(void *arg)
{
	return give_up(arg, 0, PAGES);
}

static int give_up_middle(void *arg)
{
	return give_up(arg, PAGES / 2, 1);
}

static int give_up_last(void *arg)
{
	return give_up(arg, PAGES - 1, 1);
}

static int do_nothing(attr_unused void *arg)
{
	return 0;
}

static int spoil(void *arg)
{
	struct trial *t = arg;

	memset(rig_pages(&t->r, t->b), 0x5a, t->r.page);
	return 0;
}

static int cannot(attr_unused void *arg)
{
	return -EIO;
}

static int is_impossible(void *arg)
{
	((struct trial *)arg)->impossible = strdup("not here");
	return 0;
}

static const struct row {
	const char *name;
	struct race_rules rules;
	int (*apply)(void *arg);
	bool writes; /* the device alone does; else it alone reads */
	bool moves_nothing;
	int ret;
	bool lost;
} rules[] = {
	{ .name = "free, kept", .rules = { .content = RACE_MAY_LOSE }, .apply = do_nothing },
	{ .name = "free, taken", .rules = { .content = RACE_MAY_LOSE }, .apply = give_up_all },
	{ .name = "free, other", .rules = { .content = RACE_MAY_LOSE }, .apply = spoil, .ret = 1 },
	{ .name = "free, written",
	  .rules = { .content = RACE_MAY_LOSE },
	  .apply = give_up_all,
	  .writes = true },
	{ .name = "one page",
	  .rules = { .content = RACE_LOSES, .one = true },
	  .apply = give_up_middle },
	{ .name = "another",
	  .rules = { .content = RACE_LOSES, .one = true },
	  .apply = give_up_last,
	  .ret = 1 },
	{ .name = "a write is lost",
	  .apply = do_nothing,
	  .writes = true,
	  .moves_nothing = true,
	  .ret = 1,
	  .lost = true },
	{ .name = "no write is", .apply = spoil, .writes = true, .ret = 1 },
	{ .name = "it cannot be made", .apply = cannot, .ret = -EIO },
	{ .name = "it cannot be made here", .apply = is_impossible },
};

static void goes_by(const struct row *row)
{
	const struct rig_end *end = &rig_ends[0];
	struct race race = {
		.end = end,
		.name = row->name,
		.rules = row->rules,
		.only = row->writes ? end->writes : end->reads,
		.apply = row->apply,
	};
	struct bench b;
	int ret;

	fake_verbs_reset();
	open_bench(&b, &change_dontneed, (const char *const[]){ NULL });
	race.r = &b.t.r;
	race.arg = &b.t;
	race.impossible = &b.t.impossible;
	assert_int_equal(change_set_up(&b.t, end), 0);
	if (row->moves_nothing)
		moves_nothing();
	ret = race_run(&race, clock_ns() + TIME_NS, &b.count);
	if (ret != row->ret || race.lost != row->lost)
		fail_msg("%s: %d, %s", row->name, ret, race.lost ? "lost" : "not lost");
	assert_true(!b.t.impossible == (b.count.rounds != 1) || ret);
	free(b.t.impossible);
	close_bench(&b);
}

static void rows(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		goes_by(&rules[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right),
		cmocka_unit_test(wrong),
		cmocka_unit_test(rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
