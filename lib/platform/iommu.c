/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sysfs shows of IOMMUs: /sys/class/iommu and /sys/kernel/iommu_groups. */
#include "platform/iommu.h"

#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

#define UNITS "/sys/class/iommu"
#define GROUPS "/sys/kernel/iommu_groups"
#define RESERVED_MAX 1000000 /* ranges, of all groups together */

/* The list that names of a directory are collected in. */
struct names {
	char **items;
	size_t nr;
};

static void add_name(void *with, const char *name)
{
	struct names *n = with;

	n->items = xreallocarray(n->items, n->nr + 1, sizeof(*n->items));
	n->items[n->nr++] = xstrdup(name);
}

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->nr; i++)
		free(n->items[i]);
	free(n->items);
}

/* --- units --------------------------------------------------------------------------------------- */

/* A number in hexadecimal without a prefix; 0 if it cannot be read. */
static uint64_t read_register(const struct place *top, const char *dir, const char *attr)
{
	autofree char *path = xasprintf("%s/%s", dir, attr);
	autofree char *text = NULL;
	uint64_t value;

	if (place_read_attr(top, path, &text) < 0 ||
	    text_to_u64(text_trim(text), 16, UINT64_MAX, &value) < 0)
		return 0;
	return value;
}

static void read_unit(struct platform *p, const struct place *top, const char *name)
{
	autofree char *link = xasprintf(UNITS "/%s", name);
	autofree char *dir = place_canonical(top, link);
	autofree char *device = NULL, *function = NULL;
	struct iommu_unit *unit;

	p->iommu_units =
		xreallocarray(p->iommu_units, p->nr_iommu_units + 1, sizeof(*p->iommu_units));
	unit = &p->iommu_units[p->nr_iommu_units++];
	*unit = (struct iommu_unit){ .name = text_sanitize(name, strlen(name)) };
	if (!dir)
		return;
	unit->capability = read_register(top, dir, "intel-iommu/cap");
	unit->extended = read_register(top, dir, "intel-iommu/ecap");
	device = xasprintf("%s/device", dir);
	unit->is_function = place_read_link_name(top, device, &function) == 0 &&
			    pci_addr_parse(function, &unit->function) == 0;
}

static int compare_units(const void *a, const void *b)
{
	const struct iommu_unit *x = a, *y = b;

	return strverscmp(x->name, y->name);
}

static void read_units(struct platform *p, const struct place *top)
{
	struct names units = { 0 };

	/* not there: a kernel before 3.17, or a capture without it */
	if (place_list(top, UNITS, add_name, &units) == 0)
		for (size_t i = 0; i < units.nr; i++)
			read_unit(p, top, units.items[i]);
	names_release(&units);
	if (p->nr_iommu_units)
		qsort(p->iommu_units, p->nr_iommu_units, sizeof(*p->iommu_units), compare_units);
}

/* --- groups -------------------------------------------------------------------------------------- */

/* "0x00000000fee00000 0x00000000feefffff msi": one line of reserved_regions. */
static void add_reserved(struct platform *p, int group, char *line)
{
	char *words[3] = { strsep(&line, " "), strsep(&line, " "), line };
	struct reserved_range range = { .iommu_group = group };

	/* links can make one file that of every group */
	if (p->nr_reserved == RESERVED_MAX || !words[2] ||
	    text_to_u64(words[0], 16, UINT64_MAX, &range.start) < 0 ||
	    text_to_u64(words[1], 16, UINT64_MAX, &range.end) < 0 || range.end < range.start)
		return;
	range.type = xstrdup(words[2]);
	p->reserved = xreallocarray(p->reserved, p->nr_reserved + 1, sizeof(*p->reserved));
	p->reserved[p->nr_reserved++] = range;
}

struct group {
	int id;
	char *type;
};

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static void read_group(struct platform *p, const struct place *top, struct group *group)
{
	autofree char *type_path = xasprintf(GROUPS "/%d/type", group->id);
	autofree char *reserved_path = xasprintf(GROUPS "/%d/reserved_regions", group->id);
	autofree char *reserved = NULL;
	char *rest, *line;

	if (place_read_attr(top, type_path, &group->type) < 0)
		group->type = NULL;
	if (place_read_attr(top, reserved_path, &reserved) < 0)
		return;
	rest = reserved;
	while ((line = strsep(&rest, "\n")))
		add_reserved(p, group->id, line);
}

/* Puts the groups in order, each once; returns how many there are. */
static size_t sort_groups(struct group *groups, size_t nr)
{
	size_t kept = 0;

	qsort(groups, nr, sizeof(*groups), compare_groups);
	for (size_t i = 0; i < nr; i++)
		if (!kept || groups[i].id != groups[kept - 1].id)
			groups[kept++] = groups[i];
	return kept;
}

/* The groups that are listed, and those that functions name: a capture may hold only one of both. */
static void read_groups(struct platform *p, const struct place *top)
{
	struct names listed = { 0 };
	autofree struct group *groups = NULL;
	size_t nr = 0;
	uint64_t id;

	if (place_list(top, GROUPS, add_name, &listed) == 0)
		p->iommu_groups = listed.nr ? KNOWN_PRESENT : KNOWN_ABSENT;
	groups = xcalloc(listed.nr + p->nr_functions + 1, sizeof(*groups));
	for (size_t i = 0; i < listed.nr; i++)
		if (text_to_u64(listed.items[i], 10, INT_MAX, &id) == 0)
			groups[nr++].id = (int)id;
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].iommu_group != GROUP_UNKNOWN)
			groups[nr++].id = p->functions[i].iommu_group;
	nr = sort_groups(groups, nr);
	for (size_t i = 0; i < nr; i++)
		read_group(p, top, &groups[i]);
	for (size_t i = 0; i < p->nr_functions; i++) {
		struct group key = { .id = p->functions[i].iommu_group };
		const struct group *found =
			bsearch(&key, groups, nr, sizeof(*groups), compare_groups);

		p->functions[i].iommu_type = xstrdup(found ? found->type : NULL);
	}
	if (nr)
		p->iommu_groups = KNOWN_PRESENT;
	if (p->iommu_groups == KNOWN_NO)
		platform_add_gap(p, "iommu groups", "'%s' cannot be read", GROUPS);
	for (size_t i = 0; i < nr; i++)
		free(groups[i].type);
	names_release(&listed);
}

void iommu_read(struct platform *p, const struct place *top)
{
	read_units(p, top);
	read_groups(p, top);
	if (p->nr_reserved == RESERVED_MAX)
		platform_add_gap(p, "reserved regions", "only the first %d were read",
				 RESERVED_MAX);
}
