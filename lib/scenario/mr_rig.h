/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the mr family works with: memory that is handed out as a dma-buf, of which it is known to the last
 * byte what must be in it; importers, which register it as a device does and then read and write it; and
 * the two of them in all the pairs that this machine has.
 *
 * Functions return 0, 1 if it went wrong (then said, as evidence that is refuted), or a negative errno.
 */
#ifndef P2PCERT_SCENARIO_MR_RIG_H
#define P2PCERT_SCENARIO_MR_RIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"
#include "scenario/dmachan.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define MR_MODULE P2PCERT_DEV_DMABUF
#define MR_PAGES 4
#define MR_TIMEOUT_MS 30000

/* What --inject can have the module do, in both its roles. */
#define MR_FAULTS \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_LEAK | \
	 P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_NOTIFY_LOST | P2PCERT_FAULT_STALE_ADDRESS | \
	 P2PCERT_FAULT_REVOKE_IGNORED | P2PCERT_FAULT_POLICY_IGNORED | P2PCERT_FAULTS_ENTER)
#define MR_FAULT_NAMES "skip-copy", "corrupt-copy", "leak", "map-fails", MODFD_FAULTS_ENTER
#define MR_NEEDS \
	{ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
		{ NEED_KCONFIG, "CONFIG_DMA_SHARED_BUFFER && CONFIG_MODULE_UNLOAD" }, \
		{ NEED_FEATURE, "dma_buf" }, { NEED_MODULE, MR_MODULE }, \
	{ \
		NEED_MODULE, "p2pcert_edu" \
	}

/* --- memory ----------------------------------------------------------------------------------- */

struct mr_memory {
	char *name; /* "pages of the module", "BAR of 0000:06:00.0", "udmabuf" */
	int fd; /* the dma-buf; -1: not open */
	size_t len;
	int owner; /* the module's file that exported it; -1: somebody else did */
	struct pci_addr bar; /* whose BAR it can be in, and is at first, if has_bar */
	bool has_bar;
	unsigned char *map; /* of the same memory, if others export it; NULL: the owner is asked */
	struct mr_vfio *vfio; /* that exports it, and is closed with it; NULL: it does not */
	struct p2pcert_dmabuf_place *place; /* if the owner is not to be asked; NULL: it is */
	unsigned char *known; /* what must be in it */
};

/*
 * Pages of the module; in so many ranges of a function's BAR, from offset on, with gaps; of a memfd. 0 or
 * a negative errno; mr_memory_close() must follow either.
 */
int mr_memory_module(struct scenario_ctx *ctx, struct mr_memory *m) attr_must_check;
int mr_memory_bar(struct scenario_ctx *ctx, struct pci_addr bar, uint64_t offset,
		  unsigned int ranges, struct mr_memory *m) attr_must_check;
int mr_memory_udmabuf(struct mr_memory *m) attr_must_check;
/*
 * The beginning of the largest BAR of a function that vfio-pci has bound. -EBUSY: its IOMMU group is not
 * all with VFIO, or somebody has it.
 */
int mr_memory_vfio(struct scenario_ctx *ctx, struct pci_addr addr,
		   struct mr_memory *m) attr_must_check;
/*
 * As many ranges, from offset on, with gaps, of the BAR that there is all of: of the module's or VFIO's,
 * whose memory outlives it.
 */
int mr_memory_pieces(struct scenario_ctx *ctx, const struct mr_memory *whole, uint64_t offset,
		     unsigned int ranges, struct mr_memory *m) attr_must_check;
void mr_memory_close(struct mr_memory *m);

/* The exporter's CPU fills all of it with the pattern of this seed. 0 or a negative errno. */
int mr_memory_fill(struct mr_memory *m, uint64_t seed) attr_must_check;
/* NULL if it holds what is known, as the exporter's CPU sees it; else what is wrong, to be freed. */
char *mr_memory_refuse(const struct mr_memory *m) attr_must_check;

/* Where it is: of the module's, and of what has a place of its own. 0 or a negative errno. */
int mr_memory_look(const struct mr_memory *m, struct p2pcert_dmabuf_place *place) attr_must_check;
/* --- of the module's alone, unless said otherwise; 0 or a negative errno --- */
int mr_memory_move(const struct mr_memory *m, uint32_t place) attr_must_check;
int mr_memory_revoke(const struct mr_memory *m) attr_must_check; /* VFIO's, too */
/* Of VFIO's alone: what was revoked is there again. */
int mr_memory_restore(const struct mr_memory *m) attr_must_check;
/* For the function at addr, or for all that are none if it is NULL. */
int mr_memory_policy(const struct mr_memory *m, const struct pci_addr *addr,
		     uint32_t policy) attr_must_check;

/* --- mr_vfio.c, for mr_memory.c --- */

struct mr_vfio;

/* Opens the function; whatever is returned, mr_vfio_close(*v) must follow. */
int mr_vfio_open(const struct scenario_env *env, struct pci_addr addr,
		 struct mr_vfio **v) attr_must_check;
/*
 * Has it export m->len bytes of its largest BAR as m->fd, in so many ranges (1 to MR_PAGES) from offset on
 * with gaps of the same size between; and maps them. -ENXIO: the BAR is too small.
 */
int mr_vfio_export(const struct mr_vfio *v, uint64_t offset, unsigned int ranges,
		   struct mr_memory *m) attr_must_check;
void mr_vfio_close(struct mr_vfio *v); /* NULL is none */
/* Lets it decode memory, or not. */
int mr_vfio_decode(const struct mr_vfio *v, bool decode) attr_must_check;

/* --- importers -------------------------------------------------------------------------------- */

struct mr_importer {
	char *name; /* "a device of the module, told of moves", "the engine of 0000:05:00.0" */
	int fd; /* of the module, which this importer is a file of */
	uint32_t flags; /* P2PCERT_ATTACH_* that it attaches with */
	char channel[DMACHAN_NAME_MAX]; /* of its engine; "": the CPU copies */
	struct mr_verbs *verbs; /* an RDMA device; NULL: of the module */
	struct pci_addr addr; /* of the engine's or the RDMA device's function, */
	bool is_function; /* if there is one */
};

/* Without an engine. 0 or a negative errno. */
int mr_importer_open(struct scenario_ctx *ctx, uint32_t flags,
		     struct mr_importer *im) attr_must_check;
/* With the engine of the n-th function that has one, from 0; -ENODEV if no more of them are free. */
int mr_importer_engine(struct scenario_ctx *ctx, size_t nth, uint32_t flags,
		       struct mr_importer *im) attr_must_check;
/* An RDMA device; 0, or a negative errno with *why for the user, who frees it. */
int mr_importer_verbs(struct scenario_ctx *ctx, const char *name, struct mr_importer *im,
		      char **why) attr_must_check;
void mr_importer_close(struct mr_importer *im);

static inline bool mr_has_engine(const struct mr_importer *im)
{
	return im->channel[0];
}

/* Is it told that memory moves, and does not hinder it? */
static inline bool mr_is_told(const struct mr_importer *im)
{
	return (im->flags & (P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PIN)) == P2PCERT_ATTACH_NOTIFY;
}

/* As the exporter or the kernel says: 0 or a negative errno. */
int mr_attach(struct mr_importer *im, int dmabuf) attr_must_check;
int mr_map(struct mr_importer *im, struct p2pcert_dmabuf_map *map) attr_must_check;
int mr_unmap(struct mr_importer *im) attr_must_check;
int mr_detach(struct mr_importer *im) attr_must_check;
/* -EREMOTEIO: an RDMA device says so of what it does not reach. */
int mr_access(struct mr_importer *im, size_t offset, void *data, size_t len,
	      bool write) attr_must_check;
int mr_count(struct mr_importer *im, struct p2pcert_dmabuf_counters *c) attr_must_check;

/* --- mr_verbs.c, for mr_importer.c and mr_rig.c --- */

/* The names of the RDMA devices; NULL: there is none. verbs_names_free(). */
char **mr_verbs_names(const struct scenario_env *env) attr_must_check;
/* Whatever is returned, mr_verbs_close(im->verbs) must follow. */
int mr_verbs_open(const char *sysroot, const char *name, struct mr_importer *im,
		  char **why) attr_must_check;
void mr_verbs_close(struct mr_verbs *r); /* NULL is none */
/* Did it go, or its port? */
bool mr_verbs_is_gone(struct mr_verbs *r);
/* What came that no request is the cause of, or NULL; all regions are gone then. */
const char *mr_verbs_wrong(struct mr_verbs *r);
int mr_verbs_register(struct mr_verbs *r, int dmabuf) attr_must_check;
int mr_verbs_deregister(struct mr_verbs *r) attr_must_check;
int mr_verbs_access(struct mr_verbs *r, size_t offset, void *data, size_t len,
		    bool write) attr_must_check;

/* --- a pair ----------------------------------------------------------------------------------- */

struct mr_run; /* all of a scenario */

struct mr_case {
	struct mr_run *run;
	struct scenario_ctx *ctx;
	struct mr_memory *memory;
	struct mr_importer *importer;
	char *stage; /* what is going on, for a person */
};

typedef int mr_body(struct mr_case *c);

/* What a body can be given. */
#define MR_PAGES_OF_MODULE (1u << 0)
#define MR_UDMABUF (1u << 1)
#define MR_BAR (1u << 2) /* of the functions that --device names, with engines alone */
#define MR_VFIO (1u << 3) /* the same functions, under vfio-pci */
#define MR_NOT_TOLD (1u << 4) /* importers that pin, too */
#define MR_EVERY_ENGINE (1u << 5) /* not the first one alone */
#define MR_EVERYTHING (MR_PAGES_OF_MODULE | MR_UDMABUF | MR_BAR | MR_VFIO | MR_NOT_TOLD)

/*
 * Runs the body for each memory with each importer, freshly filled, not attached; then the module must
 * hold what it held before. Returns the scenario's outcome, which has been said.
 */
enum outcome mr_each(struct scenario_ctx *ctx, unsigned int what, mr_body *body) attr_must_check;

/* The record of a scenario whose body is body_NAME(), and what it takes from --inject besides. */
#define MR_SCENARIO(name, scenario_id, text, what, kinds, deadline, ...) \
	static enum outcome run_##name(struct scenario_ctx *ctx) \
	{ \
		return mr_each(ctx, what, body_##name); \
	} \
	const struct scenario scenario_mr_##name = { \
		.id = "mr." scenario_id, \
		.title = text, \
		.NEEDS(MR_NEEDS), \
		.evidence = (kinds) | EV(LEAK), \
		.safety = SAFETY_SAFE_BUT_NAMED, \
		.level = LEVEL_STANDARD, \
		.seconds = deadline, \
		.FAULTS(MR_FAULT_NAMES, ##__VA_ARGS__), \
		.run = run_##name, \
	}

/* What is going on, in front of whatever is said from now on. */
void mr_stage(struct mr_case *c, const char *fmt, ...) attr_printf(2, 3);
/* Says of something that it did not hold. Returns 1; or -ENETDOWN if the RDMA device is gone: no verdict. */
int mr_refute(struct mr_case *c, enum evidence_kind kind, const char *fmt, ...) attr_printf(3, 4);
/* It held in this case: said of all cases together, when they are over. */
void mr_prove(struct mr_case *c, enum evidence_kind kind);

/* What a pair of functions came to, as pair_to_json() has it, for the report's "transfers"; stolen. */
void mr_transfer(struct mr_case *c, json_t *fact);

/* Is what came the errno that must? Evidence errno. */
int mr_expect(struct mr_case *c, const char *what, int err, int expected) attr_must_check;
/* The same of reading and of writing; from an RDMA device it is a completion with an error. */
int mr_expect_refused(struct mr_case *c, size_t offset, size_t len, int expected) attr_must_check;
uint64_t mr_seed(struct mr_case *c); /* of a pattern not used before */

/* The importer reads, and finds what is known; writes another pattern there, which is then known. */
int mr_read(struct mr_case *c, size_t offset, size_t len) attr_must_check;
int mr_write(struct mr_case *c, size_t offset, size_t len) attr_must_check;
/* Is in the memory what is known, to the last byte? */
int mr_check(struct mr_case *c) attr_must_check;
/* A read and a write at both ends. */
int mr_use(struct mr_case *c) attr_must_check;
/* Do exporter and importer count this? Only the module can be asked; an RDMA device maps as it wants. */
int mr_held(struct mr_case *c, unsigned int attachments, unsigned int mappings) attr_must_check;
/* Are the addresses those of the memory, all of it and nothing else, and of the right kind? */
int mr_judge_path(struct mr_case *c) attr_must_check;

#endif
