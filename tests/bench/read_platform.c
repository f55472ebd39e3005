/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a captured machine so many times, and predicts its IOMMU groups and one pair of each pair of
 * classes of its functions: the seconds of each of the three and of all, without writing the document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "p2p/between.h"
#include "p2p/isolation.h"
#include "p2p/p2p.h"
#include "platform/platform.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void predict_groups(const struct platform *p, const struct p2p_rules *rules)
{
	struct p2p_groups groups;

	p2p_groups_predict(p, rules, &groups);
	p2p_groups_release(&groups);
}

static void predict_pairs(const struct platform *p, const struct p2p_rules *rules)
{
	struct p2p_selection selection;
	struct p2p_lots lots;

	p2p_select(p, NULL, &selection);
	p2p_lots_find(p, rules, &selection, &lots);
	p2p_lots_release(&lots);
	p2p_selection_release(&selection);
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 1;
	struct rusage usage;

	for (int i = 0; i < times; i++) {
		double start = seconds(), read, grouped;
		autofree char *why = NULL;
		autoplatform struct platform *p =
			argc > 1 ? platform_read_from(argv[1], &why) : NULL;
		const struct p2p_rules *rules = p2p_rules_for(NULL);

		if (!p) {
			fprintf(stderr, "read_platform: %s\n", why ? why : "no file");
			return 2;
		}
		read = seconds();
		predict_groups(p, rules);
		grouped = seconds();
		predict_pairs(p, rules);
		printf("%.4f %.4f %.4f %.4f\n", seconds() - start, read - start, grouped - read,
		       seconds() - grouped);
	}
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%ld KiB at most\n", usage.ru_maxrss);
	return 0;
}
