// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are mapped for a consumer, see use.h. */
#include "devpriv.h"

#if DPV_SUPPORTED

#include "use.h"

int dpv_use_map(struct device *dev, struct dpv_use *u, struct page *page, unsigned int nr,
		bool write)
{
	int err = dpv_map_side(dev, &u->side, page, nr, write ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE);

	if (err)
		return err;
	u->nr = nr;
	for (unsigned int i = 0; i < nr; i++) {
		u[i].page = page + i;
		u[i].head = u;
		u[i].write = write;
	}
	return 0;
}

unsigned int dpv_use_unmap(struct device *dev, struct dpv_use *u)
{
	struct dpv_use *head = u->head;
	unsigned int nr = head->nr;

	dpv_unmap_side(dev, &head->side);
	for (unsigned int i = 0; i < nr; i++)
		if (head[i].dirty)
			set_page_dirty(head[i].page);
	memset(head, 0, nr * sizeof(*head));
	return nr;
}

#endif /* DPV_SUPPORTED */
