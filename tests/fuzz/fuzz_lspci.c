/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds the readers of captured machines with anything: lspci text, and what is recognised as an archive.
 * Whatever they make of it, the model keeps its promises. The PCI id database is a small one or none.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "platform/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* To sort the PCI id database for every input would take nearly all of the time. */
int LLVMFuzzerInitialize(int *argc attr_unused, char ***argv attr_unused)
{
	return setenv("P2PCERT_PCI_IDS", "/dev/null", 0);
}

static void check(const struct platform *p)
{
	if (!p->finished || !p->nr_functions)
		BUG("a model without functions, or not finished");
	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];

		if (i && pci_addr_cmp(p->functions[i - 1].addr, f->addr) >= 0)
			BUG("functions out of order");
		if (f->upstream >= (int)p->nr_functions ||
		    (f->upstream >= 0 && p->functions[f->upstream].addr.bus >= f->addr.bus &&
		     !f->is_virtual))
			BUG("a bridge that is not above");
		if (f->acs.known != KNOWN_PRESENT && (f->acs.capability || f->acs.control))
			BUG("ACS bits without ACS");
		if (f->config_bytes != 0 && f->config_bytes != 64 && f->config_bytes != 256 &&
		    f->config_bytes != 4096)
			BUG("config space of %zu bytes", f->config_bytes);
	}
}

static struct platform *read_bytes(const uint8_t *data, size_t size)
{
	autofree char *why = NULL;
	struct platform *p = platform_read_memory("fuzz", data, size, &why);

	if (!p == !why)
		BUG("a model and a message, or neither");
	if (p && strcmp(p->source_kind, "lspci") == 0)
		check(p);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autoplatform struct platform *p = read_bytes(data, size);

	/* the document takes longer than the model, and says the same */
	if (p && size % 16 == 0)
		json_decref(platform_to_json(p));
	return 0;
}
