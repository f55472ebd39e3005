/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target for expressions about a kernel's config: the first line is the expression, the rest
 * the config. An expression and its negation never agree, and a false one says why.
 */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/kconfig.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int evaluate(const char *expression, const char *config, enum kconfig_truth *truth)
{
	autofree char *why = NULL;
	int err = kconfig_eval(expression, config, truth, &why);

	if (!why != (!err && *truth != KCONFIG_FALSE))
		BUG("'%s': %d, %d, and '%s'", expression, err, (int)*truth, why ? why : "nothing");
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	autofree char *expression = xstrndup(text, strcspn(text, "\n"));
	autofree char *opposite = xasprintf("!(%s)", expression);
	enum kconfig_truth truth, negated, unknown;
	int err = evaluate(expression, text, &truth);

	if (err != evaluate(expression, NULL, &unknown) || unknown != KCONFIG_UNKNOWN)
		BUG("'%s' depends on the config for being an expression", expression);
	/* which nests deeper, by two */
	if (!err && evaluate(opposite, text, &negated) == 0 && truth == negated)
		BUG("'%s' and its negation agree", expression);
	return 0;
}
