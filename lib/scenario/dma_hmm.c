/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dma.hmm-map: memory is mapped for an engine without being pinned, as on-demand paging does it, and the
 * page table changes under the mapping. What has gone is mapped no more, and nothing else; what has come
 * instead is found when it is used. What the engine has written outlives the mapping.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/dma_rig.h"
#include "scenario/pattern.h"

#define PAGES 4
/* Of these pages: one is given back, one becomes another. */
#define GIVEN_BACK 1
#define REPLACED 2

static const struct dma_want whole = { .name = "unpinned", .method = P2PCERT_IOVA_BY_HMM };

static bool is_changed(size_t i)
{
	return i == GIVEN_BACK || i == REPLACED;
}

/* --- the page table changes ------------------------------------------------------------------- */

/* 0 or a negative errno; both pages are then known to be zero. */
static int change(struct dma_area *a)
{
	size_t page = page_size();
	unsigned char *replaced = a->addr + REPLACED * page;

	if (madvise(a->addr + GIVEN_BACK * page, page, MADV_DONTNEED) < 0)
		return -errno;
	if (mmap(replaced, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return -errno;
	memset(a->known + GIVEN_BACK * page, 0, page);
	memset(a->known + REPLACED * page, 0, page);
	return 0;
}

/* What is wrong with the pages after the change; NULL if nothing. The caller frees it. */
static char *refuse_change(const struct p2pcert_iova_page *before,
			   const struct p2pcert_iova_page *after, uint64_t invalidated)
{
	size_t gone = 0;

	for (size_t i = 0; i < PAGES; i++) {
		bool mapped = after[i].flags & P2PCERT_IOVA_PAGE_MAPPED;

		if (mapped == is_changed(i))
			return xasprintf("page %zu %s mapped", i,
					 mapped ? "has gone, and is still"
						: "is there, and no more");
		if (mapped && after[i].dma_addr != before[i].dma_addr)
			return xasprintf("page %zu has another address than before", i);
		gone += is_changed(i);
	}
	if (invalidated != gone)
		return xasprintf("%" PRIu64 " pages were unmapped, must be %zu", invalidated, gone);
	return NULL;
}

/* What is wrong with the flags of pages that were just found; NULL if nothing. */
static char *refuse_flags(const struct p2pcert_iova_page *pages)
{
	const uint32_t must = P2PCERT_IOVA_PAGE_MAPPED | P2PCERT_IOVA_PAGE_WRITE;

	for (size_t i = 0; i < PAGES; i++)
		if (pages[i].flags != must)
			return xasprintf("page %zu has flags 0x%x, must have 0x%x%s", i,
					 pages[i].flags, must,
					 pages[i].flags & P2PCERT_IOVA_PAGE_FORGOTTEN
						 ? ": hmm_range_fault() forgot that it was mapped"
						 : "");
	return NULL;
}

static bool judge(struct dma_rig *r, enum evidence_kind kind, const char *when, char *wrong)
{
	autofree char *text = wrong;

	if (text)
		dma_refute(r, kind, "%s: %s", when, text);
	return !text;
}

/* Maps, changes the page table, uses again. */
static bool invalidate(struct dma_rig *r, struct dma_area *a, const struct dma_want *w)
{
	struct p2pcert_iova_page before[PAGES];
	struct dma_mapping m;
	uint64_t invalidated = 0;
	bool good = true;
	int err;

	dma_area_fill(a, dma_seed(r));
	err = dma_map(r, a, w, &m);
	if (err) {
		dma_refute(r, EVIDENCE_PATH, "cannot be mapped: %s", errno_text(err));
		return false;
	}
	good = judge(r, EVIDENCE_COUNTERS, "mapped", refuse_flags(m.pages));
	memcpy(before, m.pages, sizeof(before));
	err = change(a);
	err = err ? err : dma_look(r, &m, &invalidated);
	if (!err) {
		good &= judge(r, EVIDENCE_COUNTERS, "two pages have changed",
			      refuse_change(before, m.pages, invalidated));
		good &= dma_read(r, a, w);
		err = dma_look(r, &m, NULL);
	}
	if (err)
		scn_error(r->ctx, ERROR_SETUP, "pages cannot be changed or looked at: %s",
			  strerror(-err));
	else
		good &= judge(r, EVIDENCE_COUNTERS, "used again", refuse_flags(m.pages));
	good &= dma_write(r, a, w);
	dma_unmap(r, &m, NULL);
	return judge(r, EVIDENCE_DATA, "pages changed while they were mapped",
		     dma_area_refuse(a)) &&
	       good && !err;
}

/* --- what the engine wrote -------------------------------------------------------------------- */

/* The place is kept, so that nothing else comes there. */
static bool go(const struct dma_area *a)
{
	return mmap(a->addr, a->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	       MAP_FAILED;
}

/* Into memory of a file, whose mapping goes while it is mapped for the engine. */
static bool outlive(struct dma_rig *r, struct dma_area *a, const struct dma_want *w)
{
	autofree unsigned char *image = xcalloc(1, a->len);
	autoclose int fd = memfd_create("p2pcert-dma", MFD_CLOEXEC);
	struct dma_mapping m;
	int err = fd < 0 || ftruncate(fd, (off_t)a->len) < 0 ? -errno : 0;

	if (!err && mmap(a->addr, a->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
			    MAP_FAILED)
		err = -errno;
	if (err) {
		scn_error(r->ctx, ERROR_SETUP, "no memory of a file: %s", strerror(-err));
		return false;
	}
	dma_area_fill(a, dma_seed(r));
	err = dma_map(r, a, w, &m);
	if (err) {
		dma_refute(r, EVIDENCE_PATH, "memory of a file cannot be mapped: %s",
			   errno_text(err));
		return true;
	}
	if (dma_write(r, a, w) && go(a)) {
		uint64_t invalidated = 0;

		err = dma_look(r, &m, &invalidated);
		if (err || invalidated != PAGES)
			dma_refute(r, EVIDENCE_COUNTERS,
				   "unmapping %d pages takes %" PRIu64 " from the engine", PAGES,
				   invalidated);
	}
	dma_unmap(r, &m, NULL);
	if (pread(fd, image, a->len, 0) != (ssize_t)a->len || memcmp(image, a->known, a->len) != 0)
		dma_refute(r, EVIDENCE_DATA, "what was written is not in the file");
	else
		dma_prove(r, EVIDENCE_DATA, "what was written is in the file, its mapping gone");
	return true;
}

/* --- the scenario ----------------------------------------------------------------------------- */

static bool body_hmm_map(struct dma_rig *r)
{
	struct dma_want w = whole;
	struct dma_area a;
	bool good = true;
	int err;

	if (!dma_area_ready(r, &a, PAGES))
		return false;
	w.len = a.len;
	if (!dma_exercise(r, &a, &w, NULL, &err) && err == -EOPNOTSUPP && dma_bounces(r, &a)) {
		dma_not_here(r,
			     "all that it reaches is bounced: memory cannot be mapped unpinned, as "
			     "the kernel says");
	} else if (err) {
		dma_refute(r, EVIDENCE_PATH, "cannot be mapped: %s", errno_text(err));
	} else {
		if (invalidate(r, &a, &w))
			dma_prove(r, EVIDENCE_COUNTERS,
				  "two of %d pages changed: they alone were unmapped, and found "
				  "again",
				  PAGES);
		good = outlive(r, &a, &w);
	}
	dma_area_end(&a);
	return good;
}

DMA_SCENARIO(hmm_map, "hmm-map", "memory that is not pinned is mapped, and unmapped as it goes",
	     EV(DATA) | EV(PATH) | EV(COUNTERS), 120, DMA_DATA_FAULT_NAMES, "notify-lost");
