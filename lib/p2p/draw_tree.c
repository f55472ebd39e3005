/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of host bridges, ports and functions as text: a table with a branch in its first column. */
#include <string.h>

#include "base/alloc.h"
#include "p2p/draw_text.h"
#include "p2p/isolation.h"

/* So many functions in a row that differ in nothing but their addresses are one line. */
#define ALIKE 4

enum column {
	COL_FUNCTION,
	COL_TYPE,
	COL_LINK,
	COL_ACS,
	COL_IOMMU,
	COL_NODE,
	COL_DRIVER,
	COL_P2PMEM,
	COL_NAME,
	NR_COLUMNS,
};
_Static_assert(NR_COLUMNS <= TABLE_COLUMNS, "a table has room for the tree");

static const char *const column_titles[NR_COLUMNS] = {
	[COL_FUNCTION] = "FUNCTION", [COL_TYPE] = "TYPE",     [COL_LINK] = "LINK",
	[COL_ACS] = "ACS",           [COL_IOMMU] = "IOMMU",   [COL_NODE] = "NODE",
	[COL_DRIVER] = "DRIVER",     [COL_P2PMEM] = "P2PMEM", [COL_NAME] = "NAME",
};

struct drawing {
	const struct platform *p;
	const struct draw_style *style;
	struct p2p_groups groups; /* predicted */
	bool *groups_differ;
	int *group_sizes; /* predicted, for the first member of each */
	bool domains; /* addresses need their domain */
	struct table table;
};

static const char *type_text(const struct function *f)
{
	static const char *const names[] = {
		[PORT_UNKNOWN] = NULL,
		[PORT_CONVENTIONAL] = "PCI",
		[PORT_CONVENTIONAL_BRIDGE] = "PCI bridge",
		[PORT_ENDPOINT] = "endpoint",
		[PORT_LEGACY_ENDPOINT] = "legacy endpoint",
		[PORT_ROOT] = "root port",
		[PORT_UPSTREAM] = "upstream port",
		[PORT_DOWNSTREAM] = "downstream port",
		[PORT_PCIE_TO_PCI] = "PCIe-PCI bridge",
		[PORT_PCI_TO_PCIE] = "PCI-PCIe bridge",
		[PORT_RC_ENDPOINT] = "integrated",
		[PORT_RC_EVENT_COLLECTOR] = "event collector",
	};

	if (f->is_virtual)
		return "VF";
	if (f->port_type == PORT_UNKNOWN)
		return f->is_bridge ? "bridge" : NULL;
	return names[f->port_type];
}

/* The end of the link that has only one other end: not a port that links something below it. */
static bool is_lower_end(const struct function *f)
{
	return f->port_type == PORT_ENDPOINT || f->port_type == PORT_LEGACY_ENDPOINT ||
	       f->port_type == PORT_UPSTREAM || f->port_type == PORT_PCIE_TO_PCI ||
	       (f->port_type == PORT_UNKNOWN && !f->is_bridge);
}

static uint8_t least(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/* The width and speed that both ends of f's link can do. */
static struct link best_link(const struct platform *p, const struct function *f)
{
	const struct function *up = platform_upstream(p, f);
	struct link best = f->link;

	if (up && up->link.known && up->link.max_width) {
		best.max_width = least(best.max_width, up->link.max_width);
		best.max_speed = least(best.max_speed, up->link.max_speed);
	}
	return best;
}

static void fill_link(struct drawing *d, const struct function *f, struct row *row)
{
	struct link best = best_link(d->p, f);
	autofree char *now = NULL;

	/* a VF has its PF's link and shows none */
	if (!f->link.known || f->is_virtual)
		return;
	if (!f->link.width) {
		row->cell[COL_LINK] = xstrdup("down");
		row->tone[COL_LINK] = TONE_DIM;
		return;
	}
	now = xasprintf("x%u %sGT/s", f->link.width, link_speed_name(f->link.speed));
	if (!is_lower_end(f) ||
	    (f->link.width >= best.max_width && f->link.speed >= best.max_speed)) {
		row->cell[COL_LINK] = take_ptr(now);
		return;
	}
	row->cell[COL_LINK] =
		xasprintf("%s < x%u %sGT/s", now, best.max_width, link_speed_name(best.max_speed));
	row->tone[COL_LINK] = TONE_WARN;
}

static void fill_acs(const struct function *f, struct row *row)
{
	bool redirect = f->acs.control & (ACS_RR | ACS_CR | ACS_EC);
	autofree char *bits = acs_bits_text(f->acs.control);

	switch (f->acs.known) {
	case KNOWN_NO:
		row->cell[COL_ACS] = xstrdup("unknown");
		row->tone[COL_ACS] = TONE_WARN;
		return;
	case KNOWN_ABSENT:
		/* said of what could redirect; few endpoints have it */
		if (f->is_bridge) {
			row->cell[COL_ACS] = xstrdup("none");
			row->tone[COL_ACS] = TONE_DIM;
		}
		return;
	case KNOWN_PRESENT:
		break;
	}
	row->cell[COL_ACS] =
		xasprintf("%s%s%s", redirect ? "redirect" : "no redirect", *bits ? ":" : "", bits);
	row->tone[COL_ACS] = redirect ? TONE_BAD : TONE_GOOD;
}

static char *size_text(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;

	while (u + 1 < ARRAY_LEN(units) && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	return xasprintf("%llu %s", (unsigned long long)bytes, units[u]);
}

/* The kernel's group; what is predicted only where the kernel does not say, or says otherwise. */
static void fill_group(struct drawing *d, int i, struct row *row)
{
	const struct function *f = &d->p->functions[i];
	int predicted = d->groups.of[i];
	char buf[PCI_ADDR_TEXT_MAX];

	if (f->iommu_group != GROUP_UNKNOWN) {
		autofree char *type = text_printable(f->iommu_type ? f->iommu_type : "", d->style);
		autofree char *other = NULL;

		if (d->groups_differ[i])
			other = xasprintf(
				" NOT ~%s",
				short_address(d->domains, d->p->functions[predicted].addr, buf));
		row->cell[COL_IOMMU] = xasprintf("%d%s%s%s", f->iommu_group, *type ? " " : "", type,
						 other ? other : "");
		row->tone[COL_IOMMU] = other ? TONE_ALARM : TONE_PLAIN;
	} else if (d->p->iommu_groups == KNOWN_NO && predicted >= 0 &&
		   d->group_sizes[predicted] == 1) {
		row->cell[COL_IOMMU] = xstrdup("~own");
		row->tone[COL_IOMMU] = TONE_DIM;
	} else if (d->p->iommu_groups == KNOWN_NO && predicted >= 0) {
		row->cell[COL_IOMMU] = xasprintf(
			"~%s", short_address(d->domains, d->p->functions[predicted].addr, buf));
		row->tone[COL_IOMMU] = TONE_DIM;
	}
}

static void fill(struct drawing *d, int i, struct row *row)
{
	const struct function *f = &d->p->functions[i];

	row->cell[COL_TYPE] = xstrdup(type_text(f));
	fill_link(d, f, row);
	fill_acs(f, row);
	fill_group(d, i, row);
	if (f->numa_node != NUMA_UNKNOWN)
		row->cell[COL_NODE] = xasprintf("%d", f->numa_node);
	if (f->driver)
		row->cell[COL_DRIVER] = text_printable(f->driver, d->style);
	if (f->p2pmem.present) {
		autofree char *size = size_text(f->p2pmem.size);

		row->cell[COL_P2PMEM] =
			xasprintf("%s%s", size, f->p2pmem.published ? "" : " (private)");
		row->tone[COL_P2PMEM] = TONE_GOOD;
	}
	row->cell[COL_NAME] = name_text(f, d->style);
}

/* --- functions that differ in nothing but their addresses -------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool alike(struct drawing *d, int a, int b)
{
	struct row one = { 0 }, other = { 0 };
	bool same = !d->p->functions[a].is_bridge && !d->p->functions[b].is_bridge;

	if (!same)
		return false;
	fill(d, a, &one);
	fill(d, b, &other);
	/* the parts of a chipset, which no driver is for, may have different names */
	for (int c = 0; c < NR_COLUMNS; c++)
		same &= same_text(one.cell[c], other.cell[c]) ||
			(c == COL_NAME && !one.cell[COL_DRIVER] && !other.cell[COL_DRIVER]);
	row_release(&one);
	row_release(&other);
	return same;
}

/* How many of these functions, from the first on, one line can stand for. */
static int run_of_alike(struct drawing *d, const int *members, int nr)
{
	int n = 1;

	while (n < nr && alike(d, members[0], members[n]))
		n++;
	return n >= ALIKE ? n : 1;
}

/* --- the branches ------------------------------------------------------------------------------ */

static void add_below(struct drawing *d, int upstream, int host_bridge, const char *indent);

/* The row of the first of these functions becomes that of all. */
static void say_many(const struct drawing *d, const int *members, int nr, struct row *row)
{
	autofree char *function = row->cell[COL_FUNCTION], *type = row->cell[COL_TYPE];
	autofree char *name = row->cell[COL_NAME];
	const struct pci_addr last = d->p->functions[members[nr - 1]].addr;
	bool same = true;
	char buf[PCI_ADDR_TEXT_MAX];

	for (int i = 1; i < nr; i++) {
		autofree char *other = name_text(&d->p->functions[members[i]], d->style);

		same &= same_text(name, other);
	}
	row->cell[COL_FUNCTION] =
		xasprintf("%s .. %s", function, short_address(d->domains, last, buf));
	row->cell[COL_TYPE] = xasprintf("%d x %s", nr, type ? type : "function");
	row->cell[COL_NAME] = same ? xstrdup(name) : xasprintf("%s, and others", name ? name : "?");
}

/* A line for functions that are alike, mostly for one. */
static void add_functions(struct drawing *d, const int *members, int nr, const char *indent,
			  bool last)
{
	const struct function *f = &d->p->functions[members[0]];
	const char *fork = d->style->unicode ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
	const char *trunk = last ? "   " : d->style->unicode ? "│  " : "|  ";
	autofree char *below = xasprintf("%s%s", indent, trunk);
	char buf[PCI_ADDR_TEXT_MAX];
	struct row *row = table_add(&d->table);

	fill(d, members[0], row);
	row->cell[COL_FUNCTION] =
		xasprintf("%s%s%s", indent, fork, short_address(d->domains, f->addr, buf));
	if (nr > 1)
		say_many(d, members, nr, row);
	if (f->is_bridge)
		add_below(d, members[0], f->host_bridge, below);
}

/* Everything directly below a bridge, or on the root bus of a host bridge. */
static void add_below(struct drawing *d, int upstream, int host_bridge, const char *indent)
{
	autofree int *members = NULL;
	int nr = 0, step;

	for (int i = 0; i < (int)d->p->nr_functions; i++) {
		const struct function *f = &d->p->functions[i];

		if (f->upstream != upstream || f->host_bridge != host_bridge)
			continue;
		members = xreallocarray(members, (size_t)nr + 1, sizeof(*members));
		members[nr++] = i;
	}
	for (int i = 0; i < nr; i += step) {
		step = run_of_alike(d, members + i, nr - i);
		add_functions(d, members + i, step, indent, i + step == nr);
	}
}

static void add_host_bridges(struct drawing *d)
{
	struct row *row;

	for (size_t i = 0; i < d->p->nr_host_bridges; i++) {
		const struct host_bridge *hb = &d->p->host_bridges[i];

		row = table_add(&d->table);
		row->cell[COL_FUNCTION] = xasprintf("host bridge %04x:%02x", hb->domain, hb->bus);
		row->tone[COL_FUNCTION] = TONE_BOLD;
		if (hb->numa_node != NUMA_UNKNOWN)
			row->cell[COL_NODE] = xasprintf("%d", hb->numa_node);
		add_below(d, UPSTREAM_ROOT_BUS, (int)i, "");
	}
	for (size_t i = 0; i < d->p->nr_functions; i++) {
		if (d->p->functions[i].upstream != UPSTREAM_UNKNOWN)
			continue;
		row = table_add(&d->table);
		row->cell[COL_FUNCTION] = xstrdup("bridge not seen");
		row->tone[COL_FUNCTION] = TONE_WARN;
		add_below(d, UPSTREAM_UNKNOWN, -1, "");
		break;
	}
}

static void put_machine(const struct platform *p, const struct draw_style *style, FILE *f)
{
	static const char *const iommu[] = {
		[KNOWN_NO] = "IOMMU unknown",
		[KNOWN_ABSENT] = "no IOMMU in use",
		[KNOWN_PRESENT] = "IOMMU in use",
	};
	autofree char *kernel = text_printable(p->kernel_release ? p->kernel_release : "?", style);
	autofree char *cpu = text_printable(p->cpu.name ? p->cpu.name : "unknown processor", style);

	fprintf(f, "Linux %s, %s, %s\n\n", kernel, cpu, iommu[p->iommu_groups]);
}

/* Does the table show any group that is predicted? */
static bool shows_predicted(const struct drawing *d)
{
	for (size_t i = 0; i < d->table.nr_rows; i++)
		if (d->table.rows[i].cell[COL_IOMMU] &&
		    strchr(d->table.rows[i].cell[COL_IOMMU], '~'))
			return true;
	return false;
}

static void put_legend(const struct drawing *d, FILE *f)
{
	static const struct {
		enum column column;
		enum tone tone;
		const char *term, *meaning;
	} legend[] = {
		{ COL_ACS, TONE_BAD, "redirect",
		  "ACS sends peer-to-peer traffic up to the host bridge" },
		{ COL_ACS, TONE_GOOD, "no redirect", "the port may pass it on directly" },
		{ COL_ACS, TONE_DIM, "none", "the port has no ACS: it passes it on directly" },
		{ COL_ACS, TONE_WARN, "unknown", "config space was not seen that far" },
		{ COL_LINK, TONE_WARN, "x4 < x8", "the link is below what both its ends can do" },
		{ COL_IOMMU, TONE_DIM, "~03:00.0",
		  "predicted: in the IOMMU group of 03:00.0, if an IOMMU is in use" },
		{ COL_IOMMU, TONE_DIM, "~own", "predicted likewise: in a group of its own" },
	};

	if (table_has(&d->table, COL_ACS) || table_has(&d->table, COL_LINK))
		fputc('\n', f);
	for (size_t i = 0; i < ARRAY_LEN(legend); i++) {
		if (!table_has(&d->table, (int)legend[i].column) ||
		    (legend[i].column == COL_IOMMU && !shows_predicted(d)))
			continue;
		put_padded(d->style, legend[i].tone, legend[i].term, 13, f);
		fprintf(f, "%s\n", legend[i].meaning);
	}
}

static void put_differences(const struct drawing *d, FILE *f)
{
	size_t n = 0;

	for (size_t i = 0; i < d->p->nr_functions; i++)
		n += d->groups_differ[i];
	if (!n)
		return;
	fputc('\n', f);
	put_text(d->style, TONE_ALARM, "NOT AS PREDICTED:", f);
	fprintf(f,
		" the kernel groups %zu functions otherwise than their ACS says. Groups are "
		"formed\n"
		"once, at boot: ACS that was changed since isolates more, or less, than they "
		"promise.\n",
		n);
}

void draw_tree(const struct platform *platform, const struct p2p_rules *rules,
	       const struct draw_style *style, FILE *f)
{
	struct drawing d = { .p = platform, .style = style, .domains = has_domains(platform) };

	put_machine(platform, style, f);
	if (!platform->nr_functions) {
		fputs("no PCI functions\n", f);
		return;
	}
	d.table = (struct table){ .titles = column_titles, .nr_columns = NR_COLUMNS };
	p2p_groups_predict(platform, rules, &d.groups);
	d.groups_differ = p2p_groups_differ(platform, &d.groups);
	d.group_sizes = xcalloc(platform->nr_functions, sizeof(*d.group_sizes));
	for (size_t i = 0; i < platform->nr_functions; i++)
		if (d.groups.of[i] >= 0)
			d.group_sizes[d.groups.of[i]]++;
	add_host_bridges(&d);
	table_put(&d.table, style, f);
	put_legend(&d, f);
	put_differences(&d, f);
	table_release(&d.table);
	p2p_groups_release(&d.groups);
	free(d.groups_differ);
	free(d.group_sizes);
}
