/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the platform document: the registers of a function in it. */
#ifndef P2PCERT_PLATFORM_REGISTERS_JSON_H
#define P2PCERT_PLATFORM_REGISTERS_JSON_H

#include <jansson.h>

#include "platform/platform.h"

/* Sets the keys of what was seen of the function's registers, windows and resizable BARs. */
void registers_to_json(json_t *o, const struct function *f);

#endif
