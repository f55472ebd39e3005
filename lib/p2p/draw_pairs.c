/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The matrix of pairs by class, and one pair, as text. Where there are many classes, those below one
 * host bridge get a matrix each, and the host bridges one over all: what pairs below different ones
 * have in common is shown once.
 */
#include <string.h>

#include "base/alloc.h"
#include "p2p/draw_text.h"

#define MANY_CLASSES 24
#define COLUMNS_AT_ONCE 24
#define CELL_WIDTH 4
#define LABEL_WIDTH 4
#define BRIDGES_AT_ONCE 12

struct matrix {
	const struct platform *p;
	const struct p2p_rules *rules;
	const struct draw_style *style;
	struct p2p_classes classes;
	bool domains;
	int *member; /* classes, ordered by host bridge */
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
		autofree char *name = text_printable(first->name, m->style);

		fprintf(f, "  %s", name);
	}
	fputc('\n', f);
}

/* Up to COLUMNS_AT_ONCE targets among these classes, from `from` on; returns where to go on. */
static int put_block(const struct matrix *m, const int *member, int nr, int from, FILE *f)
{
	int columns[COLUMNS_AT_ONCE];
	int nr_columns = 0, next = from;
	char buf[8];

	for (; next < nr && nr_columns < COLUMNS_AT_ONCE; next++)
		if (m->classes.items[member[next]].to)
			columns[nr_columns++] = member[next];
	if (!nr_columns)
		return next;
	fprintf(f, "%*s", LABEL_WIDTH, "");
	for (int c = 0; c < nr_columns; c++)
		put_padded(m->style, TONE_BOLD, label(columns[c], buf),
			   c + 1 < nr_columns ? CELL_WIDTH : 0, f);
	fputc('\n', f);
	for (int r = 0; r < nr; r++) {
		put_padded(m->style, TONE_BOLD, label(member[r], buf), LABEL_WIDTH, f);
		for (int c = 0; c < nr_columns; c++)
			put_cell(m, member[r], columns[c], f);
		put_class(m, member[r], f);
	}
	fputc('\n', f);
	return next;
}

static void put_blocks(const struct matrix *m, const int *member, int nr, FILE *f)
{
	for (int next = 0; next < nr;)
		next = put_block(m, member, nr, next, f);
}

/* --- many classes ------------------------------------------------------------------------------ */

static int bridge_of(const struct matrix *m, int k)
{
	return m->p->functions[m->classes.items[k].first].host_bridge;
}

/* How many of the ordered classes, from `from` on, are below one host bridge. */
static int run(const struct matrix *m, int from)
{
	int n = from;

	while (n < m->classes.nr && bridge_of(m, m->member[n]) == bridge_of(m, m->member[from]))
		n++;
	return n - from;
}

static void order_by_bridge(struct matrix *m)
{
	int n = 0;

	for (int bridge = -1; bridge < (int)m->p->nr_host_bridges; bridge++)
		for (int k = 0; k < m->classes.nr; k++)
			if (bridge_of(m, k) == bridge)
				m->member[n++] = k;
}

static int bridge_width(const struct matrix *m)
{
	return m->domains ? 9 : 7;
}

static void put_bridge(const struct matrix *m, int k, FILE *f)
{
	const struct host_bridge *hb;
	char text[32];

	if (bridge_of(m, k) < 0) {
		put_padded(m->style, TONE_BOLD, "unseen", bridge_width(m), f);
		return;
	}
	hb = &m->p->host_bridges[bridge_of(m, k)];
	if (m->domains)
		snprintf(text, sizeof(text), "%04x:%02x", hb->domain, hb->bus);
	else
		snprintf(text, sizeof(text), "%02x", hb->bus);
	put_padded(m->style, TONE_BOLD, text, bridge_width(m), f);
}

/* The verdicts from the classes of one host bridge to those of another, a letter each that occurs. */
static void put_summary(const struct matrix *m, int a, int nr_a, int b, int nr_b, FILE *f)
{
	unsigned int seen = 0;
	int written = 0;

	for (int i = a; i < a + nr_a; i++)
		for (int t = b; t < b + nr_b; t++) {
			struct p2p_pair pair;

			if (p2p_class_predict(m->p, m->rules, &m->classes, m->member[i],
					      m->member[t], &pair) < 0)
				continue;
			seen |= 1u << pair.verdict;
			p2p_pair_release(&pair);
		}
	for (unsigned int v = 0; v < ARRAY_LEN(verdict_shown); v++)
		if (seen & 1u << v) {
			char text[2] = { verdict_shown[v].letter, '\0' };

			put_text(m->style, verdict_shown[v].tone, text, f);
			written++;
		}
	if (!written) {
		put_text(m->style, TONE_DIM, ".", f);
		written = 1;
	}
	fprintf(f, "%*s", bridge_width(m) - written, "");
}

static bool has_targets(const struct matrix *m, int from)
{
	for (int k = from; k < from + run(m, from); k++)
		if (m->classes.items[m->member[k]].to)
			return true;
	return false;
}

static void put_over_all(const struct matrix *m, FILE *f)
{
	int columns[BRIDGES_AT_ONCE];

	fputs("Between host bridges, every verdict that occurs:\n\n", f);
	for (int next = 0; next < m->classes.nr;) {
		int nr = 0;

		for (; next < m->classes.nr && nr < BRIDGES_AT_ONCE; next += run(m, next))
			if (has_targets(m, next))
				columns[nr++] = next;
		if (!nr)
			break;
		fprintf(f, "%*s", bridge_width(m), "");
		for (int c = 0; c < nr; c++)
			put_bridge(m, m->member[columns[c]], f);
		fputc('\n', f);
		for (int a = 0; a < m->classes.nr; a += run(m, a)) {
			put_bridge(m, m->member[a], f);
			for (int c = 0; c < nr; c++)
				put_summary(m, a, run(m, a), columns[c], run(m, columns[c]), f);
			fputc('\n', f);
		}
		fputc('\n', f);
	}
}

static void put_by_bridge(struct matrix *m, FILE *f)
{
	m->member = xcalloc((size_t)m->classes.nr, sizeof(*m->member));
	order_by_bridge(m);
	for (int at = 0; at < m->classes.nr; at += run(m, at)) {
		if (!has_targets(m, at))
			continue;
		fputs("Below host bridge ", f);
		put_bridge(m, m->member[at], f);
		fputs("\n\n", f);
		put_blocks(m, &m->member[at], run(m, at), f);
	}
	put_over_all(m, f);
	free(m->member);
}

static void put_all(struct matrix *m, FILE *f)
{
	m->member = xcalloc((size_t)m->classes.nr, sizeof(*m->member));
	for (int k = 0; k < m->classes.nr; k++)
		m->member[k] = k;
	put_blocks(m, m->member, m->classes.nr, f);
	free(m->member);
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
	if (m.classes.nr > MANY_CLASSES)
		put_by_bridge(&m, f);
	else
		put_all(&m, f);
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
	put_text(style, verdict_shown[pair->verdict].tone, p2p_verdict_name(pair->verdict), f);
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
