/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child catches the signal, so that the kernel does not log it. */
#include "scenario/access.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

static void attr_noreturn leave(int signal)
{
	_exit(signal);
}

static void attr_noreturn touch(volatile uint64_t *at, bool write)
{
	const struct sigaction caught = { .sa_handler = leave };
	uint64_t word;

	sigaction(SIGSEGV, &caught, NULL);
	sigaction(SIGBUS, &caught, NULL);
	word = *at;
	if (write)
		*at = word;
	_exit(0);
}

int access_fate(void *at, bool write)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		touch(at, write);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}
