/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel's verdict over a pair does not cover: drivers that do not ask it, traffic that its
 * rules do not know, and what registers cannot prove. Notes never change a route or a verdict.
 */
#include <string.h>

#include "base/alloc.h"
#include "p2p/p2p.h"

enum fact { FACT_NVIDIA_GPU = 1, FACT_ATS_ON = 2, FACT_P2PMEM = 4 };

unsigned int p2p_note_facts(const struct function *f)
{
	unsigned int facts = 0;

	if (f->ids_known && f->vendor == 0x10de && f->class_known && f->class >> 16 == 0x03)
		facts |= FACT_NVIDIA_GPU;
	if (reg_is_set(f->ats_control, ATS_ENABLE))
		facts |= FACT_ATS_ON;
	if (f->p2pmem.present)
		facts |= FACT_P2PMEM;
	return facts;
}

static const struct function *blocker(const struct platform *p, const struct p2p_pair *pair, int i)
{
	return &p->functions[pair->blocked_by[i]];
}

static bool has_fact(const struct platform *p, int i, enum fact fact)
{
	return p2p_note_facts(&p->functions[i]) & fact;
}

static bool own_peer_path(const struct platform *p, const struct p2p_pair *pair)
{
	return pair->initiator != pair->target && has_fact(p, pair->initiator, FACT_NVIDIA_GPU) &&
	       has_fact(p, pair->target, FACT_NVIDIA_GPU);
}

/* PCIe 6.0, 6.12.3: a port with direct translated P2P on passes on what ATS has translated. */
static bool direct_translated(const struct platform *p, const struct p2p_pair *pair)
{
	if (!pair->nr_blocked_by || !has_fact(p, pair->initiator, FACT_ATS_ON))
		return false;
	for (int i = 0; i < pair->nr_blocked_by; i++) {
		const struct acs *acs = &blocker(p, pair, i)->acs;

		if (!(acs->control & ~acs->unsure & ACS_DT))
			return false;
	}
	return true;
}

static int first_switch_port(const struct platform *p, const struct p2p_pair *pair)
{
	for (int i = 0; i < pair->nr_blocked_by; i++)
		if (blocker(p, pair, i)->port_type == PORT_DOWNSTREAM)
			return pair->blocked_by[i];
	return -1;
}

static bool switch_unproven(const struct platform *p, const struct p2p_pair *pair)
{
	return pair->route == ROUTE_ROOT_REDIRECT && first_switch_port(p, pair) >= 0;
}

/* Only where ACS has a say, and by a driver that has offered the memory, can it have been asked. */
static bool cached_verdict(const struct platform *p, const struct p2p_pair *pair)
{
	return has_fact(p, pair->target, FACT_P2PMEM) && pair->route != ROUTE_HOST_BRIDGE &&
	       pair->route != ROUTE_INTER_HOST_BRIDGE;
}

static bool device_internal(const struct platform *p attr_unused, const struct p2p_pair *pair)
{
	return pair->route == ROUTE_INTERNAL ||
	       (pair->route == ROUTE_SAME_FUNCTION && pair->nr_blocked_by);
}

static const struct {
	const char *code, *text; /* %s: the port that it is about */
	bool (*applies)(const struct platform *p, const struct p2p_pair *pair);
} notes[] = {
	[NOTE_OWN_PEER_PATH] = {
		"own-peer-path",
		"NVIDIA's driver does not ask the kernel about transfers between its own GPUs: "
		"it has its own rules, and may use NVLink",
		own_peer_path,
	},
	[NOTE_DIRECT_TRANSLATED] = {
		"direct-translated",
		"ATS is on at the initiator and direct translated P2P at every port that "
		"redirects: requests with translated addresses are not redirected, which the "
		"kernel's rules do not consider",
		direct_translated,
	},
	[NOTE_SWITCH_UNPROVEN] = {
		"switch-unproven",
		"that the switch redirects is what the ACS control of %s says; its firmware can do "
		"otherwise, which only a transfer shows",
		switch_unproven,
	},
	[NOTE_CACHED_VERDICT] = {
		"cached-verdict",
		"the target's driver offers the memory already, and the kernel keeps its answer "
		"for a pair from the first use on: if ACS was changed since, it does not follow "
		"until that driver is bound anew",
		cached_verdict,
	},
	[NOTE_DEVICE_INTERNAL] = {
		"device-internal",
		"both ends are in one device: whether such traffic leaves it is the device's own "
		"affair, and ports above it may never see it",
		device_internal,
	},
};

unsigned int p2p_find_notes(const struct platform *platform, const struct p2p_pair *pair)
{
	unsigned int found = 0;

	for (enum p2p_note n = 0; n < NR_P2P_NOTES; n++)
		if (notes[n].applies(platform, pair))
			found |= 1u << n;
	return found;
}

const char *p2p_note_code(enum p2p_note note)
{
	return notes[note].code;
}

char *p2p_note_text(const struct platform *platform, const struct p2p_pair *pair,
		    enum p2p_note note)
{
	const char *text = notes[note].text, *hole = strstr(text, "%s");

	if (!hole)
		return xstrdup(text);
	return xasprintf("%.*s%s%s", (int)(hole - text), text,
			 pci_addr_str(platform->functions[first_switch_port(platform, pair)].addr),
			 hole + 2);
}
