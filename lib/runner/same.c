/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing a machine with what it was. */
#include "runner/same.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"

struct fact {
	const char *key;
	const char *name; /* for the user */
};

static const struct fact machine_facts[] = {
	{ "hostname", "host name" }, { "machine", "architecture" }, { "vendor", "vendor" },
	{ "product", "product" },    { "cpu", "processor" },
};

static const struct fact firmware_facts[] = {
	{ "bios_vendor", "firmware vendor" },
	{ "bios_version", "firmware version" },
	{ "bios_date", "firmware date" },
};

static const struct fact kernel_facts[] = {
	{ "release", "kernel" },
	{ "version", "kernel's build" },
	{ "config_digest", "kernel's configuration" },
};

static char *difference(const char *name, const char *then, const char *now)
{
	if (!then || !now || strcmp(then, now) == 0)
		return NULL;
	return xasprintf("the %s was '%s' and is '%s'", name, then, now);
}

static char *first_difference(const struct fact *facts, size_t n, const json_t *then,
			      const json_t *now)
{
	char *text = NULL;

	for (size_t i = 0; i < n && !text; i++)
		text = difference(facts[i].name, jx_get_str(then, facts[i].key),
				  jx_get_str(now, facts[i].key));
	return text;
}

/* What stands behind "--" is for init, and nothing to the kernel. */
static char *for_the_kernel(const json_t *kernel)
{
	const char *line = jx_get_str(kernel, "cmdline");
	const char *end = line ? strstr(line, " -- ") : NULL;

	return end ? xstrndup(line, (size_t)(end - line)) : xstrdup(line);
}

char *same_machine(const json_t *host_then, const json_t *host_now)
{
	return first_difference(machine_facts, ARRAY_LEN(machine_facts), host_then, host_now);
}

char *same_system(const json_t *host_then, const json_t *host_now, const json_t *kernel_then,
		  const json_t *kernel_now)
{
	autofree char *line_then = for_the_kernel(kernel_then);
	autofree char *line_now = for_the_kernel(kernel_now);
	char *text =
		first_difference(firmware_facts, ARRAY_LEN(firmware_facts), host_then, host_now);

	if (!text)
		text = first_difference(kernel_facts, ARRAY_LEN(kernel_facts), kernel_then,
					kernel_now);
	return text ? text : difference("kernel's command line", line_then, line_now);
}

/* --- functions ----------------------------------------------------------------------------------- */

/* By address: "1b36:0010". */
static json_t *identities(const json_t *platform)
{
	const json_t *f;
	json_t *all = jx_object();
	size_t i;

	json_array_foreach (json_object_get(platform, "functions"), i, f) {
		const char *address = jx_get_str(f, "address");
		const char *vendor = jx_get_str(f, "vendor"), *device = jx_get_str(f, "device");

		if (address)
			jx_set(all, address,
			       jx_stringf("%s %s", vendor ? vendor : "?", device ? device : "?"));
	}
	return all;
}

char *same_functions(const json_t *platform_then, const json_t *platform_now)
{
	autojson json_t *then = identities(platform_then), *now = identities(platform_now);
	const char *address;
	json_t *identity;

	json_object_foreach (then, address, identity) {
		const char *found = jx_get_str(now, address);

		if (!found)
			return xasprintf("PCI function '%s' is gone", address);
		if (strcmp(found, json_string_value(identity)) != 0)
			return xasprintf("PCI function '%s' is another one", address);
	}
	json_object_foreach (now, address, identity)
		if (!json_object_get(then, address))
			return xasprintf("PCI function '%s' is new", address);
	return NULL;
}
