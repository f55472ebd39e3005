/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a captured machine so many times: seconds for each, without writing the document. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "platform/platform.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 1;
	struct rusage usage;

	for (int i = 0; i < times; i++) {
		double start = seconds();
		autofree char *why = NULL;
		autoplatform struct platform *p =
			argc > 1 ? platform_read_from(argv[1], &why) : NULL;

		if (!p) {
			fprintf(stderr, "read_platform: %s\n", why ? why : "no file");
			return 2;
		}
		printf("%.4f\n", seconds() - start);
	}
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%ld KiB at most\n", usage.ru_maxrss);
	return 0;
}
