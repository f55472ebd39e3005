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
