/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a kernel's configuration is found, and its text, compressed as the kernel has it or not. */
#ifndef P2PCERT_BASE_KCONFIG_FILE_H
#define P2PCERT_BASE_KCONFIG_FILE_H

#include <stddef.h>

#include "base/attr.h"

#define KCONFIG_MAX (4u << 20) /* bytes, of the file and of its text */

/*
 * The i-th place, the best first: the running kernel's own, then those of installed ones. NULL behind
 * the last one; the caller frees it. With release NULL there is but the running kernel's.
 */
char *kconfig_path(size_t i, const char *release) attr_must_check;

/*
 * The text of the file's bytes, which have a NUL behind them; they are taken in any case, and are the
 * text if they are not packed. NULL with errno: EINVAL if they are damaged or empty, EFBIG.
 */
char *kconfig_unpack(char *data, size_t len) attr_must_check;

/* The first that can be read under sysroot (NULL or "": the machine's own); NULL if there is none. */
char *kconfig_read(const char *sysroot, const char *release) attr_must_check;

#endif
