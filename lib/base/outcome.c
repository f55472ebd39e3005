/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts of outcomes, error kinds, skip categories and evidence, and the rule that settles. */
#include "base/outcome.h"

#include <stdbool.h>
#include <string.h>

#include "base/log.h"

static const char *const outcome_names[NR_OUTCOMES] = {
	[OUTCOME_SKIP] = "skip",     [OUTCOME_INFO] = "info",
	[OUTCOME_PASS] = "pass",     [OUTCOME_INCONCLUSIVE] = "inconclusive",
	[OUTCOME_NOTRUN] = "notrun", [OUTCOME_ERROR] = "error",
	[OUTCOME_FAIL] = "fail",
};

static const char *const error_kind_names[NR_ERROR_KINDS] = {
	[ERROR_TIMEOUT] = "timeout", [ERROR_CRASH] = "crash",           [ERROR_SETUP] = "setup",
	[ERROR_CLEANUP] = "cleanup", [ERROR_INCOMPLETE] = "incomplete",
};

static const char *const skip_category_names[NR_SKIP_CATEGORIES] = {
	[SKIP_HW_ABSENT] = "hw-absent",
	[SKIP_HW_UNSUPPORTED] = "hw-unsupported",
	[SKIP_NOT_DECLARED] = "not-declared",
	[SKIP_FW_CONFIG] = "fw-config",
	[SKIP_KERNEL_CONFIG] = "kernel-config",
	[SKIP_KERNEL_VERSION] = "kernel-version",
	[SKIP_MODULE_MISSING] = "module-missing",
	[SKIP_MODULE_REJECTED] = "module-rejected",
	[SKIP_PERMISSION] = "permission",
	[SKIP_RESOURCE_BUSY] = "resource-busy",
	[SKIP_UNSAFE_NOT_ENABLED] = "unsafe-not-enabled",
	[SKIP_DEPENDENCY] = "dependency",
	[SKIP_USER_EXCLUDED] = "user-excluded",
};

static const char *const evidence_kind_names[NR_EVIDENCE_KINDS] = {
	[EVIDENCE_DATA] = "data",
	[EVIDENCE_PATH] = "path",
	[EVIDENCE_KERNEL_LOG] = "kernel_log",
	[EVIDENCE_COUNTERS] = "counters",
	[EVIDENCE_ERRNO] = "errno",
	[EVIDENCE_LEAK] = "leak",
};

static const char *const evidence_state_names[NR_EVIDENCE_STATES] = {
	[EVIDENCE_MISSING] = "missing",
	[EVIDENCE_PROVEN] = "proven",
	[EVIDENCE_REFUTED] = "refuted",
};

static const char *name_of(const char *const *names, size_t n, size_t i)
{
	if (i >= n)
		BUG("no name for value %zu of %zu", i, n);
	return names[i];
}

static int parse(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], s) == 0)
			return (int)i;
	return -EINVAL;
}

const char *outcome_name(enum outcome o)
{
	return name_of(outcome_names, NR_OUTCOMES, o);
}

const char *error_kind_name(enum error_kind k)
{
	return name_of(error_kind_names, NR_ERROR_KINDS, k);
}

const char *skip_category_name(enum skip_category c)
{
	return name_of(skip_category_names, NR_SKIP_CATEGORIES, c);
}

const char *evidence_kind_name(enum evidence_kind k)
{
	return name_of(evidence_kind_names, NR_EVIDENCE_KINDS, k);
}

const char *evidence_state_name(enum evidence_state s)
{
	return name_of(evidence_state_names, NR_EVIDENCE_STATES, s);
}

int outcome_parse(const char *s, enum outcome *o)
{
	int i = parse(outcome_names, NR_OUTCOMES, s);

	if (i < 0)
		return i;
	*o = (enum outcome)i;
	return 0;
}

int error_kind_parse(const char *s, enum error_kind *k)
{
	int i = parse(error_kind_names, NR_ERROR_KINDS, s);

	if (i < 0)
		return i;
	*k = (enum error_kind)i;
	return 0;
}

int skip_category_parse(const char *s, enum skip_category *c)
{
	int i = parse(skip_category_names, NR_SKIP_CATEGORIES, s);

	if (i < 0)
		return i;
	*c = (enum skip_category)i;
	return 0;
}

int evidence_kind_parse(const char *s, enum evidence_kind *k)
{
	int i = parse(evidence_kind_names, NR_EVIDENCE_KINDS, s);

	if (i < 0)
		return i;
	*k = (enum evidence_kind)i;
	return 0;
}

int evidence_state_parse(const char *s, enum evidence_state *st)
{
	int i = parse(evidence_state_names, NR_EVIDENCE_STATES, s);

	if (i < 0)
		return i;
	*st = (enum evidence_state)i;
	return 0;
}

enum outcome outcome_settle(enum outcome claimed, unsigned int required,
			    const enum evidence_state states[NR_EVIDENCE_KINDS])
{
	bool all_proven = true;

	for (unsigned int k = 0; k < NR_EVIDENCE_KINDS; k++) {
		if (states[k] == EVIDENCE_REFUTED)
			return OUTCOME_FAIL;
		if ((required & (1u << k)) && states[k] != EVIDENCE_PROVEN)
			all_proven = false;
	}
	return claimed == OUTCOME_PASS && !all_proven ? OUTCOME_INCONCLUSIVE : claimed;
}
