/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/scenario/profile.c: what is shipped, what is refused and where, and names as paths. */
#include "scenario/profile.h"

#include <fcntl.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

static int load_text(const char *dir, const char *text, struct profile **p, char **why)
{
	autofree char *path = xasprintf("%s/p.json", dir);

	assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0600), 0);
	return profile_load(path, scenario_registry, scenario_registry_len, p, why);
}

#define HEAD "{\"schema\":\"p2pcert.profile/1\",\"name\":\"n\",\"title\":\"t\","

#define WAIVERS(waivers) HEAD "\"required\":[],\"recommended\":[],\"waivers\":[" waivers "]}"
#define WAIVER(erratum, reason, granted, until) \
	"{\"erratum\":\"" erratum "\",\"reason\":\"" reason "\",\"granted\":\"" granted \
	"\",\"until\":\"" until "\"}"

static void accepted(void **state)
{
	autoprofile struct profile *p = NULL;
	autofree char *why = NULL;
	autojson json_t *doc = NULL;

	assert_int_equal(load_text(*state,
				   HEAD "\"required\":[\"odp.read\"],\"recommended\":[],"
					"\"excluded\":[\"odp.write\"],\"soft_rdma\":"
					"[{\"name\":\"a0\",\"netdev\":\"eth0.1\"}],"
					"\"checks\":{\"required\":[\"path.redirect\"]},"
					"\"waivers\":[" WAIVER("hmm-huge-hole", "r", "2027-01-01",
							       "2027-03-31") "]}",
				   &p, &why),
			 0);
	assert_true(id_list_has(&p->required, "odp.read"));
	assert_false(id_list_has(&p->required, "odp.write"));
	assert_true(id_list_has(&p->excluded, "odp.write"));
	assert_true(id_list_has(&p->checks_required, "path.redirect"));
	assert_int_equal(p->checks_excluded.n, 0);
	assert_int_equal(p->nr_soft_rdma, 1);
	assert_string_equal(p->soft_rdma[0].name, "a0");
	assert_string_equal(p->soft_rdma[0].netdev, "eth0.1");
	doc = profile_to_json(p);
	{
		autofree char *line = jx_line(doc);

		assert_string_equal(line,
				    "{\"name\":\"n\",\"title\":\"t\",\"required\":[\"odp.read\"],"
				    "\"recommended\":[],\"excluded\":[\"odp.write\"],"
				    "\"soft_rdma\":[{\"name\":\"a0\",\"netdev\":\"eth0.1\"}],"
				    "\"waivers\":[" WAIVER("hmm-huge-hole", "r", "2027-01-01",
							   "2027-03-31") "]}");
	}
	assert_int_equal(profile_add_soft_rdma(p, "b0", "0123456789abcdef"), -EINVAL);
	assert_int_equal(profile_add_soft_rdma(p, "b0", "-x"), -EINVAL);
	assert_int_equal(profile_add_soft_rdma(p, "../b0", "eth0"), -EINVAL);
	assert_int_equal(p->nr_soft_rdma, 1);
}

/* What the journal says of a profile is that profile, and nothing that is less. */
static void through_the_journal(void **state attr_unused)
{
	static const char *const parts[] = { "name",        "title",    "required",
					     "recommended", "excluded", "soft_rdma" };
	autoprofile struct profile *p = NULL, *again = NULL;
	autofree char *why = NULL, *first = NULL, *second = NULL;
	autojson json_t *doc = NULL, *doc_again = NULL;

	assert_int_equal(
		profile_load("reference", scenario_registry, scenario_registry_len, &p, &why), 0);
	doc = profile_to_json(p);
	assert_int_equal(
		profile_from_json(doc, scenario_registry, scenario_registry_len, &again, &why), 0);
	doc_again = profile_to_json(again);
	first = jx_line(doc);
	second = jx_line(doc_again);
	assert_string_equal(first, second);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		autojson json_t *less = json_deep_copy(doc);
		autofree char *text = NULL, *expected = xasprintf("'%s'", parts[i]);
		struct profile *none = NULL;

		json_object_del(less, parts[i]);
		assert_int_equal(profile_from_json(less, scenario_registry, scenario_registry_len,
						   &none, &text),
				 -EINVAL);
		assert_non_null(strstr(text, expected));
		assert_null(none);
	}
	jx_set_str(doc, "schema", "p2pcert.profile/1");
	assert_int_equal(
		profile_from_json(doc, scenario_registry, scenario_registry_len, &again, &why),
		-EINVAL);
	assert_string_equal(why, "unknown key 'schema'");
}

static void refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "line 1" },
		{ "[]", "is no JSON object" },
		{ "{}", "key 'schema' is missing" },
		{ "{\"schema\":\"p2pcert.profile/2\"}", "'schema' is not 'p2pcert.profile/1'" },
		{ HEAD "\"required\":[]}", "key 'recommended' is missing" },
		{ HEAD "\"required\":[],\"recommended\":[],\"exclude\":[]}",
		  "unknown key 'exclude'" },
		{ HEAD "\"required\":[],\"recommended\":[],\"checks\":[]}",
		  "'checks' is no object" },
		{ HEAD "\"required\":[],\"recommended\":[],\"checks\":{\"recommended\":[]}}",
		  "unknown key 'checks.recommended'" },
		{ HEAD "\"required\":[],\"recommended\":[],\"checks\":{\"required\":{}}}",
		  "'checks.required' is no array" },
		{ HEAD "\"required\":[],\"recommended\":[],"
		       "\"checks\":{\"required\":[\"path.redirekt\"]}}",
		  "'checks.required[0]': unknown check 'path.redirekt'" },
		{ HEAD "\"required\":[],\"recommended\":[],"
		       "\"checks\":{\"required\":[\"path.redirect\"],"
		       "\"excluded\":[\"path.redirect\"]}}",
		  "'checks.excluded[0]': check 'path.redirect' is listed before" },
		{ HEAD "\"required\":{},\"recommended\":[]}", "'required' is no array" },
		{ HEAD "\"required\":[1],\"recommended\":[]}", "'required[0]' is no string" },
		{ HEAD "\"required\":[],\"recommended\":[\"odp.read\",\"odp.reed\"]}",
		  "'recommended[1]': unknown scenario 'odp.reed'" },
		{ HEAD "\"required\":[\"odp.read\"],\"recommended\":[\"odp.read\"]}",
		  "'recommended[0]': scenario 'odp.read' is listed before" },
		{ HEAD "\"required\":[],\"recommended\":[],\"soft_rdma\":[{\"name\":\"a\"}]}",
		  "'soft_rdma[0]' is no object" },
		{ HEAD "\"required\":[],\"recommended\":[],\"soft_rdma\":"
		       "[{\"name\":\"a\",\"netdev\":\"x;reboot\"}]}",
		  "cannot be a device's name" },
		{ HEAD "\"required\":[],\"recommended\":[],\"waivers\":{}}",
		  "'waivers' is no array" },
		{ WAIVERS("{\"erratum\":\"hmm-huge-hole\",\"until\":\"2027-03-31\"}"),
		  "'waivers[0]' is no object" },
		{ WAIVERS(WAIVER("hmm-huge-hole", "", "2027-01-01", "2027-03-31")),
		  "'waivers[0]' is no object" },
		{ WAIVERS(WAIVER("hmm-huge-hole", "r", "2027-01-01", "never")),
		  "'waivers[0]': from '2027-01-01' until 'never' is no time" },
		{ WAIVERS(WAIVER("hmm-huge-hole", "r", "2027-04-01", "2027-03-31")), "is no time" },
		{ WAIVERS(WAIVER("no-such", "r", "2027-01-01", "2027-03-31")),
		  "'waivers[0]': unknown erratum 'no-such'" },
		{ WAIVERS(WAIVER("hmm-huge-hole", "r", "2027-01-01", "2027-03-31") "," WAIVER(
			  "hmm-huge-hole", "r", "2027-01-01", "2027-03-31")),
		  "'waivers[1]': erratum 'hmm-huge-hole' is waived before" },
		{ "{\"schema\":\"p2pcert.profile/1\",\"name\":\"\"}",
		  "'name' is no string, or empty" },
		{ "{\"schema\":\"p2pcert.profile/1\",\"schema\":\"p2pcert.profile/1\"}",
		  "duplicate" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autoprofile struct profile *p = NULL;
		autofree char *why = NULL;

		assert_int_equal(load_text(*state, cases[i].text, &p, &why), -EINVAL);
		if (!strstr(why, cases[i].why) || !strstr(why, "p.json"))
			fail_msg("'%s' does not say '%s' of p.json", why, cases[i].why);
		assert_null(p);
	}
}

static void by_name(void **state attr_unused)
{
	autofree bool *demanded = xcalloc(scenario_registry_len, sizeof(*demanded));
	struct id_list names;
	struct profile *p;
	char *why;
	bool all;

	/* every one that is shipped can be loaded, and says its own name */
	profile_names(&names);
	assert_true(id_list_has(&names, "default"));
	assert_true(id_list_has(&names, "reference"));
	for (size_t i = 0; i < names.n; i++) {
		if (profile_load(names.ids[i], scenario_registry, scenario_registry_len, &p, &why) <
		    0)
			fail_msg("%s", why);
		assert_string_equal(p->name, names.ids[i]);
		all = strcmp(p->name, "default") == 0;
		for (size_t k = 0; k < scenario_registry_len; k++)
			demanded[k] |=
				id_list_has(&p->required, scenario_registry[k]->id) ||
				(!all && id_list_has(&p->recommended, scenario_registry[k]->id));
		if (all)
			assert_int_equal(p->recommended.n, scenario_registry_len);
		profile_free(p);
	}
	id_list_release(&names);
	/*
	 * nothing can be exercised that no profile of a family asks for; what only kernels have that do
	 * not exist yet it can but recommend
	 */
	for (size_t k = 0; k < scenario_registry_len; k++)
		if (!demanded[k])
			fail_msg("no profile asks for '%s'", scenario_registry[k]->id);

	assert_int_equal(
		profile_load("no-such", scenario_registry, scenario_registry_len, &p, &why),
		-ENOENT);
	assert_non_null(strstr(why, "unknown profile 'no-such'"));
	free(why);
	assert_int_equal(
		profile_load("./no-such", scenario_registry, scenario_registry_len, &p, &why),
		-ENOENT);
	assert_non_null(strstr(why, "cannot read './no-such'"));
	free(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(accepted),
		cmocka_unit_test(through_the_journal),
		test_in_dir(refused),
		cmocka_unit_test(by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
