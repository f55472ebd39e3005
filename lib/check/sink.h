/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one check has reported: findings, what it could not see, and how much it has looked at. What
 * is alike but for the addresses is kept as one, with all the functions: a machine with forty ports
 * of a kind has one thing to mend, not forty.
 */
#ifndef P2PCERT_CHECK_SINK_H
#define P2PCERT_CHECK_SINK_H

#include "check/check.h"

struct check_finding {
	const struct finding *finding;
	enum severity severity;
	int *functions; /* indices, each once, those of the first case first */
	size_t nr_functions;
	size_t cases; /* so many times, alike but for the addresses */
	char *text, *next; /* of the first case; next is never NULL */
	char *alike; /* severity, text and next without the addresses */
	uint64_t hash; /* of alike */
};

struct check_gap { /* what the source did not show */
	char *text;
	int *functions; /* empty: it is the machine's */
	size_t nr_functions;
};

struct check_sink {
	const struct platform *platform;
	size_t looked;
	struct check_finding *findings; /* in the order of the first case */
	size_t nr_findings;
	struct check_gap *unseen;
	size_t nr_unseen;
};

void check_sink_release(struct check_sink *sink);

#endif
