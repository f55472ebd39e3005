/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the command that argv names and runs it; answers --help and --version itself. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/jx.h"
#include "cmd.h"

#define COMMAND(record) extern const struct command record;
#include "command_list.def"
#undef COMMAND

#define COMMAND(record) &(record),
const struct command *const command_registry[] = {
#include "command_list.def"
};
#undef COMMAND

const size_t command_registry_len = ARRAY_LEN(command_registry);

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < command_registry_len; i++)
		if (strcmp(command_registry[i]->name, name) == 0)
			return command_registry[i];
	return NULL;
}

static void print_help(void)
{
	fputs("Usage: p2pcert COMMAND [OPTION]... [ARG]...\n"
	      "Certify PCIe peer-to-peer, device-private memory and RDMA on-demand paging.\n\n"
	      "Commands:\n",
	      stdout);
	for (size_t i = 0; i < command_registry_len; i++)
		printf("  %-8s %s\n", command_registry[i]->name, command_registry[i]->summary);
	fputs("\n"
	      "  -v, --verbose        say more; twice for debugging\n"
	      "  -h, --help           this text; 'p2pcert COMMAND --help' for a command's\n"
	      "  -V, --version        print the version\n"
	      "      --list-commands  print the commands' names, one a line\n",
	      stdout);
}

int main(int argc, char **argv)
{
	enum { OPT_LIST_COMMANDS = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "list-commands", no_argument, NULL, OPT_LIST_COMMANDS },
		{ 0 },
	};
	const struct command *command;
	int opt;

	jx_init();
	/* a closed pipe is a write error with a message and a status, not a silent death */
	signal(SIGPIPE, SIG_IGN);
	opterr = 0;
	/* '+': what follows the command is the command's */
	while ((opt = getopt_long(argc, argv, "+:hVv", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			print_help();
			return cmd_finish_stdout(EXIT_VERDICT_PASS);
		case 'V':
			return cmd_print_version();
		case 'v':
			log_set_level(log_get_level() >= LOG_LEVEL_INFO ? LOG_LEVEL_DEBUG
									: LOG_LEVEL_INFO);
			break;
		case OPT_LIST_COMMANDS:
			for (size_t i = 0; i < command_registry_len; i++)
				puts(command_registry[i]->name);
			return cmd_finish_stdout(EXIT_VERDICT_PASS);
		default:
			log_error("unknown option '%s'; try 'p2pcert --help'", argv[optind - 1]);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		log_error("no command given; try 'p2pcert --help'");
		return EXIT_USAGE;
	}
	command = find_command(argv[optind]);
	if (!command) {
		log_error("unknown command '%s'; try 'p2pcert --help'", argv[optind]);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0; /* getopt starts anew, and forgets the '+' above */
	return command->run(argc, argv);
}
