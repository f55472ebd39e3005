/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's IOMMU groups held against the predicted ones. Their names have nothing in common: what
 * is compared is which functions are together.
 */
#include "base/alloc.h"
#include "p2p/isolation.h"

/* What the members of one group are in the other division, as long as it is one thing. */
struct seen {
	int other;
	bool any, several;
};

static void note(struct seen *s, int other)
{
	s->several |= s->any && s->other != other;
	s->any = true;
	s->other = other;
}

/* The kernel's numbers can be anything: the first function of each group stands for it. */
static int *first_of_groups(const struct platform *p)
{
	int *first = xcalloc(p->nr_functions, sizeof(*first));
	int highest = -1;
	autofree int *of = NULL;

	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].iommu_group > highest)
			highest = p->functions[i].iommu_group;
	/* a hostile dump must not choose how much memory is taken */
	if (highest < 1 << 20) {
		of = xcalloc((size_t)highest + 2, sizeof(*of));
		for (size_t i = 0; i < p->nr_functions; i++) {
			int g = p->functions[i].iommu_group;

			if (g >= 0 && !of[g])
				of[g] = (int)i + 1;
			first[i] = g < 0 ? -1 : of[g] - 1;
		}
		return first;
	}
	for (size_t i = 0; i < p->nr_functions; i++) {
		size_t k = 0;

		while (p->functions[k].iommu_group != p->functions[i].iommu_group)
			k++;
		first[i] = p->functions[i].iommu_group < 0 ? -1 : (int)k;
	}
	return first;
}

bool *p2p_groups_differ(const struct platform *platform, const struct p2p_groups *groups)
{
	size_t nr = platform->nr_functions;
	autofree struct seen *kernel = xcalloc(nr, sizeof(*kernel));
	autofree struct seen *predicted = xcalloc(nr, sizeof(*predicted));
	autofree int *first = first_of_groups(platform);
	bool *differ = xcalloc(nr, sizeof(*differ));

	for (size_t i = 0; i < nr; i++) {
		if (first[i] < 0 || groups->of[i] < 0)
			continue;
		note(&kernel[first[i]], groups->of[i]);
		note(&predicted[groups->of[i]], first[i]);
	}
	for (size_t i = 0; i < nr; i++)
		differ[i] = first[i] >= 0 && groups->of[i] >= 0 &&
			    (kernel[first[i]].several || predicted[groups->of[i]].several);
	return differ;
}
