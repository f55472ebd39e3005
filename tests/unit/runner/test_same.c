/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/runner/same.c: every difference that must keep a run from going on, and those that must not. */
#include "runner/same.h"

#include <string.h>

#include "../test.h"
#include "base/jx.h"

#define HOST \
	"\"hostname\":\"a\",\"machine\":\"x86_64\",\"vendor\":\"V\",\"product\":\"P\"," \
	"\"bios_vendor\":\"B\",\"bios_version\":\"1\",\"bios_date\":\"d\",\"cpu\":\"C\"," \
	"\"memory_bytes\":1000"
#define KERNEL \
	"\"release\":\"6.12\",\"version\":\"#1\",\"cmdline\":\"iommu=on ro -- run1\"," \
	"\"config_digest\":\"x\""
#define FUNCTIONS \
	"\"functions\":[{\"address\":\"0000:00:01.0\",\"vendor\":\"0x1b36\",\"device\":\"0x10\"}," \
	"{\"address\":\"0000:00:02.0\",\"vendor\":\"0x8086\",\"device\":\"0x1\"}]"

/* The same document with one value changed; NULL: with that key left out. */
static json_t *with(const char *text, const char *key, const char *value)
{
	json_t *doc = json_loads(text, 0, NULL);

	assert_non_null(doc);
	if (value)
		jx_set_str(doc, key, value);
	else if (key)
		json_object_del(doc, key);
	return doc;
}

static char *machine(const char *key, const char *value)
{
	autojson json_t *then = with("{" HOST "}", NULL, NULL),
			*now = with("{" HOST "}", key, value);

	return same_machine(then, now);
}

static char *system_of(const char *key, const char *value)
{
	autojson json_t *host = with("{" HOST "}", NULL, NULL);
	autojson json_t *host_now = with("{" HOST "}", key, value);
	autojson json_t *then = with("{" KERNEL "}", NULL, NULL);
	autojson json_t *now = with("{" KERNEL "}", key, value);

	return same_system(host, host_now, then, now);
}

static void of_machines(void **state attr_unused)
{
	static const struct {
		const char *key;
		const char *what; /* NULL: no difference */
	} cases[] = {
		{ "hostname", "the host name was 'a' and is 'other'" },
		{ "machine", "the architecture was 'x86_64' and is 'other'" },
		{ "vendor", "the vendor was 'V' and is 'other'" },
		{ "product", "the product was 'P' and is 'other'" },
		{ "cpu", "the processor was 'C' and is 'other'" },
		{ "bios_version", NULL },
		{ "unheard-of", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *found = machine(cases[i].key, "other");
		autofree char *unknown = machine(cases[i].key, NULL);

		if (cases[i].what)
			assert_string_equal(found, cases[i].what);
		else
			assert_null(found);
		assert_null(unknown);
	}
}

static void of_systems(void **state attr_unused)
{
	static const struct {
		const char *key, *value;
		const char *what;
	} cases[] = {
		{ "bios_vendor", "other", "the firmware vendor was 'B' and is 'other'" },
		{ "bios_version", "2", "the firmware version was '1' and is '2'" },
		{ "bios_date", "e", "the firmware date was 'd' and is 'e'" },
		{ "release", "6.13", "the kernel was '6.12' and is '6.13'" },
		{ "version", "#2", "the kernel's build was '#1' and is '#2'" },
		{ "config_digest", "y", "the kernel's configuration was 'x' and is 'y'" },
		{ "cmdline", "iommu=off ro -- run1",
		  "the kernel's command line was 'iommu=on ro' and is 'iommu=off ro'" },
		{ "cmdline", "iommu=on ro -- run2", NULL },
		{ "cmdline", "iommu=on ro", NULL },
		{ "hostname", "b", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *found = system_of(cases[i].key, cases[i].value);
		autofree char *unknown = system_of(cases[i].key, NULL);

		if (cases[i].what)
			assert_string_equal(found, cases[i].what);
		else
			assert_null(found);
		assert_null(unknown);
	}
}

static void of_functions(void **state attr_unused)
{
	static const struct {
		const char *now, *what;
	} cases[] = {
		{ "{" FUNCTIONS ",\"kernel\":{}}", NULL },
		{ "{\"functions\":[{\"address\":\"0000:00:01.0\",\"vendor\":\"0x1b36\","
		  "\"device\":\"0x10\"}]}",
		  "PCI function '0000:00:02.0' is gone" },
		{ "{\"functions\":[{\"address\":\"0000:00:01.0\",\"vendor\":\"0x1b36\","
		  "\"device\":\"0x11\"},{\"address\":\"0000:00:02.0\",\"vendor\":\"0x8086\","
		  "\"device\":\"0x1\"}]}",
		  "PCI function '0000:00:01.0' is another one" },
		{ "{}", "PCI function '0000:00:01.0' is gone" },
		{ "{\"functions\":[1,{\"address\":2}]}", "PCI function '0000:00:01.0' is gone" },
	};
	autojson json_t *then = with("{" FUNCTIONS "}", NULL, NULL), *empty = jx_object();
	autofree char *added = same_functions(empty, then);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autojson json_t *now = with(cases[i].now, NULL, NULL);
		autofree char *found = same_functions(then, now);

		if (cases[i].what)
			assert_string_equal(found, cases[i].what);
		else
			assert_null(found);
	}
	assert_string_equal(added, "PCI function '0000:00:01.0' is new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_machines),
		cmocka_unit_test(of_systems),
		cmocka_unit_test(of_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
