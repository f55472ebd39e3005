/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert topo`: draws the machine for a person. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/jx.h"
#include "cmd.h"
#include "p2p/draw.h"
#include "p2p/isolation.h"
#include "source.h"

extern const struct command command_topo;

static bool locale_is_utf8(void)
{
	return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int print_json(const struct source_options *source, const struct platform *p)
{
	autojson json_t *doc = source_document(source, p);
	autofree char *text = NULL;

	if (!doc)
		return EXIT_USAGE;
	text = jx_pretty(doc);
	fputs(text, stdout);
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

static int print_text(const struct source_options *source, const struct platform *p,
		      enum color_when color)
{
	struct draw_style style = { locale_is_utf8(), color_wanted(color, STDOUT_FILENO) };
	struct p2p_selection selection;
	struct p2p_pair pair;

	if (source->pairs == PAIRS_ONE) {
		if (source_pair(source, p, &pair) < 0)
			return EXIT_USAGE;
		draw_pair(p, &pair, &style, stdout);
		p2p_pair_release(&pair);
		return cmd_finish_stdout(EXIT_VERDICT_PASS);
	}
	draw_tree(p, &style, stdout);
	if (source->pairs != PAIRS_NONE) {
		fputc('\n', stdout);
		source_select(source, p, &selection);
		draw_pairs(p, source_rules(source, p), &selection, &style, stdout);
		p2p_selection_release(&selection);
	}
	return cmd_finish_stdout(EXIT_VERDICT_PASS);
}

static int topo(int argc, char **argv)
{
	enum { OPT_FORMAT = 256, OPT_COLOR, OPT_WHAT_IF };
	static const struct option options[] = {
		CMD_OPTIONS,
		SOURCE_OPTIONS,
		PAIRS_OPTIONS,
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "what-if", required_argument, NULL, OPT_WHAT_IF },
		{ 0 },
	};
	autoplatform struct platform *p = NULL;
	autosource struct source_options source = { 0 };
	enum color_when color = COLOR_AUTO;
	const char *what_if = NULL;
	bool json = false;
	int opt, r;

	while ((opt = getopt_long(argc, argv, ":hV", options, NULL)) != -1) {
		switch (opt) {
		case OPT_FORMAT:
			json = strcmp(optarg, "json") == 0;
			if (!json && strcmp(optarg, "text") != 0)
				return cmd_usage_error(&command_topo,
						       "format '%s' is neither text nor json",
						       optarg);
			break;
		case OPT_COLOR:
			if (color_parse(optarg, &color) < 0)
				return cmd_usage_error(&command_topo,
						       "color '%s' is not auto, never or always",
						       optarg);
			break;
		case OPT_WHAT_IF:
			what_if = optarg;
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
	if (what_if && json)
		return cmd_usage_error(&command_topo, "'--what-if' answers in text only");
	r = source_check(&command_topo, &source);
	if (r)
		return r;
	p = source_read(&source, &r);
	if (!p)
		return r;
	if (what_if) {
		p2p_what_if(p, source_rules(&source, p), what_if, stdout);
		return cmd_finish_stdout(EXIT_VERDICT_PASS);
	}
	return json ? print_json(&source, p) : print_text(&source, p, color);
}

const struct command command_topo = {
	.name = "topo",
	.summary = "draw the machine: tree, links, ACS, IOMMU groups, pairs",
	.usage = "topo [OPTION]...\n"
		 "Draw this machine's PCI hierarchy with links, ACS and IOMMU groups.\n"
		 "\n"
		 "      --pairs              the matrix of pairs too: which can exchange data "
		 "directly\n"
		 "      --format=FORMAT      text or json (that of 'p2pcert probe')\n"
		 "      --color=WHEN         auto, never or always\n"
		 "      --what-if=WORDS      what these words on the kernel's command line would "
		 "change\n" BETWEEN_USAGE SOURCE_USAGE "  -h, --help               this text\n"
		 "  -V, --version            print the version\n",
	.run = topo,
};
