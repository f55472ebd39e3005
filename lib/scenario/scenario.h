/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registry of scenarios and what a scenario may do. A scenario is a const record: what it needs
 * is data, evaluated before it starts; its run function executes in a child process of its own,
 * says what it saw through the functions below, and ends by returning its outcome.
 *
 * Adding one: write `const struct scenario scenario_x` in its family's file and add a line to
 * scenario_list.def.
 */
#ifndef P2PCERT_SCENARIO_SCENARIO_H
#define P2PCERT_SCENARIO_SCENARIO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/outcome.h"
#include "p2p/p2p.h"
#include "platform/platform.h"

/* What the machine must have for a scenario to run. Evaluated by scenario_missing(). */
enum need_kind {
	NEED_ROOT,
	NEED_CAPABILITY, /* arg: "CAP_SYS_RAWIO": effective in this process */
	NEED_KCONFIG, /* arg: an expression, see kconfig.h: "CONFIG_A && (CONFIG_B=y || !CONFIG_C)" */
	NEED_FEATURE, /* arg: a feature's name, see features.h */
	NEED_MODULE, /* arg: one of our test modules, by name; of this p2pcert's version */
	NEED_TOOL, /* arg: a program that must be in PATH */
	NEED_ROLE, /* arg: a device role, see roles below */
	NEED_MEMORY, /* arg: "64M": available now; suffixes K, M, G */
	NR_NEED_KINDS,
};

struct need {
	enum need_kind kind;
	const char *arg;
};

enum safety {
	SAFETY_SAFE, /* reads, or uses memory and devices that are its own */
	SAFETY_UNSAFE, /* can disturb a device in use; only with --allow-unsafe and --device */
	/* safe by itself; with --allow-unsafe it also uses the devices of --device */
	SAFETY_SAFE_BUT_NAMED,
};

/* How thorough a run is. A scenario is part of the levels from its own on, unless it is named. */
enum level {
	LEVEL_QUICK, /* seconds: does it work at all */
	LEVEL_STANDARD, /* minutes: the default */
	LEVEL_FULL, /* every size, every combination */
	LEVEL_SOAK, /* as full, again and again */
	NR_LEVELS,
};

const char *level_name(enum level level);
int level_parse(const char *s, enum level *level) attr_must_check;

struct scenario_ctx; /* the child's side of one running scenario */

struct scenario {
	const char *id; /* "devpriv.roundtrip": stable, never reused */
	const char *title; /* one line */
	const struct need *needs;
	size_t nr_needs;
	unsigned int evidence; /* EV() mask of what a pass requires, beyond the kernel log */
	enum safety safety;
	enum level level; /* the first that it is part of */
	const char *const *faults; /* that --inject can ask of it, see FAULTS(); NULL: none */
	/* errata that --workaround can ask it to live with, see WORKAROUNDS(); NULL: none */
	const char *const *workarounds;
	unsigned int seconds; /* soft deadline on real hardware; scaled on slow machines */
	enum outcome (*run)(struct scenario_ctx *ctx);
};

/* .NEEDS({ NEED_ROOT }, { NEED_MODULE, "p2pcert_p2p" }) */
#define NEEDS(...) \
	needs = (const struct need[]){ __VA_ARGS__ }, \
	.nr_needs = sizeof((const struct need[]){ __VA_ARGS__ }) / sizeof(struct need)

/* .FAULTS("skip-copy", "leak") */
#define FAULTS(...) \
	faults = (const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

/* .WORKAROUNDS("hmm-huge-offset") */
#define WORKAROUNDS(...) \
	workarounds = (const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

/* All of them, in the order of the catalogue. */
extern const struct scenario *const scenario_registry[];
extern const size_t scenario_registry_len;
const struct scenario *scenario_find(const char *id);
/* Can --inject ask this fault of the scenario? */
bool scenario_commits(const struct scenario *s, const char *fault);
/* Can --workaround ask it to do as this erratum advises? */
bool scenario_works_around(const struct scenario *s, const char *erratum);

/* --- what the caller knows of the machine, given to requirements and scenarios ---------------- */

struct features; /* features.h */

struct scenario_env {
	const struct platform *platform;
	const struct p2p_rules *rules;
	const struct features *features;
	const char *module_dir; /* where our built modules are */
	const char *sysroot; /* before /sys and /proc; NULL: the machine's own */
	uint64_t seed; /* of this round */
	enum level level;
	const char *const *inject; /* faults to commit, "skip-copy"; NULL-terminated; NULL: none */
	const char *const *workarounds; /* of errata, by id; NULL-terminated; NULL: none */
	bool allow_unsafe;
	/* named by --device: "0000:03:00.0", "nvme0n1", "mlx5_0"; NULL-terminated; NULL: none */
	const char *const *devices;
	const char *rdma_device; /* the one to use; NULL: any that is free */
	bool soft_rdma; /* the run will set up a soft RDMA device before it starts scenarios */
};

/* One unmet requirement. */
struct unmet {
	enum skip_category category;
	char *text;
};

/* What was found of the needs of scenarios so far: what many of them need is looked at once. */
struct need_answers;
struct need_answers *need_answers_new(void) attr_must_check;
void need_answers_free(struct need_answers *answers);

/*
 * Everything that is missing for s here, all of it; frees with unmet_free(). *list is NULL and 0 is
 * returned if nothing is. What answers hold is taken as it is, and what is found is added to them; NULL:
 * all is looked at.
 */
size_t scenario_missing(const struct scenario *s, const struct scenario_env *env,
			struct need_answers *answers, struct unmet **list) attr_must_check;
void unmet_free(struct unmet *list, size_t n);

/* --- called by a running scenario --------------------------------------------------------------- */

const struct scenario_env *scn_env(const struct scenario_ctx *ctx);

/*
 * Evidence of one kind; the worst state said for a kind stands, every detail is kept. A detail is
 * one line for a person: what was compared, the figures, the addresses.
 */
void scn_evidence(struct scenario_ctx *ctx, enum evidence_kind kind, enum evidence_state state,
		  const char *fmt, ...) attr_printf(4, 5);
/* A function that took part, by address. */
void scn_device(struct scenario_ctx *ctx, struct pci_addr addr);
/* A device that is no PCI function: "rdma:rxe0", "dma:dma0chan0". */
void scn_device_name(struct scenario_ctx *ctx, const char *name);
void scn_measure(struct scenario_ctx *ctx, const char *name, const char *unit, double value);
/* One line of why, for the table: the last one said stands. */
void scn_why(struct scenario_ctx *ctx, const char *fmt, ...) attr_printf(2, 3);
/* A reason to skip found only while running; return OUTCOME_SKIP after it. */
void scn_skip(struct scenario_ctx *ctx, enum skip_category category, const char *fmt, ...)
	attr_printf(3, 4);
/* What broke that is not the thing under test; return OUTCOME_ERROR after it. */
void scn_error(struct scenario_ctx *ctx, enum error_kind kind, const char *fmt, ...)
	attr_printf(3, 4);
/* A finding, code from check/finding.h. */
void scn_finding(struct scenario_ctx *ctx, const char *code, const struct pci_addr *functions,
		 size_t nr_functions, const char *fmt, ...) attr_printf(5, 6);
/* Structured facts that go to the report as they are (stolen): the list of pairs, of features. */
void scn_facts(struct scenario_ctx *ctx, const char *name, json_t *facts);
/*
 * Asks the supervisor for a change to the machine, one of undo_kinds[] (runner/undo.h), and waits until
 * it is made. The supervisor undoes it when the scenario is over, however it ends. args is stolen.
 * facts, unless NULL, is set to what the change made known, or NULL: the "path" of a "cgroup". 0,
 * or -EPERM, -EINVAL or another negative errno with *why for the user. The caller frees both.
 */
int scn_change(struct scenario_ctx *ctx, const char *kind, json_t *args, json_t **facts,
	       char **why) attr_must_check;
/*
 * Takes back the last change that was asked for, before the scenario is over. 0, -ENOENT if there is none
 * (left), or -EIO if it could not be undone, which is not tried again. *why as above.
 */
int scn_undo(struct scenario_ctx *ctx, char **why) attr_must_check;
/* Is this fault asked for by --inject? */
bool scn_injected(const struct scenario_ctx *ctx, const char *fault);
/*
 * Where all that a scenario changes is changed: if the faults "killed" or "abandoned" are asked for, nobody is there
 * to undo it but the supervisor, or not even that.
 */
void scn_perish(const struct scenario_ctx *ctx);
/* Is the workaround of this erratum asked for by --workaround? */
bool scn_works_around(const struct scenario_ctx *ctx, const char *erratum);

#endif
