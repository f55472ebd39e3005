/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.misroute: where the kernel rules that a pair goes by bus address, the fabric has to carry it from port to
 * port. One that sends it elsewhere (redirect that the kernel does not know of, an emulated switch, a broken
 * one) is not told by the status of a transfer: all of these pairs are gone over, by whoever can move data, both
 * ways where it can, and the data decides.
 */
#include "scenario/modfd.h"
#include "scenario/p2pdma.h"

static enum outcome run(struct scenario_ctx *ctx)
{
	size_t channels, usable;
	struct exam x;

	if (exam_begin(&x, ctx, EXAM_ROUTE, P2PDMA_COPY_FAULTS) < 0)
		return OUTCOME_ERROR;
	if (p2pdma_by_engines(&x, false, &channels, &usable) < 0 || p2pdma_by_drives(&x) < 0) {
		exam_abandon(&x);
		return OUTCOME_ERROR;
	}
	return exam_end(&x);
}

const struct scenario scenario_p2pdma_misroute = {
	.id = "p2pdma.misroute",
	.title = "what the kernel rules to go by bus address arrives, by whoever can move it",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_DMA_ENGINE && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_MODULE, "p2pcert_edu" }, { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(DATA) | EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_STANDARD,
	.seconds = 240,
	.FAULTS("skip-copy", "corrupt-copy", "short-copy", "wrong-verdict", "leak",
		MODFD_FAULTS_ENTER),
	.run = run,
};
