/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of taint bits (the kernel's Documentation/admin-guide/tainted-kernels.rst), and
 * modules.
 */
#include "runner/taint.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"

enum taint_meaning { TAINT_NOTABLE, TAINT_EXPECTED, TAINT_FATAL };

/* Indexed by bit. */
static const struct {
	char letter;
	const char *name;
	enum taint_meaning meaning;
} bits[] = {
	{ 'P', "proprietary module", TAINT_NOTABLE },
	{ 'F', "module forced in", TAINT_NOTABLE },
	{ 'S', "processor out of specification", TAINT_NOTABLE },
	{ 'R', "module forced out", TAINT_NOTABLE },
	{ 'M', "machine check", TAINT_FATAL },
	{ 'B', "bad page", TAINT_FATAL },
	{ 'U', "by user space", TAINT_NOTABLE },
	{ 'D', "kernel died", TAINT_FATAL },
	{ 'A', "ACPI table overridden", TAINT_NOTABLE },
	{ 'W', "warning", TAINT_NOTABLE },
	{ 'C', "staging driver", TAINT_NOTABLE },
	{ 'I', "firmware workaround", TAINT_NOTABLE },
	{ 'O', "out-of-tree module", TAINT_EXPECTED },
	{ 'E', "unsigned module", TAINT_EXPECTED },
	{ 'L', "soft lockup", TAINT_NOTABLE },
	{ 'K', "live patch", TAINT_NOTABLE },
	{ 'X', "auxiliary, by the distribution", TAINT_NOTABLE },
	{ 'T', "randomised structure layout", TAINT_NOTABLE },
	{ 'N', "in-kernel test", TAINT_NOTABLE },
	{ 'J', "mutating fwctl command", TAINT_NOTABLE },
};

static uint64_t mask_of(enum taint_meaning meaning)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (bits[i].meaning == meaning)
			mask |= UINT64_C(1) << i;
	return mask;
}

uint64_t taint_expected(void)
{
	return mask_of(TAINT_EXPECTED);
}

uint64_t taint_fatal(void)
{
	return mask_of(TAINT_FATAL);
}

int taint_read(const char *path, uint64_t *value)
{
	return fs_read_u64(AT_FDCWD, path, value);
}

/* A kernel newer than the table has bits without a name. */
static char *bit_text(unsigned int bit)
{
	if (bit < ARRAY_LEN(bits))
		return xasprintf("%c (%s)", bits[bit].letter, bits[bit].name);
	return xasprintf("bit %u", bit);
}

json_t *taint_to_json(uint64_t value)
{
	json_t *taint = jx_object();
	json_t *names = jx_array();

	for (unsigned int bit = 0; bit < 64; bit++) {
		if (value & (UINT64_C(1) << bit)) {
			autofree char *text = bit_text(bit);

			jx_append_str(names, text);
		}
	}
	jx_set_int(taint, "value", (int64_t)value);
	jx_set(taint, "names", names);
	return taint;
}

char *taint_text(uint64_t value)
{
	autojson json_t *taint = taint_to_json(value);
	char *text = xstrdup("");
	const json_t *name;
	size_t i;

	json_array_foreach (json_object_get(taint, "names"), i, name) {
		char *longer = xasprintf("%s%s%s", text, i ? ", " : "", json_string_value(name));

		free(text);
		text = longer;
	}
	return text;
}

/* --- who set it ---------------------------------------------------------------------------------- */

static void add_module(json_t *modules, const char *sysroot, const char *name)
{
	autofree char *path = fs_under(sysroot, "/sys/module/%s/taint", name);
	autofree char *taint = NULL;
	json_t *module;

	/* code that is built in has a folder without that file; most modules have an empty one */
	if (fs_read_attr(AT_FDCWD, path, &taint) < 0 || !*taint)
		return;
	module = jx_object();
	jx_set_str(module, "name", name);
	jx_set_str(module, "taint", taint);
	jx_append(modules, module);
}

json_t *taint_modules(const char *sysroot)
{
	autofree char *path = fs_under(sysroot, "/sys/module");
	json_t *modules = jx_array();
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.')
			add_module(modules, sysroot, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return modules;
}

static const char *letters_of(const json_t *modules, const char *name)
{
	const json_t *module;
	size_t i;

	json_array_foreach (modules, i, module) {
		const char *other = jx_get_str(module, "name");

		if (other && strcmp(other, name) == 0)
			return jx_get_str(module, "taint");
	}
	return NULL;
}

/* Does the module set one of these bits now, and did not before? */
static bool module_set(const json_t *module, const json_t *before, uint64_t new_bits)
{
	const char *name = jx_get_str(module, "name"), *now = jx_get_str(module, "taint");
	const char *then = name ? letters_of(before, name) : NULL;

	for (size_t bit = 0; name && now && bit < ARRAY_LEN(bits); bit++)
		if (new_bits & (UINT64_C(1) << bit) && strchr(now, bits[bit].letter) &&
		    !(then && strchr(then, bits[bit].letter)))
			return true;
	return false;
}

json_t *taint_set_record(uint64_t new_bits, const json_t *before, const json_t *now)
{
	autojson json_t *taint = taint_to_json(new_bits);
	json_t *modules = jx_array(), *record;
	const json_t *module;
	size_t i;

	json_array_foreach (now, i, module)
		if (module_set(module, before, new_bits))
			jx_append_str(modules, jx_get_str(module, "name"));
	record = journal_record("taint-set");
	jx_set(record, "names", json_incref(json_object_get(taint, "names")));
	jx_set(record, "modules", modules);
	return record;
}
