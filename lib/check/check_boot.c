/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel command line says of ACS and the IOMMU: what has no effect, what does something else
 * than it seems to, what is not safe. Reading it is for p2p/boot.c.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/attr.h"
#include "base/text.h"
#include "check/aid.h"
#include "check/set.h"

#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)

static bool knows_words(const struct check_input *in, struct check_sink *sink)
{
	if (in->platform->kernel_cmdline)
		check_looked(sink, 1);
	else
		check_unseen(sink, -1, "the kernel's command line was not seen");
	return in->platform->kernel_cmdline;
}

/* What the kernel, booted so, writes over what the model shows, and notes on what it ignores. */
struct written {
	struct p2p_boot boot;
	struct platform after;
	char *why;
};

static void write_boot(const struct check_input *in, struct written *w)
{
	enum p2p_answer requested;

	*w = (struct written){ 0 };
	p2p_boot_parse(in->platform->kernel_cmdline, in->rules, &w->boot);
	requested = p2p_acs_requested(in->platform, in->rules, &w->boot, in->boot, &w->why);
	p2p_acs_write(in->platform, in->rules, &w->boot, requested, &w->after);
}

static void written_release(struct written *w)
{
	p2p_acs_release(&w->after);
	p2p_boot_release(&w->boot);
	free(w->why);
}

static const char *const note_codes[] = {
	[P2P_BOOT_TOO_OLD] = "BOOT-CONFIG-ACS-TOO-OLD",
	[P2P_BOOT_NO_OPTION] = "BOOT-PCI-OPTION-UNKNOWN",
	[P2P_BOOT_COMMA] = "BOOT-ACS-LIST-COMMA",
	[P2P_BOOT_UNREADABLE] = "BOOT-ACS-ITEM-UNREADABLE",
	[P2P_BOOT_NO_MATCH] = "BOOT-ACS-ITEM-NO-MATCH",
	[P2P_BOOT_NO_ACS] = "BOOT-ACS-ITEM-NO-ACS",
	[P2P_BOOT_ACS_STAYS] = "BOOT-AMD-IOMMU-OFF",
};

static void check_options(const struct check_input *in, struct check_sink *sink)
{
	struct written w;

	if (!knows_words(in, sink))
		return;
	write_boot(in, &w);
	for (size_t i = 0; i < w.boot.nr_notes; i++)
		check_found(sink, note_codes[w.boot.notes[i].kind], NULL, 0, NULL, "%s",
			    w.boot.notes[i].text);
	written_release(&w);
}

/* What the options mean to have off, and is on. */
static void check_effect(const struct check_input *in, struct check_sink *sink)
{
	struct check_set ports;
	struct written w;

	if (!knows_words(in, sink) || (!in->boot->disable_acs_redir && !in->boot->config_acs))
		return;
	write_boot(in, &w);
	ports = check_set_new(in);
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct acs *now = &check_function(in, i)->acs;
		const struct acs *meant = &w.after.functions[i].acs;

		if (now->known == KNOWN_NO && check_function(in, i)->is_bridge)
			check_unseen(sink, i, "ACS of a port was not seen");
		if (now->known == KNOWN_PRESENT &&
		    now->control & ~meant->control & ~meant->unsure & ACS_REDIRECT)
			check_set_add(&ports, i);
	}
	if (ports.nr)
		check_found(sink, "BOOT-ACS-NOT-IN-EFFECT", ports.items, ports.nr, NULL,
			    "the command line has redirect turned off at %zu functions where it "
			    "is on, the first is %s with ACS control %#06x",
			    ports.nr, check_addr(in, ports.items[0]),
			    check_function(in, ports.items[0])->acs.control);
	check_set_release(&ports);
	written_release(&w);
}

/* Where redirect was turned off, the rest is as firmware has left it: nothing that isolates. */
static void check_reset(const struct check_input *in, struct check_sink *sink)
{
	struct check_set ports;

	if (!knows_words(in, sink) || !in->boot->disable_acs_redir ||
	    !p2p_rules_have_config_acs(in->rules) || in->platform->iommu_groups != KNOWN_PRESENT)
		return;
	ports = check_set_new(in);
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct acs *acs = &check_function(in, i)->acs;

		if (acs->known == KNOWN_PRESENT && check_function(in, i)->is_bridge &&
		    acs->capability & (ACS_SV | ACS_UF) &&
		    !(acs->control & (ACS_SV | ACS_UF | ACS_REDIRECT)))
			check_set_add(&ports, i);
	}
	if (ports.nr)
		check_found(sink, "BOOT-ACS-FIRMWARE-VALUES", ports.items, ports.nr, NULL,
			    "with disable_acs_redir= the ACS control of %zu ports, the first is "
			    "%s, has neither SrcValid nor UpstreamFwd, which the kernel sets by "
			    "itself",
			    ports.nr, check_addr(in, ports.items[0]));
	check_set_release(&ports);
}

/* The text of the first word that begins so, cut at its end; NULL: there is none. The caller frees it. */
static char *find_word(const struct platform *p, const char *begin)
{
	const char *at = p->kernel_cmdline;
	size_t len = strlen(begin);

	for (; at && (at = strstr(at, begin)); at += len)
		if (at == p->kernel_cmdline || at[-1] == ' ' || at[-1] == '\t')
			return xstrndup(at, strcspn(at, " \t\n"));
	return NULL;
}

static void check_override(const struct check_input *in, struct check_sink *sink)
{
	autofree char *word = find_word(in->platform, "pcie_acs_override=");

	if (!knows_words(in, sink))
		return;
	if (word)
		check_found(sink, "BOOT-ACS-OVERRIDE", NULL, 0, NULL,
			    "'%s' is on the kernel's command line", word);
}

static void check_ats(const struct check_input *in, struct check_sink *sink)
{
	struct check_set devices;

	if (!knows_words(in, sink) || !in->boot->no_ats)
		return;
	devices = check_set_new(in);
	for (int i = 0; i < (int)in->platform->nr_functions; i++)
		if (check_function(in, i)->has_ats && check_on_path(in, i))
			check_set_add(&devices, i);
	if (devices.nr)
		check_found_as(sink, "BOOT-NO-ATS", check_severity(in, -1, SEVERITY_MINOR),
			       devices.items, devices.nr, NULL,
			       "pci=noats is on the command line, and %zu functions that exchange "
			       "data have ATS",
			       devices.nr);
	check_set_release(&devices);
}

/* The option is there, and groups are, too. */
static void check_off(const struct check_input *in, struct check_sink *sink)
{
	if (!knows_words(in, sink))
		return;
	if (in->boot->intel == P2P_INTEL_OFF && in->platform->iommu_groups == KNOWN_PRESENT)
		check_found(sink, "BOOT-INTEL-IOMMU-OFF", NULL, 0, NULL,
			    "intel_iommu=off is on the command line, and there are IOMMU groups");
}

#define WORDS "the kernel's command line"

static const struct check checks[] = {
	{ "boot.acs-options", "what the command line says of ACS takes effect", WORDS,
	  check_options },
	{ "boot.acs-effect", "redirect that the command line turns off is off",
	  WORDS ", ACS control: all of config space", check_effect },
	{ "boot.acs-reset", "ports whose redirect is turned off keep the rest of ACS",
	  WORDS ", IOMMU groups, ACS control", check_reset },
	{ "boot.acs-override", "isolation is what hardware provides", WORDS, check_override },
	{ "boot.ats", "ATS is not turned off", WORDS, check_ats },
	{ "boot.iommu", "turning the IOMMU off does so", WORDS ", IOMMU groups", check_off },
};

const struct check_family check_family_boot = { "boot", checks, ARRAY_LEN(checks) };
