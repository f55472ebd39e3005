// SPDX-License-Identifier: GPL-2.0-or-later
/* Holding pages by system calls, and files without a name, as far as it goes without any device. */
#include "../test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/devfile.h"
#include "scenario/devpin.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define PAGES 4
#define SEED 77

static unsigned char *pages_new(void)
{
	unsigned char *p = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	pattern_fill(p, PAGES * page_size(), SEED, 0);
	return p;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The pipe refers to the pages themselves: what is written to them later comes out of it. */
static void a_pipe_holds_pages(void **state attr_unused)
{
	unsigned char *p = pages_new(), first;
	struct devpin pin;

	assert_int_equal(devpin_kinds[0].take(&pin, p, PAGES * page_size()), 0);
	assert_int_equal(fcntl(pin.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	p[0] ^= 0xff;
	assert_int_equal(read(pin.fd, &first, 1), 1);
	assert_int_equal(first, p[0]);
	devpin_release(&pin);
	assert_false(is_open(pin.fd));
	assert_false(is_open(pin.other));
	munmap(p, PAGES * page_size());
}

/* No kind leaves anything open after an address that has no page: behind the end of a file. */
static void nothing_to_hold(void **state attr_unused)
{
	int file = memfd_create("empty", MFD_CLOEXEC);
	unsigned char *p =
		mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_ptr_not_equal(p, MAP_FAILED);
	close(lowest);
	for (size_t i = 0; i < devpin_kinds_len; i++) {
		struct devpin pin;
		int again;

		assert_true(devpin_kinds[i].take(&pin, p, PAGES * page_size()) < 0);
		again = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(again, lowest);
		close(again);
	}
	munmap(p, PAGES * page_size());
	close(file);
}

static void a_file_holds_a_pattern(void **state attr_unused)
{
	autoclose int fd = devfile_open(true);
	const size_t len = PAGES * page_size();
	autofree unsigned char *buffer = xcalloc(1, len);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_true(devfile_fill(NULL, fd, len, SEED));
	assert_true(devfile_read(NULL, fd, buffer, len));
	assert_true(pattern_verify(buffer, len, SEED, 0, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_holds_pages),
		cmocka_unit_test(nothing_to_hold),
		cmocka_unit_test(a_file_holds_a_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
