/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert topo`: draws the machine for a person. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/columns.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/log.h"
#include "check/input.h"
#include "check/run.h"
#include "cmd.h"
#include "p2p/draw.h"
#include "p2p/isolation.h"
#include "p2p/page.h"
#include "report_read.h"
#include "source.h"
#include "what_if.h"

extern const struct command command_topo;

static bool locale_is_utf8(void)
{
	return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

enum view { VIEW_PICTURE, VIEW_ACS };

struct topo {
	const struct source_options *source;
	enum color_when color;
	enum view view;
	const struct format *format;
	const char *output; /* NULL: standard output */
	const char *what_if; /* NULL: the machine is drawn as it is */
	const char *report; /* of a run on it; NULL: none */
};

struct format {
	const char *name;
	/* 0 or a positive exit status after the message */
	int (*draw)(const struct topo *t, const struct platform *p, FILE *f);
};

/* What all static checks find. */
static json_t *find(const struct platform *p, const struct p2p_rules *rules)
{
	autocheckinput struct check_input *in = check_input_new(p, rules, NULL);
	struct check_results results;
	json_t *findings;

	check_run(in, NULL, NULL, &results);
	findings = check_findings_to_json(&results, SEVERITY_INFO);
	check_results_release(&results);
	return findings;
}

static int draw_json(const struct topo *t, const struct platform *p, FILE *f)
{
	struct source_options source = *t->source;
	autojson json_t *doc = NULL;
	autofree char *text = NULL;

	if (source.pairs == PAIRS_NONE)
		source.pairs = PAIRS_CLASS;
	doc = source_document(&source, p);
	if (!doc)
		return EXIT_USAGE;
	jx_set(doc, "findings", find(p, source_rules(&source, p)));
	text = jx_pretty(doc);
	fputs(text, f);
	return 0;
}

static void draw_matrix(const struct topo *t, const struct platform *p,
			const struct draw_style *style, FILE *f)
{
	struct p2p_selection selection;

	source_select(t->source, p, &selection);
	fputc('\n', f);
	draw_pairs(p, source_rules(t->source, p), &selection, style, f);
	p2p_selection_release(&selection);
}

static int draw_text(const struct topo *t, const struct platform *p, FILE *f)
{
	struct draw_style style = { .unicode = locale_is_utf8() };
	struct p2p_pair pair;
	bool one = t->source->pairs == PAIRS_ONE;

	if (!t->output) {
		style.color = color_wanted(t->color, STDOUT_FILENO);
		style.columns = (int)columns_of_terminal(stdout);
	}
	if (one && source_pair(t->source, p, &pair) < 0)
		return EXIT_USAGE;
	if (t->view == VIEW_ACS) {
		draw_acs(p, one ? &pair : NULL, &style, f);
	} else if (one) {
		draw_pair(p, &pair, &style, f);
	} else {
		draw_tree(p, source_rules(t->source, p), &style, f);
		if (t->source->pairs != PAIRS_NONE)
			draw_matrix(t, p, &style, f);
	}
	if (one)
		p2p_pair_release(&pair);
	return 0;
}

static int draw_graph(const struct topo *t, const struct platform *p, FILE *f)
{
	draw_dot(p, source_rules(t->source, p), f);
	return 0;
}

/* A report can be of another machine, or of this one before something was added. */
static void warn_of_strangers(const struct topo *t, const struct platform *p, const json_t *report)
{
	const json_t *pair;
	size_t i;

	json_array_foreach (json_object_get(report, "pairs"), i, pair) {
		struct pci_addr initiator, target;

		if (pci_addr_parse(jx_get_str(pair, "initiator"), &initiator) == 0 &&
		    pci_addr_parse(jx_get_str(pair, "target"), &target) == 0 &&
		    platform_find(p, initiator) && platform_find(p, target))
			continue;
		log_warn("'%s' is a report of pairs that this machine does not have, such as "
			 "'%s,%s'",
			 t->report, jx_get_str(pair, "initiator"), jx_get_str(pair, "target"));
		return;
	}
}

static int draw_html(const struct topo *t, const struct platform *p, FILE *f)
{
	const struct p2p_rules *rules = source_rules(t->source, p);
	struct source_options source = *t->source;
	autojson json_t *doc = NULL, *findings = find(p, rules), *report = NULL;
	struct p2p_selection selection;
	int r = t->report ? report_read(t->report, &report) : 0;

	if (r)
		return r;
	warn_of_strangers(t, p, report);
	source.pairs = PAIRS_NONE; /* the page has them by class */
	doc = source_document(&source, p);
	source_select(t->source, p, &selection);
	draw_page(p, rules, &selection, doc, findings, json_object_get(report, "pairs"), f);
	p2p_selection_release(&selection);
	return 0;
}

static const struct format formats[] = {
	{ "text", draw_text },
	{ "dot", draw_graph },
	{ "json", draw_json },
	{ "html", draw_html },
};

static const struct format *format_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

static int draw(const struct topo *t, const struct platform *p, FILE *f)
{
	if (t->what_if) {
		what_if_show(t->source, p, t->what_if, t->format->draw == draw_json, f);
		return 0;
	}
	return t->format->draw(t, p, f);
}

/* What is written to a file is there whole or not at all. */
static int draw_to_file(const struct topo *t, const struct platform *p)
{
	autofree char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int r = f ? draw(t, p, f) : EXIT_ENVIRONMENT;

	if (!f || fclose(f) != 0) {
		log_error("cannot write '%s': %s", t->output, strerror(ENOMEM));
		return EXIT_ENVIRONMENT;
	}
	if (r)
		return r;
	r = fs_write_output(t->output, text, len);
	if (r < 0) {
		log_error("cannot write '%s': %s", t->output, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	return EXIT_VERDICT_PASS;
}

/* What the options mean together; 0 or EXIT_USAGE after the message. */
static int check_options(const struct topo *t)
{
	bool text = strcmp(t->format->name, "text") == 0;

	if (t->what_if && t->format->draw != draw_text && t->format->draw != draw_json)
		return cmd_usage_error(&command_topo, "'--what-if' answers in text and json only");
	if (t->what_if && t->source->pairs == PAIRS_ONE)
		return cmd_usage_error(&command_topo,
				       "'--what-if' is about all pairs: choose with '--between'");
	if (t->report && t->format->draw != draw_html)
		return cmd_usage_error(&command_topo,
				       "'--report' is for html: 'p2pcert report pairs' is text");
	if (t->view == VIEW_ACS && !text)
		return cmd_usage_error(&command_topo, "'--acs' answers in text only");
	return 0;
}

static int topo(int argc, char **argv)
{
	enum { OPT_FORMAT = 256, OPT_COLOR, OPT_WHAT_IF, OPT_ACS, OPT_REPORT };
	static const struct option options[] = {
		CMD_OPTIONS,
		SOURCE_OPTIONS,
		PAIRS_OPTIONS,
		{ "acs", no_argument, NULL, OPT_ACS },
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "output", required_argument, NULL, 'o' },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "report", required_argument, NULL, OPT_REPORT },
		{ "what-if", required_argument, NULL, OPT_WHAT_IF },
		{ 0 },
	};
	autoplatform struct platform *p = NULL;
	autosource struct source_options source = { 0 };
	autofree char *what_if = NULL;
	struct topo t = { .source = &source, .format = &formats[0] };
	int opt, r;

	while ((opt = getopt_long(argc, argv, ":hVo:", options, NULL)) != -1) {
		switch (opt) {
		case OPT_ACS:
			t.view = VIEW_ACS;
			break;
		case OPT_FORMAT:
			t.format = format_find(optarg);
			if (!t.format)
				return cmd_usage_error(&command_topo,
						       "format '%s' is not text, dot, json or html",
						       optarg);
			break;
		case 'o':
			t.output = strcmp(optarg, "-") == 0 ? NULL : optarg;
			break;
		case OPT_COLOR:
			if (color_parse(optarg, &t.color) < 0)
				return cmd_usage_error(&command_topo,
						       "color '%s' is not auto, never or always",
						       optarg);
			break;
		case OPT_REPORT:
			t.report = optarg;
			break;
		case OPT_WHAT_IF:
			what_if_add(&what_if, optarg);
			break;
		default:
			r = source_option(&command_topo, opt, optarg, &source);
			if (r == -ENOENT)
				return cmd_common_option(&command_topo, opt, argv);
			if (r)
				return r;
		}
	}
	if (optind < argc)
		return cmd_usage_error(&command_topo, "unexpected argument '%s'", argv[optind]);
	t.what_if = what_if;
	r = check_options(&t);
	if (!r)
		r = source_check(&command_topo, &source);
	if (r)
		return r;
	p = source_read(&source, &r);
	if (!p)
		return r;
	if (t.output)
		return draw_to_file(&t, p);
	r = draw(&t, p, stdout);
	return r ? r : cmd_finish_stdout(EXIT_VERDICT_PASS);
}

const struct command command_topo = {
	.name = "topo",
	.summary = "draw the machine: tree, links, ACS, IOMMU groups, pairs",
	.usage = "topo [OPTION]...\n"
		 "Draw this machine's PCI hierarchy with links, ACS and IOMMU groups.\n"
		 "\n"
		 "      --pairs              the matrix of pairs too: which can exchange data "
		 "directly\n"
		 "      --acs                instead of the tree, ACS of each port as gpud, "
		 "nvidia-fs,\n"
		 "                           rdma_topo and the kernel take it; with --pairs=A,B on "
		 "the\n"
		 "                           way of that pair\n"
		 "      --format=FORMAT      text, html (one page, to look at in a browser), dot "
		 "(for\n"
		 "                           graphviz) or json (the document of 'p2pcert probe', "
		 "with\n"
		 "                           pairs by class and findings)\n"
		 "  -o, --output=FILE        write to FILE; '-' is standard output\n"
		 "      --color=WHEN         auto, never or always\n"
		 "      --report=WHERE       html: with what a run has ruled and moved; its "
		 "results\n"
		 "                           directory or report\n"
		 "      --what-if=WORDS      what these words on the kernel's command line would "
		 "change\n" BETWEEN_USAGE SOURCE_USAGE "  -h, --help               this text\n"
		 "  -V, --version            print the version\n",
	.run = topo,
};
