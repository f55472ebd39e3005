/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --between takes, what it refuses and with which words, and which functions it selects. */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/between.h"

static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x29c0, .class = 0x060000),
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x0001),
	FN("00:02.0", PORT_ROOT, 2, 0, 0x8086, 0x0002),
	FN("00:03.0", PORT_ROOT, 3, 0, 0x8086, 0x0003),
	FN("00:04.0", PORT_ROOT, 4, 0, 0x8086, 0x0004),
	FN("00:05.0", PORT_ROOT, 5, 0, 0x8086, 0x0005),
	FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .class = 0x010802),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x1002, 0x74a1, .class = 0x120000),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x0001, .class = 0x010600, .no_bar = true),
};

/* "I T -", a letter per function that is selected: in order of the addresses. */
static char *selected(const struct platform *p, const char *const *exprs, char **remarks)
{
	struct p2p_between between = { 0 };
	struct p2p_selection s;
	char *text = NULL, *lines = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size), *g;

	for (; *exprs; exprs++) {
		autofree char *why = NULL;

		if (p2p_between_add(&between, *exprs, &why) < 0)
			fail_msg("'%s': %s", *exprs, why);
	}
	p2p_select(p, &between, &s);
	for (size_t i = 0; i < p->nr_functions; i++)
		if (s.from[i] || s.to[i])
			fprintf(f, "%02x:%x>%x ", p->functions[i].addr.bus, s.from[i], s.to[i]);
	fclose(f);
	g = open_memstream(&lines, &size);
	for (size_t i = 0; i < s.nr_remarks; i++)
		fprintf(g, "%s\n", s.remarks[i]);
	fclose(g);
	p2p_selection_release(&s);
	p2p_between_release(&between);
	*remarks = lines;
	return text;
}

static void test_selected(void **state attr_unused)
{
	static const struct {
		const char *exprs[3];
		const char *selected, *remarks;
	} cases[] = {
		{ { NULL }, "01:1>1 02:1>1 03:1>1 04:1>1 05:1>0 ", "" },
		{ { "gpu" }, "01:1>1 ", "" },
		{ { "gpu,nic" }, "01:1>1 02:1>1 ", "" },
		{ { "gpu/nic" }, "01:1>0 02:0>1 ", "" },
		{ { "gpu/nic", "nic/gpu" }, "01:1>2 02:2>1 ", "" },
		{ { "accelerator,nvme" }, "03:1>1 04:1>1 ", "" },
		{ { "nvme" }, "03:1>1 ", "" },
		{ { "storage" }, "03:1>1 05:1>0 ", "" },
		{ { "class=03" }, "01:1>1 ", "" },
		{ { "class=0207" }, "02:1>1 ", "" },
		{ { "class=010802" }, "03:1>1 ", "" },
		{ { "10de:*" }, "01:1>1 05:1>0 ", "" },
		{ { "*:1021" }, "02:1>1 ", "" },
		{ { "10de:2330" }, "01:1>1 ", "" },
		{ { "0000:01:00.0,02:00.0" }, "01:1>1 02:1>1 ", "" },
		{ { "driver=mlx5_core/driver=nvme" }, "02:1>0 03:0>1 ", "" },
		/* what selects nothing is said, for each end */
		{ { "class=0700" },
		  "",
		  "no function that can start transfers was seen to be 'class=0700'\n"
		  "no function that has memory for others was seen to be 'class=0700'\n" },
		{ { "10de:0001/gpu" }, "01:0>1 05:1>0 ", "" },
		{ { "gpu/10de:0001" },
		  "01:1>0 ",
		  "no function that has memory for others was seen to be '10de:0001'\n" },
		{ { "00:01.0/gpu" },
		  "01:0>1 ",
		  "no function that can start transfers was seen to be '00:01.0'\n" },
	};
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	p->functions[model_index(p, "02:00.0")].driver = xstrdup("mlx5_core");
	p->functions[model_index(p, "03:00.0")].driver = xstrdup("nvme");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *remarks, *text = selected(p, cases[i].exprs, &remarks);

		assert_string_equal(text, cases[i].selected);
		assert_string_equal(remarks, cases[i].remarks);
		free(text);
		free(remarks);
	}
	platform_free(p);
}

/* A function whose class or ids were not seen may be what is asked for: it is not taken, and told. */
static void test_unseen(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct function *f = &p->functions[model_index(p, "01:00.0")];
	char *remarks, *text;

	f->class_known = false;
	text = selected(p, (const char *const[]){ "gpu,nic", NULL }, &remarks);
	assert_string_equal(text, "02:1>1 ");
	assert_non_null(strstr(remarks, "of 1 functions it was not seen whether they are 'gpu'\n"));
	free(text);
	free(remarks);
	f->class_known = true;
	f->ids_known = false;
	text = selected(p, (const char *const[]){ "10de:2330", NULL }, &remarks);
	assert_string_equal(text, "");
	assert_non_null(strstr(remarks, "whether they are '10de:2330'\n"));
	free(text);
	free(remarks);
	platform_free(p);
}

static void set_slot(struct platform *p, const char *port, uint32_t number)
{
	p->functions[model_index(p, port)].express.slot_capabilities =
		(struct reg){ number << SLTCAP_NUMBER_SHIFT | SLTCAP_HOTPLUG, 0xffffffff };
}

static void assert_selected(const struct platform *p, const char *expr, const char *functions,
			    const char *said)
{
	char *remarks, *text = selected(p, (const char *const[]){ expr, NULL }, &remarks);

	assert_string_equal(text, functions);
	assert_string_equal(remarks, said);
	free(text);
	free(remarks);
}

/* A card with a switch in slot 5, a drive in slot 6, and in slot 7 of that switch another one. */
static void test_slots(void **state attr_unused)
{
	static const struct model_function slots[] = {
		FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 0x0001),
		FN("00:02.0", PORT_ROOT, 4, 0, 0x8086, 0x0002),
		FN("01:00.0", PORT_UPSTREAM, 2, 0, 0x1000, 0xc010),
		FN("02:00.0", PORT_DOWNSTREAM, 3, 0, 0x1000, 0xc010),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .class = 0x010802),
		FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .class = 0x010802),
		FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808, .class = 0x010802),
	};
	struct platform *p = model_new(slots, ARRAY_LEN(slots));
	struct reg *number = &p->functions[model_index(p, "02:00.0")].express.slot_capabilities;

	set_slot(p, "00:01.0", 5);
	set_slot(p, "00:02.0", 6);
	set_slot(p, "02:00.0", 7);
	assert_selected(p, "slot=5", "03:1>1 ", "");
	assert_selected(p, "slot=6", "04:1>1 04:1>1 ", "");
	assert_selected(p, "slot=7", "03:1>1 ", "");
	assert_selected(p, "slot=6/slot=7", "03:0>1 04:1>0 04:1>0 ", "");
	assert_selected(p, "slot=8", "",
			"no function that can start transfers was seen to be 'slot=8'\n"
			"no function that has memory for others was seen to be 'slot=8'\n");
	set_slot(p, "02:00.0", 6);
	assert_selected(p, "slot=6", "03:1>1 04:1>1 04:1>1 ",
			"2 ports say that their slot is 'slot=6'\n");
	*number = (struct reg){ SLTCAP_HOTPLUG, SLTCAP_HOTPLUG };
	assert_selected(p, "slot=5", "03:1>1 ",
			"of 1 functions it was not seen whether they are 'slot=5'\n");
	assert_selected(p, "slot=6", "04:1>1 04:1>1 ",
			"of 1 functions it was not seen whether they are 'slot=6'\n");
	platform_free(p);
}

static void test_refused(void **state attr_unused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "something is missing around a comma" },
		{ "gpu,", "something is missing around a comma" },
		{ "/nic", "something is missing around a comma" },
		{ "gpu/nic/nvme", "'nic/nvme' is none of accelerator, gpu, nic, nvme, storage, "
				  "class=, driver=, slot=, VENDOR:DEVICE and an address" },
		{ "gpus", "'gpus' is none of " },
		{ "GPU", "'GPU' is none of " },
		{ "driver=", "'driver=' is none of " },
		{ "slot=", "'' is no slot: give a number from 1 to 8191" },
		{ "slot=0", "'0' is no slot" },
		{ "slot=8192", "'8192' is no slot" },
		{ "slot=5-1", "'5-1' is no slot" },
		{ "10de", "'10de' is none of " },
		{ "10de:", "'10de:' is none of " },
		{ "10de:12345", "'10de:12345' is none of " },
		{ "10de:0x23", "'10de:0x23' is none of " },
		{ "10de:233?", "'10de:233?' is none of " },
		{ "00:20.0", "'00:20.0' is none of " },
		{ "gpu, nic", "' nic' is none of " },
		{ "class=", "'' is no class: give 2, 4 or 6 hexadecimal digits" },
		{ "class=030", "'030' is no class" },
		{ "class=0x03", "'0x03' is no class" },
		{ "class=03xx", "'03xx' is no class" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct p2p_between between = { 0 };
		char *why = NULL;

		assert_int_equal(p2p_between_add(&between, cases[i].text, &why), -EINVAL);
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("'%s': %s", cases[i].text, why);
		assert_int_equal(between.nr, 0);
		free(why);
		p2p_between_release(&between);
	}
}

static void test_many(void **state attr_unused)
{
	struct p2p_between between = { 0 };
	char *why = NULL;

	for (int i = 0; i < P2P_BETWEEN_MAX; i++)
		assert_int_equal(p2p_between_add(&between, "gpu", &why), 0);
	assert_int_equal(p2p_between_add(&between, "gpu", &why), -EINVAL);
	assert_string_equal(why, "there can be at most 31");
	free(why);
	p2p_between_release(&between);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selected), cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_refused),  cmocka_unit_test(test_slots),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("p2p/between", tests, NULL, NULL);
}
