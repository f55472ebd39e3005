/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel writes into ACS control when it is booted with a given command line: its own
 * default where an IOMMU driver asks for ACS, and over it pci=disable_acs_redir= and
 * pci=config_acs=. Follows pci_enable_acs(), __pci_config_acs() and pci_dev_str_match() in
 * drivers/pci/pci.c, and for who asks drivers/iommu/intel/dmar.c and drivers/iommu/amd/init.c.
 */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "p2p/isolation.h"
#include "p2p/rules.h"

#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)
#define ACS_ALL 0x7fu

static attr_printf(3, 4) void note(struct p2p_boot *boot, enum p2p_boot_note_kind kind,
				   const char *fmt, ...)
{
	struct p2p_boot_note *n;
	va_list ap;

	boot->notes = xreallocarray(boot->notes, boot->nr_notes + 1, sizeof(*boot->notes));
	n = &boot->notes[boot->nr_notes++];
	va_start(ap, fmt);
	*n = (struct p2p_boot_note){ kind, xvasprintf(fmt, ap) };
	va_end(ap);
}

const char *p2p_boot_note_name(enum p2p_boot_note_kind kind)
{
	static const char *const names[] = {
		[P2P_BOOT_NO_OPTION] = "no-option",
		[P2P_BOOT_TOO_OLD] = "kernel-too-old",
		[P2P_BOOT_COMMA] = "comma",
		[P2P_BOOT_UNREADABLE] = "unreadable",
		[P2P_BOOT_NO_MATCH] = "no-match",
		[P2P_BOOT_NO_ACS] = "no-acs",
		[P2P_BOOT_ACS_STAYS] = "acs-stays-on",
		[P2P_BOOT_NO_BEARING] = "no-bearing",
	};

	return names[kind];
}

/* Somebody may expect an effect that the word does not have. */
static void note_no_bearing(struct p2p_boot *boot, const char *word, const char *item)
{
	if (boot->tells_all)
		note(boot, P2P_BOOT_NO_BEARING,
		     "'%s%s' is not known to have a bearing on ACS, pairs or groups", word, item);
}

/* --- words of the command line ---------------------------------------------------------------- */

/* The next word at *rest, which is cut up for it; double quotes keep spaces and are taken away. */
static char *next_word(char **rest)
{
	char *in = *rest, *word, *out;
	bool quoted = false;

	while (isspace((unsigned char)*in))
		in++;
	if (!*in)
		return NULL;
	for (word = out = in; *in && (quoted || !isspace((unsigned char)*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*rest = *in ? in + 1 : in;
	*out = '\0';
	return word;
}

static void keep_last(char **value, const char *text)
{
	free(*value);
	*value = xstrdup(text);
}

/* The kernel reads pci= up to each comma, so that a list in it cannot have commas of its own. */
static void read_pci(struct p2p_boot *boot, const struct p2p_rules *rules, char *value)
{
	static const char redirect[] = "disable_acs_redir=", config[] = "config_acs=";
	bool in_list = false;
	char *item;

	while ((item = strsep(&value, ","))) {
		bool list = true;

		if (text_starts_with(item, redirect)) {
			keep_last(&boot->disable_acs_redir, item + strlen(redirect));
		} else if (text_starts_with(item, config) && rules->writes_over_firmware) {
			keep_last(&boot->config_acs, item + strlen(config));
		} else if (text_starts_with(item, config)) {
			note(boot, P2P_BOOT_TOO_OLD,
			     "Linux %s has no pci=config_acs=: '%s' changes nothing",
			     p2p_rules_name(rules), item);
		} else if (in_list && strpbrk(item, ":@")) {
			note(boot, P2P_BOOT_COMMA,
			     "'%s' comes after a comma, where pci= ends its list: separate with "
			     "';'",
			     item);
		} else if (strstr(item, "acs")) {
			note(boot, P2P_BOOT_NO_OPTION, "the kernel has no option pci=%s", item);
		} else {
			if (text_starts_with(item, "noats"))
				boot->no_ats = true;
			else
				note_no_bearing(boot, "pci=", item);
			list = false;
		}
		in_list = list;
	}
}

static void read_iommu(struct p2p_boot *boot, const struct p2p_rules *rules attr_unused,
		       char *value)
{
	char *item;

	while ((item = strsep(&value, ","))) {
		if (text_starts_with(item, "off"))
			boot->no_iommu = true;
		else
			note_no_bearing(boot, "iommu=", item);
	}
}

static void read_intel(struct p2p_boot *boot, const struct p2p_rules *rules attr_unused,
		       char *value)
{
	char *item;

	while ((item = strsep(&value, ","))) {
		if (text_starts_with(item, "on"))
			boot->intel = P2P_INTEL_ON;
		else if (text_starts_with(item, "off"))
			boot->intel = P2P_INTEL_OFF;
		else
			note_no_bearing(boot, "intel_iommu=", item);
	}
}

/* The driver asks for ACS as soon as it finds its table, and looks for the word after that. */
static void read_amd(struct p2p_boot *boot, const struct p2p_rules *rules attr_unused, char *value)
{
	if (text_starts_with(value, "off"))
		note(boot, P2P_BOOT_ACS_STAYS,
		     "amd_iommu=off turns the IOMMU off, but not the ACS that it asked for: "
		     "iommu=off does both");
	else
		note_no_bearing(boot, "amd_iommu=", value);
}

/* Offered by distributions for virtual machines, and never merged. */
static void read_override(struct p2p_boot *boot, const struct p2p_rules *rules attr_unused,
			  char *value)
{
	note(boot, P2P_BOOT_NO_OPTION,
	     "'pcie_acs_override=%s': only patched kernels know this option", value);
}

static const struct {
	const char *name;
	void (*read)(struct p2p_boot *boot, const struct p2p_rules *rules, char *value);
} words[] = {
	{ "pci", read_pci },
	{ "iommu", read_iommu },
	{ "intel_iommu", read_intel },
	{ "amd_iommu", read_amd },
	{ "pcie_acs_override", read_override },
};

/* The kernel takes '-' and '_' in names for the same. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '-' ? '_' : *a) != *b)
			return false;
	return *a == *b;
}

/* NAME=VALUE, cut in two for it. */
static void read_word(struct p2p_boot *boot, const struct p2p_rules *rules, char *word)
{
	char *value = strchr(word, '=');

	for (size_t i = 0; value && i < ARRAY_LEN(words); i++) {
		*value = '\0';
		if (same_name(word, words[i].name)) {
			words[i].read(boot, rules, value + 1);
			return;
		}
		*value = '=';
	}
	note_no_bearing(boot, word, "");
}

void p2p_boot_parse(const char *cmdline, const struct p2p_rules *rules, struct p2p_boot *boot)
{
	autofree char *text = xstrdup(cmdline ? cmdline : "");
	char *rest = text, *word;

	while ((word = next_word(&rest)) && strcmp(word, "--") != 0)
		read_word(boot, rules, word);
}

void p2p_boot_release(struct p2p_boot *boot)
{
	free(boot->disable_acs_redir);
	free(boot->config_acs);
	for (size_t i = 0; i < boot->nr_notes; i++)
		free(boot->notes[i].text);
	free(boot->notes);
}

/* --- does the kernel turn ACS on by itself? --------------------------------------------------- */

static bool has_amd_iommu(const struct platform *p)
{
	for (size_t i = 0; i < p->nr_functions; i++)
		if (p2p_is_amd_iommu(&p->functions[i]))
			return true;
	return false;
}

static bool is_intel(const struct platform *p)
{
	return p->cpu.known && strcmp(p->cpu.vendor, "GenuineIntel") == 0;
}

static enum p2p_answer because(enum p2p_answer answer, const char *text, char **why)
{
	*why = xstrdup(text);
	return answer;
}

enum p2p_answer p2p_acs_requested(const struct platform *platform, const struct p2p_rules *rules,
				  const struct p2p_boot *boot, const struct p2p_boot *running,
				  char **why)
{
	bool as_now =
		running && boot->intel == running->intel && boot->no_iommu == running->no_iommu;

	if (boot->no_iommu)
		return because(P2P_NO, "iommu=off: no IOMMU driver asks for ACS", why);
	if (has_amd_iommu(platform))
		return because(P2P_YES, "the AMD IOMMU's driver asks for ACS", why);
	if (as_now && platform->iommu_groups == KNOWN_PRESENT)
		return because(P2P_YES, "an IOMMU is in use, and its driver asks for ACS", why);
	if (as_now && platform->iommu_groups == KNOWN_ABSENT)
		return because(P2P_NO, "no IOMMU is in use", why);
	if (boot->intel == P2P_INTEL_ON && platform->iommu_groups == KNOWN_PRESENT)
		return because(P2P_YES, "intel_iommu=on, and there is an IOMMU", why);
	if (boot->intel == P2P_INTEL_OFF && is_intel(platform) && !rules->opt_in_beats_off)
		return because(P2P_NO, "intel_iommu=off", why);
	if (boot->intel == P2P_INTEL_OFF && is_intel(platform))
		return because(P2P_CANNOT_TELL,
			       "intel_iommu=off holds unless firmware opts in to DMA remapping, "
			       "which was not seen",
			       why);
	return because(P2P_CANNOT_TELL, "whether an IOMMU would be in use was not seen", why);
}

/* --- which functions an item of a list means -------------------------------------------------- */

/* A hexadecimal number at *s, with or without 0x. */
static bool read_hex(const char **s, unsigned int *value)
{
	char *end;

	while (isspace((unsigned char)**s))
		(*s)++;
	if (!isxdigit((unsigned char)**s))
		return false;
	*value = (unsigned int)strtoul(*s, &end, 16);
	*s = end;
	return true;
}

static bool read_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool read_dev_fn(const char **s, unsigned int *dev, unsigned int *fn)
{
	return read_hex(s, dev) && read_char(s, '.') && read_hex(s, fn);
}

/* All of s is an address; the domain may be missing. */
static bool read_address(const char *s, unsigned int v[4])
{
	const char *at = s;

	if (read_hex(&at, &v[0]) && read_char(&at, ':') && read_hex(&at, &v[1]) &&
	    read_char(&at, ':') && read_dev_fn(&at, &v[2], &v[3]) && !*at)
		return true;
	v[0] = 0;
	return read_hex(&s, &v[1]) && read_char(&s, ':') && read_dev_fn(&s, &v[2], &v[3]) && !*s;
}

/* The kernel cuts the numbers of a device and function to their width. */
static bool is_dev_fn(const struct function *f, unsigned int dev, unsigned int fn)
{
	return f->addr.dev == (dev & 0x1f) && f->addr.fn == (fn & 7);
}

/*
 * [DOMAIN:]BUS:DEV.FN[/DEV.FN]...: from its end upward, bridge by bridge. 1, 0, or -EINVAL, which
 * the kernel gives only to functions that it has compared so far.
 */
static int match_path(const struct platform *p, const struct function *f, const char *item,
		      size_t len)
{
	autofree char *path = xstrndup(item, len);
	unsigned int v[4];
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		const char *step = slash + 1;

		if (!read_dev_fn(&step, &v[2], &v[3]) || *step)
			return -EINVAL;
		if (!is_dev_fn(f, v[2], v[3]))
			return 0;
		f = platform_upstream(p, f);
		if (!f)
			return 0;
		*slash = '\0';
	}
	if (!read_address(path, v))
		return -EINVAL;
	return v[0] == f->addr.domain && v[1] == f->addr.bus && is_dev_fn(f, v[2], v[3]);
}

/* pci:VENDOR:DEVICE[:SUBVENDOR:SUBDEVICE], 0 being any. *end is behind what was read. */
static int match_ids(const struct function *f, const char *item, const char **end)
{
	const uint16_t ids[] = { f->vendor, f->device, f->subvendor, f->subdevice };
	const char *at = item;
	unsigned int v[4] = { 0 };
	int n = 0;

	while (n < 4 && (!n || read_char(&at, ':')) && read_hex(&at, &v[n])) {
		n++;
		if (n == 2 || n == 4)
			*end = at;
	}
	if (n < 2)
		return -EINVAL;
	for (int i = 0; i < (n == 4 ? 4 : 2); i++)
		if ((uint16_t)v[i] && (uint16_t)v[i] != ids[i])
			return 0;
	return 1;
}

static int match(const struct platform *p, const struct function *f, const char *item,
		 const char **end)
{
	if (text_starts_with(item, "pci:"))
		return match_ids(f, item + 4, end);
	*end = strchrnul(item, ';');
	return match_path(p, f, item, (size_t)(*end - item));
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Bits to write, and with what. */
struct bits {
	unsigned int mask, value;
};

/* BITS@ at *s: '0', '1' or 'x' from the highest bit to the lowest. */
static int read_bits(const char **s, struct bits *bits)
{
	const char *at = strchr(*s, '@');
	unsigned int shift = 0;

	*bits = (struct bits){ 0 };
	if (!at)
		return -EINVAL;
	for (const char *c = at; c-- > *s; shift++) {
		unsigned int bit = shift < 16 ? 1u << shift : 0;

		if (!strchr("01xX", *c))
			return -EINVAL;
		bits->mask |= *c == '0' || *c == '1' ? bit : 0;
		bits->value |= *c == '1' ? bit : 0;
	}
	*s = at + 1;
	return bits->mask & ~ACS_ALL ? -EINVAL : 0;
}

/* What happened to the items of one list over all functions. */
struct tally {
	size_t nr;
	struct item {
		const char *start;
		size_t len;
		bool matched, had_acs, broken;
	} * items;
};

static struct item *tally_item(struct tally *t, size_t k, const char *start, const char *end)
{
	if (k == t->nr) {
		t->items = xreallocarray(t->items, ++t->nr, sizeof(*t->items));
		t->items[k] = (struct item){ .start = start };
	}
	if (end)
		t->items[k].len = (size_t)(end - start);
	return &t->items[k];
}

/*
 * Finds the first item of the list that means the function. with_bits: items begin with BITS@, else
 * *bits stays as it is. An item that cannot be read ends the search.
 */
static bool select_bits(const struct platform *p, const struct function *f, const char *list,
			bool with_bits, struct bits *bits, struct tally *tally)
{
	const char *s = list;

	for (size_t k = 0; *s; k++) {
		const char *start = s, *end = strchrnul(s, ';');
		struct item *item = tally_item(tally, k, start, end);
		int r = with_bits ? read_bits(&s, bits) : 0;

		if (r == 0)
			r = match(p, f, s, &end);
		if (r < 0) {
			item->broken = true;
			return false;
		}
		tally_item(tally, k, start, end);
		if (r) {
			item->matched = true;
			item->had_acs |= f->acs.known != KNOWN_ABSENT;
			return true;
		}
		if (*end && *end != ';' && *end != ',')
			item->broken = true;
		if (*end != ';' && *end != ',')
			return false;
		s = end + 1;
	}
	return false;
}

static void note_tally(struct p2p_boot *boot, const char *option, const struct tally *t)
{
	for (size_t k = 0; k < t->nr; k++) {
		const struct item *item = &t->items[k];
		int len = (int)item->len;

		if (item->broken)
			note(boot, P2P_BOOT_UNREADABLE,
			     "%s: '%.*s' cannot be read, what follows it may take no effect",
			     option, len, item->start);
		else if (!item->matched)
			note(boot, P2P_BOOT_NO_MATCH,
			     "%s: '%.*s' changes nothing: it is the first match of no function",
			     option, len, item->start);
		else if (!item->had_acs)
			note(boot, P2P_BOOT_NO_ACS, "%s: '%.*s' has no ACS capability to write to",
			     option, len, item->start);
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

/* A control register: value, and the bits of it that cannot be told. */
struct control {
	uint16_t value, unsure;
};

static struct control firmware_control(const struct function *f)
{
	if (p2p_acs_is_dword(f))
		return (struct control){ f->acs.dword_control, (uint16_t)~f->acs.dword_known };
	return (struct control){ f->acs.control, f->acs.unsure };
}

static void put_control(struct function *f, struct control c)
{
	if (p2p_acs_is_dword(f)) {
		f->acs.dword_control = c.value;
		f->acs.dword_known = (uint16_t)~c.unsure;
	} else {
		f->acs.control = c.value;
		f->acs.unsure = c.unsure;
	}
}

/*
 * The bits that the kernel sets by itself. Translation blocking depends, but for pci=noats, on what
 * firmware says of the port being external.
 */
static void set_default(const struct p2p_rules *rules, const struct function *f, bool no_ats,
			enum p2p_answer requested, struct control *c)
{
	uint16_t capability = p2p_acs_capability(rules, f);
	uint16_t sure = capability & (P2P_ISOLATION | (no_ats ? ACS_TB : 0));
	uint16_t perhaps = capability & ACS_TB & (uint16_t)~sure & (uint16_t)~c->value;

	if (requested == P2P_CANNOT_TELL) {
		perhaps |= sure & (uint16_t)~c->value;
		sure = 0;
	}
	if (requested == P2P_NO || p2p_acs_enables_itself(f))
		return;
	c->value |= sure;
	c->unsure = (uint16_t)((c->unsure & ~sure) | perhaps);
}

static void set_bits(const struct control *from, struct bits bits, struct control *c)
{
	c->value = (uint16_t)((from->value & ~bits.mask) | (bits.value & bits.mask));
	c->unsure = (uint16_t)(from->unsure & ~bits.mask);
}

/*
 * What both options write for a function they mean; ports with a dword take it for "no redirect".
 * A bit that the port does not have stays 0 there, whatever is written (PCIe 6.0, 7.7.11.3).
 */
static void apply(const struct p2p_rules *rules, const struct function *f,
		  const struct control *firmware, struct bits bits, struct control *c)
{
	static const struct bits no_redirect = { ACS_REDIRECT, 0 };
	bool over_firmware = rules->writes_over_firmware && !p2p_acs_is_dword(f);

	if (p2p_acs_is_dword(f))
		bits = no_redirect;
	else
		bits.value &= f->acs.capability;
	set_bits(over_firmware ? firmware : c, bits, c);
}

static void copy_model(const struct platform *platform, struct platform *copy)
{
	size_t n = platform->nr_functions;

	*copy = *platform;
	copy->functions = xreallocarray(NULL, n, sizeof(*copy->functions));
	memcpy(copy->functions, platform->functions, n * sizeof(*copy->functions));
}

void p2p_acs_release(struct platform *copy)
{
	free(copy->functions);
}

void p2p_acs_write(const struct platform *platform, const struct p2p_rules *rules,
		   struct p2p_boot *boot, enum p2p_answer requested, struct platform *after)
{
	struct tally redirect = { 0 }, config = { 0 };

	copy_model(platform, after);
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];
		const struct control firmware = firmware_control(f);
		struct bits bits = { ACS_REDIRECT, 0 };
		struct control c = firmware;

		set_default(rules, f, boot->no_ats, requested, &c);
		if (boot->disable_acs_redir &&
		    select_bits(platform, f, boot->disable_acs_redir, false, &bits, &redirect))
			apply(rules, f, &firmware, bits, &c);
		if (boot->config_acs &&
		    select_bits(platform, f, boot->config_acs, true, &bits, &config))
			apply(rules, f, &firmware, bits, &c);
		if (f->acs.known == KNOWN_PRESENT)
			put_control(&after->functions[i], c);
	}
	note_tally(boot, "disable_acs_redir", &redirect);
	note_tally(boot, "config_acs", &config);
	free(redirect.items);
	free(config.items);
}

/*
 * What hides firmware's own bits: the kernel's default, which only sets bits, and what the options
 * wrote. Where these start from firmware's bits, the default is gone.
 */
static unsigned int hidden_bits(const struct p2p_rules *rules, const struct function *f,
				enum p2p_answer requested, const struct bits *redirect,
				const struct bits *config)
{
	unsigned int by_default = 0;

	if (requested != P2P_NO)
		by_default = firmware_control(f).value & (P2P_ISOLATION | ACS_TB);
	if (!rules->writes_over_firmware || p2p_acs_is_dword(f))
		return by_default | redirect->mask | config->mask;
	return config->mask ? config->mask : redirect->mask ? redirect->mask : by_default;
}

void p2p_acs_unwrite(const struct platform *platform, const struct p2p_rules *rules,
		     const struct p2p_boot *running, enum p2p_answer requested,
		     struct platform *before)
{
	struct tally unused = { 0 };

	copy_model(platform, before);
	for (size_t i = 0; i < platform->nr_functions; i++) {
		const struct function *f = &platform->functions[i];
		struct bits redirect = { 0 }, config = { 0 };
		struct control c = firmware_control(f);

		if (f->acs.known != KNOWN_PRESENT)
			continue;
		if (running->disable_acs_redir &&
		    select_bits(platform, f, running->disable_acs_redir, false, &redirect, &unused))
			redirect.mask = ACS_REDIRECT;
		if (!running->config_acs ||
		    !select_bits(platform, f, running->config_acs, true, &config, &unused))
			config.mask = 0;
		c.unsure |=
			f->acs.capability & hidden_bits(rules, f, requested, &redirect, &config);
		put_control(&before->functions[i], c);
	}
	free(unused.items);
}
