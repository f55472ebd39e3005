/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions under VFIO that a driver of our own (userdrv.h) has move bytes between memory of this process and the
 * BAR of another function.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/pagemap.h"
#include "scenario/userdrv.h"
#include "scenario/vfio_engine.h"

struct driven {
	const struct userdrv *driver;
	void *state; /* of that */
};

static bool is_driven(const struct function *f)
{
	return userdrv_find(f);
}

static int find(struct exam *x, void **list, size_t *n)
{
	return vfio_engine_find(x, is_driven, list, n);
}

static size_t unit(const struct initiator *i attr_unused)
{
	return 1;
}

static bool open_engine(struct initiator *i, void *list, size_t k)
{
	struct driven *d = xcalloc(1, sizeof(*d));
	autofree char *why = NULL;
	int err = vfio_engine_open(i, list, k, &why);
	struct vfio_engine *e = i->state;

	e->driver = d;
	d->driver = userdrv_find(i->function);
	i->name = d->driver->name;
	i->own = pages_alloc(i->area);
	err = err ?: d->driver->open(&e->function, &d->state);
	err = err ?: vfio_dma_map(&e->function, i->own, i->area, VFIO_OWN_IOVA);
	if (err)
		vfio_engine_say(i->exam, i->function, err, why);
	return !err;
}

static void close_engine(struct initiator *i)
{
	const struct vfio_engine *e = i->state;
	struct driven *d = e->driver;

	if (e->function.device >= 0)
		d->driver->close(d->state);
	vfio_engine_close(i);
	free(d);
	free(i->own);
}

static int move(const struct move *m, struct moved *r)
{
	const struct vfio_engine *e = m->initiator->state;
	const struct driven *d = e->driver;
	const uint64_t own = VFIO_OWN_IOVA + m->at.own_at, peer = VFIO_PEER_IOVA + m->at.peer_at;
	const int64_t start = clock_ns();

	r->result = m->way == MOVE_TO_PEER
			    ? d->driver->copy(d->state, own, peer, m->at.len, &r->bytes)
			    : d->driver->copy(d->state, peer, own, m->at.len, &r->bytes);
	r->ns = (uint64_t)(clock_ns() - start);
	return 0;
}

const struct initiator_kind initiator_vfio = {
	.name = "vfio",
	.by = "device",
	.ways = { "memory-to-bar", "bar-to-memory" },
	.unit = unit,
	.find = find,
	.forget = vfio_engine_forget,
	.open = open_engine,
	.close = close_engine,
	.is_target = vfio_engine_is_target,
	.meet = vfio_engine_meet,
	.leave = vfio_engine_leave,
	.cases = initiator_memory_cases,
	.move = move,
	.refuse_path = vfio_engine_refuse_path,
};
