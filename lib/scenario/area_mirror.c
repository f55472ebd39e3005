/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An area as the device sees it through its own page table, wherever the pages are and whether or not
 * they could migrate. See devmem.h.
 */
#include <string.h>

#include "base/alloc.h"
#include "scenario/devmem.h"
#include "scenario/pattern.h"

bool area_mirror(struct area *a)
{
	struct p2pcert_devpriv_mirror m = {
		.addr = (uintptr_t)a->start,
		.length = a->pages * page_size(),
	};
	int err = modfd_ioctl(a->dev->fd, P2PCERT_IOC_DEVPRIV_MIRROR, &m);

	if (err)
		scn_error(a->dev->ctx, ERROR_SETUP, "%s cannot be mirrored: %s", a->name,
			  strerror(-err));
	return !err;
}

void devmem_unmirror(struct devmem *dev)
{
	struct p2pcert_devpriv_mirror none = { 0 };
	int err = modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_MIRROR, &none);

	if (err)
		devmem_refute(dev, EVIDENCE_LEAK, "the mirror cannot be ended: %s", strerror(-err));
}

int area_access(struct area *a, unsigned long request, size_t first, size_t nr, void *buffer)
{
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(a, first),
		.length = nr * page_size(),
		.buffer = (uintptr_t)buffer,
	};
	int err = modfd_ioctl(a->dev->fd, request, &x);

	if (!err)
		err = x.result;
	return !err && x.pages != nr ? -EIO : err;
}

bool area_check_mirror(struct area *a, size_t first, size_t nr, const char *when)
{
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	int err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_READ, first, nr, buffer);

	if (!err)
		return area_check_copy(a, buffer, first, nr, when);
	devmem_refute(a->dev, EVIDENCE_DATA, "%s: the device cannot read %s: %s", a->name, when,
		      errno_text(err));
	return false;
}

bool area_write_mirror(struct area *a, size_t first, size_t nr)
{
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	uint64_t seed = area_seed(a);
	int err;

	pattern_fill(buffer, nr * page_size(), seed, first * page_size());
	err = area_access(a, P2PCERT_IOC_DEVPRIV_MIRROR_WRITE, first, nr, buffer);
	if (err)
		devmem_refute(a->dev, EVIDENCE_DATA, "%s: the device cannot write: %s", a->name,
			      errno_text(err));
	else
		area_expect(a, first, nr, seed);
	return !err;
}
