/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes the reading of a results directory: whatever stands in the journal, there is a report or one
 * line of why not, and a report that there is prints and agrees with its own verdict.
 */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "report/pairs.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char platform[] = "{\"schema\": \"p2pcert.platform/1\"}";

/* A directory of its own for each process, made once. */
static const char *results_path(void)
{
	static char path[] = "/tmp/p2pcert-fuzz-XXXXXX";
	static bool made;

	if (!made && !mkdtemp(path))
		die(3, "cannot make a directory: %s", strerror(errno));
	made = true;
	return path;
}

static void write_file(int dirfd, const char *name, const void *data, size_t size)
{
	autoclose int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fs_write_all(fd, data, size) < 0)
		die(3, "cannot write '%s': %s", name, strerror(errno));
}

static void check_report(int dirfd, const json_t *report, const char *dir)
{
	autofree char *path = xasprintf("%s/report.json", dir);
	autojson json_t *loaded = NULL;
	autofree char *why = NULL;
	autofclose FILE *f = fopen("/dev/null", "w");

	report_print_columns(report, f, true, 80);
	report_print_pairs(report, f, true);
	if (report_publish(dirfd, report) < 0)
		die(3, "cannot publish the report");
	if (report_load(path, &loaded, &why) < 0)
		BUG("our own report is refused: %s", why);
	if (!json_equal(report, loaded))
		BUG("the report is read otherwise than it was written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = results_path();
	autoclose int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autojson json_t *report = NULL;
	autofree char *why = NULL;

	write_file(dirfd, "journal.jsonl", data, size);
	write_file(dirfd, "platform.json", platform, sizeof(platform) - 1);
	if (report_build(dirfd, &report, &why) == 0)
		check_report(dirfd, report, dir);
	else if (!why || !*why)
		BUG("refused without a word");
	return 0;
}
