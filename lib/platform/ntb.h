/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the platform model: which functions are non-transparent bridges. */
#ifndef P2PCERT_PLATFORM_NTB_H
#define P2PCERT_PLATFORM_NTB_H

#include "platform/platform.h"

/* No capability says so: it is known by class and ids. */
bool ntb_is_one(const struct function *f);

#endif
