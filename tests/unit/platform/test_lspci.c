/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lspci text: what the lab's guest printed against what p2pcert saw there live, what mail and terminals
 * do to it, and made-up functions for what the lab does not have.
 */
#include "../test.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "config_space.h"
#include "platform/platform.h"

#define TEXT_MAX (4u << 20)

/* --- helpers ------------------------------------------------------------------------------------- */

static struct platform *read_bytes(const char *text, size_t len)
{
	autofree char *why = NULL;
	struct platform *p = platform_read_memory("text", text, len, &why);

	if (!p)
		fail_msg("%s", why);
	assert_string_equal(p->source_kind, "lspci");
	return p;
}

static struct platform *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void refuses(const char *text, size_t len, int error, const char *message)
{
	autofree char *why = NULL;

	errno = 0;
	assert_null(platform_read_memory("text", text, len, &why));
	assert_int_equal(errno, error);
	if (!strstr(why, message))
		fail_msg("'%s' does not say '%s'", why, message);
}

static char *data_path(const char *name)
{
	const char *dir = getenv("P2PCERT_TEST_DATA");

	assert_non_null(dir);
	return xasprintf("%s/platform/lab/%s", dir, name);
}

static struct platform *read_lab(const char *name)
{
	autofree char *path = data_path(name);
	autofree char *why = NULL;
	struct platform *p = platform_read_from(path, &why);

	if (!p)
		fail_msg("%s", why);
	return p;
}

static char *lab_text(const char *name)
{
	autofree char *path = data_path(name);
	char *text;

	assert_int_equal(fs_read(AT_FDCWD, path, TEXT_MAX, &text, NULL), 0);
	return text;
}

static const struct function *find(const struct platform *p, const char *address)
{
	const struct function *f;
	struct pci_addr addr;

	assert_int_equal(pci_addr_parse(address, &addr), 0);
	f = platform_find(p, addr);
	if (!f)
		fail_msg("'%s' was not found", address);
	return f;
}

static const char *gap_of(const struct platform *p, const char *subject, const char *text)
{
	for (size_t i = 0; i < p->nr_gaps; i++)
		if (strcmp(p->gaps[i].subject, subject) == 0 && strstr(p->gaps[i].text, text))
			return p->gaps[i].text;
	return NULL;
}

/* A growing text. */
struct buffer {
	char *s;
	size_t len, room;
};

static void append(struct buffer *b, const char *s, size_t len)
{
	if (b->len + len + 1 > b->room) {
		b->room = 2 * (b->len + len + 1);
		b->s = xreallocarray(b->s, b->room, 1);
	}
	memcpy(b->s + b->len, s, len);
	b->len += len;
	b->s[b->len] = '\0';
}

static void append_str(struct buffer *b, const char *s)
{
	append(b, s, strlen(s));
}

static void append_hex(struct buffer *b, const char *headline, const uint8_t *config, size_t len)
{
	append_str(b, headline);
	append_str(b, "\n");
	for (size_t at = 0; at < len; at += 16) {
		char row[64];
		int n = snprintf(row, sizeof(row), "%02zx:", at);

		for (size_t i = 0; i < 16; i++)
			n += snprintf(row + n, sizeof(row) - (size_t)n, " %02x", config[at + i]);
		append_str(b, row);
		append_str(b, "\n");
	}
	append_str(b, "\n");
}

/* --- the lab's guest, live and as text ----------------------------------------------------------- */

static const json_t *by_address(const json_t *doc, const char *address)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(doc, "functions"), i, f)
		if (strcmp(jx_get_str(f, "address"), address) == 0)
			return f;
	return NULL;
}

/* What is in both is the same; what is wanted must be in both. */
static void compare_function(const json_t *live, const json_t *shown, const char *const *wanted)
{
	const char *address = jx_get_str(live, "address");

	for (; *wanted; wanted++) {
		const json_t *a = json_object_get(live, *wanted),
			     *b = json_object_get(shown, *wanted);
		autofree char *live_text = a ? jx_line(a) : xstrdup("nothing");
		autofree char *shown_text = b ? jx_line(b) : xstrdup("nothing");

		if (strcmp(live_text, shown_text) != 0)
			fail_msg("%s of %s is %s, not %s", *wanted, address, shown_text, live_text);
	}
}

static void compare_with_live(const char *name, const char *const *wanted)
{
	autofree char *path = data_path("probe.json");
	autoplatform struct platform *p = read_lab(name);
	autojson json_t *shown = platform_to_json(p);
	autojson json_t *live = NULL;
	autofree char *why = NULL;
	const json_t *f;
	size_t i;

	assert_int_equal(jx_load(path, TEXT_MAX, &live, &why), 0);
	json_array_foreach (json_object_get(live, "functions"), i, f) {
		const json_t *other = by_address(shown, jx_get_str(f, "address"));

		assert_non_null(other);
		compare_function(f, other, wanted);
	}
	assert_int_equal(i, 26);
	assert_int_equal(p->nr_functions, 26);
	json_array_foreach (json_object_get(live, "host_bridges"), i, f)
		compare_function(f, json_array_get(json_object_get(shown, "host_bridges"), i),
				 (const char *const[]){ "address", "first", NULL });
	assert_int_equal(i, p->nr_host_bridges);
}

static void test_lab_hex(void **state attr_unused)
{
	static const char *const wanted[] = {
		"vendor",
		"device",
		"revision",
		"class",
		"port_type",
		"upstream",
		"on_root_bus",
		"multifunction",
		"physical_function",
		"secondary_bus",
		"subordinate_bus",
		"config_bytes",
		"bus_master",
		"capabilities",
		"max_virtual_functions",
		"virtual_functions",
		"link",
		NULL,
	};

	compare_with_live("lspci-xxxx.txt.xz", wanted);
}

static void test_lab_decoded(void **state attr_unused)
{
	static const char *const numbers[] = {
		"vendor",
		"device",
		"revision",
		"class",
		"port_type",
		"upstream",
		"on_root_bus",
		"physical_function",
		"secondary_bus",
		"subordinate_bus",
		"driver",
		"bus_master",
		"bars",
		"virtual_functions",
		"max_virtual_functions",
		"link",
		"numa_node",
		"iommu_group",
		NULL,
	};
	static const char *const *names = numbers + 3; /* ids depend on the database */

	compare_with_live("lspci-vvvnn.txt", numbers);
	compare_with_live("lspci-vvv.txt", names);
}

static void test_lab_acs(void **state attr_unused)
{
	static const char *const texts[] = { "lspci-xxxx.txt.xz", "lspci-vvvnn.txt",
					     "lspci-vvv.txt" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		autoplatform struct platform *p = read_lab(texts[i]);

		assert_int_equal(find(p, "00:03.0")->acs.known, KNOWN_PRESENT);
		assert_int_equal(find(p, "00:03.0")->acs.capability, 0x5f);
		assert_int_equal(find(p, "00:03.0")->acs.control, 0x1d);
		assert_int_equal(find(p, "02:01.0")->acs.control, 0x11);
		assert_int_equal(find(p, "01:00.0")->acs.known, KNOWN_ABSENT);
		assert_int_equal(find(p, "00:00.0")->acs.known, KNOWN_ABSENT);
		assert_true(find(p, "08:10.2")->is_virtual);
	}
}

/* lspci -v shows that there is ACS, and not what it is set to; without root not even that. */
static void test_lab_less(void **state attr_unused)
{
	autoplatform struct platform *v = read_lab("lspci-v.txt");
	autoplatform struct platform *user = read_lab("lspci-user.txt");

	assert_int_equal(find(v, "00:03.0")->acs.known, KNOWN_NO);
	assert_int_equal(find(v, "01:00.0")->acs.known, KNOWN_ABSENT);
	assert_int_equal(find(v, "01:00.0")->port_type, PORT_UPSTREAM);
	assert_true(find(v, "03:00.0")->bars_unnumbered);
	assert_true(find(v, "08:10.2")->maybe_virtual);
	assert_false(find(v, "08:10.2")->multifunction_known);
	assert_int_equal(find(user, "00:03.0")->acs.known, KNOWN_NO);
	assert_int_equal(find(user, "00:03.0")->port_type, PORT_UNKNOWN);
	assert_int_equal(find(user, "00:03.0")->secondary, 1);
	assert_int_equal(find(user, "00:00.0")->acs.known,
			 KNOWN_ABSENT); /* it has no list at all */
}

/* --- what happens to text on its way --------------------------------------------------------------- */

static void write_line(struct buffer *out, const char *line, size_t len)
{
	append(out, line, len);
	append_str(out, "\n");
}

static void crlf(struct buffer *out, const char *line, size_t len)
{
	append(out, line, len);
	append_str(out, "\r\n");
}

static void quoted(struct buffer *out, const char *line, size_t len)
{
	append_str(out, "> ");
	write_line(out, line, len);
}

static void quoted_twice(struct buffer *out, const char *line, size_t len)
{
	append_str(out, len ? "> > " : "> >"); /* clients cut blanks at the end */
	write_line(out, line, len);
}

static void blanks(struct buffer *out, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		append(out, line[i] == '\t' ? "        " : line + i, line[i] == '\t' ? 8 : 1);
	append_str(out, "\n");
}

static void no_indentation(struct buffer *out, const char *line, size_t len)
{
	size_t skip = strspn(line, "\t ");

	write_line(out, line + (skip < len ? skip : len), len - (skip < len ? skip : len));
}

static void trailing_blanks(struct buffer *out, const char *line, size_t len)
{
	append(out, line, len);
	append_str(out, "  \t\n");
}

static void double_spaced(struct buffer *out, const char *line, size_t len)
{
	write_line(out, line, len);
	append_str(out, "\n");
}

/* Broken at the last blank before column 72, as mail does; what follows has no indentation. */
static void wrapped(struct buffer *out, const char *line, size_t len)
{
	while (len > 72) {
		size_t at = 72;

		while (at > 40 && line[at] != ' ')
			at--;
		if (line[at] != ' ')
			break;
		write_line(out, line, at);
		line += at + 1;
		len -= at + 1;
	}
	write_line(out, line, len);
}

static void wrapped_and_quoted(struct buffer *out, const char *line, size_t len)
{
	struct buffer lines = { 0 };
	char *rest, *one;

	wrapped(&lines, line, len);
	lines.s[lines.len - 1] = '\0';
	rest = lines.s;
	while ((one = strsep(&rest, "\n")))
		quoted(out, one, strlen(one));
	free(lines.s);
}

static void coloured(struct buffer *out, const char *line, size_t len)
{
	append_str(out, "\x1b[1;32m");
	append(out, line, len);
	append_str(out, "\x1b[0m\x1b[K\n");
}

/* As a page's source has it; blanks are of the kind that is not broken. */
static void web_page(struct buffer *out, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *is = line[i] == '<'   ? "&lt;"
				 : line[i] == '>' ? "&gt;"
				 : line[i] == '&' ? "&amp;"
				 : line[i] == ' ' ? "\xc2\xa0"
						  : NULL;

		append(out, is ? is : line + i, is ? strlen(is) : 1);
	}
	append_str(out, "<br/>\n");
}

static json_t *functions_of(const struct platform *p)
{
	autojson json_t *doc = platform_to_json(p);

	return json_incref(json_object_get(doc, "functions"));
}

static void test_transformed(void **state attr_unused)
{
	static const struct {
		const char *name;
		void (*line)(struct buffer *out, const char *line, size_t len);
	} ways[] = {
		{ "crlf", crlf },
		{ "quoted", quoted },
		{ "quoted twice", quoted_twice },
		{ "blanks", blanks },
		{ "no indentation", no_indentation },
		{ "trailing blanks", trailing_blanks },
		{ "double spaced", double_spaced },
		{ "wrapped", wrapped },
		{ "wrapped and quoted", wrapped_and_quoted },
		{ "coloured", coloured },
		{ "on a web page", web_page },
	};
	static const char *const texts[] = { "lspci-vvvnn.txt", "lspci-vvv.txt", "lspci-v.txt",
					     "lspci-user.txt" };

	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		autofree char *text = lab_text(texts[t]);
		autoplatform struct platform *before = read_text(text);
		autojson json_t *expected = functions_of(before);

		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			struct buffer out = { 0 };
			autojson json_t *found = NULL;
			struct platform *p;

			for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
				ways[w].line(&out, line, strcspn(line, "\n"));
			p = read_bytes(out.s, out.len);
			found = functions_of(p);
			if (!json_equal(found, expected))
				fail_msg("%s is read differently when %s", texts[t], ways[w].name);
			platform_free(p);
			free(out.s);
		}
	}
}

/* Reports hold the output of several commands, one after the other. */
static void test_sections(void **state attr_unused)
{
	autofree char *vvv = lab_text("lspci-vvv.txt");
	autofree char *vvvnn = lab_text("lspci-vvvnn.txt");
	autofree char *user = lab_text("lspci-user.txt");
	autoplatform struct platform *before = read_text(vvvnn);
	autojson json_t *expected = functions_of(before);
	autofree char *report =
		xasprintf("=== lspci ===\n```\n$ lspci -nn\n%s```\n*** /usr/bin/lspci -vvvnn\n%s"
			  "\n____________\n\n$ sudo lspci -vvv\n%s"
			  "# lspci -tv\n-[0000:00]-+-00.0  Intel Corporation 82G33: somewhat\n"
			  "           +-03.0-[01-07]----00.0-[02-07]--\n"
			  "$ lscpu\nArchitecture: x86_64\nFlags: fpu vme de\nNUMA node(s): 2\n"
			  "Capabilities: none\n[  0.1] pci 0000:00:00.0: [8086:29c0] type 00\n",
			  user, vvvnn, vvv);
	autoplatform struct platform *p = read_text(report);
	autojson json_t *found = functions_of(p);

	assert_int_equal(p->nr_functions, before->nr_functions);
	assert_true(json_equal(found, expected));
}

static void test_around(void **state attr_unused)
{
	autofree char *text = lab_text("lspci-vvvnn.txt");
	autoplatform struct platform *before = read_text(text);
	autojson json_t *expected = functions_of(before);
	autofree char *around = xasprintf("Hi,\nthis is what 12:34.5 says, see 3b:00.0 below:\n\n"
					  "root@host:~# lspci -vvvnn\n%sroot@host:~# exit\n"
					  "-- \nKernel panic: not syncing\n",
					  text);
	autoplatform struct platform *p = read_text(around);
	autojson json_t *found = functions_of(p);

	assert_true(json_equal(found, expected));
	/* the last function's end is an empty line, which may have been cut */
	text[strlen(text) - 2] = '\0';
	platform_free(take_ptr(p));
	p = read_text(text);
	assert_int_equal(p->nr_functions, before->nr_functions);
}

/* --- made-up functions ----------------------------------------------------------------------------- */

#define PORT_LINES \
	"\tControl: I/O- Mem+ BusMaster+ SpecCycle-\n" \
	"\tBus: primary=00, secondary=3b, subordinate=3c, sec-latency=0\n"

static void test_wordings(void **state attr_unused)
{
	static const struct {
		const char *text;
		enum port_type type;
	} wordings[] = {
		{ "Express (v2) Root Port (Slot-), MSI 00", PORT_ROOT },
		{ "Express (v2) Root Port (Slot+), IntMsgNum 0", PORT_ROOT },
		{ "Express Root Port (Slot+) IRQ 0", PORT_ROOT },
		{ "Express (v2) Upstream Port, MSI 00", PORT_UPSTREAM },
		{ "Express (v2) Downstream Port (Slot+), IntMsgNum 0", PORT_DOWNSTREAM },
		{ "Express (v1) PCI-Express to PCI/PCI-X Bridge, MSI 00", PORT_PCIE_TO_PCI },
		{ "Express (v1) PCI/PCI-X to PCI-Express Bridge, MSI 00", PORT_PCI_TO_PCIE },
		{ "Express (v2) Endpoint, MSI 00", PORT_ENDPOINT },
		{ "Express (v2) Legacy Endpoint, IntMsgNum 0", PORT_LEGACY_ENDPOINT },
		{ "Express (v2) Root Complex Integrated Endpoint, MSI 00", PORT_RC_ENDPOINT },
		{ "Express (v2) Root Complex Event Collector, MSI 00", PORT_RC_EVENT_COLLECTOR },
		{ "Express (v2) Unknown type 13", PORT_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
		autofree char *text =
			xasprintf("00:01.0 PCI bridge [0604]: X [8086:1234]\n" PORT_LINES
				  "\tCapabilities: [40] %s\n\n",
				  wordings[i].text);
		autoplatform struct platform *p = read_text(text);

		assert_int_equal(find(p, "00:01.0")->port_type, wordings[i].type);
		assert_int_equal(find(p, "00:01.0")->secondary, 0x3b);
	}
}

static void test_access_denied(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"00:01.0 PCI bridge [0604]: X [8086:1234]\n" PORT_LINES
		"\tCapabilities: <access denied>\n\tKernel driver in use: pcieport\n\n"
		"00:02.0 PCI bridge [0604]: X [8086:1234]\n\tControl: BusMaster-\n"
		"\tCapabilities: [40] Express (v2) Root Port (Slot-), MSI 00\n"
		"\tCapabilities: [100 v1] Access Control Services\n"
		"\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- "
		"DirectTrans-\n"
		"\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir- CmpltRedir- UpstreamFwd- EgressCtrl- "
		"DirectTrans-\n\n");
	const struct function *f = find(p, "00:01.0");

	assert_int_equal(f->acs.known, KNOWN_NO);
	assert_int_equal(f->port_type, PORT_UNKNOWN);
	assert_int_equal(f->config_bytes, 64);
	assert_string_equal(f->driver, "pcieport");
	assert_non_null(gap_of(p, "config space", "of 1 of 2 functions"));
	f = find(p, "00:02.0");
	assert_int_equal(f->acs.capability, 0x1f);
	assert_int_equal(f->acs.control, ACS_SV);
	assert_int_equal(f->config_bytes, 4096);
}

/* Where no function shows extended capabilities, config space beyond byte 256 was not reached. */
static void test_no_extended(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"00:01.0 PCI bridge [0604]: X [8086:1234]\n" PORT_LINES
		"\tCapabilities: [40] Express (v2) Root Port (Slot-), MSI 00\n\n"
		"00:02.0 USB controller [0c03]: X [8086:1235]\n\tControl: BusMaster-\n\n");

	assert_int_equal(find(p, "00:01.0")->acs.known, KNOWN_NO);
	assert_int_equal(find(p, "00:01.0")->config_bytes, 256);
	assert_int_equal(find(p, "00:02.0")->port_type, PORT_CONVENTIONAL);
	assert_int_equal(find(p, "00:02.0")->acs.known, KNOWN_ABSENT);
}

/* The end of the last function may be missing: what it does not show is not absent. */
static void test_cut(void **state attr_unused)
{
	static const char text[] = "00:01.0 PCI bridge [0604]: X [8086:1234]\n" PORT_LINES
				   "\tCapabilities: [40] Express (v2) Root Port (Slot-), MSI 00\n"
				   "\tCapabilities: [100 v1] Advanced Error Reporting\n";
	autofree char *ended = xasprintf("%s\n", text);
	autofree char *in_bits =
		xasprintf("%s\tCapabilities: [148 v1] Access Control Services\n"
			  "\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ "
			  "EgressCtrl- DirectTrans-\n"
			  "\t\tACSCtl:\tSrcValid- TransBlk- ReqRedir",
			  text);
	autoplatform struct platform *p = read_text(text);

	assert_int_equal(find(p, "00:01.0")->acs.known, KNOWN_NO);
	platform_free(take_ptr(p));
	p = read_text(ended);
	assert_int_equal(find(p, "00:01.0")->acs.known, KNOWN_ABSENT);
	platform_free(take_ptr(p));
	p = read_text(in_bits);
	assert_int_equal(find(p, "00:01.0")->acs.known, KNOWN_NO);
}

static void test_terse(void **state attr_unused)
{
	autoplatform struct platform *p =
		read_text("00:00.0 0600: 8086:09a2 (rev 20)\n"
			  "3b:00.0 0302: 10de:2330 (rev a1)\n"
			  "3b:00.1 Class 0403: 10de:2331\n"
			  "3c:00.0 3D controller [0302]: NVIDIA Corporation "
			  "Device [10de:2330] (rev a1)\n");
	const struct function *f = find(p, "3b:00.0");

	assert_int_equal(f->vendor, 0x10de);
	assert_int_equal(f->device, 0x2330);
	assert_int_equal(f->revision, 0xa1);
	assert_int_equal(f->class, 0x030200);
	assert_int_equal(f->port_type, PORT_UNKNOWN);
	assert_int_equal(f->upstream, UPSTREAM_UNKNOWN);
	assert_false(f->multifunction_known);
	assert_int_equal(find(p, "00:00.0")->upstream, UPSTREAM_ROOT_BUS);
	assert_int_equal(find(p, "3b:00.1")->class, 0x040300);
	assert_int_equal(find(p, "3c:00.0")->device, 0x2330);
	assert_non_null(gap_of(p, "class", "4 of 4"));
}

static void test_regions(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"10002:3b:00.0 3D controller [0302]: X [10de:2330] (prog-if 01 [Y])\n"
		"\tControl: I/O- Mem+ BusMaster+\n\tNUMA node: 1\n\tIOMMU group: 77\n"
		"\tRegion 0: Memory at 20fffff20000 (64-bit, prefetchable) [size=128G]\n"
		"\tRegion 2: Memory at <unassigned> (32-bit, non-prefetchable) [disabled]\n"
		"\tRegion 5: I/O ports at e000 [size=32]\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n"
		"\t\tLnkCap:\tPort #0, Speed 32GT/s, Width x16, ASPM not supported\n"
		"\t\tLnkSta:\tSpeed 2.5GT/s (downgraded), Width x8 (downgraded)\n"
		"\tCapabilities: [180 v1] Single Root I/O Virtualization (SR-IOV)\n"
		"\t\tIOVCtl:\tEnable- Migration- Interrupt- MSE- ARIHierarchy+\n"
		"\t\tInitial VFs: 16, Total VFs: 16, Number of VFs: 4, Function "
		"Dependency Link: 00\n"
		"\t\tVF offset: 4, stride: 1, Device ID: 2331\n"
		"\t\tRegion 0: Memory at 0000000099000000 (32-bit, non-prefetchable)\n"
		"\t\tFlags: PMEClk- DSI-\n\n");
	const struct function *f = find(p, "10002:3b:00.0");

	assert_int_equal(f->class, 0x030201);
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->iommu_group, 77);
	assert_int_equal(p->iommu_groups, KNOWN_PRESENT);
	assert_true(f->bus_master);
	assert_int_equal(f->bars[0].kind, BAR_MEM64);
	assert_true(f->bars[0].prefetchable);
	assert_true(f->bars[0].start == 0x20fffff20000 && f->bars[0].size == 128ull << 30);
	assert_int_equal(f->bars[1].kind, BAR_NONE);
	assert_int_equal(f->bars[2].kind, BAR_MEM32);
	assert_true(f->bars[2].start == 0 && f->bars[2].size == 0);
	assert_int_equal(f->bars[5].kind, BAR_IO);
	assert_int_equal(f->bars[5].size, 32);
	assert_true(f->link.known);
	assert_int_equal(f->link.max_speed, 5);
	assert_int_equal(f->link.speed, 1);
	assert_int_equal(f->link.max_width, 16);
	assert_int_equal(f->link.width, 8);
	assert_true(f->has_sriov);
	assert_int_equal(f->max_virtual, 16);
	assert_int_equal(f->nr_virtual, 0); /* not enabled */
	assert_int_equal(f->virtual_device, 0x2331);
}

/* --- hex ------------------------------------------------------------------------------------------- */

#define HEADLINE "3b:00.0 PCI bridge: Some Company Some Bridge (rev b0)"

static void make_port(uint8_t config[CONFIG_SIZE], uint16_t control)
{
	config_header(config, 0x1000, 0xc010, 0x060400);
	config_bridge(config, 0x3b, 0x3c, 0x3d);
	config_express(config, 6, 4, 16, 3, 8);
	config_acs(config, 0x5f, control);
}

static void test_hex_is_the_truth(void **state attr_unused)
{
	uint8_t config[CONFIG_SIZE];
	struct buffer b = { 0 };
	struct platform *p;
	const struct function *f;

	make_port(config, ACS_RR);
	append_hex(&b,
		   "3b:00.0 VGA compatible controller [0300]: X [8086:1111] (rev 07)\n"
		   "\tControl: BusMaster+\n"
		   "\tNUMA node: 1\n"
		   "\tRegion 0: Memory at 90000000 (32-bit, non-prefetchable) [size=4K]\n"
		   "\tCapabilities: [40] Express (v2) Endpoint, MSI 00\n"
		   "\tKernel driver in use: pcieport",
		   config, CONFIG_SIZE);
	p = read_bytes(b.s, b.len);
	f = find(p, "3b:00.0");
	assert_int_equal(f->vendor, 0x1000);
	assert_int_equal(f->class, 0x060400);
	assert_int_equal(f->port_type, PORT_DOWNSTREAM);
	assert_int_equal(f->acs.control, ACS_RR);
	assert_int_equal(f->secondary, 0x3c);
	assert_int_equal(f->link.width, 8);
	assert_int_equal(f->config_bytes, 4096);
	/* and what registers do not show is taken from the lines */
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->bars[0].size, 4096);
	assert_string_equal(f->driver, "pcieport");
	platform_free(p);
	free(b.s);
}

/* Where row n of append_hex() begins: from the 17th on offsets have three digits. */
#define ROW(n) (sizeof(HEADLINE) + 52 * (n) + ((n) > 16 ? (n)-16 : 0))

/* Rows in any state: the first hole ends what is known. */
static void test_hex_rows(void **state attr_unused)
{
	static const struct {
		size_t from, to; /* of the text: what is overwritten with x */
		size_t config_bytes;
	} damages[] = {
		{ 0, 0, 4096 },
		{ ROW(255) + 20, ROW(255) + 21, 256 }, /* a digit near the end */
		{ ROW(17), ROW(18), 256 }, /* a row */
		{ ROW(10), ROW(11), 64 },
		{ ROW(2), ROW(3), 0 },
	};
	uint8_t config[CONFIG_SIZE];

	make_port(config, ACS_RR);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct buffer b = { 0 };
		struct platform *p;

		append_hex(&b, HEADLINE, config, CONFIG_SIZE);
		for (size_t at = damages[i].from; at < damages[i].to; at++)
			if (b.s[at] != '\n')
				b.s[at] = 'x';
		p = read_bytes(b.s, b.len);
		assert_int_equal(p->nr_functions, 1);
		assert_int_equal(find(p, "3b:00.0")->config_bytes, damages[i].config_bytes);
		platform_free(p);
		free(b.s);
	}
}

static void test_hex_forms(void **state attr_unused)
{
	static const size_t lengths[] = { 64, 256, 4096 };
	uint8_t config[CONFIG_SIZE];

	make_port(config, ACS_RR);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct buffer plain = { 0 }, other = { 0 };
		struct platform *a, *b;
		json_t *x, *y;

		append_hex(&plain, HEADLINE, config, lengths[i]);
		for (const char *line = plain.s; *line; line += strcspn(line, "\n") + 1) {
			append_str(&other, "> ");
			append(&other, line, strcspn(line, "\n"));
			append_str(&other, "\r\n");
		}
		a = read_bytes(plain.s, plain.len);
		b = read_bytes(other.s, other.len);
		assert_int_equal(find(a, "3b:00.0")->config_bytes, lengths[i]);
		x = functions_of(a);
		y = functions_of(b);
		assert_true(json_equal(x, y));
		json_decref(x);
		json_decref(y);
		platform_free(a);
		platform_free(b);
		free(plain.s);
		free(other.s);
	}
}

/* Every place where the reader's buffer can end, near the size that it has. */
static void test_buffer_ends(void **state attr_unused)
{
	enum { AROUND = 64 * 1024 };
	uint8_t config[CONFIG_SIZE];
	struct buffer b = { 0 };

	make_port(config, ACS_RR);
	while (b.len < AROUND - 7000)
		append_str(&b, "some line of a log that has nothing to do with it\n");
	for (size_t pad = 0; pad < 110; pad++) {
		struct buffer text = { 0 };
		struct platform *p;

		append(&text, b.s, b.len);
		for (size_t i = 0; i < pad; i++)
			append_str(&text, ".");
		append_str(&text, "\n");
		append_hex(&text, HEADLINE, config, CONFIG_SIZE);
		p = read_bytes(text.s, text.len);
		assert_int_equal(find(p, "3b:00.0")->acs.control, ACS_RR);
		platform_free(p);
		free(text.s);
	}
	free(b.s);
}

static void test_long_line(void **state attr_unused)
{
	struct buffer b = { 0 };
	struct platform *p;

	append_str(&b, "00:00.0 0600: 8086:09a2\n");
	for (int i = 0; i < 40000; i++)
		append_str(&b, "0123456789abcdef");
	append_str(&b, "\n00:01.0 0600: 8086:09a3");
	p = read_bytes(b.s, b.len);
	assert_int_equal(p->nr_functions, 2);
	assert_int_equal(find(p, "00:01.0")->device, 0x09a3);
	platform_free(p);
	free(b.s);
}

/* --- functions shown twice, VFs, refusals ----------------------------------------------------------- */

static void test_twice(void **state attr_unused)
{
	uint8_t before[CONFIG_SIZE], after[CONFIG_SIZE];
	struct buffer b = { 0 };
	struct platform *p;

	make_port(before, ACS_RR);
	make_port(after, 0);
	append_str(&b, "3b:00.0 0302: 1000:c010\n\tControl: BusMaster+\n\tNUMA node: 1\n"
		       "\tCapabilities: <access denied>\n\n");
	append_hex(&b, HEADLINE, before, CONFIG_SIZE);
	append_hex(&b, HEADLINE, after, 64);
	p = read_bytes(b.s, b.len);
	assert_int_equal(p->nr_functions, 1);
	assert_int_equal(find(p, "3b:00.0")->acs.control, ACS_RR);
	assert_int_equal(find(p, "3b:00.0")->numa_node, 1);
	assert_int_equal(find(p, "3b:00.0")->class, 0x060400); /* as the richer one says */
	assert_null(gap_of(p, "0000:3b:00.0", "more than once"));
	platform_free(p);

	append_hex(&b, HEADLINE, after, CONFIG_SIZE);
	p = read_bytes(b.s, b.len);
	assert_int_equal(p->nr_functions, 1);
	assert_non_null(gap_of(p, "0000:3b:00.0", "different ACS"));
	platform_free(p);
	free(b.s);
}

static void test_virtual_functions(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"00:01.0 PCI bridge [0604]: X [8086:1234]\n\tControl: BusMaster+\n"
		"\tBus: primary=00, secondary=3b, subordinate=3c, sec-latency=0\n"
		"\tCapabilities: [40] Express (v2) Root Port (Slot-), MSI 00\n\n"
		"3b:00.0 Ethernet controller [0200]: X [15b3:1021]\n\tControl: BusMaster+\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n"
		"\tCapabilities: [180 v1] Single Root I/O Virtualization (SR-IOV)\n"
		"\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy+\n"
		"\t\tInitial VFs: 8, Total VFs: 8, Number of VFs: 2, Function Dependency Link: 00\n"
		"\t\tVF offset: 257, stride: 2, Device ID: 101e\n\n"
		"3c:00.1 Ethernet controller: Nobody Knows\n\tControl: BusMaster+\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n\n"
		"3c:00.3 Ethernet controller [0200]: X [15b3:101e]\n\tControl: BusMaster+\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n\n"
		"3c:00.5 Ethernet controller [0200]: X [15b3:101e]\n\tControl: BusMaster+\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n\n");
	const struct function *vf = find(p, "3c:00.1");

	assert_true(vf->is_virtual);
	assert_int_equal(vf->physical.bus, 0x3b);
	assert_false(vf->multifunction);
	assert_true(vf->ids_known);
	assert_int_equal(vf->device, 0x101e);
	assert_int_equal(vf->upstream, 0);
	assert_true(find(p, "3c:00.3")->is_virtual);
	assert_false(find(p, "3c:00.5")->is_virtual); /* the third of two */
}

static void test_multifunction(void **state attr_unused)
{
	autoplatform struct platform *p =
		read_text("00:1f.0 ISA bridge [0601]: X [8086:1234]\n\tControl: BusMaster+\n\n"
			  "00:1f.3 Audio [0403]: X [8086:1235]\n\tControl: BusMaster+\n\n"
			  "00:1e.0 Audio [0403]: X [8086:1235]\n\tControl: BusMaster+\n\n");

	assert_true(find(p, "00:1f.0")->multifunction);
	assert_true(find(p, "00:1f.3")->multifunction);
	/* it may be the only function of a device with several: lspci does not show the bit */
	assert_false(find(p, "00:1e.0")->multifunction_known);
}

static void test_refused(void **state attr_unused)
{
	static const char zeros[600];
	struct buffer b = { 0 };

	refuses("", 0, EINVAL, "no PCI function");
	refuses("hello\n", 6, EINVAL, "no PCI function");
	refuses("00:00.0\n", 8, EINVAL, "no PCI function");
	refuses("12:34.5 cows: many\n", 19, EINVAL, "no PCI function");
	refuses(zeros, sizeof(zeros), EINVAL, "neither text");
	for (int i = 0; i < 131073; i++)
		append_str(&b, "00:00.0 0600: 8086:09a2\n");
	refuses(b.s, b.len, EFBIG, "131072 functions");
	free(b.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lab_hex),       cmocka_unit_test(test_lab_decoded),
		cmocka_unit_test(test_lab_acs),       cmocka_unit_test(test_lab_less),
		cmocka_unit_test(test_transformed),   cmocka_unit_test(test_sections),
		cmocka_unit_test(test_around),        cmocka_unit_test(test_wordings),
		cmocka_unit_test(test_access_denied), cmocka_unit_test(test_no_extended),
		cmocka_unit_test(test_cut),           cmocka_unit_test(test_terse),
		cmocka_unit_test(test_regions),       cmocka_unit_test(test_hex_is_the_truth),
		cmocka_unit_test(test_hex_rows),      cmocka_unit_test(test_hex_forms),
		cmocka_unit_test(test_buffer_ends),   cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_twice),         cmocka_unit_test(test_virtual_functions),
		cmocka_unit_test(test_multifunction), cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("platform/lspci", tests, NULL, NULL);
}
