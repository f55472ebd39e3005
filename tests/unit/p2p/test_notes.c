/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a verdict does not cover: each note where it belongs, and gone when one thing is otherwise. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/p2p.h"

#define OWN (1u << NOTE_OWN_PEER_PATH)
#define TRANSLATED (1u << NOTE_DIRECT_TRANSLATED)
#define SWITCH (1u << NOTE_SWITCH_UNPROVEN)
#define CACHED (1u << NOTE_CACHED_VERDICT)
#define INTERNAL (1u << NOTE_DEVICE_INTERNAL)

/* A switch with two GPUs, one of them with a second function, and a drive at a root port. */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 0x01, 0, 0x8086, 0x0001),
	FN("00:02.0", PORT_ROOT, 0x09, 0, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x22ba, .class = 0x040300),
	FN("09:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

struct note_case {
	const char *initiator, *target;
	int near, far; /* ACS control of 02:00.0 and 02:01.0 */
	unsigned int ats; /* seen and its value, of the initiator: 0 unseen, 1 off, 2 on */
	bool p2pmem; /* the target's */
	unsigned int notes;
};

#define DT_RR (ACS_DT | ACS_RR)

static const struct note_case cases[] = {
	/* NVIDIA's GPUs, both of them */
	{ "03:00.0", "04:00.0", 0, 0, 0, false, OWN },
	{ "03:00.0", "04:00.1", 0, 0, 0, false, 0 },
	{ "03:00.0", "09:00.0", 0, 0, 0, false, 0 },
	/* ATS on, and direct translated P2P at all that redirect */
	{ "04:00.1", "03:00.0", DT_RR, DT_RR, 2, false, TRANSLATED | SWITCH },
	{ "04:00.1", "03:00.0", DT_RR, DT_RR, 1, false, SWITCH },
	{ "04:00.1", "03:00.0", DT_RR, DT_RR, 0, false, SWITCH },
	{ "04:00.1", "03:00.0", DT_RR, ACS_RR, 2, false, SWITCH },
	{ "04:00.1", "03:00.0", DT_RR, 0, 2, false, TRANSLATED | SWITCH },
	{ "04:00.1", "03:00.0", ACS_DT, ACS_DT, 2, false, 0 },
	/* the answer may be older than the ACS that it stands on, which has no say across ports */
	{ "04:00.1", "03:00.0", 0, 0, 0, true, CACHED },
	{ "03:00.0", "09:00.0", ACS_RR, 0, 0, true, 0 },
	/* within one device, whatever the port above says */
	{ "04:00.0", "04:00.1", 0, 0, 0, false, INTERNAL },
	{ "04:00.0", "04:00.1", 0, ACS_RR, 0, false, INTERNAL },
	{ "04:00.0", "04:00.0", 0, ACS_RR, 0, false, 0 },
};

static const struct reg ats_shown[] = { { 0, 0 }, { 0, ATS_ENABLE }, { ATS_ENABLE, ATS_ENABLE } };

static void test_notes(void **state attr_unused)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct note_case *c = &cases[i];
		struct platform *p = model_new(machine, ARRAY_LEN(machine));
		int from = model_index(p, c->initiator), to = model_index(p, c->target);
		struct p2p_pair pair;

		model_set_acs(p, "02:00.0", c->near);
		model_set_acs(p, "02:01.0", c->far);
		p->functions[from].ats_control = ats_shown[c->ats];
		p->functions[to].p2pmem.present = c->p2pmem;
		p2p_pair_predict(p, p2p_rules_for(NULL), from, to, &pair);
		if (pair.notes != c->notes)
			fail_msg("case %zu, %s to %s: notes %#x", i, c->initiator, c->target,
				 pair.notes);
		p2p_pair_release(&pair);
		platform_free(p);
	}
}

/* A control bit that cannot be told is not taken for set. */
static void test_unsure(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	int from = model_index(p, "04:00.1"), to = model_index(p, "03:00.0");
	struct p2p_pair pair;

	model_set_acs(p, "02:00.0", DT_RR);
	p->functions[from].ats_control = ats_shown[2];
	p->functions[model_index(p, "02:00.0")].acs.unsure = ACS_DT;
	p2p_pair_predict(p, p2p_rules_for(NULL), from, to, &pair);
	assert_int_equal(pair.notes, SWITCH);
	p2p_pair_release(&pair);
	platform_free(p);
}

static void test_text(void **state attr_unused)
{
	static const char *const codes[] = { "own-peer-path", "direct-translated",
					     "switch-unproven", "cached-verdict",
					     "device-internal" };
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct p2p_pair pair;
	json_t *o, *notes;

	model_set_acs(p, "02:01.0", ACS_RR);
	p2p_pair_predict(p, p2p_rules_for(NULL), model_index(p, "03:00.0"),
			 model_index(p, "04:00.0"), &pair);
	o = p2p_pair_to_json(p, &pair);
	notes = json_object_get(o, "notes");
	assert_int_equal(json_array_size(notes), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(notes, 0), "code")),
			    "own-peer-path");
	assert_non_null(strstr(json_string_value(json_object_get(json_array_get(notes, 1), "text")),
			       "the ACS control of 0000:02:01.0 says"));
	json_decref(o);
	p2p_pair_release(&pair);
	for (enum p2p_note n = 0; n < NR_P2P_NOTES; n++)
		assert_string_equal(p2p_note_code(n), codes[n]);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_unsure),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("p2p/notes", tests, NULL, NULL);
}
