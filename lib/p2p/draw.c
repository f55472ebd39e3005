/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drawn tree and matrix: text, widths, colours; facts come from the model and route.c. */
#include "p2p/draw.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"

enum tone { TONE_PLAIN, TONE_BOLD, TONE_DIM, TONE_GOOD, TONE_WARN, TONE_BAD };

static const char *const tone_escapes[] = {
	[TONE_PLAIN] = "",        [TONE_BOLD] = "\033[1m",  [TONE_DIM] = "\033[2m",
	[TONE_GOOD] = "\033[32m", [TONE_WARN] = "\033[33m", [TONE_BAD] = "\033[31m",
};

/* Columns on a terminal, taking every character for one wide. */
static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* s with nothing in it that could break the line, or ASCII if that is the style. */
static char *printable(const char *s, const struct draw_style *style)
{
	char *out = xcalloc(strlen(s) + 1, 1);
	size_t n = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			out[n++] = ' ';
		else if (c < 0x80 || style->unicode)
			out[n++] = (char)c;
		else if ((c & 0xc0) != 0x80)
			out[n++] = '?';
	}
	return out;
}

static void put(const struct draw_style *style, enum tone tone, const char *s, FILE *f)
{
	if (style->color && tone != TONE_PLAIN)
		fprintf(f, "%s%s\033[0m", tone_escapes[tone], s);
	else
		fputs(s, f);
}

static void put_padded(const struct draw_style *style, enum tone tone, const char *s, int width,
		       FILE *f)
{
	put(style, tone, s, f);
	fprintf(f, "%*s", width > width_of(s) ? width - width_of(s) : 0, "");
}

/* --- the table that the tree is ---------------------------------------------------------------------- */

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

static const char *const column_titles[NR_COLUMNS] = {
	[COL_FUNCTION] = "FUNCTION", [COL_TYPE] = "TYPE",     [COL_LINK] = "LINK",
	[COL_ACS] = "ACS",           [COL_IOMMU] = "IOMMU",   [COL_NODE] = "NODE",
	[COL_DRIVER] = "DRIVER",     [COL_P2PMEM] = "P2PMEM", [COL_NAME] = "NAME",
};

struct row {
	char *cell[NR_COLUMNS]; /* NULL: nothing to say */
	enum tone tone[NR_COLUMNS];
};

struct drawing {
	const struct platform *p;
	const struct draw_style *style;
	bool domains; /* addresses need their domain */
	struct row *rows;
	size_t nr_rows;
};

static struct row *new_row(struct drawing *d)
{
	d->rows = xreallocarray(d->rows, d->nr_rows + 1, sizeof(*d->rows));
	d->rows[d->nr_rows] = (struct row){ 0 };
	return &d->rows[d->nr_rows++];
}

static const char *short_address(bool domains, struct pci_addr addr, char buf[PCI_ADDR_TEXT_MAX])
{
	pci_addr_format(addr, buf);
	return domains ? buf : strchr(buf, ':') + 1;
}

static bool has_domains(const struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p->functions[i].addr.domain)
			return true;
	return false;
}

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
	static const char bits[][4] = { " SV", " TB", " RR", " CR", " UF", " EC", " DT" };
	char list[ARRAY_LEN(bits) * 3 + 1] = "";
	size_t n = 0;
	bool redirect = f->acs.control & (ACS_RR | ACS_CR | ACS_EC);

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
	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (f->acs.control & 1u << i)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s", bits[i]);
	row->cell[COL_ACS] =
		xasprintf("%s%s%s", redirect ? "redirect" : "no redirect", *list ? ":" : "", list);
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

static void fill_name(struct drawing *d, const struct function *f, struct row *row)
{
	if (f->name)
		row->cell[COL_NAME] = printable(f->name, d->style);
	else if (f->ids_known)
		row->cell[COL_NAME] = xasprintf("%04x:%04x", f->vendor, f->device);
}

static void fill(struct drawing *d, const struct function *f, struct row *row)
{
	row->cell[COL_TYPE] = xstrdup(type_text(f));
	fill_link(d, f, row);
	fill_acs(f, row);
	if (f->iommu_group != GROUP_UNKNOWN) {
		autofree char *type = printable(f->iommu_type ? f->iommu_type : "", d->style);

		row->cell[COL_IOMMU] = xasprintf("%d%s%s", f->iommu_group, *type ? " " : "", type);
	}
	if (f->numa_node != NUMA_UNKNOWN)
		row->cell[COL_NODE] = xasprintf("%d", f->numa_node);
	if (f->driver)
		row->cell[COL_DRIVER] = printable(f->driver, d->style);
	if (f->p2pmem.present) {
		autofree char *size = size_text(f->p2pmem.size);

		row->cell[COL_P2PMEM] =
			xasprintf("%s%s", size, f->p2pmem.published ? "" : " (private)");
		row->tone[COL_P2PMEM] = TONE_GOOD;
	}
	fill_name(d, f, row);
}

static void add_below(struct drawing *d, int upstream, int host_bridge, const char *indent);

static void add_function(struct drawing *d, int i, const char *indent, bool last)
{
	const struct function *f = &d->p->functions[i];
	const char *fork = d->style->unicode ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
	const char *trunk = last ? "   " : d->style->unicode ? "│  " : "|  ";
	autofree char *below = xasprintf("%s%s", indent, trunk);
	char buf[PCI_ADDR_TEXT_MAX];
	struct row *row = new_row(d);

	row->cell[COL_FUNCTION] =
		xasprintf("%s%s%s", indent, fork, short_address(d->domains, f->addr, buf));
	fill(d, f, row);
	if (f->is_bridge)
		add_below(d, i, f->host_bridge, below);
}

/* Everything directly below a bridge, or on the root bus of a host bridge. */
static void add_below(struct drawing *d, int upstream, int host_bridge, const char *indent)
{
	int previous = -1;

	for (int i = 0; i < (int)d->p->nr_functions; i++) {
		const struct function *f = &d->p->functions[i];

		if (f->upstream != upstream || f->host_bridge != host_bridge)
			continue;
		if (previous >= 0)
			add_function(d, previous, indent, false);
		previous = i;
	}
	if (previous >= 0)
		add_function(d, previous, indent, true);
}

static void add_host_bridges(struct drawing *d)
{
	for (size_t i = 0; i < d->p->nr_host_bridges; i++) {
		const struct host_bridge *hb = &d->p->host_bridges[i];
		struct row *row = new_row(d);

		row->cell[COL_FUNCTION] = xasprintf("host bridge %04x:%02x", hb->domain, hb->bus);
		row->tone[COL_FUNCTION] = TONE_BOLD;
		if (hb->numa_node != NUMA_UNKNOWN)
			row->cell[COL_NODE] = xasprintf("%d", hb->numa_node);
		add_below(d, UPSTREAM_ROOT_BUS, (int)i, "");
	}
	for (size_t i = 0; i < d->p->nr_functions; i++) {
		if (d->p->functions[i].upstream != UPSTREAM_UNKNOWN)
			continue;
		new_row(d)->cell[COL_FUNCTION] = xstrdup("bridge not seen");
		d->rows[d->nr_rows - 1].tone[COL_FUNCTION] = TONE_WARN;
		add_below(d, UPSTREAM_UNKNOWN, -1, "");
		break;
	}
}

static void put_row(const struct draw_style *style, const struct row *row,
		    const int widths[NR_COLUMNS], FILE *f)
{
	int last = 0;

	for (int c = 0; c < NR_COLUMNS; c++)
		if (row->cell[c])
			last = c;
	for (int c = 0; c <= last; c++) {
		if (!widths[c])
			continue;
		put_padded(style, row->tone[c], row->cell[c] ? row->cell[c] : "",
			   c < last ? widths[c] + 2 : 0, f);
	}
	fputc('\n', f);
}

static void measure(const struct drawing *d, int widths[NR_COLUMNS])
{
	for (int c = 0; c < NR_COLUMNS; c++) {
		for (size_t i = 0; i < d->nr_rows; i++) {
			int w = d->rows[i].cell[c] ? width_of(d->rows[i].cell[c]) : 0;

			if (w > widths[c])
				widths[c] = w;
		}
		/* a column without a cell is not drawn */
		if (widths[c] && widths[c] < width_of(column_titles[c]))
			widths[c] = width_of(column_titles[c]);
	}
}

static void put_table(const struct drawing *d, const int widths[NR_COLUMNS], FILE *f)
{
	struct row title = { 0 };

	for (int c = 0; c < NR_COLUMNS; c++) {
		if (widths[c])
			title.cell[c] = (char *)column_titles[c];
		title.tone[c] = TONE_DIM;
	}
	put_row(d->style, &title, widths, f);
	for (size_t i = 0; i < d->nr_rows; i++)
		put_row(d->style, &d->rows[i], widths, f);
}

static void put_machine(const struct platform *p, const struct draw_style *style, FILE *f)
{
	static const char *const iommu[] = {
		[KNOWN_NO] = "IOMMU unknown",
		[KNOWN_ABSENT] = "no IOMMU in use",
		[KNOWN_PRESENT] = "IOMMU in use",
	};
	autofree char *kernel = printable(p->kernel_release ? p->kernel_release : "?", style);
	autofree char *cpu = printable(p->cpu.name ? p->cpu.name : "unknown processor", style);

	fprintf(f, "Linux %s, %s, %s\n\n", kernel, cpu, iommu[p->iommu_groups]);
}

static void put_legend(const struct draw_style *style, const int widths[NR_COLUMNS], FILE *f)
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
	};

	if (widths[COL_ACS] || widths[COL_LINK])
		fputc('\n', f);
	for (size_t i = 0; i < ARRAY_LEN(legend); i++) {
		if (!widths[legend[i].column])
			continue;
		put_padded(style, legend[i].tone, legend[i].term, 13, f);
		fprintf(f, "%s\n", legend[i].meaning);
	}
}

void draw_tree(const struct platform *platform, const struct draw_style *style, FILE *f)
{
	struct drawing d = { .p = platform, .style = style, .domains = has_domains(platform) };
	int widths[NR_COLUMNS] = { 0 };

	put_machine(platform, style, f);
	if (!platform->nr_functions) {
		fputs("no PCI functions\n", f);
		return;
	}
	add_host_bridges(&d);
	measure(&d, widths);
	put_table(&d, widths, f);
	put_legend(style, widths, f);
	for (size_t i = 0; i < d.nr_rows; i++)
		for (int c = 0; c < NR_COLUMNS; c++)
			free(d.rows[i].cell[c]);
	free(d.rows);
}

/* --- the matrix ----------------------------------------------------------------------------------------- */

#define COLUMNS_AT_ONCE 24
#define CELL_WIDTH 4
#define LABEL_WIDTH 4

struct matrix {
	const struct platform *p;
	const struct p2p_rules *rules;
	const struct draw_style *style;
	struct p2p_classes classes;
	bool domains;
};

/* A, B, ... Z, AA, AB, ... */
static const char *label(int n, char buf[8])
{
	char *p = buf + 7;

	*p = '\0';
	for (n++; n > 0; n = (n - 1) / 26)
		*--p = (char)('A' + (n - 1) % 26);
	return p;
}

static const struct {
	char letter;
	enum tone tone;
} verdict_shown[] = {
	[VERDICT_UNKNOWN] = { '?', TONE_WARN },
	[VERDICT_BUS_ADDRESS] = { 'D', TONE_GOOD },
	[VERDICT_HOST_BRIDGE] = { 'H', TONE_WARN },
	[VERDICT_NOT_SUPPORTED] = { 'x', TONE_BAD },
};

static void put_cell(const struct matrix *m, int row, int column, FILE *f)
{
	struct p2p_pair pair;
	char text[16];

	if (p2p_class_predict(m->p, m->rules, &m->classes, row, column, &pair) < 0) {
		put_padded(m->style, TONE_DIM, ".", CELL_WIDTH, f);
		return;
	}
	if (pair.verdict == VERDICT_BUS_ADDRESS || pair.verdict == VERDICT_HOST_BRIDGE)
		snprintf(text, sizeof(text), "%c%d", verdict_shown[pair.verdict].letter,
			 pair.distance);
	else
		snprintf(text, sizeof(text), "%c", verdict_shown[pair.verdict].letter);
	put_padded(m->style, verdict_shown[pair.verdict].tone, text, CELL_WIDTH, f);
	p2p_pair_release(&pair);
}

static void put_class(const struct matrix *m, int k, FILE *f)
{
	const struct p2p_class *c = &m->classes.items[k];
	const struct function *first = &m->p->functions[c->first];
	char buf[PCI_ADDR_TEXT_MAX];

	fputs(short_address(m->domains, first->addr, buf), f);
	if (c->nr_functions > 1)
		fprintf(f, " and %d more", c->nr_functions - 1);
	if (first->name) {
		autofree char *name = printable(first->name, m->style);

		fprintf(f, "  %s", name);
	}
	fputc('\n', f);
}

/* Up to COLUMNS_AT_ONCE targets, from the class `from` on; returns where to go on. */
static int put_block(const struct matrix *m, int from, FILE *f)
{
	int columns[COLUMNS_AT_ONCE];
	int nr = 0, next = from;
	char buf[8];

	for (; next < m->classes.nr && nr < COLUMNS_AT_ONCE; next++)
		if (m->classes.items[next].to)
			columns[nr++] = next;
	if (!nr)
		return next;
	fprintf(f, "%*s", LABEL_WIDTH, "");
	for (int c = 0; c < nr; c++)
		put_padded(m->style, TONE_BOLD, label(columns[c], buf), c + 1 < nr ? CELL_WIDTH : 0,
			   f);
	fputc('\n', f);
	for (int r = 0; r < m->classes.nr; r++) {
		put_padded(m->style, TONE_BOLD, label(r, buf), LABEL_WIDTH, f);
		for (int c = 0; c < nr; c++)
			put_cell(m, r, columns[c], f);
		put_class(m, r, f);
	}
	fputc('\n', f);
	return next;
}

void draw_pairs(const struct platform *platform, const struct p2p_rules *rules,
		const struct p2p_selection *selection, const struct draw_style *style, FILE *f)
{
	struct matrix m = { platform, rules, style, .domains = has_domains(platform) };
	bool any = false;

	for (size_t i = 0; i < platform->nr_functions; i++)
		any |= selection->to[i] != 0;
	if (!any) {
		fputs("no pairs: no function with a memory BAR was seen.\n", f);
		return;
	}
	p2p_classify(platform, selection, &m.classes);
	fprintf(f, "Rows start transfers, columns own the memory; rules of Linux %s\n\n",
		p2p_rules_name(rules));
	for (int next = 0; next < m.classes.nr;)
		next = put_block(&m, next, f);
	fputs("D  direct: bus address, stays below the port that both share\n"
	      "H  through the host bridge\n"
	      "x  not supported: the kernel refuses to map it\n"
	      "?  unknown: what decides was not seen\n"
	      ".  no such pair\n"
	      "The number is the kernel's distance; --pairs=INITIATOR,TARGET says why.\n",
	      f);
	p2p_classes_release(&m.classes);
}

void draw_pair(const struct platform *platform, const struct p2p_pair *pair,
	       const struct draw_style *style, FILE *f)
{
	fprintf(f, "%s -> %s  route %s, verdict ",
		pci_addr_str(platform->functions[pair->initiator].addr),
		pci_addr_str(platform->functions[pair->target].addr), p2p_route_name(pair->route));
	put(style, verdict_shown[pair->verdict].tone, p2p_verdict_name(pair->verdict), f);
	if (pair->verdict == VERDICT_BUS_ADDRESS || pair->verdict == VERDICT_HOST_BRIDGE)
		fprintf(f, ", distance %d", pair->distance);
	fprintf(f, "\n  %s\n", pair->reason);
	for (enum p2p_note n = 0; n < NR_P2P_NOTES; n++) {
		autofree char *text = NULL;

		if (!(pair->notes & 1u << n))
			continue;
		text = p2p_note_text(platform, pair, n);
		fprintf(f, "  note: %s\n", text);
	}
}
