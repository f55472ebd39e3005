/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run at a time on one machine: two would disturb each other's modules, devices and log. The
 * lock is a file that also says whose it is, so that a run that died can be told from one that
 * ended.
 */
#ifndef P2PCERT_RUNNER_LOCK_H
#define P2PCERT_RUNNER_LOCK_H

#include "base/attr.h"

/*
 * Takes the lock, which lasts until the descriptor is closed, and writes our process id and the
 * results directory, which need not exist yet, into it. A descriptor or a negative errno; *why is
 * then the text for the user, which the caller frees.
 *
 * *died is the results directory (absolute, printable) of a run that took the lock and did not
 * release it, so that changes to the machine may be left of it; else NULL. The caller frees it.
 */
int lock_take(const char *path, const char *results, char **died, char **why) attr_must_check;

/*
 * Says that on this boot nothing is to be run any more: lock_take() gives -EHOSTDOWN, until the file
 * is gone with the reboot that is needed. It belongs below /run for that. The caller closes fd.
 */
void lock_distrust(int fd);

/* Says that the run has come to its end; the caller closes fd. */
void lock_release(int fd);

#endif
