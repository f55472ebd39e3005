/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the sources: which functions are virtual, where the source does not say so itself. */
#ifndef P2PCERT_PLATFORM_VIRTUAL_H
#define P2PCERT_PLATFORM_VIRTUAL_H

#include "platform/platform.h"

/*
 * Marks the VFs of every PF whose registers say where they are, and as maybe virtual what can be a VF
 * of a function whose registers were not seen. Once, when all functions are there.
 */
void virtual_mark(struct platform *p);

#endif
