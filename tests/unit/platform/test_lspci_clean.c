/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What terminals and web pages put into lines, and what only looks like it. */
#include "../test.h"

#include "base/alloc.h"
#include "platform/lspci.h"

static void cleans(const char *from, const char *to)
{
	char buf[LSPCI_LINE_MAX];
	const char *line = from, *end = from + strlen(from);

	lspci_clean(&line, &end, buf);
	if ((size_t)(end - line) != strlen(to) || memcmp(line, to, strlen(to)) != 0)
		fail_msg("'%s' becomes '%.*s', not '%s'", from, (int)(end - line), line, to);
}

static void test_lines(void **state attr_unused)
{
	static const char *const same[] = {
		"",
		"00:00.0 Host bridge: AT&T & Co <unknown> (rev 03)",
		"<access denied>",
		">TAbort- <TAbort- <MAbort- <PERR- <64ns, L1 <1us",
		"Capabilities: [80] <chain looped>",
		"&",
		"<",
		"<p",
		"&unknown; <b",
		"<prefetch>",
	};

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		cleans(same[i], same[i]);
	cleans("\x1b[1m\x1b[32m00:00.0\x1b[0m Host\x1b(B bridge\x1b[K", "00:00.0 Host bridge");
	cleans("Capabilities: &lt;access denied&gt;", "Capabilities: <access denied>");
	cleans("Integrity &amp; Data &quot;x&quot; &#39;y&apos;", "Integrity & Data \"x\" 'y'");
	cleans("<pre class=\"x\">00:00.0 Host</pre>", "00:00.0 Host");
	cleans("00:00.0 Host<br/>", "00:00.0 Host");
	cleans("\xc2\xa0\xc2\xa0"
	       "Control: I/O-&nbsp;Mem+",
	       "  Control: I/O- Mem+");
	cleans("\xef\xbb\xbf"
	       "00:00.0 Host",
	       "00:00.0 Host");
	cleans("Control:\xc2\xa0I/O-", "Control: I/O-");
	cleans("cut \x1b", "cut ");
	cleans("cut \x1b[3", "cut ");
}

static void test_long(void **state attr_unused)
{
	autofree char *text = xcalloc(3 * LSPCI_LINE_MAX, 1);
	char buf[LSPCI_LINE_MAX];
	const char *line = text, *end = text + 3 * LSPCI_LINE_MAX - 1;

	memset(text, '&', 3 * LSPCI_LINE_MAX - 1);
	lspci_clean(&line, &end, buf);
	assert_int_equal(end - line, LSPCI_LINE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("platform/lspci_clean", tests, NULL, NULL);
}
