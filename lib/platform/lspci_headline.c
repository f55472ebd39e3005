/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The line that begins a function: its class, its name, and what numbers lspci was asked to show. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "platform/lspci.h"

/* Cuts the last "(KEY ...)" off, and gives its hexadecimal number. */
static bool cut_number(char *text, const char *key, uint64_t *value)
{
	char *at = NULL;

	for (char *next = strstr(text, key); next; next = strstr(next + 1, key))
		at = next;
	if (!at || !number_after(at, key, 16, UINT8_MAX, value, NULL))
		return false;
	*at = '\0';
	return true;
}

/* "PCI bridge", "PCI bridge [0604]", "0604", "Class 0604", "Class [0604]" */
static void parse_class(char *text, struct headline *h)
{
	char *bracket = strrchr(text, '[');
	const char *plain = text_starts_with(text, "Class ") ? text + 6 : text;
	uint16_t class;

	h->has_class = (bracket && hex_word(bracket + 1, 4, ']', &class)) ||
		       hex_word(plain, 4, '\0', &class);
	if (h->has_class)
		h->class = (uint32_t) class << 8;
	else
		h->class_name = text_sanitize(text, strlen(text));
}

/* "Vendor Device", the same with " [vvvv:dddd]", "vvvv:dddd", "Device vvvv:dddd" */
static void parse_device(char *text, struct headline *h)
{
	char *bracket = strrchr(text, '[');
	const char *plain = text_starts_with(text, "Device ") ? text + 7 : text;
	const char *name;

	if (id_pair(plain, '\0', &h->vendor, &h->device)) {
		h->has_ids = true;
		return;
	}
	if (bracket && id_pair(bracket + 1, ']', &h->vendor, &h->device)) {
		h->has_ids = true;
		*bracket = '\0';
	}
	name = text_trim(text);
	if (!*name || strcmp(name, "Device") == 0)
		return;
	h->name = text_sanitize(name, strlen(name));
}

/* --- lspci -mm ----------------------------------------------------------------------------------- */

/* The next "..." of *text without its quotes, NULL if there is none; lspci escapes with backslashes. */
static char *next_quoted(char **text)
{
	char *to, *start, *at = strchr(*text, '"');

	if (!at)
		return NULL;
	start = to = ++at;
	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		*to++ = *at;
	}
	*text = *at ? at + 1 : at;
	*to = '\0';
	return start;
}

/* "Intel Corporation [8086]", "8086", "Device 1237": its id, if it is shown, and the name is cut. */
static bool cut_id(char *name, const char *unnamed, uint16_t *id)
{
	char *bracket = strrchr(name, '[');
	const char *plain = text_starts_with(name, unnamed) ? name + strlen(unnamed) : name;

	if (bracket && hex_word(bracket + 1, 4, ']', id)) {
		*bracket = '\0';
		text_trim(name);
		return true;
	}
	if (!hex_word(plain, 4, '\0', id))
		return false;
	if (plain == name)
		*name = '\0';
	return true;
}

/* A number behind an option letter: -r04. */
static bool option(const char *text, const char *letter, uint64_t *value)
{
	return number_after(text, letter, 16, UINT8_MAX, value, NULL);
}

static bool parse_machine(char *text, struct headline *h)
{
	char *class = next_quoted(&text), *vendor = next_quoted(&text),
	     *device = next_quoted(&text);
	bool has_vendor, has_device;
	uint64_t number;

	if (!device)
		return false;
	parse_class(class, h);
	has_vendor = cut_id(vendor, "Vendor ", &h->vendor);
	has_device = cut_id(device, "Device ", &h->device);
	h->has_ids = has_vendor && has_device;
	if (*vendor && *device) {
		autofree char *name = xasprintf("%s %s", vendor, device);

		h->name = text_sanitize(name, strlen(name));
	}
	text[strcspn(text, "\"")] = '\0'; /* where the subsystem begins */
	/* left out where it is zero */
	h->has_interface = true;
	if (option(text, " -p", &number))
		h->class |= (uint32_t)number;
	if (option(text, " -r", &number))
		h->revision = (uint8_t)number;
	return true;
}

bool headline_parse(const char *text, struct headline *h)
{
	autofree char *copy = xstrdup(text);
	char *colon = strstr(copy, ": ");
	uint64_t number;

	*h = (struct headline){ 0 };
	if (*copy == '"')
		return parse_machine(copy, h);
	if (!colon || colon == copy)
		return false;
	*colon = '\0';
	parse_class(text_trim(copy), h);
	h->has_interface = cut_number(colon + 2, "(prog-if ", &number);
	if (h->has_interface)
		h->class |= (uint32_t)number;
	if (cut_number(colon + 2, "(rev ", &number))
		h->revision = (uint8_t)number;
	parse_device(text_trim(colon + 2), h);
	return true;
}
