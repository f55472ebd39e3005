// SPDX-License-Identifier: GPL-2.0-only
/* Must compile, or nothing does and no answer means anything. */
#include <linux/module.h>
#include <linux/mm.h>

int p2pcert_probe(struct page *page);

int p2pcert_probe(struct page *page)
{
	return page_to_pfn(page) ? 0 : -1;
}
