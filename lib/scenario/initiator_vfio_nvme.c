/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NVMe drives under VFIO, with a driver of our own (nvme_ctrl.h), and nothing is stored on one: what a drive tells of
 * itself and blocks that it holds are read into the BAR of another function, and for the other direction blocks are
 * compared with what the CPU has put into the BAR. They must be found to be the same; and to differ, wherever a byte
 * of the BAR is changed.
 */
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "base/log.h"
#include "scenario/nvme.h"
#include "scenario/nvme_ctrl.h"
#include "scenario/pagemap.h"
#include "scenario/vfio_engine.h"

#define CLASS_NVME 0x010802 /* PCI Code and ID Assignment: NVM Express, I/O controller */
#define REGISTERS_MAX (1u << 20) /* bytes of BAR 0 that are looked at */

/*
 * The end of a drive, as far as it takes part: what it tells of itself, then blocks. In this memory it is as the
 * drive has read it there.
 */
#define IDENTITY 0u
#define BLOCKS NVME_IDENTIFY_BYTES
#define OWN_BYTES (BLOCKS + NVME_CTRL_BYTES)

struct drive {
	struct nvme_ctrl ctrl;
	unsigned char *regs;
	size_t regs_len;
	unsigned char *memory; /* that the controller reaches: its own pages, then own */
	unsigned char *own;
	size_t len; /* of the blocks */
	uint64_t block; /* the first of them */
	bool alike; /* these cannot be told from one another */
	char *failed; /* why the last transfer failed; NULL: it did not */
	char *differs; /* what a comparison found wrong; NULL: nothing */
	size_t compared; /* bytes */
};

static struct drive *drive_of(const struct initiator *i)
{
	const struct vfio_engine *e = i->state;

	return e->driver;
}

static uint64_t own_iova(const struct drive *d, size_t at)
{
	return VFIO_OWN_IOVA + (size_t)(d->own - d->memory) + at;
}

static bool is_nvme(const struct function *f)
{
	return f->class_known && f->class == CLASS_NVME;
}

static int find(struct exam *x, void **list, size_t *n)
{
	return vfio_engine_find(x, is_nvme, list, n);
}

static size_t unit(const struct initiator *i)
{
	return drive_of(i)->ctrl.block_size;
}

/* --- making it ready ---------------------------------------------------------------------------------- */

/* Of struct nvme_reader: by way of its own memory. */
static int read_drive(void *from, void *buf, size_t len, uint64_t offset)
{
	struct drive *d = from;
	int status = nvme_ctrl_read(&d->ctrl, offset / d->ctrl.block_size, len / d->ctrl.block_size,
				    own_iova(d, BLOCKS));

	if (status)
		return status < 0 ? status : -EIO;
	memcpy(buf, d->own + BLOCKS, len);
	return 0;
}

/* All but half a page at either end of the peer's memory, in whole blocks. */
static size_t blocks_len(const struct drive *d)
{
	size_t len = VFIO_PEER_BYTES - page_size();

	if (len > d->ctrl.max_bytes)
		len = d->ctrl.max_bytes;
	return len / d->ctrl.block_size * d->ctrl.block_size;
}

/* Blocks that differ, if there are such; then what the drive tells of itself has to do for that. */
static int find_blocks(struct drive *d)
{
	autofree unsigned char *buf = xcalloc(1, NVME_CTRL_BYTES);
	const struct nvme_reader reader = { read_drive, d };
	struct nvme_reference ref = { 0 };
	uint64_t most = UINT64_MAX / d->ctrl.block_size;
	int err;

	d->len = blocks_len(d);
	if (d->ctrl.nr_blocks < most)
		most = d->ctrl.nr_blocks;
	err = nvme_find_reference_by(&reader, most * d->ctrl.block_size, buf, d->len,
				     d->ctrl.block_size, &ref);
	d->alike = err == -ENODATA;
	if (d->alike) {
		ref.len = d->len;
		err = read_drive(d, buf, d->len, 0);
	}
	d->len = ref.len;
	d->block = ref.offset / d->ctrl.block_size;
	memcpy(d->own + BLOCKS, buf, d->len);
	return err;
}

static int start(const struct vfio_engine *e, struct drive *d)
{
	size_t pages = NVME_CTRL_PAGES * page_size();
	struct vfio_region_info bar;
	int err = vfio_region(&e->function, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	int status;

	if (err)
		return err;
	d->regs_len = bar.size < REGISTERS_MAX ? bar.size : REGISTERS_MAX;
	d->memory = pages_alloc(pages + OWN_BYTES);
	d->own = d->memory + pages;
	err = vfio_map_region(&e->function, &bar, d->regs_len, &d->regs);
	err = err ?: vfio_dma_map(&e->function, d->memory, pages + OWN_BYTES, VFIO_OWN_IOVA);
	err = err ?: nvme_ctrl_start(&d->ctrl, d->regs, d->regs_len, d->memory, VFIO_OWN_IOVA);
	if (err)
		return err;
	status = nvme_ctrl_identify(&d->ctrl, own_iova(d, IDENTITY));
	if (status)
		return status < 0 ? status : -EIO;
	return find_blocks(d);
}

static bool open_drive(struct initiator *i, void *list, size_t k)
{
	struct drive *d = xcalloc(1, sizeof(*d));
	autofree char *why = NULL;
	int err = vfio_engine_open(i, list, k, &why);
	struct vfio_engine *e = i->state;

	e->driver = d;
	i->name = "nvme";
	err = err ?: start(e, d);
	if (err)
		vfio_engine_say(i->exam, i->function, err, d->ctrl.wrong ? d->ctrl.wrong : why);
	else if (!d->ctrl.can_compare)
		exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s has no Compare: what it reads in memory of others cannot be seen",
			 pci_addr_str(i->function->addr));
	return !err;
}

/* One that does not stop must not reach memory that others get. */
static void stop(const struct vfio_engine *e, struct drive *d)
{
	if (d->ctrl.regs && nvme_ctrl_stop(&d->ctrl) < 0 &&
	    vfio_command(&e->function, PCI_COMMAND_MASTER, false) < 0)
		log_warn("a controller that does not stop stays bus master");
}

static void close_drive(struct initiator *i)
{
	const struct vfio_engine *e = i->state;
	struct drive *d = e->driver;

	stop(e, d);
	nvme_ctrl_release(&d->ctrl);
	if (d->regs)
		munmap(d->regs, d->regs_len);
	vfio_engine_close(i);
	free(d->memory);
	free(d->failed);
	free(d->differs);
	free(d);
}

/* --- one transfer ------------------------------------------------------------------------------------- */

/*
 * From within a page on, over as many as there are; a block over the end of a page; and what only goes into the
 * peer. The second block, so that it is not where the first transfer had it.
 */
static size_t cases(const struct initiator *i, size_t area attr_unused,
		    struct move_case list[MOVE_CASES])
{
	const struct drive *d = drive_of(i);
	const size_t page = page_size(), block = d->ctrl.block_size;
	bool one_way = !d->ctrl.can_compare;

	list[0] = (struct move_case){ page / 2, BLOCKS, d->len, one_way };
	list[1] = (struct move_case){ page - block / 2, BLOCKS + (d->len > block ? block : 0),
				      block, one_way };
	list[2] = (struct move_case){ page, IDENTITY, NVME_IDENTIFY_BYTES, true };
	return 3;
}

/* Nothing more of a controller that was given up; which was said. */
static bool prepare(const struct move *m, struct content *holds)
{
	struct drive *d = drive_of(m->initiator);

	free(take_ptr(d->failed));
	free(take_ptr(d->differs));
	d->compared = 0;
	*holds = (struct content){ .bytes = d->own + m->at.own_at };
	return !d->ctrl.dead;
}

static void failed(const struct move *m, struct moved *r, const char *command, int status)
{
	const struct vfio_engine *e = m->initiator->state;
	struct drive *d = e->driver;

	r->result = status < 0 ? status : -EIO;
	if (status < 0)
		stop(e, d);
	d->failed = status < 0 ? xstrdup(d->ctrl.wrong)
			       : xasprintf("%s ends with status 0x%03x%s", command,
					   (unsigned int)status,
					   status == NVME_STATUS_DATA_TRANSFER_ERROR
						   ? ", a data transfer error"
						   : "");
}

static uint64_t block_of(const struct drive *d, const struct move *m)
{
	return d->block + (m->at.own_at - BLOCKS) / d->ctrl.block_size;
}

static void move_in(struct drive *d, const struct move *m, struct moved *r)
{
	const uint64_t peer = VFIO_PEER_IOVA + m->at.peer_at;
	const int64_t begun = clock_ns();
	bool identity = m->at.own_at == IDENTITY;
	int status = identity ? nvme_ctrl_identify(&d->ctrl, peer)
			      : nvme_ctrl_read(&d->ctrl, block_of(d, m),
					       m->at.len / d->ctrl.block_size, peer);

	r->ns = (uint64_t)(clock_ns() - begun);
	if (status)
		failed(m, r, identity ? "Identify" : "Read", status);
	else
		r->bytes = m->at.len;
}

static int compare(struct drive *d, const struct move *m)
{
	return nvme_ctrl_compare(&d->ctrl, block_of(d, m), m->at.len / d->ctrl.block_size,
				 VFIO_PEER_IOVA + m->at.peer_at);
}

/* Device memory is accessed in aligned units. */
static void change(const struct move *m, size_t at)
{
	unsigned char *byte = m->peer->map.addr + m->at.peer_at + at;
	size_t within = (uintptr_t)byte % sizeof(uint64_t);
	volatile uint64_t *unit = (volatile uint64_t *)(void *)(byte - within);

	*unit ^= htole64(1ull << (8 * within));
	(void)*unit;
}

/* The first byte, those that begin a page, and the last. */
static size_t next_place(const struct move *m, size_t at)
{
	size_t page = page_size(), next = at + page - (m->at.peer_at + at) % page;

	return next < m->at.len || at == m->at.len - 1 ? next : m->at.len - 1;
}

/*
 * With that byte of the peer's memory changed they differ. 0, or what compare() returned. The fault: the drive gets
 * what was there before.
 */
static int compare_changed(struct drive *d, const struct move *m, size_t at)
{
	bool stale = scn_injected(m->peer->exam->ctx, "stale-read");
	int status;

	if (!stale)
		change(m, at);
	status = compare(d, m);
	if (!stale)
		change(m, at);
	if (!status && !d->differs)
		d->differs =
			xasprintf("Compare does not see that the byte at 0x%zx was changed", at);
	return status == NVME_STATUS_COMPARE_FAILURE ? 0 : status;
}

static void move_out(struct drive *d, const struct move *m, struct moved *r)
{
	const int64_t begun = clock_ns();
	int status = compare(d, m);

	r->ns = (uint64_t)(clock_ns() - begun);
	if (status == NVME_STATUS_COMPARE_FAILURE) {
		d->differs = xasprintf("Compare of %zu bytes finds a difference", m->at.len);
		status = 0;
	}
	for (size_t at = 0; at < m->at.len && !status && !d->differs; at = next_place(m, at))
		status = compare_changed(d, m, at);
	if (status) {
		failed(m, r, "Compare", status);
		return;
	}
	d->compared = m->at.len;
	r->bytes = m->at.len;
}

static int move(const struct move *m, struct moved *r)
{
	struct drive *d = drive_of(m->initiator);

	if (m->way == MOVE_TO_PEER)
		move_in(d, m, r);
	else
		move_out(d, m, r);
	return 0;
}

/* Nothing comes to a drive: what is looked at is what the comparison found. */
static char *refuse(const struct move *m, const struct content *came)
{
	struct drive *d = drive_of(m->initiator);

	if (!came || m->way == MOVE_TO_PEER)
		return NULL;
	if (d->compared != m->at.len)
		return xasprintf("%zu of %zu bytes were compared", d->compared, m->at.len);
	return take_ptr(d->differs);
}

static bool explain(const struct move *m, const struct moved *r attr_unused)
{
	const struct drive *d = drive_of(m->initiator);

	if (!d->failed)
		return false;
	exam_say(m->peer->exam, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s, %s: %s", m->peer->name,
		 m->initiator->kind->ways[m->way], d->failed);
	return true;
}

static void facts(const struct initiator *i, const struct peer *p)
{
	const struct drive *d = drive_of(i);

	jx_set_hex(p->fact, "offset", d->block * d->ctrl.block_size, 1);
	jx_set_bool(p->fact, "blocks_differ", !d->alike);
}

const struct initiator_kind initiator_vfio_nvme = {
	.name = "vfio-nvme",
	.by = "device",
	.ways = { "drive-to-bar", "bar-compared-with-drive" },
	.compares = true,
	.unit = unit,
	.find = find,
	.forget = vfio_engine_forget,
	.open = open_drive,
	.close = close_drive,
	.is_target = vfio_engine_is_target,
	.meet = vfio_engine_meet,
	.leave = vfio_engine_leave,
	.cases = cases,
	.prepare = prepare,
	.move = move,
	.refuse = refuse,
	.refuse_path = vfio_engine_refuse_path,
	.explain = explain,
	.facts = facts,
};
