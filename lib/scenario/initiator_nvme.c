/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NVMe drives that read their blocks into a peer's memory, asked by O_DIRECT into a mapping of it. Strictly
 * reads the drives. What must arrive is known from the same read into ordinary memory; a transfer that moved
 * nothing, too little, or to the wrong place is told by the data alone, whatever the drive reported.
 */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/initiator.h"
#include "scenario/initiator_nvme.h"
#include "scenario/pagemap.h"

/* Of each transfer at most; what one command of most drives may carry. */
#define READ_MAX (128u * 1024)
#define FEW_BLOCKS 3

struct drive {
	const struct nvme_ns *ns;
	int fd;
	struct nvme_reference ref;
	unsigned char *expected; /* ref.len bytes, read into ordinary memory */
	unsigned char *again; /* as much room */
};

int initiator_nvme_find(struct exam *x, void **list, size_t *n)
{
	struct nvme_ns *drives;
	int err = nvme_list(scn_env(x->ctx)->sysroot, &drives, n);

	if (!err)
		*list = drives;
	return err;
}

void initiator_nvme_forget(void *list, size_t n)
{
	nvme_free(list, n);
}

ssize_t initiator_nvme_result(ssize_t n, struct moved *r)
{
	if (n < 0)
		r->result = -errno;
	else
		r->bytes = (uint64_t)n;
	return n;
}

void initiator_nvme_facts(const struct nvme_ns *ns, const struct peer *p, uint64_t offset)
{
	jx_set_str(p->fact, "serial", ns->serial);
	jx_set_hex(p->fact, "offset", offset, 1);
}

static size_t block(const struct initiator *i)
{
	const struct drive *d = i->state;

	return d->ns->block_size;
}

/* False, and data is missing, if nothing on the drive can tell a wrong transfer. */
static bool open_drive(struct initiator *i, void *list, size_t k)
{
	const struct nvme_ns *ns = (const struct nvme_ns *)list + k;
	autofree char *path = xasprintf("/dev/%s", ns->name);
	/* Whole pages and whole blocks. */
	size_t unit = ns->block_size > page_size() ? ns->block_size : page_size();
	struct drive *d = xcalloc(1, sizeof(*d));
	int err;

	*d = (struct drive){ .ns = ns, .fd = -1 };
	i->state = d;
	i->name = ns->name;
	i->function = platform_find(scn_env(i->exam->ctx)->platform, ns->addr);
	if (ns->shared) {
		exam_say(i->exam, EVIDENCE_PATH, EVIDENCE_MISSING,
			 "'%s' is reached through several functions, and which one moves its data "
			 "is not known",
			 ns->name);
		return false;
	}
	d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	d->expected = pages_alloc(READ_MAX);
	d->again = pages_alloc(READ_MAX);
	err = d->fd < 0 ? -errno : 0;
	if (!err)
		err = nvme_find_reference(d->fd, ns->size, d->expected, READ_MAX, unit, &d->ref);
	if (err == -ENODATA)
		exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "'%s' has no data that can tell a wrong transfer: looked at %u places "
			 "for different blocks; write a file system with some files to it",
			 ns->name, NVME_REFERENCE_PLACES);
	else if (err)
		exam_say(i->exam, EVIDENCE_DATA, EVIDENCE_MISSING, "cannot read '%s': %s", path,
			 strerror(-err));
	/* A page of guards on either side. */
	i->area = d->ref.len + 2 * page_size();
	return !err && i->function;
}

static void close_drive(struct initiator *i)
{
	struct drive *d = i->state;

	if (d->fd >= 0)
		close(d->fd);
	free(d->expected);
	free(d->again);
	free(d);
}

/* All of it; and a few blocks once more, beginning within a page, with neighbours that must stay. */
static size_t cases(const struct initiator *i, size_t area, struct move_case list[MOVE_CASES])
{
	const struct drive *d = i->state;
	const size_t page = page_size(), few = FEW_BLOCKS * block(i);
	size_t len = area - 2 * page;

	if (len > d->ref.len)
		len = d->ref.len;
	list[0] = (struct move_case){ page, 0, len, false };
	list[1] = (struct move_case){ page + block(i), 0, few, false };
	return few + block(i) <= len ? 2 : 1;
}

static bool prepare(const struct move *m, struct content *holds)
{
	const struct drive *d = m->initiator->state;

	*holds = (struct content){ .bytes = d->expected };
	return true;
}

static int move(const struct move *m, struct moved *r)
{
	const struct drive *d = m->initiator->state;
	ssize_t n;

	do
		n = pread(d->fd, m->peer->map.addr + m->at.peer_at, m->at.len,
			  (off_t)d->ref.offset);
	while (initiator_nvme_result(n, r) < 0 && errno == EINTR);
	return 0;
}

/* Nothing is moved to a drive. */
static char *refuse(const struct move *m attr_unused, const struct content *came attr_unused)
{
	return NULL;
}

/* Does the drive still hold what was read from it at first? Somebody may be writing to it. */
static char *doubt(const struct move *m)
{
	const struct drive *d = m->initiator->state;

	if (nvme_read(d->fd, d->again, m->at.len, d->ref.offset) == 0 &&
	    memcmp(d->expected, d->again, m->at.len) == 0)
		return NULL;
	return xasprintf("'%s' changed while it was read; is it in use?", d->ns->name);
}

static void facts(const struct initiator *i, const struct peer *p)
{
	const struct drive *d = i->state;

	initiator_nvme_facts(d->ns, p, d->ref.offset);
}

const struct initiator_kind initiator_nvme = {
	.name = "nvme",
	.by = "device",
	.ways = { [MOVE_TO_PEER] = "drive-to-bar" },
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
	.doubt = doubt,
	.facts = facts,
};
