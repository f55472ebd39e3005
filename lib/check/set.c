/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gathering functions. */
#include "check/set.h"

#include "base/alloc.h"

struct check_set check_set_new(const struct check_input *in)
{
	size_t n = in->platform->nr_functions;

	return (struct check_set){
		.items = xcalloc(n, sizeof(int)),
		.has = xcalloc(n, sizeof(bool)),
	};
}

void check_set_add(struct check_set *set, int function)
{
	if (set->has[function])
		return;
	set->has[function] = true;
	set->items[set->nr++] = function;
}

void check_set_release(struct check_set *set)
{
	free(set->items);
	free(set->has);
}

char *check_set_text(const struct check_input *in, const struct check_set *set,
		     const char *separator)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < set->nr; i++)
		fprintf(f, "%s%s", i ? separator : "",
			pci_addr_str(in->platform->functions[set->items[i]].addr));
	if (f)
		fclose(f);
	return text ? text : xstrdup("");
}
