/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals and children of the process that supervises a run. */
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "base/log.h"
#include "runner/state.h"

int process_take(struct process *p)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	sigset_t watched;

	sigemptyset(&watched);
	sigaddset(&watched, SIGCHLD);
	sigaddset(&watched, SIGINT);
	sigaddset(&watched, SIGTERM);
	sigaddset(&watched, SIGHUP);
	sigprocmask(SIG_BLOCK, &watched, &p->old_mask);
	p->signal_fd = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
	/* Ignored by who started us, children would be reaped behind our back. */
	sigaction(SIGCHLD, &usual, &p->old_chld);
	/* A full disk or a closed pipe is an error where it happens, not the end. */
	sigaction(SIGPIPE, &ignored, &p->old_pipe);
	sigaction(SIGXFSZ, &ignored, &p->old_xfsz);
	prctl(PR_GET_CHILD_SUBREAPER, &p->old_subreaper);
	if (p->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		log_error("cannot watch signals and children: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

int process_signal(const struct process *p)
{
	struct signalfd_siginfo info;
	int last = 0;

	while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			last = (int)info.ssi_signo;
	return last;
}

/* Signals that came while the run was ending have had what they want: they must not strike after. */
void process_give_back(struct process *p)
{
	if (p->signal_fd >= 0) {
		process_signal(p);
		close(p->signal_fd);
	}
	prctl(PR_SET_CHILD_SUBREAPER, p->old_subreaper);
	sigaction(SIGCHLD, &p->old_chld, NULL);
	sigaction(SIGPIPE, &p->old_pipe, NULL);
	sigaction(SIGXFSZ, &p->old_xfsz, NULL);
	sigprocmask(SIG_SETMASK, &p->old_mask, NULL);
}
