/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/report/pairs*.c: three layers of a pair put together from what scenarios said, and shown. */
#include "report/pairs.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"

#include "../test.h"

#define PAIR(a, b) "\"initiator\": \"0000:0" #a ":00.0\", \"target\": \"0000:0" #b ":00.0\""
#define DIRECT \
	"\"route\": \"switch-direct\", \"verdict\": \"bus-address\", \"distance\": 4, " \
	"\"blocked_by\": [], \"reason\": \"direct below 01:00.0\""
#define REFUSED \
	"\"route\": \"host-bridge\", \"verdict\": \"not-supported\", \"distance\": -1, " \
	"\"blocked_by\": [\"0000:00:01.0\"], \"reason\": \"not on the list\""

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *doc = json_loads(text, 0, &error);

	if (!doc)
		fail_msg("%s: line %d of %s", error.text, error.line, text);
	return doc;
}

/* Every pair asked about, one mapped by whom it was moved to, and the other way round. */
static const char results[] =
	"[{\"id\": \"topo.pair-verdict\", \"facts\": {\"pairs\": ["
	"{" PAIR(
		4,
		3) ", " DIRECT ", \"ruled\": {\"supported\": true, \"distance\": 4},"
		   " \"state\": \"agrees\"},"
		   "{" PAIR(
			   3,
			   4) ", " DIRECT ", \"ruled\": {\"supported\": true, \"distance\": 4,"
			      " \"verdict\": \"bus-address\"}, \"state\": \"agrees\"},"
			      "{" PAIR(
				      3,
				      5) ", " REFUSED
					 ", \"ruled\": {\"supported\": false, \"distance\": -1},"
					 " \"state\": \"agrees\"},"
					 "{" PAIR(
						 5,
						 3) ", " REFUSED ", \"ruled\": {\"supported\": "
						    "true, \"distance\": 6},"
						    " \"state\": \"differs\"}]}},"
						    "{\"id\": \"p2pdma.engine-copy\", \"facts\": "
						    "{\"transfers\": ["
						    "{" PAIR(
							    3,
							    4) ", " DIRECT
							       ", \"ruled\": {\"supported\": true, "
							       "\"distance\": 4,"
							       " \"verdict\": \"bus-address\"}, "
							       "\"state\": \"agrees\", "
							       "\"channel\": \"dma0chan0\","
							       " \"moved\": \"right\"},"
							       "{" PAIR(
								       4,
								       3) ", " DIRECT
									  ", \"ruled\": "
									  "{\"supported\": true, "
									  "\"distance\": 4,"
									  " \"verdict\": "
									  "\"host-bridge\"}, "
									  "\"state\": \"agrees\", "
									  "\"device\": \"nvme0n1\","
									  " \"moved\": \"wrong\"},"
									  "{" PAIR(
										  3,
										  5) ", " REFUSED
										     ", \"ruled\": "
										     "{\"supported"
										     "\": false, "
										     "\"distance\":"
										     " -1,"
										     " \"map_"
										     "errno\": "
										     "\"EREMOTEIO\""
										     ", "
										     "\"verdict\": "
										     "\"not-"
										     "supported\"},"
										     " \"state\": "
										     "\"agrees\","
										     " \"moved\": "
										     "\"refused\"}]"
										     "}}]";

static json_t *report_of(const char *text)
{
	autojson json_t *r = parse(text);
	json_t *report = jx_object();

	jx_set(report, "pairs", report_pairs(r));
	jx_set(report, "platform",
	       parse("{\"functions\": [{\"address\": \"0000:03:00.0\", \"name\": "
		     "\"A drive\\u001b[31m\"}, {\"address\": \"x\"}, 7]}"));
	return report;
}

/* The caller frees it. */
static char *print(const json_t *report)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	report_print_pairs(report, f, false);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void layers_side_by_side(attr_unused void **state)
{
	autojson json_t *report = report_of(results);
	autojson json_t *expected = parse("[{" PAIR(
		3,
		4) ", \"route\": \"switch-direct\","
		   " \"predicted\": {\"verdict\": \"bus-address\", \"distance\": 4, "
		   "\"blocked_by\": [],"
		   " \"reason\": \"direct below 01:00.0\"},"
		   " \"ruled\": {\"supported\": true, \"verdict\": \"bus-address\", \"distance\": "
		   "4},"
		   " \"moved\": [{\"scenario\": \"p2pdma.engine-copy\", \"outcome\": \"right\","
		   " \"by\": \"dma0chan0\"}], \"differs\": []},"
		   "{" PAIR(3,
			    5) ", \"route\": \"host-bridge\","
			       " \"predicted\": {\"verdict\": \"not-supported\", \"distance\": -1,"
			       " \"blocked_by\": [\"0000:00:01.0\"], \"reason\": \"not on the "
			       "list\"},"
			       " \"ruled\": {\"supported\": false, \"verdict\": \"not-supported\","
			       " \"distance\": -1, \"map_errno\": \"EREMOTEIO\"},"
			       " \"moved\": [{\"scenario\": \"p2pdma.engine-copy\", \"outcome\": "
			       "\"refused\"}],"
			       " \"differs\": []},"
			       "{" PAIR(
				       4,
				       3) ", \"route\": \"switch-direct\","
					  " \"predicted\": {\"verdict\": \"bus-address\", "
					  "\"distance\": 4, \"blocked_by\": [],"
					  " \"reason\": \"direct below 01:00.0\"},"
					  " \"ruled\": {\"supported\": true, \"verdict\": "
					  "\"host-bridge\", \"distance\": 4},"
					  " \"moved\": [{\"scenario\": \"p2pdma.engine-copy\", "
					  "\"outcome\": \"wrong\","
					  " \"by\": \"nvme0n1\"}], \"differs\": [\"ruled-moved\"]},"
					  "{" PAIR(5, 3) ", \"route\": \"host-bridge\","
							 " \"predicted\": {\"verdict\": "
							 "\"not-supported\", \"distance\": -1,"
							 " \"blocked_by\": [\"0000:00:01.0\"], "
							 "\"reason\": \"not on the list\"},"
							 " \"ruled\": {\"supported\": true, "
							 "\"distance\": 6}, \"moved\": [],"
							 " \"differs\": [\"predicted-ruled\"]}]");

	if (!json_equal(json_object_get(report, "pairs"), expected)) {
		autofree char *found = jx_pretty(json_object_get(report, "pairs"));

		fail_msg("found %s", found);
	}
}

static void the_matrix(attr_unused void **state)
{
	autojson json_t *report = report_of(results);
	autofree char *text = print(report);

	assert_string_equal(
		text, "Rows start transfers, columns own the memory\n"
		      "\n"
		      "    1    2    3\n"
		      "1   .    DD+  xxx  0000:03:00.0  A drive\\x1b[31m\n"
		      "2   DH!  .    .    0000:04:00.0\n"
		      "3   xs-  .    .    0000:05:00.0\n"
		      "\n"
		      "Each pair has three letters: predicted, ruled, moved\n"
		      "D  direct: a bus address     H  through the host bridge\n"
		      "x  not supported, or refused as it has to be\n"
		      "s  supported: asked for the distance alone\n"
		      "+  the right data arrived    !  wrong data\n"
		      "?  not known, or not clear   -  nothing was moved    .  no such pair\n"
		      "\n"
		      "Not all layers agree:\n"
		      "0000:04:00.0 to 0000:03:00.0\n"
		      "    predicted  bus-address, distance 4\n"
		      "               direct below 01:00.0\n"
		      "    ruled      host-bridge, distance 4\n"
		      "    moved      wrong: p2pdma.engine-copy by nvme0n1\n"
		      "0000:05:00.0 to 0000:03:00.0\n"
		      "    predicted  not-supported, distance -1, redirected at 0000:00:01.0\n"
		      "               not on the list\n"
		      "    ruled      supported, distance 6\n"
		      "    moved      nothing\n");
}

static void one_pair(attr_unused void **state)
{
	autojson json_t *report = report_of(results);
	const struct pci_addr three = { .bus = 3 }, four = { .bus = 4 }, five = { .bus = 5 };
	autofree char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_false(report_print_pair(report, four, five, f, false));
	assert_true(report_print_pair(report, three, five, f, false));
	assert_int_equal(fclose(f), 0);
	assert_string_equal(
		text, "0000:03:00.0 to 0000:05:00.0\n"
		      "    predicted  not-supported, distance -1, redirected at 0000:00:01.0\n"
		      "               not on the list\n"
		      "    ruled      not-supported, distance -1, mapping fails with EREMOTEIO\n"
		      "    moved      refused: p2pdma.engine-copy\n");
}

/* A journal can hold anything where facts are. */
static void facts_that_are_none(attr_unused void **state)
{
	static const char *const none[] = {
		"[]",
		"[{\"id\": \"a\"}]",
		"[{\"id\": \"a\", \"facts\": {\"pairs\": 7, \"transfers\": \"x\"}}]",
		"[{\"id\": \"a\", \"facts\": {\"pairs\": [7, [], {}, {\"initiator\": 1}]}}]",
		"[{\"id\": \"a\", \"facts\": {\"pairs\": [{\"initiator\": \"0000:03:00.0\"}]}}]",
		"[{\"facts\": {\"pairs\": [{\"initiator\": \"x\", \"target\": \"03:00.0\"}]}}]",
	};

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		autojson json_t *report = report_of(none[i]);
		autofree char *text = print(report);

		assert_int_equal(json_array_size(json_object_get(report, "pairs")), 0);
		assert_string_equal(text, "no pairs: no scenario of this run has looked at any.\n");
	}
}

/* What can be taken of a fact is, and nothing that has no meaning. */
static void facts_in_part(attr_unused void **state)
{
	autojson json_t *report = report_of("[{\"id\": \"a\", \"facts\": {\"transfers\": [{" PAIR(
		3, 4) ", \"route\": \"by air\","
		      " \"verdict\": \"perhaps\", \"distance\": \"4\", \"blocked_by\": [1, \"x\","
		      " \"03:00.0\"], \"reason\": 5, \"ruled\": {\"supported\": \"yes\", "
		      "\"verdict\": 1},"
		      " \"state\": 7, \"moved\": \"sideways\"}, {" PAIR(
			      3, 4) ", \"ruled\": [],"
				    " \"moved\": \"unclear\", \"channel\": 3}]}}]");
	autojson json_t *expected = parse(
		"[{" PAIR(3, 4) ", \"predicted\": {\"blocked_by\": [\"0000:03:00.0\"]},"
				" \"ruled\": {}, \"moved\": [{\"scenario\": \"a\", \"outcome\": "
				"\"unclear\"}], \"differs\": [\"ruled-moved\"]}]");
	autofree char *text = print(report);

	assert_true(json_equal(json_object_get(report, "pairs"), expected));
	assert_non_null(strstr(text, "1   ???  0000:03:00.0"));
	assert_non_null(strstr(text, "    predicted  unknown, redirected at 0000:03:00.0\n"));
	assert_non_null(strstr(text, "    ruled      nothing\n"));
}

/* More targets than a terminal has room for. */
static void many_columns(attr_unused void **state)
{
	autojson json_t *r = parse("[{\"id\": \"a\", \"facts\": {\"pairs\": []}}]");
	json_t *facts = json_object_get(json_array_get(r, 0), "facts");
	autofree char *text = NULL, *found = NULL;

	for (int i = 0; i < 20; i++) {
		json_t *fact = jx_object();

		jx_set_strf(fact, "initiator", "0000:00:%02x.0", i);
		jx_set_strf(fact, "target", "0000:00:%02x.0", (i + 1) % 20);
		jx_append(json_object_get(facts, "pairs"), fact);
	}
	found = json_dumps(r, 0);
	{
		autojson json_t *report = report_of(found);

		text = print(report);
	}
	assert_non_null(strstr(text, "\n    1    2    3    4    5    6    7    8    9    10   11   "
				     "12   13   14   15   16\n"));
	assert_non_null(strstr(text, "\n    17   18   19   20\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_side_by_side),
		cmocka_unit_test(the_matrix),
		cmocka_unit_test(one_pair),
		cmocka_unit_test(facts_that_are_none),
		cmocka_unit_test(facts_in_part),
		cmocka_unit_test(many_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
