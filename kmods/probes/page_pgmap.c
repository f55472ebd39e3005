// SPDX-License-Identifier: GPL-2.0-only
/* The pagemap of a device page is found through its folio. */
#include <linux/mm.h>
#include <linux/memremap.h>

struct dev_pagemap *p2pcert_probe(const struct page *page);

struct dev_pagemap *p2pcert_probe(const struct page *page)
{
	return page_pgmap(page);
}
