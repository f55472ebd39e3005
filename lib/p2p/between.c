/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions that narrow down pairs:
 *
 *	EXPR = SIDE [ '/' SIDE ]        initiators / targets; one side: both are among it
 *	SIDE = TERM { ',' TERM }
 *	TERM = KIND | 'class=' DIGITS | 'driver=' NAME | 'slot=' NUMBER | VENDOR ':' DEVICE | ADDRESS
 */
#include "p2p/between.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "p2p/p2p.h"

struct term {
	char *text; /* as given, for messages */
	bool (*matches)(const struct platform *p, const struct function *f, const struct term *t);
	/* what it looks at was not seen */
	bool (*is_open)(const struct platform *p, const struct function *f);
	uint32_t value, mask; /* of a class; the number of a slot */
	int vendor, device; /* -1: any */
	struct pci_addr addr;
	const char *driver; /* in text */
};

struct side {
	struct term *terms;
	size_t nr;
};

struct p2p_between_expr {
	struct side initiators, targets;
};

/* --- reading -------------------------------------------------------------------------------- */

static bool class_matches(const struct platform *p attr_unused, const struct function *f,
			  const struct term *t)
{
	return f->class_known && (f->class & t->mask) == t->value;
}

static bool class_is_open(const struct platform *p attr_unused, const struct function *f)
{
	return !f->class_known;
}

static bool ids_match(const struct platform *p attr_unused, const struct function *f,
		      const struct term *t)
{
	return f->ids_known && (t->vendor < 0 || f->vendor == t->vendor) &&
	       (t->device < 0 || f->device == t->device);
}

static bool ids_are_open(const struct platform *p attr_unused, const struct function *f)
{
	return !f->ids_known;
}

static bool address_matches(const struct platform *p attr_unused, const struct function *f,
			    const struct term *t)
{
	return pci_addr_cmp(f->addr, t->addr) == 0;
}

static bool driver_matches(const struct platform *p attr_unused, const struct function *f,
			   const struct term *t)
{
	return f->driver && strcmp(f->driver, t->driver) == 0;
}

static bool nothing_is_open(const struct platform *p attr_unused,
			    const struct function *f attr_unused)
{
	return false;
}

/* Does the port say that this is the number of its slot? (PCIe 6.0, 7.5.3.9) */
static bool is_slot(const struct function *port, uint32_t number)
{
	struct reg slot = port->express.slot_capabilities;

	return reg_seen(slot, SLTCAP_NUMBER) && slot.value >> SLTCAP_NUMBER_SHIFT == number;
}

/* Whatever is on the card in the slot is in it, also what is below a switch there. */
static bool slot_matches(const struct platform *p, const struct function *f, const struct term *t)
{
	while ((f = platform_upstream(p, f)))
		if (is_slot(f, t->value))
			return true;
	return false;
}

/* Is there a port above whose slot, if it has one, was not seen? */
static bool slot_is_open(const struct platform *p, const struct function *f)
{
	const struct function *port = f;

	while ((port = platform_upstream(p, f))) {
		f = port;
		if (port->port_type == PORT_UNKNOWN ||
		    ((port->port_type == PORT_ROOT || port->port_type == PORT_DOWNSTREAM) &&
		     !reg_seen(port->express.slot_capabilities, SLTCAP_NUMBER)))
			return true;
	}
	return f->upstream == UPSTREAM_UNKNOWN;
}

static void set_class(struct term *t, uint32_t value, uint32_t mask)
{
	t->matches = class_matches;
	t->is_open = class_is_open;
	t->value = value;
	t->mask = mask;
}

/* By base class and subclass as the PCI Code and ID Assignment Specification has them. */
static const struct {
	const char *name;
	uint32_t value, mask;
} kinds[] = {
	{ "accelerator", 0x120000, 0xff0000 }, /* processing accelerators */
	{ "gpu", 0x030000, 0xff0000 }, /* display controllers */
	{ "nic", 0x020000, 0xff0000 }, /* network controllers, InfiniBand too */
	{ "nvme", 0x010800, 0xffff00 }, /* non-volatile memory controllers */
	{ "storage", 0x010000, 0xff0000 }, /* mass storage controllers, NVMe too */
};

static bool read_kind(struct term *t)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(t->text, kinds[i].name) != 0)
			continue;
		set_class(t, kinds[i].value, kinds[i].mask);
		return true;
	}
	return false;
}

/* Class; class and subclass; or with the programming interface. */
static int read_class(struct term *t, const char *digits, char **why)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t n = strlen(digits);
	uint64_t value;

	if ((n != 2 && n != 4 && n != 6) || strspn(digits, hex) != n ||
	    text_to_u64(digits, 16, 0xffffff, &value) < 0) {
		*why = xasprintf("'%s' is no class: give 2, 4 or 6 hexadecimal digits", digits);
		return -EINVAL;
	}
	set_class(t, (uint32_t)value << (24 - 4 * n), 0xffffff & 0xffffffu << (24 - 4 * n));
	return 0;
}

static int read_slot(struct term *t, const char *number, char **why)
{
	const uint64_t max = SLTCAP_NUMBER >> SLTCAP_NUMBER_SHIFT;
	uint64_t value;

	if (text_to_u64(number, 10, max, &value) < 0 || !value) {
		*why = xasprintf("'%s' is no slot: give a number from 1 to %" PRIu64, number, max);
		return -EINVAL;
	}
	t->matches = slot_matches;
	t->is_open = slot_is_open;
	t->value = (uint32_t)value;
	return 0;
}

/* "*" or up to four digits. */
static bool read_id(const char *text, int *id)
{
	uint64_t value;

	*id = -1;
	if (strcmp(text, "*") == 0)
		return true;
	if (strlen(text) > 4 || strpbrk(text, "xX") ||
	    text_to_u64(text, 16, UINT16_MAX, &value) < 0)
		return false;
	*id = (int)value;
	return true;
}

static bool read_ids(struct term *t)
{
	const char *colon = strchr(t->text, ':');
	autofree char *vendor = colon ? xstrndup(t->text, (size_t)(colon - t->text)) : NULL;

	if (!colon || !read_id(vendor, &t->vendor) || !read_id(colon + 1, &t->device))
		return false;
	t->matches = ids_match;
	t->is_open = ids_are_open;
	return true;
}

static char *no_term(const char *text)
{
	autofree char *names = xstrdup(kinds[0].name);

	for (size_t i = 1; i < ARRAY_LEN(kinds); i++) {
		autofree char *shorter = names;

		names = xasprintf("%s, %s", shorter, kinds[i].name);
	}
	return xasprintf("'%s' is none of %s, class=, driver=, slot=, VENDOR:DEVICE and an "
			 "address",
			 text, names);
}

static int read_term(struct term *t, char **why)
{
	t->is_open = nothing_is_open;
	if (text_starts_with(t->text, "class="))
		return read_class(t, t->text + strlen("class="), why);
	if (text_starts_with(t->text, "slot="))
		return read_slot(t, t->text + strlen("slot="), why);
	if (text_starts_with(t->text, "driver=") && t->text[strlen("driver=")]) {
		t->driver = t->text + strlen("driver=");
		t->matches = driver_matches;
	} else if (pci_addr_parse(t->text, &t->addr) == 0) {
		t->matches = address_matches;
	} else if (!read_kind(t) && !read_ids(t)) {
		*why = *t->text ? no_term(t->text) : xstrdup("something is missing around a comma");
		return -EINVAL;
	}
	return 0;
}

static void side_release(struct side *s)
{
	for (size_t i = 0; i < s->nr; i++)
		free(s->terms[i].text);
	free(s->terms);
}

static int read_side(struct side *s, const char *text, char **why)
{
	autofree char *copy = xstrdup(text);
	char *rest = copy, *word;
	int r = 0;

	while (r == 0 && (word = strsep(&rest, ","))) {
		s->terms = xreallocarray(s->terms, s->nr + 1, sizeof(*s->terms));
		s->terms[s->nr] = (struct term){ .text = xstrdup(word) };
		r = read_term(&s->terms[s->nr++], why);
	}
	return r;
}

int p2p_between_add(struct p2p_between *between, const char *text, char **why)
{
	const char *slash = strchr(text, '/');
	autofree char *first = xstrndup(text, slash ? (size_t)(slash - text) : strlen(text));
	struct p2p_between_expr e = { 0 };
	int r;

	if (between->nr == P2P_BETWEEN_MAX) {
		*why = xasprintf("there can be at most %d", P2P_BETWEEN_MAX);
		return -EINVAL;
	}
	r = read_side(&e.initiators, first, why);
	if (r == 0)
		r = read_side(&e.targets, slash ? slash + 1 : text, why);
	if (r < 0) {
		side_release(&e.initiators);
		side_release(&e.targets);
		return r;
	}
	between->exprs = xreallocarray(between->exprs, between->nr + 1, sizeof(*between->exprs));
	between->exprs[between->nr++] = e;
	return 0;
}

void p2p_between_release(struct p2p_between *between)
{
	for (size_t i = 0; i < between->nr; i++) {
		side_release(&between->exprs[i].initiators);
		side_release(&between->exprs[i].targets);
	}
	free(between->exprs);
}

bool p2p_between_names(const struct p2p_between *between, const struct platform *p,
		       const struct function *f)
{
	for (size_t i = 0; i < between->nr; i++) {
		const struct side *side = &between->exprs[i].initiators;

		for (size_t k = 0; k < side->nr; k++)
			if (side->terms[k].matches(p, f, &side->terms[k]))
				return true;
	}
	return false;
}

/* --- selecting ------------------------------------------------------------------------------ */

static void remark(struct p2p_selection *s, char *text)
{
	for (size_t i = 0; i < s->nr_remarks; i++) {
		if (strcmp(s->remarks[i], text) != 0)
			continue;
		free(text);
		return;
	}
	s->remarks = xreallocarray(s->remarks, s->nr_remarks + 1, sizeof(*s->remarks));
	s->remarks[s->nr_remarks++] = text;
}

/* Numbers are unique within a chassis, and firmware does not always see to it. */
static void remark_slots(const struct platform *p, const struct term *t, struct p2p_selection *s)
{
	size_t ports = 0;

	for (size_t i = 0; i < p->nr_functions; i++)
		ports += is_slot(&p->functions[i], t->value);
	if (ports > 1)
		remark(s, xasprintf("%zu ports say that their slot is '%s'", ports, t->text));
}

/* One end of pairs: what can be there, and what is said if nothing is. */
struct end {
	bool (*can)(const struct function *f);
	const char *what;
};

static const struct end initiator_end = { p2p_can_initiate, "can start transfers" };
static const struct end target_end = { p2p_can_be_target, "has memory for others" };

/* Sets the bit in all that the term means, and says so if these are none, or not surely all. */
static void select_term(const struct platform *p, const struct term *t, const struct end *end,
			uint32_t bit, uint32_t *mask, struct p2p_selection *s)
{
	size_t found = 0, open = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *f = &p->functions[i];

		if (!end->can(f))
			continue;
		open += t->is_open(p, f);
		if (!t->matches(p, f, t))
			continue;
		mask[i] |= bit;
		found++;
	}
	if (t->matches == slot_matches)
		remark_slots(p, t, s);
	if (!found)
		remark(s, xasprintf("no function that %s was seen to be '%s'", end->what, t->text));
	if (open)
		remark(s, xasprintf("of %zu functions it was not seen whether they are '%s'", open,
				    t->text));
}

static void select_side(const struct platform *p, const struct side *side, const struct end *end,
			uint32_t bit, uint32_t *mask, struct p2p_selection *s)
{
	for (size_t i = 0; i < side->nr; i++)
		select_term(p, &side->terms[i], end, bit, mask, s);
}

void p2p_select(const struct platform *platform, const struct p2p_between *between,
		struct p2p_selection *selection)
{
	size_t n = platform->nr_functions;

	*selection = (struct p2p_selection){
		.from = xcalloc(n, sizeof(*selection->from)),
		.to = xcalloc(n, sizeof(*selection->to)),
	};
	for (size_t i = 0; i < n && (!between || !between->nr); i++) {
		selection->from[i] = p2p_can_initiate(&platform->functions[i]);
		selection->to[i] = p2p_can_be_target(&platform->functions[i]);
	}
	for (size_t k = 0; between && k < between->nr; k++) {
		const struct p2p_between_expr *e = &between->exprs[k];

		select_side(platform, &e->initiators, &initiator_end, 1u << k, selection->from,
			    selection);
		select_side(platform, &e->targets, &target_end, 1u << k, selection->to, selection);
	}
}

void p2p_selection_release(struct p2p_selection *selection)
{
	free(selection->from);
	free(selection->to);
	for (size_t i = 0; i < selection->nr_remarks; i++)
		free(selection->remarks[i]);
	free(selection->remarks);
}
