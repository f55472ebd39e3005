/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pair table for a person: a matrix with a letter for each layer, and pairs in words. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/columns.h"
#include "base/jx.h"
#include "report/pairs.h"
#include "report/shape.h"

#define COLUMNS_AT_ONCE 16
#define CELL_WIDTH 5
#define LABEL_WIDTH 4

#define RESET "\033[0m"
#define GOOD "\033[32m"
#define DOUBTFUL "\033[33m"
#define BAD "\033[1;31m"
#define DIM "\033[2m"

struct matrix {
	const json_t *pairs;
	const json_t *functions; /* of the platform; NULL: there are none */
	struct pci_addr *members; /* all that are in a pair, in order */
	size_t nr;
	const json_t **cells; /* nr times nr pairs; NULL: none */
	FILE *f;
	bool color;
};

static char verdict_letter(const char *verdict)
{
	static const struct {
		const char *verdict;
		char letter;
	} letters[] = {
		{ "bus-address", 'D' },
		{ "host-bridge", 'H' },
		{ "not-supported", 'x' },
	};

	for (size_t i = 0; verdict && i < ARRAY_LEN(letters); i++)
		if (strcmp(verdict, letters[i].verdict) == 0)
			return letters[i].letter;
	return '?';
}

/* A distance alone says whether, not how. */
static char ruled_letter(const json_t *ruled)
{
	if (json_object_get(ruled, "verdict"))
		return verdict_letter(jx_get_str(ruled, "verdict"));
	if (!json_object_get(ruled, "supported"))
		return '?';
	return jx_get_bool(ruled, "supported", false) ? 's' : 'x';
}

/* The worst that came of it. */
static char moved_letter(const json_t *moved)
{
	static const struct {
		const char *outcome;
		char letter;
	} order[] = { { "wrong", '!' }, { "unclear", '?' }, { "right", '+' }, { "refused", 'x' } };
	const json_t *one;
	size_t k;

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		json_array_foreach (moved, k, one)
			if (strcmp(jx_get_str(one, "outcome"), order[i].outcome) == 0)
				return order[i].letter;
	return '-';
}

static const char *tone_of(const json_t *pair)
{
	char moved = moved_letter(json_object_get(pair, "moved"));

	if (json_array_size(json_object_get(pair, "differs")))
		return BAD;
	if (moved == '+')
		return GOOD;
	return ruled_letter(json_object_get(pair, "ruled")) == 'x' ? DIM : DOUBTFUL;
}

/* --- the matrix --------------------------------------------------------------------------------- */

static struct pci_addr address_of(const json_t *pair, const char *key)
{
	struct pci_addr addr = { 0 };

	if (pci_addr_parse(jx_get_str(pair, key), &addr) < 0)
		return (struct pci_addr){ 0 };
	return addr;
}

static int addr_cmp(const void *a, const void *b)
{
	const struct pci_addr *x = a, *y = b;

	return pci_addr_cmp(*x, *y);
}

static size_t place_of(const struct matrix *m, struct pci_addr addr)
{
	const struct pci_addr *found =
		bsearch(&addr, m->members, m->nr, sizeof(*m->members), addr_cmp);

	return (size_t)(found - m->members);
}

static void matrix_fill(struct matrix *m)
{
	size_t n = json_array_size(m->pairs), kept = 0;
	const json_t *pair;
	size_t i;

	m->members = xcalloc(2 * n + 1, sizeof(*m->members));
	json_array_foreach (m->pairs, i, pair) {
		m->members[2 * i] = address_of(pair, "initiator");
		m->members[2 * i + 1] = address_of(pair, "target");
	}
	qsort(m->members, 2 * n, sizeof(*m->members), addr_cmp);
	for (i = 0; i < 2 * n; i++)
		if (!kept || !pci_addr_eq(m->members[kept - 1], m->members[i]))
			m->members[kept++] = m->members[i];
	m->nr = kept;
	m->cells = xcalloc(kept * kept, sizeof(const json_t *));
	json_array_foreach (m->pairs, i, pair)
		m->cells[place_of(m, address_of(pair, "initiator")) * kept +
			 place_of(m, address_of(pair, "target"))] = pair;
}

static const char *name_of(const struct matrix *m, struct pci_addr addr)
{
	const json_t *function;
	size_t i;

	json_array_foreach (m->functions, i, function) {
		const char *own = jx_get_str(function, "address");
		struct pci_addr a;

		if (own && pci_addr_parse(own, &a) == 0 && pci_addr_eq(a, addr))
			return jx_get_str(function, "name");
	}
	return NULL;
}

static void put_cell(const struct matrix *m, const json_t *pair)
{
	const char text[] = {
		verdict_letter(jx_get_str(json_object_get(pair, "predicted"), "verdict")),
		ruled_letter(json_object_get(pair, "ruled")),
		moved_letter(json_object_get(pair, "moved")),
		'\0',
	};

	fprintf(m->f, "%s%s%s%*s", m->color ? tone_of(pair) : "", text, m->color ? RESET : "",
		CELL_WIDTH - (int)strlen(text), "");
}

static void put_rows(const struct matrix *m, const size_t *columns, size_t nr_columns)
{
	for (size_t r = 0; r < m->nr; r++) {
		autofree char *name = columns_one_line(name_of(m, m->members[r]));

		fprintf(m->f, "%-*zu", LABEL_WIDTH, r + 1);
		for (size_t c = 0; c < nr_columns; c++) {
			const json_t *pair = m->cells[r * m->nr + columns[c]];

			if (pair)
				put_cell(m, pair);
			else
				fprintf(m->f, "%-*s", CELL_WIDTH, ".");
		}
		fprintf(m->f, "%s%s%s\n", pci_addr_str(m->members[r]), *name ? "  " : "", name);
	}
	fputc('\n', m->f);
}

static bool is_target(const struct matrix *m, size_t column)
{
	for (size_t r = 0; r < m->nr; r++)
		if (m->cells[r * m->nr + column])
			return true;
	return false;
}

static void put_matrix(const struct matrix *m)
{
	size_t columns[COLUMNS_AT_ONCE];

	for (size_t next = 0; next < m->nr;) {
		size_t nr = 0;

		for (; next < m->nr && nr < COLUMNS_AT_ONCE; next++)
			if (is_target(m, next))
				columns[nr++] = next;
		if (!nr)
			break;
		fprintf(m->f, "%*s", LABEL_WIDTH, "");
		for (size_t c = 0; c < nr; c++)
			fprintf(m->f, "%-*zu", c + 1 < nr ? CELL_WIDTH : 0, columns[c] + 1);
		fputc('\n', m->f);
		put_rows(m, columns, nr);
	}
}

/* --- one pair ----------------------------------------------------------------------------------- */

static void put_predicted(const json_t *predicted, FILE *f)
{
	const json_t *blocked_by = json_object_get(predicted, "blocked_by");
	autofree char *ports = strings_join(blocked_by, " ");
	const char *verdict = jx_get_str(predicted, "verdict");

	fprintf(f, "    predicted  %s", verdict ? verdict : "unknown");
	if (json_object_get(predicted, "distance"))
		fprintf(f, ", distance %lld", (long long)jx_get_int(predicted, "distance", 0));
	if (*ports)
		fprintf(f, ", redirected at %s", ports);
	fputc('\n', f);
	columns_print_wrapped(f, 15, "", jx_get_str(predicted, "reason"), 0);
}

static void put_ruled(const json_t *ruled, FILE *f)
{
	const char *verdict = jx_get_str(ruled, "verdict");
	const char *map_errno = jx_get_str(ruled, "map_errno");
	char letter = ruled_letter(ruled);

	if (!verdict)
		verdict = letter == 's' ? "supported" : letter == 'x' ? "not-supported" : "nothing";
	fprintf(f, "    ruled      %s", verdict);
	if (json_object_get(ruled, "distance"))
		fprintf(f, ", distance %lld", (long long)jx_get_int(ruled, "distance", 0));
	if (map_errno) {
		autofree char *text = columns_one_line(map_errno);

		fprintf(f, ", mapping fails with %s", text);
	}
	fputc('\n', f);
}

static void put_moved(const json_t *moved, FILE *f)
{
	const json_t *one;
	size_t i;

	json_array_foreach (moved, i, one) {
		autofree char *scenario = columns_one_line(jx_get_str(one, "scenario"));
		autofree char *by = columns_one_line(jx_get_str(one, "by"));

		fprintf(f, "    moved      %s: %s%s%s\n", jx_get_str(one, "outcome"), scenario,
			*by ? " by " : "", by);
	}
	if (!json_array_size(moved))
		fputs("    moved      nothing\n", f);
}

static void put_pair(const json_t *pair, FILE *f, bool color)
{
	fprintf(f, "%s%s to %s%s\n", color ? tone_of(pair) : "", jx_get_str(pair, "initiator"),
		jx_get_str(pair, "target"), color ? RESET : "");
	put_predicted(json_object_get(pair, "predicted"), f);
	put_ruled(json_object_get(pair, "ruled"), f);
	put_moved(json_object_get(pair, "moved"), f);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static const char legend[] =
	"Each pair has three letters: predicted, ruled, moved\n"
	"D  direct: a bus address     H  through the host bridge\n"
	"x  not supported, or refused as it has to be\n"
	"s  supported: asked for the distance alone\n"
	"+  the right data arrived    !  wrong data\n"
	"?  not known, or not clear   -  nothing was moved    .  no such pair\n";

void report_print_pairs(const json_t *report, FILE *f, bool color)
{
	struct matrix m = {
		.pairs = json_object_get(report, "pairs"),
		.functions = json_object_get(json_object_get(report, "platform"), "functions"),
		.f = f,
		.color = color,
	};
	size_t nr_different = 0, i;
	const json_t *pair;

	if (!json_array_size(m.pairs)) {
		fputs("no pairs: no scenario of this run has looked at any.\n", f);
		return;
	}
	matrix_fill(&m);
	fputs("Rows start transfers, columns own the memory\n\n", f);
	put_matrix(&m);
	free(m.members);
	free(m.cells);
	fputs(legend, f);
	json_array_foreach (m.pairs, i, pair) {
		if (!json_array_size(json_object_get(pair, "differs")))
			continue;
		if (nr_different++ == 0)
			fputs("\nNot all layers agree:\n", f);
		put_pair(pair, f, color);
	}
}

bool report_print_pair(const json_t *report, struct pci_addr initiator, struct pci_addr target,
		       FILE *f, bool color)
{
	const json_t *pair;
	size_t i;

	json_array_foreach (json_object_get(report, "pairs"), i, pair) {
		if (!pci_addr_eq(address_of(pair, "initiator"), initiator) ||
		    !pci_addr_eq(address_of(pair, "target"), target))
			continue;
		put_pair(pair, f, color);
		return true;
	}
	return false;
}
