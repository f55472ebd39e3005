/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands around lspci's output in a text about one machine, and tells of it: the kernel's release
 * and command line, and the processor, as uname, dmesg, /proc and lscpu show them. What a text says in
 * two ways is not known.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "platform/lspci.h"

/* Keeps the first value, and notes another one. */
static void keep(struct said *s, const char *text, size_t len)
{
	autofree char *value = text_sanitize(text, len);

	if (!*value)
		return;
	if (!s->value)
		s->value = take_ptr(value);
	else if (strcmp(s->value, value) != 0)
		s->conflict = true;
}

static size_t word(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && !isspace((unsigned char)at[n]))
		n++;
	return n;
}

static const char *after_blanks(const char *at, const char *end)
{
	while (at < end && isspace((unsigned char)*at))
		at++;
	return at;
}

/* Behind key, which stands anywhere in the line; NULL. */
static const char *behind(const char *line, const char *end, const char *key)
{
	const char *at = memmem(line, (size_t)(end - line), key, strlen(key));

	return at ? at + strlen(key) : NULL;
}

/* Releases start with a version: "6.1.0-13-amd64". */
static void keep_release(struct around *a, const char *at, const char *end)
{
	size_t len = word(at, end);

	if (len > 2 && isdigit((unsigned char)at[0]) && memchr(at, '.', len))
		keep(&a->release, at, len);
}

/* "Linux version 6.1.0-13-amd64 (...", "Linux host 6.1.0-13-amd64 #1 SMP ... x86_64 GNU/Linux" */
static void read_release(struct around *a, const char *line, const char *end)
{
	static const char uname[] = "Linux ", os[] = " GNU/Linux";
	const char *at = behind(line, end, "Linux version ");
	size_t len = (size_t)(end - line), tail = sizeof(os) - 1;

	if (at) {
		keep_release(a, at, end);
		return;
	}
	if (len < tail + sizeof(uname) || memcmp(line, uname, sizeof(uname) - 1) != 0 ||
	    memcmp(end - tail, os, tail) != 0)
		return;
	at = line + sizeof(uname) - 1;
	at = after_blanks(at + word(at, end), end);
	keep_release(a, at, end);
	at = end - tail;
	while (at > line && at[-1] != ' ')
		at--;
	keep(&a->machine, at, (size_t)(end - tail - at));
}

/* "Kernel command line: ...", "[    0.000000] Command line: ...", and /proc/cmdline as it is. */
static void read_cmdline(struct around *a, const char *line, const char *end)
{
	static const char *const labels[] = { "Kernel command line: ", "] Command line: ",
					      "kernel: Command line: " };
	static const char image[] = "BOOT_IMAGE=";
	const char *at = NULL;

	for (size_t i = 0; i < ARRAY_LEN(labels) && !at; i++)
		at = behind(line, end, labels[i]);
	if (!at && (size_t)(end - line) > sizeof(image) &&
	    memcmp(line, image, sizeof(image) - 1) == 0)
		at = line;
	if (at)
		keep(&a->cmdline, at, (size_t)(end - at));
}

/* The value behind a colon if the line starts with this label. */
static const char *labelled(const char *line, const char *end, const char *label)
{
	size_t len = strlen(label);

	if ((size_t)(end - line) <= len || strncasecmp(line, label, len) != 0)
		return NULL;
	line = after_blanks(line + len, end);
	return line < end && *line == ':' ? after_blanks(line + 1, end) : NULL;
}

static int number(const char *at, const char *end, int base)
{
	autofree char *text = xstrndup(at, word(at, end));
	uint64_t value;

	text[strcspn(text, ",)")] = '\0';
	return text_to_u64(text, base, INT_MAX, &value) < 0 ? -1 : (int)value;
}

static void keep_cpu(struct around *a, const char *vendor, int family, int model)
{
	autofree char *text = xasprintf("%s %d %d", vendor, family, model);

	keep(&a->cpu, text, strlen(text));
}

/* /proc/cpuinfo and lscpu: the vendor, then the family, then the model. */
static void read_cpu(struct around *a, const char *line, const char *end)
{
	const char *vendor = labelled(line, end, "vendor_id"), *at;

	if (!vendor)
		vendor = labelled(line, end, "Vendor ID");
	if (vendor) {
		size_t len = word(vendor, end);

		a->family = -1;
		snprintf(a->vendor, sizeof(a->vendor), "%.*s", (int)(len > 15 ? 0 : len), vendor);
		return;
	}
	if (!a->vendor[0])
		return;
	at = labelled(line, end, "model name");
	if (at)
		keep(&a->cpu_name, at, (size_t)(end - at));
	at = labelled(line, end, "cpu family");
	if (at)
		a->family = number(at, end, 10);
	at = labelled(line, end, "model");
	if (!at || a->family < 0 || number(at, end, 10) < 0)
		return;
	keep_cpu(a, a->vendor, a->family, number(at, end, 10));
}

/* dmesg: "smpboot: CPU0: AMD EPYC 9654 96-Core Processor (family: 0x19, model: 0x11, stepping: 0x1)" */
static void read_boot_cpu(struct around *a, const char *line, const char *end)
{
	const char *name = behind(line, end, "CPU0: "), *family, *model;
	const char *vendor;

	if (!name)
		return;
	family = behind(name, end, " (family: ");
	model = family ? behind(family, end, " model: ") : NULL;
	if (!model || number(family, end, 0) < 0 || number(model, end, 0) < 0)
		return;
	vendor = strncmp(name, "Intel", 5) == 0 ? "GenuineIntel"
		 : strncmp(name, "AMD", 3) == 0 ? "AuthenticAMD"
						: NULL;
	if (!vendor)
		return;
	keep(&a->cpu_name, name, (size_t)(family - name) - strlen(" (family: "));
	keep_cpu(a, vendor, number(family, end, 0), number(model, end, 0));
}

void around_read(struct around *a, const char *line, const char *end)
{
	read_release(a, line, end);
	read_cmdline(a, line, end);
	read_cpu(a, line, end);
	read_boot_cpu(a, line, end);
}

/* The value, if there is one and no other. */
static char *take(struct platform *p, struct said *s, const char *subject)
{
	if (s->conflict)
		platform_add_gap(p, subject, "is shown more than once, and differently");
	else if (!s->value)
		platform_add_gap(p, subject, "not shown by the source");
	return s->conflict ? NULL : take_ptr(s->value);
}

void around_finish(struct around *a, struct platform *p)
{
	autofree char *cpu = NULL;

	p->kernel_release = take(p, &a->release, "kernel release");
	cpu = take(p, &a->cpu, "processor");
	if (!a->cmdline.conflict)
		p->kernel_cmdline = take_ptr(a->cmdline.value);
	if (!a->machine.conflict)
		p->machine = take_ptr(a->machine.value);
	if (cpu)
		p->cpu.known = sscanf(cpu, "%15s %d %d", p->cpu.vendor, &p->cpu.family,
				      &p->cpu.model) == 3;
	if (p->cpu.known && !a->cpu_name.conflict)
		p->cpu.name = take_ptr(a->cpu_name.value);
}

void around_release(struct around *a)
{
	free(a->release.value);
	free(a->machine.value);
	free(a->cmdline.value);
	free(a->cpu.value);
	free(a->cpu_name.value);
}
