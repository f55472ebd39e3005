/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel takes a function's ACS for: the registers where they count, and before them the
 * device quirks, which say of hardware without ACS, or with ACS in the wrong place, what it does.
 * The ids and what is claimed for them are facts of the kernel's drivers/pci/quirks.c
 * (pci_dev_acs_enabled[]), the same in Linux 6.1, 6.12, 7.2 and 7.3; each kind below names its
 * function there.
 */
#include <string.h>

#include "p2p/isolation.h"
#include "p2p/rules.h"

#define TYPE(type) (1u << (type))

/* What one kind of quirk says. The first entry for a function that says anything is the answer. */
struct quirk {
	const char *name;
	unsigned int types; /* it is for these port types only; 0: for any */
	unsigned int
		claims; /* ACS bits that the hardware stands for; none: it is surely not isolated */
	/* in place of claims; P2P_CANNOT_TELL and false: says nothing */
	bool (*answer)(const struct platform *platform, const struct function *f,
		       unsigned int request, enum p2p_answer *answer);
};

static enum p2p_answer covers(unsigned int request, unsigned int bits)
{
	return (request & bits) == request ? P2P_YES : P2P_NO;
}

/* As the kernel has it: a virtual function is an endpoint whatever was seen of it. */
static enum port_type type_of(const struct function *f)
{
	return f->is_virtual && f->port_type == PORT_UNKNOWN ? PORT_ENDPOINT : f->port_type;
}

static enum p2p_answer is_multifunction(const struct function *f)
{
	if (f->multifunction)
		return P2P_YES;
	return f->is_virtual || f->multifunction_known ? P2P_NO : P2P_CANNOT_TELL;
}

/* AMD's IOMMU table: there is no other IOMMU for these chips, unless all is a virtual machine. */
static enum p2p_answer has_ivrs(const struct platform *platform)
{
	if (platform->cpu.known && strcmp(platform->cpu.vendor, "AuthenticAMD") != 0 &&
	    strcmp(platform->cpu.vendor, "HygonGenuine") != 0)
		return P2P_NO;
	if (platform->cpu.known)
		return P2P_YES;
	for (size_t i = 0; i < platform->nr_functions; i++)
		if (p2p_is_amd_iommu(&platform->functions[i]))
			return P2P_YES;
	return P2P_CANNOT_TELL;
}

static bool answer_amd_southbridge(const struct platform *platform, const struct function *f,
				   unsigned int request, enum p2p_answer *answer)
{
	enum p2p_answer applies = is_multifunction(f);

	if (f->upstream >= 0 || applies == P2P_NO)
		return false;
	if (f->upstream == UPSTREAM_UNKNOWN)
		applies = P2P_CANNOT_TELL;
	if (applies == P2P_YES)
		applies = has_ivrs(platform);
	if (applies == P2P_NO)
		return false;
	/* the other bits mean nothing between the functions of one device */
	*answer = applies == P2P_YES
			  ? covers(request & (ACS_RR | ACS_CR | ACS_EC | ACS_DT), ACS_RR | ACS_CR)
			  : P2P_CANNOT_TELL;
	return true;
}

/* Do these bits of a control register cover the request, as far as they are known? */
static enum p2p_answer control_covers(unsigned int request, unsigned int control,
				      unsigned int unknown)
{
	if (request & ~control & ~unknown)
		return P2P_NO;
	return request & unknown ? P2P_CANNOT_TELL : P2P_YES;
}

static bool answer_intel_dword(const struct platform *platform attr_unused,
			       const struct function *f, unsigned int request,
			       enum p2p_answer *answer)
{
	if (f->acs.known == KNOWN_ABSENT)
		return false;
	*answer = P2P_CANNOT_TELL;
	if (f->acs.known == KNOWN_PRESENT)
		*answer = control_covers(request & (f->acs.capability | ACS_EC),
					 f->acs.dword_control, ~(unsigned int)f->acs.dword_known);
	return true;
}

/* pci_quirk_mf_endpoint_acs(): the vendor says that the functions do not talk to each other */
static const struct quirk multifunction_endpoint = {
	.name = "multifunction-endpoint",
	.claims = P2P_ISOLATION | ACS_TB | ACS_DT,
};
/* pci_quirk_amd_sb_acs() */
static const struct quirk amd_southbridge = {
	.name = "amd-southbridge",
	.answer = answer_amd_southbridge,
};
/* pci_quirk_rciep_acs(): VT-d lets root complex integrated functions reach peers translated only */
static const struct quirk intel_integrated = {
	.name = "intel-integrated-endpoint",
	.types = TYPE(PORT_RC_ENDPOINT),
	.claims = P2P_ISOLATION,
};
/* pci_quirk_qcom_rp_acs() */
static const struct quirk qcom_root_port = { .name = "qcom-root-port", .claims = P2P_ISOLATION };
/*
 * pci_quirk_intel_pch_acs(): root ports without ACS, which the kernel isolates through chipset
 * registers. That fails only where firmware has not enabled these at all (RCBA), and is taken to
 * work.
 */
static const struct quirk intel_pch = {
	.name = "intel-pch-root-port",
	.types = TYPE(PORT_ROOT),
	.claims = P2P_ISOLATION,
};
/* pci_quirk_intel_spt_pch_acs(): the registers are dwords, control is at +8 */
static const struct quirk intel_dword = {
	.name = "intel-pch-dword-registers",
	.types = TYPE(PORT_ROOT),
	.answer = answer_intel_dword,
};
/* pci_quirk_cavium_acs() */
static const struct quirk cavium_root_port = {
	.name = "cavium-root-port",
	.types = TYPE(PORT_ROOT),
	.claims = P2P_ISOLATION,
};
/* pci_quirk_xgene_acs() */
static const struct quirk xgene_root_port = { .name = "xgene-root-port", .claims = P2P_ISOLATION };
/* pci_quirk_brcm_acs() */
static const struct quirk broadcom_root_port = {
	.name = "broadcom-root-port",
	.claims = P2P_ISOLATION,
};
/* pci_quirk_loongson_acs() */
static const struct quirk loongson_root_port = {
	.name = "loongson-root-port",
	.claims = P2P_ISOLATION,
};
/* pci_quirk_al_acs() */
static const struct quirk annapurna_root_port = {
	.name = "annapurna-root-port",
	.types = TYPE(PORT_ROOT),
	.claims = P2P_ISOLATION,
};
/* pci_quirk_nxp_rp_acs() */
static const struct quirk nxp_root_port = { .name = "nxp-root-port", .claims = P2P_ISOLATION };
/* pci_quirk_zhaoxin_pcie_ports_acs(): what is not listed is not isolated, whatever its registers */
static const struct quirk zhaoxin_port = {
	.name = "zhaoxin-port",
	.types = TYPE(PORT_ROOT) | TYPE(PORT_DOWNSTREAM),
	.claims = P2P_ISOLATION,
};
static const struct quirk zhaoxin_other_port = {
	.name = "zhaoxin-other-port",
	.types = TYPE(PORT_ROOT) | TYPE(PORT_DOWNSTREAM),
};
/* pci_quirk_wangxun_nic_acs(): likewise */
static const struct quirk wangxun_endpoint = { .name = "wangxun-endpoint",
					       .claims = P2P_ISOLATION };
static const struct quirk wangxun_other = { .name = "wangxun-other" };

static const struct {
	uint16_t vendor, first, last;
	const struct quirk *quirk;
} quirk_table[] = {
	{ 0x1002, 0x4383, 0x4385, &amd_southbridge }, /* SB600 to SB900 */
	{ 0x1002, 0x4399, 0x4399, &amd_southbridge },
	{ 0x1002, 0x439c, 0x439d, &amd_southbridge },
	{ 0x1022, 0x7809, 0x7809, &amd_southbridge }, /* FCH */
	{ 0x1022, 0x780f, 0x780f, &amd_southbridge },
	{ 0x1924, 0x0903, 0x0903, &multifunction_endpoint }, /* Solarflare */
	{ 0x1924, 0x0923, 0x0923, &multifunction_endpoint },
	{ 0x1924, 0x0a03, 0x0a03, &multifunction_endpoint },
	{ 0x8086, 0x105e, 0x1060, &multifunction_endpoint }, /* Intel network cards */
	{ 0x8086, 0x10a7, 0x10a7, &multifunction_endpoint },
	{ 0x8086, 0x10a9, 0x10a9, &multifunction_endpoint },
	{ 0x8086, 0x10c6, 0x10c6, &multifunction_endpoint },
	{ 0x8086, 0x10c9, 0x10c9, &multifunction_endpoint },
	{ 0x8086, 0x10d6, 0x10d6, &multifunction_endpoint },
	{ 0x8086, 0x10d9, 0x10d9, &multifunction_endpoint },
	{ 0x8086, 0x10db, 0x10db, &multifunction_endpoint },
	{ 0x8086, 0x10dd, 0x10dd, &multifunction_endpoint },
	{ 0x8086, 0x10e1, 0x10e1, &multifunction_endpoint },
	{ 0x8086, 0x10e6, 0x10e8, &multifunction_endpoint },
	{ 0x8086, 0x10f1, 0x10f1, &multifunction_endpoint },
	{ 0x8086, 0x10f7, 0x10fc, &multifunction_endpoint },
	{ 0x8086, 0x1507, 0x1507, &multifunction_endpoint },
	{ 0x8086, 0x1509, 0x150a, &multifunction_endpoint },
	{ 0x8086, 0x150d, 0x1511, &multifunction_endpoint },
	{ 0x8086, 0x1514, 0x1514, &multifunction_endpoint },
	{ 0x8086, 0x1516, 0x1516, &multifunction_endpoint },
	{ 0x8086, 0x1518, 0x1518, &multifunction_endpoint },
	{ 0x8086, 0x151c, 0x151c, &multifunction_endpoint },
	{ 0x8086, 0x1521, 0x1524, &multifunction_endpoint },
	{ 0x8086, 0x1526, 0x1527, &multifunction_endpoint },
	{ 0x8086, 0x1529, 0x152a, &multifunction_endpoint },
	{ 0x8086, 0x154d, 0x154d, &multifunction_endpoint },
	{ 0x8086, 0x154f, 0x154f, &multifunction_endpoint },
	{ 0x8086, 0x1551, 0x1551, &multifunction_endpoint },
	{ 0x8086, 0x1558, 0x1558, &multifunction_endpoint },
	{ 0x8086, 0x15b7, 0x15b8, &multifunction_endpoint },
	{ 0x8086, 0x0000, 0xffff, &intel_integrated },
	{ 0x17cb, 0x0111, 0x0111, &qcom_root_port }, /* Qualcomm */
	{ 0x17cb, 0x0115, 0x0115, &qcom_root_port },
	{ 0x17cb, 0x0120, 0x0120, &qcom_root_port },
	{ 0x17cb, 0x0400, 0x0401, &qcom_root_port },
	{ 0x1dbf, 0x0401, 0x0401, &qcom_root_port }, /* HXT */
	{ 0x8086, 0x1c10, 0x1c1f, &intel_pch }, /* Ibex Peak to the 9 series */
	{ 0x8086, 0x1d10, 0x1d10, &intel_pch },
	{ 0x8086, 0x1d12, 0x1d12, &intel_pch },
	{ 0x8086, 0x1d14, 0x1d14, &intel_pch },
	{ 0x8086, 0x1d16, 0x1d16, &intel_pch },
	{ 0x8086, 0x1d18, 0x1d18, &intel_pch },
	{ 0x8086, 0x1d1a, 0x1d1a, &intel_pch },
	{ 0x8086, 0x1d1c, 0x1d1c, &intel_pch },
	{ 0x8086, 0x1d1e, 0x1d1e, &intel_pch },
	{ 0x8086, 0x1e10, 0x1e1f, &intel_pch },
	{ 0x8086, 0x3b42, 0x3b51, &intel_pch },
	{ 0x8086, 0x8c10, 0x8c1f, &intel_pch },
	{ 0x8086, 0x8c90, 0x8c90, &intel_pch },
	{ 0x8086, 0x8c92, 0x8c92, &intel_pch },
	{ 0x8086, 0x8c94, 0x8c94, &intel_pch },
	{ 0x8086, 0x8c96, 0x8c96, &intel_pch },
	{ 0x8086, 0x8c98, 0x8c98, &intel_pch },
	{ 0x8086, 0x8c9a, 0x8c9a, &intel_pch },
	{ 0x8086, 0x8c9c, 0x8c9c, &intel_pch },
	{ 0x8086, 0x8c9e, 0x8c9e, &intel_pch },
	{ 0x8086, 0x8d10, 0x8d1e, &intel_pch },
	{ 0x8086, 0x9c10, 0x9c1b, &intel_pch },
	{ 0x8086, 0x9c90, 0x9c9b, &intel_pch },
	{ 0x8086, 0x9d10, 0x9d1b, &intel_dword }, /* Sunrise Point, Union Point */
	{ 0x8086, 0xa110, 0xa11f, &intel_dword },
	{ 0x8086, 0xa167, 0xa16a, &intel_dword },
	{ 0x8086, 0xa290, 0xa29f, &intel_dword },
	{ 0x8086, 0xa2e7, 0xa2ee, &intel_dword },
	{ 0x19a2, 0x0710, 0x0710, &multifunction_endpoint }, /* Emulex */
	{ 0x10df, 0x0720, 0x0720, &multifunction_endpoint },
	{ 0x177d, 0xa000, 0xa7ff, &cavium_root_port }, /* ThunderX */
	{ 0x177d, 0xaf84, 0xaf84, &cavium_root_port },
	{ 0x177d, 0xb884, 0xb884, &cavium_root_port },
	{ 0x177d, 0xa026, 0xa026, &multifunction_endpoint },
	{ 0x177d, 0xa059, 0xa059, &multifunction_endpoint },
	{ 0x177d, 0xa060, 0xa060, &multifunction_endpoint },
	{ 0x10e8, 0xe004, 0xe004, &xgene_root_port }, /* Applied Micro, Ampere */
	{ 0x1def, 0xe005, 0xe00c, &xgene_root_port },
	{ 0x14e4, 0x16d7, 0x16d7, &multifunction_endpoint }, /* Broadcom */
	{ 0x14e4, 0x1750, 0x1752, &multifunction_endpoint },
	{ 0x14e4, 0x1760, 0x1763, &multifunction_endpoint },
	{ 0x14e4, 0xd714, 0xd714, &broadcom_root_port },
	{ 0x0014, 0x3c09, 0x3c09, &loongson_root_port },
	{ 0x0014, 0x3c19, 0x3c19, &loongson_root_port },
	{ 0x0014, 0x3c29, 0x3c29, &loongson_root_port },
	{ 0x0014, 0x7a09, 0x7a09, &loongson_root_port },
	{ 0x0014, 0x7a19, 0x7a19, &loongson_root_port },
	{ 0x0014, 0x7a29, 0x7a29, &loongson_root_port },
	{ 0x0014, 0x7a39, 0x7a39, &loongson_root_port },
	{ 0x0014, 0x7a49, 0x7a49, &loongson_root_port },
	{ 0x0014, 0x7a59, 0x7a59, &loongson_root_port },
	{ 0x0014, 0x7a69, 0x7a69, &loongson_root_port },
	{ 0x1c36, 0x0031, 0x0031, &annapurna_root_port },
	{ 0x1d17, 0x3038, 0x3038, &multifunction_endpoint }, /* Zhaoxin */
	{ 0x1d17, 0x3104, 0x3104, &multifunction_endpoint },
	{ 0x1d17, 0x9083, 0x9083, &multifunction_endpoint },
	{ 0x1957, 0x8d80, 0x8d83, &nxp_root_port }, /* LX2 */
	{ 0x1957, 0x8d88, 0x8d8b, &nxp_root_port },
	{ 0x1957, 0x8d90, 0x8d93, &nxp_root_port },
	{ 0x1957, 0x8d98, 0x8d9b, &nxp_root_port },
	{ 0x1957, 0x8da0, 0x8da1, &nxp_root_port },
	{ 0x1957, 0x8da8, 0x8da9, &nxp_root_port },
	{ 0x1957, 0x8db0, 0x8db1, &nxp_root_port },
	{ 0x1957, 0x8db8, 0x8db9, &nxp_root_port },
	{ 0x1d17, 0x0710, 0x071e, &zhaoxin_port },
	{ 0x1d17, 0x0721, 0x0721, &zhaoxin_port },
	{ 0x1d17, 0x0723, 0x0752, &zhaoxin_port },
	{ 0x1d17, 0x0000, 0xffff, &zhaoxin_other_port },
	{ 0x8088, 0x0100, 0x010f, &wangxun_endpoint }, /* Wangxun */
	{ 0x8088, 0x1001, 0x1001, &wangxun_endpoint },
	{ 0x8088, 0x2001, 0x2001, &wangxun_endpoint },
	{ 0x8088, 0x5010, 0x5010, &wangxun_endpoint },
	{ 0x8088, 0x5025, 0x5025, &wangxun_endpoint },
	{ 0x8088, 0x5040, 0x5040, &wangxun_endpoint },
	{ 0x8088, 0x5110, 0x5110, &wangxun_endpoint },
	{ 0x8088, 0x5125, 0x5125, &wangxun_endpoint },
	{ 0x8088, 0x5140, 0x5140, &wangxun_endpoint },
	{ 0x8088, 0x0000, 0xffff, &wangxun_other },
};

/*
 * The first entry from *at on that is for the function; *unsure: it is if its port type, which was
 * not seen, is one of the entry's.
 */
static const struct quirk *next_quirk(const struct function *f, size_t *at, bool *unsure)
{
	enum port_type type = type_of(f);

	while (*at < ARRAY_LEN(quirk_table)) {
		size_t i = (*at)++;
		const struct quirk *quirk = quirk_table[i].quirk;

		if (quirk_table[i].vendor != f->vendor || f->device < quirk_table[i].first ||
		    f->device > quirk_table[i].last)
			continue;
		*unsure = quirk->types && type == PORT_UNKNOWN;
		if (!quirk->types || *unsure || quirk->types & TYPE(type))
			return quirk;
	}
	return NULL;
}

/* The quirk that has the answer, NULL if there is none, with the answer. */
static const struct quirk *ask_quirks(const struct platform *platform, const struct function *f,
				      unsigned int request, enum p2p_answer *answer)
{
	const struct quirk *quirk;
	size_t at = 0;
	bool unsure;

	*answer = P2P_CANNOT_TELL;
	while ((quirk = next_quirk(f, &at, &unsure))) {
		if (unsure)
			return quirk;
		if (!quirk->answer) {
			*answer = covers(request, quirk->claims);
			return quirk;
		}
		if (quirk->answer(platform, f, request, answer))
			return quirk;
	}
	return NULL;
}

bool p2p_is_amd_iommu(const struct function *f)
{
	return f->ids_known && f->vendor == 0x1022 && f->class_known && f->class >> 8 == 0x0806;
}

uint16_t p2p_acs_capability(const struct p2p_rules *rules, const struct function *f)
{
	bool broken = f->vendor == 0x111d && (f->device == 0x80b5 || f->device == 0x8090);

	if (rules->distrusts_idt_sv && broken)
		return f->acs.capability & (uint16_t)~ACS_SV;
	return f->acs.capability;
}

/* By the registers alone: a bit that is not implemented counts as given, except egress control. */
static enum p2p_answer ask_registers(const struct p2p_rules *rules, const struct function *f,
				     unsigned int request)
{
	if (f->acs.known == KNOWN_NO)
		return P2P_CANNOT_TELL;
	if (f->acs.known == KNOWN_ABSENT)
		return P2P_NO;
	return control_covers(request & (p2p_acs_capability(rules, f) | ACS_EC), f->acs.control,
			      f->acs.unsure);
}

enum p2p_answer p2p_acs_enabled(const struct platform *platform, const struct p2p_rules *rules,
				const struct function *f, unsigned int request)
{
	enum p2p_answer answer = P2P_CANNOT_TELL;

	if (!f->ids_known || ask_quirks(platform, f, request, &answer))
		return answer;
	switch (type_of(f)) {
	case PORT_UNKNOWN:
		return P2P_CANNOT_TELL;
	case PORT_CONVENTIONAL:
	case PORT_CONVENTIONAL_BRIDGE:
	case PORT_PCIE_TO_PCI:
	case PORT_PCI_TO_PCIE:
	case PORT_RC_EVENT_COLLECTOR:
		return P2P_NO;
	case PORT_ROOT:
	case PORT_DOWNSTREAM:
		return ask_registers(rules, f, request);
	case PORT_ENDPOINT:
	case PORT_LEGACY_ENDPOINT:
	case PORT_UPSTREAM:
	case PORT_RC_ENDPOINT:
		break;
	}
	/* alone in its device it has no peer there, and above it others decide */
	if (is_multifunction(f) == P2P_NO)
		return P2P_YES;
	answer = ask_registers(rules, f, request);
	return is_multifunction(f) == P2P_YES || answer == P2P_YES ? answer : P2P_CANNOT_TELL;
}

const char *p2p_acs_quirk(const struct platform *platform, const struct function *f)
{
	const struct quirk *quirk;
	enum p2p_answer answer;

	if (!f->ids_known || type_of(f) == PORT_UNKNOWN)
		return NULL;
	quirk = ask_quirks(platform, f, P2P_ISOLATION, &answer);
	return quirk ? quirk->name : NULL;
}

static bool has_quirk(const struct function *f, const struct quirk *wanted)
{
	const struct quirk *quirk;
	size_t at = 0;
	bool unsure;

	while (f->ids_known && (quirk = next_quirk(f, &at, &unsure)))
		if (quirk == wanted && !unsure)
			return true;
	return false;
}

bool p2p_acs_is_dword(const struct function *f)
{
	return has_quirk(f, &intel_dword);
}

bool p2p_acs_enables_itself(const struct function *f)
{
	return has_quirk(f, &intel_pch);
}
