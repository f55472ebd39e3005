/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the dma family works with: the DMA engines, each with the module p2pcert_iova, and areas of
 * memory that are mapped for them, used through the mapping and checked. What the module says of a
 * mapping is held against what the engine does with it.
 */
#ifndef P2PCERT_SCENARIO_DMA_RIG_H
#define P2PCERT_SCENARIO_DMA_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/dma_pages.h"
#include "scenario/dmachan.h"
#include "scenario/modfd.h"
#include "scenario/p2pmem.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define DMA_MODULE P2PCERT_DEV_IOVA
#define DMA_FAULTS \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY | \
	 P2PCERT_FAULT_LEAK | P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_NOTIFY_LOST | \
	 P2PCERT_FAULT_WRONG_OFFSET | P2PCERT_FAULT_FLUSH_EACH | P2PCERT_FAULT_FREE_LESS | \
	 P2PCERT_FAULT_FREE_LATE | P2PCERT_FAULTS_ENTER)
#define DMA_FAULT_NAMES "leak", "map-fails", MODFD_FAULTS_ENTER
#define DMA_DATA_FAULT_NAMES "skip-copy", "corrupt-copy", "short-copy", "wrong-offset"
#define DMA_NEEDS \
	{ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
		{ NEED_KCONFIG, "CONFIG_DMA_ENGINE && CONFIG_PCI_P2PDMA && CONFIG_HMM_MIRROR && " \
				"CONFIG_MODULE_UNLOAD" }, \
		{ NEED_FEATURE, "dma_iova" }, { NEED_FEATURE, "hmm_dma_map" }, \
		{ NEED_MODULE, DMA_MODULE }, { NEED_MODULE, "p2pcert_edu" }, \
	{ \
		NEED_ROLE, "dma-engine" \
	}
/* The record of a scenario whose body is body_NAME(); what it takes from --inject besides comes last. */
#define DMA_SCENARIO(name, scenario_id, text, shown, deadline, ...) \
	static enum outcome run_##name(struct scenario_ctx *ctx) \
	{ \
		return dma_run(ctx, body_##name); \
	} \
	const struct scenario scenario_dma_##name = { \
		.id = "dma." scenario_id, \
		.title = text, \
		.NEEDS(DMA_NEEDS), \
		.evidence = (shown) | EV(LEAK), \
		.safety = SAFETY_SAFE, \
		.level = LEVEL_QUICK, \
		.seconds = deadline, \
		.FAULTS(DMA_FAULT_NAMES, ##__VA_ARGS__), \
		.run = run_##name, \
	}

/* One DMA engine, opened for one scenario. */
struct dma_rig {
	struct scenario_ctx *ctx;
	int fd;
	const struct dmachan *chan;
	const struct function *engine;
	bool translated; /* the kernel says that an IOMMU translates for it */
	uint64_t patterns; /* drawn so far */
	bool refuted;
	bool used; /* something was exercised */
	char *no_use; /* why nothing was; the last reason stands */
};

/*
 * Runs the body for each engine that is free. After each, the module must hold what it held before
 * (evidence leak). False: it could not go on, after scn_error(). What it did not exercise it says with
 * dma_not_here(). Returns what the scenario's run function has to.
 */
typedef bool dma_body(struct dma_rig *r);
enum outcome dma_run(struct scenario_ctx *ctx, dma_body *body);

/* Evidence against the kernel, or for it, beginning with the channel's name. */
void dma_refute(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...) attr_printf(3, 4);
void dma_prove(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...) attr_printf(3, 4);
/* What was not looked at. */
void dma_missing(struct dma_rig *r, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);
/* Why this engine cannot show it: a skip, if no engine can. */
void dma_not_here(struct dma_rig *r, const char *fmt, ...) attr_printf(2, 3);

/* A seed not used before in this run. */
uint64_t dma_seed(struct dma_rig *r);

/* Stays on one CPU, of which the kernel keeps addresses that are free. False after scn_error(). */
bool dma_one_cpu(struct dma_rig *r) attr_must_check;

/* Does the kernel queue flushes of the engine's addresses (a domain of type DMA-FQ), and free them later? */
bool dma_is_lazy(const struct dma_rig *r);

/* --- memory that is mapped -------------------------------------------------------------------- */

struct dma_area {
	unsigned char *addr;
	size_t len; /* whole pages */
	unsigned char *known; /* what must be in it */
};

/* Ordinary memory. 0 or a negative errno, after which there is nothing to end. */
int dma_area_begin(struct dma_area *a, size_t pages) attr_must_check;
/* The same; false after scn_error(). */
bool dma_area_ready(struct dma_rig *r, struct dma_area *a, size_t pages) attr_must_check;
/* As the first; each page is of the function that owns it, or ordinary memory where that is NULL. */
int dma_area_begin_of(struct dma_area *a, const char *sysroot, const struct function *const *owners,
		      size_t pages) attr_must_check;
void dma_area_end(struct dma_area *a);
void dma_area_fill(struct dma_area *a, uint64_t seed);
/* What is not as it is known, as the CPU sees it; NULL if nothing. The caller frees it. */
char *dma_area_refuse(const struct dma_area *a) attr_must_check;

/* --- a mapping -------------------------------------------------------------------------------- */

struct dma_want {
	const char *name;
	uint32_t method; /* P2PCERT_IOVA_BY_* */
	uint32_t flags;
	uint32_t fail_at;
	size_t offset, len; /* of the area */
};

struct dma_mapping {
	struct dma_range range;
	struct p2pcert_iova_map said;
	struct p2pcert_iova_page *pages;
};

/* 0, or what the kernel said to mapping (negative); dma_unmap() follows in the first case. */
int dma_map(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w,
	    struct dma_mapping *m) attr_must_check;
void dma_unmap(struct dma_rig *r, struct dma_mapping *m, uint64_t *ns);
/* What the pages are now; for a mapping that follows the page table. 0 or a negative errno. */
int dma_look(struct dma_rig *r, struct dma_mapping *m, uint64_t *invalidated) attr_must_check;
/* Is what is mapped for this engine bounced? One page of the area is looked at. */
bool dma_bounces(struct dma_rig *r, const struct dma_area *a) attr_must_check;
/* The engine reads or writes through the mapping. 0 or a negative errno. */
int dma_access(struct dma_rig *r, size_t offset, void *data, size_t len,
	       bool write) attr_must_check;
/* The engine reads all of what is mapped, or writes it anew, which is then known. False if wrong. */
bool dma_read(struct dma_rig *r, const struct dma_area *a, const struct dma_want *w);
bool dma_write(struct dma_rig *r, struct dma_area *a, const struct dma_want *w);
/* What is wrong with the mapping is evidence path; false if something is. */
bool dma_judge_path(struct dma_rig *r, const struct dma_want *w, const struct dma_mapping *m);

/*
 * The whole of it: fills the area, maps, has the engine read and write, unmaps, and checks every byte of
 * the area. between (may be NULL) is called while it is mapped, after the reading. True if all was
 * right. *err is what the kernel said to mapping: what that means is for the caller.
 */
bool dma_exercise(struct dma_rig *r, struct dma_area *a, const struct dma_want *w,
		  bool (*between)(struct dma_rig *r, struct dma_mapping *m), int *err);

#endif
