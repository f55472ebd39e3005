/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the p2pdma scenarios share that look at each provider of peer-to-peer memory by itself, without a
 * peer: the module, what it and the provider hold before and after, and what is said of them.
 */
#ifndef P2PCERT_SCENARIO_PROVIDER_H
#define P2PCERT_SCENARIO_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/p2pmem.h"
#include "scenario/pagemap.h"
#include "scenario/scenario.h"
#include "uapi/p2pcert.h"

struct provider {
	struct scenario_ctx *ctx;
	const struct function *function;
	const char *name; /* its address */
	int fd; /* of p2pcert_p2p, with the faults asked for */
	uint64_t available; /* bytes, before */
	uint64_t nr_patterns; /* used so far */
	bool good; /* nothing was refuted or is missing */
	size_t exercised; /* counted by the body */
};

/*
 * Does it for each provider, with the module open. The memory that is free before each is free after it,
 * and the module holds nothing. Where all is good and nothing was exercised, it is a skip for that reason.
 */
enum outcome provider_each(struct scenario_ctx *ctx, uint32_t faults,
			   void (*body)(struct provider *p), enum skip_category category,
			   const char *nothing);

/* scn_evidence(), after the provider's name. What is not proven is remembered in good. */
void provider_say(struct provider *p, enum evidence_kind kind, enum evidence_state state,
		  const char *fmt, ...) attr_printf(4, 5);
/* Maps that many pages of its memory. False after saying that it cannot be done. */
bool provider_map(struct provider *p, size_t pages, struct p2pmem_map *map) attr_must_check;
/* A seed not used before in this run. */
uint64_t provider_seed(struct provider *p);
/* As much of its memory is taken as that, in the end; says so of `when` if not. */
bool provider_taken(struct provider *p, const char *when, uint64_t bytes);

/* Pins a range, or asks for a refusal: 0 or the errno of the ioctl. */
int provider_pin(const struct provider *p, const void *addr, size_t len, uint32_t flags,
		 struct p2pcert_pin *pin) attr_must_check;

#endif
