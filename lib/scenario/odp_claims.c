/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of what devices claim of on-demand paging. */
#include "scenario/odp_claims.h"

#include <infiniband/verbs.h>

#include "base/alloc.h"

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IBV_ODP_SUPPORT_SEND, "send" },
	{ IBV_ODP_SUPPORT_RECV, "receive" },
	{ IBV_ODP_SUPPORT_WRITE, "RDMA write" },
	{ IBV_ODP_SUPPORT_READ, "RDMA read" },
	{ IBV_ODP_SUPPORT_ATOMIC, "atomic operations" },
	{ IBV_ODP_SUPPORT_SRQ_RECV, "receive from a shared queue" },
	{ ODP_SUPPORT_FLUSH, "RDMA flush" },
	{ ODP_SUPPORT_ATOMIC_WRITE, "atomic write" },
};

static void append(char **text, char *item)
{
	char *longer = *text ? xasprintf("%s, %s", *text, item) : xstrdup(item);

	free(*text);
	free(item);
	*text = longer;
}

char *odp_claims_text(uint32_t claims)
{
	char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (claims & names[i].bit)
			append(&text, xstrdup(names[i].name));
		claims &= ~names[i].bit;
	}
	if (claims)
		append(&text, xasprintf("0x%x", claims));
	return text ? text : xstrdup("nothing");
}
