/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person is told that other words on the kernel's command line would change. */
#include "../test.h"

#include "base/alloc.h"
#include "base/jx.h"
#include "model.h"
#include "p2p/whatif.h"

#define DEFAULT (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

/* A switch with two drives as the kernel sets it up with an IOMMU, and a drive beside it. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x29c0, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, DEFAULT, 0x8086, 0x0001),
	FN("00:02.0", PORT_ROOT, 5, DEFAULT, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 2, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 3, DEFAULT, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 4, DEFAULT, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

static char *answer(const char *cmdline, enum known groups, const char *rules, const char *words)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct p2p_selection selection;
	struct p2p_what_if w;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	p->kernel_cmdline = xstrdup(cmdline);
	p->iommu_groups = groups;
	p2p_select(p, NULL, &selection);
	p2p_what_if(p, p2p_rules_for(rules), words, &selection, &w);
	p2p_selection_release(&selection);
	p2p_what_if_print(&w, f);
	p2p_what_if_release(&w);
	assert_int_equal(fclose(f), 0);
	platform_free(p);
	return text;
}

static void test_answers(void **state attr_unused)
{
	static const struct {
		const char *cmdline, *rules, *words, *text;
		enum known groups;
	} cases[] = {
		{ "quiet -- 3", "7.3", "pci=disable_acs_redir=02:00.0;02:01.0",
		  "With 'pci=disable_acs_redir=02:00.0;02:01.0', by the rules of Linux 7.3:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV? UF?\n"
		  "ACS of 0000:02:01.0: SV RR CR UF, then SV? UF?\n\n"
		  "0000:03:00.0 to 0000:04:00.0: not-supported, then bus-address; route "
		  "root-redirect, then switch-direct; redirecting: 0000:02:01.0 0000:02:00.0, "
		  "then none\n"
		  "0000:04:00.0 to 0000:03:00.0: not-supported, then bus-address; route "
		  "root-redirect, then switch-direct; redirecting: 0000:02:00.0 0000:02:01.0, "
		  "then none\n\n"
		  "IOMMU groups become one: {0000:02:00.0} {0000:03:00.0}\n"
		  "  no longer isolated from each other: 0000:02:00.0, 0000:03:00.0\n"
		  "IOMMU groups become one: {0000:02:01.0} {0000:04:00.0}\n"
		  "  no longer isolated from each other: 0000:02:01.0, 0000:04:00.0\n",
		  KNOWN_PRESENT },
		{ "quiet", "6.1", "pci=disable_acs_redir=02:00.0",
		  "With 'pci=disable_acs_redir=02:00.0', by the rules of Linux 6.1:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV UF\n\n"
		  "0000:03:00.0 to 0000:04:00.0: not-supported as before; redirecting: "
		  "0000:02:01.0 0000:02:00.0, then 0000:02:01.0\n"
		  "0000:04:00.0 to 0000:03:00.0: not-supported as before; redirecting: "
		  "0000:02:00.0 0000:02:01.0, then 0000:02:01.0\n\n"
		  "IOMMU groups become one: {0000:02:00.0} {0000:03:00.0}\n"
		  "  no longer isolated from each other: 0000:02:00.0, 0000:03:00.0\n",
		  KNOWN_PRESENT },
		{ "quiet", "7.3", "debug",
		  "With 'debug', by the rules of Linux 7.3:\n"
		  "the kernel turns ACS on by itself: an IOMMU is in use, and its driver asks for "
		  "ACS\n"
		  "'debug' is not known to have a bearing on ACS, pairs or groups\n\n"
		  "Nothing changes.\n",
		  KNOWN_PRESENT },
		{ NULL, "7.3", "pci=disable_acs_redir=02:00.1",
		  "With 'pci=disable_acs_redir=02:00.1', by the rules of Linux 7.3:\n"
		  "the command line of now was not seen, it is taken to say nothing of ACS\n"
		  "the kernel does not turn ACS on by itself: no IOMMU is in use\n"
		  "disable_acs_redir: '02:00.1' changes nothing: it is the first match of no "
		  "function\n\n"
		  "Nothing changes.\n",
		  KNOWN_ABSENT },
		/* what was written over no longer says what firmware left, what was kept does */
		{ "pci=config_acs=xx000@02:00.0", "7.3", "iommu=off pci=config_acs=0@00:02.0",
		  "With 'iommu=off pci=config_acs=0@00:02.0', by the rules of Linux 7.3:\n"
		  "the kernel does not turn ACS on by itself: iommu=off: no IOMMU driver asks for "
		  "ACS\n\n"
		  "ACS of 0000:00:01.0: SV RR CR UF, then SV? RR? CR? UF?\n"
		  "ACS of 0000:00:02.0: SV RR CR UF, then RR? CR? UF?\n"
		  "ACS of 0000:02:00.0: SV RR CR UF, then SV? RR? CR UF\n"
		  "ACS of 0000:02:01.0: SV RR CR UF, then SV? RR? CR? UF?\n\n"
		  "0000:03:00.0 to 0000:04:00.0: not-supported as before; redirecting: "
		  "0000:02:01.0 0000:02:00.0, then 0000:02:00.0 and perhaps 1 more\n"
		  "0000:04:00.0 to 0000:03:00.0: not-supported as before; redirecting: "
		  "0000:02:00.0 0000:02:01.0, then 0000:02:00.0 and perhaps 1 more\n\n"
		  "There are no IOMMU groups then.\n",
		  KNOWN_PRESENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text =
			answer(cases[i].cmdline, cases[i].groups, cases[i].rules, cases[i].words);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
}

/* --- the answer itself ------------------------------------------------------------------------ */

/*
 * 00:01.0 -- 01:00.0, 01:00.1 (one device)
 * 00:02.0 -- switch 05:00.0 -- 06:00.0 -- 07:00.0
 *                           -- 06:01.0 -- 08:00.0
 *                           -- 06:02.0 -- 09:00.0, whose ACS was not seen
 */
static const struct model_function larger[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, DEFAULT, 0x8086, 0x0001),
	FN("00:02.0", PORT_ROOT, 5, DEFAULT, 0x8086, 0x0001),
	FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .multifunction = true),
	FN("01:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .multifunction = true),
	FN("05:00.0", PORT_UPSTREAM, 6, NO_ACS, 0x10b5, 0x8796),
	FN("06:00.0", PORT_DOWNSTREAM, 7, DEFAULT, 0x10b5, 0x8796),
	FN("06:01.0", PORT_DOWNSTREAM, 8, DEFAULT, 0x10b5, 0x8796),
	FN("06:02.0", PORT_DOWNSTREAM, 9, DEFAULT, 0x10b5, 0x8796),
	FN("07:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("08:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("09:00.0", PORT_ENDPOINT, 0, UNSEEN, 0x144d, 0xa808, .header_unseen = true),
};

struct asked {
	struct platform *p;
	struct p2p_what_if w;
};

static void ask_where(enum known groups, struct asked *a, const struct model_function *functions,
		      size_t nr, const char *rules, const char *words, const char *between)
{
	struct p2p_between b = { 0 };
	struct p2p_selection selection;
	char *why;

	a->p = model_new(functions, nr);
	a->p->kernel_cmdline = xstrdup("quiet");
	a->p->iommu_groups = groups;
	if (between)
		assert_int_equal(p2p_between_add(&b, between, &why), 0);
	p2p_select(a->p, &b, &selection);
	p2p_what_if(a->p, p2p_rules_for(rules), words, &selection, &a->w);
	p2p_selection_release(&selection);
	p2p_between_release(&b);
}

static void ask(struct asked *a, const struct model_function *functions, size_t nr,
		const char *rules, const char *words, const char *between)
{
	ask_where(KNOWN_PRESENT, a, functions, nr, rules, words, between);
}

static void forget(struct asked *a)
{
	p2p_what_if_release(&a->w);
	platform_free(a->p);
}

/* "0000:03:00.0>0000:04:00.0 " for each pair. */
static char *names_of(const struct asked *a, const struct p2p_pair_change *pairs, size_t nr)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; i < nr; i++) {
		const struct function *functions = a->p->functions;

		fprintf(f, "%02x>%02x ", functions[pairs[i].before.initiator].addr.bus,
			functions[pairs[i].before.target].addr.bus);
	}
	fclose(f);
	return text;
}

/* Only pairs with changed ACS on their way; those that can be told no better than before, apart. */
static void test_pairs(void **state attr_unused)
{
	struct asked a;
	char *text;

	ask(&a, larger, ARRAY_LEN(larger), "7.3", "pci=disable_acs_redir=06:00.0;06:01.0;06:02.0",
	    NULL);
	assert_int_equal(a.w.nr_acs, 3);
	text = names_of(&a, a.w.pairs, a.w.nr_pairs);
	/* those with 09:00.0 are through the host bridge before, and unknown then */
	assert_string_equal(text, "07>08 07>09 08>07 08>09 09>07 09>08 ");
	free(text);
	assert_int_equal(a.w.pairs[0].before.verdict, VERDICT_HOST_BRIDGE);
	assert_int_equal(a.w.pairs[0].after.verdict, VERDICT_BUS_ADDRESS);
	assert_int_equal(a.w.pairs[1].after.verdict, VERDICT_UNKNOWN);
	assert_int_equal(a.w.nr_open_pairs, 0);
	forget(&a);

	/* selected ones */
	ask(&a, larger, ARRAY_LEN(larger), "7.3", "pci=disable_acs_redir=06:00.0;06:01.0;06:02.0",
	    "07:00.0/08:00.0");
	text = names_of(&a, a.w.pairs, a.w.nr_pairs);
	assert_string_equal(text, "07>08 ");
	free(text);
	forget(&a);

	/* the port above both is tested, too, one elsewhere is not */
	ask(&a, larger, ARRAY_LEN(larger), "7.3", "pci=disable_acs_redir=00:01.0", NULL);
	text = names_of(&a, a.w.pairs, a.w.nr_pairs);
	assert_string_equal(text, "01>01 ");
	free(text);
	forget(&a);
}

static void test_open_pairs(void **state attr_unused)
{
	struct model_function functions[ARRAY_LEN(larger)];
	struct asked a;
	char *text;

	memcpy(functions, larger, sizeof(larger));
	functions[6].acs = 0; /* 06:00.0 and 06:02.0 do not redirect: 09:00.0 decides */
	functions[8].acs = 0;
	ask_where(KNOWN_ABSENT, &a, functions, ARRAY_LEN(functions), "7.3",
		  "pci=config_acs=1@06:02.0", NULL);
	text = names_of(&a, a.w.open_pairs, a.w.nr_open_pairs);
	/* nothing is known of 08 and 09 either, but 06:01.0 redirects, whatever 09:00.0 does */
	assert_string_equal(text, "07>09 09>07 ");
	free(text);
	assert_int_equal(a.w.nr_pairs, 0);
	forget(&a);

	/* that of 07:00.0 and 09:00.0 is as unknown as before, and not for what the words change */
	functions[7].acs = 0;
	ask_where(KNOWN_ABSENT, &a, functions, ARRAY_LEN(functions), "7.3",
		  "pci=config_acs=1@06:01.0", NULL);
	text = names_of(&a, a.w.open_pairs, a.w.nr_open_pairs);
	assert_string_equal(text, "08>09 09>08 ");
	free(text);
	forget(&a);
}

static void test_words(void **state attr_unused)
{
	static const struct {
		const char *rules, *words;
		const char *codes; /* a blank behind each */
		size_t acs;
	} cases[] = {
		{ "7.3", "pci=disable_acs_redir=06:00.0 pci=config_acs=xx0000@06:01.0", "", 2 },
		{ "7.3", "pci=disable_acs_redir=06:00.0 pci=disable_acs_redir=06:01.0", "", 1 },
		{ "6.1", "pci=config_acs=xx0000@06:01.0", "kernel-too-old ", 0 },
		{ "7.3", "pci=disable_acs_redir=0f:00.0", "no-match ", 0 },
		{ "7.3", "pci=disable_acs_redir=05:00.0", "no-acs ", 0 },
		{ "7.3", "pci=disable_acs_redir=06:00.0,06:01.0", "comma ", 1 },
		{ "7.3", "pci=disable_acs_redir=switch", "unreadable ", 0 },
		{ "7.3", "pci=noacs", "no-option ", 0 },
		{ "7.3", "pcie_acs_override=downstream,multifunction", "no-option ", 0 },
		{ "7.3", "amd_iommu=off", "acs-stays-on ", 0 },
		{ "7.3", "iommu=pt", "no-bearing ", 0 },
		{ "7.3", "intel_iommu=sm_on iommu.passthrough=1 debug",
		  "no-bearing no-bearing no-bearing ", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char codes[256] = "";
		struct asked a;

		ask(&a, larger, ARRAY_LEN(larger), cases[i].rules, cases[i].words, NULL);
		for (size_t k = 0; k < a.w.boot.nr_notes; k++) {
			strcat(codes, p2p_boot_note_name(a.w.boot.notes[k].kind));
			strcat(codes, " ");
		}
		assert_string_equal(codes, cases[i].codes);
		assert_int_equal(a.w.nr_acs, cases[i].acs);
		forget(&a);
	}
}

/*
 * Where it was not seen whether the kernel turns ACS on by itself, ports that the words do not mean are
 * as they were either way. Words on the IOMMU change that.
 */
static void test_unseen_iommu(void **state attr_unused)
{
	struct asked a;

	ask_where(KNOWN_NO, &a, larger, ARRAY_LEN(larger), "7.3", "pci=disable_acs_redir=06:00.0",
		  NULL);
	assert_int_equal(a.w.requested, P2P_CANNOT_TELL);
	assert_int_equal(a.w.nr_acs, 1);
	/* firmware's bits, unless the kernel wrote over them */
	assert_int_equal(a.w.acs[0].after.value, 0);
	assert_int_equal(a.w.acs[0].after.unsure, ACS_SV | ACS_UF);
	forget(&a);
	ask_where(KNOWN_NO, &a, larger, ARRAY_LEN(larger), "6.1", "pci=disable_acs_redir=06:00.0",
		  NULL);
	assert_int_equal(a.w.acs[0].after.value, ACS_SV | ACS_UF);
	assert_int_equal(a.w.acs[0].after.unsure, 0);
	forget(&a);
	ask_where(KNOWN_NO, &a, larger, ARRAY_LEN(larger), "7.3", "iommu=off", NULL);
	assert_int_equal(a.w.nr_acs, 5);
	assert_int_equal(a.w.acs[0].after.unsure, DEFAULT);
	forget(&a);
}

/* What the running kernel's own words do not do is not said of the new ones. */
static void test_remarks_of_words_only(void **state attr_unused)
{
	struct platform *p = model_new(larger, ARRAY_LEN(larger));
	struct p2p_selection selection;
	struct p2p_what_if w;

	p->kernel_cmdline = xstrdup("pci=noacs debug");
	p2p_select(p, NULL, &selection);
	p2p_what_if(p, p2p_rules_for("7.3"), "pci=disable_acs_redir=switch", &selection, &w);
	assert_int_equal(w.boot.nr_notes, 1);
	assert_int_equal(w.boot.notes[0].kind, P2P_BOOT_UNREADABLE);
	p2p_what_if_release(&w);
	p2p_selection_release(&selection);
	platform_free(p);
}

/* "kind: before -> after; lost" of each change, functions by their bus. */
static char *regroupings(const struct asked *a)
{
	autojson json_t *doc = p2p_what_if_to_json(&a->w);
	const json_t *changes = json_object_get(json_object_get(doc, "iommu_groups"), "changes");
	char *text = NULL;
	size_t size, i;
	const json_t *c;
	FILE *f = open_memstream(&text, &size);

	json_array_foreach (changes, i, c) {
		autofree char *before = json_dumps(json_object_get(c, "before"), 0);
		autofree char *after = json_dumps(json_object_get(c, "after"), 0);
		autofree char *lost = json_dumps(json_object_get(c, "isolation_lost"), 0);

		fprintf(f, "%s %s %s %s\n", json_string_value(json_object_get(c, "kind")), before,
			after, lost);
	}
	fclose(f);
	return text;
}

static void test_groups(void **state attr_unused)
{
	struct model_function functions[ARRAY_LEN(larger)];
	struct asked a;
	char *text;

	memcpy(functions, larger, sizeof(larger));
	functions[11].header_unseen = false;
	ask(&a, functions, ARRAY_LEN(functions), "7.3", "pci=disable_acs_redir=06:00.0;00:01.0",
	    NULL);
	text = regroupings(&a);
	assert_string_equal(text,
			    "merge [[\"0000:00:01.0\"], [\"0000:01:00.0\", \"0000:01:00.1\"]] "
			    "[[\"0000:00:01.0\", \"0000:01:00.0\", \"0000:01:00.1\"]] "
			    "[\"0000:00:01.0\", \"0000:01:00.0\", \"0000:01:00.1\"]\n"
			    "merge [[\"0000:06:00.0\"], [\"0000:07:00.0\"]] "
			    "[[\"0000:06:00.0\", \"0000:07:00.0\"]] "
			    "[\"0000:06:00.0\", \"0000:07:00.0\"]\n");
	free(text);
	assert_int_equal(a.w.nr_open_groups, 0);
	forget(&a);

	functions[6].acs = ACS_SV; /* turned on, it splits what it held together */
	ask(&a, functions, ARRAY_LEN(functions), "7.3", "pci=config_acs=11101@06:00.0", NULL);
	text = regroupings(&a);
	assert_string_equal(text, "split [[\"0000:06:00.0\", \"0000:07:00.0\"]] "
				  "[[\"0000:06:00.0\"], [\"0000:07:00.0\"]] []\n");
	free(text);
	forget(&a);
}

/* Members that go from one group to another: the function that joins loses, and those it joins. */
static void test_moves(void **state attr_unused)
{
	enum { A, B, C, D, NR };
	int before[NR] = { A, A, C, C }, after[NR] = { A, B, B, B };
	static const struct model_function four[] = {
		FN("00:00.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 1),
		FN("00:01.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 1),
		FN("00:02.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 1),
		FN("00:03.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 1),
	};
	struct p2p_what_if w = { .now = model_new(four, NR) };

	w.groups_before.of = before;
	w.groups_after.of = after;
	w.open_groups = xcalloc(NR, sizeof(int));
	p2p_what_if_compare_groups(&w);
	assert_int_equal(w.nr_groups, 1);
	assert_int_equal(w.groups[0].kind, GROUPS_CHANGE);
	assert_int_equal(w.groups[0].nr, 4);
	assert_false(w.isolation_lost[A]);
	assert_true(w.isolation_lost[B] && w.isolation_lost[C] && w.isolation_lost[D]);
	free(w.groups[0].functions);
	free(w.groups);
	free(w.isolation_lost);

	/* what cannot be told takes those along that it may be with */
	w.groups = NULL;
	w.nr_groups = 0;
	w.nr_acs = 1;
	after[C] = after[D] = P2P_GROUP_CANNOT_TELL;
	before[A] = after[A] = A;
	before[B] = after[B] = B;
	p2p_what_if_compare_groups(&w);
	assert_int_equal(w.nr_groups, 0);
	assert_int_equal(w.nr_open_groups, 2);
	assert_int_equal(w.open_groups[0], C);
	free(w.isolation_lost);
	free(w.open_groups);
	platform_free((struct platform *)w.now);
}

static void test_json(void **state attr_unused)
{
	struct asked a;
	json_t *doc, *pair;

	ask(&a, larger, ARRAY_LEN(larger), "7.3",
	    "debug pci=disable_acs_redir=06:00.0;06:01.0;06:02.0", NULL);
	doc = p2p_what_if_to_json(&a.w);
	assert_string_equal(jx_get_str(doc, "schema"), "p2pcert.what-if/1");
	assert_string_equal(jx_get_str(json_object_get(doc, "kernel"), "rules"), "7.3");
	assert_string_equal(jx_get_str(json_object_get(doc, "acs_by_default"), "turned_on"), "yes");
	assert_int_equal(json_array_size(json_object_get(doc, "remarks")), 1);
	assert_int_equal(json_array_size(json_object_get(doc, "acs")), 3);
	assert_int_equal(json_array_size(json_object_get(doc, "pairs")), 6);
	pair = json_array_get(json_object_get(doc, "pairs"), 0);
	assert_string_equal(jx_get_str(json_object_get(pair, "before"), "verdict"), "host-bridge");
	assert_string_equal(jx_get_str(json_object_get(pair, "after"), "verdict"), "bus-address");
	assert_int_equal(json_array_size(json_object_get(pair, "initiators")), 1);
	json_decref(doc);
	forget(&a);

	/* no groups, and an answer about pairs that cannot be given */
	ask(&a, larger, ARRAY_LEN(larger), "7.3", "iommu=off", NULL);
	doc = p2p_what_if_to_json(&a.w);
	assert_true(
		json_is_false(json_object_get(json_object_get(doc, "iommu_groups"), "there_then")));
	assert_string_equal(jx_get_str(json_object_get(doc, "acs_by_default"), "turned_on"), "no");
	pair = json_array_get(json_object_get(doc, "acs"), 0);
	assert_string_equal(jx_get_str(json_object_get(pair, "after"), "unsure"), "0x001d");
	assert_string_equal(jx_get_str(json_object_get(pair, "after"), "control"), "0x0000");
	json_decref(doc);
	forget(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_open_pairs),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_unseen_iommu),
		cmocka_unit_test(test_remarks_of_words_only),
	};

	return cmocka_run_group_tests_name("p2p/whatif", tests, NULL, NULL);
}
