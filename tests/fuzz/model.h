/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For targets that read platforms: the promises of every model, and a small PCI id database or
 * none. A target is one file, so all of it is here.
 */
#ifndef P2PCERT_FUZZ_MODEL_H
#define P2PCERT_FUZZ_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "platform/platform.h"

#define not_covered __attribute__((no_sanitize("coverage", "address", "undefined")))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* To sort the PCI id database for every input would take nearly all of the time. */
int LLVMFuzzerInitialize(int *argc attr_unused, char ***argv attr_unused)
{
	return setenv("P2PCERT_PCI_IDS", "/dev/null", 0);
}

static void check_function(const struct platform *p, size_t i)
{
	const struct function *f = &p->functions[i];

	if (i && pci_addr_cmp(p->functions[i - 1].addr, f->addr) >= 0)
		BUG("functions out of order");
	if (f->upstream >= (int)p->nr_functions ||
	    (f->upstream >= 0 && p->functions[f->upstream].addr.bus >= f->addr.bus &&
	     !f->is_virtual))
		BUG("a bridge that is not above");
	if (f->host_bridge >= (int)p->nr_host_bridges)
		BUG("a host bridge that is none");
	if (f->acs.known != KNOWN_PRESENT && (f->acs.capability || f->acs.control))
		BUG("ACS bits without ACS");
	if (f->config_bytes != 0 && f->config_bytes != 64 && f->config_bytes != 256 &&
	    f->config_bytes != 4096)
		BUG("config space of %zu bytes", f->config_bytes);
}

static void check_model(const struct platform *p)
{
	if (!p->finished)
		BUG("a model that is not finished");
	if (!p->nr_functions && strcmp(p->source_kind, "lspci") == 0)
		BUG("a text without a function, taken for lspci's");
	for (size_t i = 0; i < p->nr_functions; i++)
		check_function(p, i);
}

/*
 * There is a model, or one message of why not. The document takes longer than the model, and says the
 * same: not every input need be worth it.
 */
static void read_platform(const void *data, size_t size, bool document)
{
	autofree char *why = NULL;
	autoplatform struct platform *p = platform_read_memory("fuzz", data, size, &why);

	if (!p == !why)
		BUG("a model and a message, or neither");
	if (!p)
		return;
	check_model(p);
	if (document)
		json_decref(platform_to_json(p));
}

/* Bytes that are taken from an input one after the other; zeros behind its end. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

static attr_unused uint8_t take_byte(struct bytes *b)
{
	if (!b->left)
		return 0;
	b->left--;
	return *b->at++;
}

/* At most len bytes; returns how many. */
static attr_unused size_t take_bytes(struct bytes *b, void *to, size_t len)
{
	if (len > b->left)
		len = b->left;
	memcpy(to, b->at, len);
	b->at += len;
	b->left -= len;
	return len;
}

#endif
