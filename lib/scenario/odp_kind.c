/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.shmem, odp.zero-page, odp.file, odp.dax: kinds of memory that a region on demand can be of. What the
 * device writes into the memory of a file is in the file, on its disk once it is synced; what it reads
 * where nobody has written is zero, and what it then writes there is the process's own page.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/odp_file.h"
#include "scenario/scenario.h"

#define PAGES 8

struct kind {
	const char *name;
	/* memory for the remote buffer; -ENODEV: the machine has none of the kind, *why not */
	int (*map)(struct rig *r, char **why);
	/* looks at what the device has left elsewhere; NULL: nowhere */
	int (*look)(struct rig *r);
};

/* --- kinds -------------------------------------------------------------------------------------- */

static int map_shmem(struct rig *r, char **why attr_unused)
{
	return rig_map_memfd(r, &r->remote);
}

static int map_anonymous(struct rig *r, char **why attr_unused)
{
	return rig_map(r, &r->remote, -1);
}

static int map_file(struct rig *r, char **why)
{
	return rig_map_disk(r, &r->remote, why);
}

static int map_dax(struct rig *r, char **why)
{
	return rig_map_dax(r, &r->remote, why);
}

static int look_into_file(struct rig *r)
{
	autofree unsigned char *now = xcalloc(1, r->len);
	ssize_t n = pread(r->remote.fd, now, r->len, 0);

	if (n < 0)
		return -errno;
	if ((size_t)n == r->len && memcmp(now, r->remote.known, r->len) == 0)
		return 0;
	r->wrong_data = true;
	return rig_refute(r, EVIDENCE_DATA, "the file does not hold what its memory does");
}

/* Nothing of it is in memory any more that the disk does not have. */
static int look_on_disk(struct rig *r)
{
	if (fsync(r->remote.fd) < 0)
		return -errno;
	if (madvise(r->remote.data, r->len, MADV_DONTNEED) < 0)
		return -errno;
	return -posix_fadvise(r->remote.fd, 0, 0, POSIX_FADV_DONTNEED) ?: look_into_file(r);
}

/* The page of zeros that all share is still one. */
static int look_at_zeros(struct rig *r)
{
	static const unsigned char zeros[64];
	unsigned char *other = mmap(NULL, r->page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool good;

	if (other == MAP_FAILED)
		return -errno;
	good = memcmp(other, zeros, sizeof(zeros)) == 0 &&
	       memcmp(other, other + sizeof(zeros), r->page - sizeof(zeros)) == 0;
	munmap(other, r->page);
	if (good)
		return 0;
	r->wrong_data = true;
	return rig_refute(r, EVIDENCE_DATA, "new memory is not zero");
}

/* --- course ------------------------------------------------------------------------------------- */

/* Read first, so that what is written then is not there to be written yet; twice, with a look between. */
static int run_pass(struct rig *r, const struct kind *k, unsigned int pass)
{
	int ret;

	rig_stage(r, "%s, pass %u", k->name, pass);
	rig_fill(r, &r->local);
	ret = rig_mapped(r, &r->remote, 0);
	ret = ret ?: rig_move_all(r, &rig_read, IBV_WC_SUCCESS) ?: rig_check(r, &r->local);
	if (ret)
		return ret;
	for (int i = 0; i < 2 && !ret; i++) {
		rig_fill(r, &r->local);
		ret = rig_move_all(r, &rig_write, IBV_WC_SUCCESS);
		ret = ret ?: rig_mapped(r, &r->remote, PAGES);
		if (k->look)
			ret = ret ?: k->look(r);
	}
	return ret ?: rig_check(r, &r->remote) ?: rig_check(r, &r->local);
}

static int run_all(struct rig *r, const struct kind *k)
{
	int ret = rig_map_memfd(r, &r->local);

	ret = ret ?: rig_register(r, &r->remote, true) ?: rig_register(r, &r->local, false);
	for (unsigned int pass = 0; pass < 2 && !ret; pass++)
		ret = rig_drop(r, &r->remote) ?: run_pass(r, k, pass);
	return ret;
}

static enum outcome body(struct rdma_device *device, const void *arg)
{
	const struct kind *k = arg;
	enum outcome outcome;
	struct rig r;
	autofree char *why = NULL;
	int ret = rig_open(&r, device, PAGES);

	rig_stage(&r, "%s", k->name);
	ret = ret ?: k->map(&r, &why);
	if (why) {
		device->category = SKIP_DEPENDENCY;
		rig_close(&r);
		return rdma_conclude(device, OUTCOME_SKIP, "%s", why);
	}
	ret = ret ?: run_all(&r, k);
	if (ret > 0 && r.wrong_data)
		scn_finding(device->ctx, "ODP-WRONG-DATA", NULL, 0, "%s: %s", device->verbs.name,
			    r.stage);
	if (!ret) {
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %s: %u pages read, written and written again, twice: right where "
			     "they are mapped and where they come from",
			     device->verbs.name, k->name, PAGES);
		scn_evidence(device->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
			     "%s: %s: no page was mapped before, and all were after",
			     device->verbs.name, k->name);
	}
	outcome = rig_conclude(&r, ret, "%s", k->name);
	rig_close(&r);
	return outcome;
}

#define KIND(symbol, odp_id, faults_, text, ...) \
	ODP_SCENARIO(symbol, odp_id, text, IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, \
		     (&(const struct kind){ __VA_ARGS__ }), EV(DATA) | EV(PATH), .FAULTS faults_)

KIND(shmem, "shmem", (RIG_FAULTS), "an on-demand region of shared memory", .name = "shared memory",
     .map = map_shmem, .look = look_into_file);
KIND(zero_page, "zero-page", (RIG_FAULTS),
     "an on-demand region of memory that nobody has written to", .name = "untouched memory",
     .map = map_anonymous, .look = look_at_zeros);
/* No kernel pins the memory of a file on a disk for long, to be written to. */
KIND(file, "file", ("skip-copy", "corrupt-copy"), "an on-demand region of a file on a disk",
     .name = "a file on a disk", .map = map_file, .look = look_on_disk);
KIND(dax, "dax", ("skip-copy", "corrupt-copy"),
     "an on-demand region of a file in persistent memory", .name = "a file in persistent memory",
     .map = map_dax, .look = look_on_disk);
