/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The p2pdma scenarios that move bytes, which differ in who does so (scenario/initiator.h) and in the pairs that
 * are looked at.
 *
 * p2pdma.misroute: where the kernel rules that a pair goes by bus address, the fabric has to carry it from port to
 * port. One that sends it elsewhere (redirect that the kernel does not know of, an emulated switch, a broken
 * one) is not told by the status of a transfer: all of these pairs are gone over, by whoever can move data
 * without disturbing anybody, both ways where it can, and the data decides.
 */
#include "scenario/initiator.h"
#include "scenario/modfd.h"

/* That such an exam commits, of exam_begin(). */
#define COPY_FAULTS \
	(EXAM_FAULTS | P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | \
	 P2PCERT_FAULT_SHORT_COPY | P2PCERT_FAULT_MAP_FAILS)
#define COPY_FAULT_NAMES \
	"skip-copy", "corrupt-copy", "short-copy", "wrong-verdict", "leak", MODFD_FAULTS_ENTER
/* Of those that ask the module how a peer's memory is mapped. */
#define MAP_FAULT_NAME "map-fails"

#define MAX_KINDS 2

struct who {
	enum exam_subject subject;
	bool mixed;
	const struct initiator_kind *kinds[MAX_KINDS]; /* those that are left out are NULL */
	const char *nobody; /* why it is a skip if none could be used; NULL: that is not one */
};

/* Nothing was moved, nothing is wrong, and there is a reason that is no matter of evidence. */
static bool nobody_moves(const struct exam *x, size_t used, const struct who *who)
{
	for (size_t k = 0; k < NR_EVIDENCE_KINDS; k++)
		if (x->said[k][EVIDENCE_REFUTED])
			return false;
	return !x->exercised && !x->said[EVIDENCE_DATA][EVIDENCE_MISSING] &&
	       (x->unusable || (!used && who->nobody));
}

static enum outcome run(struct scenario_ctx *ctx, const struct who *who)
{
	size_t used = 0;
	struct exam x;

	if (exam_begin(&x, ctx, who->subject, COPY_FAULTS) < 0)
		return OUTCOME_ERROR;
	x.mixed = who->mixed;
	for (size_t k = 0; k < MAX_KINDS && who->kinds[k]; k++) {
		struct initiator_tally t;

		if (initiators_run(&x, who->kinds[k], &t) < 0) {
			exam_abandon(&x);
			return OUTCOME_ERROR;
		}
		used += t.used;
	}
	if (nobody_moves(&x, used, who)) {
		scn_skip(ctx, SKIP_HW_UNSUPPORTED, "%s", x.unusable ? x.unusable : who->nobody);
		exam_abandon(&x);
		return OUTCOME_SKIP;
	}
	return exam_end(&x);
}

#define NO_CHANNEL "none of the channels of DMA engines is free and copies memory"

static enum outcome run_engine_copy(struct scenario_ctx *ctx)
{
	return run(ctx, &(struct who){ EXAM_DATA, false, { &initiator_dma }, NO_CHANNEL });
}

static enum outcome run_mixed_sgl(struct scenario_ctx *ctx)
{
	return run(ctx, &(struct who){ EXAM_DATA, true, { &initiator_dma }, NO_CHANNEL });
}

static enum outcome run_nvme_cmb_read(struct scenario_ctx *ctx)
{
	return run(ctx, &(struct who){ EXAM_DATA, false, { &initiator_nvme }, NULL });
}

static enum outcome run_nvme_cmb_write(struct scenario_ctx *ctx)
{
	return run(ctx,
		   &(struct who){ EXAM_DATA,
				  false,
				  { &initiator_nvme_write },
				  "none of the named devices is an NVMe drive with data of its "
				  "own" });
}

static enum outcome run_misroute(struct scenario_ctx *ctx)
{
	return run(ctx,
		   &(struct who){ EXAM_ROUTE, false, { &initiator_dma, &initiator_nvme }, NULL });
}

static enum outcome run_vfio_copy(struct scenario_ctx *ctx)
{
	if (scn_env(ctx)->platform->iommu_groups != KNOWN_PRESENT) {
		scn_skip(ctx, SKIP_FW_CONFIG, "no IOMMU is in use, without which there is no VFIO");
		return OUTCOME_SKIP;
	}
	return run(ctx, &(struct who){
				EXAM_DATA,
				false,
				{ &initiator_vfio, &initiator_vfio_nvme },
				"none of the named devices is one that p2pcert has a driver for" });
}

static enum outcome run_rdma_copy(struct scenario_ctx *ctx)
{
	return run(ctx, &(struct who){ EXAM_DATA, false, { &initiator_rdma }, NULL });
}

/* What is common to those that DMA engines take part in, and to those of NVMe drives. */
#define ENGINE_NEEDS \
	{ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
		{ NEED_KCONFIG, \
		  "CONFIG_PCI_P2PDMA && CONFIG_DMA_ENGINE && CONFIG_MODULE_UNLOAD" }, \
		{ NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P }, \
		{ NEED_MODULE, "p2pcert_edu" }, \
	{ \
		NEED_ROLE, "p2pmem-provider" \
	}
#define DRIVE_NEEDS \
	{ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
		{ NEED_KCONFIG, \
		  "CONFIG_PCI_P2PDMA && CONFIG_BLK_DEV_NVME && CONFIG_MODULE_UNLOAD" }, \
		{ NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P }, \
	{ \
		NEED_ROLE, "nvme-pair" \
	}
#define MOVE_EVIDENCE (EV(DATA) | EV(PATH) | EV(LEAK))

/* Of a channel alone. */
#define ENGINE_SCENARIO \
	.NEEDS(ENGINE_NEEDS, { NEED_ROLE, "dma-engine" }), \
		.evidence = MOVE_EVIDENCE, .safety = SAFETY_SAFE, .level = LEVEL_QUICK, \
		.seconds = 180, .FAULTS(COPY_FAULT_NAMES, MAP_FAULT_NAME, "slow")

const struct scenario scenario_p2pdma_engine_copy = {
	.id = "p2pdma.engine-copy",
	.title = "a DMA engine copies into and out of the published memory of another function",
	ENGINE_SCENARIO,
	.run = run_engine_copy,
};

const struct scenario scenario_p2pdma_mixed_sgl = {
	.id = "p2pdma.mixed-sgl",
	.title = "a DMA engine copies to and from pages of another function and of memory in one "
		 "range",
	ENGINE_SCENARIO,
	.run = run_mixed_sgl,
};

const struct scenario scenario_p2pdma_nvme_cmb_read = {
	.id = "p2pdma.nvme-cmb-read",
	.title = "O_DIRECT read from one NVMe drive into the controller memory of another",
	.NEEDS(DRIVE_NEEDS),
	.evidence = MOVE_EVIDENCE,
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 120,
	.FAULTS(COPY_FAULT_NAMES, MAP_FAULT_NAME),
	.run = run_nvme_cmb_read,
};

const struct scenario scenario_p2pdma_nvme_cmb_write = {
	.id = "p2pdma.nvme-cmb-write",
	.title = "O_DIRECT write to one NVMe drive from the controller memory of another",
	.NEEDS(DRIVE_NEEDS),
	.evidence = MOVE_EVIDENCE,
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 120,
	.FAULTS(COPY_FAULT_NAMES, MAP_FAULT_NAME, "killed"),
	.run = run_nvme_cmb_write,
};

const struct scenario scenario_p2pdma_vfio_copy = {
	.id = "p2pdma.vfio-copy",
	.title = "a function that user space drives copies into and out of a BAR of another",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_VFIO_PCI && CONFIG_VFIO_IOMMU_TYPE1 && "
			       "CONFIG_MODULE_UNLOAD" },
	       { NEED_MODULE, P2PCERT_DEV_P2P }),
	.evidence = MOVE_EVIDENCE,
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 180,
	.FAULTS(COPY_FAULT_NAMES, "stale-read", "killed", "abandoned"),
	.run = run_vfio_copy,
};

const struct scenario scenario_p2pdma_rdma_copy = {
	.id = "p2pdma.rdma-copy",
	.title = "an RDMA device writes to and reads the published memory of another function",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_INFINIBAND && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }, { NEED_ROLE, "rdma" }),
	.evidence = MOVE_EVIDENCE,
	.safety = SAFETY_SAFE,
	.level = LEVEL_STANDARD,
	.seconds = 120,
	.FAULTS(COPY_FAULT_NAMES, MAP_FAULT_NAME),
	.run = run_rdma_copy,
};

const struct scenario scenario_p2pdma_misroute = {
	.id = "p2pdma.misroute",
	.title = "what the kernel rules to go by bus address arrives, by whoever can move it",
	.NEEDS(ENGINE_NEEDS),
	.evidence = MOVE_EVIDENCE,
	.safety = SAFETY_SAFE,
	.level = LEVEL_STANDARD,
	.seconds = 240,
	.FAULTS(COPY_FAULT_NAMES, MAP_FAULT_NAME),
	.run = run_misroute,
};
