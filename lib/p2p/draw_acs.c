/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACS of ports as different tools take it, as text, and which of them is right about a way. */
#include <string.h>

#include "base/alloc.h"
#include "p2p/acs_rules.h"
#include "p2p/draw_text.h"

enum column {
	COL_PORT,
	COL_TYPE,
	COL_CONTROL,
	COL_GPUD,
	COL_NVIDIA_FS,
	COL_RDMA_TOPO,
	COL_LINUX,
	COL_PAIRS,
	COL_SO,
	NR_COLUMNS,
};
_Static_assert(NR_COLUMNS <= TABLE_COLUMNS, "a table has room for ACS");

static const char *const titles[NR_COLUMNS] = {
	[COL_PORT] = "PORT",           [COL_TYPE] = "TYPE",           [COL_CONTROL] = "CONTROL",
	[COL_GPUD] = "GPUD",           [COL_NVIDIA_FS] = "NVIDIA-FS", [COL_LINUX] = "LINUX",
	[COL_RDMA_TOPO] = "RDMA_TOPO", [COL_PAIRS] = "PAIRS",         [COL_SO] = "SO",
};

static const struct {
	const char *on_off, *redirects;
	enum tone tone;
} shown[] = {
	[P2P_CANNOT_TELL] = { "unknown", "unknown", TONE_WARN },
	[P2P_NO] = { "off", "direct", TONE_GOOD },
	[P2P_YES] = { "on", "redirects", TONE_BAD },
};

/* What the registers do to the pairs that pass, whatever a tool calls it. */
static const char *conclusion(const struct acs_reading *r)
{
	bool others_on = r->gpud == P2P_YES || r->nvidia_fs == P2P_YES;

	if (!r->pairs)
		return r->linux_says == P2P_YES ? "redirects, but no pair depends on it"
						: "no pair depends on it";
	if (r->linux_says == P2P_CANNOT_TELL)
		return "cannot be told";
	if (r->linux_says == P2P_YES)
		return r->gpud == P2P_YES ? "pairs are redirected"
					  : "pairs are redirected, and gpud does not see it";
	return others_on ? "pairs pass directly: who calls it on is wrong" : "pairs pass directly";
}

static void fill_rdma_topo(const struct acs_reading *r, struct row *row)
{
	if (!r->rdma_topo)
		return;
	row->cell[COL_RDMA_TOPO] = xasprintf("%s %s",
					     r->rdma_topo_fits == P2P_YES  ? "fits"
					     : r->rdma_topo_fits == P2P_NO ? "wants"
									   : "unknown",
					     r->rdma_topo);
	row->tone[COL_RDMA_TOPO] = r->rdma_topo_fits == P2P_YES  ? TONE_GOOD
				   : r->rdma_topo_fits == P2P_NO ? TONE_BAD
								 : TONE_WARN;
}

static void fill(const struct platform *p, bool domains, int i, const struct acs_reading *r,
		 struct row *row)
{
	const struct function *f = &p->functions[i];
	autofree char *bits = acs_bits_text(f->acs.control);
	char buf[PCI_ADDR_TEXT_MAX];

	row->cell[COL_PORT] = xstrdup(short_address(domains, f->addr, buf));
	row->cell[COL_TYPE] = xstrdup(port_type_name(f->port_type));
	row->cell[COL_CONTROL] = f->acs.known == KNOWN_NO ? xstrdup("unknown")
				 : *bits                  ? xstrdup(bits + 1)
							  : xstrdup("-");
	row->cell[COL_GPUD] = xstrdup(shown[r->gpud].on_off);
	row->tone[COL_GPUD] = shown[r->gpud].tone;
	if (f->is_bridge) {
		row->cell[COL_NVIDIA_FS] = xstrdup(shown[r->nvidia_fs].on_off);
		row->tone[COL_NVIDIA_FS] = shown[r->nvidia_fs].tone;
	}
	row->cell[COL_LINUX] = xstrdup(shown[r->linux_says].redirects);
	row->tone[COL_LINUX] = shown[r->linux_says].tone;
	fill_rdma_topo(r, row);
	row->cell[COL_PAIRS] = xasprintf("%llu", (unsigned long long)r->pairs);
	row->cell[COL_SO] = xstrdup(conclusion(r));
}

static int common_port(const struct platform *p, int a, int b)
{
	for (int i = a; i >= 0; i = p->functions[i].upstream)
		for (int k = b; k >= 0; k = p->functions[k].upstream)
			if (i == k)
				return i;
	return -1;
}

static bool is_on(const struct platform *p, int i, int from, int to)
{
	for (; from >= 0; from = p->functions[from].upstream) {
		if (from == i)
			return true;
		if (from == to)
			break;
	}
	return false;
}

/* Does the way of the pair, up to what both share, lead over the function? */
static bool passes(const struct platform *p, const struct p2p_pair *pair, int i)
{
	int common = common_port(p, pair->initiator, pair->target);

	return common >= 0 &&
	       (is_on(p, i, pair->initiator, common) || is_on(p, i, pair->target, common));
}

static bool disagree(const struct function *f, const struct acs_reading *r)
{
	return r->gpud != r->linux_says || (f->is_bridge && r->nvidia_fs != r->linux_says) ||
	       (r->rdma_topo && r->rdma_topo_fits == P2P_NO);
}

static void put_rules(FILE *f)
{
	fputs("\nWhat each of them takes ACS at a port for:\n"
	      "GPUD       on: source validation (SV), which redirects nothing\n"
	      "NVIDIA-FS  on: any bit, of bridges\n"
	      "LINUX      redirects: RR, CR or EC, of whatever is on the way of a pair up to what "
	      "both\n"
	      "           share; above that, ACS bears on no pair. This is what p2pcert goes by\n"
	      "RDMA_TOPO  whether control fits the bits that it wants there (DT EC UF CR RR TB "
	      "SV,\n"
	      "           x: either), on the machines with ConnectX that it knows\n"
	      "PAIRS      ordered pairs with a port in common that pass here: all that ACS bears "
	      "on\n",
	      f);
}

static void put_pair_rule(const struct p2p_pair *pair, size_t rows, FILE *f)
{
	if (!rows)
		fputs("no function with ACS is on the way of this pair below a port that both "
		      "share:\n"
		      "ACS does not bear on it, whatever a tool calls on elsewhere\n",
		      f);
	fprintf(f, "\nRight for this pair: route %s, verdict %s\n  %s\n",
		p2p_route_name(pair->route), p2p_verdict_name(pair->verdict), pair->reason);
}

void draw_acs(const struct platform *platform, const struct p2p_pair *pair,
	      const struct draw_style *style, FILE *f)
{
	autofree struct acs_reading *readings = acs_read_rules(platform);
	struct table t = { .titles = titles, .nr_columns = NR_COLUMNS };
	bool domains = has_domains(platform);
	size_t differing = 0;

	for (int i = 0; i < (int)platform->nr_functions; i++) {
		const struct function *fn = &platform->functions[i];

		/* of endpoints whose config space was not seen there is nothing to compare */
		if (fn->acs.known == KNOWN_ABSENT || (fn->acs.known == KNOWN_NO && !fn->is_bridge))
			continue;
		if (pair && !passes(platform, pair, i))
			continue;
		fill(platform, domains, i, &readings[i], table_add(&t));
		differing += disagree(fn, &readings[i]);
	}
	if (t.nr_rows) {
		table_put(&t, style, f);
		fprintf(f, "\n%zu of %zu are called differently by different tools.\n", differing,
			t.nr_rows);
	} else if (!pair) {
		fputs("no function with ACS was seen\n", f);
	}
	if (pair)
		put_pair_rule(pair, t.nr_rows, f);
	put_rules(f);
	table_release(&t);
}
