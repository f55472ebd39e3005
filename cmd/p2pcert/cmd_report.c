/* SPDX-License-Identifier: GPL-2.0-or-later */
/* p2pcert report: shows, converts and judges the report of a results directory or of a file. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "cmd.h"
#include "report/pairs.h"
#include "report/report.h"
#include "report/verdict.h"
#include "report_read.h"

struct options {
	enum color_when color;
	const char *format; /* NULL: not given */
	const char *output; /* NULL or "-": standard output */
	bool bisect; /* the exit status is for git bisect */
	bool one_pair;
	struct pci_addr initiator, target; /* of one_pair */
};

static int show(const json_t *report, const struct options *o)
{
	report_print_table(report, stdout, color_wanted(o->color, STDOUT_FILENO));
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

static int convert(const json_t *report, const struct options *o)
{
	autofree char *text = jx_pretty(report);
	int r;

	if (!o->output || strcmp(o->output, "-") == 0) {
		fputs(text, stdout);
		return cmd_finish_stdout(EXIT_VERDICT_PASS);
	}
	r = fs_write_output(o->output, text, strlen(text));
	if (r < 0) {
		log_error("cannot write '%s': %s", o->output, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	return EXIT_VERDICT_PASS;
}

static int pairs(const json_t *report, const struct options *o)
{
	bool color = color_wanted(o->color, STDOUT_FILENO);

	if (!o->one_pair) {
		report_print_pairs(report, stdout, color);
	} else if (!report_print_pair(report, o->initiator, o->target, stdout, color)) {
		log_error("no scenario of this run has looked at the pair '%s,%s'",
			  pci_addr_str(o->initiator), pci_addr_str(o->target));
		return EXIT_USAGE;
	}
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

static int verdict(const json_t *report, const struct options *o)
{
	int status = o->bisect ? (int)verdict_bisect_status(report)
			       : (int)jx_get_int(report, "exit_status", EXIT_ENVIRONMENT);

	puts(jx_get_str(report, "verdict"));
	return cmd_finish_stdout(status);
}

static const struct action {
	const char *name;
	int (*run)(const json_t *report, const struct options *o);
	bool writes; /* takes --format and --output */
	bool judges; /* takes --bisect */
	bool pairs; /* takes --pair */
} actions[] = {
	{ "show", show, .writes = false },
	{ "pairs", pairs, .pairs = true },
	{ "convert", convert, .writes = true },
	{ "verdict", verdict, .judges = true },
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

extern const struct command command_report;

static int act(const struct options *o, int nr_args, char **args)
{
	autojson json_t *report = NULL;
	const struct action *action;
	int status;

	if (nr_args == 0)
		return cmd_usage_error(&command_report, "nothing to do given");
	action = find_action(args[0]);
	if (!action)
		return cmd_usage_error(&command_report, "unknown action '%s'", args[0]);
	if (nr_args == 1)
		return cmd_usage_error(&command_report, "no results directory or report given");
	if (nr_args > 2)
		return cmd_usage_error(&command_report, "unexpected argument '%s'", args[2]);
	if ((o->format || o->output) && !action->writes)
		return cmd_usage_error(&command_report, "--format and --output are for 'convert'");
	if (o->bisect && !action->judges)
		return cmd_usage_error(&command_report, "--bisect is for 'verdict'");
	if (o->one_pair && !action->pairs)
		return cmd_usage_error(&command_report, "--pair is for 'pairs'");
	if (o->format && strcmp(o->format, "json") != 0)
		return cmd_usage_error(&command_report, "unknown format '%s'", o->format);

	status = report_read(args[1], &report);
	return status ? status : action->run(report, o);
}

/* "INITIATOR,TARGET"; 0 or -EINVAL. */
static int parse_pair(const char *text, struct options *o)
{
	const char *comma = strchr(text, ',');
	autofree char *initiator = comma ? xstrndup(text, (size_t)(comma - text)) : NULL;

	o->one_pair = true;
	return initiator && pci_addr_parse(initiator, &o->initiator) == 0
		       ? pci_addr_parse(comma + 1, &o->target)
		       : -EINVAL;
}

/* git bisect takes every status but these for a bad commit: trouble of ours must not give one. */
static int bisect_status(int status)
{
	return status == BISECT_GOOD || status == BISECT_BAD ? status : BISECT_CANNOT_TELL;
}

static int run(int argc, char **argv)
{
	enum { OPT_COLOR = 256, OPT_BISECT, OPT_PAIR };
	static const struct option options[] = {
		{ "bisect", no_argument, NULL, OPT_BISECT },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "pair", required_argument, NULL, OPT_PAIR },
		CMD_OPTIONS,
		{ 0 },
	};
	struct options o = { .color = COLOR_AUTO };
	int opt, status;

	while ((opt = getopt_long(argc, argv, ":f:o:hV", options, NULL)) != -1) {
		switch (opt) {
		case OPT_BISECT:
			o.bisect = true;
			break;
		case OPT_COLOR:
			if (color_parse(optarg, &o.color) < 0)
				return cmd_usage_error(&command_report,
						       "'%s' is not auto, never or always", optarg);
			break;
		case OPT_PAIR:
			if (parse_pair(optarg, &o) < 0)
				return cmd_usage_error(&command_report,
						       "'%s' is not INITIATOR,TARGET", optarg);
			break;
		case 'f':
			o.format = optarg;
			break;
		case 'o':
			o.output = optarg;
			break;
		default:
			return cmd_common_option(&command_report, opt, argv);
		}
	}
	status = act(&o, argc - optind, argv + optind);
	return o.bisect ? bisect_status(status) : status;
}

const struct command command_report = {
	.name = "report",
	.summary = "show, convert or judge the report of a run",
	.usage =
		"report [OPTION]... show|pairs|convert|verdict DIRECTORY|FILE\n"
		"Show a report to a person, or its table of pairs (predicted, ruled, moved); write "
		"it;\n"
		"or print its verdict and exit with it. A report is made anew from a results "
		"directory,\n"
		"or read from a file.\n\n"
		"  -f, --format FORMAT  convert: 'json', which is the default\n"
		"  -o, --output FILE    convert: write FILE; '-' is standard output, the default\n"
		"      --pair A,B       pairs: of this one all that is known, A the initiator\n"
		"      --color WHEN     show, pairs: auto, never or always\n"
		"      --bisect         verdict: exit as git bisect wants it, 0 good, 1 bad, 125 "
		"cannot\n"
		"                       tell\n"
		"  -h, --help           this text\n"
		"  -V, --version        print the version\n",
	.run = run,
};
