/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports, wherever they are: made anew from a results directory, or read from a file. */
#include "report_read.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cmd.h"
#include "report/report.h"

int report_read(const char *path, json_t **report)
{
	autofree char *why = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		r = -errno;
		log_error("cannot open '%s': %s", path, strerror(errno));
		return cmd_status_of(r);
	}
	if (S_ISDIR(st.st_mode)) {
		autoclose int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dirfd < 0) {
			r = -errno;
			log_error("cannot open '%s': %s", path, strerror(errno));
			return cmd_status_of(r);
		}
		r = report_build(dirfd, report, &why);
		if (r < 0)
			log_error("results directory '%s': %s", path, why);
	} else {
		r = report_load(path, report, &why);
		if (r < 0)
			log_error("%s", why);
	}
	return r < 0 ? cmd_status_of(r) : 0;
}
