/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The character devices of the loaded test modules: opening one, being sure that it is ours and of
 * this version, and passing on the faults that --inject asks for. Loading and unloading modules is
 * for lib/kmod and lib/runner.
 *
 * What --inject FAULT does to which scenario, and where it must be noticed:
 *
 *	fault          topo.pair-verdict  devpriv.roundtrip      p2pdma.nvme-cmb-read  p2pdma.engine-copy
 *	skip-copy      -                  data                   data                  data
 *	corrupt-copy   -                  data                   data                  data
 *	short-copy     -                  data                   data                  data
 *	no-migrate     -                  data, path, counters   -                     -
 *	wrong-verdict  path               -                      path                  path
 *	leak           leak               leak                   leak                  leak
 *	warn           kernel_log         kernel_log             kernel_log            kernel_log
 *	lockdep        kernel_log             kernel_log             kernel_log            kernel_log
 *	hang           error/timeout in all of them
 *	stuck          error/timeout in all of them, and the run ends: no signal ends the child
 *	oops           kernel_log in all of them, and the run ends: the kernel is tainted
 */
#ifndef P2PCERT_SCENARIO_MODFD_H
#define P2PCERT_SCENARIO_MODFD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"
#include "scenario/scenario.h"
#include "uapi/p2pcert.h"

/* The names of P2PCERT_FAULTS_ENTER, for FAULTS(). */
#define MODFD_FAULTS_ENTER "warn", "lockdep", "hang", "stuck", "oops"

/* The P2PCERT_FAULT_* bit of "skip-copy"; 0 if there is no such fault. */
uint32_t modfd_fault(const char *name);

/* Those of the faults in mask that this run asks for. */
uint32_t modfd_injected(const struct scenario_ctx *ctx, uint32_t mask);

/*
 * Does this answer to P2PCERT_IOC_VERSION come from the module of that name that belongs to this
 * p2pcert? NULL if so, else a text for the user, which the caller frees.
 */
char *modfd_refuse(const struct p2pcert_version *v, const char *module) attr_must_check;

/*
 * Opens the device of a module and sets the faults; refcnt (may be NULL) is how often the module was
 * in use before. A file descriptor, or -1 after scn_error(): the scenario then returns OUTCOME_ERROR.
 */
int modfd_open(struct scenario_ctx *ctx, const char *module, uint32_t faults,
	       uint64_t *refcnt) attr_must_check;

/* An ioctl of a module's device: 0 or a negative errno. */
int modfd_ioctl(int fd, unsigned long request, void *arg) attr_must_check;

/* How often the module is in use, from sysfs. 0 or a negative errno. */
int modfd_refcnt(const char *sysroot, const char *module, uint64_t *count) attr_must_check;

/*
 * Evidence EVIDENCE_LEAK: the module's use count is what it was. Called after its device was closed;
 * gives the kernel a moment. False if it is not.
 */
bool modfd_judge_refcnt(struct scenario_ctx *ctx, const char *module, uint64_t before);

/*
 * What a module holds now (P2PCERT_IOC_HELD), through its open device. 0, or -1 after scn_error().
 */
int modfd_held(struct scenario_ctx *ctx, const char *module, int fd,
	       struct p2pcert_held *held) attr_must_check;

/* Does the module hold more of anything now than before? */
bool modfd_held_more(const struct p2pcert_held *before, const struct p2pcert_held *now);

/*
 * Evidence EVIDENCE_LEAK: the module holds nothing that it did not hold before. Called when all that
 * was asked of it is over, and before its device is closed. False if it does.
 */
bool modfd_judge_held(struct scenario_ctx *ctx, const char *module, int fd,
		      const struct p2pcert_held *before);

/*
 * Tells the module's driver to "bind" or "unbind" a function, which is done when it returns. 0 or a
 * negative errno.
 */
int modfd_driver(const char *sysroot, const char *module, const char *verb,
		 struct pci_addr addr) attr_must_check;

/* "EREMOTEIO" of a positive or negative errno. */
const char *errno_text(int err);

#endif
