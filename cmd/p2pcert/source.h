/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands that show a platform share: the options that choose a source, the rules and the
 * pairs; reading the source; the document that comes of it; telling the user what was not seen.
 */
#ifndef P2PCERT_SOURCE_H
#define P2PCERT_SOURCE_H

#include <jansson.h>

#include "cmd.h"
#include "p2p/p2p.h"

enum pairs_wanted { PAIRS_NONE, PAIRS_DEFAULT, PAIRS_ALL, PAIRS_CLASS, PAIRS_ONE };

struct source_options {
	const char *from; /* NULL: the running machine */
	const char *kernel_rules; /* NULL: those of the kernel that the source shows */
	enum pairs_wanted pairs;
	struct pci_addr initiator, target; /* if PAIRS_ONE */
	struct p2p_between between;
	struct tree *files; /* where those that the model is read from are kept; NULL: nowhere */
};

static inline void autosource_fn(struct source_options *o)
{
	p2p_between_release(&o->between);
}
#define autosource __attribute__((cleanup(autosource_fn)))

/* Rows for the command's option table, values for its switch. */
enum { OPT_FROM = 512, OPT_KERNEL_RULES, OPT_PAIRS, OPT_BETWEEN };
#define SOURCE_OPTIONS \
	{ "from", required_argument, NULL, OPT_FROM }, \
		{ "sysroot", required_argument, NULL, OPT_FROM }, /* its older name */ \
	{ \
		"kernel-rules", required_argument, NULL, OPT_KERNEL_RULES \
	}
/* For commands that show pairs. */
#define PAIRS_OPTIONS \
	{ "pairs", optional_argument, NULL, OPT_PAIRS }, \
	{ \
		"between", required_argument, NULL, OPT_BETWEEN \
	}
#define SOURCE_USAGE \
	"      --from=WHERE         read a captured machine: lspci text, a copy of sysfs or an\n" \
	"                           archive of one; '-' is standard input\n" \
	"      --kernel-rules=REL   predict by the rules of Linux REL, like 6.12\n"
#define BETWEEN_USAGE \
	"      --between=EXPR       only pairs of these functions: gpu, nic, nvme, class=0302,\n" \
	"                           driver=NAME, 10de:*, 3b:00.0; A,B: either, A/B: initiators\n" \
	"                           A and targets B; may be repeated\n"

/* 0, -ENOENT if opt is none of these, or a positive exit status after the message. */
int source_option(const struct command *c, int opt, const char *arg,
		  struct source_options *o) attr_must_check;

/* After all options of a command with PAIRS_OPTIONS: 0 or a status after the message. */
int source_check(const struct command *c, struct source_options *o) attr_must_check;

/* The model, after saying what it does not show; NULL with *status after the message. */
struct platform *source_read(const struct source_options *o, int *status) attr_must_check;

const struct p2p_rules *source_rules(const struct source_options *o, const struct platform *p);

/* What takes part in pairs, after saying which parts of --between select nothing. */
void source_select(const struct source_options *o, const struct platform *p,
		   struct p2p_selection *selection);

/* Predicts the one pair of PAIRS_ONE; -ENOENT after the message if there is no such function. */
int source_pair(const struct source_options *o, const struct platform *p,
		struct p2p_pair *pair) attr_must_check;

/* The platform document with the pairs wanted; NULL after the message if one does not exist. */
json_t *source_document(const struct source_options *o, const struct platform *p) attr_must_check;

#endif
