/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the devpriv family works with: a device of the module p2pcert_devpriv, and an area of memory
 * with a model of what every byte of it must be. What the module says of itself is never enough:
 * where pages are is read from the page table, and data from what the CPU and the device see.
 */
#ifndef P2PCERT_SCENARIO_DEVMEM_H
#define P2PCERT_SCENARIO_DEVMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/pciaddr.h"
#include "scenario/dmachan.h"
#include "scenario/modfd.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"

#define DEVMEM_MODULE P2PCERT_DEV_DEVPRIV
#define DEVMEM_FAULTS \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY | \
	 P2PCERT_FAULT_NO_MIGRATE | P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)
/* The same for a scenario's .FAULTS(), and what every devpriv scenario needs for its .NEEDS(). */
#define DEVMEM_FAULT_NAMES \
	"skip-copy", "corrupt-copy", "short-copy", "no-migrate", "leak", MODFD_FAULTS_ENTER
#define DEVMEM_NEEDS \
	{ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
		{ NEED_KCONFIG, "CONFIG_DEVICE_PRIVATE && CONFIG_DEVICE_MIGRATION && " \
				"CONFIG_HMM_MIRROR && CONFIG_MODULE_UNLOAD && " \
				"CONFIG_PROC_PAGE_MONITOR" }, \
		{ NEED_FEATURE, "device_private" }, \
	{ \
		NEED_MODULE, DEVMEM_MODULE \
	}
#define DEVMEM_EVIDENCE (EV(DATA) | EV(PATH) | EV(COUNTERS) | EV(LEAK))
/* The record of a scenario whose body is body_NAME(); what it takes from --inject besides comes last. */
#define DEVMEM_SCENARIO(name, scenario_id, text, deadline, ...) \
	static enum outcome run_##name(struct scenario_ctx *ctx) \
	{ \
		return devmem_run(ctx, body_##name); \
	} \
	const struct scenario scenario_devpriv_##name = { \
		.id = "devpriv." scenario_id, \
		.title = text, \
		.NEEDS(DEVMEM_NEEDS), \
		.evidence = DEVMEM_EVIDENCE, \
		.safety = SAFETY_SAFE_BUT_NAMED, \
		.level = LEVEL_QUICK, \
		.seconds = deadline, \
		.FAULTS(DEVMEM_FAULT_NAMES, ##__VA_ARGS__), \
		.run = run_##name, \
	}

/* A DMA engine that copies a device's pages as they migrate; no channel: the CPU does. */
struct devmem_engine {
	char channel[DMACHAN_NAME_MAX];
	struct pci_addr addr; /* of the function whose engine it is */
	unsigned int every; /* it copies each so many-th page, the CPU the others */
	uint64_t page_ns; /* that copying a page takes */
	bool may_fail; /* the body makes it fail, and looks itself at what then happens */
};

/* One device of the module, opened for one scenario. */
struct devmem {
	struct scenario_ctx *ctx;
	char *name; /* "memory", "BAR of 0000:06:00.0" */
	int fd, pagemap;
	bool is_bar;
	struct pci_addr addr; /* of the function whose BAR it is */
	struct devmem_engine engine;
	uint64_t pages; /* of its memory; what a scenario puts there should be much less */
	uint64_t patterns; /* drawn so far */
	struct p2pcert_devpriv_counters before;
	bool refuted, skipped;
};

/*
 * Runs the body on each device that there is: memory, and the BAR of each function that --device
 * names, if --allow-unsafe lets it be bound to the module. After each, the module must hold what it
 * held before and its counters must be plausible (evidence leak, counters). The body says what it
 * saw; returning false means that it could not go on, after scn_error() or devmem_skip(). Returns what
 * the scenario's run function has to.
 */
enum outcome devmem_run(struct scenario_ctx *ctx, bool (*body)(struct devmem *dev));
/*
 * The same, and on each device once more with its pages copied by a DMA engine, if one is free and
 * reaches it. The engine must then have copied what it was to (evidence path). copies: about how many
 * pages the body has copied, of which a slow engine is given a part. The module p2pcert_edu is among
 * the scenario's needs: it drives the engine of emulated platforms.
 */
enum outcome devmem_run_by_engine(struct scenario_ctx *ctx, bool (*body)(struct devmem *dev),
				  size_t copies);

/* Evidence against the kernel, or for it, beginning with the device's name. */
void devmem_refute(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);
void devmem_prove(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);
/* What was not looked at. */
void devmem_missing(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
	attr_printf(3, 4);

/* This device cannot do it; the body returns false after it. */
void devmem_skip(struct devmem *dev, enum skip_category category, const char *fmt, ...)
	attr_printf(3, 4);

/* The counters now less those when the device was opened. False after evidence that they are missing. */
bool devmem_counted(struct devmem *dev, struct p2pcert_devpriv_counters *since) attr_must_check;

/* The module commits these faults from now on, and those of --inject. False after scn_error(). */
bool devmem_set_faults(struct devmem *dev, struct p2pcert_faults faults) attr_must_check;

/* The machine has a huge page of hugetlbfs to give; false with *why, which the caller frees. */
bool devmem_get_huge_page(struct devmem *dev, char **why) attr_must_check;

/* In a process that was forked: its own page table is looked at from now on. */
void devmem_in_child(struct devmem *dev);

/* Waits for a child: did it exit with 0, having found what it must? Evidence data if not. */
bool devmem_child_right(struct devmem *dev, pid_t pid, const char *what);

/* Another device of the same module: memory number `ram`. NULL after scn_error(). */
struct devmem *devmem_open_ram(struct scenario_ctx *ctx, unsigned int ram) attr_must_check;
void devmem_close(struct devmem *dev); /* NULL is none */

/* --- engines ---------------------------------------------------------------------------------- */

/* Gives the device behind fd an engine, or with "" none. 0, or a negative errno. */
int devmem_engine_set(int fd, const char *channel, unsigned int every,
		      struct p2pcert_devpriv_engine *e) attr_must_check;
/* The first engine that is free and reaches it. 0, or -ENODEV or what the last one found said. */
int devmem_engine_find(int fd, const char *sysroot,
		       struct p2pcert_devpriv_engine *e) attr_must_check;
/*
 * From now on an engine copies pages of the device, which is counted from now on, and has another
 * name. False if there is no engine; which way a BAR is reached is evidence path.
 */
bool devmem_engine_begin(struct devmem *dev, size_t copies) attr_must_check;
/* Evidence path: it has copied what it was to. */
void devmem_engine_judge(struct devmem *dev);
/* What the model says of an engine and the device's BAR. */
enum p2p_verdict devmem_predict(struct devmem *dev, struct pci_addr engine);
/*
 * Is a page of the BAR mapped for the engine as it has to be? False after evidence path if not; that it
 * is so becomes evidence with say.
 */
bool devmem_judge_seg(struct devmem *dev, struct pci_addr engine, const struct p2pcert_seg *seg,
		      bool say);
struct pci_addr devmem_addr(const struct p2pcert_bdf *bdf);

/* --- areas ------------------------------------------------------------------------------------ */

#define AREA_HUGE_BYTES (2u << 20) /* of a huge page: x86 and arm64 with small pages of 4 KiB */

enum area_kind { AREA_PRIVATE, AREA_SHARED, AREA_HUGE };

/* Pages with a guard page before and behind; page i is at area_page(). */
struct area {
	struct devmem *dev;
	char *name; /* for evidence */
	unsigned char *mapping;
	size_t mapping_len;
	unsigned char *start; /* of page 0; of AREA_HUGE at a multiple of 2 MiB */
	size_t pages;
	uint64_t *seeds; /* of each page's pattern; 0: all zero */
	uint64_t guard;
};

/* Maps an area, not filled; NULL after scn_error(). AREA_PRIVATE never has huge pages. */
struct area *area_new(struct devmem *dev, enum area_kind kind, size_t pages,
		      const char *name) attr_must_check;
/* Checks the guard pages, unmaps. NULL is none. */
void area_end(struct area *a);

/*
 * Other memory takes the place of pages, as mmap(MAP_FIXED) makes it of flags and of what fd holds from
 * the first one's place in the area on. False after scn_error().
 */
bool area_map(struct area *a, size_t first, size_t nr, int flags, int fd) attr_must_check;

static inline unsigned char *area_page(const struct area *a, size_t i)
{
	return a->start + i * page_size();
}

/* The CPU fills pages with new patterns, and the model knows it. */
void area_fill(struct area *a, size_t first, size_t nr);
/* Somebody else has: the model alone takes a seed for each page. */
void area_expect(struct area *a, size_t first, size_t nr, uint64_t seed);
uint64_t area_seed(struct area *a); /* a new one, never 0 */

/* The CPU reads pages, and so brings them back; evidence data. when: "after munmap()". */
bool area_check(struct area *a, size_t first, size_t nr, const char *when);
/* The same of any mapping that should hold what pages of the area do. */
bool area_check_copy(struct area *a, const unsigned char *at, size_t first, size_t nr,
		     const char *when);

/*
 * Migrates pages; says how many the module reports, or a negative errno. Tries again for pages that
 * somebody else holds for a moment.
 */
long area_to_device(struct area *a, size_t first, size_t nr) attr_must_check;
/* The same, and all must go: evidence path if not. */
bool area_send(struct area *a, size_t first, size_t nr);
long area_to_ram(struct area *a, size_t first, size_t nr) attr_must_check;

/* Where the page table says that pages are. */
enum area_place { AREA_IN_RAM, AREA_AWAY, AREA_NOWHERE };
/* Evidence path unless all the pages are there. */
bool area_look(struct area *a, size_t first, size_t nr, enum area_place place, const char *when);

/* The device reads pages that are in it, which all of them must be, and they are right. */
bool area_check_device(struct area *a, size_t first, size_t nr, const char *when);
/* The device overwrites pages that are in it with new patterns; the model knows it. */
bool area_write_device(struct area *a, size_t first, size_t nr);

/* --- mirrors ---------------------------------------------------------------------------------- */

/* The device has a page table of its own for the area from now on; false after scn_error(). */
bool area_mirror(struct area *a) attr_must_check;
void devmem_unmirror(struct devmem *dev);
/* An ioctl over pages of the area and a buffer: 0, or a negative errno, -EIO if not all were done. */
int area_access(struct area *a, unsigned long request, size_t first, size_t nr,
		void *buffer) attr_must_check;
/* The device reads pages through its page table, wherever they are, and they are right. */
bool area_check_mirror(struct area *a, size_t first, size_t nr, const char *when);
/* It overwrites them with new patterns; the model knows it. */
bool area_write_mirror(struct area *a, size_t first, size_t nr);

#endif
