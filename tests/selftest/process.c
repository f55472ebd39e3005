/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios that die, hang, use up what a process can have, or leave others behind. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "selftest.h"

/* A sanitizer would make an exit of it. */
static void die_of(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
}

static enum outcome run_segv(struct scenario_ctx *ctx)
{
	die_of(SIGSEGV);
	return selftest_pass(ctx);
}

static enum outcome run_abort(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	die_of(SIGABRT);
	return OUTCOME_PASS;
}

static enum outcome run_exit(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	_exit(7);
}

static enum outcome run_hang(struct scenario_ctx *ctx)
{
	selftest_prove(ctx);
	while (pause() < 0)
		;
	return OUTCOME_PASS;
}

static enum outcome run_deaf(struct scenario_ctx *ctx)
{
	signal(SIGTERM, SIG_IGN);
	return run_hang(ctx);
}

/* A process in a session of its own that holds nothing of this one's open, as daemon(3) makes it. */
static enum outcome run_daemon(struct scenario_ctx *ctx)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return OUTCOME_ERROR;
	pid = fork();
	if (pid == 0) {
		setsid();
		if (fork())
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (write(ready[1], "", 1) < 0)
			_exit(1);
		closefrom(0);
		for (;;)
			pause();
	}
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		return OUTCOME_ERROR;
	return selftest_pass(ctx);
}

/* Takes memory until there is no more, and uses all of it. */
static enum outcome run_memory(struct scenario_ctx *ctx)
{
	const size_t step = 16u << 20;

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	selftest_prove(ctx);
	for (;;) {
		char *p = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);

		if (p == MAP_FAILED) {
			scn_error(ctx, ERROR_SETUP, "mmap: %s", strerror(errno));
			return OUTCOME_ERROR;
		}
		memset(p, 0x5a, step);
	}
}

static enum outcome run_descriptors(struct scenario_ctx *ctx)
{
	while (dup(STDIN_FILENO) >= 0)
		;
	scn_why(ctx, "dup: %s", strerror(errno));
	return selftest_pass(ctx);
}

/* More than a scenario may write to one file: SIGXFSZ. */
static enum outcome run_file_size(struct scenario_ctx *ctx)
{
	autoclose int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)1 << 40) < 0) {
		scn_error(ctx, ERROR_SETUP, "a large file in '/tmp': %s", strerror(errno));
		return OUTCOME_ERROR;
	}
	return selftest_pass(ctx);
}

SELFTEST(segv, "segv", "dies of SIGSEGV", run_segv, .seconds = 60);
SELFTEST(abort, "abort", "dies of SIGABRT", run_abort, .seconds = 60);
SELFTEST(exit, "exit", "exits without an outcome", run_exit, .seconds = 60);
SELFTEST(hang, "hang", "does not end by itself", run_hang, .seconds = 1);
SELFTEST(deaf, "deaf", "does not end on SIGTERM either", run_deaf, .seconds = 1);
SELFTEST(daemon, "daemon", "leaves a daemon", run_daemon, .seconds = 60);
SELFTEST(memory, "memory", "uses up the memory", run_memory, .seconds = 300);
SELFTEST(descriptors, "descriptors", "uses up its file descriptors", run_descriptors,
	 .seconds = 60);
SELFTEST(file_size, "file-size", "makes a file that is too large", run_file_size, .seconds = 60);
