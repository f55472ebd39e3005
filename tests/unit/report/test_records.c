/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events a journal can hold, and that each of them is in one of the kept journals. */
#include "report/records.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/journal.h"
#include "base/jx.h"

#include "../test.h"

/* Those of base/journal.h. */
static const char *const events[] = {
	"run-start", "resume",    "platform",       "features",     "errata",   "undo-add",
	"undo-done", "module",    "scenario-start", "device",       "evidence", "measurement",
	"why",       "skip",      "error",          "finding",      "facts",    "file",
	"outcome",   "taint-set", "kernel-log",     "scenario-end", "run-end",
};

static void known(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (!record_fields(events[i]))
			fail_msg("'%s' is not known", events[i]);
	assert_null(record_fields("frobnicate"));
	assert_null(record_fields(""));
}

/* Notes the events of a journal; what is damaged has others to look at it. */
static void note_events(const char *path, json_t *seen)
{
	autoclose int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autojson json_t *records = NULL;
	autofree char *why = NULL;
	const json_t *record;
	bool torn;
	size_t i;

	if (dirfd < 0 || journal_read(dirfd, &records, &torn, &why) < 0)
		return;
	json_array_foreach (records, i, record) {
		const char *event = jx_get_str(record, "event");

		if (!record_fields(event))
			fail_msg("%s: '%s' is not known", path, event);
		jx_set_bool(seen, event, true);
	}
}

static void each_is_in_a_kept_journal(attr_unused void **state)
{
	autofree char *path = xasprintf("%s/report", getenv("P2PCERT_TEST_DATA"));
	autojson json_t *seen = jx_object();
	DIR *dir = opendir(path);
	const struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		autofree char *results = xasprintf("%s/%s", path, e->d_name);

		note_events(results, seen);
	}
	closedir(dir);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (!json_object_get(seen, events[i]))
			fail_msg("'%s' is in none of them", events[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(each_is_in_a_kept_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
