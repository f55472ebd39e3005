/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another device that uses an area which may lie in a device's memory: a DMA engine of another
 * function, which asks the device for an alias of each page there, and reads and writes it in place,
 * or has it come back to memory where it is refused. See P2PCERT_IOC_DEVPRIV_CONSUMER.
 */
#ifndef P2PCERT_SCENARIO_CONSUMER_H
#define P2PCERT_SCENARIO_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/devmem.h"

/* What a scenario of consumers needs, and takes from --inject, besides what is in devmem.h. */
#define CONSUMER_NEEDS \
	{ NEED_KCONFIG, "CONFIG_DMA_ENGINE" }, \
	{ \
		NEED_MODULE, "p2pcert_edu" \
	}
#define CONSUMER_FAULT_NAMES "map-fails", "stale-address", "revoke-ignored", "policy-ignored"

#define CONSUMERS_MAX 4

/* The engines of a machine that can be consumers, one of each function. */
struct consumers {
	struct dmachan list[CONSUMERS_MAX];
	size_t n;
	uint64_t page_ns; /* that the slowest takes for a page */
};

/* What a consumer must hear of a page that is in the device's memory. */
enum answer {
	ANSWER_GRANTED, /* and reaches it in place */
	ANSWER_DENIED, /* by the owner's policy */
	ANSWER_UNMAPPED, /* the kernel does not let it reach the owner's BAR */
	ANSWER_NONE, /* the owner has no alias */
};

struct consumer {
	struct area *area; /* all of it */
	int fd;
	struct pci_addr addr;
	char *name; /* "0000:05:00.0 (dma0chan0)" */
	struct p2pcert_devpriv_consumer_counters before;
	bool by_kernel; /* the kernel asks for aliases */
	bool shown; /* evidence of how an alias is mapped for it */
};

/* Those that are free, with what they take for a page. False after scn_error() or devmem_skip(). */
bool consumers_find(struct devmem *dev, uint32_t flags, struct consumers *found) attr_must_check;

/* The engine becomes a consumer of the area; NULL after scn_error(). flags: P2PCERT_CONSUMER_*. */
struct consumer *consumer_open(struct area *a, const struct dmachan *chan,
			       uint32_t flags) attr_must_check;
/* NULL is none. */
void consumer_close(struct consumer *c);

/*
 * The owner lets it do this from now on, P2PCERT_POLICY_*, and another function, that of the owner's BAR,
 * the opposite. False after scn_error().
 */
bool consumer_allow(struct consumer *c, uint32_t policy) attr_must_check;
/* What it must hear under that policy. */
enum answer consumer_due(struct consumer *c, uint32_t policy, bool write);
/* The module commits these faults in what the consumer does, and those of --inject. */
bool consumer_set_faults(struct consumer *c, struct p2pcert_faults faults) attr_must_check;

/* It reads or writes pages by way of the buffer: 0, or a negative errno. */
int consumer_access(struct consumer *c, bool write, size_t first, size_t nr,
		    void *buffer) attr_must_check;
/* It reads pages, and they are right. */
bool consumer_check(struct consumer *c, size_t first, size_t nr, const char *when);
/* It overwrites pages with new patterns; the model knows it. */
bool consumer_write(struct consumer *c, size_t first, size_t nr);

/* How pages are mapped for it. */
enum use { USE_NONE, USE_MEMORY, USE_ALIAS };
/* Evidence path unless all the pages are mapped so, aliases within the owner's BAR as is right. */
bool consumer_look(struct consumer *c, size_t first, size_t nr, enum use use, const char *when);
/* Evidence path if any page is mapped in the owner's BAR. */
bool consumer_not_in_place(struct consumer *c, const char *when);
/* Evidence path if a page is in memory and an alias of it is still mapped. */
bool consumer_not_stale(struct consumer *c, const char *when);

/* What has been counted since it was asked the last time. False after evidence that it is missing. */
bool consumer_counted(struct consumer *c,
		      struct p2pcert_devpriv_consumer_counters *since) attr_must_check;

#endif
