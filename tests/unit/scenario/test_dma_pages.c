// SPDX-License-Identifier: GPL-2.0-or-later
/* How ranges come to be mapped, and which of these ways are wrong. */
#include "../test.h"
#include "scenario/dma_pages.h"

#define PAGE 4096ul
#define MAPPED P2PCERT_IOVA_PAGE_MAPPED
#define PEER (MAPPED | P2PCERT_IOVA_PAGE_P2P)
#define BUS (PEER | P2PCERT_IOVA_PAGE_BUS)

#define PAGES 3

static void assert_refused(char *text, const char *words)
{
	assert_non_null(text);
	assert_non_null(strstr(text, words));
	free(text);
}

static void kinds(attr_unused void **state)
{
	static const struct {
		struct p2pcert_iova_page page;
		bool translated;
		enum dma_kind kind;
	} rows[] = {
		{ { .dma_addr = 0x1000, .phys_addr = 0x1000 }, false, DMA_NOT_MAPPED },
		{ { .dma_addr = 0x1000, .phys_addr = 0x1000, .flags = MAPPED }, false, DMA_DIRECT },
		{ { .dma_addr = 0x9000, .phys_addr = 0x1000, .flags = MAPPED },
		  false,
		  DMA_BOUNCED },
		{ { .dma_addr = 0x9000, .phys_addr = 0x1000, .flags = MAPPED }, true, DMA_IOVA },
		{ { .dma_addr = 0x1000, .phys_addr = 0x1000, .flags = PEER }, true, DMA_IOVA },
		{ { .dma_addr = 0x1000, .phys_addr = 0x1000, .flags = BUS }, true, DMA_BUS },
		{ { .dma_addr = 0x1000, .phys_addr = 0x1000, .flags = BUS }, false, DMA_BUS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(dma_kind_name(dma_kind_of(&rows[i].page, rows[i].translated)),
				    dma_kind_name(rows[i].kind));
}

static void pages_of_a_range(attr_unused void **state)
{
	struct dma_range r = { .page = PAGE, .len = 1 };

	assert_int_equal(dma_range_pages(&r), 1);
	r.offset = PAGE - 1;
	assert_int_equal(dma_range_pages(&r), 1);
	r.len = 2;
	assert_int_equal(dma_range_pages(&r), 2);
	r.len = PAGE + 2;
	assert_int_equal(dma_range_pages(&r), 3);
}

static const struct dma_range whole = { .page = PAGE,
					.offset = 0x10,
					.len = PAGES * PAGE - 0x20,
					.translated = true,
					.iova = 0xff0010,
					.iova_size = PAGES * PAGE - 0x20 };

static const struct p2pcert_iova_page good[PAGES] = {
	{ .dma_addr = 0xff0010, .phys_addr = 0x5010, .flags = MAPPED },
	{ .dma_addr = 0xfe000000, .phys_addr = 0xfe000000, .flags = BUS },
	{ .dma_addr = 0xff2000, .phys_addr = 0x1000, .flags = MAPPED },
};

/* One thing is made wrong at a time. */
static void ranges(attr_unused void **state)
{
	struct p2pcert_iova_page pages[PAGES];
	struct dma_range r = whole;
	autofree char *text = dma_pages_text(&whole, good);

	assert_string_equal(text, "2 IOVA, 1 bus address");
	assert_null(dma_refuse_pages(&whole, good));

	memcpy(pages, good, sizeof(pages));
	pages[2].flags = 0;
	assert_refused(dma_refuse_pages(&whole, pages), "page 2 is not mapped");
	memcpy(pages, good, sizeof(pages));
	pages[2].dma_addr += PAGE;
	assert_refused(dma_refuse_pages(&whole, pages), "must be at 0xff2000");
	memcpy(pages, good, sizeof(pages));
	pages[1].flags &= ~P2PCERT_IOVA_PAGE_P2P;
	assert_refused(dma_refuse_pages(&whole, pages), "has a bus address");
	r.iova_size--;
	assert_refused(dma_refuse_pages(&r, good), "were allocated for");
	r = whole;
	r.iova -= 8;
	assert_refused(dma_refuse_pages(&r, good), "bytes into a page");
}

static void without_an_iommu(attr_unused void **state)
{
	static const struct dma_range r = { .page = PAGE, .len = PAGE };
	struct p2pcert_iova_page page = { .dma_addr = 0x8000, .phys_addr = 0x5000 };

	page.flags = MAPPED;
	assert_null(dma_refuse_pages(&r, &page));
	page.flags = PEER;
	assert_refused(dma_refuse_pages(&r, &page), "is bounced through 0x8000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(pages_of_a_range),
		cmocka_unit_test(ranges),
		cmocka_unit_test(without_an_iommu),
	};

	return cmocka_run_group_tests_name("scenario/dma_pages", tests, NULL, NULL);
}
