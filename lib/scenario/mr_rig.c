/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every memory with every importer, and what is held against what. */
#include "scenario/mr_rig.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/features.h"
#include "scenario/p2pmem.h"
#include "scenario/pattern.h"
#include "scenario/verbs.h"
#include "scenario/vfio.h"

struct mr_run {
	unsigned int what;
	mr_body *body;
	uint64_t patterns; /* drawn so far */
	size_t cases[NR_EVIDENCE_KINDS]; /* in which it held */
	size_t done;
	json_t *transfers; /* NULL: none was told of */
	bool engine, bar, vfio; /* took part */
	bool verbs; /* now */
	struct pci_addr *devices; /* of importers, that were said to take part */
	size_t nr_devices;
	int no_vfio; /* why a function could not be had under VFIO; 0: it could, or was not wanted */
};

/* --- saying ------------------------------------------------------------------------------------- */

void mr_stage(struct mr_case *c, const char *fmt, ...)
{
	va_list ap;

	free(c->stage);
	va_start(ap, fmt);
	c->stage = xvasprintf(fmt, ap);
	va_end(ap);
}

int mr_refute(struct mr_case *c, enum evidence_kind kind, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (c->importer && c->importer->verbs && mr_verbs_is_gone(c->importer->verbs))
		return -ENETDOWN;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_evidence(c->ctx, kind, EVIDENCE_REFUTED, "%s, %s: %s%s%s",
		     c->memory ? c->memory->name : "no memory",
		     c->importer ? c->importer->name : "no importer", c->stage ? c->stage : "",
		     c->stage ? ": " : "", text);
	scn_why(c->ctx, "%s%s%s", c->stage ? c->stage : "", c->stage ? ": " : "", text);
	return 1;
}

void mr_prove(struct mr_case *c, enum evidence_kind kind)
{
	c->run->cases[kind]++;
}

void mr_transfer(struct mr_case *c, json_t *fact)
{
	if (!c->run->transfers)
		c->run->transfers = jx_array();
	jx_append(c->run->transfers, fact);
}

int mr_expect(struct mr_case *c, const char *what, int err, int expected)
{
	if (err == expected) {
		mr_prove(c, EVIDENCE_ERRNO);
		return 0;
	}
	return mr_refute(c, EVIDENCE_ERRNO, "%s: %s, expected %s", what,
			 err ? errno_text(err) : "it succeeds",
			 expected ? errno_text(expected) : "success");
}

int mr_expect_refused(struct mr_case *c, size_t offset, size_t len, int expected)
{
	autofree unsigned char *data = xcalloc(1, len);
	int ret;

	if (c->importer->verbs)
		expected = -EREMOTEIO;
	ret = mr_expect(c, "reading", mr_access(c->importer, offset, data, len, false), expected);
	return ret
		       ?: mr_expect(c, "writing", mr_access(c->importer, offset, data, len, true),
				    expected);
}

uint64_t mr_seed(struct mr_case *c)
{
	return pattern_seed(scn_env(c->ctx)->seed, ++c->run->patterns);
}

/* --- data --------------------------------------------------------------------------------------- */

int mr_read(struct mr_case *c, size_t offset, size_t len)
{
	autofree unsigned char *data = xcalloc(1, len);
	int err = mr_access(c->importer, offset, data, len, false);

	if (err)
		return mr_refute(c, EVIDENCE_DATA, "%zu bytes at %zu cannot be read: %s", len,
				 offset, errno_text(err));
	for (size_t i = 0; i < len; i++)
		if (data[i] != c->memory->known[offset + i])
			return mr_refute(c, EVIDENCE_DATA,
					 "byte %zu reads as 0x%02x, must be 0x%02x", offset + i,
					 data[i], c->memory->known[offset + i]);
	return 0;
}

int mr_write(struct mr_case *c, size_t offset, size_t len)
{
	int err;

	pattern_fill(c->memory->known + offset, len, mr_seed(c), 0);
	err = mr_access(c->importer, offset, c->memory->known + offset, len, true);
	if (err)
		return mr_refute(c, EVIDENCE_DATA, "%zu bytes at %zu cannot be written: %s", len,
				 offset, errno_text(err));
	return mr_check(c);
}

int mr_check(struct mr_case *c)
{
	autofree char *wrong = mr_memory_refuse(c->memory);

	if (wrong)
		return mr_refute(c, EVIDENCE_DATA, "%s", wrong);
	mr_prove(c, EVIDENCE_DATA);
	return 0;
}

int mr_use(struct mr_case *c)
{
	const size_t some = 48;
	size_t last = c->memory->len - some;
	int ret = mr_read(c, 0, some);

	ret = ret ?: mr_read(c, last, some);
	ret = ret ?: mr_write(c, 0, some);
	return ret ?: mr_write(c, last, some);
}

/* --- counters ----------------------------------------------------------------------------------- */

int mr_held(struct mr_case *c, unsigned int attachments, unsigned int mappings)
{
	struct p2pcert_dmabuf_place place;
	int err;

	if (c->memory->owner < 0)
		return 0;
	err = mr_memory_look(c->memory, &place);
	if (err)
		return err;
	if (c->run->verbs && attachments)
		mappings = place.mappings;
	if (place.attachments != attachments || place.mappings != mappings)
		return mr_refute(c, EVIDENCE_COUNTERS,
				 "the exporter has %u attachments and %u mappings, must have %u "
				 "and %u",
				 place.attachments, place.mappings, attachments, mappings);
	mr_prove(c, EVIDENCE_COUNTERS);
	return 0;
}

/* --- every pair --------------------------------------------------------------------------------- */

/* Whatever the body saw. */
static int judge_queues(struct mr_case *c)
{
	const char *wrong = mr_verbs_wrong(c->importer->verbs);

	mr_stage(c, "its queues");
	if (mr_verbs_is_gone(c->importer->verbs))
		return -ENETDOWN;
	return wrong ? mr_refute(c, EVIDENCE_DATA, "%s", wrong) : 0;
}

/* Once, however much memory it meets. */
static void say_device(struct mr_run *run, struct scenario_ctx *ctx, struct pci_addr addr)
{
	for (size_t i = 0; i < run->nr_devices; i++)
		if (pci_addr_eq(run->devices[i], addr))
			return;
	run->devices = xreallocarray(run->devices, run->nr_devices + 1, sizeof(*run->devices));
	run->devices[run->nr_devices++] = addr;
	scn_device(ctx, addr);
}

static int run_case(struct mr_run *run, struct scenario_ctx *ctx, struct mr_memory *m,
		    struct mr_importer *im)
{
	struct mr_case c = { .run = run, .ctx = ctx, .memory = m, .importer = im };
	int ret = mr_memory_fill(m, mr_seed(&c));

	ret = ret ?: run->body(&c);
	if (ret >= 0 && im->verbs)
		ret = judge_queues(&c) ?: ret;
	if (ret < 0)
		scn_error(ctx, ERROR_SETUP, "%s, %s: %s%s%s", m->name, im->name,
			  c.stage ? c.stage : "", c.stage ? ": " : "", strerror(-ret));
	free(c.stage);
	run->done++;
	if (im->is_function)
		say_device(run, ctx, im->addr);
	run->engine |= mr_has_engine(im);
	run->bar |= m->has_bar;
	run->vfio |= m->vfio != NULL;
	return ret;
}

/* Who registers the memory. */
static const struct importer_kind {
	bool engine;
	uint32_t flags;
} importer_kinds[] = {
	{ false, P2PCERT_ATTACH_WRITE | P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER },
	{ false, P2PCERT_ATTACH_WRITE | P2PCERT_ATTACH_PIN },
	{ false, P2PCERT_ATTACH_WRITE },
	{ true, P2PCERT_ATTACH_WRITE | P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER },
};

static bool wanted(const struct mr_run *run, const struct importer_kind *kind, bool bar)
{
	/* A BAR is for who is a PCI function. */
	if (bar && !kind->engine)
		return false;
	return kind->flags & P2PCERT_ATTACH_NOTIFY || run->what & MR_NOT_TOLD;
}

static int open_memory(struct scenario_ctx *ctx, unsigned int which, const struct pci_addr *bar,
		       struct mr_memory *m)
{
	if (which == MR_UDMABUF)
		return mr_memory_udmabuf(m);
	if (which == MR_VFIO)
		return bar ? mr_memory_vfio(ctx, *bar, m) : -EINVAL;
	return bar ? mr_memory_bar(ctx, *bar, 0, 1, m) : mr_memory_module(ctx, m);
}

/* Closes the importer. */
static int run_pair(struct mr_run *run, struct scenario_ctx *ctx, unsigned int which,
		    const struct pci_addr *bar, struct mr_importer *im)
{
	struct mr_memory m;
	int ret = open_memory(ctx, which, bar, &m);

	if (!ret) {
		ret = run_case(run, ctx, &m, im);
	} else if (which == MR_VFIO) {
		run->no_vfio = ret;
		ret = 0;
	} else if (which == MR_UDMABUF && ret == -ENODEV) {
		ret = 0; /* the kernel need not have it */
	} else {
		scn_error(ctx, ERROR_SETUP, "no dma-buf '%s': %s", m.name, strerror(-ret));
	}
	mr_importer_close(im);
	mr_memory_close(&m);
	return ret;
}

static int run_engines(struct mr_run *run, struct scenario_ctx *ctx, unsigned int which,
		       const struct pci_addr *bar, uint32_t flags)
{
	size_t most = run->what & MR_EVERY_ENGINE ? SIZE_MAX : 1;
	int ret = 0;

	for (size_t nth = 0; nth < most && !ret; nth++) {
		struct mr_importer im;

		ret = mr_importer_engine(ctx, nth, flags, &im);
		if (ret == -ENODEV)
			return 0; /* no more of them are free */
		ret = ret ?: run_pair(run, ctx, which, bar, &im);
	}
	return ret;
}

static int run_importers(struct mr_run *run, struct scenario_ctx *ctx, unsigned int which,
			 const struct pci_addr *bar)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(importer_kinds) && !ret; i++) {
		const struct importer_kind *kind = &importer_kinds[i];
		struct mr_importer im;

		if (!wanted(run, kind, bar))
			continue;
		if (kind->engine) {
			ret = run_engines(run, ctx, which, bar, kind->flags);
			continue;
		}
		ret = mr_importer_open(ctx, kind->flags, &im);
		ret = ret ?: run_pair(run, ctx, which, bar, &im);
	}
	return ret;
}

/*
 * Does it take dma-bufs, and is it one that the body wants? One that has pinned the memory is not told of
 * moves.
 */
static bool takes_dmabufs(const struct mr_run *run, struct scenario_ctx *ctx,
			  struct mr_importer *im)
{
	struct p2pcert_dmabuf_place place = { 0 };
	struct mr_memory m;
	int err = mr_memory_module(ctx, &m);

	err = err ?: mr_attach(im, m.fd);
	if (!err) {
		err = mr_memory_look(&m, &place);
		if (place.pins)
			im->flags = P2PCERT_ATTACH_WRITE | P2PCERT_ATTACH_PIN;
		err = mr_detach(im) ?: err;
	}
	mr_memory_close(&m);
	return !err && (mr_is_told(im) || run->what & MR_NOT_TOLD);
}

/* Those that take none are for mr.dmabuf-unsupported to judge. */
static int run_verbs(struct mr_run *run, struct scenario_ctx *ctx, unsigned int which,
		     const struct pci_addr *bar)
{
	const char *only = scn_env(ctx)->rdma_device;
	char **names = mr_verbs_names(scn_env(ctx));
	int ret = 0;

	for (char **name = names; name && *name && !ret; name++) {
		autofree char *why = NULL;
		struct mr_importer im;

		if (only && strcmp(*name, only) != 0)
			continue;
		if (mr_importer_verbs(ctx, *name, &im, &why) < 0 || (bar && !im.is_function) ||
		    !takes_dmabufs(run, ctx, &im)) {
			mr_importer_close(&im);
			continue;
		}
		run->verbs = true;
		ret = run_pair(run, ctx, which, bar, &im);
		run->verbs = false;
	}
	if (names)
		verbs_names_free(names);
	return ret;
}

static int run_memory(struct mr_run *run, struct scenario_ctx *ctx, unsigned int which,
		      const struct pci_addr *bar)
{
	int ret = run_importers(run, ctx, which, bar);

	return ret ?: run_verbs(run, ctx, which, bar);
}

static int bind_driver(struct scenario_ctx *ctx, struct pci_addr addr, const char *driver)
{
	autofree char *why = NULL;
	json_t *args = jx_object();

	jx_set_str(args, "address", pci_addr_str(addr));
	jx_set_str(args, "driver", driver);
	if (scn_change(ctx, "driver-override", args, NULL, &why) == 0)
		return 0;
	scn_error(ctx, ERROR_SETUP, "%s", why);
	return -ENXIO;
}

static int run_bar(struct mr_run *run, struct scenario_ctx *ctx, struct pci_addr addr)
{
	int ret = bind_driver(ctx, addr, MR_MODULE);

	return ret ?: run_memory(run, ctx, MR_BAR, &addr);
}

static int run_vfio(struct mr_run *run, struct scenario_ctx *ctx, struct pci_addr addr)
{
	autofree char *why = NULL;

	if (vfio_bind(ctx, addr, &why) == 0)
		return run_memory(run, ctx, MR_VFIO, &addr);
	scn_error(ctx, ERROR_SETUP, "%s", why);
	return -ENXIO;
}

/* Without an IOMMU there is no VFIO either. */
static bool has_vfio(const struct scenario_env *env)
{
	return env->platform->iommu_groups == KNOWN_PRESENT &&
	       features_get(env->features, "vfio_pci_dmabuf") != FEATURE_ABSENT;
}

/* What goes wrong with the one exporter says nothing of the other. */
static int run_function(struct mr_run *run, struct scenario_ctx *ctx, struct pci_addr addr)
{
	int ret = 0, under_vfio = 0;

	scn_device(ctx, addr);
	if (run->what & MR_BAR)
		ret = run_bar(run, ctx, addr);
	if (ret >= 0 && run->what & MR_VFIO && has_vfio(scn_env(ctx)))
		under_vfio = run_vfio(run, ctx, addr);
	return under_vfio ?: ret;
}

/* Is the BAR that would be handed out, the largest one, for writing patterns to? */
static bool has_memory(const struct function *f)
{
	const struct bar *largest = NULL;

	for (int i = 0; f && i < PCI_BARS; i++) {
		const struct bar *b = &f->bars[i];

		if ((b->kind == BAR_MEM32 || b->kind == BAR_MEM64) &&
		    (!largest || b->size > largest->size))
			largest = b;
	}
	return largest && p2pmem_bar_is_memory(f, (unsigned int)(largest - f->bars));
}

static int run_all(struct mr_run *run, struct scenario_ctx *ctx)
{
	const struct scenario_env *env = scn_env(ctx);
	struct pci_addr addr;
	int ret = 0;

	if (run->what & MR_PAGES_OF_MODULE)
		ret = run_memory(run, ctx, MR_PAGES_OF_MODULE, NULL);
	if (!ret && run->what & MR_UDMABUF)
		ret = run_memory(run, ctx, MR_UDMABUF, NULL);
	for (size_t i = 0;
	     run->what & MR_BAR && env->allow_unsafe && env->devices && env->devices[i] && !ret;
	     i++)
		if (pci_addr_parse(env->devices[i], &addr) == 0 &&
		    has_memory(platform_find(env->platform, addr)))
			ret = run_function(run, ctx, addr);
	return ret;
}

static void say_proven(struct mr_run *run, struct scenario_ctx *ctx)
{
	static const struct {
		enum evidence_kind kind;
		const char *text;
	} kinds[] = {
		{ EVIDENCE_DATA, "is what must be there, as importer and exporter see it" },
		{ EVIDENCE_PATH, "the addresses that the importer is given are the memory's" },
		{ EVIDENCE_COUNTERS, "exporter and importer count what was done" },
		{ EVIDENCE_ERRNO, "what is refused is refused with the errno that it must be" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (run->cases[kinds[i].kind])
			scn_evidence(ctx, kinds[i].kind, EVIDENCE_PROVEN,
				     "%s: %zu times, in %zu pairs of memory and importer",
				     kinds[i].text, run->cases[kinds[i].kind], run->done);
}

static void say_why(const struct mr_run *run, struct scenario_ctx *ctx)
{
	autofree char *no_vfio = NULL;

	if (run->no_vfio)
		no_vfio = xasprintf(", not under VFIO (%s)", errno_text(run->no_vfio));
	scn_why(ctx, "as it must be in %zu pair%s of memory and importer%s%s%s", run->done,
		run->done == 1 ? "" : "s",
		run->engine ? ", with a DMA engine" : "; no DMA engine is free",
		run->bar ? ", and in a BAR" : "",
		run->vfio ? ", also under VFIO"
		: no_vfio ? no_vfio
			  : "");
}

static enum outcome conclude(struct mr_run *run, struct scenario_ctx *ctx, int ret)
{
	if (ret < 0)
		return OUTCOME_ERROR;
	if (ret)
		return OUTCOME_FAIL;
	if (!run->done) {
		scn_skip(ctx, SKIP_HW_ABSENT,
			 "no DMA engine is free, or none reaches the BAR, or no function that is "
			 "named has memory in one");
		return OUTCOME_SKIP;
	}
	say_proven(run, ctx);
	say_why(run, ctx);
	return OUTCOME_PASS;
}

enum outcome mr_each(struct scenario_ctx *ctx, unsigned int what, mr_body *body)
{
	struct mr_run run = { .what = what, .body = body };
	struct p2pcert_held before;
	enum outcome outcome;
	uint64_t refcnt;
	int fd = modfd_open(ctx, MR_MODULE, 0, &refcnt);

	if (fd < 0)
		return OUTCOME_ERROR;
	if (modfd_held(ctx, MR_MODULE, fd, &before) < 0) {
		close(fd);
		return OUTCOME_ERROR;
	}
	outcome = conclude(&run, ctx, run_all(&run, ctx));
	free(run.devices);
	if (run.transfers)
		scn_facts(ctx, "transfers", run.transfers);
	if (outcome != OUTCOME_ERROR && !modfd_judge_held(ctx, MR_MODULE, fd, &before))
		outcome = OUTCOME_FAIL;
	close(fd);
	if (outcome != OUTCOME_ERROR && !modfd_judge_refcnt(ctx, MR_MODULE, refcnt))
		outcome = OUTCOME_FAIL;
	return outcome;
}
