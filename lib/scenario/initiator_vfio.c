/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that user space drives: a driver of our own (userdrv.h) moves bytes between memory of this process
 * and the BAR of another function, at addresses that VFIO has put into the IOMMU's page table for it. The kernel's
 * peer-to-peer code has no say in that. For functions that were named alone, both of them; a BAR must be
 * prefetchable, so that it is memory and no registers, and what it held is put back.
 */
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/initiator.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/userdrv.h"

#define BYTES (16u * 1024)
/* Two windows below what any driver's function drives, where no machine has BARs. */
#define OWN_IOVA 0x1000000ull
#define PEER_IOVA 0x2000000ull

struct vfio_engine {
	const struct userdrv *driver;
	struct vfio_function function;
	void *driver_state;
	struct { /* the other function, while it takes part */
		struct vfio_function function;
		struct vfio_region_info bar;
		unsigned char *held; /* what its memory held */
	} target;
};

/* --- the function that moves ------------------------------------------------------------------------ */

static bool is_driven(const struct exam *x, const struct function *f)
{
	return initiator_is_named(scn_env(x->ctx), f->addr) && userdrv_find(f);
}

static int find(struct exam *x, void **list, size_t *n)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	const struct function **found =
		xcalloc(platform->nr_functions + 1, sizeof(struct function *));

	*n = 0;
	for (size_t i = 0; i < platform->nr_functions; i++)
		if (is_driven(x, &platform->functions[i]))
			found[(*n)++] = &platform->functions[i];
	*list = found;
	return 0;
}

static void forget(void *list, size_t n attr_unused)
{
	free(list);
}

static size_t unit(const struct initiator *i attr_unused)
{
	return 1;
}

/* 0 or a negative errno, and *why if there is more to say. */
static int take(struct exam *x, const struct function *f, uint16_t bits, struct vfio_function *v,
		char **why)
{
	int err = vfio_bind(x->ctx, f->addr, why);

	err = err ?: vfio_open(v, scn_env(x->ctx)->sysroot, f->addr);
	return err ?: vfio_command(v, bits, true);
}

/* What cannot be had: by a group of which others have a part it is not for us to say. */
static void say_not_had(struct exam *x, const struct function *f, int err, const char *why)
{
	exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING, "%s cannot be driven by user space: %s",
		 pci_addr_str(f->addr),
		 why ? why
		 : err == -EBUSY
			 ? "another function of its IOMMU group has a driver, or somebody has it"
			 : strerror(-err));
}

static bool open_engine(struct initiator *i, void *list, size_t k)
{
	struct vfio_engine *e = xcalloc(1, sizeof(*e));
	autofree char *why = NULL;
	int err;

	e->function = VFIO_FUNCTION_NONE;
	e->target.function = VFIO_FUNCTION_NONE;
	i->state = e;
	i->function = ((const struct function **)list)[k];
	e->driver = userdrv_find(i->function);
	i->name = e->driver->name;
	i->area = BYTES;
	i->own = pages_alloc(i->area);
	err = take(i->exam, i->function, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, &e->function,
		   &why);
	err = err ?: e->driver->open(&e->function, &e->driver_state);
	err = err ?: vfio_dma_map(&e->function, i->own, i->area, OWN_IOVA);
	if (err)
		say_not_had(i->exam, i->function, err, why);
	return !err;
}

static void close_engine(struct initiator *i)
{
	struct vfio_engine *e = i->state;

	if (e->function.device >= 0)
		e->driver->close(e->driver_state);
	vfio_close(&e->function);
	free(e);
	free(i->own);
}

/* --- the function that is moved to and from ----------------------------------------------------------- */

/* The largest BAR that is memory and that can be mapped. */
static int find_memory(const struct vfio_function *v, const struct function *f, size_t len,
		       struct vfio_region_info *bar)
{
	struct vfio_region_info info;

	*bar = (struct vfio_region_info){ 0 };
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (f->bars[i].prefetchable && vfio_region(v, i, &info) == 0 &&
		    info.flags & VFIO_REGION_INFO_FLAG_MMAP && info.size > bar->size)
			*bar = info;
	return bar->size >= len ? 0 : -ENXIO;
}

static bool is_target(const struct initiator *i, const struct function *f)
{
	bool memory = false;

	for (unsigned int k = 0; k < PCI_BARS; k++)
		memory |= f->bars[k].prefetchable && f->bars[k].size >= BYTES;
	return memory && !f->is_bridge && !is_driven(i->exam, f) &&
	       initiator_is_named(scn_env(i->exam->ctx), f->addr);
}

/* Its memory, mapped for the CPU, and for the initiator. */
static int reach(struct initiator *i, const struct function *target, struct p2pmem_map *map)
{
	struct vfio_engine *e = i->state;
	int err = find_memory(&e->target.function, target, i->area, &e->target.bar);

	err = err ?: vfio_map_region(&e->target.function, &e->target.bar, i->area, &map->addr);
	if (err)
		return err;
	map->len = i->area;
	e->target.held = xcalloc(1, i->area);
	p2pmem_read(e->target.held, map->addr, map->len);
	return vfio_dma_map(&e->function, map->addr, map->len, PEER_IOVA);
}

static void let_go(struct vfio_engine *e)
{
	vfio_close(&e->target.function);
	free(e->target.held);
	e->target.held = NULL;
}

static bool meet(struct initiator *i, struct peer *p, const struct function *target)
{
	struct vfio_engine *e = i->state;
	struct p2pmem_map map = { 0 };
	autofree char *why = NULL;
	int err = take(i->exam, target, PCI_COMMAND_MEMORY, &e->target.function, &why);

	if (err) {
		say_not_had(i->exam, target, err, why);
		let_go(e);
		return false;
	}
	err = reach(i, target, &map);
	if (err) {
		exam_say(i->exam, EVIDENCE_PATH, EVIDENCE_MISSING,
			 "VFIO does not let %s reach memory of %s: %s",
			 pci_addr_str(i->function->addr), pci_addr_str(target->addr),
			 errno_text(err));
		p2pmem_unmap(&map);
		let_go(e);
		return false;
	}
	if (peer_begin_mapped(p, i->exam, i->function, target, i->name, &map))
		return true;
	let_go(e);
	return false;
}

/* The window was what it had to be for as long as bytes were moved, if all of it is taken out now. */
static void leave(struct initiator *i, struct peer *p)
{
	struct vfio_engine *e = i->state;
	size_t len = p->map.len;
	int err = vfio_dma_unmap(&e->function, PEER_IOVA, &len);
	bool whole = !err && len == p->map.len;

	exam_say(i->exam, EVIDENCE_PATH, whole ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		 "%s: %zu bytes at IOVA 0x%llx are BAR %u, and nothing else, by what VFIO mapped: "
		 "%s",
		 p->name, p->map.len, (unsigned long long)PEER_IOVA, e->target.bar.index,
		 whole ? "all of it was unmapped" : "not all of it could be unmapped");
	p2pmem_write(p->map.addr, e->target.held, p->map.len);
	let_go(e);
}

/* --- one transfer ------------------------------------------------------------------------------------- */

static int move(const struct move *m, struct moved *r)
{
	const struct vfio_engine *e = m->initiator->state;
	const uint64_t own = OWN_IOVA + m->at.own_at, peer = PEER_IOVA + m->at.peer_at;
	const int64_t start = clock_ns();

	r->result = m->way == MOVE_TO_PEER
			    ? e->driver->copy(e->driver_state, own, peer, m->at.len, &r->bytes)
			    : e->driver->copy(e->driver_state, peer, own, m->at.len, &r->bytes);
	r->ns = (uint64_t)(clock_ns() - start);
	return 0;
}

static char *refuse_path(const struct move *m, const struct moved *r attr_unused, char **way)
{
	*way = xasprintf("IOVA 0x%llx, through the IOMMU",
			 (unsigned long long)PEER_IOVA + m->at.peer_at);
	return NULL;
}

const struct initiator_kind initiator_vfio = {
	.name = "vfio",
	.by = "device",
	.ways = { "memory-to-bar", "bar-to-memory" },
	.unit = unit,
	.find = find,
	.forget = forget,
	.open = open_engine,
	.close = close_engine,
	.is_target = is_target,
	.meet = meet,
	.leave = leave,
	.cases = initiator_memory_cases,
	.move = move,
	.refuse_path = refuse_path,
};
