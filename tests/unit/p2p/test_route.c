/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes, verdicts, distances and blockers over one small platform, changed case by case: each rule
 * has a pair of cases between which one thing flips. Then random trees, against the definition.
 */
#include "../test.h"

#include "base/alloc.h"
#include "model.h"
#include "p2p/p2p.h"

/*
 * 00:00.0 host bridge device
 * 00:01.0 root port -- 01:00.0 upstream -- 02:00.0 downstream -- 03:00.0, 03:00.1
 *                                       -- 02:01.0 downstream -- 04:00.0 with VFs 04:00.1, 05:00.0
 *                                       -- 02:02.0 downstream -- 06:00.0 upstream
 *                                              -- 07:00.0 downstream -- 08:00.0
 * 00:02.0 root port -- 09:00.0, 09:00.1
 * 00:03.0, 00:03.1 integrated
 * 00:04.0 root port -- 0a:00.0 bridge to PCI -- 0b:01.0, 0b:01.1, 0b:02.0 conventional
 * 80:00.0 root port -- 81:00.0                          (the second host bridge)
 * 10000:00:02.0 root port -- 10000:01:00.0              (a domain of its own, no 00.0)
 * 20000:00:05.0 integrated                              (neither 00.0 nor a root port)
 */
static const struct model_function machine[] = {
	FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x29c0, .no_bar = true),
	FN("00:01.0", PORT_ROOT, 0x01, 0, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x10b5, 0x8796),
	FN("02:02.0", PORT_DOWNSTREAM, 0x06, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("03:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021),
	FN("04:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .physical = "04:00.0"),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .physical = "04:00.0"),
	FN("06:00.0", PORT_UPSTREAM, 0x07, NO_ACS, 0x10b5, 0x8796),
	FN("07:00.0", PORT_DOWNSTREAM, 0x08, 0, 0x10b5, 0x8796),
	FN("08:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("00:02.0", PORT_ROOT, 0x09, 0, 0x8086, 0x0002),
	FN("09:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("09:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("00:03.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x0003),
	FN("00:03.1", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x0003),
	FN("00:04.0", PORT_ROOT, 0x0a, 0, 0x8086, 0x0004),
	FN("0a:00.0", PORT_PCIE_TO_PCI, 0x0b, NO_ACS, 0x12d8, 0xe111),
	FN("0b:01.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("0b:01.1", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("0b:02.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x1000, 0x0001),
	FN("80:00.0", PORT_ROOT, 0x81, 0, 0x8086, 0x29c0),
	FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("10000:00:02.0", PORT_ROOT, 0x01, 0, 0x8086, 0x0005),
	FN("10000:01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("20000:00:05.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x09a2),
};

enum { INTEL, AMD_17, AMD_16, HYGON_18, NO_CPU };

static const struct {
	const char *vendor;
	int family;
} processors[] = {
	[INTEL] = { "GenuineIntel", 6 },
	[AMD_17] = { "AuthenticAMD", 0x17 },
	[AMD_16] = { "AuthenticAMD", 0x16 },
	[HYGON_18] = { "HygonGenuine", 0x18 },
	[NO_CPU] = { NULL, 0 },
};

struct change {
	const char *address;
	int acs;
};

struct route_case {
	const char *initiator, *target;
	struct change changes[4];
	int cpu;
	const char *rules; /* NULL: the newest */
	uint16_t bridge, far_bridge; /* device ids of 00:00.0 and 80:00.0, if not 29c0 */
	enum p2p_route route;
	enum p2p_verdict verdict;
	int distance;
	const char *blocked_by; /* addresses with a blank behind each */
	const char *says; /* part of the reason */
};

#define DIRECT VERDICT_BUS_ADDRESS
#define THROUGH VERDICT_HOST_BRIDGE
#define REFUSED VERDICT_NOT_SUPPORTED
#define UNKNOWN VERDICT_UNKNOWN

static const struct route_case cases[] = {
	/* below one switch; each redirecting bit, on either side, makes the difference */
	{ "03:00.0", "04:00.0", .route = ROUTE_SWITCH_DIRECT, .verdict = DIRECT, .distance = 4,
	  .says = "direct below 0000:01:00.0" },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:00.0 ",
	  .says = "pci=disable_acs_redir=0000:02:00.0" },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_CR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:00.0 " },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_EC } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:00.0 " },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_SV | ACS_TB | ACS_UF | ACS_DT } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 4 },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:01.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 " },
	/* the provider's side comes first, as the kernel lists them */
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", 0x1d }, { "02:01.0", 0x1d } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 0000:02:00.0 ",
	  .says = "pci=disable_acs_redir=0000:02:01.0;0000:02:00.0" },
	/* with a host bridge that lets it through, redirect costs the direct way only */
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_RR } },
	  AMD_17,
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = THROUGH,
	  .distance = 4,
	  .blocked_by = "0000:02:00.0 " },
	/* the port they share is tested, ports above it are not */
	{ "03:00.0",
	  "04:00.0",
	  { { "01:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:01:00.0 " },
	{ "03:00.0",
	  "04:00.0",
	  { { "00:01.0", ACS_RR } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 4 },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:02.0", ACS_RR } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 4 },
	/* endpoints are tested like ports, on both sides */
	{ "03:00.0",
	  "04:00.0",
	  { { "04:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:04:00.0 " },
	{ "03:00.0",
	  "04:00.0",
	  { { "03:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:03:00.0 " },
	{ "03:00.0",
	  "04:00.0",
	  { { "03:00.0", ACS_SV } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 4 },
	/* a switch below a switch */
	{ "03:00.0", "08:00.0", .route = ROUTE_SWITCH_DIRECT, .verdict = DIRECT, .distance = 6 },
	{ "03:00.0",
	  "08:00.0",
	  { { "07:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:07:00.0 " },
	{ "03:00.0",
	  "08:00.0",
	  { { "07:00.0", ACS_RR }, { "02:02.0", ACS_CR }, { "02:00.0", ACS_EC } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:07:00.0 0000:02:02.0 0000:02:00.0 " },

	/* one function */
	{ "04:00.0", "04:00.0", .route = ROUTE_SAME_FUNCTION, .verdict = DIRECT, .distance = 0 },
	{ "04:00.0",
	  "04:00.0",
	  { { "02:01.0", 0x1d } },
	  .route = ROUTE_SAME_FUNCTION,
	  .verdict = DIRECT,
	  .distance = 0 },
	{ "04:00.0",
	  "04:00.0",
	  { { "04:00.0", ACS_RR } },
	  .route = ROUTE_SAME_FUNCTION,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:04:00.0 " },
	{ "04:00.0",
	  "04:00.0",
	  { { "04:00.0", ACS_RR } },
	  AMD_17,
	  .route = ROUTE_SAME_FUNCTION,
	  .verdict = THROUGH,
	  .distance = 0,
	  .blocked_by = "0000:04:00.0 " },

	/* functions of one device: inside it, but the kernel counts the port above */
	{ "03:00.0", "03:00.1", .route = ROUTE_INTERNAL, .verdict = DIRECT, .distance = 2,
	  .says = "functions of one device" },
	{ "03:00.0",
	  "03:00.1",
	  { { "02:00.0", ACS_RR } },
	  .route = ROUTE_INTERNAL,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:00.0 " },
	{ "03:00.0",
	  "03:00.1",
	  { { "03:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:03:00.0 " },
	/* behind a root port, without a switch */
	{ "09:00.0", "09:00.1", .route = ROUTE_INTERNAL, .verdict = DIRECT, .distance = 2 },
	{ "09:00.0",
	  "09:00.1",
	  { { "00:02.0", ACS_CR } },
	  AMD_17,
	  .route = ROUTE_INTERNAL,
	  .verdict = THROUGH,
	  .distance = 2,
	  .blocked_by = "0000:00:02.0 " },

	/* VFs are where their PF is, also on a bus number that no bridge owns */
	{ "04:00.0", "04:00.1", .route = ROUTE_INTERNAL, .verdict = DIRECT, .distance = 2 },
	{ "04:00.0",
	  "04:00.1",
	  { { "02:01.0", ACS_RR } },
	  .route = ROUTE_INTERNAL,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 ",
	  .says = "which counts although both are functions of one device" },
	{ "04:00.1", "05:00.0", .route = ROUTE_INTERNAL, .verdict = DIRECT, .distance = 2 },
	{ "04:00.1",
	  "05:00.0",
	  { { "02:01.0", ACS_RR } },
	  .route = ROUTE_INTERNAL,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 " },
	{ "03:00.0", "05:00.0", .route = ROUTE_SWITCH_DIRECT, .verdict = DIRECT, .distance = 4 },
	{ "03:00.0",
	  "05:00.0",
	  { { "02:01.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 " },
	{ "05:00.0",
	  "03:00.0",
	  { { "05:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:05:00.0 " },
	{ "05:00.0", "09:00.0", .cpu = AMD_17, .route = ROUTE_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 6 },

	/* conventional PCI: the bus is shared below the bridge, the root port above does not count */
	{ "0b:01.0", "0b:02.0", .route = ROUTE_SWITCH_DIRECT, .verdict = DIRECT, .distance = 2 },
	{ "0b:01.0",
	  "0b:02.0",
	  { { "00:04.0", 0x1d } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 2 },
	{ "0b:01.0",
	  "0b:02.0",
	  { { "0a:00.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:0a:00.0 " },
	{ "0b:01.0", "0b:01.1", .route = ROUTE_INTERNAL, .verdict = DIRECT, .distance = 2 },

	/* no shared port: the host bridge decides, ACS does not matter */
	{ "03:00.0", "09:00.0", .route = ROUTE_HOST_BRIDGE, .verdict = REFUSED, .distance = -1,
	  .says = "8086:29c0" },
	{ "03:00.0", "09:00.0", .cpu = AMD_17, .route = ROUTE_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 6, .says = "AMD" },
	{ "03:00.0",
	  "09:00.0",
	  { { "02:00.0", 0x1d }, { "00:01.0", 0x1d }, { "00:02.0", UNSEEN } },
	  AMD_17,
	  .route = ROUTE_HOST_BRIDGE,
	  .verdict = THROUGH,
	  .distance = 6 },
	{ "09:00.0", "81:00.0", .cpu = AMD_17, .route = ROUTE_INTER_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 4 },
	{ "03:00.0", "09:00.0", .cpu = AMD_16, .route = ROUTE_HOST_BRIDGE, .verdict = REFUSED,
	  .distance = -1 },
	{ "03:00.0", "09:00.0", .cpu = HYGON_18, .route = ROUTE_HOST_BRIDGE, .verdict = REFUSED,
	  .distance = -1, .says = "HygonGenuine family 0x18" },
	{ "03:00.0", "09:00.0", .cpu = NO_CPU, .route = ROUTE_HOST_BRIDGE, .verdict = UNKNOWN,
	  .says = "processor was not seen" },
	{ "03:00.0", "09:00.0", .cpu = NO_CPU, .bridge = 0x09a2, .route = ROUTE_HOST_BRIDGE,
	  .verdict = THROUGH, .distance = 6 },
	{ "03:00.0", "09:00.0", .bridge = 0x09a2, .route = ROUTE_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 6,
	  .says = "host bridge 8086:09a2 (0000:00:00.0) is listed in the rules of Linux 7.3" },
	/* redirected traffic is held against the same list */
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", ACS_RR } },
	  .bridge = 0x09a2,
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = THROUGH,
	  .distance = 4,
	  .blocked_by = "0000:02:00.0 " },
	/* integrated functions share nothing, even in one slot */
	{ "00:03.0", "00:03.1", .route = ROUTE_HOST_BRIDGE, .verdict = REFUSED, .distance = -1 },
	{ "00:03.0", "00:03.1", .cpu = AMD_17, .route = ROUTE_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 2 },
	{ "00:03.0", "00:03.0", .route = ROUTE_SAME_FUNCTION, .verdict = DIRECT, .distance = 0 },
	/* releases list different host bridges */
	{ "03:00.0", "09:00.0", .bridge = 0x0b25, .rules = "6.12", .route = ROUTE_HOST_BRIDGE,
	  .verdict = REFUSED, .distance = -1,
	  .says = "8086:0b25 (0000:00:00.0) is not listed in the rules of Linux 6.12, but from 7.2 "
		  "on" },
	{ "03:00.0", "09:00.0", .bridge = 0x0b25, .rules = "7.2", .route = ROUTE_HOST_BRIDGE,
	  .verdict = THROUGH, .distance = 6 },

	/* two host bridges must both be listed, and neither only for itself */
	{ "09:00.0", "81:00.0", .route = ROUTE_INTER_HOST_BRIDGE, .verdict = REFUSED,
	  .distance = -1 },
	{ "09:00.0", "81:00.0", .bridge = 0x09a2, .route = ROUTE_INTER_HOST_BRIDGE,
	  .verdict = REFUSED, .distance = -1, .says = "0000:80:00.0" },
	{ "09:00.0", "81:00.0", .far_bridge = 0x09a2, .route = ROUTE_INTER_HOST_BRIDGE,
	  .verdict = REFUSED, .distance = -1, .says = "0000:00:00.0" },
	{ "09:00.0", "81:00.0", .bridge = 0x09a2, .far_bridge = 0x2030,
	  .route = ROUTE_INTER_HOST_BRIDGE, .verdict = THROUGH, .distance = 4 },
	{ "09:00.0", "81:00.0", .bridge = 0x2f00, .far_bridge = 0x2030,
	  .route = ROUTE_INTER_HOST_BRIDGE, .verdict = REFUSED, .distance = -1,
	  .says = "only for pairs below itself" },
	{ "09:00.0", "81:00.0", .bridge = 0x09a2, .far_bridge = 0x2f00,
	  .route = ROUTE_INTER_HOST_BRIDGE, .verdict = REFUSED, .distance = -1 },
	{ "03:00.0", "09:00.0", .bridge = 0x2f00, .route = ROUTE_HOST_BRIDGE, .verdict = THROUGH,
	  .distance = 6 },
	/* a root port that is first stands for its host bridge, anything else does not */
	{ "09:00.0", "10000:01:00.0", .bridge = 0x09a2, .route = ROUTE_INTER_HOST_BRIDGE,
	  .verdict = REFUSED, .distance = -1, .says = "8086:0005" },
	{ "09:00.0", "20000:00:05.0", .bridge = 0x09a2, .route = ROUTE_INTER_HOST_BRIDGE,
	  .verdict = REFUSED, .distance = -1, .says = "neither 00.0 nor a root port" },

	/* unknown ACS matters where it is tested, and only where nothing decides already */
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", UNSEEN } },
	  .route = ROUTE_UNKNOWN,
	  .verdict = UNKNOWN,
	  .says = "ACS was not seen at 0000:02:00.0" },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", UNSEEN } },
	  AMD_17,
	  .route = ROUTE_UNKNOWN,
	  .verdict = UNKNOWN },
	{ "03:00.0",
	  "04:00.0",
	  { { "04:00.0", UNSEEN } },
	  .route = ROUTE_UNKNOWN,
	  .verdict = UNKNOWN,
	  .says = "0000:04:00.0" },
	{ "03:00.0",
	  "04:00.0",
	  { { "00:01.0", UNSEEN }, { "02:02.0", UNSEEN } },
	  .route = ROUTE_SWITCH_DIRECT,
	  .verdict = DIRECT,
	  .distance = 4 },
	{ "03:00.0",
	  "04:00.0",
	  { { "02:00.0", UNSEEN }, { "02:01.0", ACS_RR } },
	  .route = ROUTE_ROOT_REDIRECT,
	  .verdict = REFUSED,
	  .distance = -1,
	  .blocked_by = "0000:02:01.0 ",
	  .says = "ACS was not seen at 0000:02:00.0" },
	{ "04:00.0",
	  "04:00.0",
	  { { "04:00.0", UNSEEN } },
	  .route = ROUTE_SAME_FUNCTION,
	  .verdict = UNKNOWN },
};

static void describe(const struct platform *p, const struct p2p_pair *pair, char *blockers,
		     size_t size)
{
	size_t n = 0;

	blockers[0] = '\0';
	for (int i = 0; i < pair->nr_blocked_by; i++)
		n += (size_t)snprintf(blockers + n, size - n, "%s ",
				      pci_addr_str(p->functions[pair->blocked_by[i]].addr));
}

static struct platform *platform_of(const struct route_case *c)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	for (size_t i = 0; i < ARRAY_LEN(c->changes) && c->changes[i].address; i++)
		model_set_acs(p, c->changes[i].address, c->changes[i].acs);
	model_set_cpu(p, processors[c->cpu].vendor, processors[c->cpu].family);
	if (c->bridge)
		p->functions[model_index(p, "00:00.0")].device = c->bridge;
	if (c->far_bridge)
		p->functions[model_index(p, "80:00.0")].device = c->far_bridge;
	return p;
}

static void test_cases(void **state attr_unused)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct route_case *c = &cases[i];
		const struct p2p_rules *rules = p2p_rules_for(c->rules);
		struct platform *p = platform_of(c);
		int from = model_index(p, c->initiator), to = model_index(p, c->target);
		struct p2p_pair pair, back;
		char blockers[256];

		p2p_pair_predict(p, rules, from, to, &pair);
		p2p_pair_predict(p, rules, to, from, &back);
		describe(p, &pair, blockers, sizeof(blockers));
		if (pair.route != c->route || pair.verdict != c->verdict ||
		    (pair.verdict != UNKNOWN && pair.distance != c->distance) ||
		    strcmp(blockers, c->blocked_by ? c->blocked_by : "") != 0 ||
		    (c->says && !strstr(pair.reason, c->says)))
			fail_msg("case %zu, %s to %s: route %s, verdict %s, distance %d, "
				 "blocked by '%s', reason '%s'",
				 i, c->initiator, c->target, p2p_route_name(pair.route),
				 p2p_verdict_name(pair.verdict), pair.distance, blockers,
				 pair.reason);
		/* the kernel's answer is the same both ways */
		assert_int_equal(back.route, pair.route);
		assert_int_equal(back.verdict, pair.verdict);
		assert_int_equal(back.nr_blocked_by, pair.nr_blocked_by);
		if (pair.verdict != UNKNOWN)
			assert_int_equal(back.distance, pair.distance);
		p2p_pair_release(&pair);
		p2p_pair_release(&back);
		platform_free(p);
	}
}

/* A host bridge's first function whose kind or ids were not seen leaves the question open. */
static void test_unseen_host_bridge(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("80:01.0", PORT_UNKNOWN, 0x81, NO_ACS, 0x8086, 0x09a2),
		FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("80:02.0", PORT_ROOT, 0x82, NO_ACS, 0x8086, 0x2030),
		FN("82:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	int a = model_index(p, "81:00.0"), b = model_index(p, "82:00.0");
	struct p2p_pair pair;

	p2p_pair_predict(p, p2p_rules_for(NULL), a, b, &pair);
	assert_int_equal(pair.route, ROUTE_HOST_BRIDGE);
	assert_int_equal(pair.verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(pair.reason, "0000:80:01.0"));
	p2p_pair_release(&pair);

	p->functions[model_index(p, "80:01.0")].port_type = PORT_ROOT;
	p2p_pair_predict(p, p2p_rules_for(NULL), a, b, &pair);
	assert_int_equal(pair.verdict, VERDICT_HOST_BRIDGE);
	p2p_pair_release(&pair);

	p->functions[model_index(p, "80:01.0")].ids_known = false;
	p2p_pair_predict(p, p2p_rules_for(NULL), a, b, &pair);
	assert_int_equal(pair.verdict, VERDICT_UNKNOWN);
	p2p_pair_release(&pair);
	platform_free(p);
}

/* Bits of ACS control that cannot be told matter where none that can redirects. */
static void test_unsure_control(void **state attr_unused)
{
	static const struct {
		uint16_t control, unsure;
		enum p2p_verdict verdict;
	} ports[] = {
		{ 0, ACS_SV | ACS_UF, DIRECT },
		{ 0, ACS_RR, UNKNOWN },
		{ ACS_RR, ACS_RR, UNKNOWN },
		{ ACS_RR | ACS_CR, ACS_CR, REFUSED },
	};
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct acs *acs = &p->functions[model_index(p, "02:00.0")].acs;

	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		struct p2p_pair pair;

		*acs = (struct acs){ .known = KNOWN_PRESENT,
				     .capability = 0x7f,
				     .control = ports[i].control,
				     .unsure = ports[i].unsure };
		p2p_pair_predict(p, p2p_rules_for(NULL), model_index(p, "03:00.0"),
				 model_index(p, "04:00.0"), &pair);
		assert_int_equal(pair.verdict, ports[i].verdict);
		p2p_pair_release(&pair);
	}
	platform_free(p);
}

/* Bridges that were not seen may be shared: nothing is known above them. */
static void test_missing_bridge(void **state attr_unused)
{
	static const struct model_function functions[] = {
		FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x09a2),
		FN("00:01.0", PORT_ROOT, 0x01, NO_ACS, 0x8086, 0x0001),
		FN("01:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("04:00.0", PORT_UPSTREAM, 0x05, NO_ACS, 0x10b5, 0x8796),
		FN("05:00.0", PORT_DOWNSTREAM, 0x06, NO_ACS, 0x10b5, 0x8796),
		FN("05:01.0", PORT_DOWNSTREAM, 0x07, NO_ACS, 0x10b5, 0x8796),
		FN("06:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
		FN("07:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	struct p2p_pair pair;

	p2p_pair_predict(p, rules, model_index(p, "01:00.0"), model_index(p, "03:00.0"), &pair);
	assert_int_equal(pair.route, ROUTE_UNKNOWN);
	assert_int_equal(pair.verdict, VERDICT_UNKNOWN);
	assert_non_null(strstr(pair.reason, "above 0000:03:00.0"));
	p2p_pair_release(&pair);

	/* nor is it through the host bridge for certain, where that is allowed: it may be direct */
	model_set_cpu(p, "AuthenticAMD", 0x19);
	p2p_pair_predict(p, rules, model_index(p, "06:00.0"), model_index(p, "01:00.0"), &pair);
	assert_int_equal(pair.verdict, VERDICT_UNKNOWN);
	p2p_pair_release(&pair);
	model_set_cpu(p, "GenuineIntel", 6);

	/* what is shared below the missing bridge is seen */
	p2p_pair_predict(p, rules, model_index(p, "06:00.0"), model_index(p, "07:00.0"), &pair);
	assert_int_equal(pair.route, ROUTE_SWITCH_DIRECT);
	assert_int_equal(pair.verdict, VERDICT_BUS_ADDRESS);
	assert_int_equal(pair.distance, 4);
	p2p_pair_release(&pair);

	/* but not which host bridge redirected traffic meets */
	model_set_acs(p, "05:00.0", ACS_RR);
	p2p_pair_predict(p, rules, model_index(p, "06:00.0"), model_index(p, "07:00.0"), &pair);
	assert_int_equal(pair.route, ROUTE_ROOT_REDIRECT);
	assert_int_equal(pair.verdict, VERDICT_UNKNOWN);
	p2p_pair_release(&pair);
	platform_free(p);
}

static void test_candidates(void **state attr_unused)
{
	struct function f = { .port_type = PORT_ENDPOINT, .class_known = true, .class = 0x020000 };

	assert_true(p2p_can_initiate(&f));
	assert_false(p2p_can_be_target(&f));
	f.bars[0] = (struct bar){ .kind = BAR_IO, .start = 0xe000, .size = 32 };
	assert_false(p2p_can_be_target(&f));
	f.bars[2] = (struct bar){ .kind = BAR_MEM32 }; /* not assigned */
	assert_false(p2p_can_be_target(&f));
	f.bars[2].start = 0xfe000000; /* size not seen */
	assert_true(p2p_can_be_target(&f));
	f.class = 0x060100;
	assert_false(p2p_can_initiate(&f));
	assert_false(p2p_can_be_target(&f));
	f.class = 0x020000;
	f.is_bridge = true;
	assert_false(p2p_can_initiate(&f));
	assert_false(p2p_can_be_target(&f));
}

static void test_json(void **state attr_unused)
{
	struct platform *p = model_new(machine, ARRAY_LEN(machine));
	struct p2p_pair pair;
	json_t *o;

	model_set_acs(p, "02:00.0", ACS_RR);
	p2p_pair_predict(p, p2p_rules_for(NULL), model_index(p, "03:00.0"),
			 model_index(p, "04:00.0"), &pair);
	o = p2p_pair_to_json(p, &pair);
	assert_string_equal(json_string_value(json_object_get(o, "initiator")), "0000:03:00.0");
	assert_string_equal(json_string_value(json_object_get(o, "target")), "0000:04:00.0");
	assert_string_equal(json_string_value(json_object_get(o, "route")), "root-redirect");
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "not-supported");
	assert_int_equal(json_integer_value(json_object_get(o, "distance")), -1);
	assert_int_equal(json_array_size(json_object_get(o, "blocked_by")), 1);
	assert_non_null(json_string_value(json_object_get(o, "reason")));
	json_decref(o);
	p2p_pair_release(&pair);

	model_set_acs(p, "02:00.0", UNSEEN);
	p2p_pair_predict(p, p2p_rules_for(NULL), model_index(p, "03:00.0"),
			 model_index(p, "04:00.0"), &pair);
	o = p2p_pair_to_json(p, &pair);
	assert_null(json_object_get(o, "distance"));
	assert_int_equal(json_array_size(json_object_get(o, "blocked_by")), 0);
	json_decref(o);
	p2p_pair_release(&pair);
	platform_free(p);
}

/* --- random trees ------------------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

#define RANDOM_BUSES 24

/* Each bus but 0 below a port on an earlier bus, with one endpoint; ACS at random. */
static struct platform *random_tree(uint32_t *seed)
{
	static const int acs[] = { NO_ACS, 0, ACS_SV | ACS_UF, ACS_RR, ACS_CR, ACS_EC };
	struct model_function functions[1 + 2 * RANDOM_BUSES] = {
		FN("00:00.0", PORT_CONVENTIONAL, 0, NO_ACS, 0x8086, 0x29c0),
	};
	char addresses[2 * RANDOM_BUSES][8];

	for (int bus = 1; bus <= RANDOM_BUSES; bus++) {
		int above = (int)(next_random(seed) % (unsigned int)bus);
		char *port = addresses[2 * bus - 2], *endpoint = addresses[2 * bus - 1];

		/* the port's device number is its secondary bus, so that no two are alike */
		snprintf(port, 8, "%02x:%02x.0", above, bus);
		snprintf(endpoint, 8, "%02x:00.0", bus);
		functions[2 * bus - 1] = (struct model_function)FN(
			port, above ? PORT_DOWNSTREAM : PORT_ROOT, (uint8_t)bus,
			acs[next_random(seed) % ARRAY_LEN(acs)], 0x10b5, 0x8796);
		functions[2 * bus] = (struct model_function)FN(
			endpoint, PORT_ENDPOINT, 0, acs[next_random(seed) % 4], 0x144d, 0xa808);
	}
	return model_new(functions, ARRAY_LEN(functions));
}

static bool redirects(const struct function *f)
{
	return f->acs.known == KNOWN_PRESENT && f->acs.control & 0x2c;
}

/* By the definition: the nodes of both ways up that are not shared, and the first that is. */
static void expect(const struct platform *p, int a, int b, bool *shared, int *steps, int *blockers)
{
	bool above_a[64] = { false }, above_b[64] = { false };

	for (int i = a; i >= 0; i = p->functions[i].upstream)
		above_a[i] = true;
	for (int i = b; i >= 0; i = p->functions[i].upstream)
		above_b[i] = true;
	*shared = false;
	*steps = *blockers = 0;
	for (int i = 0; i < (int)p->nr_functions; i++) {
		if (above_a[i] != above_b[i]) {
			*steps += 1;
			*blockers += redirects(&p->functions[i]);
		}
	}
	for (int i = a; i >= 0; i = p->functions[i].upstream) {
		if (!above_b[i])
			continue;
		*shared = true;
		*blockers += redirects(&p->functions[i]);
		break;
	}
}

static void test_random_trees(void **state attr_unused)
{
	const struct p2p_rules *rules = p2p_rules_for(NULL);
	uint32_t seed = 0x2545f491;
	int seen[4] = { 0 };

	for (int round = 0; round < 20; round++) {
		struct platform *p = random_tree(&seed);

		if (round % 2)
			model_set_cpu(p, "AuthenticAMD", 0x19);
		for (int a = 0; a < (int)p->nr_functions; a++) {
			for (int b = 0; b < (int)p->nr_functions; b++) {
				struct p2p_pair pair;
				bool shared;
				int steps, blockers;

				p2p_pair_predict(p, rules, a, b, &pair);
				expect(p, a, b, &shared, &steps, &blockers);
				if (!shared)
					assert_int_equal(pair.nr_blocked_by, 0);
				else
					assert_int_equal(pair.nr_blocked_by, blockers);
				if (shared && !blockers)
					assert_int_equal(pair.verdict, VERDICT_BUS_ADDRESS);
				else
					assert_int_equal(pair.verdict,
							 round % 2 ? VERDICT_HOST_BRIDGE
								   : VERDICT_NOT_SUPPORTED);
				assert_int_equal(pair.distance,
						 pair.verdict == VERDICT_NOT_SUPPORTED ? -1
										       : steps);
				seen[pair.verdict]++;
				p2p_pair_release(&pair);
			}
		}
		platform_free(p);
	}
	/* the trees were not all of one kind */
	assert_true(seen[VERDICT_BUS_ADDRESS] > 100 && seen[VERDICT_HOST_BRIDGE] > 100 &&
		    seen[VERDICT_NOT_SUPPORTED] > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),          cmocka_unit_test(test_unseen_host_bridge),
		cmocka_unit_test(test_missing_bridge), cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_json),           cmocka_unit_test(test_random_trees),
		cmocka_unit_test(test_unsure_control),
	};

	return cmocka_run_group_tests_name("p2p/route", tests, NULL, NULL);
}
