/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ACS bits that `rdma_topo check` asks for: which ports of which machines, following kernel-boot/
 * rdma_topo of rdma-core in August 2026. It knows three kinds of machine: GPUs at root ports ("NUMA"),
 * ConnectX with a DMA function beside the GPU ("DMA"), and GPUs behind a ConnectX switch ("inline").
 */
#include "base/alloc.h"
#include "p2p/acs_rules.h"

enum kind {
	OTHER,
	BRIDGE,
	GENERIC_ROOT,
	GRACE_ROOT,
	VERA_ROOT,
	CX_NIC,
	BF3_NIC,
	CX_DMA,
	BF3_SWITCH,
	CX_SWITCH,
	GPU,
};

static const struct {
	uint16_t vendor, device;
	enum kind kind;
} devices[] = {
	{ 0x10de, 0x22b1, GRACE_ROOT }, { 0x10de, 0x22b2, GRACE_ROOT },
	{ 0x10de, 0x22b8, GRACE_ROOT }, { 0x10de, 0x2f95, VERA_ROOT },
	{ 0x10de, 0x2f96, VERA_ROOT },  { 0x15b3, 0x1021, CX_NIC },
	{ 0x15b3, 0x1023, CX_NIC },     { 0x15b3, 0x1025, CX_NIC },
	{ 0x15b3, 0xa2dc, BF3_NIC },    { 0x15b3, 0x2100, CX_DMA },
	{ 0x15b3, 0x197b, BF3_SWITCH }, { 0x15b3, 0x197c, CX_SWITCH },
	{ 0x15b3, 0x1979, CX_SWITCH },
};

struct machine {
	const struct platform *p;
	enum kind *kind; /* of each function */
	const char **mask;
};

static const char off[] = "xx000x0";

/* What the kernel turns on by itself; Vera has completion redirect only to read, and off. */
static const char *isolated(enum kind kind)
{
	return kind == VERA_ROOT ? "xx101x1" : "xx111x1";
}

static enum kind kind_of(const struct function *f)
{
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		if (f->ids_known && f->vendor == devices[i].vendor &&
		    f->device == devices[i].device)
			return devices[i].kind;
	if (f->ids_known && f->class_known && f->vendor == 0x10de && f->class >> 16 == 0x03)
		return GPU;
	if (f->class_known && f->class == 0x060400)
		return f->upstream == UPSTREAM_ROOT_BUS ? GENERIC_ROOT : BRIDGE;
	return OTHER;
}

static bool is_root(enum kind kind)
{
	return kind == GENERIC_ROOT || kind == GRACE_ROOT || kind == VERA_ROOT;
}

static bool is_switch(enum kind kind)
{
	return kind == BF3_SWITCH || kind == CX_SWITCH;
}

/* The bridge above i if it is of this kind; -1 is above -1. */
static int parent(const struct machine *m, int i, enum kind kind)
{
	int up = i < 0 ? -1 : m->p->functions[i].upstream;

	return up >= 0 && m->kind[up] == kind ? up : -1;
}

static bool is_below(const struct machine *m, int i, int port)
{
	for (i = m->p->functions[i].upstream; i >= 0; i = m->p->functions[i].upstream)
		if (i == port)
			return true;
	return false;
}

/* How many functions of a kind (OTHER: of any) there are below a port; the last of them in *found. */
static int below(const struct machine *m, int port, enum kind kind, int *found)
{
	int n = 0;

	for (int i = 0; i < (int)m->p->nr_functions; i++)
		if ((kind == OTHER || m->kind[i] == kind) && is_below(m, i, port)) {
			*found = i;
			n++;
		}
	return n;
}

static bool has_acs(const struct machine *m, int i)
{
	return m->p->functions[i].acs.known == KNOWN_PRESENT;
}

/* The switch port towards the switch that the GPU is behind; -1: it is not behind two switches. */
static int port_to_gpu(const struct machine *m, int gpu)
{
	int inner = parent(m, parent(m, gpu, CX_SWITCH), CX_SWITCH);

	return parent(m, inner, CX_SWITCH);
}

/* A DMA function under a switch at a Grace root port, a GPU one switch further down, no more. */
static bool mask_dma(const struct machine *m, int dma)
{
	int port = parent(m, dma, CX_SWITCH), upstream = parent(m, port, CX_SWITCH);
	int root = parent(m, upstream, GRACE_ROOT), gpu = -1, any, to_gpu;

	if (root < 0 || below(m, root, GPU, &gpu) != 1)
		return false;
	to_gpu = port_to_gpu(m, gpu);
	if (to_gpu < 0 || parent(m, to_gpu, CX_SWITCH) != upstream ||
	    below(m, root, OTHER, &any) != 7)
		return false;
	if (!has_acs(m, port) || !has_acs(m, to_gpu) || !has_acs(m, root))
		return false;
	m->mask[port] = "xx110x1";
	m->mask[to_gpu] = "xx101x1";
	m->mask[root] = "xx111x0";
	return true;
}

/* The only port of a switch that has functions of the kind below; -1: there is none, or several. */
static int only_port_to(const struct machine *m, int upstream, enum kind kind)
{
	int found = -1, any;

	for (int i = 0; i < (int)m->p->nr_functions; i++) {
		if (m->p->functions[i].upstream != upstream || !below(m, i, kind, &any))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

static bool mask_inline(const struct machine *m, int gpu, bool virt)
{
	int upstream = parent(m, port_to_gpu(m, gpu), CX_SWITCH);
	int root = upstream, to_nic, to_gpu;

	while (root >= 0 && m->kind[root] != GENERIC_ROOT)
		root = m->p->functions[root].upstream;
	if (root < 0)
		return false;
	to_nic = only_port_to(m, upstream, CX_NIC);
	to_gpu = only_port_to(m, upstream, GPU);
	if (to_nic < 0 || to_gpu < 0)
		return false;
	if (!has_acs(m, to_nic) || !has_acs(m, to_gpu) || !has_acs(m, root))
		return false;
	m->mask[to_nic] = virt ? "1x111x1" : off;
	m->mask[to_gpu] = virt ? isolated(m->kind[to_gpu]) : off;
	m->mask[root] = virt ? isolated(m->kind[root]) : off;
	return true;
}

/* Every node that has functions has a GPU and a NIC. */
static bool nodes_are_whole(const struct machine *m)
{
	for (size_t i = 0; i < m->p->nr_functions; i++) {
		int node = m->p->functions[i].numa_node;
		bool nic = false, gpu = false;

		for (size_t k = 0; node >= 0 && k < m->p->nr_functions; k++) {
			if (m->p->functions[k].numa_node != node)
				continue;
			nic |= m->kind[k] == CX_NIC;
			gpu |= m->kind[k] == GPU;
		}
		if (node >= 0 && (!nic || !gpu))
			return false;
	}
	return true;
}

/* Can the NICs translate addresses? All or none: else it is not known what the machine is for. */
static enum p2p_answer nics_have_ats(const struct machine *m)
{
	enum p2p_answer answer = P2P_CANNOT_TELL;

	for (size_t i = 0; i < m->p->nr_functions; i++) {
		enum p2p_answer a = m->p->functions[i].has_ats ? P2P_YES : P2P_NO;

		if (m->kind[i] != CX_NIC)
			continue;
		if (m->p->functions[i].config_bytes < 4096 ||
		    (answer != P2P_CANNOT_TELL && a != answer))
			return P2P_CANNOT_TELL;
		answer = a;
	}
	return answer;
}

/* The ports that no rule of its own is for. */
static void mask_others(const struct machine *m, bool isolate)
{
	for (int i = 0; i < (int)m->p->nr_functions; i++)
		if (!m->mask[i] && has_acs(m, i) &&
		    (is_switch(m->kind[i]) || m->kind[i] == GRACE_ROOT || m->kind[i] == VERA_ROOT))
			m->mask[i] = isolate ? isolated(m->kind[i]) : off;
}

/* false: it refuses this machine. */
static bool mask_machine(const struct machine *m)
{
	enum p2p_answer virt = nics_have_ats(m);
	size_t dma = 0, gpus_at_root = 0, gpus = 0, nics = 0, switches = 0;

	for (size_t i = 0; i < m->p->nr_functions; i++) {
		int up = m->p->functions[i].upstream;

		dma += m->kind[i] == CX_DMA;
		gpus += m->kind[i] == GPU;
		gpus_at_root += m->kind[i] == GPU && up >= 0 && is_root(m->kind[up]);
		nics += m->kind[i] == CX_NIC;
		switches += m->kind[i] == CX_SWITCH;
	}
	if (!dma && gpus_at_root && !nodes_are_whole(m))
		return false;
	if (!dma && !gpus_at_root && (!gpus || !nics || !switches || virt == P2P_CANNOT_TELL))
		return false;
	for (int i = 0; i < (int)m->p->nr_functions; i++) {
		if (dma && m->kind[i] == CX_DMA && !mask_dma(m, i))
			return false;
		if (!dma && !gpus_at_root && m->kind[i] == GPU &&
		    !mask_inline(m, i, virt == P2P_YES))
			return false;
	}
	mask_others(m, dma || gpus_at_root || virt == P2P_YES);
	return true;
}

void rdma_topo_masks(const struct platform *platform, const char **mask)
{
	struct machine m = {
		.p = platform,
		.kind = xcalloc(platform->nr_functions, sizeof(*m.kind)),
		.mask = mask,
	};

	for (size_t i = 0; i < platform->nr_functions; i++)
		m.kind[i] = kind_of(&platform->functions[i]);
	if (!mask_machine(&m))
		for (size_t i = 0; i < platform->nr_functions; i++)
			mask[i] = NULL;
	free(m.kind);
}
