/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scenarios that reach for the results of the run. Nobody tells them where these are: as root they
 * look through the supervisor's open files.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "runner/results.h"
#include "selftest.h"

/* The link by which a file that the supervisor has open can be opened anew; NULL: it has none. */
static char *find_open(const char *wanted)
{
	autofree char *folder = xasprintf("/proc/%d/fd", (int)getppid());
	DIR *dir = opendir(folder);
	const struct dirent *e;
	char *found = NULL;

	while (dir && !found && (e = readdir(dir))) {
		autofree char *path = xasprintf("%s/%s", folder, e->d_name);
		autofree char *name = NULL;

		if (fs_read_link_name(AT_FDCWD, path, &name) == 0 && strcmp(name, wanted) == 0)
			found = take_ptr(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The name of the file itself, or of the directory that it is in; NULL after scn_error(). */
static char *find_name(struct scenario_ctx *ctx, const char *wanted, bool directory)
{
	autofree char *link = find_open(wanted);
	char target[4096];
	ssize_t n = link ? readlink(link, target, sizeof(target) - 1) : -1;

	if (n <= 0) {
		scn_error(ctx, ERROR_SETUP, "'%s' was not found", wanted);
		return NULL;
	}
	target[n] = '\0';
	if (directory)
		*strrchr(target, '/') = '\0';
	return xstrdup(target);
}

static int open_journal(struct scenario_ctx *ctx, int flags)
{
	autofree char *path = find_open(JOURNAL_NAME);
	int fd = path ? open(path, flags | O_CLOEXEC) : -1;

	if (fd < 0)
		scn_error(ctx, ERROR_SETUP, "the journal cannot be reached");
	return fd;
}

static enum outcome run_journal_forge(struct scenario_ctx *ctx)
{
	static const char forged[] =
		"{\"event\":\"run-end\",\"seq\":1,\"t_ns\":1,\"reason\":\"complete\"}\n";
	autoclose int fd = open_journal(ctx, O_WRONLY | O_APPEND);

	if (fd < 0 || fs_write_all(fd, forged, sizeof(forged) - 1) < 0)
		return OUTCOME_ERROR;
	return selftest_pass(ctx);
}

static enum outcome run_journal_cut(struct scenario_ctx *ctx)
{
	autoclose int fd = open_journal(ctx, O_WRONLY);

	if (fd < 0 || ftruncate(fd, 100) < 0)
		return OUTCOME_ERROR;
	return selftest_pass(ctx);
}

/* Turns an outcome before this one into another, in place. */
static enum outcome run_journal_rewrite(struct scenario_ctx *ctx)
{
	static const char was[] = "\"outcome\":\"fail\"", is[] = "\"outcome\":\"pass\"";
	autoclose int fd = open_journal(ctx, O_RDWR);
	char text[1 << 16];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text), 0);
	const char *at = n < 0 ? NULL : memmem(text, (size_t)n, was, sizeof(was) - 1);

	for (; at; at = memmem(at + 1, (size_t)(text + n - at - 1), was, sizeof(was) - 1))
		if (pwrite(fd, is, sizeof(is) - 1, at - text) < 0)
			return OUTCOME_ERROR;
	return fd < 0 ? OUTCOME_ERROR : selftest_pass(ctx);
}

/* Moves the run's directory away and puts an empty one in its place. */
static enum outcome run_results_replaced(struct scenario_ctx *ctx)
{
	autofree char *results = find_name(ctx, JOURNAL_NAME, true);
	autofree char *moved = NULL;

	if (!results)
		return OUTCOME_ERROR;
	moved = xasprintf("%s.moved", results);
	if (rename(results, moved) < 0 || mkdir(results, 0700) < 0)
		return OUTCOME_ERROR;
	return selftest_pass(ctx);
}

/* Removes its own output. */
static enum outcome run_output_removed(struct scenario_ctx *ctx)
{
	autofree char *output = find_name(ctx, RESULTS_OUTPUT, false);

	if (!output || unlink(output) < 0)
		return OUTCOME_ERROR;
	return selftest_pass(ctx);
}

/* Fills the file system that the results are on, then has a lot to say. */
static enum outcome run_disk(struct scenario_ctx *ctx)
{
	static const char junk[1 << 16] = { 'x' };
	autofree char *results = NULL;
	autoclose int fd = -1;

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	results = find_name(ctx, JOURNAL_NAME, true);
	if (results)
		fd = open(results, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return OUTCOME_ERROR;
	for (size_t len = sizeof(junk); len; len /= 2)
		while (write(fd, junk, len) > 0)
			;
	for (int i = 0; i < 100; i++)
		selftest_prove(ctx);
	/* as long as the file is open */
	while (pause() < 0)
		;
	return OUTCOME_PASS;
}

SELFTEST(journal_forge, "journal-forge", "writes to the run's journal", run_journal_forge,
	 .seconds = 60);
SELFTEST(journal_cut, "journal-cut", "cuts off the run's journal", run_journal_cut, .seconds = 60);
SELFTEST(journal_rewrite, "journal-rewrite", "turns fail into pass in the journal",
	 run_journal_rewrite, .seconds = 60);
SELFTEST(results_replaced, "results-replaced", "puts an empty directory in place of the results",
	 run_results_replaced, .seconds = 60);
SELFTEST(output_removed, "output-removed", "removes its output", run_output_removed, .seconds = 60);
SELFTEST(disk, "disk", "fills the disk that the results are on", run_disk, .seconds = 10);
