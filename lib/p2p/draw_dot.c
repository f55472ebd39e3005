/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The platform as a graph for graphviz: a cluster for each host bridge and each switch, an edge for
 * each link. Virtual functions of one physical function are one node.
 */
#include <string.h>

#include "base/alloc.h"
#include "p2p/draw_text.h"
#include "p2p/isolation.h"

struct graph {
	const struct platform *p;
	struct p2p_groups groups;
	FILE *f;
};

/* Where a quoted string of graphviz has to be escaped. */
static void put_quoted(const char *s, FILE *f)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fputc('\\', f);
		fputc(c < 0x20 || c == 0x7f ? ' ' : c, f);
	}
}

/* Groups are told apart by hue; the golden angle keeps neighbours apart. */
static void put_group_color(const struct graph *g, int i)
{
	const struct function *f = &g->p->functions[i];
	int group = f->iommu_group != GROUP_UNKNOWN ? f->iommu_group : g->groups.of[i];

	if (g->p->iommu_groups == KNOWN_ABSENT || group < 0)
		fputs(" fillcolor=\"#ffffff\"", g->f);
	else
		fprintf(g->f, " fillcolor=\"%.3f 0.16 1.0\"",
			(double)((uint64_t)group * 618034 % 1000000) / 1e6);
}

static void put_acs(const struct graph *g, const struct function *f)
{
	autofree char *bits = acs_bits_text(f->acs.control);

	if (f->acs.known == KNOWN_PRESENT)
		fprintf(g->f, "\\nACS%s", *bits ? bits : " off");
	else if (f->is_bridge)
		fputs(f->acs.known == KNOWN_NO ? "\\nACS unknown" : "\\nno ACS", g->f);
}

static void put_border(const struct graph *g, const struct function *f)
{
	if (f->acs.known == KNOWN_PRESENT && f->acs.control & (ACS_RR | ACS_CR | ACS_EC))
		fputs(" color=\"#b3261e\" penwidth=2", g->f);
	else if (f->acs.known == KNOWN_NO && f->is_bridge)
		fputs(" style=\"filled,dashed\"", g->f);
}

static size_t virtual_functions(const struct graph *g, const struct function *physical)
{
	size_t n = 0;

	for (size_t i = 0; i < g->p->nr_functions; i++)
		n += g->p->functions[i].is_virtual &&
		     pci_addr_cmp(g->p->functions[i].physical, physical->addr) == 0;
	return n;
}

static void put_node(const struct graph *g, int i)
{
	static const struct draw_style style = { .unicode = true };
	const struct function *f = &g->p->functions[i];
	autofree char *name = name_text(f, &style);
	size_t vfs = virtual_functions(g, f);

	fprintf(g->f, "\"%s\" [label=\"%s", pci_addr_str(f->addr), pci_addr_str(f->addr));
	if (name && !f->is_bridge) {
		fputs("\\n", g->f);
		put_quoted(name, g->f);
	}
	if (f->driver && !f->is_bridge) {
		fputs("\\n", g->f);
		put_quoted(f->driver, g->f);
	}
	if (vfs)
		fprintf(g->f, "\\nand %zu VFs", vfs);
	put_acs(g, f);
	if (f->iommu_group != GROUP_UNKNOWN)
		fprintf(g->f, "\\ngroup %d", f->iommu_group);
	fputc('"', g->f);
	put_group_color(g, i);
	put_border(g, f);
	fputs("];\n", g->f);
}

/* A link is drawn as wide as it is. */
static void put_edge(const struct graph *g, const struct function *from, const struct function *to)
{
	fprintf(g->f, "\"%s\" -> ", pci_addr_str(from->addr));
	fprintf(g->f, "\"%s\" [", pci_addr_str(to->addr));
	if (to->link.known && to->link.width)
		fprintf(g->f, "label=\"x%u %sGT/s\" penwidth=%.1f", to->link.width,
			link_speed_name(to->link.speed), 1 + to->link.width / 4.0);
	if (from->acs.known == KNOWN_PRESENT && from->acs.control & (ACS_RR | ACS_CR | ACS_EC))
		fputs(" color=\"#b3261e\"", g->f);
	fputs("];\n", g->f);
}

static void put_below(const struct graph *g, int upstream, int host_bridge)
{
	for (int i = 0; i < (int)g->p->nr_functions; i++) {
		const struct function *f = &g->p->functions[i];
		bool is_switch = f->port_type == PORT_UPSTREAM;

		if (f->upstream != upstream || f->host_bridge != host_bridge || f->is_virtual)
			continue;
		if (is_switch)
			fprintf(g->f,
				"subgraph \"cluster switch %s\" {\nlabel=\"switch\" "
				"color=\"#8892a0\" "
				"bgcolor=\"#f4f6f9\"\n",
				pci_addr_str(f->addr));
		put_node(g, i);
		if (f->is_bridge)
			put_below(g, i, host_bridge);
		if (is_switch)
			fputs("}\n", g->f);
	}
}

static void put_host_bridge(const struct graph *g, int upstream, int host_bridge)
{
	if (host_bridge >= 0) {
		const struct host_bridge *hb = &g->p->host_bridges[host_bridge];

		fprintf(g->f,
			"subgraph \"cluster host bridge %04x:%02x\" {\nlabel=\"host bridge "
			"%04x:%02x",
			hb->domain, hb->bus, hb->domain, hb->bus);
		if (hb->numa_node != NUMA_UNKNOWN)
			fprintf(g->f, ", node %d", hb->numa_node);
	} else {
		fputs("subgraph \"cluster unseen\" {\nlabel=\"bridge not seen", g->f);
	}
	fputs("\" color=\"#3b4654\" bgcolor=\"#ffffff\"\n", g->f);
	put_below(g, upstream, host_bridge);
	fputs("}\n", g->f);
}

void draw_dot(const struct platform *platform, const struct p2p_rules *rules, FILE *f)
{
	struct graph g = { .p = platform, .f = f };

	p2p_groups_predict(platform, rules, &g.groups);
	fputs("digraph p2pcert {\n"
	      "rankdir=LR; newrank=true; splines=polyline; fontname=\"sans-serif\";\n"
	      "node [shape=box style=filled fontname=\"sans-serif\" fontsize=10 "
	      "color=\"#3b4654\"];\n"
	      "edge [arrowhead=none fontname=\"sans-serif\" fontsize=8 color=\"#3b4654\"];\n",
	      f);
	for (int i = 0; i < (int)platform->nr_host_bridges; i++)
		put_host_bridge(&g, UPSTREAM_ROOT_BUS, i);
	put_host_bridge(&g, UPSTREAM_UNKNOWN, -1);
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *to = &platform->functions[i];
		const struct function *from = platform_upstream(platform, to);

		if (from && !to->is_virtual)
			put_edge(&g, from, to);
	}
	fputs("}\n", f);
	p2p_groups_release(&g.groups);
}
