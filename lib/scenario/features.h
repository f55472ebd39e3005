/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernel features the scenarios depend on are there, and how each was found: BTF first
 * (functions, members, enumerators, types; /sys/kernel/btf), then the names in kallsyms, then the
 * kernel's config. Names and questions are a table, feature_list.def. Each way is asked two questions
 * with known answers first, and is not used if it gets one wrong. A config line alone never decides
 * that a feature is present.
 */
#ifndef P2PCERT_SCENARIO_FEATURES_H
#define P2PCERT_SCENARIO_FEATURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum feature_state { FEATURE_UNKNOWN, FEATURE_ABSENT, FEATURE_PRESENT };

enum feature_way { FEATURE_BTF, FEATURE_KALLSYMS, FEATURE_KCONFIG, NR_FEATURE_WAYS };

struct feature_answer {
	enum feature_state state;
	char *detail; /* what was found, or why nothing could be */
};

struct feature_result {
	const char *name, *title;
	enum feature_state state;
	bool disagreement; /* two ways contradict each other */
	bool unloaded; /* unknown because a module that is installed is not loaded */
	struct feature_answer answers[NR_FEATURE_WAYS];
};

struct features;

/*
 * sysroot (NULL or "": the machine's own) stands before /sys, /proc, /boot and /lib; release as of
 * uname. Never fails: what cannot be read is unknown.
 */
struct features *features_scan(const char *sysroot, const char *release) attr_must_check;
void features_free(struct features *f);

/* All of them, in the order of the table; good until features_free(). */
const struct feature_result *features_results(const struct features *f, size_t *n);

/* NULL, or why nothing that this way says can be used. */
const char *features_way_void(const struct features *f, enum feature_way way);

const char *feature_way_name(enum feature_way way); /* "btf", "kallsyms", "config" */

/* FEATURE_UNKNOWN for a name that is not in the table (BUG() in a scenario's needs: a test). */
enum feature_state features_get(const struct features *f, const char *name);

/* Is this name in the table? */
bool feature_is_known(const char *name);

/*
 * 'y' (also for a number or text), 'm', 'n' (not set, or not offered), or 0 if no config could be
 * read.
 */
char features_kconfig(const struct features *f, const char *option);

/* The text of the kernel's config; NULL if none could be read, or it is not to be believed. */
const char *features_config(const struct features *f);

/*
 * The report's features[]: {name, present (true/false, left out if unknown), found_by: [{way:
 * "btf"|"kallsyms"|"config", answer: "present"|"absent"|"unknown", detail}], disagreement: bool}.
 */
json_t *features_to_json(const struct features *f) attr_must_check;

#endif
