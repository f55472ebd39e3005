/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert probe`: reads the machine and writes the platform document. */
#include <string.h>

#include "base/fs.h"
#include "base/jx.h"
#include "cmd.h"
#include "source.h"

extern const struct command command_probe;

static int write_document(const char *path, const json_t *doc)
{
	autofree char *text = jx_pretty(doc);
	int r;

	if (strcmp(path, "-") == 0) {
		fputs(text, stdout);
		return cmd_finish_stdout(EXIT_VERDICT_PASS);
	}
	r = fs_write_output(path, text, strlen(text));
	if (r < 0) {
		log_error("cannot write '%s': %s", path, strerror(-r));
		return EXIT_ENVIRONMENT;
	}
	return EXIT_VERDICT_PASS;
}

static int probe(int argc, char **argv)
{
	enum { OPT_JSON = 256 };
	static const struct option options[] = {
		CMD_OPTIONS,
		SOURCE_OPTIONS,
		PAIRS_OPTIONS,
		{ "json", no_argument, NULL, OPT_JSON },
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	autoplatform struct platform *p = NULL;
	autosource struct source_options source = { 0 };
	autojson json_t *doc = NULL;
	const char *output = "-";
	int opt, r;

	while ((opt = getopt_long(argc, argv, ":hVo:", options, NULL)) != -1) {
		switch (opt) {
		case OPT_JSON: /* there is no other format: said by scripts that want to be sure */
			break;
		case 'o':
			output = optarg;
			break;
		default:
			r = source_option(&command_probe, opt, optarg, &source);
			if (r == -ENOENT)
				return cmd_common_option(&command_probe, opt, argv);
			if (r)
				return r;
		}
	}
	if (optind < argc)
		return cmd_usage_error(&command_probe, "unexpected argument '%s'", argv[optind]);
	r = source_check(&command_probe, &source);
	if (r)
		return r;
	p = source_read(&source, &r);
	if (!p)
		return r;
	doc = source_document(&source, p);
	return doc ? write_document(output, doc) : EXIT_USAGE;
}

const struct command command_probe = {
	.name = "probe",
	.summary = "read the machine and write the platform document",
	.usage = "probe [OPTION]...\n"
		 "Write what is known of this machine's PCI functions, bridges and IOMMU as JSON.\n"
		 "\n"
		 "      --json               JSON, which is the only format\n"
		 "  -o, --output=FILE        write to FILE; '-' is standard output\n"
		 "      --pairs[=WHICH]      predict pairs: all, class (one for all that cannot\n"
		 "                           differ), or INITIATOR,TARGET\n" BETWEEN_USAGE
			 SOURCE_USAGE "  -h, --help               this text\n"
		 "  -V, --version            print the version\n",
	.run = probe,
};
