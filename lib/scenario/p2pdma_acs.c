/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.acs-runtime: ACS redirect of a port is changed while the machine runs, as setpci or a vendor's tool
 * does. The kernel keeps what it has once ruled of a pair (map_types in drivers/pci/p2pdma.c): it maps as
 * before, and the bytes no longer go where it believes. That is told; when the register is as it was, all is as
 * it was. What is asked of the kernel meanwhile makes it rule on no pair anew. For ports that were named alone.
 */
#include <endian.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "p2p/isolation.h"
#include "scenario/modfd.h"
#include "scenario/pair.h"
#include "scenario/provider.h"

#define ACS_FAULTS (P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)

#define REDIRECT (ACS_RR | ACS_CR | ACS_EC)

/* A change of a port's ACS control, and the machine as it is predicted to be after it. */
struct change {
	const struct function *port;
	off_t offset; /* of the register */
	uint16_t mask, value;
	struct platform after; /* a copy, with functions of its own */
};

/* A pair of which the change makes another one. */
struct affected {
	int initiator;
	struct p2p_pair before, after; /* predicted */
};

struct affected_list {
	struct affected *items;
	size_t n;
};

/* --- the change ----------------------------------------------------------------------------------- */

/* Redirect that is on goes off, else all that the port has goes on. False if it has none. */
static bool choose_bits(struct change *c)
{
	uint16_t on = c->port->acs.control & REDIRECT;

	c->mask = on ? on : c->port->acs.capability & (ACS_RR | ACS_CR);
	c->value = on ? 0 : c->mask;
	return c->mask;
}

/* Where the ACS control register is; 0: not found (PCIe 6.0, 7.6.3). */
static off_t find_control(const char *sysroot, const struct function *f)
{
	autofree char *path =
		fs_under(sysroot, "/sys/bus/pci/devices/%s/config", pci_addr_str(f->addr));
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t header;
	off_t at = PCI_CFG_SPACE_SIZE;

	for (int i = 0; fd >= 0 && at && i < PCI_CFG_SPACE_EXP_SIZE / 8; i++) {
		if (pread(fd, &header, sizeof(header), at) != sizeof(header))
			return 0;
		header = le32toh(header);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ACS)
			return at + PCI_ACS_CTRL;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

static bool change_begin(struct provider *p, const struct function *port, struct change *c)
{
	const struct platform *platform = scn_env(p->ctx)->platform;
	size_t index = (size_t)(port - platform->functions);
	struct function *changed;

	*c = (struct change){ .port = port, .after = *platform };
	if (port->acs.known != KNOWN_PRESENT || p2p_acs_is_dword(port) || !choose_bits(c))
		return false;
	c->offset = find_control(scn_env(p->ctx)->sysroot, port);
	if (!c->offset)
		return false;
	c->after.functions = xcalloc(platform->nr_functions, sizeof(*c->after.functions));
	memcpy(c->after.functions, platform->functions,
	       platform->nr_functions * sizeof(*c->after.functions));
	changed = &c->after.functions[index];
	changed->acs.control = (uint16_t)((changed->acs.control & ~c->mask) | c->value);
	return true;
}

static bool make_it(struct provider *p, const struct change *c)
{
	autofree char *why = NULL;
	json_t *args = jx_object();
	int err;

	jx_set_str(args, "address", pci_addr_str(c->port->addr));
	jx_set_int(args, "offset", c->offset);
	jx_set_int(args, "width", 16);
	jx_set_int(args, "mask", c->mask);
	jx_set_int(args, "value", c->value);
	err = scn_change(p->ctx, "pci-config", args, NULL, &why);
	if (err)
		provider_say(p, EVIDENCE_PATH, EVIDENCE_MISSING,
			     "ACS control of %s cannot be changed: %s", pci_addr_str(c->port->addr),
			     why ? why : strerror(-err));
	return !err;
}

static bool take_it_back(struct provider *p, const struct change *c)
{
	autofree char *why = NULL;
	int err = scn_undo(p->ctx, &why);

	if (err)
		provider_say(p, EVIDENCE_PATH, EVIDENCE_REFUTED,
			     "ACS control of %s cannot be set back: %s",
			     pci_addr_str(c->port->addr), why ? why : strerror(-err));
	return !err;
}

/* --- pairs ------------------------------------------------------------------------------------------ */

static void affected_release(struct affected_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		p2p_pair_release(&list->items[i].before);
		p2p_pair_release(&list->items[i].after);
	}
	free(list->items);
}

static void add_if_affected(struct provider *p, const struct change *c, int initiator,
			    struct affected_list *list)
{
	const struct scenario_env *env = scn_env(p->ctx);
	int target = (int)(p->function - env->platform->functions);
	struct affected a = { .initiator = initiator };

	p2p_pair_predict(env->platform, env->rules, initiator, target, &a.before);
	p2p_pair_predict(&c->after, env->rules, initiator, target, &a.after);
	if (a.before.verdict == a.after.verdict || a.before.verdict == VERDICT_UNKNOWN ||
	    a.after.verdict == VERDICT_UNKNOWN) {
		p2p_pair_release(&a.before);
		p2p_pair_release(&a.after);
		return;
	}
	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = a;
}

static void find_affected(struct provider *p, const struct change *c, struct affected_list *list)
{
	const struct platform *platform = scn_env(p->ctx)->platform;

	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];

		if (f != p->function && p2p_can_initiate(f))
			add_if_affected(p, c, (int)i, list);
	}
}

static const char *initiator_text(const struct provider *p, const struct affected *a,
				  char text[PCI_ADDR_TEXT_MAX])
{
	return pci_addr_format(scn_env(p->ctx)->platform->functions[a->initiator].addr, text);
}

/* How the kernel maps the memory for the initiator; it is asked for no distance, which it rules on anew. */
static bool ask(struct provider *p, const struct affected *a, const struct p2pmem_map *map,
		enum p2p_verdict *verdict)
{
	struct pci_addr initiator = scn_env(p->ctx)->platform->functions[a->initiator].addr;
	struct pair_ruling ruled = { 0 };
	int err = pair_ask_map(p->fd, initiator, map->addr, map->len, &ruled, NULL);

	*verdict = pair_ruled_verdict(&ruled);
	if (err || *verdict == VERDICT_UNKNOWN)
		provider_say(p, EVIDENCE_PATH, EVIDENCE_MISSING,
			     "for %s: the kernel does not rule: %s", pci_addr_str(initiator),
			     errno_text(err ? err : ruled.map_errno));
	return !err && *verdict != VERDICT_UNKNOWN;
}

/* Is it ruled as it is predicted without the change? */
static bool is_as_before(struct provider *p, const struct affected *a, const struct p2pmem_map *map,
			 const char *when)
{
	char initiator[PCI_ADDR_TEXT_MAX];
	enum p2p_verdict verdict;

	if (!ask(p, a, map, &verdict))
		return false;
	provider_say(p, EVIDENCE_PATH,
		     verdict == a->before.verdict ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "for %s, %s: %s is predicted, and the kernel rules %s",
		     initiator_text(p, a, initiator), when, p2p_verdict_name(a->before.verdict),
		     p2p_verdict_name(verdict));
	return verdict == a->before.verdict;
}

static void tell_stale(struct provider *p, const struct change *c, const struct affected *a)
{
	const struct platform *platform = scn_env(p->ctx)->platform;
	const struct pci_addr addrs[] = { platform->functions[a->initiator].addr, p->function->addr,
					  c->port->addr };
	char initiator[PCI_ADDR_TEXT_MAX];

	scn_finding(p->ctx, "P2P-VERDICT-STALE", addrs, ARRAY_LEN(addrs),
		    "%s and %s: the kernel keeps to %s, where it would be %s since ACS redirect of "
		    "%s is %s",
		    initiator_text(p, a, initiator), p->name, p2p_verdict_name(a->before.verdict),
		    p2p_verdict_name(a->after.verdict), pci_addr_str(c->port->addr),
		    c->value ? "on" : "off");
}

/* With the change made: the kernel goes by what it knew, or by what is. */
static bool judge_changed(struct provider *p, const struct change *c, const struct affected *a,
			  const struct p2pmem_map *map)
{
	char initiator[PCI_ADDR_TEXT_MAX];
	enum p2p_verdict verdict;
	bool known;

	if (!ask(p, a, map, &verdict))
		return false;
	known = verdict == a->before.verdict || verdict == a->after.verdict;
	if (verdict == a->before.verdict)
		tell_stale(p, c, a);
	provider_say(
		p, EVIDENCE_PATH, known ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		"for %s, ACS redirect of %s being %s: %s is predicted, and the kernel rules %s",
		initiator_text(p, a, initiator), pci_addr_str(c->port->addr),
		c->value ? "on" : "off", p2p_verdict_name(a->after.verdict),
		p2p_verdict_name(verdict));
	return known;
}

static void exercise(struct provider *p, const struct change *c, const struct affected_list *list,
		     const struct p2pmem_map *map)
{
	bool good = true;

	for (size_t i = 0; i < list->n; i++)
		good &= is_as_before(p, &list->items[i], map, "before the change");
	if (!good || !make_it(p, c))
		return;
	scn_perish(p->ctx);
	for (size_t i = 0; i < list->n; i++)
		judge_changed(p, c, &list->items[i], map);
	if (!take_it_back(p, c))
		return;
	for (size_t i = 0; i < list->n; i++)
		is_as_before(p, &list->items[i], map, "with the change taken back");
}

static void with_port(struct provider *p, const struct function *port)
{
	struct affected_list list = { 0 };
	struct p2pmem_map map = { 0 };
	struct change c;

	if (!change_begin(p, port, &c))
		return;
	find_affected(p, &c, &list);
	if (list.n && provider_map(p, 1, &map)) {
		scn_device(p->ctx, port->addr);
		p->exercised += list.n;
		exercise(p, &c, &list, &map);
	}
	p2pmem_unmap(&map);
	affected_release(&list);
	free(c.after.functions);
}

static void body(struct provider *p)
{
	const struct scenario_env *env = scn_env(p->ctx);
	const struct function *port;
	struct pci_addr named;

	for (const char *const *d = env->devices; d && *d; d++) {
		port = pci_addr_parse(*d, &named) == 0 ? platform_find(env->platform, named) : NULL;
		if (port)
			with_port(p, port);
	}
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return provider_each(ctx, ACS_FAULTS, body, SKIP_HW_UNSUPPORTED,
			     "none of the named devices is a port whose ACS redirect decides how a "
			     "pair is ruled");
}

const struct scenario scenario_p2pdma_acs_runtime = {
	.id = "p2pdma.acs-runtime",
	.title = "ACS redirect of a port changes, and the kernel's ruling does not",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(PATH) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS("wrong-verdict", "leak", "killed", MODFD_FAULTS_ENTER),
	.run = run,
};
