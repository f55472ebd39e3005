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
#include "base/pciaddr.h"
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

/*
 * One kind of change; args are all that is needed to make it and to undo it, also by another process
 * that has nothing but the journal. They may come from a scenario or from a file: every function
 * refuses (-EINVAL, UNDO_FAILED) args that lack something or name what is not of this kind.
 */
struct undo_kind {
	const char *name;
	bool unsafe; /* only for scenarios that are, on devices that were named */
	/*
	 * Looks at the machine, changes nothing. *there: it is already as the change would make it, by
	 * somebody else's doing, so that there is nothing to undo later. Else what the revert needs to
	 * know of the state before is added to args ("before"). 0, or a negative errno with *why as
	 * the reason not to run what needs the change; the caller frees its text.
	 */
	int (*look)(const struct undo_env *env, json_t *args, bool *there, struct unmet *why);
	/*
	 * Makes it so; also called when it is there, to see that it is right. *facts may be set to what
	 * the journal shall know of it, which the caller frees. 0, or a negative errno with *why as
	 * for look(); what was done of it is then reverted.
	 */
	int (*apply)(const struct undo_env *env, const json_t *args, json_t **facts,
		     struct unmet *why);
	/*
	 * Must succeed when called again, and when the change was never made. *why, if set, goes to the
	 * journal; the caller frees it.
	 */
	enum undo_result (*revert)(const struct undo_env *env, const json_t *args, char **why);
	bool outlives_boot; /* and so has to be undone after one */
};

/*
 * The kinds that p2pcert uses.
 *
 * module {name}		a test module is loaded
 * stock-module {name}		one of the distribution is loaded, with what it depends on
 * rdma-link {name, netdev}	a soft RoCE device on a network device
 * sysctl {name, value}		/proc/sys; "vm.compact_memory" and the like that cannot be read are refused
 * huge-pages {bytes, count}	at least so many huge pages of that size are free
 * cgroup {name, [memory_max]}	a control group (v2), "p2pcert-...", below cgroup_root(); its processes are
 *				killed to undo it
 * driver-override {address, driver}	the function is bound to that driver ("": to none); unsafe
 * pci-remove {address}	the kernel gives the function up; its bus is scanned anew to undo it, and it gets
 *				the driver that it had; no bridge, and none with virtual functions; unsafe
 * pci-config {address, offset, width, mask, value}	bits of config space, such as ACS control; unsafe
 * bar-range {address, bar, held}	the beginning of a BAR, of a function that vfio-pci has bound, may be
 *				overwritten: the bytes held there are in the journal, in hexadecimal, and are put
 *				back; unsafe
 * iommu-group-type {group, type}	default domain type of a group; unsafe
 * disk-range {address, disk, offset, bytes}	what an NVMe drive of the function holds there may be
 *				overwritten: its bytes are in the journal, and are put back; unsafe
 */
#define UNDO_REMOVAL "pci-remove"
extern const struct undo_kind undo_kinds[];
extern const size_t undo_kinds_len;

struct undo;

/* All borrowed. */
struct undo *undo_new(struct journal *journal, const struct undo_env *env,
		      const struct undo_kind *kinds, size_t nr_kinds) attr_must_check;
/* Undoes nothing by itself. */
void undo_free(struct undo *u);

/*
 * Takes over what an earlier process did: all of its undo-add and undo-done records, as an array, so
 * that undo_all() undoes what is left of it. -EINVAL if they contradict themselves, with nothing taken
 * over.
 */
int undo_adopt(struct undo *u, const json_t *records) attr_must_check;

/*
 * Makes a change of that kind; args is stolen. 0, or a negative errno with *why if the change could
 * not be made and nothing is left of it. What the change made known is in *facts. The caller frees
 * facts and the text of why. That the journal cannot be written is remembered by the journal.
 */
int undo_apply(struct undo *u, const char *kind, json_t *args, json_t **facts,
	       struct unmet *why) attr_must_check;

/*
 * Takes over a change that was found made, not made by undo_apply(); args is stolen. 0 or a negative
 * errno: it is not in the journal, and will be undone all the same.
 */
int undo_found(struct undo *u, const char *kind, json_t *args) attr_must_check;

/*
 * Has this process taken the function away by such a change, or brought it back, since it was last told to
 * forget? The kernel's events of that are no news.
 */
bool undo_has_moved(const struct undo *u, struct pci_addr function) attr_must_check;
void undo_forget_moved(struct undo *u);

/* How many changes there are to undo. */
size_t undo_depth(const struct undo *u);
/*
 * Undoes, last change first, all but the first depth of them, whatever happens. How many could not be
 * undone; they are not tried again by this process.
 */
size_t undo_down_to(struct undo *u, size_t depth);
/* Of what was changed only what outlives it is left, because the machine was booted anew: says so in the journal. */
void undo_forget(struct undo *u, const char *text);

#endif
