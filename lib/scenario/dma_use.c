/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Areas of memory that are mapped for an engine, used by it and checked. See dma_rig.h. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/dma_rig.h"
#include "scenario/pattern.h"

#define TIMEOUT_MS 30000
#define ACCESS_MAX (64u * 1024)

/* --- memory ----------------------------------------------------------------------------------- */

int dma_area_begin(struct dma_area *a, size_t pages)
{
	*a = (struct dma_area){ .len = pages * page_size() };
	a->addr = mmap(NULL, a->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->addr == MAP_FAILED)
		return -errno;
	a->known = xcalloc(1, a->len);
	return 0;
}

int dma_area_begin_of(struct dma_area *a, const char *sysroot, const struct function *const *owners,
		      size_t pages)
{
	size_t page = page_size();
	int err = dma_area_begin(a, pages);

	if (err)
		return err;
	for (size_t i = 0; i < pages && !err; i++)
		if (owners[i])
			err = p2pmem_map_at(sysroot, owners[i]->addr, a->addr + i * page, page);
	if (err)
		dma_area_end(a);
	return err;
}

void dma_area_end(struct dma_area *a)
{
	munmap(a->addr, a->len);
	free(a->known);
	*a = (struct dma_area){ 0 };
}

void dma_area_fill(struct dma_area *a, uint64_t seed)
{
	pattern_fill(a->known, a->len, seed, 0);
	p2pmem_write(a->addr, a->known, a->len);
}

char *dma_area_refuse(const struct dma_area *a)
{
	autofree unsigned char *image = xcalloc(1, a->len);
	size_t wrong = 0, first = 0;

	p2pmem_read(image, a->addr, a->len);
	for (size_t i = a->len; i-- > 0;) {
		if (image[i] == a->known[i])
			continue;
		wrong++;
		first = i;
	}
	if (!wrong)
		return NULL;
	return xasprintf(
		"%zu of %zu bytes are wrong, the first is byte %zu: 0x%02x, must be 0x%02x", wrong,
		a->len, first, image[first], a->known[first]);
}

/* --- a mapping -------------------------------------------------------------------------------- */

static int look_at_pages(struct dma_rig *r, struct dma_mapping *m, uint64_t *invalidated)
{
	struct p2pcert_iova_pages p = {
		.nr = (uint32_t)dma_range_pages(&m->range),
		.buffer = (uintptr_t)m->pages,
	};
	int err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_PAGES, &p);

	if (invalidated)
		*invalidated = p.invalidated;
	return err;
}

int dma_map(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
	    struct dma_mapping *m)
{
	int err;

	*m = (struct dma_mapping){
		.range = { .page = page_size(), .offset = w->offset % page_size(), .len = w->len },
		.said = { .addr = (uintptr_t)(a->addr + w->offset),
			  .length = w->len,
			  .method = w->method,
			  .flags = w->flags,
			  .fail_at = w->fail_at },
	};
	err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_MAP, &m->said);
	if (err || m->said.result)
		return err ? err : m->said.result;
	m->range.translated = r->translated || m->said.iova;
	m->range.iova = m->said.iova;
	m->range.iova_size = m->said.iova_size;
	m->pages = xcalloc(dma_range_pages(&m->range), sizeof(*m->pages));
	err = look_at_pages(r, m, NULL);
	if (err)
		dma_unmap(r, m, NULL);
	return err;
}

void dma_unmap(struct dma_rig *r, struct dma_mapping *m, uint64_t *ns)
{
	uint64_t took = 0;
	int err = modfd_ioctl(r->fd, P2PCERT_IOC_IOVA_UNMAP, &took);

	if (err)
		dma_refute(r, EVIDENCE_LEAK, "what is mapped cannot be unmapped: %s",
			   errno_text(err));
	if (ns)
		*ns = took;
	free(m->pages);
	m->pages = NULL;
}

int dma_look(struct dma_rig *r, struct dma_mapping *m, uint64_t *invalidated)
{
	return look_at_pages(r, m, invalidated);
}

int dma_access(struct dma_rig *r, size_t offset, void *data, size_t len, bool write)
{
	for (size_t done = 0; done < len;) {
		size_t part = len - done < ACCESS_MAX ? len - done : ACCESS_MAX;
		struct p2pcert_iova_access a = {
			.offset = offset + done,
			.length = part,
			.buffer = (uintptr_t)data + done,
			.timeout_ms = TIMEOUT_MS,
		};
		int err = modfd_ioctl(r->fd, write ? P2PCERT_IOC_IOVA_WRITE : P2PCERT_IOC_IOVA_READ,
				      &a);

		if (err || a.result)
			return err ? err : a.result;
		done += part;
	}
	return 0;
}

bool dma_bounces(struct dma_rig *r, const struct dma_area *a)
{
	struct dma_want w = { .method = P2PCERT_IOVA_BY_PAGE, .len = page_size() };
	struct dma_mapping m;
	bool bounced;

	if (dma_map(r, a, &w, &m) < 0)
		return false;
	bounced = dma_kind_of(&m.pages[0], m.range.translated) == DMA_BOUNCED;
	dma_unmap(r, &m, NULL);
	return bounced;
}

bool dma_read(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w)
{
	autofree unsigned char *data = xcalloc(1, w->len);
	int err = dma_access(r, 0, data, w->len, false);

	if (err) {
		dma_refute(r, EVIDENCE_DATA, "%s: the engine cannot read what is mapped: %s",
			   w->name, errno_text(err));
		return false;
	}
	for (size_t i = 0; i < w->len; i++) {
		if (data[i] == a->known[w->offset + i])
			continue;
		dma_refute(r, EVIDENCE_DATA,
			   "%s: the engine reads 0x%02x as byte %zu, must be 0x%02x", w->name,
			   data[i], i, a->known[w->offset + i]);
		return false;
	}
	return true;
}

bool dma_write(struct dma_rig *r, struct dma_area *a, const struct dma_want *w)
{
	autofree unsigned char *data = xcalloc(1, w->len);
	int err;

	pattern_fill(data, w->len, dma_seed(r), 0);
	memcpy(a->known + w->offset, data, w->len);
	err = dma_access(r, 0, data, w->len, true);
	if (err)
		dma_refute(r, EVIDENCE_DATA, "%s: the engine cannot write what is mapped: %s",
			   w->name, errno_text(err));
	return !err;
}

bool dma_judge_path(struct dma_rig *r, const struct dma_want *w, const struct dma_mapping *m)
{
	autofree char *wrong = dma_refuse_pages(&m->range, m->pages);

	if (wrong)
		dma_refute(r, EVIDENCE_PATH, "%s: %s", w->name, wrong);
	return !wrong;
}

bool dma_exercise(struct dma_rig *r, struct dma_area *a, const struct dma_want *w,
		  bool (*between)(struct dma_rig *r, struct dma_mapping *m), int *err)
{
	autofree char *wrong = NULL, *how = NULL;
	struct dma_mapping m;
	bool good;

	dma_area_fill(a, dma_seed(r));
	*err = dma_map(r, a, w, &m);
	if (*err)
		return false;
	how = dma_pages_text(&m.range, m.pages);
	good = dma_judge_path(r, w, &m);
	good &= dma_read(r, a, w);
	if (between)
		good &= between(r, &m);
	good &= dma_write(r, a, w);
	dma_unmap(r, &m, NULL);
	wrong = dma_area_refuse(a);
	if (wrong)
		dma_refute(r, EVIDENCE_DATA, "%s: after the engine has written: %s", w->name,
			   wrong);
	if (!good || wrong)
		return false;
	dma_prove(r, EVIDENCE_DATA, "%s: %zu bytes right, read and written", w->name, w->len);
	dma_prove(r, EVIDENCE_PATH, "%s: %s; pieces: %u", w->name, how, m.said.links);
	return true;
}
