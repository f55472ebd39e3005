/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every unit test starts with: cmocka and the headers it wants first, and a directory of its own
 * for a test's files.
 */
#ifndef P2PCERT_TEST_H
#define P2PCERT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <unistd.h>

#include "base/attr.h"

static inline int test_remove_entry(const char *path, attr_unused const struct stat *st,
				    attr_unused int flag, attr_unused struct FTW *ftw)
{
	return remove(path);
}

/* cmocka setup and teardown: *state is the path of an empty directory, removed afterwards. */
static inline int test_dir_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/p2pcert-test-XXXXXX", tmp ? tmp : "/tmp") < 0)
		return -1;
	*state = mkdtemp(path);
	if (!*state)
		free(path);
	return *state ? 0 : -1;
}

static inline int test_dir_teardown(void **state)
{
	int r = nftw(*state, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return r;
}

#define test_in_dir(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, test_dir_teardown)

#endif
