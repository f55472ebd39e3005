/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds the config space parser with anything, of any length, as that of a PF and of a VF, and holds
 * that what a snapshot leaves out of it makes no difference.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/platform.h"
#include "platform/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const uint8_t *data, size_t size, bool is_virtual)
{
	autoplatform struct platform *p = platform_new("fuzz", NULL);
	struct function *f = platform_add(p, (struct pci_addr){ 0 });

	f->is_virtual = is_virtual;
	platform_parse_config(p, f, data, size);
	platform_finish(p);
	return platform_to_json(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of exactly that size, so that a read beyond it is caught */
	autofree uint8_t *redacted = xcalloc(size, 1);

	if (size)
		memcpy(redacted, data, size);
	redact_config(redacted, size);
	for (int is_virtual = 0; is_virtual < 2; is_virtual++) {
		json_t *whole = parse(data, size, is_virtual);
		json_t *left = parse(redacted, size, is_virtual);

		if (!json_equal(whole, left))
			abort();
		json_decref(whole);
		json_decref(left);
	}
	return 0;
}
