/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of taint bits (the kernel's Documentation/admin-guide/tainted-kernels.rst). */
#include "runner/taint.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
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
