/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.nvme-cmb-write: an NVMe drive takes blocks out of the published memory of another function, asked by
 * O_DIRECT from a mapping of that memory. What the drive holds then is read into ordinary memory, past every
 * cache, and so are the blocks around it. It overwrites a range of the drive, and so is for drives alone that
 * were named, that nothing uses, and that have no partitions; what the range held is in the journal before, and
 * is put back whatever happens.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/modfd.h"
#include "scenario/nvme.h"
#include "scenario/p2pdma.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define BYTES (16u * 1024) /* of a transfer; a multiple of any page and block there is */
#define AREA (3 * BYTES) /* of the drive: with as much on either side, which must stay */
#define STEP (1u << 20)

struct drive {
	struct exam *exam;
	const struct nvme_ns *ns;
	const struct function *function;
	int fd;
	uint64_t offset; /* of the area */
	/* what the area holds: at first, before a write, and after it */
	unsigned char *original, *before, *now;
};

static bool is_named(const struct scenario_env *env, struct pci_addr addr)
{
	struct pci_addr named;

	for (const char *const *d = env->devices; d && *d; d++)
		if (pci_addr_parse(*d, &named) == 0 && pci_addr_eq(named, addr))
			return true;
	return false;
}

static void missing(struct drive *d, const char *what, const char *why)
{
	exam_say(d->exam, EVIDENCE_DATA, EVIDENCE_MISSING, "'%s' %s: %s", d->ns->name, what, why);
}

/* The supervisor keeps what the area holds, and puts it back. */
static bool area_lend(struct drive *d)
{
	autofree char *why = NULL;
	json_t *args = jx_object();
	int err;

	jx_set_str(args, "address", pci_addr_str(d->ns->addr));
	jx_set_str(args, "disk", d->ns->name);
	jx_set_int(args, "offset", (json_int_t)d->offset);
	jx_set_int(args, "bytes", AREA);
	err = scn_change(d->exam->ctx, "disk-range", args, NULL, &why);
	if (err)
		missing(d, "is not written to", why ? why : strerror(-err));
	return !err;
}

static void drive_release(struct drive *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->original);
	free(d->before);
	free(d->now);
}

/* Of the middle of the drive, where no label of a file system or of a partition is. */
static bool drive_open(struct drive *d, struct exam *x, const struct nvme_ns *ns)
{
	autofree char *path = xasprintf("/dev/%s", ns->name);
	int err;

	*d = (struct drive){ .exam = x, .ns = ns, .fd = -1 };
	d->function = platform_find(scn_env(x->ctx)->platform, ns->addr);
	d->offset = ns->size / 2 / STEP * STEP;
	if (!d->function || ns->block_size > BYTES || d->offset + AREA > ns->size) {
		missing(d, "is not written to",
			"it is too small, or has blocks that are too large");
		return false;
	}
	d->original = pages_alloc(AREA);
	d->before = pages_alloc(AREA);
	d->now = pages_alloc(AREA);
	if (!area_lend(d))
		return false;
	d->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	err = d->fd < 0 ? -errno : nvme_read(d->fd, d->original, AREA, d->offset);
	if (err)
		missing(d, "cannot be read", strerror(-err));
	return !err;
}

/* --- one write ---------------------------------------------------------------------------------------- */

/*
 * The write under test, out of the peer's memory. The faults that other scenarios leave to the module are
 * committed here: nothing is written, one bit is wrong, the last block is left out.
 */
static ssize_t write_from(struct peer *p, const struct drive *d)
{
	const struct scenario_ctx *ctx = p->exam->ctx;
	size_t len = BYTES;
	ssize_t n;

	if (scn_injected(ctx, "skip-copy"))
		return BYTES;
	if (scn_injected(ctx, "corrupt-copy"))
		*(volatile uint64_t *)p->map.addr ^= 1;
	if (scn_injected(ctx, "short-copy"))
		len -= d->ns->block_size;
	do
		n = pwrite(d->fd, p->map.addr, len, (off_t)(d->offset + BYTES));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n + (ssize_t)(BYTES - len);
}

/* Is the area as it was, but for the blocks between? */
static bool surroundings_are_right(struct peer *p, const struct drive *d)
{
	if (memcmp(d->before, d->now, BYTES) == 0 &&
	    memcmp(d->before + 2 * BYTES, d->now + 2 * BYTES, BYTES) == 0)
		return true;
	peer_data_wrong(p, "the write changed blocks of the drive beside its own",
			"these are put back");
	return false;
}

static bool judge_refusal(struct peer *p, const struct drive *d, int err)
{
	bool known = err == -EINVAL || err == -EREMOTEIO;
	bool same = memcmp(d->before, d->now, AREA) == 0;

	if (!same)
		peer_data_wrong(p, "the write was refused, and yet the drive changed",
				"it is put back");
	if (p->supported)
		exam_say(p->exam, known ? EVIDENCE_PATH : EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "%s: the kernel supports this pair, and the write fails with %s", p->name,
			 errno_text(err));
	else
		exam_say(p->exam, EVIDENCE_ERRNO, known ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			 "%s: refused with %s", p->name, errno_text(err));
	return same && !p->supported && known;
}

static bool judge_data(struct peer *p, const struct drive *d, const struct span *s)
{
	autofree char *source = span_refuse(s, p->image, p->map.len);
	struct pattern_mismatch m;
	bool right = pattern_verify(d->now + BYTES, BYTES, s->data, 0, &m);

	if (!p->supported)
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
			 "%s: the kernel refuses this pair, and the write succeeds", p->name);
	if (source)
		peer_data_wrong(p, "the write's source, in the peer's memory", source);
	if (!right) {
		autofree char *text = pattern_mismatch_text(&m);

		peer_data_wrong(p, "the write reported success, and the drive holds other data",
				text);
	}
	return right && !source && p->supported;
}

static bool transfer(struct peer *p, const struct drive *d)
{
	const struct span s = { 0, BYTES, exam_seed(p->exam), exam_seed(p->exam) };
	bool good;
	ssize_t n;
	int err;

	if (!peer_fill(p, &s))
		return false;
	err = nvme_read(d->fd, d->before, AREA, d->offset);
	n = err ? 0 : write_from(p, d);
	/* The fault: nobody is there to put back what the drive held but the supervisor. */
	if (scn_injected(p->exam->ctx, "killed"))
		raise(SIGKILL);
	peer_look(p);
	err = err ?: nvme_read(d->fd, d->now, AREA, d->offset);
	if (err) {
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s: the drive cannot be read: %s", p->name, strerror(-err));
		return false;
	}
	if (n < 0)
		return judge_refusal(p, d, (int)n);
	if (n != BYTES) {
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "%s: %zd of %u bytes were written", p->name, n, BYTES);
		return false;
	}
	good = judge_data(p, d, &s);
	return surroundings_are_right(p, d) && good;
}

static void examine(struct drive *d, const struct function *target)
{
	struct exam *x = d->exam;
	struct peer p;
	bool good;

	if (!peer_begin(&p, x, d->function, target, d->ns->name, BYTES))
		return;
	good = transfer(&p, d);
	if (p.supported)
		x->exercised++;
	if (good && p.supported)
		exam_say(x, EVIDENCE_DATA, EVIDENCE_PROVEN,
			 "%s: %u bytes at offset %" PRIu64 " of '%s' are right, those around them "
			 "untouched",
			 p.name, BYTES, d->offset + BYTES, d->ns->name);
	jx_set_str(p.fact, "device", d->ns->name);
	jx_set_str(p.fact, "serial", d->ns->serial);
	jx_set_hex(p.fact, "offset", d->offset + BYTES, 1);
	jx_set_int(p.fact, "bytes", BYTES);
	peer_conclude(&p, good);
	exam_device(x, d->function);
	exam_device(x, target);
	peer_end(&p);
}

/* --- the drive ------------------------------------------------------------------------------------------ */

/* Put back before the scenario is over, so that it can be seen. */
static void put_back(struct drive *d)
{
	autofree char *path = xasprintf("/dev/%s", d->ns->name);
	autofree char *why = NULL;
	bool same;
	int err;

	/* whoever puts it back claims the drive */
	close(d->fd);
	err = scn_undo(d->exam->ctx, &why);
	d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (!err)
		err = d->fd < 0 ? -errno : nvme_read(d->fd, d->now, AREA, d->offset);
	same = !err && memcmp(d->original, d->now, AREA) == 0;
	exam_say(d->exam, EVIDENCE_LEAK, same ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		 "'%s' holds what it held: %s", d->ns->name,
		 err    ? why ? why : strerror(-err)
		    : same ? "all of it"
			: "no");
}

static void examine_drive(struct exam *x, const struct nvme_ns *ns)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	struct drive d;

	if (drive_open(&d, x, ns)) {
		for (size_t i = 0; i < platform->nr_functions; i++) {
			const struct function *f = &platform->functions[i];

			if (p2pmem_is_provider(f) && f != d.function)
				examine(&d, f);
		}
		put_back(&d);
	}
	drive_release(&d);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	const struct scenario_env *env = scn_env(ctx);
	struct nvme_ns *list;
	struct exam x;
	size_t n, used = 0;
	int err;

	if (exam_begin(&x, ctx, EXAM_DATA, EXAM_FAULTS) < 0)
		return OUTCOME_ERROR;
	err = nvme_list(env->sysroot, &list, &n);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "cannot list NVMe namespaces: %s", strerror(-err));
		exam_abandon(&x);
		return OUTCOME_ERROR;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_named(env, list[i].addr) || list[i].shared)
			continue;
		examine_drive(&x, &list[i]);
		used++;
	}
	nvme_free(list, n);
	if (!used) {
		scn_skip(ctx, SKIP_HW_UNSUPPORTED,
			 "none of the named devices is an NVMe drive with data of its own");
		exam_abandon(&x);
		return OUTCOME_SKIP;
	}
	return exam_end(&x);
}

const struct scenario scenario_p2pdma_nvme_cmb_write = {
	.id = "p2pdma.nvme-cmb-write",
	.title = "O_DIRECT write to one NVMe drive from the controller memory of another",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_BLK_DEV_NVME && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "nvme-pair" }),
	.evidence = EV(DATA) | EV(PATH) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 120,
	.FAULTS("skip-copy", "corrupt-copy", "short-copy", "wrong-verdict", "leak", "killed",
		MODFD_FAULTS_ENTER),
	.run = run,
};
