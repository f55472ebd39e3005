/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions that user space drives, and BARs of others in their address space. */
#include "scenario/vfio_engine.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/jx.h"
#include "scenario/modfd.h"

/* --- the function that moves ------------------------------------------------------------------------ */

int vfio_engine_find(const struct exam *x, bool (*fits)(const struct function *f), void **list,
		     size_t *n)
{
	const struct scenario_env *env = scn_env(x->ctx);
	const struct function **found =
		xcalloc(env->platform->nr_functions + 1, sizeof(struct function *));

	*n = 0;
	for (size_t i = 0; i < env->platform->nr_functions; i++) {
		const struct function *f = &env->platform->functions[i];

		if (initiator_is_named(env, f->addr) && fits(f))
			found[(*n)++] = f;
	}
	*list = found;
	return 0;
}

void vfio_engine_forget(void *list, size_t n attr_unused)
{
	free(list);
}

/* 0 or a negative errno, and *why if there is more to say. */
static int take(struct exam *x, const struct function *f, uint16_t bits, struct vfio_function *v,
		char **why)
{
	int err = vfio_bind(x->ctx, f->addr, why);

	err = err ?: vfio_open(v, scn_env(x->ctx)->sysroot, f->addr);
	return err ?: vfio_command(v, bits, true);
}

/* By a group of which others have a part it is not for us to say. */
void vfio_engine_say(struct exam *x, const struct function *f, int err, const char *why)
{
	exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING, "%s cannot be driven by user space: %s",
		 pci_addr_str(f->addr),
		 why ? why
		 : err == -EBUSY
			 ? "another function of its IOMMU group has a driver, or somebody has it"
			 : strerror(-err));
}

int vfio_engine_open(struct initiator *i, void *list, size_t k, char **why)
{
	struct vfio_engine *e = xcalloc(1, sizeof(*e));

	e->function = VFIO_FUNCTION_NONE;
	e->target.function = VFIO_FUNCTION_NONE;
	i->state = e;
	i->function = ((const struct function **)list)[k];
	i->area = VFIO_PEER_BYTES;
	return take(i->exam, i->function, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, &e->function,
		    why);
}

void vfio_engine_close(struct initiator *i)
{
	struct vfio_engine *e = i->state;

	vfio_close(&e->function);
	free(e);
}

/* --- the function that is moved to and from ----------------------------------------------------------- */

/* The largest BAR that is memory and that can be mapped. */
static int find_memory(const struct vfio_function *v, const struct function *f, size_t len,
		       struct vfio_region_info *bar)
{
	struct vfio_region_info info;

	*bar = (struct vfio_region_info){ 0 };
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (p2pmem_bar_is_memory(f, i) && vfio_region(v, i, &info) == 0 &&
		    info.flags & VFIO_REGION_INFO_FLAG_MMAP && info.size > bar->size)
			*bar = info;
	return bar->size >= len ? 0 : -ENXIO;
}

bool vfio_engine_is_target(const struct initiator *i, const struct function *f)
{
	bool memory = false;

	for (unsigned int k = 0; k < PCI_BARS; k++)
		memory |= p2pmem_bar_is_memory(f, k) && f->bars[k].size >= VFIO_PEER_BYTES;
	return memory && initiator_is_named(scn_env(i->exam->ctx), f->addr);
}

/* The supervisor knows what its memory holds, and puts it back if we do not live to. */
static int lend(struct initiator *i, const struct function *target, char **why)
{
	const struct vfio_engine *e = i->state;
	autofree char *held = hex_text(e->target.held, i->area);
	json_t *args = jx_object();

	jx_set_str(args, "address", pci_addr_str(target->addr));
	jx_set_int(args, "bar", e->target.bar.index);
	jx_set_str(args, "held", held);
	return scn_change(i->exam->ctx, "bar-range", args, NULL, why);
}

/* Its memory, mapped for the CPU, and for the initiator. */
static int reach(struct initiator *i, const struct function *target, struct p2pmem_map *map,
		 char **why)
{
	struct vfio_engine *e = i->state;
	int err = find_memory(&e->target.function, target, i->area, &e->target.bar);

	err = err ?: vfio_map_region(&e->target.function, &e->target.bar, i->area, &map->addr);
	if (err)
		return err;
	map->len = i->area;
	e->target.held = xcalloc(1, i->area);
	p2pmem_read(e->target.held, map->addr, map->len);
	err = lend(i, target, why);
	return err ?: vfio_dma_map(&e->function, map->addr, map->len, VFIO_PEER_IOVA);
}

static void let_go(struct vfio_engine *e)
{
	vfio_close(&e->target.function);
	free(e->target.held);
	e->target.held = NULL;
}

bool vfio_engine_meet(struct initiator *i, struct peer *p, const struct function *target)
{
	struct vfio_engine *e = i->state;
	struct p2pmem_map map = { 0 };
	autofree char *why = NULL;
	int err = take(i->exam, target, PCI_COMMAND_MEMORY, &e->target.function, &why);

	if (err) {
		vfio_engine_say(i->exam, target, err, why);
		let_go(e);
		return false;
	}
	err = reach(i, target, &map, &why);
	if (err) {
		exam_say(i->exam, EVIDENCE_PATH, EVIDENCE_MISSING,
			 "VFIO does not let %s reach memory of %s: %s",
			 pci_addr_str(i->function->addr), pci_addr_str(target->addr),
			 why ? why : errno_text(err));
		p2pmem_unmap(&map);
		let_go(e);
		return false;
	}
	if (peer_begin_mapped(p, i->exam, i->function, target, i->name, &map))
		return true;
	let_go(e);
	return false;
}

static void put_back(struct initiator *i, struct peer *p)
{
	const struct vfio_engine *e = i->state;
	bool same;

	p2pmem_write(p->map.addr, e->target.held, p->map.len);
	peer_look(p);
	same = memcmp(p->image, e->target.held, p->map.len) == 0;
	exam_say(i->exam, EVIDENCE_LEAK, same ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		 "BAR %u of %s holds what it held: %s", e->target.bar.index,
		 pci_addr_str(p->target->addr), same ? "all of it" : "no");
}

/* The window was what it had to be for as long as bytes were moved, if all of it is taken out now. */
void vfio_engine_leave(struct initiator *i, struct peer *p)
{
	struct vfio_engine *e = i->state;
	size_t len = p->map.len;
	int err = vfio_dma_unmap(&e->function, VFIO_PEER_IOVA, &len);
	bool whole = !err && len == p->map.len;

	exam_say(i->exam, EVIDENCE_PATH, whole ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		 "%s: %zu bytes at IOVA 0x%llx are BAR %u, and nothing else, by what VFIO mapped: "
		 "%s",
		 p->name, p->map.len, VFIO_PEER_IOVA, e->target.bar.index,
		 whole ? "all of it was unmapped" : "not all of it could be unmapped");
	put_back(i, p);
	let_go(e);
}

char *vfio_engine_refuse_path(const struct move *m, const struct moved *r attr_unused, char **way)
{
	*way = xasprintf("IOVA 0x%llx, through the IOMMU", VFIO_PEER_IOVA + m->at.peer_at);
	return NULL;
}
