/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups: every rule of the kernel's, what is not known, and the time it takes. */
#include "../test.h"

#include <time.h>

#include "base/jx.h"
#include "model.h"
#include "p2p/isolation.h"

#define GOOD (ACS_SV | ACS_RR | ACS_CR | ACS_UF)
#define MAX_FUNCTIONS 12

#define CONVENTIONAL(a, ...) FN(a, PORT_CONVENTIONAL, 0, NO_ACS, 0x1234, 1, ##__VA_ARGS__)
#define ENDPOINT(a, ...) FN(a, PORT_ENDPOINT, 0, NO_ACS, 0x1234, 2, ##__VA_ARGS__)
#define ROOT(a, bus, acs, ...) FN(a, PORT_ROOT, bus, acs, 0x1234, 3, ##__VA_ARGS__)
#define UP(a, bus, ...) FN(a, PORT_UPSTREAM, bus, NO_ACS, 0x1234, 4, ##__VA_ARGS__)
#define DOWN(a, bus, acs, ...) FN(a, PORT_DOWNSTREAM, bus, acs, 0x1234, 5, ##__VA_ARGS__)

static const struct group_case {
	const char *what;
	const char *labels; /* in the order of addresses; '-': cannot be told, '.': none */
	const char *reason; /* in that of the first without a label */
	struct model_function functions[MAX_FUNCTIONS];
	const char *cpu; /* NULL: not seen */
} cases[] = {
	{ "each on its own", "00:00.0 00:01.0 01:00.0",
	  .functions = { CONVENTIONAL("00:00.0"), ROOT("00:01.0", 1, GOOD), ENDPOINT("01:00.0") } },

	/* c: bridges that do not isolate pull all below them to themselves */
	{ "a root port without ACS", "00:01.0 00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, NO_ACS), ENDPOINT("01:00.0"), ENDPOINT("01:01.0") } },
	{ "a root port with one bit off", "00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, GOOD & ~ACS_UF), ENDPOINT("01:00.0") } },
	{ "a good switch below a root port without ACS", "00:01.0 00:01.0 00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, NO_ACS), UP("01:00.0", 2), DOWN("02:00.0", 3, GOOD),
			 ENDPOINT("03:00.0") } },
	{ "one port of a switch without ACS", "00:01.0 01:00.0 02:00.0 02:01.0 02:00.0 04:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD), UP("01:00.0", 2), DOWN("02:00.0", 3, NO_ACS),
			 DOWN("02:01.0", 4, GOOD), ENDPOINT("03:00.0"), ENDPOINT("04:00.0") } },
	{ "an upstream port with more functions and no ACS",
	  "00:01.0 01:00.0 01:00.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD), UP("01:00.0", 2, .multifunction = true),
			 ENDPOINT("01:00.1"), DOWN("02:00.0", 3, GOOD), ENDPOINT("03:00.0") } },

	/* b: conventional buses have no ids of their own */
	{ "behind a PCIe-to-PCI bridge", "00:01.0 01:00.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD), FN("01:00.0", PORT_PCIE_TO_PCI, 2, NO_ACS, 1, 1),
			 CONVENTIONAL("02:01.0"), CONVENTIONAL("02:02.0") } },
	{ "behind a conventional bridge, and one more", "00:1e.0 00:1e.0 00:1e.0 00:1e.0",
	  .functions = { FN("00:1e.0", PORT_CONVENTIONAL_BRIDGE, 1, NO_ACS, 1, 1),
			 FN("01:00.0", PORT_CONVENTIONAL_BRIDGE, 2, NO_ACS, 1, 1),
			 CONVENTIONAL("02:01.0"), CONVENTIONAL("01:02.0") } },
	{ "behind a PCI-to-PCIe bridge", "00:02.0 00:02.0",
	  .functions = { FN("00:02.0", PORT_PCI_TO_PCIE, 1, NO_ACS, 1, 1), ENDPOINT("01:00.0") } },
	{ "behind the ASPEED bridge, whose flag of 7.2 does not change the group",
	  "00:01.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_PCIE_TO_PCI, 2, NO_ACS, 0x1a03, 0x1150),
			 CONVENTIONAL("02:00.0") } },
	{ "below ThunderX2's bridge, whose flag does not change the group either",
	  "00:00.0 00:00.0 00:00.0",
	  .functions = { FN("00:00.0", PORT_PCI_TO_PCIE, 1, NO_ACS, 0x14e4, 0x9000),
			 FN("01:00.0", PORT_ROOT, 2, GOOD, 0x14e4, 0x9084), ENDPOINT("02:00.0") } },
	{ "behind a conventional bridge that a quirk isolates", "00:14.0 00:14.4 00:14.4",
	  .cpu = "AuthenticAMD",
	  .functions = { CONVENTIONAL("00:14.0", .multifunction = true),
			 FN("00:14.4", PORT_CONVENTIONAL_BRIDGE, 1, NO_ACS, 0x1002, 0x4384),
			 CONVENTIONAL("01:05.0") } },

	/* e: functions of one device that are not kept apart */
	{ "a device of two functions without ACS", "00:01.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD), ENDPOINT("01:00.0", .multifunction = true),
			 ENDPOINT("01:00.1") } },
	{ "function 0 says that it is alone", "00:01.0 01:00.0 01:00.1 01:00.1",
	  .functions = { ROOT("00:01.0", 1, GOOD), ENDPOINT("01:00.0"), ENDPOINT("01:00.1"),
			 ENDPOINT("01:00.2") } },
	{ "a function that isolates stays apart from those that do not",
	  "00:1f.0 00:1f.1 00:1f.0 00:1f.0",
	  .functions = { CONVENTIONAL("00:1f.0", .multifunction = true),
			 FN("00:1f.1", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x1234),
			 CONVENTIONAL("00:1f.2"), CONVENTIONAL("00:1f.3") } },
	{ "a dummy host bridge beside a good root port", "00:01.0 00:01.1 01:00.0",
	  .functions = { CONVENTIONAL("00:01.0", .multifunction = true), ROOT("00:01.1", 1, GOOD),
			 ENDPOINT("01:00.0") } },
	{ "root ports of one slot without ACS, and all below them",
	  "00:01.0 00:01.0 00:02.0 00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, NO_ACS, .multifunction = true),
			 ROOT("00:01.1", 2, NO_ACS), ENDPOINT("01:00.0"), ENDPOINT("02:00.0"),
			 CONVENTIONAL("00:02.0") } },
	{ "the AMD IOMMU has no group and lends none", "00:00.0 .", "it is the IOMMU itself",
	  .functions = { CONVENTIONAL("00:00.0", .multifunction = true),
			 FN("00:00.2", PORT_CONVENTIONAL, 0, NO_ACS, 0x1022, 0x1481,
			    .class = 0x080600) } },
	{ "the virtio IOMMU has none either, other virtio functions have", ". 00:03.0",
	  "it is the IOMMU itself",
	  .functions = { FN("00:02.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x1af4, 0x1057),
			 FN("00:03.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x1af4, 0x105a) } },
	{ "AMD southbridge functions, with an AMD processor", "00:14.0 00:14.1",
	  .cpu = "AuthenticAMD",
	  .functions = { FN("00:14.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1022, 0x780f,
			    .multifunction = true),
			 FN("00:14.1", PORT_CONVENTIONAL, 0, NO_ACS, 0x1022, 0x7809) } },

	/* VFs: alone, wherever they are, also on a bus that no bridge owns */
	{ "virtual functions", "00:01.0 01:00.0 01:00.1 02:00.0 02:00.1",
	  .functions = { ROOT("00:01.0", 1, GOOD), ENDPOINT("01:00.0"),
			 ENDPOINT("01:00.1", .physical = "01:00.0"),
			 ENDPOINT("02:00.0", .physical = "01:00.0"),
			 ENDPOINT("02:00.1", .physical = "01:00.0") } },
	{ "virtual functions below a root port without ACS", "00:01.0 00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, NO_ACS), ENDPOINT("01:00.0"),
			 ENDPOINT("02:00.0", .physical = "01:00.0") } },

	{ "a virtual function that is not isolated by itself has no peers in its device",
	  "00:01.0 01:00.0 01:00.1",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x8088, 0x0200),
			 FN("01:00.1", PORT_ENDPOINT, 0, GOOD, 0x8088, 0x0200,
			    .physical = "01:00.0") } },

	/* d: requests under another id of the bus */
	{ "a card reader that uses function 0's id", "00:01.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x1180, 0xe230,
			    .multifunction = true),
			 FN("01:00.3", PORT_ENDPOINT, 0, GOOD, 0x1180, 0xe832) } },
	{ "a disk controller that uses function 1's id", "00:01.0 01:00.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x1b4b, 0x9123,
			    .multifunction = true),
			 FN("01:00.1", PORT_ENDPOINT, 0, GOOD, 0x1b4b, 0x91a4) } },
	{ "the same where function 1 is not there", "00:01.0 01:00.0 01:01.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x1b4b, 0x9123),
			 FN("01:01.0", PORT_ENDPOINT, 0, GOOD, 0x1b4b, 0x91a4) } },
	{ "an Adaptec card that uses 01.0", "00:01.0 00:01.0 01:03.0",
	  .functions = { FN("00:02.0", PORT_ENDPOINT, 0, GOOD, 0x9005, 0x0285, .subvendor = 0x9005,
			    .subdevice = 0x02bb),
			 CONVENTIONAL("00:01.0"), CONVENTIONAL("01:03.0") } },
	{ "another card of the same device, which does not", "00:01.0 00:02.0",
	  .functions = { FN("00:02.0", PORT_ENDPOINT, 0, GOOD, 0x9005, 0x0285, .subvendor = 0x9005,
			    .subdevice = 0x02bd),
			 CONVENTIONAL("00:01.0") } },
	{ "Xeon Phi", "00:00.0 00:10.1 00:00.0",
	  .functions = { FN("00:00.0", PORT_ENDPOINT, 0, GOOD, 0x8086, 0x2260),
			 CONVENTIONAL("00:12.3"), CONVENTIONAL("00:10.1") } },
	{ "Visual Compute Accelerator", "00:00.0 00:03.5 00:00.0",
	  .functions = { FN("00:00.0", PORT_ENDPOINT, 0, GOOD, 0x8086, 0x2954),
			 CONVENTIONAL("00:09.4"), CONVENTIONAL("00:03.5") } },
	{ "PLX NTB uses all ids of its bus", "00:01.0 01:00.0 01:00.0 02:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x10b5, 0x87b0), ENDPOINT("01:1f.7"),
			 CONVENTIONAL("02:00.0") } },
	{ "an alias of another function of the device counts", "00:01.0 00:01.0 00:01.0",
	  .functions = { CONVENTIONAL("00:01.0"), CONVENTIONAL("00:02.0", .multifunction = true),
			 FN("00:02.1", PORT_CONVENTIONAL, 0, NO_ACS, 0x9005, 0x0285,
			    .subvendor = 0x9005, .subdevice = 0x02bc) } },
	{ "as does another function of an alias's device", "00:12.0 00:12.0 00:12.0",
	  .functions = { CONVENTIONAL("00:12.0", .multifunction = true),
			 FN("00:12.2", PORT_ENDPOINT, 0, GOOD, 0x8086, 0x2264),
			 CONVENTIONAL("00:12.3") } },
	{ "Switchtec NTB with a neighbour: its ids are in registers", "00:01.0 - -",
	  "0000:01:00.0: the ids",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x11f8, 0x8531, .class = 0x068000),
			 ENDPOINT("01:00.1") } },
	{ "Switchtec NTB alone, where they do not matter", "00:01.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD), FN("01:00.0", PORT_ENDPOINT, 0, GOOD, 0x11f8,
						      0x8531, .class = 0x068000) } },

	/* a: below VMD all is the VMD function's */
	{ "functions below VMD", "00:0e.0 00:1f.0 00:0e.0 00:0e.0",
	  .functions = { FN("00:0e.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x28c0),
			 CONVENTIONAL("00:1f.0"), ROOT("10000:e0:01.0", 0xe1, GOOD),
			 ENDPOINT("10000:e1:00.0") } },
	{ "which VMD function it is below is not known", "00:0e.0 00:1e.0 -", "which VMD",
	  .functions = { FN("00:0e.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x28c0),
			 FN("00:1e.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x28c0),
			 CONVENTIONAL("10000:00:01.0") } },

	/* what was not seen: only groups that it may change are not told */
	{ "a root port's ACS is not known", "00:01.0 - 00:03.0 - 02:00.0",
	  "0000:00:02.0: its ACS was not seen",
	  .functions = { CONVENTIONAL("00:01.0"), ROOT("00:02.0", 1, UNSEEN),
			 ROOT("00:03.0", 2, GOOD), ENDPOINT("01:00.0"), ENDPOINT("02:00.0") } },
	{ "nor does it matter below a bridge without ACS", "00:01.0 00:01.0 00:01.0 00:01.0",
	  .functions = { ROOT("00:01.0", 1, NO_ACS), UP("01:00.0", 2), DOWN("02:00.0", 3, UNSEEN),
			 ENDPOINT("03:00.0") } },
	{ "nor of a function that is alone", "00:01.0 01:00.0",
	  .functions = { ROOT("00:01.0", 1, GOOD),
			 FN("01:00.0", PORT_ENDPOINT, 0, UNSEEN, 0x1234, 2) } },
	{ "a bridge of which only the header was seen", "- -", "0000:00:01.0: its port type",
	  .functions = { FN("00:01.0", PORT_UNKNOWN, 1, UNSEEN, 0x1234, 3),
			 FN("01:00.0", PORT_UNKNOWN, 0, UNSEEN, 0x1234, 3) } },
	{ "an integrated function of which only the header was seen", "00:01.0 00:02.0",
	  .functions = { FN("00:01.0", PORT_UNKNOWN, 0, UNSEEN, 0x1234, 3),
			 FN("00:02.0", PORT_UNKNOWN, 0, UNSEEN, 0x1234, 3) } },
	{ "whether there are more functions was not seen", "- - 01:00.0",
	  "0000:00:01.0: whether its device has more",
	  .functions = { ENDPOINT("00:01.0", .header_unseen = true), CONVENTIONAL("00:01.1"),
			 ENDPOINT("01:00.0", .physical = "00:01.0") } },
	{ "the ids were not seen", "- - 01:00.0", "0000:00:01.0: its vendor",
	  .functions = { FN("00:01.0", PORT_ENDPOINT, 0, NO_ACS, 0, 0), CONVENTIONAL("00:02.0"),
			 ENDPOINT("01:00.0", .physical = "00:02.0") } },
	{ "a bridge is missing", "00:01.0 - -", "a bridge above",
	  .functions = { ROOT("00:01.0", 1, GOOD), ENDPOINT("05:00.0"),
			 ENDPOINT("06:00.0", .physical = "05:00.0") } },
	{ "AMD southbridge functions, processor not seen", "- -", "0000:00:14.0: whether",
	  .functions = { FN("00:14.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1022, 0x780f,
			    .multifunction = true),
			 FN("00:14.1", PORT_CONVENTIONAL, 0, NO_ACS, 0x1022, 0x7809) } },
};

static size_t count(const struct model_function *functions)
{
	size_t n = 0;

	while (n < MAX_FUNCTIONS && functions[n].address)
		n++;
	return n;
}

/* "00:01.0" for what is in domain 0, as the table has it. */
static const char *label_of(const struct platform *p, int group, char buf[PCI_ADDR_TEXT_MAX])
{
	if (group == P2P_GROUP_NONE)
		return ".";
	if (group < 0)
		return "-";
	pci_addr_format(p->functions[group].addr, buf);
	return strncmp(buf, "0000:", 5) == 0 ? buf + 5 : buf;
}

static char *labels_of(const struct platform *p, const struct p2p_groups *groups, char *out,
		       size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		char buf[PCI_ADDR_TEXT_MAX];

		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? " " : "",
				      label_of(p, groups->of[i], buf));
	}
	return out;
}

static void check_reason(const struct group_case *c, const struct platform *p,
			 const struct p2p_groups *groups)
{
	bool first = true;

	for (int i = 0; i < (int)p->nr_functions; i++) {
		char *reason = p2p_group_reason(p, groups, i);

		assert_true(!reason == (groups->of[i] >= 0));
		if (reason && first && (!c->reason || !strstr(reason, c->reason)))
			fail_msg("%s: the reason is '%s'", c->what, reason);
		first &= !reason;
		free(reason);
	}
}

static void test_rules(void **state attr_unused)
{
	static const char *const releases[] = { "6.1", "6.12", "7.2", "7.3" };

	for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(releases); i++) {
		const struct group_case *c = &cases[i / ARRAY_LEN(releases)];
		const char *release = releases[i % ARRAY_LEN(releases)];
		struct platform *p = model_new(c->functions, count(c->functions));
		struct p2p_groups groups;
		char text[512];

		model_set_cpu(p, c->cpu, c->cpu ? 0x17 : 0);
		p2p_groups_predict(p, p2p_rules_for(release), &groups);
		if (strcmp(labels_of(p, &groups, text, sizeof(text)), c->labels) != 0)
			fail_msg("%s, Linux %s: '%s', not '%s'", c->what, release, text, c->labels);
		check_reason(c, p, &groups);
		p2p_groups_release(&groups);
		platform_free(p);
	}
}

/* One release trusts the source validation of these switches, the next does not. */
/* Of several VMD functions, the source can say which made a domain. */
static void test_vmd_owner(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("00:0e.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x28c0),
		FN("80:0e.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x28c0),
		FN("10000:00:01.0", PORT_ROOT, 1, P2P_ISOLATION, 0x8086, 0x352a),
		FN("10000:01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("10001:00:01.0", PORT_ROOT, 1, P2P_ISOLATION, 0x8086, 0x352a),
		FN("10001:01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	struct p2p_groups groups;
	char labels[256];

	p->host_bridges[p->functions[2].host_bridge].owner = 1;
	p->host_bridges[p->functions[4].host_bridge].owner = 0;
	p2p_groups_predict(p, p2p_rules_for("7.3"), &groups);
	assert_string_equal(labels_of(p, &groups, labels, sizeof(labels)),
			    "00:0e.0 80:0e.0 80:0e.0 80:0e.0 00:0e.0 00:0e.0");
	p2p_groups_release(&groups);
	/* of one domain it was not seen, and it can be either's */
	p->host_bridges[p->functions[4].host_bridge].owner = -1;
	p2p_groups_predict(p, p2p_rules_for("7.3"), &groups);
	assert_string_equal(labels_of(p, &groups, labels, sizeof(labels)),
			    "00:0e.0 80:0e.0 80:0e.0 80:0e.0 - -");
	p2p_groups_release(&groups);
	platform_free(p);
}

static void test_releases(void **state attr_unused)
{
	static const struct model_function functions[] = {
		ROOT("00:01.0", 1, GOOD),
		UP("01:00.0", 2),
		FN("02:00.0", PORT_DOWNSTREAM, 3, ACS_RR | ACS_CR | ACS_UF, 0x111d, 0x80b5),
		ENDPOINT("03:00.0"),
	};
	static const struct {
		const char *release, *labels;
	} expected[] = {
		{ "6.1", "00:01.0 01:00.0 02:00.0 02:00.0" },
		{ "6.12", "00:01.0 01:00.0 02:00.0 02:00.0" },
		{ "7.2", "00:01.0 01:00.0 02:00.0 03:00.0" },
		{ "7.3", "00:01.0 01:00.0 02:00.0 03:00.0" },
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));

	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct p2p_groups groups;
		char text[512];

		p2p_groups_predict(p, p2p_rules_for(expected[i].release), &groups);
		assert_string_equal(labels_of(p, &groups, text, sizeof(text)), expected[i].labels);
		p2p_groups_release(&groups);
	}
	platform_free(p);
}

static void test_json(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("00:01.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x1234, .multifunction = true),
		ROOT("00:02.0", 1, UNSEEN),
		ENDPOINT("01:00.0"),
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	json_t *doc = platform_to_json(p);
	json_t *list = json_object_get(doc, "functions");
	json_t *first = json_array_get(list, 0), *last = json_array_get(list, 2);

	p2p_isolation_to_json(p, p2p_rules_for(NULL), list);
	assert_string_equal(jx_get_str(first, "iommu_group_predicted"), "0000:00:01.0");
	assert_null(jx_get_str(first, "iommu_group_reason"));
	assert_string_equal(jx_get_str(json_object_get(first, "acs"), "quirk"),
			    "intel-integrated-endpoint");
	assert_null(jx_get_str(last, "iommu_group_predicted"));
	assert_non_null(strstr(jx_get_str(last, "iommu_group_reason"), "0000:00:02.0"));
	assert_null(jx_get_str(json_object_get(last, "acs"), "quirk"));
	json_decref(doc);
	platform_free(p);
}

/* --- large machines --------------------------------------------------------------------------- */

static struct function *add(struct platform *p, uint32_t domain, uint8_t bus, uint8_t dev,
			    enum port_type type, uint8_t secondary)
{
	struct function *f = platform_add(p, (struct pci_addr){ domain, bus, dev, 0 });

	f->ids_known = true;
	f->vendor = 0x1234;
	f->port_type = type;
	f->is_bridge = secondary != 0;
	f->secondary = secondary;
	f->config_bytes = 4096;
	f->multifunction_known = true;
	f->acs.known = secondary ? KNOWN_PRESENT : KNOWN_ABSENT;
	f->acs.capability = f->acs.control = GOOD;
	return f;
}

/* A root port, a switch of 31 ports and a function below each, in every domain. */
static struct platform *machine_of(uint32_t domains)
{
	struct platform *p = platform_new("test", NULL);

	for (uint32_t d = 0; d < domains; d++) {
		add(p, d, 0, 1, PORT_ROOT, 1);
		add(p, d, 1, 0, PORT_UPSTREAM, 2);
		for (uint8_t port = 0; port < 31; port++)
			add(p, d, 2, port, PORT_DOWNSTREAM, (uint8_t)(3 + port));
		for (uint8_t port = 0; port < 31; port++)
			add(p, d, (uint8_t)(3 + port), 0, PORT_ENDPOINT, 0);
	}
	platform_finish(p);
	return p;
}

static double seconds_for(uint32_t domains, size_t *functions)
{
	struct platform *p = machine_of(domains);
	struct p2p_groups groups;
	clock_t start = clock();

	p2p_groups_predict(p, p2p_rules_for(NULL), &groups);
	*functions = p->nr_functions;
	for (size_t i = 0; i < p->nr_functions; i++)
		assert_int_equal(groups.of[i], i);
	start = clock() - start;
	p2p_groups_release(&groups);
	platform_free(p);
	return (double)start / CLOCKS_PER_SEC;
}

/*
 * Ten times the functions: about ten times as long, on a busy machine more, but nowhere near the
 * square.
 */
static void test_time(void **state attr_unused)
{
	size_t few, many;
	double best_few = 1e9, best_many = 1e9;

	for (int round = 0; round < 3; round++) {
		double a = seconds_for(16, &few), b = seconds_for(160, &many);

		best_few = a < best_few ? a : best_few;
		best_many = b < best_many ? b : best_many;
	}
	print_message("%zu functions in %.2f ms, %zu in %.2f ms\n", few, best_few * 1e3, many,
		      best_many * 1e3);
	assert_true(best_many < 40 * best_few);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),     cmocka_unit_test(test_releases),
		cmocka_unit_test(test_vmd_owner), cmocka_unit_test(test_json),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests_name("p2p/groups", tests, NULL, NULL);
}
