/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the sysfs source: what is known of the machine and its kernel apart from functions. */
#ifndef P2PCERT_PLATFORM_MACHINE_H
#define P2PCERT_PLATFORM_MACHINE_H

#include "platform/place.h"
#include "platform/platform.h"

void machine_facts_read(struct platform *p, const struct place *top);

#endif
