/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a run is, for a person: on a terminal one line that is drawn anew, with the time that is
 * left as far as earlier runs on this machine tell; elsewhere one plain line per scenario.
 */
#ifndef P2PCERT_PROGRESS_H
#define P2PCERT_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "runner/past.h"
#include "runner/run.h"

struct progress_view;

/*
 * A view of the run that options (borrowed, filled but for the progress callback) asks for,
 * printed to the stream to; past (borrowed) is what it goes on with, or NULL. quiet: nothing is
 * printed, but durations are still learnt.
 */
struct progress_view *progress_view_new(FILE *to, bool quiet, const struct run_options *options,
					const struct past *past) attr_must_check;

/* The callback of run_options: progress = progress_view_show, progress_arg = the view. */
void progress_view_show(void *arg, const struct progress *p);

/* Erases the line, and keeps the durations for later runs; NULL is fine. */
void progress_view_free(struct progress_view *v);

#endif
