/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine on which nothing is wrong. */
#include "rig.h"

#include "../p2p/model.h"
#include "../test.h"

#include "base/alloc.h"

static const struct model_function machine[] = {
	FN("00:00.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x09a2, .no_bar = true,
	   .class = 0x088000),
	FN("00:01.0", PORT_ROOT, 0x01, 0, 0x8086, 0x352a),
	FN("00:02.0", PORT_ROOT, 0x06, 0, 0x8086, 0x352a),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x1000, 0xc030),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x1000, 0xc030),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x1000, 0xc030),
	FN("02:02.0", PORT_DOWNSTREAM, 0x05, 0, 0x1000, 0xc030),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x1021, .class = 0x020700),
	FN("05:00.1", PORT_ENDPOINT, 0, NO_ACS, 0x15b3, 0x101e, .class = 0x020700,
	   .physical = "05:00.0"),
	FN("06:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa80a),
	FN("80:00.0", PORT_RC_ENDPOINT, 0, NO_ACS, 0x8086, 0x09a2, .no_bar = true,
	   .class = 0x088000),
	FN("80:01.0", PORT_ROOT, 0x81, 0, 0x8086, 0x352a),
	FN("81:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x10de, 0x2330, .class = 0x030200),
};

static struct reg seen(uint32_t value)
{
	return (struct reg){ .value = value, .seen = UINT32_MAX };
}

/* Bus addresses grow with the bus number, 64 GiB to each. */
#define BAR_BASE UINT64_C(0x200000000000)
#define BUS_ROOM (UINT64_C(64) << 30)

static uint64_t place(uint8_t bus)
{
	return BAR_BASE + bus * BUS_ROOM;
}

static void fill_bridge(struct function *f)
{
	uint8_t last = f->addr.bus == 0 && f->secondary == 1 ? 5 : f->secondary;

	if (f->port_type == PORT_UPSTREAM)
		last = 5;
	f->subordinate = last;
	f->windows[WINDOW_MEMORY] = (struct window){ .known = true, .start = 1 };
	f->windows[WINDOW_PREFETCHABLE] = (struct window){
		.known = true,
		.start = place(f->secondary),
		.end = place(last) + BUS_ROOM - 1,
	};
	f->express.device_capabilities_2 =
		seen(DEVCAP2_ARI | DEVCAP2_ATOMIC_ROUTE | DEVCAP2_TAG10_COMPLETER);
}

static void fill_endpoint(struct function *f)
{
	const char *driver = f->vendor == 0x15b3   ? "mlx5_core"
			     : f->vendor == 0x144d ? "nvme"
						   : "nvidia";

	rig_string(&f->driver, driver);
	f->dma_bits = 64;
	f->express.device_capabilities_2 =
		seen(DEVCAP2_TAG10_COMPLETER | DEVCAP2_TAG10_REQUESTER | DEVCAP2_ATOMIC_64);
	f->express.device_control_2 = seen(DEVCTL2_TAG10_REQUESTER | DEVCTL2_ATOMIC_REQUEST | 6);
	f->bars[0].start = place(f->addr.bus) + f->addr.fn * (UINT64_C(16) << 30);
	f->bars[0].size = UINT64_C(16) << 30;
	if (f->class >> 16 == 0x03) {
		f->memory_bytes = UINT64_C(15) << 30;
		f->has_rebar = true;
		f->nr_rebars = 1;
		f->rebars[0] = (struct rebar){ .size = 34, .sizes = UINT64_C(0x7) << 32 };
	}
}

static void fill(struct function *f)
{
	if (f->port_type == PORT_RC_ENDPOINT)
		return;
	f->numa_node = f->addr.bus >= 0x80;
	f->power_known = f->powered = true;
	f->bus_master_known = f->bus_master = true;
	f->command = seen(COMMAND_MEMORY | COMMAND_MASTER);
	f->bridge_control = seen(0);
	f->link = (struct link){ true, 16, 16, 5, 5 };
	f->express = (struct express){
		.device_capabilities = seen(DEVCAP_EXT_TAG | 2),
		.device_control = seen(DEVCTL_EXT_TAG | DEVCTL_RELAXED | 0x20 | 0x2000),
		.device_status = seen(0),
		.link_control = seen(0),
		.slot_capabilities = seen(0),
		.slot_status = seen(0),
		.device_control_2 = seen(0),
	};
	f->has_aer = true;
	f->errors = (struct errors){ seen(0), seen(0), seen(0), seen(0), seen(0) };
	if (f->is_bridge)
		fill_bridge(f);
	else
		fill_endpoint(f);
}

struct platform *rig_new(void)
{
	static const char *const modules[] = { "ib_core", "mlx5_ib", "nvidia", "nvidia_peermem" };
	struct platform *p = model_new(machine, ARRAY_LEN(machine));

	for (size_t i = 0; i < p->nr_functions; i++)
		fill(&p->functions[i]);
	/* a VF has none of these of its own */
	rig_at(p, "05:00.1")->express = (struct express){ 0 };
	rig_at(p, "05:00.1")->command = (struct reg){ 0 };
	rig_at(p, "05:00.1")->link = (struct link){ 0 };
	rig_at(p, "05:00.0")->has_sriov = true;
	rig_at(p, "05:00.0")->nr_virtual = 1;
	rig_at(p, "05:00.0")->sriov_control = seen(SRIOV_VF_ENABLE | SRIOV_VF_MEMORY);
	rig_string(&p->kernel_release, "7.2.12");
	rig_string(&p->kernel_cmdline, "root=/dev/nvme0n1p2 ro quiet");
	rig_string(&p->machine, "x86_64");
	rig_string(&p->kernel_config, "CONFIG_PCI_P2PDMA=y\nCONFIG_DEVICE_PRIVATE=y\n"
				      "CONFIG_INFINIBAND_ON_DEMAND_PAGING=y\n");
	p->modules_known = true;
	p->modules = xcalloc(ARRAY_LEN(modules), sizeof(*p->modules));
	for (; p->nr_modules < ARRAY_LEN(modules); p->nr_modules++)
		p->modules[p->nr_modules] = xstrdup(modules[p->nr_modules]);
	return p;
}

struct function *rig_at(struct platform *p, const char *address)
{
	return &p->functions[model_index(p, address)];
}

void rig_set(struct reg *r, uint32_t bits)
{
	r->value |= bits;
	r->seen |= bits;
}

void rig_clear(struct reg *r, uint32_t bits)
{
	r->value &= ~bits;
	r->seen |= bits;
}

void rig_hide(struct reg *r, uint32_t bits)
{
	r->value &= ~bits;
	r->seen &= ~bits;
}

void rig_string(char **s, const char *value)
{
	free(*s);
	*s = xstrdup(value);
}

void rig_passes(const char *id)
{
	autoplatform struct platform *p = rig_new();
	struct checked c = checked(p, id, NULL);

	for (size_t i = 0; i < c.result->sink.nr_findings; i++)
		fail_msg("%s: %s: %s", id, c.result->sink.findings[i].finding->code,
			 c.result->sink.findings[i].text);
	for (size_t i = 0; i < c.result->sink.nr_unseen; i++)
		fail_msg("%s: unseen: %s", id, c.result->sink.unseen[i].text);
	assert_outcome(&c, OUTCOME_PASS);
	assert_true(c.result->sink.looked > 0);
	checked_release(&c);
}

static const char declared[] = "03:00.0>04:00.0 04:00.0>03:00.0 05:00.0>03:00.0 05:00.1>03:00.0 "
			       "06:00.0>81:00.0";

void rig_found(const struct platform *p, const char *id, const char *code, enum severity severity,
	       const char *functions)
{
	struct checked c = checked(p, id, declared);

	assert_found(&c, code, severity, functions);
	checked_release(&c);
}

void rig_found_likely(const struct platform *p, const char *id, const char *code,
		      enum severity severity, const char *functions)
{
	struct checked c = checked(p, id, NULL);

	assert_found(&c, code, severity, functions);
	checked_release(&c);
}

void rig_not_found(const struct platform *p, const char *id, const char *code)
{
	struct checked c = checked(p, id, declared);

	assert_not_found(&c, code);
	checked_release(&c);
}

void rig_unseen(const struct platform *p, const char *id, const char *address)
{
	struct checked c = checked(p, id, NULL);

	assert_unseen(&c, address);
	assert_outcome(&c, OUTCOME_INCONCLUSIVE);
	checked_release(&c);
}

void rig_says(const struct platform *p, const char *id, const char *code, const char *words)
{
	struct checked c = checked(p, id, declared);
	const struct check_finding *f = checked_find(&c, code);

	if (!f)
		fail_msg("'%s' was not found", code);
	if (!strstr(f->text, words) && !strstr(f->next, words))
		fail_msg("'%s' is neither in '%s' nor in '%s'", words, f->text, f->next);
	checked_release(&c);
}
