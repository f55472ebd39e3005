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
#include "selftest.h"

/* The name by which the supervisor's journal can be opened anew; NULL if it was not found. */
static char *find_journal(void)
{
	autofree char *folder = xasprintf("/proc/%d/fd", (int)getppid());
	DIR *dir = opendir(folder);
	const struct dirent *e;
	char *found = NULL;

	while (dir && !found && (e = readdir(dir))) {
		autofree char *path = xasprintf("%s/%s", folder, e->d_name);
		autofree char *name = NULL;

		if (fs_read_link_name(AT_FDCWD, path, &name) == 0 &&
		    strcmp(name, JOURNAL_NAME) == 0)
			found = take_ptr(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int open_journal(struct scenario_ctx *ctx, int flags)
{
	autofree char *path = find_journal();
	int fd = path ? open(path, flags | O_CLOEXEC) : -1;

	if (fd < 0)
		scn_error(ctx, ERROR_SETUP, "the journal cannot be reached");
	return fd;
}

/* The directory of the results, whose name the journal's path gives. */
static int open_results(struct scenario_ctx *ctx)
{
	autofree char *path = find_journal();
	char target[4096];
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;
	int fd = -1;

	if (n > 0) {
		target[n] = '\0';
		*strrchr(target, '/') = '\0';
		fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		scn_error(ctx, ERROR_SETUP, "the results cannot be reached");
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
	autofree char *path = find_journal();
	autofree char *moved = NULL;
	char target[4096];
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;

	if (n > 0) {
		target[n] = '\0';
		*strrchr(target, '/') = '\0';
		moved = xasprintf("%s.moved", target);
	}
	if (!moved || rename(target, moved) < 0 || mkdir(target, 0700) < 0) {
		scn_error(ctx, ERROR_SETUP, "the results cannot be replaced");
		return OUTCOME_ERROR;
	}
	return selftest_pass(ctx);
}

/* Fills the file system that the results are on, and keeps it full until it is ended. */
static enum outcome run_disk(struct scenario_ctx *ctx)
{
	static const char junk[1 << 16] = { 'x' };
	autoclose int results = -1;
	int fd = -1;

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	results = open_results(ctx);
	if (results >= 0)
		fd = openat(results, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return OUTCOME_ERROR;
	while (write(fd, junk, sizeof(junk)) > 0)
		;
	while (write(fd, junk, 1) > 0)
		;
	return selftest_pass(ctx);
}

SELFTEST(journal_forge, "journal-forge", "writes to the run's journal", run_journal_forge,
	 .seconds = 60);
SELFTEST(journal_cut, "journal-cut", "cuts off the run's journal", run_journal_cut, .seconds = 60);
SELFTEST(journal_rewrite, "journal-rewrite", "turns fail into pass in the journal",
	 run_journal_rewrite, .seconds = 60);
SELFTEST(results_replaced, "results-replaced", "puts an empty directory in place of the results",
	 run_results_replaced, .seconds = 60);
SELFTEST(disk, "disk", "fills the disk that the results are on", run_disk, .seconds = 60);
