/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of findings: codes are unique, well formed, and complete. */
#include "../test.h"

#include <ctype.h>

#include "base/jx.h"
#include "check/finding.h"

static void test_codes_are_unique(attr_unused void **state)
{
	for (size_t i = 0; i < finding_registry_len; i++)
		for (size_t k = i + 1; k < finding_registry_len; k++)
			assert_string_not_equal(finding_registry[i].code, finding_registry[k].code);
}

/* Upper case words with hyphens between. */
static bool is_code(const char *s)
{
	bool word = false;

	for (; *s; s++) {
		if (*s == '-' ? !word : !isupper((unsigned char)*s) && !isdigit(*s))
			return false;
		word = *s != '-';
	}
	return word;
}

/* One line, no blank at either end, no full stop. */
static void assert_is_phrase(const char *s)
{
	assert_non_null(s);
	assert_true(strlen(s) > 10);
	assert_null(strpbrk(s, "\n\t"));
	assert_false(isspace((unsigned char)s[0]));
	assert_null(strstr(s, "  "));
	assert_false(strchr(" .", s[strlen(s) - 1]));
}

static void test_records_are_complete(attr_unused void **state)
{
	assert_true(finding_registry_len > 0);
	for (size_t i = 0; i < finding_registry_len; i++) {
		const struct finding *f = &finding_registry[i];

		assert_true(is_code(f->code));
		assert_true(f->severity < NR_SEVERITIES);
		assert_is_phrase(f->title);
		assert_is_phrase(f->next);
		assert_is_phrase(f->reference);
	}
}

/* What was released stays: this list is only ever added to. */
static void test_released_codes_stay(attr_unused void **state)
{
	static const struct {
		const char *code;
		enum severity severity;
	} released[] = {
		{ "P2P-PREDICTION-DIFFERS", SEVERITY_MAJOR },
		{ "P2P-DATA-REFUTED", SEVERITY_BLOCKER },
		{ "P2P-PREDICTION-UNKNOWN", SEVERITY_MINOR },
		{ "IOMMU-FAULT", SEVERITY_BLOCKER },
		{ "KERNEL-TAINT", SEVERITY_MAJOR },
		{ "KERNEL-WARNING", SEVERITY_MAJOR },
		{ "FEATURE-WAYS-DISAGREE", SEVERITY_MINOR },
		{ "ACS-REDIRECT-ON-PATH", SEVERITY_MAJOR },
		{ "ACS-REDIRECT-OFF-PATH", SEVERITY_INFO },
		{ "BAR-SMALLER-THAN-MEMORY", SEVERITY_MAJOR },
		{ "RESIZABLE-BAR-SMALL", SEVERITY_MAJOR },
		{ "BRIDGE-WINDOW-TOO-SMALL", SEVERITY_MINOR },
		{ "BAR-UNASSIGNED", SEVERITY_MAJOR },
		{ "BAR-DECODER-OFF", SEVERITY_MAJOR },
		{ "BAR-OUTSIDE-WINDOW", SEVERITY_MAJOR },
		{ "BAR-BELOW-4G", SEVERITY_MINOR },
		{ "P2PMEM-UNALIGNED", SEVERITY_MAJOR },
		{ "TARGET-BAR-TOO-SMALL", SEVERITY_MINOR },
		{ "BAR-ABOVE-DMA-MASK", SEVERITY_MAJOR },
		{ "DMA-MASK-32BIT", SEVERITY_MINOR },
		{ "LINK-WIDTH-REDUCED", SEVERITY_MAJOR },
		{ "LINK-SPEED-REDUCED", SEVERITY_MAJOR },
		{ "LINK-SLOT-SMALLER", SEVERITY_INFO },
		{ "LINK-DISABLED", SEVERITY_MAJOR },
		{ "LINK-DOWN", SEVERITY_MAJOR },
		{ "LINK-ASPM", SEVERITY_INFO },
		{ "ARI-FORWARDING-OFF", SEVERITY_MAJOR },
		{ "TLP-PAYLOAD-MISMATCH", SEVERITY_BLOCKER },
		{ "BOOT-PCIE-BUS-PERF", SEVERITY_MINOR },
		{ "TLP-READ-REQUEST-SMALL", SEVERITY_MINOR },
		{ "TAGS-EXTENDED-OFF", SEVERITY_MINOR },
		{ "TAGS-10BIT-UNSUPPORTED", SEVERITY_MAJOR },
		{ "RELAXED-ORDERING-FORBIDDEN", SEVERITY_MAJOR },
		{ "RELAXED-ORDERING-OFF", SEVERITY_MINOR },
		{ "COMPLETION-TIMEOUT-OFF", SEVERITY_MAJOR },
		{ "COMPLETION-TIMEOUT-SHORT", SEVERITY_MINOR },
		{ "ATOMIC-NOT-ROUTED", SEVERITY_MAJOR },
		{ "ATOMIC-EGRESS-BLOCKED", SEVERITY_MAJOR },
		{ "ATOMIC-NOT-COMPLETED", SEVERITY_INFO },
		{ "ATOMIC-REQUESTER-OFF", SEVERITY_INFO },
		{ "DEVICE-SILENT", SEVERITY_MAJOR },
		{ "DEVICE-NOT-D0", SEVERITY_MAJOR },
		{ "BUS-MASTER-OFF", SEVERITY_MAJOR },
		{ "DEVICE-NO-DRIVER", SEVERITY_MAJOR },
		{ "DEVICE-VFIO", SEVERITY_INFO },
		{ "BRIDGE-HOLDS-RESET", SEVERITY_BLOCKER },
		{ "SRIOV-MEMORY-OFF", SEVERITY_MAJOR },
		{ "ERROR-ACS-VIOLATION", SEVERITY_BLOCKER },
		{ "ERROR-MALFORMED-TLP", SEVERITY_BLOCKER },
		{ "ERROR-POISONED-TLP", SEVERITY_BLOCKER },
		{ "ERROR-COMPLETER-ABORT", SEVERITY_MAJOR },
		{ "ERROR-COMPLETION-TIMEOUT", SEVERITY_MAJOR },
		{ "ERROR-ATOMIC-BLOCKED", SEVERITY_MAJOR },
		{ "ERROR-UNSUPPORTED-REQUEST", SEVERITY_MINOR },
		{ "ERROR-DETECTED", SEVERITY_MAJOR },
		{ "ERROR-LINK", SEVERITY_MINOR },
		{ "DPC-TRIGGERED", SEVERITY_BLOCKER },
		{ "DPC-ENABLED", SEVERITY_INFO },
		{ "ERRATUM-REDIRECT-STALL", SEVERITY_MAJOR },
		{ "ERRATUM-SOURCE-VALIDATION", SEVERITY_MINOR },
		{ "ERRATUM-SWITCH-D3", SEVERITY_BLOCKER },
		{ "ERRATUM-ASPM", SEVERITY_MINOR },
		{ "ERRATUM-ATS", SEVERITY_MAJOR },
		{ "ERRATUM-EXTENDED-TAGS", SEVERITY_MAJOR },
		{ "IOMMU-SERVICE-WITHOUT-UNIT", SEVERITY_MAJOR },
		{ "IOMMU-UNIT-LACKS", SEVERITY_MAJOR },
		{ "IOMMU-NOT-COHERENT", SEVERITY_INFO },
		{ "IOVA-PEER-BAR", SEVERITY_MAJOR },
		{ "CPU-AMD-BEFORE-ZEN", SEVERITY_MAJOR },
		{ "CPU-HYGON", SEVERITY_MAJOR },
		{ "CPU-ZHAOXIN", SEVERITY_MAJOR },
		{ "CPU-NOT-X86", SEVERITY_MAJOR },
		{ "NUMA-NODE-UNKNOWN", SEVERITY_MINOR },
		{ "KERNEL-NO-P2PDMA", SEVERITY_MAJOR },
		{ "KERNEL-NO-DEVICE-PRIVATE", SEVERITY_MINOR },
		{ "KERNEL-NO-ODP", SEVERITY_MINOR },
		{ "KERNEL-NO-HSA-P2P", SEVERITY_MAJOR },
		{ "KERNEL-NO-MOVE-NOTIFY", SEVERITY_MINOR },
		{ "KERNEL-NO-VFIO-DMABUF", SEVERITY_MINOR },
		{ "MODULE-NO-RDMA", SEVERITY_MINOR },
		{ "MODULE-NO-PEER-MEMORY", SEVERITY_INFO },
		{ "BOOT-NO-MMCONFIG", SEVERITY_MAJOR },
		{ "BOOT-NO-AER", SEVERITY_MINOR },
		{ "BOOT-AMDGPU-NO-P2P", SEVERITY_MAJOR },
		{ "BOOT-SIGNED-MODULES", SEVERITY_INFO },
		{ "BOOT-LOCKDOWN", SEVERITY_INFO },
		{ "LINK-CARD-MISSING", SEVERITY_MINOR },
		{ "HMM-WRONG-DEVICE-PAGE", SEVERITY_BLOCKER },
		{ "ACS-SOURCE-VALIDATION-ALONE", SEVERITY_INFO },
		{ "ACS-TRANSLATED-DIRECT", SEVERITY_INFO },
		{ "ACS-TRANSLATED-NOT-DIRECT", SEVERITY_MINOR },
		{ "SRIOV-REDIRECT", SEVERITY_INFO },
		{ "ACS-REDIRECT-WITHOUT-IOMMU", SEVERITY_MINOR },
		{ "PAIR-HOST-BRIDGE-UNLISTED", SEVERITY_MAJOR },
		{ "PAIR-CLIENT-ROOT-COMPLEX", SEVERITY_MAJOR },
		{ "PAIR-BELOW-VMD", SEVERITY_MAJOR },
		{ "PAIR-NOT-DIRECT", SEVERITY_MAJOR },
		{ "PAIR-NO-INITIATOR", SEVERITY_MAJOR },
		{ "PAIR-NO-TARGET", SEVERITY_MAJOR },
		{ "MANIFEST-FUNCTION-ABSENT", SEVERITY_MAJOR },
		{ "PAIR-CROSSES-NODES", SEVERITY_MINOR },
		{ "PAIR-CROSSES-HOST-BRIDGES", SEVERITY_MINOR },
		{ "PAIR-OWN-PEER-PATH", SEVERITY_INFO },
		{ "PAIR-NTB", SEVERITY_INFO },
		{ "GROUP-STALE", SEVERITY_MAJOR },
		{ "GROUP-WIDER-THAN-ACS", SEVERITY_INFO },
		{ "GROUP-NOT-ISOLATED", SEVERITY_MAJOR },
		{ "GROUP-SHARED", SEVERITY_INFO },
		{ "GROUP-ABSENT", SEVERITY_MINOR },
		{ "ACS-LOST", SEVERITY_MAJOR },
		{ "ACS-SOURCE-VALIDATION-LOST", SEVERITY_MINOR },
		{ "PORT-WITHOUT-ACS", SEVERITY_INFO },
		{ "MULTIFUNCTION-WITHOUT-ACS", SEVERITY_INFO },
		{ "ACS-QUIRK", SEVERITY_INFO },
		{ "IOMMU-NOT-AS-DECLARED", SEVERITY_MAJOR },
		{ "IOMMU-UNUSED", SEVERITY_INFO },
		{ "IOMMU-PASSTHROUGH", SEVERITY_INFO },
		{ "IOMMU-TRANSLATES-P2P", SEVERITY_MINOR },
		{ "BOOT-CONFIG-ACS-TOO-OLD", SEVERITY_MAJOR },
		{ "BOOT-PCI-OPTION-UNKNOWN", SEVERITY_MAJOR },
		{ "BOOT-ACS-LIST-COMMA", SEVERITY_MAJOR },
		{ "BOOT-ACS-ITEM-UNREADABLE", SEVERITY_MAJOR },
		{ "BOOT-ACS-ITEM-NO-MATCH", SEVERITY_MINOR },
		{ "BOOT-ACS-ITEM-NO-ACS", SEVERITY_MINOR },
		{ "BOOT-AMD-IOMMU-OFF", SEVERITY_MINOR },
		{ "BOOT-ACS-NOT-IN-EFFECT", SEVERITY_MAJOR },
		{ "BOOT-ACS-FIRMWARE-VALUES", SEVERITY_INFO },
		{ "BOOT-ACS-OVERRIDE", SEVERITY_MAJOR },
		{ "BOOT-NO-ATS", SEVERITY_MINOR },
		{ "BOOT-INTEL-IOMMU-OFF", SEVERITY_MINOR },
		{ "HMM-HUGE-HOLE-OOPS", SEVERITY_BLOCKER },
		{ "HMM-FOREIGN-HUGE-ERROR", SEVERITY_MINOR },
		{ "DEVICE-MEMORY-IN-MUNLOCK-BATCH", SEVERITY_MINOR },
		{ "DEVICE-MEMORY-COUNTED-AS-LOCKED", SEVERITY_MINOR },
		{ "PLATFORM-CHANGED", SEVERITY_MAJOR },
		{ "HMM-KSM-OOPS", SEVERITY_BLOCKER },
		{ "SMAPS-HUGE-DEVICE-PAGE", SEVERITY_MINOR },
		{ "HMM-SPLIT-SHARED-HUGE", SEVERITY_BLOCKER },
		{ "RXE-ODP-OFFSET", SEVERITY_BLOCKER },
		{ "ODP-WRONG-DATA", SEVERITY_BLOCKER },
		{ "ODP-STALE", SEVERITY_BLOCKER },
		{ "ODP-STATUS", SEVERITY_MAJOR },
		{ "RXE-ODP-IOVA", SEVERITY_BLOCKER },
		{ "ODP-LOST-WRITE", SEVERITY_BLOCKER },
		{ "HMM-ZAP-MOVING-HUGE", SEVERITY_BLOCKER },
		{ "DEVICE-PAGE-FREED-TWICE", SEVERITY_BLOCKER },
		{ "ODP-RIGHTS", SEVERITY_BLOCKER },
		{ "RDMA-STATUS", SEVERITY_MINOR },
		{ "ODP-PREFETCH", SEVERITY_MINOR },
		{ "ODP-SECRET", SEVERITY_BLOCKER },
		{ "RXE-ODP-LOST-WRITE", SEVERITY_BLOCKER },
		{ "RXE-PREFETCH", SEVERITY_MINOR },
		{ "RXE-ERROR-FLUSHED", SEVERITY_MINOR },
		{ "DMABUF-RANGES", SEVERITY_MAJOR },
		{ "ODP-CLAIM", SEVERITY_MAJOR },
		{ "ODP-UNCLAIMED", SEVERITY_INFO },
		{ "ODP-FLUSH-VOLATILE", SEVERITY_MAJOR },
		{ "RXE-FLUSH-VOLATILE", SEVERITY_MAJOR },
		{ "P2P-BOUNCED", SEVERITY_MAJOR },
		{ "P2P-MISROUTED", SEVERITY_BLOCKER },
		{ "P2P-VERDICT-STALE", SEVERITY_MINOR },
		{ "DMA-IOVA-LOST", SEVERITY_MINOR },
		{ "P2P-PATH-UNPROVEN", SEVERITY_MINOR },
		{ "P2P-SLOW", SEVERITY_MINOR },
		{ "P2P-BEYOND-DMA-MASK", SEVERITY_BLOCKER },
		{ "VERBS-COMPLETION", SEVERITY_BLOCKER },
		{ "DMABUF-SG-LEAK", SEVERITY_MAJOR },
		{ "RXE-LINK-DEAF", SEVERITY_MAJOR },
		{ "RXE-LINK-LEFT", SEVERITY_MINOR },
	};

	assert_true(finding_registry_len >= ARRAY_LEN(released));
	for (size_t i = 0; i < ARRAY_LEN(released); i++) {
		assert_string_equal(finding_registry[i].code, released[i].code);
		assert_int_equal(finding_registry[i].severity, released[i].severity);
	}
}

static void test_lookup(attr_unused void **state)
{
	for (size_t i = 0; i < finding_registry_len; i++) {
		assert_ptr_equal(finding_find(finding_registry[i].code), &finding_registry[i]);
		assert_ptr_equal(finding_get(finding_registry[i].code), &finding_registry[i]);
	}
	assert_null(finding_find("P2P-PREDICTION"));
	assert_null(finding_find("p2p-prediction-differs"));
	assert_null(finding_find(""));
}

static void test_severities_have_names(attr_unused void **state)
{
	assert_string_equal(severity_name(SEVERITY_BLOCKER), "blocker");
	assert_string_equal(severity_name(SEVERITY_MAJOR), "major");
	assert_string_equal(severity_name(SEVERITY_MINOR), "minor");
	assert_string_equal(severity_name(SEVERITY_INFO), "info");
}

static void test_json(attr_unused void **state)
{
	autojson json_t *o = finding_to_json(finding_get("IOMMU-FAULT"));

	assert_int_equal(json_object_size(o), 5);
	assert_string_equal(jx_get_str(o, "code"), "IOMMU-FAULT");
	assert_string_equal(jx_get_str(o, "severity"), "blocker");
	assert_string_equal(jx_get_str(o, "title"), finding_get("IOMMU-FAULT")->title);
	assert_string_equal(jx_get_str(o, "next"), finding_get("IOMMU-FAULT")->next);
	assert_string_equal(jx_get_str(o, "reference"), finding_get("IOMMU-FAULT")->reference);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_are_unique),
		cmocka_unit_test(test_records_are_complete),
		cmocka_unit_test(test_released_codes_stay),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_severities_have_names),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
