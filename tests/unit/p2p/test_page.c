/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page's data: nothing in it ends the script element, and every answer is found again in it. */
#include "../test.h"

#include "base/alloc.h"
#include "base/jx.h"
#include "model.h"
#include "p2p/page.h"

#define START "<script type=\"application/json\" id=\"data\">"

/* Two switches, one of which redirects, below one host bridge, and a drive below another. */
static const struct model_function functions[] = {
	FN("00:01.0", PORT_ROOT, 0x01, NO_ACS, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, ACS_RR, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, ACS_SV, 0x10b5, 0x8796),
	FN("02:02.0", PORT_DOWNSTREAM, 0x05, UNSEEN, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .no_bar = true),
	FN("80:00.0", PORT_ROOT, 0x81, NO_ACS, 0x8086, 0x29c0),
	FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

static char *page_of(const struct platform *p, const struct p2p_selection *selection)
{
	autojson json_t *document = platform_to_json(p), *findings = jx_array();
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	draw_page(p, p2p_rules_for("7.2"), selection, document, findings, NULL, f);
	fclose(f);
	return text;
}

/* The data of the page, as text. */
static char *data_of(const char *page)
{
	const char *start = strstr(page, START), *end;

	assert_non_null(start);
	start += strlen(START);
	end = strstr(start, "</script>");
	assert_non_null(end);
	return xstrndup(start, (size_t)(end - start));
}

static void test_hostile(void **state attr_unused)
{
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct p2p_selection selection;
	autofree char *page = NULL, *data = NULL;
	autojson json_t *doc = NULL;
	const char *name = "</script><!--<script>&amp;";

	p->functions[5].name = xstrdup(name);
	p2p_select(p, NULL, &selection);
	page = page_of(p, &selection);
	data = data_of(page);
	assert_null(strpbrk(data, "<>&"));
	doc = json_loads(data, 0, NULL);
	assert_non_null(doc);
	assert_string_equal(
		jx_get_str(
			json_array_get(
				json_object_get(json_object_get(doc, "document"), "functions"), 5),
			"name"),
		name);
	p2p_selection_release(&selection);
	platform_free(p);
}

/* Everything that the template leaves open is filled in. */
static void test_template(void **state attr_unused)
{
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct p2p_selection selection;
	autofree char *page = NULL;
	static const char *const open[] = { "@DATA@", "@STYLES@", "@SCRIPTS@", "_DIGEST@" };

	p2p_select(p, NULL, &selection);
	page = page_of(p, &selection);
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		assert_null(strstr(page, open[i]));
	assert_non_null(strstr(page, "script-src 'sha256-"));
	assert_non_null(strstr(page, "default-src 'none'"));
	p2p_selection_release(&selection);
	platform_free(p);
}

/* The answer of a row's runs at a column. */
static const json_t *answer_at(const json_t *doc, int row, int column)
{
	const json_t *runs = json_array_get(json_object_get(doc, "rows"), (size_t)row);

	for (size_t i = 0; i + 1 < json_array_size(runs); i += 2) {
		column -= (int)json_integer_value(json_array_get(runs, i));
		if (column < 0)
			return json_array_get(
				json_object_get(doc, "answers"),
				(size_t)json_integer_value(json_array_get(runs, i + 1)));
	}
	fail_msg("row %d is too short", row);
	return NULL;
}

static void check_answer(const json_t *answer, const struct p2p_pair *pair)
{
	const json_t *blockers = json_object_get(answer, "blocked_by");

	assert_string_equal(jx_get_str(answer, "route"), p2p_route_name(pair->route));
	assert_string_equal(jx_get_str(answer, "verdict"), p2p_verdict_name(pair->verdict));
	assert_string_equal(jx_get_str(answer, "reason"), pair->reason);
	if (pair->verdict != VERDICT_UNKNOWN)
		assert_int_equal(jx_get_int(answer, "distance", -2), pair->distance);
	assert_int_equal(json_array_size(blockers), pair->nr_blocked_by);
	for (int i = 0; i < pair->nr_blocked_by; i++)
		assert_int_equal(json_integer_value(json_array_get(blockers, (size_t)i)),
				 pair->blocked_by[i]);
}

static void test_answers(void **state attr_unused)
{
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	const struct p2p_rules *rules = p2p_rules_for("7.2");
	struct p2p_selection selection;
	struct p2p_classes classes;
	autofree char *page = NULL, *data = NULL;
	autojson json_t *doc = NULL;
	int pairs = 0;

	p2p_select(p, NULL, &selection);
	p2p_classify(p, &selection, &classes);
	page = page_of(p, &selection);
	data = data_of(page);
	doc = json_loads(data, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(doc, "classes")), classes.nr);
	for (int i = 0; i < classes.nr; i++) {
		int column = 0;

		for (int t = 0; t < classes.nr; t++) {
			const json_t *answer;
			struct p2p_pair pair;

			if (!classes.items[t].to)
				continue;
			answer = answer_at(doc, i, column++);
			if (p2p_class_predict(p, rules, &classes, i, t, &pair) < 0) {
				assert_null(answer);
				continue;
			}
			check_answer(answer, &pair);
			p2p_pair_release(&pair);
			pairs++;
		}
	}
	assert_int_equal(pairs, 10);
	/* each is there once */
	assert_in_range(json_array_size(json_object_get(doc, "answers")), 5, 9);
	p2p_classes_release(&classes);
	p2p_selection_release(&selection);
	platform_free(p);
}

/* More answers than there is room for at first. */
static void test_many(void **state attr_unused)
{
	struct model_function table[72] = { 0 };
	char address[72][16];
	struct p2p_selection selection;
	struct platform *p;
	autofree char *page = NULL, *data = NULL;
	autojson json_t *doc = NULL;

	for (int i = 0; i < 72; i++) {
		snprintf(address[i], sizeof(address[i]), "%02x:%02x.%d", i / 36, i % 36 / 8 + 1,
			 i % 8);
		table[i] = (struct model_function)FN(address[i],
						     i % 36 < 18 ? PORT_RC_ENDPOINT : PORT_ENDPOINT,
						     0, (int)ACS_RR, 0x8086, 0x09a2);
	}
	table[0].type = PORT_ROOT;
	table[0].secondary = 1;
	table[0].acs = (int)ACS_RR;
	p = model_new(table, ARRAY_LEN(table));
	p2p_select(p, NULL, &selection);
	page = page_of(p, &selection);
	data = data_of(page);
	doc = json_loads(data, 0, NULL);
	assert_in_range(json_array_size(json_object_get(doc, "answers")), 1100, 1 << 20);
	p2p_selection_release(&selection);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("p2p/page", tests, NULL, NULL);
}
