/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoded lines of lspci against the registers that they were decoded from: one machine as hex and
 * as what lspci makes of that hex, which must agree in all that the lines show. The machines are made
 * up at random, from a fixed seed, and those of P2PCERT_FIXTURES. P2PCERT_LSPCI names another lspci.
 */
#include "../test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"
#include "config_space.h"
#include "platform/platform.h"

#define TEXT_MAX (64u << 20)

struct named_member {
	const char *name;
	size_t at;
};

#define MEMBER(member) \
	{ \
#member, offsetof(struct function, member) \
	}

static const struct named_member registers[] = {
	MEMBER(command),
	MEMBER(bridge_control),
	MEMBER(express.device_capabilities),
	MEMBER(express.device_control),
	MEMBER(express.device_status),
	MEMBER(express.link_control),
	MEMBER(express.slot_capabilities),
	MEMBER(express.slot_status),
	MEMBER(express.device_capabilities_2),
	MEMBER(express.device_control_2),
	MEMBER(errors.uncorrectable),
	MEMBER(errors.uncorrectable_mask),
	MEMBER(errors.correctable),
	MEMBER(errors.dpc_control),
	MEMBER(errors.dpc_status),
	MEMBER(ats_control),
	MEMBER(pri_control),
	MEMBER(pasid_control),
	MEMBER(sriov_control),
};

static const struct named_member presences[] = {
	MEMBER(has_ats), MEMBER(has_pri),       MEMBER(has_pasid), MEMBER(has_aer),
	MEMBER(has_dpc), MEMBER(has_sriov),     MEMBER(has_dsn),   MEMBER(has_rebar),
	MEMBER(has_cxl), MEMBER(has_multicast), MEMBER(has_ide),
};

/* How often the lines showed something, so that a reader that reads nothing is noticed. */
struct tally {
	bool lines_too; /* the dump has lines as well, from a kernel that knew more than registers */
	size_t functions;
	size_t registers[ARRAY_LEN(registers)], presences[ARRAY_LEN(presences)];
	size_t windows[NR_WINDOWS], open_windows[NR_WINDOWS];
	size_t acs, link, speed, power, rebars, bars, unassigned, disabled, subsystem, virtuals;
};

/* --- comparing ----------------------------------------------------------------------------------- */

static void differ(const struct function *f, const char *what, uint64_t lines, uint64_t hex)
{
	fail_msg("%s of %s is %#llx in the lines, %#llx in the registers", what,
		 pci_addr_str(f->addr), (unsigned long long)lines, (unsigned long long)hex);
}

static void same(const struct function *f, const char *what, uint64_t lines, uint64_t hex)
{
	if (lines != hex)
		differ(f, what, lines, hex);
}

static void compare_registers(const struct function *lines, const struct function *hex,
			      struct tally *t)
{
	for (size_t i = 0; i < ARRAY_LEN(registers); i++) {
		struct reg a = *(const struct reg *)((const char *)lines + registers[i].at);
		struct reg b = *(const struct reg *)((const char *)hex + registers[i].at);

		t->registers[i] += a.seen != 0;
		same(lines, registers[i].name, a.seen & ~b.seen, 0);
		same(lines, registers[i].name, a.value & a.seen, b.value & a.seen);
	}
}

static void compare_capabilities(const struct function *lines, const struct function *hex,
				 struct tally *t)
{
	for (size_t i = 0; i < ARRAY_LEN(presences); i++) {
		bool a = *((const bool *)lines + presences[i].at);

		t->presences[i] += a;
		/* lspci before 3.7 has "Designated Vendor-Specific" and no more */
		if (presences[i].at == offsetof(struct function, has_cxl) && !a)
			continue;
		same(lines, presences[i].name, a, *((const bool *)hex + presences[i].at));
	}
	if (lines->acs.known != KNOWN_NO) {
		t->acs += lines->acs.known == KNOWN_PRESENT;
		same(lines, "ACS", lines->acs.known, hex->acs.known);
		same(lines, "ACS capability", lines->acs.capability, hex->acs.capability & 0x7f);
		same(lines, "ACS control", lines->acs.control, hex->acs.control & 0x7f);
	}
	if (lines->power_known) {
		t->power++;
		same(lines, "power", lines->powered, hex->powered);
	}
	if (hex->has_rebar && lines->nr_rebars) {
		t->rebars++;
		same(lines, "number of resizable BARs", lines->nr_rebars, hex->nr_rebars);
		for (size_t i = 0; i < hex->nr_rebars; i++) {
			same(lines, "resizable BAR", lines->rebars[i].bar, hex->rebars[i].bar);
			same(lines, "BAR's size", lines->rebars[i].size, hex->rebars[i].size);
			same(lines, "BAR's sizes", lines->rebars[i].sizes, hex->rebars[i].sizes);
		}
	}
	if (lines->first_virtual) {
		t->virtuals++;
		same(lines, "first VF", lines->first_virtual, hex->first_virtual);
		same(lines, "VF stride", lines->virtual_stride, hex->virtual_stride);
		same(lines, "VF device", lines->virtual_device, hex->virtual_device);
		same(lines, "VFs", lines->nr_virtual, hex->nr_virtual);
		same(lines, "total VFs", lines->max_virtual, hex->max_virtual);
	}
}

/* Generations that this lspci does not know are "unknown" in the lines. */
static void compare_speed(const struct function *f, const char *what, uint8_t lines, uint8_t hex,
			  struct tally *t)
{
	t->speed += lines != 0;
	if (lines)
		same(f, what, lines, hex);
}

static void compare_link(const struct function *lines, const struct function *hex, struct tally *t)
{
	if (!lines->link.known)
		return;
	t->link++;
	same(lines, "link", lines->link.known, hex->link.known);
	same(lines, "width", lines->link.width, hex->link.width);
	same(lines, "maximum width", lines->link.max_width, hex->link.max_width);
	compare_speed(lines, "speed", lines->link.speed, hex->link.speed, t);
	compare_speed(lines, "maximum speed", lines->link.max_speed, hex->link.max_speed, t);
}

static void compare_windows(const struct function *lines, const struct function *hex,
			    struct tally *t)
{
	for (size_t i = 0; i < NR_WINDOWS; i++) {
		const struct window *a = &lines->windows[i], *b = &hex->windows[i];
		bool open = a->start <= a->end;

		if (!a->known)
			continue;
		t->windows[i]++;
		t->open_windows[i] += open;
		same(lines, "window known", a->known, b->known);
		same(lines, "window open", open, b->start <= b->end);
		if (open)
			same(lines, "window's start", a->start, b->start);
		if (open)
			same(lines, "window's end", a->end, b->end);
	}
}

/* Its header is another one, of which the model has nothing but the bus numbers. */
static bool is_cardbus(const struct function *f)
{
	return f->class >> 8 == 0x0607;
}

static void compare_bars(const struct function *lines, const struct function *hex, struct tally *t)
{
	for (size_t i = 0; i < PCI_BARS && !lines->bars_unnumbered && !is_cardbus(lines); i++) {
		const struct bar *a = &lines->bars[i], *b = &hex->bars[i];

		t->bars += a->kind != BAR_NONE;
		t->unassigned += a->unassigned;
		t->disabled += a->disabled;
		same(lines, "BAR's kind", a->kind, b->kind);
		same(lines, "BAR's start", a->start, b->start);
		same(lines, "BAR prefetchable", a->prefetchable, b->prefetchable);
		if (!lines->maybe_virtual) /* of which the command register does not tell */
			same(lines, "BAR disabled", a->disabled, b->disabled);
	}
}

static void compare_function(const struct function *lines, const struct function *hex,
			     struct tally *t)
{
	t->functions++;
	same(lines, "vendor", lines->vendor, hex->vendor);
	same(lines, "device", lines->device, hex->device);
	same(lines, "revision", lines->revision, hex->revision);
	same(lines, "class", lines->class, hex->class);
	t->subsystem += lines->subvendor != 0;
	if (lines->subvendor && !is_cardbus(lines))
		same(lines, "subsystem", (uint32_t)lines->subvendor << 16 | lines->subdevice,
		     (uint32_t)hex->subvendor << 16 | hex->subdevice);
	if (lines->port_type != PORT_UNKNOWN)
		same(lines, "port type", lines->port_type, hex->port_type);
	same(lines, "bridge", lines->is_bridge, hex->is_bridge);
	same(lines, "secondary bus", lines->secondary, hex->secondary);
	same(lines, "subordinate bus", lines->subordinate, hex->subordinate);
	/* that there is no list of capabilities is seen in the first 64 bytes */
	if (lines->config_bytes > hex->config_bytes && lines->config_bytes == 4096)
		differ(lines, "config space", lines->config_bytes, hex->config_bytes);
	compare_registers(lines, hex, t);
	if (lines->config_bytes == 4096)
		compare_capabilities(lines, hex, t);
	compare_link(lines, hex, t);
	compare_windows(lines, hex, t);
	if (!t->lines_too)
		compare_bars(lines, hex, t);
}

/* --- what lspci makes of a dump ------------------------------------------------------------------- */

static const char *lspci(void)
{
	const char *other = getenv("P2PCERT_LSPCI");

	return other ? other : "lspci";
}

static void needs_lspci(void)
{
	autofree char *command = xasprintf("command -v %s >/dev/null", lspci());

	if (system(command) != 0)
		skip();
}

/* NULL if lspci does not read the dump. */
static char *decoded(const char *dump, const char *options)
{
	autofree char *command = xasprintf("%s -F '%s' %s 2>/dev/null", lspci(), dump, options);
	FILE *f = popen(command, "re");
	char *text = xcalloc(TEXT_MAX, 1);
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, TEXT_MAX - 1, f);
	text[len] = '\0';
	if (pclose(f) != 0 || !len) {
		free(text);
		return NULL;
	}
	return text;
}

static struct platform *read_text(const char *text)
{
	autofree char *why = NULL;
	struct platform *p = platform_read_memory("text", text, strlen(text), &why);

	if (!p)
		fail_msg("%s", why);
	return p;
}

/* False if lspci does not read the dump. */
static bool compare_dump(const char *path, const char *options, struct tally *t)
{
	autofree char *text = decoded(path, options);
	autofree char *why = NULL;
	autoplatform struct platform *lines = NULL, *hex = NULL;

	if (!text)
		return false;
	lines = read_text(text);
	hex = platform_read_from(path, &why);
	assert_non_null(hex);
	assert_int_equal(lines->nr_functions, hex->nr_functions);
	for (size_t i = 0; i < hex->nr_functions; i++) {
		assert_true(pci_addr_eq(lines->functions[i].addr, hex->functions[i].addr));
		compare_function(&lines->functions[i], &hex->functions[i], t);
	}
	return true;
}

/* --- made-up machines ----------------------------------------------------------------------------- */

/* xorshift64*: the same numbers on every machine. */
static uint32_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dull >> 32);
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return next(state) % n;
}

/* Registers are mostly zeros, sometimes ones, or anything. */
static void fill(uint8_t *at, size_t bytes, uint64_t *state)
{
	uint32_t kind = below(state, 4);

	for (size_t i = 0; i < bytes; i++)
		at[i] = kind == 0   ? 0
			: kind == 1 ? (uint8_t)next(state)
				    : (uint8_t)(next(state) & next(state));
}

/* Is there a PCI Express capability among them? */
static bool make_standard(uint8_t *config, uint64_t *state)
{
	static const struct {
		uint8_t id, bytes;
	} kinds[] = { { 0x01, 8 }, { 0x05, 24 }, { 0x10, 60 }, { 0x0d, 8 }, { 0x11, 12 } };
	uint8_t at = 0x40, *link = &config[0x34];
	uint32_t first = below(state, ARRAY_LEN(kinds));
	bool express = false;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t kind = (first + i) % ARRAY_LEN(kinds);

		if (!below(state, 4))
			continue;
		config[0x06] |= 0x10;
		*link = at;
		fill(config + at, kinds[kind].bytes, state);
		config[at] = kinds[kind].id;
		config[at + 1] = 0;
		if (kinds[kind].id == 0x10) {
			static const uint32_t types[] = { 0, 1, 4, 5, 6, 7, 8, 9, 10 };

			put16(config, at + 2,
			      (uint16_t)(types[below(state, ARRAY_LEN(types))] << 4 |
					 below(state, 2) << 8 | (1 + below(state, 2))));
		}
		express |= kinds[kind].id == 0x10;
		link = &config[at + 1];
		at = (uint8_t)(at + kinds[kind].bytes);
	}
	return express;
}

static void make_rebar(uint8_t *cap, uint64_t *state)
{
	uint32_t nr = 1 + below(state, 6);

	for (uint32_t i = 0; i < nr; i++)
		put32(cap, 8 + 8 * i,
		      i | nr << 5 | below(state, 20) << 8 | (next(state) & next(state)) << 16);
}

static void make_extended(uint8_t *config, uint64_t *state)
{
	static const uint16_t ids[] = {
		0x01, 0x02, 0x03, 0x0b, 0x0d, 0x0e, 0x0f, 0x10, 0x12, 0x13,
		0x15, 0x1b, 0x1d, 0x1e, 0x1f, 0x23, 0x23, 0x25, 0x26, 0x30
	};
	enum { STEP = 0x80 };
	uint32_t first = below(state, ARRAY_LEN(ids));
	size_t last = 0, at = 0x100;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		uint16_t id = ids[(first + i) % ARRAY_LEN(ids)];

		if (!below(state, 3) || at + STEP > CONFIG_SIZE)
			continue;
		fill(config + at, STEP, state);
		put32(config, at, id | (1 + below(state, 2)) << 16);
		if (id == 0x15)
			make_rebar(config + at, state);
		if (id == 0x23) /* of which lspci reads more than the header if it is CXL */
			put32(config, at + 4, below(state, 2) ? 0x03c01e98 : 0x03c08086);
		if (last)
			put16(config, last + 2,
			      (uint16_t)((config[last + 2] & 0xf) | (uint16_t)(at << 4)));
		last = at;
		at += STEP;
	}
}

static void make_config(uint8_t config[CONFIG_SIZE], uint64_t *state)
{
	bool bridge = below(state, 2);

	config_header(config, 0x1b36, (uint16_t)next(state),
		      bridge ? 0x060400 : 0x030000 | (next(state) & 0x0200));
	config[0x08] = (uint8_t)next(state);
	put16(config, 0x04, (uint16_t)next(state));
	if (bridge) {
		config_bridge(config, 1, (uint8_t)(2 + below(state, 100)), 0xff);
		fill(config + 0x1c, 0x18, state);
		config[0x1c] &= 0xf1;
		config[0x1d] = (uint8_t)((config[0x1d] & 0xf0) | (config[0x1c] & 0x0f));
		config[0x20] &= 0xf0;
		config[0x22] &= 0xf0;
		config[0x24] &= 0xf1;
		config[0x26] = (uint8_t)((config[0x26] & 0xf0) | (config[0x24] & 0x0f));
		put16(config, 0x3e, (uint16_t)next(state));
	} else {
		put32(config, 0x10, below(state, 2) ? 0xe0000000 | below(state, 2) << 3 : 0);
		put32(config, 0x14, below(state, 2) ? 0x0000e001 : 0);
		put32(config, 0x18, below(state, 2) ? 0x0000000c : 0x80000004);
		put32(config, 0x1c, below(state, 3));
		put32(config, 0x2c, next(state) | 1);
	}
	/* what is not PCIe has no extended ones */
	if (below(state, 16) && make_standard(config, state))
		make_extended(config, state);
}

static void write_hex(FILE *f, unsigned int index, const uint8_t *config, size_t len)
{
	fprintf(f, "%02x:%02x.%x Made up: as Hex\n", 1 + (index >> 8), index >> 3 & 0x1f,
		index & 7);
	for (size_t at = 0; at < len; at += 16) {
		fprintf(f, "%02zx:", at);
		for (size_t i = 0; i < 16; i++)
			fprintf(f, " %02x", config[at + i]);
		fputs("\n", f);
	}
	fputs("\n", f);
}

static void make_machine(const char *path, unsigned int functions, uint64_t *state)
{
	static const size_t lengths[] = { 4096, 4096, 4096, 4096, 256, 64 };
	size_t len =
		lengths[below(state, ARRAY_LEN(lengths))]; /* as far as the machine can be read */
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (unsigned int i = 0; i < functions; i++) {
		uint8_t config[CONFIG_SIZE];

		make_config(config, state);
		write_hex(f, i, config, len);
	}
	assert_int_equal(fclose(f), 0);
}

/* Everything that can be read was shown at least once, or the comparison means nothing. */
static void expect_all(const struct tally *t)
{
	for (size_t i = 0; i < ARRAY_LEN(registers); i++)
		if (!t->registers[i])
			fail_msg("%s was never seen", registers[i].name);
	for (size_t i = 0; i < ARRAY_LEN(presences); i++)
		if (!t->presences[i])
			fail_msg("%s was never seen", presences[i].name);
	for (size_t i = 0; i < NR_WINDOWS; i++)
		assert_true(t->open_windows[i] && t->windows[i] > t->open_windows[i]);
	assert_true(t->acs && t->link && t->speed && t->power && t->rebars && t->bars &&
		    t->unassigned && t->disabled && t->subsystem && t->virtuals);
}

static void test_made_up(void **state)
{
	static const char *const options[] = { "-vvvnn", "-vvnn", "-vnn", "-vvvn" };
	const char *seeds = getenv("P2PCERT_DIFFERENTIAL_SEEDS");
	autofree char *path = xasprintf("%s/dump", (char *)*state);
	struct tally t = { 0 };
	uint64_t nr = 8;

	needs_lspci();
	if (seeds)
		assert_int_equal(text_to_u64(seeds, 10, UINT32_MAX, &nr), 0);
	for (uint64_t seed = 1; seed <= nr; seed++) {
		uint64_t random = seed * 0x9e3779b97f4a7c15ull;

		make_machine(path, 100, &random);
		for (size_t i = 0; i < ARRAY_LEN(options); i++)
			assert_true(compare_dump(path, options[i], &t));
	}
	if (!getenv("P2PCERT_LSPCI")) /* old ones do not know all of it */
		expect_all(&t);
}

/* --- machines captured by others ------------------------------------------------------------------ */

/* nftw() has no argument for its caller. */
static struct tally fixtures = { .lines_too = true };
static size_t nr_dumps;

static int compare_file(const char *path, const struct stat *st, int flag attr_unused,
			struct FTW *ftw attr_unused)
{
	if (S_ISREG(st->st_mode) && compare_dump(path, "-vvvnn", &fixtures)) {
		nr_dumps++;
		assert_true(compare_dump(path, "-vnn", &fixtures));
	}
	return 0;
}

static void test_fixtures(void **state attr_unused)
{
	const char *folder = getenv("P2PCERT_FIXTURES");
	autofree char *dumps = NULL;

	needs_lspci();
	if (!folder)
		skip();
	dumps = xasprintf("%s/pciutils", folder);
	assert_int_equal(nftw(dumps, compare_file, 16, FTW_PHYS), 0);
	assert_true(nr_dumps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(test_made_up),
		cmocka_unit_test(test_fixtures),
	};

	return cmocka_run_group_tests_name("platform/lspci_decoded", tests, NULL, NULL);
}
