/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fits a shape, what does not, and how that is told. */
#include "report/shape.h"

#include "base/jx.h"

#include "../test.h"

static const struct field fields_inner[] = {
	{ "n", TYPE_COUNT, 0, NULL },
	{ NULL, TYPE_END, 0, NULL },
};

static const struct field fields[] = {
	{ "text", TYPE_STRING, 0, NULL },
	{ "maybe", TYPE_BOOL, FIELD_OPTIONAL, NULL },
	{ "list", TYPE_OBJECT, FIELD_ARRAY, fields_inner },
	{ NULL, TYPE_END, 0, NULL },
};

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *doc = json_loads(text, JSON_DECODE_ANY, &error);

	if (!doc)
		fail_msg("%s", error.text);
	return doc;
}

static void checking(attr_unused void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: fits */
	} table[] = {
		{ "{\"text\": \"a\", \"list\": []}", NULL },
		{ "{\"text\": \"a\", \"list\": [{\"n\": 0}], \"more\": null}", NULL },
		{ "{\"text\": \"a\", \"list\": [], \"maybe\": false}", NULL },
		{ "{\"list\": []}", "'text' is missing" },
		{ "{\"text\": null, \"list\": []}", "'text' is no string" },
		{ "{\"text\": \"a\", \"list\": {}}", "'list' is no array" },
		{ "{\"text\": \"a\", \"list\": [{\"n\": 1}, 5]}", "'list[1]' is no object" },
		{ "{\"text\": \"a\", \"list\": [{\"n\": 1}, {}]}", "'list[1].n' is missing" },
		{ "{\"text\": \"a\", \"list\": [{\"n\": -1}]}",
		  "'list[0].n' is no integer from 0" },
		{ "{\"text\": \"a\", \"list\": [], \"maybe\": 1}", "'maybe' is no boolean" },
		{ "[]", "'text' is missing" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autojson json_t *doc = parse(table[i].text);
		autofree char *why = NULL;
		int r = shape_check(doc, fields, &why);

		assert_int_equal(r, table[i].why ? -EINVAL : 0);
		if (table[i].why)
			assert_string_equal(why, table[i].why);
		else
			assert_null(why);
	}
}

/* For each type what is one, and what looks like one. */
static void types(attr_unused void **state)
{
	static const struct {
		enum value_type type;
		const char *good[4];
		const char *bad[9];
	} table[] = {
		{ TYPE_STRING, { "\"\"", "\"x\"" }, { "1", "null", "[]", "{}", "true" } },
		{ TYPE_ID,
		  { "\"a.b\"", "\"odp.invalidate.munmap\"", "\"p2pdma.nvme-cmb-read\"" },
		  { "\"\"", "\".\"", "\"a.\"", "\".a\"", "\"a..b\"", "\"A.b\"", "\"a/b\"",
		    "\"a b\"", "\"-a\"" } },
		{ TYPE_HEX,
		  { "\"0x0\"", "\"0x1fe\"" },
		  { "\"0x\"", "\"1f\"", "\"0xG\"", "\"0x1 \"", "31" } },
		{ TYPE_TIME,
		  { "\"2026-01-31T12:00:00Z\"" },
		  { "\"2026-01-31T12:00:00\"", "\"2026-01-31 12:00:00Z\"", "\"\"",
		    "\"2026-01-31T12:00:00ZZ\"", "1793000000" } },
		{ TYPE_DATE,
		  { "\"2027-03-31\"" },
		  { "\"2027-3-31\"", "\"2027-03-31T00:00:00Z\"", "\"\"", "20270331" } },
		{ TYPE_ADDRESS,
		  { "\"0000:3b:00.0\"", "\"10000:3b:00.0\"" },
		  { "\"\"", "\"eth0\"", "\"0000:3b:00.8\"", "\"0000:3b:20.0\"", "5" } },
		{ TYPE_COUNT, { "0", "9007199254740993" }, { "-1", "1.0", "\"1\"", "true" } },
		{ TYPE_ROUND, { "1", "4000000000" }, { "0", "-1", "1.0", "\"1\"" } },
		{ TYPE_NUMBER, { "-1", "1.5", "1e300" }, { "\"1\"", "null", "true" } },
		{ TYPE_BOOL, { "true", "false" }, { "0", "1", "\"true\"", "null" } },
		{ TYPE_ANY, { "null", "[]", "0", "{\"x\": null}" }, { NULL } },
		{ TYPE_OBJECT, { "{}" }, { "[]", "null", "\"{}\"" } },
		{ TYPE_LEVEL, { "\"quick\"", "\"soak\"" }, { "\"\"", "\"Quick\"", "1" } },
		{ TYPE_OUTCOME, { "\"pass\"", "\"notrun\"" }, { "\"passed\"", "\"PASS\"", "1" } },
		{ TYPE_ERROR_KIND, { "\"crash\"" }, { "\"\"", "\"pass\"", "2" } },
		{ TYPE_SKIP_CATEGORY, { "\"hw-absent\"" }, { "\"hw_absent\"", "\"\"", "0" } },
		{ TYPE_EVIDENCE_KIND, { "\"kernel_log\"" }, { "\"kernel-log\"", "\"D\"", "0" } },
		{ TYPE_EVIDENCE_STATE, { "\"proven\"" }, { "\"proved\"", "null" } },
		{ TYPE_FINDING_CODE, { "\"IOMMU-FAULT\"" }, { "\"iommu-fault\"", "\"\"", "0" } },
		{ TYPE_RUN_END, { "\"complete\"", "\"died\"" }, { "\"done\"", "\"\"", "0" } },
		{ TYPE_SIGNAL, { "1", "64" }, { "0", "65", "-9", "\"SIGINT\"", "2.0" } },
		{ TYPE_UNDO_RESULT, { "\"gone\"", "\"failed\"" }, { "\"going\"", "0" } },
		{ TYPE_DEADLINE, { "\"soft\"", "\"hard\"" }, { "\"firm\"", "1" } },
		{ TYPE_LOG_SEVERITY, { "\"note\"", "\"fatal\"" }, { "\"info\"", "3" } },
	};

	assert_int_equal(ARRAY_LEN(table), NR_VALUE_TYPES - 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct field one[] = { { "v", table[i].type, 0, NULL },
				       { NULL, TYPE_END, 0, NULL } };

		for (size_t k = 0; k < ARRAY_LEN(table[i].good) && table[i].good[k]; k++) {
			autojson json_t *doc = jx_object();
			autofree char *why = NULL;

			jx_set(doc, "v", parse(table[i].good[k]));
			if (shape_check(doc, one, &why) < 0)
				fail_msg("%s: %s", table[i].good[k], why);
		}
		for (size_t k = 0; k < ARRAY_LEN(table[i].bad) && table[i].bad[k]; k++) {
			autojson json_t *doc = jx_object();
			autofree char *why = NULL;

			jx_set(doc, "v", parse(table[i].bad[k]));
			if (shape_check(doc, one, &why) == 0)
				fail_msg("%s was taken as type %d", table[i].bad[k],
					 (int)table[i].type);
		}
	}
}

static void copying(attr_unused void **state)
{
	autojson json_t *doc = parse("{\"more\": 1, \"list\": [{\"x\": 1, \"n\": 2}, {\"n\": 3}],"
				     " \"text\": \"a\"}");
	autojson json_t *copy = shape_copy(doc, fields);
	autofree char *line = jx_line(copy);

	assert_string_equal(line, "{\"text\":\"a\",\"list\":[{\"n\":2},{\"n\":3}]}");
}

static void joining(attr_unused void **state)
{
	static const struct {
		const char *array;
		const char *joined;
	} table[] = {
		{ "[]", "" },
		{ "[\"a\"]", "a" },
		{ "[\"a\", \"\", \"bc\"]", "a, , bc" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autojson json_t *array = parse(table[i].array);
		autofree char *text = strings_join(array, ", ");

		assert_string_equal(text, table[i].joined);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(checking),
		cmocka_unit_test(types),
		cmocka_unit_test(copying),
		cmocka_unit_test(joining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
