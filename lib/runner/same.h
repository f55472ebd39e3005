/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this still what a run was begun on? A report is of one machine, booted in one way; a run that goes
 * on elsewhere would put what two of them do into one verdict. Pure functions over what the journal
 * says and what is found now; what one of the two does not know makes no difference.
 *
 * Each gives NULL, or the first difference as a text for the user, which the caller frees.
 */
#ifndef P2PCERT_RUNNER_SAME_H
#define P2PCERT_RUNNER_SAME_H

#include <jansson.h>

#include "base/attr.h"

/* The machine itself: the journal's host {hostname, machine, vendor, product, cpu}. */
char *same_machine(const json_t *host_then, const json_t *host_now) attr_must_check;

/* Firmware and kernel: build, configuration, and command line up to what is for init. */
char *same_system(const json_t *host_then, const json_t *host_now, const json_t *kernel_then,
		  const json_t *kernel_now) attr_must_check;

/* The PCI functions of two platform documents: where they are and what they are. */
char *same_functions(const json_t *platform_then, const json_t *platform_now) attr_must_check;

#endif
