/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the sources: what a function's path in the kernel's device tree says of its place. */
#ifndef P2PCERT_PLATFORM_DEVICE_PATH_H
#define P2PCERT_PLATFORM_DEVICE_PATH_H

#include "platform/platform.h"

/*
 * From ".../pci0000:00/0000:00:03.0/0000:01:00.0", absolute or not: the bridge above the function, or
 * that it is on a root bus, and the function below which that root bus hangs, as with an Intel VMD.
 * Of a path that says none of it, or NULL, nothing is taken.
 */
void device_path_read(struct function *f, const char *path);

#endif
