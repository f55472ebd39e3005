/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeds the config space parser with anything, of any length. */
#include <stddef.h>
#include <stdint.h>

#include "platform/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autoplatform struct platform *p = platform_new("fuzz", NULL);

	platform_parse_config(p, platform_add(p, (struct pci_addr){ 0 }), data, size);
	platform_finish(p);
	json_decref(platform_to_json(p));
	return 0;
}
