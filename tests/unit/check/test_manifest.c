/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/manifest.c: what is refused and where, and what a manifest names on a machine. */
#include "../test.h"

#include "../p2p/model.h"
#include "check/manifest.h"

static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x2030),
	FN("00:02.0", PORT_ROOT, 2, 0, 0x8086, 0x2030),
	FN("00:03.0", PORT_ROOT, 3, 0, 0x8086, 0x2030),
	FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
};

static int parse(const char *text, struct manifest **m, char **why)
{
	return manifest_parse("m.json", text, strlen(text), m, why);
}

#define HEAD "{\"schema\":\"p2pcert.manifest/1\",\"name\":\"n\",\n"
#define ENDPOINTS "\"endpoints\":{\"gpu\":\"gpu\",\"nic\":\"15b3:1021\"},\n"

static void refused(void **state attr_unused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "manifest 'm.json' line 1 column 0: " },
		{ "{\n\"schema\":}", "manifest 'm.json' line 2 column 10: " },
		{ "[]", "manifest 'm.json' line 1 column 1: this is no object" },
		{ "{}", "line 1 column 1: key 'schema' is missing" },
		{ "{\"schema\":\"p2pcert.manifest/2\"}",
		  "line 1 column 11: 'p2pcert.manifest/2' is not 'p2pcert.manifest/1'" },
		{ HEAD ENDPOINTS "\"p2p\":[],\n  \"iomu\":1}",
		  "line 4 column 10: unknown key 'iomu'" },
		{ HEAD "\"endpoints\":{}}", "line 1 column 1: key 'p2p' is missing" },
		{ HEAD ENDPOINTS "\"p2p\":{}}", "line 3 column 7: 'p2p' is no array" },
		{ HEAD ENDPOINTS "\"p2p\":[1]}", "line 3 column 8: this is no object" },
		{ HEAD ENDPOINTS "\"p2p\":[{\"initiator\":\"gpu\"}]}",
		  "line 3 column 8: key 'target' is missing" },
		{ HEAD ENDPOINTS "\"p2p\":[{\"initiator\":\"gpu\",\n\"target\":\"cpu\"}]}",
		  "line 4 column 10: 'cpu' is none of the endpoints" },
		{ HEAD ENDPOINTS
		  "\"p2p\":[{\"initiator\":\"gpu\",\"target\":\"nic\",\"required\":\"fast\"}]}",
		  "'fast' is not 'any' or 'direct'" },
		{ HEAD ENDPOINTS "\"p2p\":[],\"iommu\":\"on\"}",
		  "line 3 column 18: 'on' is not 'off', 'passthrough' or 'translating'" },
		{ HEAD ENDPOINTS "\"p2p\":[],\"iommu\":true}", "'iommu' is not 'off', " },
		{ HEAD ENDPOINTS "\"p2p\":[],\"isolated\":\"gpu\"}", "'isolated' is no array" },
		{ HEAD ENDPOINTS "\"p2p\":[],\"isolated\":[\"gpu\",3]}",
		  "line 3 column 28: this is no name of an endpoint" },
		{ HEAD "\"endpoints\":{\"a\":\"quux\"},\"p2p\":[]}",
		  "line 2 column 18: 'quux' is none of" },
		{ HEAD "\"endpoints\":{\"a\":\"gpu/nic\"},\"p2p\":[]}",
		  "'gpu/nic' has a '/': an endpoint is one side of a pair" },
		{ HEAD "\"endpoints\":{\"a\":1},\"p2p\":[]}", "endpoint 'a' is no string" },
		{ HEAD "\"endpoints\":[],\"p2p\":[]}", "'endpoints' is no object" },
		{ HEAD "\"name\":\"n\"}", "duplicate" },
		{ "{\"schema\":\"p2pcert.manifest/1\",\"name\":\"\"}",
		  "'name' is no string, or empty" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct manifest *m = NULL;
		autofree char *why = NULL;

		assert_int_equal(parse(cases[i].text, &m, &why), -EINVAL);
		assert_null(m);
		if (!strstr(why, cases[i].why))
			fail_msg("'%s' is not in '%s'", cases[i].why, why);
	}
}

static void claims(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	automanifest struct manifest *m = NULL;
	autofree char *why = NULL;
	struct check_claims c;

	assert_int_equal(parse(HEAD ENDPOINTS "\"p2p\":["
					      "{\"initiator\":\"nic\",\"target\":\"gpu\"},"
					      "{\"initiator\":\"gpu\",\"target\":\"gpu\","
					      "\"required\":\"direct\"}],"
					      "\"iommu\":\"passthrough\",\"isolated\":[\"nic\"]}",
			       &m, &why),
			 0);
	assert_string_equal(manifest_name(m), "n");
	assert_int_equal(manifest_resolve(m, p, &c, &why), 0);
	assert_int_equal(c.nr_pairs, 2 + 2);
	assert_int_equal(c.pairs[0].initiator, model_index(p, "03:00.0"));
	assert_int_equal(c.pairs[0].target, model_index(p, "01:00.0"));
	assert_false(c.pairs[0].direct);
	assert_int_equal(c.pairs[2].initiator, model_index(p, "01:00.0"));
	assert_int_equal(c.pairs[2].target, model_index(p, "02:00.0"));
	assert_true(c.pairs[2].direct);
	assert_int_equal(c.iommu, IOMMU_PASSTHROUGH);
	assert_int_equal(c.nr_isolated, 1);
	assert_int_equal(c.isolated[0], model_index(p, "03:00.0"));
	assert_int_equal(c.nr_absent, 0);
	check_claims_release(&c);
}

static void absent(void **state attr_unused)
{
	autoplatform struct platform *p = model_new(machine, ARRAY_LEN(machine));
	automanifest struct manifest *m = NULL;
	autofree char *why = NULL;
	struct check_claims c;

	assert_int_equal(parse(HEAD "\"endpoints\":{\"a\":\"05:00.0\",\"b\":\"03:00.0\"},"
				    "\"p2p\":[{\"initiator\":\"a\",\"target\":\"b\"}]}",
			       &m, &why),
			 0);
	assert_int_equal(manifest_resolve(m, p, &c, &why), 0);
	assert_int_equal(c.nr_pairs, 0);
	assert_int_equal(c.iommu, IOMMU_UNSAID);
	assert_int_equal(c.nr_absent, 1);
	assert_string_equal(c.absent[0], "endpoint 'a': no function is '05:00.0'");
	check_claims_release(&c);
}

static void file(void **state attr_unused)
{
	struct manifest *m = NULL;
	autofree char *why = NULL;

	assert_int_equal(manifest_load("/nonexistent/m.json", &m, &why), -ENOENT);
	assert_string_equal(why, "cannot read '/nonexistent/m.json': No such file or directory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(claims),
		cmocka_unit_test(absent),
		cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
