/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.nvme-cmb-read: one NVMe drive reads its blocks into the published memory of another
 * function, asked by O_DIRECT into a mapping of that memory. Strictly reads the drives. What must
 * arrive is known from the same read into ordinary memory; a transfer that moved nothing, too
 * little, or to the wrong place is told by the data alone, whatever the drive reported.
 */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/modfd.h"
#include "scenario/nvme.h"
#include "scenario/p2pdma.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

/* Of each transfer at most; what one command of most drives may carry. */
#define READ_MAX (128u * 1024)

struct drive {
	const struct nvme_ns *ns;
	const struct function *function;
	int fd;
	struct nvme_reference ref;
	unsigned char *expected; /* ref.len bytes, read into ordinary memory */
	unsigned char *again; /* as much room */
};

static void drive_release(struct drive *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->expected);
	free(d->again);
}

/* False, and data is missing, if nothing on the drive can tell a wrong transfer. */
static bool drive_open(struct drive *d, struct exam *x, const struct nvme_ns *ns)
{
	autofree char *path = xasprintf("/dev/%s", ns->name);
	/* Whole pages and whole blocks. */
	size_t unit = ns->block_size > page_size() ? ns->block_size : page_size();
	int err;

	*d = (struct drive){ .ns = ns, .fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC) };
	d->function = platform_find(scn_env(x->ctx)->platform, ns->addr);
	d->expected = pages_alloc(READ_MAX);
	d->again = pages_alloc(READ_MAX);
	err = d->fd < 0 ? -errno : 0;
	if (!err)
		err = nvme_find_reference(d->fd, ns->size, d->expected, READ_MAX, unit, &d->ref);
	if (err == -ENODATA)
		exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "'%s' has no data that can tell a wrong transfer: looked at %u places "
			 "for different blocks; write a file system with some files to it",
			 ns->name, NVME_REFERENCE_PLACES);
	else if (err)
		exam_say(x, EVIDENCE_DATA, EVIDENCE_MISSING, "cannot read '%s': %s", path,
			 strerror(-err));
	if (err || !d->function) {
		drive_release(d);
		return false;
	}
	return true;
}

/*
 * The read under test, into the peer's memory. The faults that other scenarios leave to the module
 * are committed here: reading elsewhere, flipping a bit, leaving out the last block.
 */
static ssize_t read_into(struct peer *p, const struct drive *d, const struct span *s)
{
	const struct scenario_ctx *ctx = p->exam->ctx;
	unsigned char *to = p->map.addr + s->at;
	size_t len = s->len;
	ssize_t n;

	if (scn_injected(ctx, "skip-copy"))
		to = d->again;
	if (scn_injected(ctx, "short-copy"))
		len -= d->ns->block_size;
	do
		n = len ? pread(d->fd, to, len, (off_t)d->ref.offset) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (scn_injected(ctx, "corrupt-copy"))
		*(volatile unsigned char *)to ^= 1;
	return n + (ssize_t)(s->len - len);
}

/* Is all that is there what was there before the read? */
static bool nothing_arrived(const unsigned char *found, const struct span *s)
{
	return pattern_verify(found, s->len, s->data, 0, NULL);
}

/* How what is there differs from what must be; NULL if it does not. */
static char *compare(const unsigned char *expected, const unsigned char *found,
		     const struct span *s)
{
	size_t wrong = 0, first = 0;

	for (size_t i = 0; i < s->len; i++)
		if (expected[i] != found[i] && wrong++ == 0)
			first = i;
	if (!wrong)
		return NULL;
	if (nothing_arrived(found, s))
		return xasprintf("nothing arrived: all %zu bytes are as before", s->len);
	return xasprintf("%zu of %zu bytes wrong, from offset 0x%zx on%s", wrong, s->len, first,
			 pattern_verify(found + first, s->len - first, s->data, first, NULL)
				 ? ", all of these as before: not everything arrived"
				 : "");
}

/* Does the drive still hold what was read from it at first? Somebody may be writing to it. */
static bool drive_unchanged(const struct drive *d, size_t len)
{
	return nvme_read(d->fd, d->again, len, d->ref.offset) == 0 &&
	       memcmp(d->expected, d->again, len) == 0;
}

/* A refusal: right if the kernel rules so, with one of its two words for it, and nothing moved. */
static bool judge_refusal(struct peer *p, const struct span *s, int err)
{
	autofree char *wrong = span_refuse(s, p->image, p->map.len);
	bool known = err == -EINVAL || err == -EREMOTEIO;

	if (wrong)
		peer_data_wrong(p, "the read was refused, and yet memory changed", wrong);
	if (p->supported)
		exam_say(p->exam, known ? EVIDENCE_PATH : EVIDENCE_DATA, EVIDENCE_REFUTED,
			 "%s: the kernel supports this pair, and the read fails with %s", p->name,
			 errno_text(err));
	else
		exam_say(p->exam, EVIDENCE_ERRNO, known ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			 "%s: refused with %s", p->name, errno_text(err));
	return !wrong && !p->supported && known;
}

static bool judge_data(struct peer *p, const struct drive *d, const struct span *s)
{
	autofree char *wrong = compare(d->expected, p->image + s->at, s);
	autofree char *guards = span_refuse_guards(s, p->image, p->map.len);

	if (!p->supported)
		exam_say(p->exam, EVIDENCE_PATH, EVIDENCE_REFUTED,
			 "%s: the kernel refuses this pair, and the read succeeds", p->name);
	if (guards)
		peer_data_wrong(p, "the read wrote beyond its buffer", guards);
	/* A drive in use may have changed; but not into what was in the peer's memory. */
	if (wrong && !nothing_arrived(p->image + s->at, s) && !drive_unchanged(d, s->len))
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_MISSING,
			 "%s: '%s' changed while it was read; is it in use?", p->name, d->ns->name);
	else if (wrong)
		peer_data_wrong(p, "the read reported success, and its data is wrong", wrong);
	return !wrong && !guards && p->supported;
}

/* One read. False if something about it was not right. */
static bool transfer(struct peer *p, const struct drive *d, size_t at, size_t len)
{
	const struct span s = { at, len, exam_seed(p->exam), exam_seed(p->exam) };
	ssize_t n;

	if (!peer_fill(p, &s))
		return false;
	n = read_into(p, d, &s);
	peer_look(p);
	if (n < 0)
		return judge_refusal(p, &s, (int)n);
	if ((size_t)n != len) {
		exam_say(p->exam, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s: %zd of %zu bytes were read",
			 p->name, n, len);
		return false;
	}
	return judge_data(p, d, &s);
}

static void examine(struct exam *x, const struct drive *d, const struct function *target)
{
	const size_t page = page_size();
	size_t few = 3 * d->ns->block_size;
	struct peer p;
	bool good;

	/* A page of guards on either side. */
	if (!peer_begin(&p, x, d->function, target, d->ns->name, d->ref.len + 2 * page))
		return;
	good = transfer(&p, d, page, d->ref.len);
	/* Once more beginning within a page, with neighbours that must stay. */
	if (good && few + d->ns->block_size <= d->ref.len)
		good = transfer(&p, d, page + d->ns->block_size, few);
	if (p.supported)
		x->exercised++;
	if (good && p.supported)
		exam_say(x, EVIDENCE_DATA, EVIDENCE_PROVEN,
			 "%s: %zu bytes from offset %llu of '%s' are right, guards untouched",
			 p.name, d->ref.len, (unsigned long long)d->ref.offset, d->ns->name);
	jx_set_str(p.fact, "device", d->ns->name);
	jx_set_str(p.fact, "serial", d->ns->serial);
	jx_set_hex(p.fact, "offset", d->ref.offset, 1);
	jx_set_int(p.fact, "bytes", (json_int_t)d->ref.len);
	peer_conclude(&p, good);
	exam_device(x, d->function);
	exam_device(x, target);
	peer_end(&p);
}

static void examine_drive(struct exam *x, const struct nvme_ns *ns)
{
	const struct platform *platform = scn_env(x->ctx)->platform;
	struct drive d;

	if (ns->shared) {
		exam_say(x, EVIDENCE_PATH, EVIDENCE_MISSING,
			 "'%s' is reached through several functions, and which one moves its data "
			 "is "
			 "not known",
			 ns->name);
		return;
	}
	if (!drive_open(&d, x, ns))
		return;
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (p2pmem_is_provider(f) && f != d.function)
			examine(x, &d, f);
	}
	drive_release(&d);
}

int p2pdma_by_drives(struct exam *x)
{
	struct nvme_ns *list;
	size_t n;
	int err = nvme_list(scn_env(x->ctx)->sysroot, &list, &n);

	if (err) {
		scn_error(x->ctx, ERROR_SETUP, "cannot list NVMe namespaces: %s", strerror(-err));
		return err;
	}
	for (size_t i = 0; i < n; i++)
		examine_drive(x, &list[i]);
	nvme_free(list, n);
	return 0;
}

static enum outcome run_nvme_cmb_read(struct scenario_ctx *ctx)
{
	struct exam x;

	if (exam_begin(&x, ctx, EXAM_DATA, EXAM_FAULTS) < 0)
		return OUTCOME_ERROR;
	if (p2pdma_by_drives(&x) < 0) {
		exam_abandon(&x);
		return OUTCOME_ERROR;
	}
	return exam_end(&x);
}

const struct scenario scenario_p2pdma_nvme_cmb_read = {
	.id = "p2pdma.nvme-cmb-read",
	.title = "O_DIRECT read from one NVMe drive into the controller memory of another",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_BLK_DEV_NVME && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "nvme-pair" }),
	.evidence = EV(DATA) | EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 120,
	.FAULTS("skip-copy", "corrupt-copy", "short-copy", "wrong-verdict", "leak",
		MODFD_FAULTS_ENTER),
	.run = run_nvme_cmb_read,
};
