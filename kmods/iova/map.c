// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps memory of the caller for a device, pinned: in two steps, by one range of I/O addresses to
 * which its pages are linked; page by page; or as a scatterlist. What fails half way goes back by
 * the same calls as a driver's would.
 */
#include "iova.h"

#if IOV_SUPPORTED

#include <linux/hmm.h>
#include <linux/ktime.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#define IOV_MAX_LENGTH ((u64)SZ_1G)
#define IOV_DIR DMA_BIDIRECTIONAL

#define IOV_FLAGS (P2PCERT_IOVA_UNLINK | P2PCERT_IOVA_FAIL_SYNC)

struct p2pcert_holdings iov_held;

static LIST_HEAD(iov_leaks);
static DEFINE_MUTEX(iov_leaks_lock);

static phys_addr_t iov_phys(const struct iov_map *m, unsigned int i)
{
	return page_to_phys(m->pages[i]) + (i ? 0 : m->offset);
}

/* --- pages ----------------------------------------------------------------------------------- */

static void iov_unpin(struct iov_map *m)
{
	for (unsigned int i = 0; i < m->pinned; i++) {
		/* Dirty is a notion of memory that can be written back; a BAR cannot. */
		unpin_user_pages_dirty_lock(&m->pages[i], 1, !is_pci_p2pdma_page(m->pages[i]));
		if (!(i % 4096))
			cond_resched();
	}
	atomic64_sub(m->pinned, &iov_held.pages);
	m->pinned = 0;
	kvfree(m->pages);
	m->pages = NULL;
}

static int iov_pin(struct iov_map *m, unsigned long addr)
{
	unsigned long at = addr & PAGE_MASK;

	m->pages = kvcalloc(m->nr_pages, sizeof(*m->pages), GFP_KERNEL);
	if (!m->pages)
		return -ENOMEM;
	while (m->pinned < m->nr_pages) {
		int n = min(m->nr_pages - m->pinned, 1024U);

		if (fatal_signal_pending(current))
			return -EINTR;
		n = pin_user_pages_fast(at, n, FOLL_WRITE | FOLL_PCI_P2PDMA, m->pages + m->pinned);
		if (n <= 0)
			return n ? n : -EFAULT;
		m->pinned += n;
		atomic64_add(n, &iov_held.pages);
		at += (unsigned long)n << PAGE_SHIFT;
		cond_resched();
	}
	return 0;
}

/* What a driver has to know of each page before it maps any. */
static int iov_classify(struct iov_map *m)
{
	int err = 0;

	for (unsigned int i = 0; i < m->nr_pages && !err; i++)
		if (is_pci_p2pdma_page(m->pages[i]))
			err = iov_p2p_kind(m->dev, m->pages[i], &m->at[i]);
	return err;
}

static unsigned long iov_attrs(const struct iov_page *at)
{
	return at->flags & P2PCERT_IOVA_PAGE_P2P ? DMA_ATTR_MMIO : 0;
}

/* --- in two steps ----------------------------------------------------------------------------- */

static bool iov_is_linked(const struct iov_map *m, unsigned int i)
{
	return m->at[i].flags & P2PCERT_IOVA_PAGE_MAPPED &&
	       !(m->at[i].flags & P2PCERT_IOVA_PAGE_BUS);
}

/* With pages that are linked from the first on, alike and without a hole, one call undoes it. */
static bool iov_is_whole(const struct iov_map *m, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!iov_is_linked(m, i) || iov_attrs(&m->at[i]) != iov_attrs(&m->at[0]))
			return false;
	return true;
}

/* How many pages from first on are linked and alike. */
static unsigned int iov_run(const struct iov_map *m, unsigned int first, unsigned int end)
{
	unsigned int i = first;

	while (i < end && iov_is_linked(m, i) && iov_attrs(&m->at[i]) == iov_attrs(&m->at[first]))
		i++;
	return i - first;
}

static void iov_unlink(struct iov_map *m, unsigned int first, unsigned int nr)
{
	u64 begin = iov_page_begin(m, first);
	unsigned int last = first + nr - 1;
	u64 end = iov_page_begin(m, last) + iov_page_length(m, last);

	dma_iova_unlink(m->dev, &m->state, begin, end - begin, IOV_DIR, iov_attrs(&m->at[first]));
	for (unsigned int i = first; i <= last; i++)
		m->at[i].flags &= ~P2PCERT_IOVA_PAGE_MAPPED;
}

static void iov_unlink_runs(struct iov_map *m, unsigned int first, unsigned int end)
{
	bool singly = m->faults & P2PCERT_FAULT_FLUSH_EACH;

	while (first < end) {
		unsigned int run = iov_run(m, first, end);

		if (run && singly)
			run = 1;
		if (run)
			iov_unlink(m, first, run);
		first += run ? run : 1;
	}
}

/* Of the first nr pages, what is linked; and the addresses. */
static void iov_destroy(struct iov_map *m, unsigned int nr)
{
	u64 length = nr ? iov_page_begin(m, nr - 1) + iov_page_length(m, nr - 1) : 0;
	bool singly = m->flags & P2PCERT_IOVA_UNLINK || m->faults & P2PCERT_FAULT_FLUSH_EACH;

	if (!dma_use_iova(&m->state))
		return;
	if (!singly && iov_is_whole(m, nr)) {
		dma_iova_destroy(m->dev, &m->state, length, IOV_DIR, nr ? iov_attrs(&m->at[0]) : 0);
	} else {
		iov_unlink_runs(m, 0, nr);
		dma_iova_free(m->dev, &m->state);
	}
	memset(&m->state, 0, sizeof(m->state));
}

/* Two pages are exchanged to be wrong; what is no address of the IOMMU cannot take part in that. */
static bool iov_exchanges(const struct iov_map *m)
{
	return m->faults & P2PCERT_FAULT_WRONG_OFFSET && m->nr_pages > 3 &&
	       !((m->at[1].flags | m->at[2].flags) & P2PCERT_IOVA_PAGE_BUS);
}

/* Where a page is linked, in the range of addresses. */
static u64 iov_place(const struct iov_map *m, unsigned int i)
{
	if (iov_exchanges(m) && (i == 1 || i == 2))
		i = 3 - i;
	return iov_page_begin(m, i);
}

/* again: where another page is linked already, which the kernel has to refuse. */
static int iov_link(struct iov_map *m, unsigned int i, bool again)
{
	struct iov_page *at = &m->at[i];
	int err;

	if (at->flags & P2PCERT_IOVA_PAGE_BUS)
		return again ? -EINVAL : 0;
	err = dma_iova_link(m->dev, &m->state, iov_phys(m, i), again ? 0 : iov_place(m, i),
			    iov_page_length(m, i), IOV_DIR, iov_attrs(at));
	if (err)
		return err;
	m->links++;
	if (again) {
		/* It was let in: out with it, or what follows is not what it seems. */
		dma_iova_unlink(m->dev, &m->state, 0, iov_page_length(m, i), IOV_DIR,
				iov_attrs(at));
		m->at[0].flags &= ~P2PCERT_IOVA_PAGE_MAPPED;
		return -EALREADY;
	}
	at->flags |= P2PCERT_IOVA_PAGE_MAPPED;
	at->dma = m->state.addr + iov_page_begin(m, i);
	return 0;
}

static int iov_link_all(struct iov_map *m, u32 fail_at)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < m->nr_pages && !err; i++) {
		if (fail_at == i + 1)
			err = i ? iov_link(m, i, true) : -ENOMEM;
		else
			err = iov_link(m, i, false);
		if (!(i % 4096))
			cond_resched();
	}
	/* Memory of peers that is addressed directly leaves holes. */
	for (unsigned int first = 0; first < m->nr_pages && !err;) {
		unsigned int run = iov_run(m, first, m->nr_pages);
		unsigned int last = first + run - 1;

		if (run)
			err = dma_iova_sync(m->dev, &m->state, iov_page_begin(m, first),
					    iov_page_begin(m, last) + iov_page_length(m, last) -
						    iov_page_begin(m, first));
		first += run ? run : 1;
	}
	if (!err && m->flags & P2PCERT_IOVA_FAIL_SYNC)
		err = -EIO;
	if (err && m->faults & P2PCERT_FAULT_FREE_LESS)
		m->state.__size = PAGE_SIZE;
	if (err)
		iov_destroy(m, fail_at == i ? i - 1 : i);
	return err;
}

static int iov_map_by_iova(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	if (!dma_iova_try_alloc(m->dev, &m->state, iov_phys(m, 0), m->length))
		return -EOPNOTSUPP;
	arg->iova = m->state.addr;
	arg->iova_size = dma_iova_size(&m->state);
	return iov_link_all(m, arg->fail_at);
}

/* --- page by page ----------------------------------------------------------------------------- */

static void iov_unmap_pages(struct iov_map *m)
{
	for (unsigned int i = 0; i < m->nr_pages; i++) {
		if (iov_is_linked(m, i))
			dma_unmap_phys(m->dev, m->at[i].dma, iov_page_length(m, i), IOV_DIR,
				       iov_attrs(&m->at[i]));
		m->at[i].flags &= ~P2PCERT_IOVA_PAGE_MAPPED;
		if (!(i % 4096))
			cond_resched();
	}
}

static int iov_map_by_page(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	for (unsigned int i = 0; i < m->nr_pages; i++) {
		struct iov_page *at = &m->at[i];

		if (at->flags & P2PCERT_IOVA_PAGE_BUS)
			continue;
		at->dma = dma_map_phys(m->dev, iov_phys(m, i), iov_page_length(m, i), IOV_DIR,
				       iov_attrs(at));
		if (dma_mapping_error(m->dev, at->dma) || arg->fail_at == i + 1) {
			if (arg->fail_at == i + 1)
				dma_unmap_phys(m->dev, at->dma, iov_page_length(m, i), IOV_DIR,
					       iov_attrs(at));
			iov_unmap_pages(m);
			return -ENOMEM;
		}
		at->flags |= P2PCERT_IOVA_PAGE_MAPPED;
		m->links++;
		if (!(i % 4096))
			cond_resched();
	}
	return 0;
}

/* --- as a scatterlist ------------------------------------------------------------------------- */

static void iov_describe_sg(struct iov_map *m)
{
	struct scatterlist *sg;
	unsigned int page = 0;
	int i;

	for_each_sgtable_dma_sg(&m->sgt, sg, i) {
		u64 dma = sg_dma_address(sg);
		u64 left = sg_dma_len(sg);

		m->links++;
		while (left && page < m->nr_pages) {
			u32 part = iov_page_length(m, page);

			m->at[page].dma = dma;
			m->at[page++].flags |= P2PCERT_IOVA_PAGE_MAPPED;
			dma += part;
			left -= min_t(u64, left, part);
		}
	}
}

static int iov_map_by_sg(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	unsigned int max_seg = ALIGN_DOWN(dma_get_max_seg_size(m->dev), PAGE_SIZE);
	int err;

	if (!max_seg || arg->fail_at)
		return -EINVAL;
	err = sg_alloc_table_from_pages_segment(&m->sgt, m->pages, m->nr_pages, m->offset,
						m->length, max_seg, GFP_KERNEL);
	if (err)
		return err;
	err = dma_map_sgtable(m->dev, &m->sgt, IOV_DIR, 0);
	if (err) {
		sg_free_table(&m->sgt);
		return err;
	}
	m->sg_mapped = true;
	iov_describe_sg(m);
	return 0;
}

/* --- mapping ---------------------------------------------------------------------------------- */

static void iov_unmap(struct iov_map *m)
{
	switch (m->method) {
	case P2PCERT_IOVA_BY_IOVA:
		if (m->faults & P2PCERT_FAULT_FREE_LATE)
			iov_unlink_runs(m, 0, m->nr_pages);
		else
			iov_destroy(m, m->nr_pages);
		break;
	case P2PCERT_IOVA_BY_PAGE:
		iov_unmap_pages(m);
		break;
	case P2PCERT_IOVA_BY_SG:
		if (m->sg_mapped)
			dma_unmap_sgtable(m->dev, &m->sgt, IOV_DIR, 0);
		sg_free_table(&m->sgt);
		break;
	case P2PCERT_IOVA_BY_HMM:
		iov_hmm_end(m);
		break;
	}
	if (m->method)
		atomic64_dec(&iov_held.mappings);
	m->method = 0;
}

static void iov_free(struct iov_map *m)
{
	iov_unmap(m);
	iov_destroy(m, 0);
	iov_unpin(m);
	put_device(m->dev);
	kvfree(m->at);
	kfree(m);
}

void iov_drop_map(struct iov_file *f)
{
	struct iov_map *m = f->map;

	f->map = NULL;
	if (!m)
		return;
	if (f->faults & P2PCERT_FAULT_LEAK && m->method != P2PCERT_IOVA_BY_HMM) {
		mutex_lock(&iov_leaks_lock);
		list_add(&m->node, &iov_leaks);
		mutex_unlock(&iov_leaks_lock);
		return;
	}
	iov_unmap(m);
	iov_unpin(m);
	if (dma_use_iova(&m->state))
		list_add(&m->node, &f->late);
	else
		iov_free(m);
}

void iov_drop_late(struct iov_file *f)
{
	struct iov_map *m, *next;

	list_for_each_entry_safe(m, next, &f->late, node) {
		list_del(&m->node);
		iov_free(m);
	}
}

void iov_drop_leaks(void)
{
	struct iov_map *m, *next;

	list_for_each_entry_safe(m, next, &iov_leaks, node) {
		list_del(&m->node);
		iov_free(m);
	}
}

static int iov_map_pinned(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	static int (*const by[])(struct iov_map *m, struct p2pcert_iova_map *arg) = {
		[P2PCERT_IOVA_BY_IOVA] = iov_map_by_iova,
		[P2PCERT_IOVA_BY_PAGE] = iov_map_by_page,
		[P2PCERT_IOVA_BY_SG] = iov_map_by_sg,
	};
	ktime_t start;
	int err;

	err = iov_pin(m, arg->addr);
	if (!err)
		err = iov_classify(m);
	if (err)
		return err;
	start = ktime_get();
	err = by[arg->method](m, arg);
	arg->duration_ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	if (!err && iov_exchanges(m) && arg->method != P2PCERT_IOVA_BY_IOVA)
		swap(m->at[1].dma, m->at[2].dma);
	return err;
}

static int iov_map_unpinned(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	ktime_t start = ktime_get();
	int err = arg->fail_at ? -EINVAL : iov_hmm_begin(m, arg->addr);

	arg->duration_ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	if (!err && dma_use_iova(&m->hmm->map.state)) {
		arg->iova = m->hmm->map.state.addr;
		arg->iova_size = dma_iova_size(&m->hmm->map.state);
	}
	return err;
}

static int iov_map(struct iov_map *m, struct p2pcert_iova_map *arg)
{
	int err;

	if (m->faults & P2PCERT_FAULT_MAP_FAILS)
		return -ENOMEM;
	if (arg->method == P2PCERT_IOVA_BY_HMM)
		err = iov_map_unpinned(m, arg);
	else
		err = iov_map_pinned(m, arg);
	arg->links = m->links;
	if (err)
		return err;
	m->method = arg->method;
	atomic64_inc(&iov_held.mappings);
	return 0;
}

static struct iov_map *iov_new(struct iov_file *f, const struct p2pcert_iova_map *arg)
{
	struct iov_map *m = kzalloc_obj(*m, GFP_KERNEL);

	if (!m)
		return NULL;
	m->dev = get_device(f->channel.dev);
	m->flags = arg->flags;
	m->faults = f->faults;
	m->length = arg->length;
	m->offset = offset_in_page(arg->addr);
	m->nr_pages = DIV_ROUND_UP(m->offset + m->length, PAGE_SIZE);
	m->at = kvcalloc(m->nr_pages, sizeof(*m->at), GFP_KERNEL);
	if (!m->at) {
		iov_free(m);
		return NULL;
	}
	return m;
}

static bool iov_is_plausible(const struct p2pcert_iova_map *a)
{
	if (!a->length || a->length > IOV_MAX_LENGTH || a->addr + a->length < a->addr)
		return false;
	if (a->addr != (unsigned long)a->addr || !access_ok(u64_to_user_ptr(a->addr), a->length))
		return false;
	return !a->reserved && !(a->flags & ~IOV_FLAGS) && a->method >= P2PCERT_IOVA_BY_IOVA &&
	       a->method <= P2PCERT_IOVA_BY_HMM;
}

long iov_ioctl_map(struct iov_file *f, void __user *arg)
{
	struct p2pcert_iova_map a;
	struct iov_map *m;
	int err;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (!iov_is_plausible(&a) || !f->channel.chan)
		return -EINVAL;
	if (f->map)
		return -EBUSY;
	err = p2pcert_fault_enter(f->faults);
	if (err)
		return err;
	m = iov_new(f, &a);
	if (!m)
		return -ENOMEM;
	a.iova = 0;
	a.iova_size = 0;
	a.duration_ns = 0;
	a.result = iov_map(m, &a);
	if (a.result)
		iov_free(m);
	else
		f->map = m;
	if (a.result == -EINTR)
		return -EINTR;
	return copy_to_user(arg, &a, sizeof(a)) ? -EFAULT : 0;
}

long iov_ioctl_unmap(struct iov_file *f, void __user *arg)
{
	ktime_t start;
	u64 ns;

	if (!f->map)
		return -EINVAL;
	start = ktime_get();
	if (!(f->faults & P2PCERT_FAULT_LEAK))
		iov_unmap(f->map);
	ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	iov_drop_map(f);
	return copy_to_user(arg, &ns, sizeof(ns)) ? -EFAULT : 0;
}

/* --- what is mapped --------------------------------------------------------------------------- */

static int iov_relink(struct iov_map *m, unsigned int first, unsigned int nr)
{
	int err = 0;

	iov_unlink_runs(m, first, first + nr);
	for (unsigned int i = first; i < first + nr && !err; i++)
		err = iov_link(m, i, false);
	if (err)
		return err;
	return dma_iova_sync(m->dev, &m->state, iov_page_begin(m, first),
			     iov_page_begin(m, first + nr - 1) +
				     iov_page_length(m, first + nr - 1) - iov_page_begin(m, first));
}

long iov_ioctl_relink(struct iov_file *f, void __user *arg)
{
	struct p2pcert_iova_relink r;
	struct iov_map *m = f->map;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!m || m->method != P2PCERT_IOVA_BY_IOVA || r.reserved || !r.nr ||
	    r.first >= m->nr_pages || r.nr > m->nr_pages - r.first ||
	    iov_run(m, r.first, r.first + r.nr) != r.nr)
		return -EINVAL;
	r.result = iov_relink(m, r.first, r.nr);
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static void iov_describe(const struct iov_map *m, unsigned int i, struct p2pcert_iova_page *p)
{
	memset(p, 0, sizeof(*p));
	if (m->hmm) {
		iov_hmm_describe(m, i, p);
		return;
	}
	p->dma_addr = m->at[i].dma;
	p->phys_addr = iov_phys(m, i);
	p->flags = m->at[i].flags;
}

static int iov_tell_pages(struct iov_map *m, const struct p2pcert_iova_pages *r)
{
	struct p2pcert_iova_page __user *to = u64_to_user_ptr(r->buffer);
	struct p2pcert_iova_page p;

	for (u32 i = 0; i < r->nr; i++) {
		if (m->hmm)
			mutex_lock(&m->hmm->lock);
		iov_describe(m, r->first + i, &p);
		if (m->hmm)
			mutex_unlock(&m->hmm->lock);
		if (copy_to_user(to + i, &p, sizeof(p)))
			return -EFAULT;
	}
	return 0;
}

long iov_ioctl_pages(struct iov_file *f, void __user *arg)
{
	struct p2pcert_iova_pages r;
	struct iov_map *m = f->map;
	int err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (!m || r.first > m->nr_pages || r.nr > m->nr_pages - r.first ||
	    r.buffer != (unsigned long)r.buffer)
		return -EINVAL;
	err = iov_tell_pages(m, &r);
	if (err)
		return err;
	r.invalidated = m->hmm ? READ_ONCE(m->hmm->invalidated) : 0;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

#endif /* IOV_SUPPORTED */
