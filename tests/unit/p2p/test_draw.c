/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drawn tree and matrix of a made-up machine against tests/data/platform/topo-*.txt. With
 * P2PCERT_REGENERATE set the files are written anew instead: read the difference before keeping it.
 */
#include "../test.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "model.h"
#include "p2p/draw.h"
#include "p2p/isolation.h"

static const struct model_function functions[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2, .no_bar = true),
	FN("00:01.0", PORT_ROOT, 0x01, ACS_SV | ACS_RR | ACS_CR | ACS_UF, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, ACS_SV | ACS_UF, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, ACS_EC, 0x10b5, 0x8796),
	FN("02:02.0", PORT_DOWNSTREAM, 0x05, 0, 0x10b5, 0x8796),
	FN("02:03.0", PORT_DOWNSTREAM, 0x06, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021),
	FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .physical = "04:00.0"),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330),
	FN("00:02.0", PORT_UNKNOWN, 0x07, UNSEEN, 0x8086, 0x0002),
	FN("07:00.0", PORT_UNKNOWN, 0, UNSEEN, 0x144d, 0xa808),
	FN("07:00.1", PORT_UNKNOWN, 0, UNSEEN, 0, 0),
	FN("80:00.0", PORT_ROOT, 0x81, NO_ACS, 0x8086, 0x29c0),
	FN("81:00.0", PORT_ENDPOINT, 0, ACS_RR, 0x144d, 0xa808),
	FN("c1:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

static struct function *edit(struct platform *p, const char *address)
{
	return &p->functions[model_index(p, address)];
}

static struct platform *machine(void)
{
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct function *f;

	p->kernel_release = xstrdup("7.2.12+deb13-amd64");
	p->cpu.name = xstrdup("Xeon\xc2\xae 6");
	p->iommu_groups = KNOWN_PRESENT;
	edit(p, "00:00.0")->class = 0x060000;
	edit(p, "01:00.0")->link = (struct link){ true, 16, 16, 5, 5 };
	edit(p, "02:00.0")->link = (struct link){ true, 4, 8, 4, 4 };
	edit(p, "02:01.0")->link = (struct link){ true, 8, 16, 3, 4 };
	edit(p, "02:03.0")->link = (struct link){ true, 0, 16, 0, 5 };
	f = edit(p, "03:00.0");
	f->name = xstrdup("N\xc3\xa4"
			  "chste NVMe\n\tcontroller");
	f->driver = xstrdup("nvme");
	f->link = (struct link){ true, 4, 4, 4, 5 }; /* as fast as the port allows */
	f->iommu_group = 14;
	f->iommu_type = xstrdup("DMA-FQ");
	f->numa_node = 0;
	f->p2pmem = (struct p2pmem){ true, true, true, 1 << 26, 0 };
	f = edit(p, "04:00.0");
	f->name = xstrdup("Network card");
	f->link = (struct link){ true, 8, 16, 3, 5 }; /* below what both ends can do */
	f->iommu_group = 15;
	f->p2pmem = (struct p2pmem){ true, false, false, 1536, 0 };
	edit(p, "04:00.1")->link = (struct link){ true, 0, 0, 0, 0 };
	return p;
}

static void check(const char *name, const char *text)
{
	const char *data = getenv("P2PCERT_TEST_DATA");
	autofree char *path = xasprintf("%s/platform/%s", data ? data : "tests/data", name);
	autofree char *expected = NULL;

	if (getenv("P2PCERT_REGENERATE"))
		assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0644), 0);
	if (fs_read(AT_FDCWD, path, 1 << 20, &expected, NULL) < 0)
		fail_msg("cannot read '%s'", path);
	if (strcmp(expected, text) != 0)
		fail_msg("'%s' has another text than:\n%s", path, text);
}

/* Tree, matrix and one pair, one after the other. */
static char *draw(const struct draw_style *style)
{
	struct platform *p = machine();
	struct p2p_selection selection;
	struct p2p_pair pair;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	draw_tree(p, p2p_rules_for("7.2"), style, f);
	fputc('\n', f);
	p2p_select(p, NULL, &selection);
	draw_pairs(p, p2p_rules_for("7.2"), &selection, style, f);
	p2p_selection_release(&selection);
	fputc('\n', f);
	p2p_pair_predict(p, p2p_rules_for("7.2"), model_index(p, "03:00.0"),
			 model_index(p, "04:00.0"), &pair);
	draw_pair(p, &pair, style, f);
	p2p_pair_release(&pair);
	fclose(f);
	platform_free(p);
	return text;
}

static void test_unicode(void **state attr_unused)
{
	autofree char *text = draw(&(struct draw_style){ .unicode = true });

	check("topo-unicode.txt", text);
}

static void test_ascii(void **state attr_unused)
{
	autofree char *text = draw(&(struct draw_style){ .unicode = false });

	for (const char *s = text; *s; s++)
		assert_in_range((unsigned char)*s, '\n', '~');
	check("topo-ascii.txt", text);
}

/* Colour adds escapes and changes nothing else. */
static void test_color(void **state attr_unused)
{
	autofree char *plain = draw(&(struct draw_style){ .unicode = true });
	autofree char *colored = draw(&(struct draw_style){ .unicode = true, .color = true });
	size_t n = 0, escapes = 0;

	assert_non_null(strstr(colored, "\033[31mredirect: SV RR CR UF\033[0m"));
	assert_non_null(strstr(colored, "\033[32mno redirect: SV UF\033[0m"));
	for (const char *s = colored; *s; s++) {
		if (*s == '\033') {
			escapes++;
			s = strchr(s, 'm');
			continue;
		}
		colored[n++] = *s;
	}
	colored[n] = '\0';
	assert_string_equal(colored, plain);
	assert_int_equal(escapes % 2, 0);
}

/* What the picture is drawn into; the caller frees it. */
static char *drawn(void (*draw_it)(const struct platform *p, FILE *f), const struct platform *p)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	draw_it(p, f);
	fclose(f);
	return text;
}

static void tree(const struct platform *p, FILE *f)
{
	draw_tree(p, p2p_rules_for("7.2"), &(struct draw_style){ .unicode = true }, f);
}

static void narrow_tree(const struct platform *p, FILE *f)
{
	draw_tree(p, p2p_rules_for("7.2"), &(struct draw_style){ .unicode = true, .columns = 146 },
		  f);
}

static void matrix(const struct platform *p, FILE *f)
{
	struct p2p_selection selection;

	p2p_select(p, NULL, &selection);
	draw_pairs(p, p2p_rules_for("7.2"), &selection, &(struct draw_style){ 0 }, f);
	p2p_selection_release(&selection);
}

static void dot(const struct platform *p, FILE *f)
{
	draw_dot(p, p2p_rules_for("7.2"), f);
}

static void acs(const struct platform *p, FILE *f)
{
	draw_acs(p, NULL, &(struct draw_style){ 0 }, f);
}

/* Where the kernel does not say its groups, those that are predicted, marked. */
static void test_groups(void **state attr_unused)
{
	struct platform *p = machine();
	autofree char *text = NULL;

	p->iommu_groups = KNOWN_NO;
	text = drawn(tree, p);
	assert_non_null(strstr(text, "~02:01.0"));
	assert_non_null(strstr(text, "\n~own         predicted"));
	assert_null(strstr(text, "NOT"));
	platform_free(p);
}

/* The kernel has together what ACS isolates. */
static void test_groups_differ(void **state attr_unused)
{
	static const struct model_function table[] = {
		FN("00:01.0", PORT_ROOT, 0x01, P2P_ISOLATION, 0x8086, 0x0001),
		FN("00:02.0", PORT_ROOT, 0x02, P2P_ISOLATION, 0x8086, 0x0001),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("02:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	};
	struct platform *p = model_new(table, ARRAY_LEN(table));
	autofree char *same = NULL, *other = NULL;

	p->iommu_groups = KNOWN_PRESENT;
	for (int i = 0; i < 4; i++)
		p->functions[i].iommu_group = i;
	same = drawn(tree, p);
	assert_null(strstr(same, "NOT"));
	edit(p, "02:00.0")->iommu_group = 2;
	other = drawn(tree, p);
	assert_non_null(strstr(other, "2 NOT ~01:00.0"));
	assert_non_null(strstr(other, "2 NOT ~02:00.0"));
	assert_non_null(strstr(other, "NOT AS PREDICTED: the kernel groups 2 functions"));
	platform_free(p);
}

static void test_narrow(void **state attr_unused)
{
	struct platform *p = machine();
	autofree char *text = drawn(narrow_tree, p);

	assert_non_null(strstr(text, "N\xc3\xa4"
				     "chste NVM"));
	assert_null(strstr(text, "controller"));
	platform_free(p);
}

/* Many alike are one line; where there are many classes, each host bridge has a matrix. */
static void test_many(void **state attr_unused)
{
	struct model_function table[64] = { 0 };
	char address[64][16];
	struct platform *p;
	autofree char *text = NULL, *pairs = NULL;

	for (int i = 0; i < 64; i++) {
		int bus = i < 32 ? 0 : 0x80;

		snprintf(address[i], sizeof(address[i]), "%02x:%02x.0", bus, i % 32);
		table[i] = (struct model_function)FN(address[i], PORT_RC_ENDPOINT, 0,
						     i % 32 < 14 ? (int)ACS_RR : NO_ACS, 0x8086,
						     0x09a2);
	}
	p = model_new(table, ARRAY_LEN(table));
	text = drawn(tree, p);
	pairs = drawn(matrix, p);
	assert_non_null(strstr(text, "00:0e.0 .. 00:1f.0  18 x integrated"));
	assert_null(strstr(text, "00:0f.0"));
	assert_non_null(strstr(pairs, "Below host bridge 80"));
	assert_non_null(strstr(pairs, "\n       00     80     \n00     H      H      \n"));
	platform_free(p);
}

/* Nothing of a name can end the quotes that it stands in. */
static void test_dot(void **state attr_unused)
{
	struct platform *p = machine();
	autofree char *text = NULL;
	struct function *f = edit(p, "03:00.0");

	free(f->name);
	f->name = xstrdup("a\"];b\\\nc");
	text = drawn(dot, p);
	assert_non_null(strstr(text, "a\\\"];b\\\\ c"));
	assert_non_null(strstr(text, "subgraph \"cluster host bridge 0000:80\""));
	assert_non_null(strstr(text, "subgraph \"cluster switch 0000:01:00.0\""));
	assert_non_null(strstr(text, "\"0000:02:01.0\" -> \"0000:04:00.0\" [label=\"x8 8GT/s\""));
	assert_non_null(strstr(text, "Network card\\nand 1 VFs"));
	assert_null(strstr(text, "\"0000:04:00.1\" ["));
	platform_free(p);
}

static void test_acs(void **state attr_unused)
{
	struct platform *p = machine();
	autofree char *text = drawn(acs, p);

	assert_non_null(strstr(text, "02:00.0  downstream-port  SV UF        on       on         "
				     "direct     6      pairs pass directly: who calls it on is "
				     "wrong\n"));
	assert_non_null(strstr(text,
			       "02:01.0  downstream-port  EC           off      on         "
			       "redirects  10     pairs are redirected, and gpud does not see "
			       "it\n"));
	assert_non_null(strstr(text, "00:02.0  "));
	platform_free(p);
}

static void test_nothing(void **state attr_unused)
{
	struct platform *p = platform_new("test", NULL);
	struct p2p_selection selection;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	platform_finish(p);
	draw_tree(p, p2p_rules_for(NULL), &(struct draw_style){ 0 }, f);
	p2p_select(p, NULL, &selection);
	draw_pairs(p, p2p_rules_for(NULL), &selection, &(struct draw_style){ 0 }, f);
	p2p_selection_release(&selection);
	fclose(f);
	assert_string_equal(text, "Linux ?, unknown processor, IOMMU unknown\n\n"
				  "no PCI functions\n"
				  "no pairs: no function with a memory BAR was seen.\n");
	free(text);
	platform_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unicode),       cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_color),         cmocka_unit_test(test_groups),
		cmocka_unit_test(test_groups_differ), cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_many),          cmocka_unit_test(test_dot),
		cmocka_unit_test(test_acs),           cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests_name("p2p/draw", tests, NULL, NULL);
}
