/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `p2pcert probe`: reads the machine and writes the platform document, or a snapshot. */
#include <string.h>

#include "base/fs.h"
#include "base/jx.h"
#include "cmd.h"
#include "platform/snapshot.h"
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

/* The archive, with the document beside the files. */
static int write_snapshot(const char *path, const struct source_options *source, const json_t *doc)
{
	autofree char *why = NULL;
	int r = snapshot_write(path, source->files, doc, &why);

	if (r < 0)
		log_error("%s", why);
	return r == -EINVAL ? EXIT_USAGE : r < 0 ? EXIT_ENVIRONMENT : EXIT_VERDICT_PASS;
}

static int check_snapshot(const char *path)
{
	if (!path || snapshot_knows(path))
		return 0;
	return cmd_usage_error(&command_probe,
			       "'%s' does not say how to pack it: .tar, .tar.gz, .tar.xz or "
			       ".tar.zst at its end",
			       path);
}

/* Text has no files that it was read from. */
static bool has_files(const struct source_options *source, const struct platform *p)
{
	if (!source->files || strcmp(p->source_kind, "live") == 0 ||
	    strcmp(p->source_kind, "snapshot") == 0)
		return true;
	log_error("'%s' is text, and a snapshot is made of the files of sysfs", source->from);
	return false;
}

static int probe(int argc, char **argv)
{
	enum { OPT_JSON = 256, OPT_SNAPSHOT };
	static const struct option options[] = {
		CMD_OPTIONS,
		SOURCE_OPTIONS,
		PAIRS_OPTIONS,
		{ "json", no_argument, NULL, OPT_JSON },
		{ "output", required_argument, NULL, 'o' },
		{ "snapshot", required_argument, NULL, OPT_SNAPSHOT },
		{ 0 },
	};
	autoplatform struct platform *p = NULL;
	autosource struct source_options source = { 0 };
	autojson json_t *doc = NULL;
	const char *output = NULL, *snapshot = NULL;
	autotree struct tree *files = NULL;
	int opt, r;

	while ((opt = getopt_long(argc, argv, ":hVo:", options, NULL)) != -1) {
		switch (opt) {
		case OPT_JSON: /* there is no other format: said by scripts that want to be sure */
			output = output ? output : "-";
			break;
		case OPT_SNAPSHOT:
			snapshot = optarg;
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
	if (r == 0)
		r = check_snapshot(snapshot);
	if (r)
		return r;
	files = snapshot ? tree_new() : NULL;
	source.files = files;
	p = source_read(&source, &r);
	if (!p)
		return r;
	doc = has_files(&source, p) ? source_document(&source, p) : NULL;
	if (!doc)
		return EXIT_USAGE;
	r = snapshot ? write_snapshot(snapshot, &source, doc) : EXIT_VERDICT_PASS;
	/* who wants a snapshot gets the document where it is asked for as well */
	if (r == EXIT_VERDICT_PASS && (output || !snapshot))
		r = write_document(output ? output : "-", doc);
	return r;
}

const struct command command_probe = {
	.name = "probe",
	.summary = "read the machine and write the platform document",
	.usage =
		"probe [OPTION]...\n"
		"Write what is known of this machine's PCI functions, bridges and IOMMU as JSON.\n"
		"\n"
		"      --json               JSON, which is the only format\n"
		"  -o, --output=FILE        write to FILE; '-' is standard output\n"
		"      --snapshot=FILE      write what the model is read from to FILE, an archive\n"
		"                           (.tar, .tar.gz, .tar.xz, .tar.zst) that --from reads;\n"
		"                           the document is written too where -o or --json asks\n"
		"      --pairs[=WHICH]      predict pairs: all, class (one for all that cannot\n"
		"                           differ), or INITIATOR,TARGET\n" BETWEEN_USAGE
			SOURCE_USAGE "  -h, --help               this text\n"
		"  -V, --version            print the version\n",
	.run = probe,
};
