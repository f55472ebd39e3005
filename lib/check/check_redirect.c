/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACS redirect: which ports send peer-to-peer traffic up, whether that matters, what to do about it and
 * what that costs in isolation.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/attr.h"
#include "check/aid.h"
#include "check/set.h"

#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)
#define LONG_LIST 12 /* ports, which ids say in fewer words */
#define FUNCTIONS_NAMED 6

static bool redirects(const struct acs *acs)
{
	return acs->known == KNOWN_PRESENT && acs->control & ~acs->unsure & ACS_REDIRECT;
}

/* A bridge of which only the header was seen can be one. */
static bool may_be_port(const struct function *f)
{
	return f->port_type == PORT_ROOT || f->port_type == PORT_DOWNSTREAM ||
	       f->port_type == PORT_UPSTREAM || (f->port_type == PORT_UNKNOWN && f->is_bridge);
}

/* --- what it takes to have it off ------------------------------------------------------------- */

/* What disable_acs_redir= has to be for these ports: addresses, or for many of them their ids. */
static char *remedy_list(const struct check_input *in, const struct check_set *ports)
{
	char *list = xstrdup("");

	if (ports->nr <= LONG_LIST) {
		free(list);
		return check_set_text(in, ports, ";");
	}
	for (size_t i = 0; i < ports->nr; i++) {
		const struct function *f = check_function(in, ports->items[i]);
		autofree char *old = list;
		autofree char *item = xasprintf("pci:%04x:%04x", f->vendor, f->device);

		if (!f->ids_known) {
			list = NULL;
			return check_set_text(in, ports, ";");
		}
		list = strstr(old, item) ? xstrdup(old)
					 : xasprintf("%s%s%s", old, *old ? ";" : "", item);
	}
	return list;
}

/* Functions, bridges apart, that share a group of `after` with others than now; how many groups. */
static void count_lost(const struct check_input *in, const struct p2p_groups *after,
		       struct check_set *lost, size_t *groups)
{
	size_t n = in->platform->nr_functions;
	int *first = xcalloc(n, sizeof(*first)); /* 1 + a group of before */
	bool *merged = xcalloc(n, sizeof(*merged));

	*groups = 0;
	for (size_t i = 0; i < n; i++) {
		int b = in->groups->of[i], a = after->of[i];

		if (a < 0 || b < 0 || check_function(in, (int)i)->is_bridge)
			continue;
		if (first[a] && first[a] != b + 1 && !merged[a]) {
			merged[a] = true;
			++*groups;
		}
		first[a] = b + 1;
	}
	for (size_t i = 0; i < n; i++)
		if (after->of[i] >= 0 && merged[after->of[i]] &&
		    !check_function(in, (int)i)->is_bridge)
			check_set_add(lost, (int)i);
	free(first);
	free(merged);
}

/* Who would share a group that does not now; the caller frees it. */
static char *say_lost(const struct check_input *in, const struct p2p_groups *after)
{
	struct check_set lost = check_set_new(in);
	autofree char *names = NULL;
	char *text;
	size_t groups, nr;

	count_lost(in, after, &lost, &groups);
	nr = lost.nr;
	if (lost.nr > FUNCTIONS_NAMED)
		lost.nr = FUNCTIONS_NAMED;
	names = check_set_text(in, &lost, " ");
	if (!nr)
		text = xstrdup("as far as can be told no functions then share an IOMMU group that "
			       "do not now, but those below these ports can reach each other's "
			       "memory whatever the groups say");
	else
		text = xasprintf(
			"%zu functions then share %zu IOMMU groups with others than now, and "
			"are no longer isolated from them: %s%s",
			nr, groups, names, nr > FUNCTIONS_NAMED ? " ..." : "");
	check_set_release(&lost);
	return text;
}

/* What isolation costs if the kernel is booted with these words. */
static char *foresee(const struct check_input *in, const char *words)
{
	autofree char *why_now = NULL, *why = NULL;
	struct p2p_boot boot = { 0 };
	struct platform firmware, then;
	struct p2p_groups after;
	enum p2p_answer requested;
	char *text;

	if (in->platform->iommu_groups == KNOWN_ABSENT)
		return xstrdup("no IOMMU is in use, so that no isolation is lost");
	p2p_boot_parse(in->platform->kernel_cmdline, in->rules, &boot);
	p2p_boot_parse(words, in->rules, &boot);
	requested = p2p_acs_requested(in->platform, in->rules, in->boot, in->boot, &why_now);
	p2p_acs_unwrite(in->platform, in->rules, in->boot, requested, &firmware);
	requested = p2p_acs_requested(in->platform, in->rules, &boot, in->boot, &why);
	p2p_acs_write(&firmware, in->rules, &boot, requested, &then);
	p2p_groups_predict(&then, in->rules, &after);
	text = say_lost(in, &after);
	p2p_groups_release(&after);
	p2p_acs_release(&firmware);
	p2p_acs_release(&then);
	p2p_boot_release(&boot);
	return text;
}

static char *remedy(const struct check_input *in, const struct check_set *ports)
{
	autofree char *list = remedy_list(in, ports);
	autofree char *words = xasprintf("pci=disable_acs_redir=%s", list);
	autofree char *cost = foresee(in, words);
	/* bits from the highest: EC, CR and RR off, UF and SV on */
	const char *rest = p2p_rules_have_config_acs(in->rules)
				   ? "; the other bits of these ports are then what firmware left, "
				     "config_acs=x0100x1@PORT[;...] keeps source validation and "
				     "upstream forwarding on"
				   : "";

	return xasprintf(
		"Boot with '%s', quoted for the boot loader%s. What it costs: %s. iommu=pt "
		"changes nothing here, ACS stays on with it",
		words, rest, cost);
}

/* --- path.redirect ---------------------------------------------------------------------------- */

/* For each function the weight of the paths on which it redirects, +1; 0: on none. */
static unsigned char *find_blockers(const struct check_input *in)
{
	unsigned char *weight = xcalloc(in->platform->nr_functions, sizeof(*weight));

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];

		for (int k = 0; k < path->pair.nr_blocked_by; k++) {
			int port = path->pair.blocked_by[k];

			if (weight[port] <= path->weight)
				weight[port] = (unsigned char)(path->weight + 1);
		}
	}
	return weight;
}

static size_t count_blocked(const struct check_input *in, enum path_weight weight)
{
	size_t n = 0;

	for (size_t i = 0; i < in->nr_paths; i++)
		if (in->paths[i].pair.nr_blocked_by && in->paths[i].weight == weight)
			n += in->paths[i].nr_pairs;
	return n;
}

static void report_blockers(const struct check_input *in, const unsigned char *weights,
			    enum path_weight weight, struct check_sink *sink)
{
	struct check_set ports = check_set_new(in);
	uint16_t bits = 0;

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		if (weights[i] != weight + 1)
			continue;
		check_set_add(&ports, i);
		bits |= check_function(in, i)->acs.control & ACS_REDIRECT;
	}
	if (ports.nr)
		check_found_as(
			sink, "ACS-REDIRECT-ON-PATH", check_severity_of(weight, SEVERITY_MAJOR),
			ports.items, ports.nr, remedy(in, &ports),
			"of%s%s%s that are set in ACS control of %zu ports, %zu pairs of "
			"functions below a common port go up to the root complex",
			bits & ACS_RR ? " ReqRedir" : "", bits & ACS_CR ? " CmpltRedir" : "",
			bits & ACS_EC ? " EgressCtrl" : "", ports.nr, count_blocked(in, weight));
	check_set_release(&ports);
}

static void check_redirect(const struct check_input *in, struct check_sink *sink)
{
	autofree unsigned char *weights = find_blockers(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!may_be_port(f))
			continue;
		if (f->acs.known == KNOWN_NO || f->acs.unsure & ACS_REDIRECT) {
			check_unseen(sink, i, "ACS of a port was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (redirects(&f->acs) && !weights[i])
			check_found(sink, "ACS-REDIRECT-OFF-PATH", &i, 1, NULL,
				    "ACS control of %s is %#06x", check_addr(in, i),
				    f->acs.control);
	}
	report_blockers(in, weights, PATH_DECLARED, sink);
	report_blockers(in, weights, PATH_LIKELY, sink);
}

/* --- the other bits --------------------------------------------------------------------------- */

static void check_source_validation(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!may_be_port(f) || f->acs.known != KNOWN_PRESENT)
			continue;
		check_looked(sink, 1);
		if ((f->acs.control & ~f->acs.unsure & 0x7f) == ACS_SV)
			check_found(sink, "ACS-SOURCE-VALIDATION-ALONE", &i, 1, NULL,
				    "ACS control of %s is %#06x: SrcValid and nothing else",
				    check_addr(in, i), f->acs.control);
	}
}

/* Where ATS is on at the initiator and ACS redirects: does what it has translated go direct? */
static void check_translated(const struct check_input *in, struct check_sink *sink)
{
	struct check_set direct = check_set_new(in), off = check_set_new(in);
	enum path_weight weight = PATH_POSSIBLE;

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];
		const struct function *f = check_function(in, path->pair.initiator);

		if (!path->pair.nr_blocked_by || !f->has_ats)
			continue;
		if (!reg_seen(f->ats_control, ATS_ENABLE)) {
			check_unseen(sink, path->pair.initiator, "ATS control was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (path->pair.notes & 1u << NOTE_DIRECT_TRANSLATED) {
			check_set_add(&direct, path->pair.initiator);
		} else if (reg_is_set(f->ats_control, ATS_ENABLE)) {
			check_set_add(&off, path->pair.initiator);
			weight = path->weight > weight ? path->weight : weight;
		}
	}
	if (direct.nr)
		check_found(sink, "ACS-TRANSLATED-DIRECT", direct.items, direct.nr, NULL,
			    "ATS is on at %zu initiators, and DirectTrans at every port that "
			    "redirects on their way",
			    direct.nr);
	if (off.nr)
		check_found_as(sink, "ACS-TRANSLATED-NOT-DIRECT",
			       check_severity_of(weight, SEVERITY_MINOR), off.items, off.nr, NULL,
			       "ATS is on at %zu initiators, and DirectTrans is not at every port "
			       "that redirects on their way",
			       off.nr);
	check_set_release(&direct);
	check_set_release(&off);
}

/* Has the function VFs that the model shows? They follow it, in no fixed place. */
static bool *find_physical(const struct check_input *in)
{
	const struct platform *p = in->platform;
	bool *has = xcalloc(p->nr_functions, sizeof(*has));

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *pf = p->functions[i].is_virtual
						    ? platform_find(p, p->functions[i].physical)
						    : NULL;

		if (pf)
			has[pf - p->functions] = true;
	}
	return has;
}

static void check_virtual(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *has = find_physical(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);
		const struct function *up = platform_upstream(in->platform, f);

		if (!has[i] || !up)
			continue;
		if (up->acs.known == KNOWN_NO) {
			check_unseen(sink, i, "ACS of the port above was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (!redirects(&up->acs))
			continue;
		check_found(sink, "SRIOV-REDIRECT", (const int[]){ i, f->upstream }, 2, NULL,
			    "%s has virtual functions, and ACS control of the port above, %s, is "
			    "%#06x",
			    check_addr(in, i), check_addr(in, f->upstream), up->acs.control);
	}
}

/* Who has set ACS where no IOMMU driver has asked for it? */
static void check_firmware(const struct check_input *in, struct check_sink *sink)
{
	struct check_set ports = check_set_new(in);

	if (in->platform->iommu_groups == KNOWN_NO)
		check_unseen(sink, -1, "whether an IOMMU is in use was not seen");
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!may_be_port(f) || f->acs.known != KNOWN_PRESENT ||
		    in->platform->iommu_groups != KNOWN_ABSENT)
			continue;
		check_looked(sink, 1);
		if (redirects(&f->acs))
			check_set_add(&ports, i);
	}
	if (ports.nr && !in->boot->config_acs)
		check_found_as(sink, "ACS-REDIRECT-WITHOUT-IOMMU",
			       check_severity(in, -1, SEVERITY_MINOR), ports.items, ports.nr, NULL,
			       "no IOMMU is in use, so that the kernel sets no ACS, and %zu ports "
			       "redirect",
			       ports.nr);
	check_set_release(&ports);
}

static const struct check checks[] = {
	{
		"path.redirect",
		"no port between functions that exchange data redirects peer-to-peer traffic",
		"ACS control of the ports: all of config space",
		check_redirect,
	},
	{
		"path.source-validation",
		"ports that validate sources isolate",
		"ACS control of the ports: all of config space",
		check_source_validation,
	},
	{
		"path.translated",
		"what ATS has translated goes direct where other requests are redirected",
		"ATS control of initiators and ACS control of ports: all of config space",
		check_translated,
	},
	{
		"path.virtual-functions",
		"no port sends up what virtual functions of one device exchange",
		"virtual functions, and ACS control of the ports above",
		check_virtual,
	},
	{
		"path.firmware-acs",
		"without an IOMMU nothing redirects",
		"whether an IOMMU is in use, and ACS control of the ports",
		check_firmware,
	},
};

const struct check_family check_family_redirect = { "redirect", checks, ARRAY_LEN(checks) };
