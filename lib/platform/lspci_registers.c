/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bits and numbers by which lspci names what is in a register, in the wordings of its versions
 * since 3.1: "RlxdOrd+ ExtTag- MaxReadReq 512 bytes". Bits as in PCI Local Bus 3.0 chapter 6 and PCIe
 * Base 6.0 chapter 7.
 */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "platform/lspci.h"

/* What is written as "Name+" or "Name-". */
struct named_bit {
	const char *name;
	uint32_t bit;
};

static const struct named_bit command_bits[] = {
	{ "I/O", COMMAND_IO },    { "Mem", COMMAND_MEMORY }, { "BusMaster", COMMAND_MASTER },
	{ "SpecCycle", 1u << 3 }, { "MemWINV", 1u << 4 },    { "VGASnoop", 1u << 5 },
	{ "ParErr", 1u << 6 },    { "Stepping", 1u << 7 },   { "SERR", 1u << 8 },
	{ "FastB2B", 1u << 9 },   { "DisINTx", 1u << 10 },
};

/* Those of a CardBus bridge have names of their own where they differ. */
static const struct named_bit bridge_control_bits[] = {
	{ "Parity", 1u << 0 },
	{ "SERR", 1u << 1 },
	{ "NoISA", 1u << 2 },
	{ "ISA", 1u << 2 },
	{ "VGA", 1u << 3 },
	{ "VGA16", 1u << 4 },
	{ "MAbort", 1u << 5 },
	{ ">Reset", BRIDGE_CONTROL_BUS_RESET },
	{ "FastB2B", 1u << 7 },
	{ "16bInt", 1u << 7 },
	{ "PriDiscTmr", 1u << 8 },
	{ "SecDiscTmr", 1u << 9 },
	{ "DiscTmrStat", 1u << 10 },
	{ "PostWrite", 1u << 10 },
	{ "DiscTmrSERREn", 1u << 11 },
};

static const struct named_bit device_capabilities_bits[] = {
	{ "ExtTag", DEVCAP_EXT_TAG }, { "AttnBtn", 1u << 12 }, { "AttnInd", 1u << 13 },
	{ "PwrInd", 1u << 14 },       { "RBE", 1u << 15 },     { "FLReset", DEVCAP_FLR },
	{ "TEE-IO", 1u << 30 },
};

static const struct named_bit device_control_bits[] = {
	{ "CorrErr", DEVCTL_CORRECTABLE },
	{ "NonFatalErr", DEVCTL_NONFATAL },
	{ "FatalErr", DEVCTL_FATAL },
	{ "UnsupReq", DEVCTL_UNSUPPORTED },
	/* before 3.6.3 */
	{ "Correctable", DEVCTL_CORRECTABLE },
	{ "Non-Fatal", DEVCTL_NONFATAL },
	{ "Fatal", DEVCTL_FATAL },
	{ "Unsupported", DEVCTL_UNSUPPORTED },
	{ "RlxdOrd", DEVCTL_RELAXED },
	{ "ExtTag", DEVCTL_EXT_TAG },
	{ "PhantFunc", 1u << 9 },
	{ "AuxPwr", 1u << 10 },
	{ "NoSnoop", DEVCTL_NO_SNOOP },
	/* one bit that means this of a bridge and that of an endpoint */
	{ "BrConfRtry", 1u << 15 },
	{ "FLReset", 1u << 15 },
};

static const struct named_bit device_status_bits[] = {
	{ "CorrErr", DEVSTA_CORRECTABLE },
	{ "NonFatalErr", DEVSTA_NONFATAL },
	{ "UncorrErr", DEVSTA_NONFATAL },
	{ "FatalErr", DEVSTA_FATAL },
	{ "UnsupReq", DEVSTA_UNSUPPORTED },
	{ "UnsuppReq", DEVSTA_UNSUPPORTED },
	{ "AuxPwr", 1u << 4 },
	{ "TransPend", 1u << 5 },
};

static const struct named_bit link_control_bits[] = {
	{ "LnkDisable", LNKCTL_DISABLED },
	{ "Disabled", LNKCTL_DISABLED },
	{ "Retrain", 1u << 5 },
	{ "CommClk", 1u << 6 },
	{ "ExtSynch", 1u << 7 },
	{ "ClockPM", 1u << 8 },
	{ "AutWidDis", 1u << 9 },
	{ "BWInt", 1u << 10 },
	{ "AutBWInt", 1u << 11 },
	{ "FltModeDis", 1u << 13 },
};

static const struct named_bit slot_capabilities_bits[] = {
	{ "AttnBtn", 1u << 0 },  { "PwrCtrl", 1u << 1 },        { "MRL", 1u << 2 },
	{ "AttnInd", 1u << 3 },  { "PwrInd", 1u << 4 },         { "Surprise", 1u << 5 },
	{ "Surpise", 1u << 5 },  { "HotPlug", SLTCAP_HOTPLUG }, { "Interlock", 1u << 17 },
	{ "NoCompl", 1u << 18 },
};

static const struct named_bit slot_status_bits[] = {
	{ "AttnBtn", 1u << 0 }, { "PowerFlt", 1u << 1 },        { "MRL", 1u << 5 },
	{ "CmdCplt", 1u << 4 }, { "PresDet", SLTSTA_PRESENCE }, { "Interlock", 1u << 7 },
};

static const struct named_bit device_capabilities_2_bits[] = {
	{ "TimeoutDis", 1u << 4 },
	{ "ARIFwd", DEVCAP2_ARI },
	{ "Routing", DEVCAP2_ATOMIC_ROUTE },
	{ "32bit", DEVCAP2_ATOMIC_32 },
	{ "64bit", DEVCAP2_ATOMIC_64 },
	{ "128bitCAS", DEVCAP2_ATOMIC_128 },
	{ "NROPrPrP", DEVCAP2_NO_RO_PASSING },
	{ "LTR", 1u << 11 },
	{ "TPHComp", 1u << 12 },
	{ "ExtTPHComp", 1u << 13 },
	{ "10BitTagComp", DEVCAP2_TAG10_COMPLETER },
	{ "10BitTagReq", DEVCAP2_TAG10_REQUESTER },
	{ "ExtFmt", 1u << 20 },
	{ "EETLPPrefix", 1u << 21 },
	{ "EmergencyPowerReductionInit", 1u << 26 },
	{ "FRS", 1u << 31 },
};

static const struct named_bit device_control_2_bits[] = {
	{ "TimeoutDis", DEVCTL2_NO_TIMEOUT },
	{ "ARIFwd", DEVCTL2_ARI },
	{ "ReqEn", DEVCTL2_ATOMIC_REQUEST },
	{ "EgressBlck", DEVCTL2_ATOMIC_EGRESS_BLOCK },
	{ "IDOReq", 1u << 8 },
	{ "IDOCompl", 1u << 9 },
	{ "LTR", 1u << 10 },
	{ "EmergencyPowerReductionReq", 1u << 11 },
	{ "10BitTagReq", DEVCTL2_TAG10_REQUESTER },
	{ "EETLPPrefixBlk", 1u << 15 },
};

static const struct named_bit uncorrectable_bits[] = {
	{ "DLP", 1u << 4 },
	{ "SDES", 1u << 5 },
	{ "TLP", AER_POISONED },
	{ "FCP", 1u << 13 },
	{ "CmpltTO", AER_COMPLETION_TIMEOUT },
	{ "CmpltAbrt", AER_COMPLETER_ABORT },
	{ "UnxCmplt", 1u << 16 },
	{ "RxOF", 1u << 17 },
	{ "MalfTLP", AER_MALFORMED },
	{ "ECRC", 1u << 19 },
	{ "UnsupReq", AER_UNSUPPORTED },
	{ "ACSViol", AER_ACS_VIOLATION },
	{ "UncorrIntErr", 1u << 22 },
	{ "BlockedTLP", 1u << 23 },
	{ "AtomicOpBlocked", AER_ATOMIC_EGRESS_BLOCKED },
	{ "TLPBlockedErr", 1u << 25 },
	{ "PoisonTLPBlocked", 1u << 26 },
	{ "DMWrReqBlocked", 1u << 27 },
	{ "IDECheck", 1u << 28 },
	{ "MisIDETLP", 1u << 29 },
	{ "PCRC_CHECK", 1u << 30 },
	{ "TLPXlatBlocked", 1u << 31 },
};

static const struct named_bit correctable_bits[] = {
	{ "RxErr", 1u << 0 },        { "BadTLP", 1u << 6 },      { "BadDLLP", 1u << 7 },
	{ "Rollover", 1u << 8 },     { "Timeout", 1u << 12 },    { "AdvNonFatalErr", 1u << 13 },
	{ "NonFatalErr", 1u << 13 }, { "CorrIntErr", 1u << 14 }, { "HeaderOF", 1u << 15 },
};

static const struct named_bit dpc_control_bits[] = {
	{ "Cmpl", 1u << 2 },        { "INT", 1u << 3 },       { "ErrCor", 1u << 4 },
	{ "PoisonedTLP", 1u << 5 }, { "SwTrigger", 1u << 6 }, { "DL_ActiveErr", 1u << 7 },
};

static const struct named_bit dpc_status_bits[] = {
	{ "Trigger", DPC_STATUS_TRIGGERED },
	{ "INT", 1u << 3 },
	{ "RPBusy", 1u << 4 },
};

static const struct named_bit ats_control_bits[] = { { "Enable", ATS_ENABLE } };
static const struct named_bit pri_control_bits[] = { { "Enable", PRI_ENABLE },
						     { "Reset", 1u << 1 } };

static const struct named_bit pasid_control_bits[] = {
	{ "Enable", PASID_ENABLE },
	{ "Exec", 1u << 1 },
	{ "Priv", 1u << 2 },
};

static const struct named_bit sriov_control_bits[] = {
	{ "Enable", SRIOV_VF_ENABLE }, { "Migration", 1u << 1 },      { "Interrupt", 1u << 2 },
	{ "MSE", SRIOV_VF_MEMORY },    { "ARIHierarchy", SRIOV_ARI }, { "10BitTagReq", 1u << 5 },
};

static const struct named_bit acs_bits[] = {
	{ "SrcValid", ACS_SV },    { "TransBlk", ACS_TB },    { "ReqRedir", ACS_RR },
	{ "CmpltRedir", ACS_CR },  { "UpstreamFwd", ACS_UF }, { "EgressCtrl", ACS_EC },
	{ "DirectTrans", ACS_DT },
};

#define BITS_OF(names) names, ARRAY_LEN(names)

static const struct {
	const struct named_bit *bits;
	size_t nr;
} registers[] = {
	[REGISTER_COMMAND] = { BITS_OF(command_bits) },
	[REGISTER_BRIDGE_CONTROL] = { BITS_OF(bridge_control_bits) },
	[REGISTER_DEVICE_CAPABILITIES] = { BITS_OF(device_capabilities_bits) },
	[REGISTER_DEVICE_CONTROL] = { BITS_OF(device_control_bits) },
	[REGISTER_DEVICE_STATUS] = { BITS_OF(device_status_bits) },
	[REGISTER_LINK_CONTROL] = { BITS_OF(link_control_bits) },
	[REGISTER_SLOT_CAPABILITIES] = { BITS_OF(slot_capabilities_bits) },
	[REGISTER_SLOT_STATUS] = { BITS_OF(slot_status_bits) },
	[REGISTER_DEVICE_CAPABILITIES_2] = { BITS_OF(device_capabilities_2_bits) },
	[REGISTER_DEVICE_CONTROL_2] = { BITS_OF(device_control_2_bits) },
	[REGISTER_UNCORRECTABLE] = { BITS_OF(uncorrectable_bits) },
	[REGISTER_CORRECTABLE] = { BITS_OF(correctable_bits) },
	[REGISTER_DPC_CONTROL] = { BITS_OF(dpc_control_bits) },
	[REGISTER_DPC_STATUS] = { BITS_OF(dpc_status_bits) },
	[REGISTER_ATS_CONTROL] = { BITS_OF(ats_control_bits) },
	[REGISTER_PRI_CONTROL] = { BITS_OF(pri_control_bits) },
	[REGISTER_PASID_CONTROL] = { BITS_OF(pasid_control_bits) },
	[REGISTER_SRIOV_CONTROL] = { BITS_OF(sriov_control_bits) },
	[REGISTER_ACS] = { BITS_OF(acs_bits) },
};

void register_set(struct reg *reg, uint32_t mask, uint32_t value)
{
	reg->value = (reg->value & ~mask) | (value & mask);
	reg->seen |= mask;
}

static void set_named(struct reg *reg, enum lspci_register kind, const char *name, size_t len,
		      bool on)
{
	for (size_t i = 0; i < registers[kind].nr; i++) {
		const struct named_bit *b = &registers[kind].bits[i];

		if (b->name[0] != name[0] || strncmp(b->name, name, len) != 0 || b->name[len])
			continue;
		register_set(reg, b->bit, on ? b->bit : 0);
		return;
	}
}

void register_read_bits(struct reg *reg, enum lspci_register kind, const char *text)
{
	static const char between[] = " \t,;()";

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t len = strcspn(text, between);
		char sign = text[len - 1];

		if (len > 1 && (sign == '+' || sign == '-'))
			set_named(reg, kind, text, len - 1, sign == '+');
		text += len;
	}
}

/* n as the field that starts at mask's lowest bit. */
static void set_field(struct reg *reg, uint32_t mask, uint64_t n)
{
	uint32_t lowest = mask & -mask;

	if (n <= mask / lowest)
		register_set(reg, mask, (uint32_t)n * lowest);
}

void register_read_number(struct reg *reg, uint32_t mask, const char *text, const char *key,
			  int base)
{
	uint64_t n;

	if (number_after(text, key, base, UINT32_MAX, &n, NULL))
		set_field(reg, mask, n);
}

void register_read_bytes(struct reg *reg, uint32_t mask, const char *text, const char *key)
{
	uint64_t n;

	if (!number_after(text, key, 10, UINT16_MAX, &n, NULL))
		return;
	for (unsigned int code = 0; code < 8; code++)
		if (n == 128u << code)
			set_field(reg, mask, code);
}

void register_read_word(struct reg *reg, uint32_t mask, const char *text, const char *key,
			const char *const *words, size_t nr)
{
	const char *at = strstr(text, key);

	if (!at)
		return;
	at += strlen(key);
	for (size_t i = 0; i < nr; i++) {
		size_t len = words[i] ? strlen(words[i]) : 0;

		if (!len || strncmp(at, words[i], len) != 0 || isalnum((unsigned char)at[len]))
			continue;
		set_field(reg, mask, i);
		return;
	}
}
