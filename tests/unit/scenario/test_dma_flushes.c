// SPDX-License-Identifier: GPL-2.0-or-later
/* Which counts of flushes are those of a kernel that keeps its promises, strict and lazy. */
#include "../test.h"
#include "scenario/dma_flushes.h"

static const struct dma_flushes strict = { .pages = 16, .one = 1, .range = 1, .singly = 16 };
static const struct dma_flushes lazy = {
	.lazy = true, .pages = 16, .one = 1, .range = 1, .singly = 0, .later = 1
};

static void assert_refused(const struct dma_flushes *f, const char *words)
{
	autofree char *text = dma_refuse_flushes(f);

	assert_non_null(text);
	assert_non_null(strstr(text, words));
}

static void kept(attr_unused void **state)
{
	struct dma_flushes f = strict;
	autofree char *text = dma_flushes_text(&strict);
	autofree char *later = dma_flushes_text(&lazy);

	assert_null(dma_refuse_flushes(&strict));
	assert_null(dma_refuse_flushes(&lazy));
	/* others flush, too */
	f.singly++;
	assert_null(dma_refuse_flushes(&f));
	assert_non_null(strstr(text, "strict: unlinking 16 pages"));
	assert_non_null(strstr(later, "one by one 0 times, and what was queued 1 times"));
}

/* One thing is made wrong at a time. */
static void broken(attr_unused void **state)
{
	struct dma_flushes f = strict;

	f.range = 16;
	assert_refused(&f, "unlinking 16 pages of one range flushes 16 times");
	f = strict;
	f.singly = 15;
	assert_refused(&f, "must be 16");
	f = lazy;
	f.range = 0;
	assert_refused(&f, "unlinking 16 pages of one range flushes 0 times");
	f = lazy;
	f.singly = 16;
	assert_refused(&f, "flushes are queued");
	f = lazy;
	f.later = 0;
	assert_refused(&f, "is not flushed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests_name("scenario/dma_flushes", tests, NULL, NULL);
}
