/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/kernel_errata.c: which releases an erratum concerns, and what is no list of errata. */
#include "check/kernel_errata.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

#include "../test.h"

static json_t *parse(const char *text)
{
	json_t *doc = json_loads(text, 0, NULL);

	assert_non_null(doc);
	return doc;
}

static void releases(attr_unused void **state)
{
	static const struct {
		const char *since, *fixed, *release;
		bool concerned;
	} cases[] = {
		{ "6.19", "[]", "6.18.9", false },
		{ "6.19", "[]", "6.19", true },
		{ "6.19", "[]", "6.19-rc1", true },
		{ "6.19", "[]", "7.2.12+deb13-amd64", true },
		{ "6.19", "[]", "10.0.0", true },
		{ "6.19.3", "[]", "6.19.2-1-generic", false },
		{ "6.19.3", "[]", "6.19.3-1-generic", true },
		/* mended in a mainline release: in all that follow */
		{ "6.19", "[\"7.4\"]", "7.3.99", true },
		{ "6.19", "[\"7.4\"]", "7.4.0-rc1", false },
		{ "6.19", "[\"7.4\"]", "8.0", false },
		/* and in a series of its own, which says nothing of another */
		{ "6.19", "[\"7.4\", \"7.2.15\"]", "7.2.14", true },
		{ "6.19", "[\"7.4\", \"7.2.15\"]", "7.2.15", false },
		{ "6.19", "[\"7.4\", \"7.2.15\"]", "7.2.100", false },
		{ "6.19", "[\"7.4\", \"7.2.15\"]", "7.3.1", true },
		/* what is no release of Linux is not said to have anything */
		{ "6.19", "[]", "", false },
		{ "6.19", "[]", "GNU/Hurd", false },
		{ "6.19", "[]", "7", false },
		{ "6.19", "[]", "7.", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *text = xasprintf("{\"since\": \"%s\", \"fixed\": %s}",
						cases[i].since, cases[i].fixed);
		autojson json_t *erratum = parse(text);

		if (erratum_concerns(erratum, cases[i].release) != cases[i].concerned)
			fail_msg("since %s, fixed %s: '%s'", cases[i].since, cases[i].fixed,
				 cases[i].release);
	}
}

#define ERRATUM \
	"{\"id\": \"%s\", \"title\": \"t\", \"findings\": [\"IOMMU-FAULT\"], \"since\": \"%s\", " \
	"\"consequence\": \"c\", \"workaround\": \"w\", \"reference\": \"r\"}"

static void of_a_release(attr_unused void **state)
{
	autofree char *text = xasprintf("[" ERRATUM ", " ERRATUM "]", "old", "6.1", "new", "7.3");
	autojson json_t *errata = parse(text);
	autojson json_t *few = errata_of_release(errata, "7.2.1");
	autojson json_t *all = errata_of_release(errata, "7.3.0");

	assert_int_equal(json_array_size(few), 1);
	assert_string_equal(jx_get_str(json_array_get(few, 0), "id"), "old");
	assert_int_equal(json_array_size(all), 2);
	assert_non_null(errata_find(errata, "new"));
	assert_null(errata_find(errata, "neither"));
}

/* The text of the refusal, which the caller frees. */
static char *refused(const char *text)
{
	char path[] = "/tmp/p2pcert-errata.XXXXXX";
	autojson json_t *errata = NULL;
	char *why = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(errata_load(path, &errata, &why), -EINVAL);
	unlink(path);
	assert_non_null(strstr(why, path));
	return why;
}

static void what_is_wrong_is_named(attr_unused void **state)
{
#define LIST(errata) "{\"schema\": \"p2pcert.errata/1\", \"errata\": [" errata "]}"
#define GOOD \
	"\"id\": \"a-1\", \"title\": \"t\", \"findings\": [\"IOMMU-FAULT\"], \"since\": \"6.1\", " \
	"\"consequence\": \"c\", \"workaround\": \"w\", \"reference\": \"r\""
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "[]", "'schema' is not 'p2pcert.errata/1'" },
		{ "{\"schema\": \"p2pcert.errata/2\", \"errata\": []}", "'schema' is not" },
		{ "{\"schema\": \"p2pcert.errata/1\", \"erata\": []}", "'errata' is missing" },
		{ "{\"schema\": \"p2pcert.errata/1\", \"errata\": [], \"x\": 1}", "other keys" },
		{ LIST("7"), "'errata[0]': this is no object" },
		{ LIST("{" GOOD ", \"severity\": 1}"), "'errata[0]': unknown key 'severity'" },
		{ LIST("{" GOOD "}, {\"id\": \"b\"}"), "'errata[1]': key 'title' is missing" },
		{ LIST("{" GOOD "}, {" GOOD "}"), "'errata[1]': 'a-1' is there before" },
		{ LIST("{" GOOD ", \"fixed\": []}"), "'fixed' is no array, or empty" },
		{ LIST("{" GOOD ", \"fixed\": [\"7.4-rc1\"]}"), "'fixed' is not a release" },
		{ LIST("{" GOOD ", \"seen\": [7]}"), "'seen' is not a release" },
		{ LIST("{\"id\": \"-a\"}"), "'id' is not lower case letters" },
		{ LIST("{\"id\": \"A\"}"), "'id' is not lower case letters" },
		{ LIST("{\"id\": \"a\", \"title\": \"\"}"), "'title' is not a text" },
		{ LIST("{\"id\": \"a\", \"title\": \"t\", \"findings\": [\"NO-SUCH\"]}"),
		  "'findings' is not a code of a finding" },
		{ LIST("{\"id\": \"a\", \"title\": \"t\", \"findings\": \"IOMMU-FAULT\"}"),
		  "'findings' is no array, or empty" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *why = refused(cases[i].text);

		if (!strstr(why, cases[i].said))
			fail_msg("%s: '%s'", cases[i].text, why);
	}
}

static void shipped(attr_unused void **state)
{
	autojson json_t *errata = NULL;
	autofree char *why = NULL;

	if (errata_load_shipped(&errata, &why) < 0)
		fail_msg("%s", why);
	assert_non_null(errata_find(errata, "hmm-huge-offset"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases),
		cmocka_unit_test(of_a_release),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
