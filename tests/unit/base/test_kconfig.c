/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/base/kconfig.c: values, precedence, negation, what is told of a false expression, what is
 * refused and where, and that no config is unknown.
 */
#include <stdbool.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/kconfig.h"

static const char config[] = "#\n"
			     "# Automatically generated file; DO NOT EDIT.\n"
			     "#\n"
			     "CONFIG_Y=y\n"
			     "CONFIG_M=m\n"
			     "# CONFIG_N is not set\n"
			     "CONFIG_YY=n\n"
			     "CONFIG_SHIFT=9\n"
			     "CONFIG_BASE=0x1F\n"
			     "CONFIG_LEAST=-1\n"
			     "CONFIG_TEXT=\"a (b) && c\"\n"
			     "CONFIG_EMPTY=\"\"\n"
			     "CONFIG_LAST=y";

/* expression, and NULL if it is true, else why not */
static const struct {
	const char *expression;
	const char *why;
} cases[] = {
	{ "CONFIG_Y", NULL },
	{ "CONFIG_M", NULL },
	{ "CONFIG_LAST", NULL },
	{ "CONFIG_N", "CONFIG_N is not set" },
	{ "CONFIG_NEVER", "CONFIG_NEVER is not set" },
	/* names that are part of others */
	{ "CONFIG_YYY", "CONFIG_YYY is not set" },
	{ "CONFIG_YY", "CONFIG_YY=n" },
	{ "CONFIG_LAS", "CONFIG_LAS is not set" },
	/* values */
	{ "CONFIG_Y=y", NULL },
	{ "CONFIG_M=y", "CONFIG_M=m" },
	{ "CONFIG_M=m", NULL },
	{ "CONFIG_Y=m", "CONFIG_Y=y" },
	{ "CONFIG_N=n", NULL },
	{ "CONFIG_YY=n", NULL },
	{ "CONFIG_Y=n", "CONFIG_Y=y" },
	{ "CONFIG_SHIFT=9", NULL },
	{ "CONFIG_SHIFT=90", "CONFIG_SHIFT=9" },
	{ "CONFIG_SHIFT", "CONFIG_SHIFT=9" },
	{ "CONFIG_BASE = 0x1F", NULL },
	{ "CONFIG_BASE=0x1", "CONFIG_BASE=0x1F" },
	{ "CONFIG_LEAST=-1", NULL },
	{ "CONFIG_TEXT=\"a (b) && c\"", NULL },
	{ "CONFIG_TEXT=\"a\"", "CONFIG_TEXT=\"a (b) && c\"" },
	{ "CONFIG_EMPTY=\"\"", NULL },
	/* operators: && before ||, ! before both */
	{ "CONFIG_Y && CONFIG_M", NULL },
	{ "CONFIG_Y&&CONFIG_N", "CONFIG_N is not set" },
	{ "CONFIG_N || CONFIG_Y", NULL },
	{ "CONFIG_Y || CONFIG_Y && CONFIG_N", NULL },
	{ "(CONFIG_Y || CONFIG_Y) && CONFIG_N", "CONFIG_N is not set" },
	{ "CONFIG_N && CONFIG_Y || CONFIG_Y", NULL },
	{ "CONFIG_N && (CONFIG_Y || CONFIG_Y)", "CONFIG_N is not set" },
	{ "!CONFIG_N", NULL },
	{ "!CONFIG_Y", "CONFIG_Y=y" },
	{ "!!CONFIG_Y", NULL },
	{ "!CONFIG_Y || CONFIG_Y", NULL },
	{ "!(CONFIG_N || CONFIG_NEVER)", NULL },
	{ "! ( CONFIG_Y && CONFIG_N )", NULL },
	{ "!(CONFIG_Y && CONFIG_M)", "CONFIG_Y=y, CONFIG_M=m" },
	{ "!(CONFIG_Y || CONFIG_N)", "CONFIG_Y=y" },
	{ "!CONFIG_M=y", NULL },
	{ "\tCONFIG_Y=y && (CONFIG_N || !CONFIG_N) ", NULL },
	/* only what makes it false is told */
	{ "CONFIG_Y && CONFIG_N && CONFIG_NEVER", "CONFIG_N is not set, CONFIG_NEVER is not set" },
	{ "(CONFIG_N || CONFIG_Y) && CONFIG_NEVER", "CONFIG_NEVER is not set" },
	{ "CONFIG_Y && (CONFIG_N || !CONFIG_M)", "CONFIG_N is not set, CONFIG_M=m" },
	{ "CONFIG_N && CONFIG_Y || CONFIG_NEVER && CONFIG_M",
	  "CONFIG_N is not set, CONFIG_NEVER is not set" },
};

/* What is refused, and the column that is named. */
static const struct {
	const char *expression;
	const char *column;
} refused[] = {
	{ "", "column 1" },
	{ "  ", "column 3" },
	{ "CONFIG_", "column 1" },
	{ "PCI", "column 1" },
	{ "config_y", "column 1" },
	{ "CONFIG_Y CONFIG_M", "column 10" },
	{ "CONFIG_Y &&", "column 12" },
	{ "CONFIG_Y & CONFIG_M", "column 10" },
	{ "&& CONFIG_Y", "column 1" },
	{ "(CONFIG_Y", "column 10" },
	{ "CONFIG_Y)", "column 9" },
	{ "()", "column 2" },
	{ "!", "column 2" },
	{ "CONFIG_Y=", "column 10" },
	{ "CONFIG_Y==y", "column 10" },
	{ "CONFIG_Y=yes", "column 10" },
	{ "CONFIG_Y=0x", "column 10" },
	{ "CONFIG_Y=-", "column 10" },
	{ "CONFIG_Y=\"open", "column 10" },
	{ "CONFIG_Y != m", "column 10" },
	{ "CONFIG_N && (CONFIG_Y || )", "column 26" },
};

/* why: of an expression that is false. */
static void check(const char *expression, enum kconfig_truth wanted, const char *why)
{
	enum kconfig_truth t;
	char *said;

	assert_int_equal(kconfig_eval(expression, config, &t, &said), 0);
	if (t != wanted)
		fail_msg("'%s' is %d", expression, (int)t);
	if (why)
		assert_string_equal(said, why);
	else if (wanted == KCONFIG_TRUE)
		assert_null(said);
	free(said);
	assert_int_equal(kconfig_eval(expression, NULL, &t, &said), 0);
	assert_int_equal(t, KCONFIG_UNKNOWN);
	assert_null(said);
}

/* Each, and the same under a '!', which is carried down to the options. */
static void truth(void **state attr_unused)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		autofree char *opposite = xasprintf("!(%s)", cases[i].expression);
		bool holds = !cases[i].why;

		check(cases[i].expression, holds ? KCONFIG_TRUE : KCONFIG_FALSE, cases[i].why);
		check(opposite, holds ? KCONFIG_FALSE : KCONFIG_TRUE, NULL);
	}
}

static void refusal(void **state attr_unused)
{
	enum kconfig_truth t;
	char *why;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *configs[] = { config, NULL };

		for (size_t k = 0; k < ARRAY_LEN(configs); k++) {
			int err = kconfig_eval(refused[i].expression, configs[k], &t, &why);

			if (err != -EINVAL)
				fail_msg("'%s' is taken", refused[i].expression);
			assert_int_equal(t, KCONFIG_UNKNOWN);
			if (!strstr(why, refused[i].column))
				fail_msg("'%s': %s", refused[i].expression, why);
			free(why);
		}
	}
}

/* Nesting has an end; a chain has none. */
static void depth(void **state attr_unused)
{
	char deep[4096], *why;
	enum kconfig_truth t;

	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(kconfig_eval(deep, config, &t, &why), -EINVAL);
	assert_non_null(strstr(why, "in one another"));
	free(why);
	memset(deep, '!', sizeof(deep) - 1);
	assert_int_equal(kconfig_eval(deep, config, &t, &why), -EINVAL);
	free(why);

	assert_int_equal(kconfig_eval("((((((((((((((((CONFIG_Y))))))))))))))))", config, &t, &why),
			 0);
	assert_int_equal(t, KCONFIG_TRUE);
	strcpy(deep, "CONFIG_Y");
	for (int i = 0; i < 100; i++)
		strcat(deep, " && (CONFIG_Y)");
	assert_int_equal(kconfig_eval(deep, config, &t, &why), 0);
	assert_int_equal(t, KCONFIG_TRUE);
}

static void find(void **state attr_unused)
{
	const char *value;
	size_t len;

	value = kconfig_find(config, "CONFIG_TEXT and more", strlen("CONFIG_TEXT"), &len);
	assert_non_null(value);
	assert_int_equal(len, strlen("\"a (b) && c\""));
	value = kconfig_find(config, "CONFIG_LAST", strlen("CONFIG_LAST"), &len);
	assert_int_equal(len, 1);
	assert_int_equal(*value, 'y');
	assert_null(kconfig_find("", "CONFIG_Y", 8, &len));
	assert_null(kconfig_find("XCONFIG_Y=y\n", "CONFIG_Y", 8, &len));
	assert_null(kconfig_find("#CONFIG_Y=y\n", "CONFIG_Y", 8, &len));
	assert_null(kconfig_find("# CONFIG_Y is not set\n", "CONFIG_Y", 8, &len));
}

/* Of several, in any order, of which one is a part of others, and within the text's length alone. */
static void find_next(void **state attr_unused)
{
	static const char some[] = "CONFIG_A_B=m\n# CONFIG_A is here\nX CONFIG_B=y\nCONFIG_C=1\n"
				   "CONFIG_B=2\n# CONFIG_D is not set\nCONFIG_E=3";
	static const struct {
		const char *name;
		char value; /* 0: none */
		const char *at; /* a text that it is found in front of */
	} options[] = {
		{ "CONFIG_A_B", 'm', "CONFIG_A_B=m" }, { "CONFIG_B", '2', "CONFIG_B=2" },
		{ "CONFIG_D", 0, "CONFIG_D is" },      { "CONFIG_C", '1', "CONFIG_C=1" },
		{ "CONFIG_F", 0, "CONFIG_C=1" },       { "CONFIG_A", 0, "CONFIG_A is" },
		{ "CONFIG_E", '3', "CONFIG_E=3" },
	};
	struct kconfig_text text = { some, strlen(some), 0 };
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const char *value =
			kconfig_find_next(&text, options[i].name, strlen(options[i].name), &len);

		assert_int_equal(value ? *value : 0, options[i].value);
		assert_int_equal(text.at, strstr(some, options[i].at) - some);
	}
	text = (struct kconfig_text){ some, strlen(some) - 2, 0 };
	assert_null(kconfig_find_next(&text, "CONFIG_E", 8, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth), cmocka_unit_test(refusal),   cmocka_unit_test(depth),
		cmocka_unit_test(find),  cmocka_unit_test(find_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
