/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the journal says of the machine and its kernel; what cannot be read is left out. */
#ifndef P2PCERT_RUNNER_HOST_H
#define P2PCERT_RUNNER_HOST_H

#include <jansson.h>

#include "base/attr.h"

/* sysroot stands before /sys, /proc and /boot; NULL: the machine's own. */

/* {hostname, machine, vendor, product, bios_*, cpu, memory_bytes} */
json_t *host_to_json(const char *sysroot) attr_must_check;
/* {release, version, cmdline, config_digest} */
json_t *host_kernel_to_json(const char *sysroot) attr_must_check;

#endif
