/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel's configuration, and expressions about it, as a scenario's needs have them:
 *
 *	expression = term { "||" term }
 *	term       = factor { "&&" factor }
 *	factor     = "!" factor | "(" expression ")" | option [ "=" value ]
 *	option     = "CONFIG_" and letters, digits, '_'
 *	value      = "y" | "m" | "n" | a number, decimal or hexadecimal | a text in double quotes
 *
 * An option without a value holds if it is y or m; "=n" holds if it is not set; numbers and texts
 * are compared as they are written. Blanks may stand between any two of these. Pure functions over
 * the text of a config file.
 */
#ifndef P2PCERT_BASE_KCONFIG_H
#define P2PCERT_BASE_KCONFIG_H

#include <stddef.h>

#include "base/attr.h"

enum kconfig_truth { KCONFIG_UNKNOWN, KCONFIG_FALSE, KCONFIG_TRUE };

/*
 * The value of the option whose name is the len bytes at name, as the config has it, and its length;
 * NULL if it is not set.
 */
const char *kconfig_find(const char *config, const char *name, size_t len, size_t *value_len);

/* A config that many options are asked for of. */
struct kconfig_text {
	const char *config;
	size_t len;
	size_t at; /* where the last one was found; 0 in the beginning */
};

/* The same: options asked for in the order that the config has them in are all found in one pass. */
const char *kconfig_find_next(struct kconfig_text *text, const char *name, size_t len,
			      size_t *value_len);

/*
 * Evaluates an expression; with config NULL (it could not be read) any is KCONFIG_UNKNOWN. If it is
 * KCONFIG_FALSE, *why says which options make it so: "CONFIG_A is not set, CONFIG_B=m"; NULL
 * otherwise. Returns 0, or -EINVAL if it is no expression: *why is then what is wrong, and where. The
 * caller frees *why.
 */
int kconfig_eval(const char *expression, const char *config, enum kconfig_truth *truth,
		 char **why) attr_must_check;

#endif
