/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd/p2pcert/progress.c: what is seen on a terminal (a pseudo terminal, whose output is rendered) and
 * elsewhere, and the time that is left.
 */
/* the commands are in no library */
#include "progress.c" // NOLINT(bugprone-suspicious-include)

#include <fcntl.h>
#include <pty.h>

#include "../test.h"
#include "base/clock.h"
#include "base/fs.h"

static const struct scenario a = { .id = "t.a" }, b = { .id = "t.b" }, c = { .id = "t.c" };
static const struct scenario *const table[] = { &a, &b, &c };

static const struct run_options abc = {
	.table = table,
	.table_len = ARRAY_LEN(table),
	.ids = (char *[]){ (char *)"t.a", (char *)"t.b", (char *)"t.c" },
	.nr_ids = 3,
	.machine = { .deadline_factor = 2.0 },
};

static struct progress at(enum progress_kind kind, unsigned int index, const char *id, int64_t s)
{
	return (struct progress){
		.kind = kind,
		.index = index,
		.total = 3,
		.round = 1,
		.rounds = 1,
		.id = id,
		.elapsed_ns = s * NS_PER_S,
		.deadline_ns = 60 * NS_PER_S,
		.outcome = OUTCOME_PASS,
	};
}

static void show(struct progress_view *v, enum progress_kind kind, unsigned int index,
		 const char *id, int64_t s)
{
	struct progress p = at(kind, index, id, s);

	progress_view_show(v, &p);
}

/* --- a terminal ---------------------------------------------------------------------------------- */

#define SCREEN_LINES 16
#define SCREEN_WIDTH 120

/* As much of a terminal as is needed: it wraps, and knows \r, \n and "erase to the end". */
struct screen {
	char lines[SCREEN_LINES][SCREEN_WIDTH + 1];
	unsigned int row, column, width;
};

static void put_char(struct screen *s, char ch)
{
	if (s->column == s->width) {
		s->row++;
		s->column = 0;
	}
	assert_true(s->row < SCREEN_LINES && s->column < SCREEN_WIDTH);
	s->lines[s->row][s->column++] = ch;
}

static void render(struct screen *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\r')
			s->column = 0;
		else if (bytes[i] == '\n')
			s->row++;
		else if (bytes[i] != '\033')
			put_char(s, bytes[i]);
		else {
			assert_true(len - i >= 3 && memcmp(bytes + i, "\033[K", 3) == 0);
			memset(s->lines[s->row] + s->column, 0, SCREEN_WIDTH - s->column);
			i += 2;
		}
	}
}

struct terminal {
	int master;
	FILE *to;
	struct screen screen;
};

static void open_terminal(struct terminal *t, unsigned short width)
{
	struct winsize size = { .ws_row = SCREEN_LINES, .ws_col = width };
	int slave;

	memset(t, 0, sizeof(*t));
	t->screen.width = width;
	assert_int_equal(openpty(&t->master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(fcntl(t->master, F_SETFL, O_NONBLOCK), 0);
	t->to = fdopen(slave, "w");
	assert_non_null(t->to);
}

static const char *line_of(struct terminal *t, unsigned int row)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(t->master, buf, sizeof(buf))) > 0)
		render(&t->screen, buf, (size_t)n);
	return t->screen.lines[row];
}

static void close_terminal(struct terminal *t)
{
	fclose(t->to);
	close(t->master);
}

static int state_setup(void **state)
{
	int r = test_dir_setup(state);

	return r ? r : setenv("P2PCERT_STATE_DIR", *state, 1) | setenv("TERM", "xterm", 1);
}

static void know(const char *id, int64_t s)
{
	autofree char *path = history_path();
	struct history *h = history_load(path);

	history_note(h, id, s * NS_PER_S, 1.0);
	assert_int_equal(history_save(h, path), 0);
	history_free(h);
}

static void drawn(void **state attr_unused)
{
	struct progress_view *v;
	struct terminal t;

	know("t.a", 10);
	know("t.b", 20);
	know("t.c", 30);
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &abc, NULL);
	show(v, PROGRESS_STARTED, 1, "t.a", 0);
	/* twice the sum, for this machine is twice as slow as that which the durations are of */
	assert_string_equal(line_of(&t, 0), "[1/3] t.a  0 s of at most 60 s, about 2 min left");
	show(v, PROGRESS_RUNNING, 1, "t.a", 15);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a  15 s of at most 60 s, about 2 min left");
	show(v, PROGRESS_ENDED, 1, "t.a", 16);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a pass");
	assert_string_equal(line_of(&t, 1), "");
	show(v, PROGRESS_STARTED, 2, "t.c", 0); /* the order is the run's */
	show(v, PROGRESS_RUNNING, 2, "t.c", 5);
	assert_string_equal(line_of(&t, 1), "[2/3] t.c  5 s of at most 60 s, about 2 min left");
	show(v, PROGRESS_ENDED, 2, "t.c", 1);
	show(v, PROGRESS_RUNNING, 3, "t.b", 5);
	assert_string_equal(line_of(&t, 2), "[3/3] t.b  5 s of at most 60 s, about 35 s left");
	show(v, PROGRESS_RUNNING, 3, "t.b", 50); /* longer than ever */
	assert_string_equal(line_of(&t, 2), "[3/3] t.b  50 s of at most 60 s");
	progress_view_free(v);
	assert_string_equal(line_of(&t, 2), "");
	assert_string_equal(line_of(&t, 1), "[2/3] t.c pass");
	close_terminal(&t);

	/* of what was learnt, and with one that never ran nothing is said */
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &abc, NULL);
	show(v, PROGRESS_RUNNING, 1, "t.a", 0);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a  0 s of at most 60 s, about 57 s left");
	show(v, PROGRESS_RUNNING, 1, "t.x", 0);
	assert_string_equal(line_of(&t, 0), "[1/3] t.x  0 s of at most 60 s");
	progress_view_free(v);
	close_terminal(&t);
}

static void narrow(void **state attr_unused)
{
	struct progress_view *v;
	struct terminal t;

	open_terminal(&t, 20);
	v = progress_view_new(t.to, false, &abc, NULL);
	show(v, PROGRESS_RUNNING, 1, "t.a", 1);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a  1 s of a");
	assert_string_equal(line_of(&t, 1), "");
	progress_view_free(v);
	assert_string_equal(line_of(&t, 0), "");
	close_terminal(&t);
}

static void rounds(void **state attr_unused)
{
	struct run_options o = abc;
	struct progress_view *v;
	struct terminal t;
	struct progress p = at(PROGRESS_RUNNING, 3, "t.c", 0);

	know("t.a", 100);
	know("t.b", 100);
	know("t.c", 100);
	o.rounds.repeat = 4;
	p.round = 2;
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &o, NULL);
	show(v, PROGRESS_ENDED, 1, "t.a", 200);
	/* the others of the second round, and two more */
	progress_view_show(v, &p);
	assert_string_equal(line_of(&t, 1),
			    "[round 2/4, 3/3] t.c  0 s of at most 60 s, about 30 min left");
	progress_view_free(v);
	close_terminal(&t);

	o.rounds.duration_ns = 7200 * NS_PER_S;
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &o, NULL);
	progress_view_show(v, &p);
	assert_string_equal(line_of(&t, 0),
			    "[round 2, 3/3] t.c  0 s of at most 60 s, about 2 h left");
	progress_view_free(v);
	close_terminal(&t);

	o.rounds =
		(struct run_rounds){ .repeat = 4, .budget_ns = 300 * NS_PER_S + 500 * NS_PER_MS };
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &o, NULL);
	progress_view_show(v, &p);
	assert_string_equal(line_of(&t, 0),
			    "[round 2/4, 3/3] t.c  0 s of at most 60 s, about 5 min left");
	progress_view_free(v);
	close_terminal(&t);
}

/* --- elsewhere ----------------------------------------------------------------------------------- */

/* What one scenario, with a reason of two lines, leaves in a file. */
static void into_file(const char *dir, bool quiet, const char *expected)
{
	autofree char *path = xasprintf("%s/err", dir);
	struct progress p = at(PROGRESS_ENDED, 1, "t.a", 3);
	FILE *to = fopen(path, "we");
	struct progress_view *v;
	autofree char *text = NULL;

	assert_non_null(to);
	v = progress_view_new(to, quiet, &abc, NULL);
	show(v, PROGRESS_STARTED, 1, "t.a", 0);
	show(v, PROGRESS_RUNNING, 1, "t.a", 1);
	p.outcome = OUTCOME_FAIL;
	p.why = "one\ntwo\033";
	progress_view_show(v, &p);
	show(v, PROGRESS_RUNNING, 2, "t.b", 1);
	progress_view_free(v);
	fclose(to);
	assert_int_equal(fs_read(AT_FDCWD, path, 1000, &text, NULL), 0);
	assert_string_equal(text, expected);
}

static void plain(void **state)
{
	into_file(*state, false, "[1/3] t.a fail: one two\\x1b\n");
	into_file(*state, true, "");
}

static void dumb(void **state attr_unused)
{
	struct terminal t;
	struct progress_view *v;

	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &abc, NULL);
	show(v, PROGRESS_RUNNING, 1, "t.a", 1);
	assert_string_equal(line_of(&t, 0), "");
	show(v, PROGRESS_ENDED, 1, "t.a", 2);
	progress_view_free(v);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a pass");
	close_terminal(&t);
}

/* Nothing of it is worth a message, let alone the run. */
static void no_state_directory(void **state)
{
	struct terminal t;
	struct progress_view *v;

	assert_int_equal(setenv("P2PCERT_STATE_DIR", "/dev/null/no", 1), 0);
	open_terminal(&t, 100);
	v = progress_view_new(t.to, false, &abc, NULL);
	show(v, PROGRESS_ENDED, 1, "t.a", 2);
	progress_view_free(v);
	assert_string_equal(line_of(&t, 0), "[1/3] t.a pass");
	assert_string_equal(line_of(&t, 1), "");
	close_terminal(&t);
	assert_int_equal(setenv("P2PCERT_STATE_DIR", *state, 1), 0);
}

#define in_state(f) cmocka_unit_test_setup_teardown(f, state_setup, test_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_state(drawn), in_state(narrow), in_state(rounds),
		in_state(plain), in_state(dumb),   in_state(no_state_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
