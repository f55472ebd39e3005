/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walk that decides over a pair: from both functions upward to the port they share, noting every
 * port whose ACS redirects, and where they share none or are redirected, whether the host bridge
 * lets peer-to-peer traffic through. Order and distances are those of calc_map_type_and_dist() in
 * drivers/pci/p2pdma.c. It does not decide about IOMMU groups, and moves nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "p2p/p2p.h"

/* The ACS bits by which the kernel takes a port to redirect. */
#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)

/* No walk is longer: bus numbers fall from step to step. */
#define MAX_DEPTH 257

enum answer { NO, YES, CANNOT_TELL };

/* A function and every bridge above it. */
struct chain {
	int node[MAX_DEPTH];
	int len;
	bool cut; /* the bridge above the last was not seen */
};

/* Functions in a list, as many as matter to a person. */
struct list {
	int item[P2P_MAX_BLOCKERS];
	int len;
};

static void list_add(struct list *l, int item)
{
	if (l->len < P2P_MAX_BLOCKERS)
		l->item[l->len++] = item;
}

struct walk {
	const struct platform *p;
	struct chain client, provider;
	int common; /* where the chains meet: function, or -1 */
	int client_steps, provider_steps; /* to the common node, or the whole chains */
	struct list redirecting;
	struct list unknown; /* whose ACS matters and was not seen */
};

static void climb(const struct platform *p, int from, struct chain *chain)
{
	int i = from;

	chain->len = 0;
	while (i >= 0) {
		chain->node[chain->len++] = i;
		i = p->functions[i].upstream;
	}
	chain->cut = i == UPSTREAM_UNKNOWN;
}

static int index_in(const struct chain *chain, int node)
{
	for (int i = 0; i < chain->len; i++)
		if (chain->node[i] == node)
			return i;
	return -1;
}

static bool redirect_is_unknown(const struct acs *acs)
{
	return acs->known == KNOWN_NO ||
	       (acs->unsure & ACS_REDIRECT && !(acs->control & ~acs->unsure & ACS_REDIRECT));
}

static void note_acs(struct walk *w, int node)
{
	const struct acs *acs = &w->p->functions[node].acs;

	if (redirect_is_unknown(acs))
		list_add(&w->unknown, node);
	else if (acs->known == KNOWN_PRESENT && acs->control & ACS_REDIRECT)
		list_add(&w->redirecting, node);
}

static void walk_up(struct walk *w, int client, int provider)
{
	climb(w->p, client, &w->client);
	climb(w->p, provider, &w->provider);
	w->common = -1;
	w->client_steps = w->client.len;
	w->provider_steps = w->provider.len;
	for (int i = 0; i < w->provider.len && w->common < 0; i++) {
		int at = index_in(&w->client, w->provider.node[i]);

		if (at < 0)
			continue;
		w->common = w->provider.node[i];
		w->provider_steps = i;
		w->client_steps = at;
	}
	if (w->common < 0)
		return;
	/* the provider's side first and with the common node, even if that is an endpoint */
	for (int i = 0; i <= w->provider_steps; i++)
		note_acs(w, w->provider.node[i]);
	for (int i = 0; i < w->client_steps; i++)
		note_acs(w, w->client.node[i]);
}

/* --- text ----------------------------------------------------------------------------------------- */

struct text {
	char *s;
};

static attr_printf(2, 0) void vadd(struct text *t, const char *fmt, va_list ap)
{
	autofree char *old = t->s;
	autofree char *more = xvasprintf(fmt, ap);

	t->s = xasprintf("%s%s", old ? old : "", more);
}

static attr_printf(2, 3) void add(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vadd(t, fmt, ap);
	va_end(ap);
}

/* As add(), set off from what is there. */
static attr_printf(2, 3) void clause(struct text *t, const char *fmt, ...)
{
	va_list ap;

	if (t->s)
		add(t, "; ");
	va_start(ap, fmt);
	vadd(t, fmt, ap);
	va_end(ap);
}

static void add_functions(struct text *t, const struct platform *p, const struct list *l,
			  const char *separator)
{
	for (int i = 0; i < l->len; i++)
		add(t, "%s%s", i ? separator : "", pci_addr_str(p->functions[l->item[i]].addr));
}

/* --- the host bridge ------------------------------------------------------------------------------- */

/*
 * The function that stands for a host bridge: the first on its root bus, if that is 00.0 or a root
 * port. NULL where functions before the first that was seen may have been left out.
 */
static enum answer root_device(const struct platform *p, const struct host_bridge *hb,
			       const struct function **device)
{
	const struct function *f = platform_first(p, hb);

	*device = f;
	if (!f)
		return CANNOT_TELL;
	if ((f->addr.dev == 0 && f->addr.fn == 0) || f->port_type == PORT_ROOT)
		return f->ids_known ? YES : CANNOT_TELL;
	return f->port_type == PORT_UNKNOWN ? CANNOT_TELL : NO;
}

static enum answer is_listed(const struct platform *p, const struct p2p_rules *rules,
			     const struct host_bridge *hb, bool same, struct text *why)
{
	static const char *const texts[] = {
		[P2P_UNLISTED] = "is not listed",
		[P2P_LISTED_SAME_HOST_BRIDGE] = "is listed only for pairs below itself",
		[P2P_LISTED] = "is listed",
	};
	const struct function *device;
	enum answer found = root_device(p, hb, &device);
	enum p2p_listed listed;
	const char *since;

	if (!device) {
		clause(why, "what stands before %s on root bus %04x:%02x was not seen",
		       pci_addr_str(p->functions[hb->first].addr), hb->domain, hb->bus);
		return CANNOT_TELL;
	}
	if (found == NO) {
		clause(why,
		       "the first function of root bus %04x:%02x, %s, is neither 00.0 nor a root "
		       "port",
		       hb->domain, hb->bus, pci_addr_str(device->addr));
		return NO;
	}
	if (found == CANNOT_TELL) {
		clause(why, "what %s at the start of root bus %04x:%02x is was not seen",
		       pci_addr_str(device->addr), hb->domain, hb->bus);
		return CANNOT_TELL;
	}
	listed = p2p_rules_host_bridge(rules, device->vendor, device->device);
	since = p2p_rules_listed_since(device->vendor, device->device);
	clause(why, "host bridge %04x:%04x (%s) %s in the rules of Linux %s", device->vendor,
	       device->device, pci_addr_str(device->addr), texts[listed], p2p_rules_name(rules));
	if (listed == P2P_UNLISTED && since)
		add(why, ", but from %s on", since);
	return listed == P2P_LISTED || (listed == P2P_LISTED_SAME_HOST_BRIDGE && same) ? YES : NO;
}

/* AMD since Zen, by the exact vendor: Hygon, with the same core, is not taken for it. */
static enum answer cpu_allows(const struct platform *p)
{
	if (!p->cpu.known)
		return CANNOT_TELL;
	return strcmp(p->cpu.vendor, "AuthenticAMD") == 0 && p->cpu.family >= 0x17 ? YES : NO;
}

/* May traffic of the pair go through the host bridge? */
static enum answer host_bridge_allows(const struct platform *p, const struct p2p_rules *rules,
				      int client, int provider, struct text *why)
{
	int bridges[2] = { p->functions[client].host_bridge, p->functions[provider].host_bridge };
	bool same = bridges[0] == bridges[1];
	enum answer cpu = cpu_allows(p), listed = YES;

	if (cpu == YES) {
		clause(why, "an AMD processor of family %#x lets it through", p->cpu.family);
		return YES;
	}
	for (int i = 0; i < (same ? 1 : 2) && listed != NO; i++) {
		enum answer a = CANNOT_TELL;

		if (bridges[i] >= 0)
			a = is_listed(p, rules, &p->host_bridges[bridges[i]], same, why);
		else
			clause(why, "a bridge above %s was not seen",
			       pci_addr_str(p->functions[i ? provider : client].addr));
		if (a != YES)
			listed = a;
	}
	if (listed != YES && cpu == CANNOT_TELL)
		clause(why, "the processor was not seen");
	else if (listed != YES && *p->cpu.vendor)
		clause(why, "the processor, %s family %#x, is none of AMD's since family 0x17",
		       p->cpu.vendor, (unsigned int)p->cpu.family);
	return listed == NO && cpu == CANNOT_TELL ? CANNOT_TELL : listed;
}

/* --- the way of the bytes --------------------------------------------------------------------------- */

static const struct function *physical(const struct platform *p, const struct function *f)
{
	const struct function *pf = f->is_virtual ? platform_find(p, f->physical) : f;

	return pf ? pf : f;
}

/* Functions of one device: one slot, or anything behind one link. VFs are where their PF is. */
static bool same_device(const struct platform *p, int a, int b)
{
	const struct function *fa = physical(p, &p->functions[a]);
	const struct function *fb = physical(p, &p->functions[b]);
	const struct function *up = platform_upstream(p, fa);

	if (fa->addr.domain != fb->addr.domain || fa->addr.bus != fb->addr.bus)
		return false;
	return fa->addr.dev == fb->addr.dev ||
	       (up && (up->port_type == PORT_ROOT || up->port_type == PORT_DOWNSTREAM ||
		       up->port_type == PORT_PCI_TO_PCIE));
}

static enum p2p_route find_route(const struct walk *w, int client, int provider)
{
	const struct platform *p = w->p;
	const struct function *c = &p->functions[client], *t = &p->functions[provider];
	bool own_redirect = false;

	if (client == provider)
		return ROUTE_SAME_FUNCTION;
	if (w->common < 0 && (c->host_bridge < 0 || t->host_bridge < 0))
		return ROUTE_UNKNOWN;
	if (w->common < 0)
		return c->host_bridge == t->host_bridge ? ROUTE_HOST_BRIDGE
							: ROUTE_INTER_HOST_BRIDGE;
	/* inside a device only the functions' own ACS can send it out */
	for (int i = 0; i < w->redirecting.len; i++)
		own_redirect |=
			w->redirecting.item[i] == client || w->redirecting.item[i] == provider;
	if (same_device(p, client, provider) && !own_redirect)
		return redirect_is_unknown(&c->acs) || redirect_is_unknown(&t->acs)
			       ? ROUTE_UNKNOWN
			       : ROUTE_INTERNAL;
	if (w->redirecting.len)
		return ROUTE_ROOT_REDIRECT;
	return w->unknown.len ? ROUTE_UNKNOWN : ROUTE_SWITCH_DIRECT;
}

/* --- the verdict ------------------------------------------------------------------------------------- */

static void say_direct(const struct walk *w, enum p2p_route route, struct text *t)
{
	const char *common = pci_addr_str(w->p->functions[w->common].addr);

	if (route == ROUTE_SAME_FUNCTION)
		clause(t, "both are one function");
	else if (route == ROUTE_INTERNAL)
		clause(t, "both are functions of one device, no ACS redirect there or at %s",
		       common);
	else
		clause(t, "direct below %s, no ACS redirect on the way", common);
}

/* Those whose ACS was not seen, or of those seen what a prediction cannot tell. */
static struct list only(const struct walk *w, bool seen)
{
	struct list some = { 0 };

	for (int i = 0; i < w->unknown.len; i++)
		if ((w->p->functions[w->unknown.item[i]].acs.known != KNOWN_NO) == seen)
			list_add(&some, w->unknown.item[i]);
	return some;
}

static void say_unknown(const struct walk *w, struct text *t)
{
	struct list unseen = only(w, false), untold = only(w, true);

	if (unseen.len) {
		clause(t, "ACS was not seen at ");
		add_functions(t, w->p, &unseen, ", ");
		add(t, ": reading it needs root");
	}
	if (untold.len) {
		clause(t, "what firmware left in ACS control cannot be told at ");
		add_functions(t, w->p, &untold, ", ");
	}
}

static void say_redirected(const struct walk *w, enum p2p_route route, struct text *t)
{
	clause(t, "ACS redirect is on at ");
	add_functions(t, w->p, &w->redirecting, ", ");
	if (route == ROUTE_INTERNAL)
		add(t, ", which counts although both are functions of one device");
}

static void say_remedy(const struct walk *w, struct text *t)
{
	clause(t, "to make it direct, boot with pci=disable_acs_redir=");
	add_functions(t, w->p, &w->redirecting, ";");
	if (w->unknown.len)
		say_unknown(w, t);
}

/* Direct, or not known whether. */
static void decide_below(const struct walk *w, struct p2p_pair *pair, struct text *why)
{
	pair->verdict = w->unknown.len ? VERDICT_UNKNOWN : VERDICT_BUS_ADDRESS;
	if (w->unknown.len)
		say_unknown(w, why);
	else
		say_direct(w, pair->route, why);
}

static void decide_above(const struct walk *w, const struct p2p_rules *rules, struct p2p_pair *pair,
			 struct text *why)
{
	static const enum p2p_verdict verdicts[] = {
		[NO] = VERDICT_NOT_SUPPORTED,
		[YES] = VERDICT_HOST_BRIDGE,
		[CANNOT_TELL] = VERDICT_UNKNOWN,
	};

	if (w->common < 0)
		clause(why, "no port is shared below the host bridge");
	else
		say_redirected(w, pair->route, why);
	pair->verdict =
		verdicts[host_bridge_allows(w->p, rules, pair->initiator, pair->target, why)];
	if (pair->verdict == VERDICT_NOT_SUPPORTED)
		pair->distance = -1;
	if (w->common >= 0)
		say_remedy(w, why);
}

static void decide(const struct walk *w, const struct p2p_rules *rules, struct p2p_pair *pair)
{
	const struct chain *cut = w->client.cut ? &w->client : &w->provider;
	struct text why = { 0 };

	pair->distance = w->client_steps + w->provider_steps;
	if (w->common >= 0 && !w->redirecting.len)
		decide_below(w, pair, &why);
	else if (w->common >= 0 || !cut->cut)
		decide_above(w, rules, pair, &why);
	else /* chains that were not seen to their ends may meet further up */
		clause(&why, "the bridge above %s was not seen",
		       pci_addr_str(w->p->functions[cut->node[cut->len - 1]].addr));
	pair->reason = why.s;
}

void p2p_pair_predict(const struct platform *platform, const struct p2p_rules *rules, int initiator,
		      int target, struct p2p_pair *pair)
{
	struct walk w = { .p = platform };

	*pair = (struct p2p_pair){ .initiator = initiator, .target = target };
	walk_up(&w, initiator, target);
	memcpy(pair->blocked_by, w.redirecting.item, sizeof(pair->blocked_by));
	pair->nr_blocked_by = w.redirecting.len;
	pair->nr_unknown = w.unknown.len;
	pair->route = find_route(&w, initiator, target);
	decide(&w, rules, pair);
	pair->notes = p2p_find_notes(platform, pair);
}

void p2p_pair_release(struct p2p_pair *pair)
{
	free(pair->reason);
	pair->reason = NULL;
}

/* Bridges of any kind: by their header, or by class 06 (host and ISA bridges have plain headers). */
static bool is_bridge(const struct function *f)
{
	return f->is_bridge || (f->class_known && f->class >> 16 == 0x06);
}

bool p2p_can_initiate(const struct function *f)
{
	return !is_bridge(f) && f->port_type != PORT_RC_EVENT_COLLECTOR;
}

bool p2p_can_be_target(const struct function *f)
{
	if (is_bridge(f))
		return false;
	for (int i = 0; i < PCI_BARS; i++)
		if ((f->bars[i].kind == BAR_MEM32 || f->bars[i].kind == BAR_MEM64) &&
		    (f->bars[i].start || f->bars[i].size))
			return true;
	return false;
}

static json_t *note_to_json(const struct platform *platform, const struct p2p_pair *pair,
			    enum p2p_note note)
{
	autofree char *text = p2p_note_text(platform, pair, note);
	json_t *o = jx_object();

	jx_set_str(o, "code", p2p_note_code(note));
	jx_set_str(o, "text", text);
	return o;
}

json_t *p2p_pair_to_json(const struct platform *platform, const struct p2p_pair *pair)
{
	json_t *o = jx_object();
	json_t *blockers = jx_array(), *notes = jx_array();

	jx_set_str(o, "initiator", pci_addr_str(platform->functions[pair->initiator].addr));
	jx_set_str(o, "target", pci_addr_str(platform->functions[pair->target].addr));
	jx_set_str(o, "route", p2p_route_name(pair->route));
	jx_set_str(o, "verdict", p2p_verdict_name(pair->verdict));
	if (pair->verdict != VERDICT_UNKNOWN)
		jx_set_int(o, "distance", pair->distance);
	for (int i = 0; i < pair->nr_blocked_by; i++)
		jx_append_str(blockers,
			      pci_addr_str(platform->functions[pair->blocked_by[i]].addr));
	jx_set(o, "blocked_by", blockers);
	jx_set_str(o, "reason", pair->reason);
	for (enum p2p_note n = 0; n < NR_P2P_NOTES; n++)
		if (pair->notes & 1u << n)
			jx_append(notes, note_to_json(platform, pair, n));
	jx_set(o, "notes", notes);
	return o;
}

const char *p2p_route_name(enum p2p_route route)
{
	static const char *const names[] = {
		[ROUTE_UNKNOWN] = "unknown",
		[ROUTE_SAME_FUNCTION] = "same-function",
		[ROUTE_INTERNAL] = "internal",
		[ROUTE_SWITCH_DIRECT] = "switch-direct",
		[ROUTE_ROOT_REDIRECT] = "root-redirect",
		[ROUTE_HOST_BRIDGE] = "host-bridge",
		[ROUTE_INTER_HOST_BRIDGE] = "inter-host-bridge",
		[ROUTE_UNROUTABLE] = "unroutable",
	};

	return names[route];
}

const char *p2p_verdict_name(enum p2p_verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_BUS_ADDRESS] = "bus-address",
		[VERDICT_HOST_BRIDGE] = "host-bridge",
		[VERDICT_NOT_SUPPORTED] = "not-supported",
	};

	return names[verdict];
}
