/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes to the machine that a run makes and takes back. Each is in the journal before it is made
 * and after it was undone, so that it can be undone even if this process does not live to do it.
 */
#ifndef P2PCERT_RUNNER_UNDO_H
#define P2PCERT_RUNNER_UNDO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/journal.h"
#include "scenario/scenario.h"

enum undo_result {
	UNDO_UNDONE,
	UNDO_GONE, /* there was nothing left to undo */
	UNDO_FAILED,
	NR_UNDO_RESULTS,
};

/* What the kinds of change need to know. */
struct undo_env {
	const char *sysroot; /* before /sys; NULL: the machine's own */
	const char *module_dir; /* NULL: there are no modules */
	int64_t timeout_ns; /* for one change */
};

/* One kind of change; args are all that is needed to make it and to undo it. */
struct undo_kind {
	const char *name;
	/*
	 * Makes the change, or finds it made by somebody else. *changed says whether there is now
	 * something to undo, also on failure. *facts may be set to what the journal shall know
	 * of it, which the caller frees. 0, or a negative errno with *why as the reason not to run
	 * what needs the change; the caller frees its text.
	 */
	int (*apply)(const struct undo_env *env, const json_t *args, bool *changed, json_t **facts,
		     struct unmet *why);
	/* Must succeed when called again. *why, if set, goes to the journal; the caller frees it. */
	enum undo_result (*revert)(const struct undo_env *env, const json_t *args, char **why);
};

/*
 * The kinds that p2pcert uses: "module" {name}: a test module; "stock-module" {name}: one of the
 * distribution; "rdma-link" {name, netdev}: a soft RoCE device on a network device.
 */
extern const struct undo_kind undo_kinds[];
extern const size_t undo_kinds_len;

struct undo;

/* All borrowed. */
struct undo *undo_new(struct journal *journal, const struct undo_env *env,
		      const struct undo_kind *kinds, size_t nr_kinds) attr_must_check;
/* Undoes nothing by itself. */
void undo_free(struct undo *u);

/*
 * Makes a change of that kind; args is stolen. 0, or a negative errno with *why if the change could
 * not be made and nothing is left of it. What the change made known is in *facts. The caller frees
 * facts and the text of why. That the journal cannot be written is remembered by the journal.
 */
int undo_apply(struct undo *u, const char *kind, json_t *args, json_t **facts,
	       struct unmet *why) attr_must_check;

/* Undoes everything, last change first, whatever happens. How many could not be undone. */
size_t undo_all(struct undo *u);

#endif
