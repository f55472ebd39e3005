/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACS of each port by the rules of different tools, and to how many pairs the port matters. */
#include "p2p/acs_rules.h"

#include "base/alloc.h"

#define ACS_ALL_BITS 0x7fu

static enum p2p_answer any_of(const struct acs *acs, unsigned int bits)
{
	switch (acs->known) {
	case KNOWN_NO:
		return P2P_CANNOT_TELL;
	case KNOWN_ABSENT:
		return P2P_NO;
	case KNOWN_PRESENT:
		break;
	}
	if (acs->control & ~acs->unsure & bits)
		return P2P_YES;
	return acs->unsure & bits ? P2P_CANNOT_TELL : P2P_NO;
}

static enum p2p_answer fits(const struct acs *acs, const char *mask)
{
	enum p2p_answer answer = P2P_YES;

	if (acs->known != KNOWN_PRESENT)
		return acs->known == KNOWN_NO ? P2P_CANNOT_TELL : P2P_NO;
	for (unsigned int bit = 0; bit < 7; bit++) {
		char wanted = mask[6 - bit];

		if (wanted == 'x')
			continue;
		if (acs->unsure & 1u << bit)
			answer = P2P_CANNOT_TELL;
		else if ((acs->control >> bit & 1) != (wanted == '1'))
			return P2P_NO;
	}
	return answer;
}

/* Initiators and targets, of one function or of all below a port. */
struct count {
	uint64_t initiators, targets;
};

static uint64_t pairs_of(struct count c)
{
	return c.initiators * c.targets;
}

static int top_of(const struct platform *p, int i)
{
	while (p->functions[i].upstream >= 0)
		i = p->functions[i].upstream;
	return i;
}

/*
 * Pairs that leave what is below a port for something below the same root port, or come from there, and
 * those that meet at the port.
 */
static void count_pairs(const struct platform *p, struct acs_reading *of)
{
	struct count *below = xcalloc(p->nr_functions, sizeof(*below));
	autofree uint64_t *within = xcalloc(p->nr_functions, sizeof(*within));

	for (int i = 0; i < (int)p->nr_functions; i++) {
		const struct function *f = &p->functions[i];

		for (int at = i; at >= 0; at = p->functions[at].upstream) {
			below[at].initiators += p2p_can_initiate(f);
			below[at].targets += p2p_can_be_target(f);
		}
	}
	/* below one child of the port: these pairs meet further down */
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].upstream >= 0)
			within[p->functions[i].upstream] += pairs_of(below[i]);
	for (int i = 0; i < (int)p->nr_functions; i++) {
		struct count all = below[top_of(p, i)];

		of[i].pairs = below[i].initiators * (all.targets - below[i].targets) +
			      below[i].targets * (all.initiators - below[i].initiators);
		if (p->functions[i].is_bridge)
			of[i].pairs += pairs_of(below[i]) - within[i];
	}
	free(below);
}

struct acs_reading *acs_read_rules(const struct platform *platform)
{
	struct acs_reading *of = xcalloc(platform->nr_functions, sizeof(*of));
	autofree const char **masks = xcalloc(platform->nr_functions, sizeof(*masks));

	rdma_topo_masks(platform, masks);
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		of[i].gpud = any_of(&f->acs, ACS_SV);
		of[i].nvidia_fs = f->is_bridge ? any_of(&f->acs, ACS_ALL_BITS) : P2P_NO;
		of[i].linux_says = any_of(&f->acs, ACS_RR | ACS_CR | ACS_EC);
		of[i].rdma_topo = masks[i];
		if (masks[i])
			of[i].rdma_topo_fits = fits(&f->acs, masks[i]);
	}
	count_pairs(platform, of);
	return of;
}
