/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo.c: the stack of changes and its records in the journal, with kinds of change that
 * only note what is asked of them.
 */
#include "base/clock.h"
#include "test_undo_kind.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/journal.h"

struct machine {
	struct journal *journal;
	struct undo *undo;
	struct undo_env env;
	int dirfd;
};

/* --- the kinds: args {name, [look], [there], [apply], [revert]} ---------------------------------- */

static void note(const struct undo_env *env, char what, const json_t *args)
{
	autofree char *path = xasprintf("%s/calls", env->sysroot);
	autofree char *line = xasprintf("%c%s ", what, jx_get_str(args, "name"));
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	assert_int_equal(fs_write_all(fd, line, strlen(line)), 0);
}

static int errno_of(const json_t *args, const char *step, struct unmet *why)
{
	int r = (int)jx_get_int(args, step, 0);

	if (r < 0) {
		why->category = SKIP_RESOURCE_BUSY;
		why->text = xasprintf("%s refused", step);
	}
	return r;
}

static int note_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	note(env, '?', args);
	*there = jx_get_bool(args, "there", false);
	if (!*there)
		jx_set_str(args, "before", "x");
	return errno_of(args, "look", why);
}

static int note_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why)
{
	note(env, '+', args);
	*facts = jx_object();
	return errno_of(args, "apply", why);
}

static enum undo_result note_revert(const struct undo_env *env, const json_t *args, char **why)
{
	note(env, '-', args);
	if (jx_get_int(args, "revert", UNDO_UNDONE) == UNDO_FAILED)
		*why = xstrdup("stuck");
	return (enum undo_result)jx_get_int(args, "revert", UNDO_UNDONE);
}

static const struct undo_kind kinds[] = {
	{ "note", false, note_look, note_apply, note_revert, false },
	{ "other", true, note_look, note_apply, note_revert, true },
	{ UNDO_REMOVAL, true, note_look, note_apply, note_revert, false },
};

/* --- helpers ------------------------------------------------------------------------------------- */

static void begin(struct machine *m, const char *dir)
{
	*m = (struct machine){ .env = { .sysroot = dir, .timeout_ns = NS_PER_S } };
	m->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m->journal = journal_create(m->dirfd);
	assert_non_null(m->journal);
	m->undo = undo_new(m->journal, &m->env, kinds, ARRAY_LEN(kinds));
}

static void end(struct machine *m)
{
	undo_free(m->undo);
	journal_close(m->journal);
	close(m->dirfd);
}

static int apply(struct machine *m, const char *args)
{
	autojson json_t *facts = NULL;
	struct unmet why = { 0 };
	int r = undo_apply(m->undo, "note", parse_args(args), &facts, &why);

	assert_int_equal(r < 0, why.text != NULL);
	free(why.text);
	return r;
}

/* The journal so far: "+0 a" is an undo-add, "<" that it knows the state before, "!0" an undo-done. */
static void assert_journal(struct machine *m, const char *expected)
{
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	autofree char *got = xstrdup("");
	const json_t *record;
	bool torn;
	size_t i;

	assert_int_equal(journal_read(m->dirfd, &records, &torn, &why), 0);
	json_array_foreach (records, i, record) {
		const json_t *args = json_object_get(record, "args");
		autofree char *before = take_ptr(got);
		int number = (int)jx_get_int(record, "undo", -1);

		if (args)
			got = xasprintf("%s+%d %s%s ", before, number, jx_get_str(args, "name"),
					jx_get_str(args, "before") ? "<" : "");
		else
			got = xasprintf("%s!%d %s ", before, number, jx_get_str(record, "result"));
	}
	assert_string_equal(got, expected);
}

static json_t *records_of(const char *text)
{
	json_t *records = json_loads(text, 0, NULL);

	assert_non_null(records);
	return records;
}

#define ADD(number, name) \
	"{\"event\":\"undo-add\",\"undo\":" #number \
	",\"kind\":\"note\",\"args\":{\"name\":\"" name "\"}}"
#define LASTING(number, name) \
	"{\"event\":\"undo-add\",\"undo\":" #number \
	",\"kind\":\"other\",\"args\":{\"name\":\"" name "\"}}"
#define DONE(number, result) \
	"{\"event\":\"undo-done\",\"undo\":" #number ",\"result\":\"" result "\"}"

/* --- tests --------------------------------------------------------------------------------------- */

static void in_order(void **state)
{
	struct machine m;

	begin(&m, *state);
	assert_int_equal(apply(&m, "{\"name\":\"a\"}"), 0);
	assert_int_equal(undo_depth(m.undo), 1);
	assert_int_equal(apply(&m, "{\"name\":\"b\"}"), 0);
	assert_int_equal(apply(&m, "{\"name\":\"c\"}"), 0);
	assert_int_equal(undo_down_to(m.undo, 1), 0);
	assert_int_equal(undo_depth(m.undo), 1);
	assert_text(*state, "/calls", "?a +a ?b +b ?c +c -c -b ");
	assert_int_equal(undo_down_to(m.undo, 1), 0);
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_int_equal(undo_depth(m.undo), 0);
	assert_text(*state, "/calls", "?a +a ?b +b ?c +c -c -b -a ");
	assert_journal(&m, "+0 a< +1 b< +2 c< !2 undone !1 undone !0 undone ");
	end(&m);
}

/* Nothing to undo, nothing in the journal; but it is still seen to be right. */
static void there_already(void **state)
{
	struct machine m;

	begin(&m, *state);
	assert_int_equal(apply(&m, "{\"name\":\"a\",\"there\":true}"), 0);
	assert_int_equal(apply(&m, "{\"name\":\"b\",\"there\":true,\"apply\":-5}"), -5);
	assert_int_equal(apply(&m, "{\"name\":\"c\",\"look\":-16}"), -16);
	assert_int_equal(undo_depth(m.undo), 0);
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_text(*state, "/calls", "?a +a ?b +b ?c ");
	assert_journal(&m, "");
	end(&m);
}

static void failed_apply_is_reverted(void **state)
{
	struct machine m;

	begin(&m, *state);
	assert_int_equal(apply(&m, "{\"name\":\"a\",\"apply\":-12}"), -12);
	assert_int_equal(undo_depth(m.undo), 0);
	assert_int_equal(apply(&m, "{\"name\":\"b\",\"apply\":-12,\"revert\":1}"), -12);
	assert_text(*state, "/calls", "?a +a -a ?b +b -b ");
	assert_journal(&m, "+0 a< !0 undone +1 b< !1 gone ");
	end(&m);
}

/* What could not be undone counts, is not tried twice, and keeps nothing else from being undone. */
static void failed_revert_is_final(void **state)
{
	struct machine m;

	begin(&m, *state);
	assert_int_equal(apply(&m, "{\"name\":\"a\"}"), 0);
	assert_int_equal(apply(&m, "{\"name\":\"b\",\"revert\":2}"), 0);
	assert_int_equal(apply(&m, "{\"name\":\"c\",\"apply\":-12,\"revert\":2}"), -12);
	assert_int_equal(undo_depth(m.undo), 3);
	assert_int_equal(undo_down_to(m.undo, 0), 2);
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_text(*state, "/calls", "?a +a ?b +b ?c +c -c -b -a ");
	assert_journal(&m, "+0 a< +1 b< +2 c< !2 failed !1 failed !0 undone ");
	end(&m);
}

/* A change that the journal could not take is not made. */
static void no_journal_no_change(void **state)
{
	struct rlimit limit, tight;
	struct unmet why = { 0 };
	json_t *facts = NULL;
	struct machine m;
	int r;

	begin(&m, *state);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	tight = (struct rlimit){ .rlim_cur = 16, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	r = undo_apply(m.undo, "note", parse_args("{\"name\":\"a\"}"), &facts, &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(why.text, "journal cannot be written"));
	free(why.text);
	assert_null(facts);
	assert_int_equal(undo_depth(m.undo), 0);
	assert_text(*state, "/calls", "?a ");
	end(&m);
}

static void adopted(void **state)
{
	autojson json_t *records = records_of(
		"[" ADD(0, "a") "," ADD(3, "b") "," DONE(3, "gone") "," ADD(4, "c") "," DONE(
			4, "failed") "," ADD(5, "d") "," DONE(5, "failed") "," DONE(5,
										    "undone") "]");
	struct machine m;

	begin(&m, *state);
	assert_int_equal(undo_adopt(m.undo, records), 0);
	assert_int_equal(undo_depth(m.undo), 2);
	/* numbers go on from there */
	assert_int_equal(apply(&m, "{\"name\":\"e\"}"), 0);
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_text(*state, "/calls", "?e +e -e -c -a ");
	assert_journal(&m, "+6 e< !6 undone !4 undone !0 undone ");
	end(&m);
}

static void adopted_of_another_version(void **state)
{
	autojson json_t *records = records_of("[" ADD(
		0, "a") ",{\"event\":\"undo-add\",\"undo\":1,\"kind\":\"flux\",\"args\":{}}]");
	autojson json_t *done = NULL;
	autofree char *why = NULL;
	struct machine m;
	bool torn;

	begin(&m, *state);
	assert_int_equal(undo_adopt(m.undo, records), 0);
	assert_int_equal(undo_down_to(m.undo, 0), 1);
	assert_text(*state, "/calls", "-a ");
	assert_journal(&m, "!1 failed !0 undone ");
	assert_int_equal(journal_read(m.dirfd, &done, &torn, &why), 0);
	assert_string_equal(jx_get_str(json_array_get(done, 0), "text"),
			    "not known to this version");
	end(&m);
}

static void adopted_nonsense(void **state)
{
	static const char *const rows[] = {
		"{}",
		"[7]",
		"[{}]",
		"[{\"event\":\"undo-add\",\"undo\":0}]",
		"[{\"event\":\"undo-add\",\"undo\":0,\"kind\":\"note\",\"args\":[]}]",
		"[{\"event\":\"undo-add\",\"undo\":-1,\"kind\":\"note\",\"args\":{}}]",
		"[{\"event\":\"undo-add\",\"undo\":2147483648,\"kind\":\"note\",\"args\":{}}]",
		"[{\"event\":\"undo\",\"undo\":0,\"kind\":\"note\",\"args\":{}}]",
		"[" ADD(0, "a") "," ADD(0, "b") "]",
		"[" ADD(1, "a") "," ADD(0, "b") "]",
		"[" DONE(0, "undone") "]",
		"[" ADD(0, "a") "," DONE(1, "undone") "]",
		"[" ADD(0, "a") "," DONE(0, "perhaps") "]",
		"[" ADD(0, "a") ",{\"event\":\"undo-done\",\"undo\":0}]",
		"[" ADD(0, "a") "," DONE(0, "undone") "," DONE(0, "undone") "]",
		"[" ADD(0, "a") "," DONE(0, "gone") "," DONE(0, "failed") "]",
	};
	struct machine m;

	begin(&m, *state);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autojson json_t *records = records_of(rows[i]);

		assert_int_equal(undo_adopt(m.undo, records), -EINVAL);
		assert_int_equal(undo_depth(m.undo), 0);
	}
	/* nor on top of changes of one's own */
	assert_int_equal(apply(&m, "{\"name\":\"a\"}"), 0);
	{
		autojson json_t *records = records_of("[" ADD(7, "b") "]");

		assert_int_equal(undo_adopt(m.undo, records), -EINVAL);
	}
	assert_int_equal(undo_depth(m.undo), 1);
	end(&m);
}

static void forgotten(void **state)
{
	autojson json_t *records =
		records_of("[" ADD(0, "a") "," LASTING(1, "c") "," ADD(2, "b") "]");
	struct machine m;

	begin(&m, *state);
	assert_int_equal(undo_adopt(m.undo, records), 0);
	undo_forget(m.undo, "booted anew");
	assert_int_equal(undo_depth(m.undo), 1);
	assert_journal(&m, "!2 gone !0 gone ");
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_journal(&m, "!2 gone !0 gone !1 undone ");
	end(&m);
}

/* What this process has removed or brought back, and that alone. */
static void functions_moved(void **state)
{
	const struct pci_addr moved = { .bus = 3 }, other = { .bus = 4 };
	autojson json_t *records =
		records_of("[{\"event\":\"undo-add\",\"undo\":0,\"kind\":\"" UNDO_REMOVAL "\","
			   "\"args\":{\"name\":\"x\",\"address\":\"0000:04:00.0\"}},"
			   "{\"event\":\"undo-add\",\"undo\":1,\"kind\":\"" UNDO_REMOVAL "\","
			   "\"args\":{\"name\":\"no address\"}}]");
	autojson json_t *facts = NULL;
	struct unmet why = { 0 };
	struct machine m;

	begin(&m, *state);
	assert_int_equal(undo_adopt(m.undo, records), 0);
	assert_false(undo_has_moved(m.undo, other));
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_true(undo_has_moved(m.undo, other));
	undo_forget_moved(m.undo);
	assert_false(undo_has_moved(m.undo, other));

	assert_int_equal(undo_apply(m.undo, UNDO_REMOVAL,
				    parse_args("{\"name\":\"a\",\"address\":\"0000:03:00.0\"}"),
				    &facts, &why),
			 0);
	assert_true(undo_has_moved(m.undo, moved));
	assert_false(undo_has_moved(m.undo, other));
	undo_forget_moved(m.undo);
	/* another kind moves nothing */
	assert_int_equal(apply(&m, "{\"name\":\"b\",\"address\":\"0000:04:00.0\"}"), 0);
	assert_int_equal(undo_down_to(m.undo, 0), 0);
	assert_true(undo_has_moved(m.undo, moved));
	assert_false(undo_has_moved(m.undo, other));
	end(&m);
}

static bool is_unsafe(const char *name)
{
	return kind_named(name)->unsafe;
}

/* What a scenario that is not unsafe can ask for is decided by this. */
static void table(void **state attr_unused)
{
	assert_int_equal(undo_kinds_len, 12);
	for (size_t i = 0; i < undo_kinds_len; i++) {
		assert_non_null(undo_kinds[i].look);
		assert_non_null(undo_kinds[i].apply);
		assert_non_null(undo_kinds[i].revert);
	}
	assert_true(is_unsafe("driver-override"));
	assert_true(is_unsafe("pci-config"));
	assert_true(is_unsafe(UNDO_REMOVAL));
	assert_true(is_unsafe("iommu-group-type"));
	assert_true(is_unsafe("disk-range"));
	assert_true(is_unsafe("bar-range"));
	for (size_t i = 0; i < undo_kinds_len; i++)
		assert_int_equal(undo_kinds[i].outlives_boot,
				 strcmp(undo_kinds[i].name, "disk-range") == 0);
	assert_false(is_unsafe("sysctl"));
	assert_false(is_unsafe("module"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(functions_moved),
		test_in_dir(in_order),
		test_in_dir(there_already),
		test_in_dir(failed_apply_is_reverted),
		test_in_dir(failed_revert_is_final),
		test_in_dir(no_journal_no_change),
		test_in_dir(adopted),
		test_in_dir(adopted_of_another_version),
		test_in_dir(adopted_nonsense),
		test_in_dir(forgotten),
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests_name("runner/undo", tests, NULL, NULL);
}
