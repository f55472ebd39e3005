/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NVMe drives that take blocks out of a peer's memory, asked by O_DIRECT from a mapping of it. What the drive
 * holds then is read into ordinary memory, past every cache, and so are the blocks around it. It overwrites a
 * range of the drive, and so is for drives alone that were named, that nothing uses, and that have no partitions;
 * what the range held is in the journal before, and is put back whatever happens.
 */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/initiator_nvme.h"
#include "scenario/pattern.h"

#define BYTES (16u * 1024) /* of a transfer; a multiple of any page and block there is */
#define AREA (3 * BYTES) /* of the drive: with as much on either side, which must stay */
#define STEP (1u << 20)

struct drive {
	const struct nvme_ns *ns;
	bool lent; /* the supervisor knows what the area holds */
	int fd;
	uint64_t offset; /* of the area */
	/* what the area holds: at first, before a write, and after it */
	unsigned char *original, *before, *now;
};

static void missing(const struct initiator *i, const char *what, const char *why)
{
	exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING, "'%s' %s: %s", i->name, what, why);
}

static size_t block(const struct initiator *i)
{
	const struct drive *d = i->state;

	return d->ns->block_size;
}

/* The supervisor keeps what the area holds, and puts it back. */
static bool area_lend(struct initiator *i, struct drive *d)
{
	autofree char *why = NULL;
	json_t *args = jx_object();
	int err;

	jx_set_str(args, "address", pci_addr_str(d->ns->addr));
	jx_set_str(args, "disk", d->ns->name);
	jx_set_int(args, "offset", (json_int_t)d->offset);
	jx_set_int(args, "bytes", AREA);
	err = scn_change(i->exam->ctx, "disk-range", args, NULL, &why);
	if (err)
		missing(i, "is not written to", why ? why : strerror(-err));
	return !err;
}

/* Of the middle of the drive, where no label of a file system or of a partition is. */
static bool open_drive(struct initiator *i, void *list, size_t k)
{
	const struct nvme_ns *ns = (const struct nvme_ns *)list + k;
	autofree char *path = xasprintf("/dev/%s", ns->name);
	struct drive *d = xcalloc(1, sizeof(*d));
	int err;

	*d = (struct drive){ .ns = ns, .fd = -1 };
	i->state = d;
	i->name = ns->name;
	i->area = BYTES;
	i->function = platform_find(scn_env(i->exam->ctx)->platform, ns->addr);
	if (!initiator_is_named(scn_env(i->exam->ctx), ns->addr) || ns->shared)
		return false;
	d->offset = ns->size / 2 / STEP * STEP;
	if (!i->function || ns->block_size > BYTES || d->offset + AREA > ns->size) {
		missing(i, "is not written to",
			"it is too small, or has blocks that are too large");
		return false;
	}
	d->original = pages_alloc(AREA);
	d->before = pages_alloc(AREA);
	d->now = pages_alloc(AREA);
	d->lent = area_lend(i, d);
	if (!d->lent)
		return false;
	d->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	err = d->fd < 0 ? -errno : nvme_read(d->fd, d->original, AREA, d->offset);
	if (err)
		missing(i, "cannot be read", strerror(-err));
	return !err;
}

/* Before the scenario is over, so that it can be seen. */
static void put_back(struct initiator *i, struct drive *d)
{
	autofree char *path = xasprintf("/dev/%s", d->ns->name);
	autofree char *why = NULL;
	bool same;
	int err;

	/* whoever puts it back claims the drive */
	close(d->fd);
	err = scn_undo(i->exam->ctx, &why);
	d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (!err)
		err = d->fd < 0 ? -errno : nvme_read(d->fd, d->now, AREA, d->offset);
	same = !err && memcmp(d->original, d->now, AREA) == 0;
	exam_say(i->exam, EVIDENCE_LEAK, same ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		 "'%s' holds what it held: %s", d->ns->name,
		 err    ? why ? why : strerror(-err)
		    : same ? "all of it"
			: "no");
}

static void close_drive(struct initiator *i)
{
	struct drive *d = i->state;

	if (d->lent && d->fd >= 0)
		put_back(i, d);
	if (d->fd >= 0)
		close(d->fd);
	free(d->original);
	free(d->before);
	free(d->now);
	free(d);
}

/* --- one write ---------------------------------------------------------------------------------------- */

static size_t cases(const struct initiator *i attr_unused, size_t area,
		    struct move_case list[MOVE_CASES])
{
	list[0] = (struct move_case){ 0, BYTES, area, false };
	return 1;
}

static bool look(const struct initiator *i, unsigned char *into)
{
	const struct drive *d = i->state;
	int err = nvme_read(d->fd, into, AREA, d->offset);

	if (err)
		missing(i, "cannot be read", strerror(-err));
	return !err;
}

static bool prepare(const struct move *m, struct content *holds)
{
	const struct drive *d = m->initiator->state;

	*holds = (struct content){ .bytes = d->before + m->at.own_at };
	return look(m->initiator, d->before);
}

static int move(const struct move *m, struct moved *r)
{
	const struct drive *d = m->initiator->state;
	ssize_t n;

	do
		n = pwrite(d->fd, m->peer->map.addr + m->at.peer_at, m->at.len,
			   (off_t)(d->offset + m->at.own_at));
	while (initiator_nvme_result(n, r) < 0 && errno == EINTR);
	return 0;
}

static char *refuse(const struct move *m, const struct content *came)
{
	const struct drive *d = m->initiator->state;
	const size_t at = m->at.own_at, end = at + m->at.len;
	struct pattern_mismatch mismatch;

	if (!look(m->initiator, d->now))
		return xstrdup("the drive cannot be read");
	if (!came)
		return memcmp(d->before, d->now, AREA) == 0
			       ? NULL
			       : xstrdup("the drive changed; it is put back");
	if (!pattern_verify(d->now + at, m->at.len, came->seed, 0, &mismatch))
		return pattern_mismatch_text(&mismatch);
	if (memcmp(d->before, d->now, at) == 0 &&
	    memcmp(d->before + end, d->now + end, AREA - end) == 0)
		return NULL;
	return xstrdup("blocks of the drive beside it changed; these are put back");
}

static void facts(const struct initiator *i, const struct peer *p)
{
	const struct drive *d = i->state;

	initiator_nvme_facts(d->ns, p, d->offset + BYTES);
}

const struct initiator_kind initiator_nvme_write = {
	.name = "nvme",
	.by = "device",
	.ways = { [MOVE_FROM_PEER] = "bar-to-drive" },
	.refusals = { -EREMOTEIO, -EINVAL },
	.unit = block,
	.find = initiator_nvme_find,
	.forget = initiator_nvme_forget,
	.open = open_drive,
	.close = close_drive,
	.cases = cases,
	.prepare = prepare,
	.move = move,
	.refuse = refuse,
	.facts = facts,
};
