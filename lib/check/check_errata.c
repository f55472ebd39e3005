/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are known to get it wrong, where they are set up so that it shows. The facts are those
 * of Linux drivers/pci/quirks.c, named at each.
 */
#include "base/alloc.h"
#include "check/aid.h"

#define ANY_REVISION 0x100

static bool redirects_requests(const struct function *f)
{
	return f->port_type == PORT_DOWNSTREAM && f->acs.known == KNOWN_PRESENT &&
	       f->acs.control & ACS_RR;
}

static bool validates_source(const struct function *f)
{
	return f->acs.known == KNOWN_PRESENT && f->acs.control & ACS_SV;
}

static bool sleeps(const struct function *f)
{
	return f->port_type == PORT_DOWNSTREAM && f->power_known && !f->powered;
}

static bool saves_link_power(const struct function *f)
{
	return reg_is_set(f->express.link_control, LNKCTL_ASPM);
}

static bool translates(const struct function *f)
{
	return reg_is_set(f->ats_control, ATS_ENABLE);
}

struct erratum {
	const char *code, *text; /* what was seen; the function's address follows */
	uint16_t vendor, first, last;
	unsigned int fixed_in; /* revision */
	enum severity severity;
	bool (*shows)(const struct function *f);
};

#define REDIRECT_STALL(device) \
	{ \
		"ERRATUM-REDIRECT-STALL", \
			"P2P Request Redirect is set in ACS Control of a PI7C9X2G switch port,", \
			0x12d8, (device), (device), ANY_REVISION, SEVERITY_MAJOR, \
			redirects_requests \
	}
#define SOURCE_VALIDATION(device) \
	{ \
		"ERRATUM-SOURCE-VALIDATION", \
			"Source Validation is set in ACS Control of an IDT switch on which it is " \
			"broken,", \
			0x111d, (device), (device), ANY_REVISION, SEVERITY_MINOR, validates_source \
	}
#define SWITCH_D3(device) \
	{ \
		"ERRATUM-SWITCH-D3", \
			"not in D0 is a downstream port of a PEX 8532, 8533 or 8548,", 0x10b5, \
			(device), (device), ANY_REVISION, SEVERITY_BLOCKER, sleeps \
	}
#define ATS_AMD(first, last) \
	{ \
		"ERRATUM-ATS", "ATS is enabled in an AMD GPU on which it is broken,", 0x1002, \
			(first), (last), ANY_REVISION, SEVERITY_MAJOR, translates \
	}
#define ATS_E2000(first, last) \
	{ \
		"ERRATUM-ATS", "ATS is enabled in an E2000 older than C0, on which it is broken,", \
			0x8086, (first), (last), 0x20, SEVERITY_MAJOR, translates \
	}

static const struct erratum errata[] = {
	REDIRECT_STALL(0x2404), /* pci_fixup_pericom_acs_store_forward */
	REDIRECT_STALL(0x2304),
	REDIRECT_STALL(0x2303),
	REDIRECT_STALL(0xb404),
	REDIRECT_STALL(0x2608),
	SOURCE_VALIDATION(0x80b5), /* broken ACS SV */
	SOURCE_VALIDATION(0x8090),
	SWITCH_D3(0x8532), /* quirk_plx_pex_no_d3 */
	SWITCH_D3(0x8533),
	SWITCH_D3(0x8548),
	{ "ERRATUM-ASPM", "ASPM is enabled in Link Control of an ASM1083 or ASM1085,", 0x1b21,
	  0x1080, 0x1080, ANY_REVISION, SEVERITY_MINOR, saves_link_power },
	ATS_AMD(0x98e4, 0x98e4), /* quirk_amd_harvest_no_ats */
	ATS_AMD(0x6900, 0x6900),
	ATS_AMD(0x7310, 0x7310),
	ATS_AMD(0x7312, 0x7312),
	ATS_AMD(0x7318, 0x731b),
	ATS_AMD(0x731e, 0x731f),
	ATS_AMD(0x7340, 0x7341),
	ATS_AMD(0x7347, 0x7347),
	ATS_AMD(0x734f, 0x734f),
	ATS_E2000(0x1451, 0x1455), /* quirk_intel_e2000_no_ats */
	ATS_E2000(0x1457, 0x1457),
	ATS_E2000(0x1459, 0x145a),
	ATS_E2000(0x145c, 0x145c),
};

static bool concerns(const struct erratum *e, const struct function *f)
{
	return f->vendor == e->vendor && f->device >= e->first && f->device <= e->last &&
	       f->revision < e->fixed_in;
}

static void run_devices(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!f->ids_known) {
			if (check_on_path(in, i))
				check_unseen(sink, i, "vendor and device id were not seen");
			continue;
		}
		for (size_t k = 0; k < ARRAY_LEN(errata); k++) {
			if (!concerns(&errata[k], f))
				continue;
			check_looked(sink, 1);
			if (!errata[k].shows(f))
				continue;
			check_found_as(sink, errata[k].code,
				       check_severity(in, i, errata[k].severity), &i, 1, NULL,
				       "%s %s", errata[k].text, check_addr(in, i));
		}
	}
}

/* --- extended tags ----------------------------------------------------------------------------- */

/* They do not give an 8-bit tag back whole (quirk_no_ext_tags). */
static const struct {
	uint16_t vendor, device;
} short_tags[] = {
	{ 0x13c1, 0x1004 }, { 0x13c1, 0x1005 }, { 0x1166, 0x0132 },
	{ 0x1166, 0x0140 }, { 0x1166, 0x0141 }, { 0x1166, 0x0142 },
	{ 0x1166, 0x0144 }, { 0x1166, 0x0420 }, { 0x1166, 0x0422 },
};

static bool has_short_tags(const struct function *f)
{
	for (size_t k = 0; k < ARRAY_LEN(short_tags); k++)
		if (f->ids_known && f->vendor == short_tags[k].vendor &&
		    f->device == short_tags[k].device)
			return true;
	return false;
}

/* All that could read from it, which is what is below its host bridge, must leave them off. */
static void look_below_host_bridge(const struct check_input *in, struct check_sink *sink,
				   int broken)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		int functions[] = { broken, i };

		if (i == broken || f->is_bridge ||
		    f->host_bridge != check_function(in, broken)->host_bridge ||
		    !reg_is_set(f->express.device_control, DEVCTL_EXT_TAG))
			continue;
		check_found_as(
			sink, "ERRATUM-EXTENDED-TAGS", check_severity(in, i, SEVERITY_MAJOR),
			functions, ARRAY_LEN(functions), NULL,
			"Extended Tag Field Enable is set in Device Control of %s, and %s below "
			"the same host bridge cannot handle such tags",
			check_addr(in, i), check_addr(in, broken));
	}
}

static void run_tags(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		if (!has_short_tags(check_function(in, i)))
			continue;
		check_looked(sink, 1);
		look_below_host_bridge(in, sink, i);
	}
}

static const struct check checks[] = {
	{ "errata.devices", "no device is set up in a way that it is known to get wrong",
	  "numeric ids, and what each erratum shows in", run_devices },
	{ "errata.tags", "extended tags are off where a device cannot handle them",
	  "numeric ids, Device Control", run_tags },
};

const struct check_family check_family_errata = { "errata", checks, ARRAY_LEN(checks) };
