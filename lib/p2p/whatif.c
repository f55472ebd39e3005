/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other words on the kernel's command line would change: ACS control of which functions, and
 * which pairs and groups with it. Answers in text; what decides is in boot.c, route.c and groups.c.
 */
#include <string.h>

#include "base/alloc.h"
#include "p2p/isolation.h"

/* "SV RR?", with '?' behind what cannot be told; "-" if there is none. */
static char *bits_text(uint16_t value, uint16_t unsure)
{
	static const char names[][3] = { "SV", "TB", "RR", "CR", "UF", "EC", "DT" };
	char list[ARRAY_LEN(names) * 4 + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((value | unsure) & 1u << i)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s%s", n ? " " : "",
					      names[i], unsure & 1u << i ? "?" : "");
	return xstrdup(n ? list : "-");
}

/*
 * Whether translation blocking comes on is up to firmware, bears on nothing here, and is left out.
 */
static char *control_text(const struct function *f)
{
	const uint16_t told = 0x7f & (uint16_t)~ACS_TB;

	if (p2p_acs_is_dword(f))
		return bits_text(f->acs.dword_control, (uint16_t)~f->acs.dword_known & told);
	return bits_text(f->acs.control, f->acs.unsure & told);
}

static size_t print_control(const struct platform *now, const struct platform *then, FILE *f)
{
	size_t changes = 0;

	for (size_t i = 0; i < now->nr_functions; i++) {
		autofree char *before = control_text(&now->functions[i]);
		autofree char *after = control_text(&then->functions[i]);

		if (now->functions[i].acs.known != KNOWN_PRESENT || strcmp(before, after) == 0)
			continue;
		fprintf(f, "%sACS of %s: %s, then %s\n", changes ? "" : "\n",
			pci_addr_str(now->functions[i].addr), before, after);
		changes++;
	}
	return changes;
}

static void print_pair(const struct platform *now, const struct p2p_classes *classes,
		       const struct p2p_pair *before, const struct p2p_pair *after, FILE *f)
{
	int initiators = classes->items[classes->of[before->initiator]].nr_functions;
	int targets = classes->items[classes->of[before->target]].nr_functions;

	fprintf(f, "%s to ", pci_addr_str(now->functions[before->initiator].addr));
	fprintf(f, "%s: %s, then %s", pci_addr_str(now->functions[before->target].addr),
		p2p_verdict_name(before->verdict), p2p_verdict_name(after->verdict));
	if (initiators > 1 || targets > 1)
		fprintf(f, "; and others like them, %d initiators, %d targets", initiators,
			targets);
	fputc('\n', f);
}

/* Pairs of one pair of classes change alike: what makes classes is not what is written. */
static size_t print_pairs(const struct platform *now, const struct platform *then,
			  const struct p2p_rules *rules, FILE *f)
{
	struct p2p_selection selection;
	struct p2p_classes classes;
	size_t changes = 0;

	p2p_select(now, NULL, &selection);
	p2p_classify_both(now, then, &selection, &classes);
	p2p_selection_release(&selection);
	for (int k = 0; k < classes.nr * classes.nr; k++) {
		int a = k / classes.nr, b = k % classes.nr;
		struct p2p_pair before, after;

		if (p2p_class_predict(now, rules, &classes, a, b, &before) < 0)
			continue;
		p2p_pair_predict(then, rules, before.initiator, before.target, &after);
		if (before.verdict != after.verdict) {
			fputs(changes++ ? "" : "\n", f);
			print_pair(now, &classes, &before, &after, f);
		}
		p2p_pair_release(&before);
		p2p_pair_release(&after);
	}
	p2p_classes_release(&classes);
	return changes;
}

static const char *group_text(const struct platform *p, int group, char buf[PCI_ADDR_TEXT_MAX])
{
	return group < 0 ? "none that can be told" : pci_addr_format(p->functions[group].addr, buf);
}

static size_t print_groups(const struct platform *now, const struct platform *then,
			   const struct p2p_rules *rules, FILE *f)
{
	struct p2p_groups before, after;
	size_t changes = 0;

	p2p_groups_predict(now, rules, &before);
	p2p_groups_predict(then, rules, &after);
	for (size_t i = 0; i < now->nr_functions; i++) {
		char from[PCI_ADDR_TEXT_MAX], to[PCI_ADDR_TEXT_MAX];

		if (before.of[i] == after.of[i])
			continue;
		fprintf(f, "%sIOMMU group of %s: that of %s, then of %s\n", changes++ ? "" : "\n",
			pci_addr_str(now->functions[i].addr), group_text(now, before.of[i], from),
			group_text(now, after.of[i], to));
	}
	p2p_groups_release(&before);
	p2p_groups_release(&after);
	return changes;
}

void p2p_what_if(const struct platform *platform, const struct p2p_rules *rules, const char *words,
		 FILE *f)
{
	autofree char *why_now = NULL, *why = NULL;
	struct p2p_boot running = { 0 }, boot = { 0 };
	struct platform firmware, then;
	enum p2p_answer requested;
	size_t changes;

	p2p_boot_parse(platform->kernel_cmdline, rules, &running);
	p2p_boot_parse(platform->kernel_cmdline, rules, &boot);
	p2p_boot_parse(words, rules, &boot);
	requested = p2p_acs_requested(platform, rules, &running, &running, &why_now);
	p2p_acs_unwrite(platform, rules, &running, requested, &firmware);
	requested = p2p_acs_requested(platform, rules, &boot, &running, &why);
	p2p_acs_write(&firmware, rules, &boot, requested, &then);

	fprintf(f, "With '%s', by the rules of Linux %s:\n", words, p2p_rules_name(rules));
	if (!platform->kernel_cmdline)
		fputs("the command line of now was not seen, it is taken to say nothing of ACS\n",
		      f);
	fprintf(f, "the kernel %s ACS on by itself: %s\n",
		requested == P2P_YES  ? "turns"
		: requested == P2P_NO ? "does not turn"
				      : "may turn",
		why);
	for (size_t i = 0; i < boot.nr_notes; i++)
		fprintf(f, "%s\n", boot.notes[i].text);
	changes = print_control(platform, &then, f);
	changes += print_pairs(platform, &then, rules, f);
	if (boot.no_iommu)
		fputs("\nThere are no IOMMU groups then.\n", f);
	else
		changes += print_groups(platform, &then, rules, f);
	if (!changes)
		fputs("\nNothing changes.\n", f);
	p2p_acs_release(&firmware);
	p2p_acs_release(&then);
	p2p_boot_release(&running);
	p2p_boot_release(&boot);
}
