/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel, its modules and configuration, the processor, memory and firmware, of /proc and /sys. */
#include "platform/machine.h"

#include <limits.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/kconfig_file.h"
#include "base/text.h"
#include "platform/redact.h"

#define PROC_MAX (16u << 20)
#define NODES "/sys/devices/system/node"
#define DMI "/sys/devices/virtual/dmi/id"

/* A file that is not kept as it is: kept is what redact leaves of it. NULL if it cannot be read. */
static char *read_redacted(const struct place *top, const char *path, void (*redact)(char *text))
{
	struct place unrecorded = *top;
	char *text;
	size_t len;

	unrecorded.record = NULL;
	if (place_read(&unrecorded, path, PROC_MAX, &text, &len) < 0)
		return NULL;
	redact(text);
	place_record(top, path, text, strlen(text));
	return text;
}

/* The same, of one line, without its end and valid UTF-8. */
static char *read_line(const struct place *top, const char *path)
{
	autofree char *text = read_redacted(top, path, redact_text);

	return text ? text_sanitize(text, strcspn(text, "\n")) : NULL;
}

/* --- the kernel ---------------------------------------------------------------------------------- */

/* As if it had been read from the files that say the same. */
static void read_running(struct platform *p, const struct place *top)
{
	struct utsname un;

	if (uname(&un) < 0)
		return;
	p->kernel_release = xstrdup(un.release);
	p->machine = xstrdup(un.machine);
	place_record(top, "/proc/sys/kernel/osrelease", un.release, strlen(un.release));
	place_record(top, "/proc/sys/kernel/arch", un.machine, strlen(un.machine));
}

static void read_config(struct platform *p, const struct place *top)
{
	char *path;

	for (size_t i = 0; !p->kernel_config && (path = kconfig_path(i, p->kernel_release)); i++) {
		char *data;
		size_t len;

		if (place_read(top, path, KCONFIG_MAX, &data, &len) == 0)
			p->kernel_config = kconfig_unpack(data, len);
		free(path);
	}
}

static int compare_strings(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Lines that begin with a module's name; a kernel that cannot load any has no such file. */
static void read_modules(struct platform *p, const struct place *top)
{
	autofree char *text = read_redacted(top, "/proc/modules", redact_modules);
	char *rest = text, *line;

	p->modules_known = text;
	while ((line = strsep(&rest, "\n"))) {
		size_t len = strcspn(line, " ");

		if (!len)
			continue;
		p->modules = xreallocarray(p->modules, p->nr_modules + 1, sizeof(*p->modules));
		p->modules[p->nr_modules++] = text_sanitize(line, len);
	}
	if (p->nr_modules)
		qsort(p->modules, p->nr_modules, sizeof(*p->modules), compare_strings);
}

static void read_kernel(struct platform *p, const struct place *top)
{
	p->kernel_cmdline = read_line(top, "/proc/cmdline");
	if (top->tree) {
		p->kernel_release = read_line(top, "/proc/sys/kernel/osrelease");
		p->machine = read_line(top, "/proc/sys/kernel/arch");
	} else {
		read_running(p, top);
	}
	if (!p->kernel_release)
		platform_add_gap(p, "kernel release", "not shown by the source");
	read_config(p, top);
	read_modules(p, top);
}

/* --- processor and memory ------------------------------------------------------------------------ */

/* "key : value" of a line of /proc; false for another line. */
static bool split_line(char *line, char **key, char **value)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return false;
	*colon = '\0';
	*key = text_trim(line);
	*value = text_trim(colon + 1);
	return true;
}

/* Only the first processor: on some machines a serial number comes behind the last. */
static void keep_first(char *text)
{
	char *end = strstr(text, "\n\n");

	if (end)
		end[1] = '\0';
}

static void read_cpu_line(struct cpu_ident *cpu, const char *key, const char *text)
{
	uint64_t value;

	if (strcmp(key, "vendor_id") == 0)
		snprintf(cpu->vendor, sizeof(cpu->vendor), "%s", text);
	else if (strcmp(key, "cpu family") == 0 && text_to_u64(text, 10, INT_MAX, &value) == 0)
		cpu->family = (int)value;
	else if (strcmp(key, "model") == 0 && text_to_u64(text, 10, INT_MAX, &value) == 0)
		cpu->model = (int)value;
	else if (strcmp(key, "model name") == 0 && !cpu->name)
		cpu->name = text_sanitize(text, strlen(text));
}

/* The keys are those of x86, other machines have none. */
static void read_cpu(struct platform *p, const struct place *top)
{
	autofree char *text = read_redacted(top, "/proc/cpuinfo", keep_first);
	char *rest = text, *line, *key, *value;

	p->cpu.known = text;
	if (!text)
		platform_add_gap(p, "processor", "'/proc/cpuinfo' cannot be read");
	while ((line = strsep(&rest, "\n")) && *line)
		if (split_line(line, &key, &value))
			read_cpu_line(&p->cpu, key, value);
}

static void read_memory(struct platform *p, const struct place *top)
{
	autofree char *text = NULL;
	char *rest, *line, *key, *value;
	uint64_t kib;

	if (place_read_attr(top, "/proc/meminfo", &text) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		if (!split_line(line, &key, &value) || strcmp(key, "MemTotal") != 0)
			continue;
		value[strcspn(value, " ")] = '\0';
		if (text_to_u64(value, 10, INT64_MAX / 1024, &kib) == 0)
			p->memory_bytes = kib * 1024;
		return;
	}
}

/* --- NUMA nodes ---------------------------------------------------------------------------------- */

struct nodes {
	int ids[MAX_NODES];
	int nr;
};

static void add_node(void *with, const char *name)
{
	struct nodes *n = with;
	uint64_t id;

	if (text_starts_with(name, "node") && n->nr < MAX_NODES &&
	    text_to_u64(name + strlen("node"), 10, MAX_NODES - 1, &id) == 0)
		n->ids[n->nr++] = (int)id;
}

static int compare_numbers(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* "10 21 31": to each node that is online, in order. */
static void read_distances(struct platform *p, const struct place *top, const struct nodes *nodes,
			   int from)
{
	autofree char *path = xasprintf(NODES "/node%d/distance", from);
	uint8_t row[MAX_NODES] = { 0 };
	autofree char *text = NULL;
	char *rest, *word;
	uint64_t distance;
	int n = 0;

	if (place_read_attr(top, path, &text) < 0)
		return;
	rest = text_trim(text);
	while ((word = strsep(&rest, " "))) {
		if (n == nodes->nr || text_to_u64(word, 10, UINT8_MAX, &distance) < 0)
			return;
		row[n++] = (uint8_t)distance;
	}
	/* of another number of nodes nobody could say which they are */
	for (int i = 0; n == nodes->nr && i < n; i++)
		p->numa.distance[from * p->numa.nr + nodes->ids[i]] = row[i];
}

static void read_nodes(struct platform *p, const struct place *top)
{
	autofree struct nodes *nodes = xcalloc(1, sizeof(*nodes));

	if (place_list(top, NODES, add_node, nodes) < 0 || !nodes->nr)
		return;
	qsort(nodes->ids, (size_t)nodes->nr, sizeof(*nodes->ids), compare_numbers);
	p->numa.nr = nodes->ids[nodes->nr - 1] + 1;
	p->numa.distance = xcalloc((size_t)p->numa.nr * (size_t)p->numa.nr, 1);
	for (int i = 0; i < nodes->nr; i++)
		read_distances(p, top, nodes, nodes->ids[i]);
}

/* --- firmware ------------------------------------------------------------------------------------ */

/* NULL where the vendor left what the template had. */
static char *read_dmi(const struct place *top, const char *name)
{
	static const char *const templates[] = { "To Be Filled",   "To be filled",
						 "Default string", "System manufacturer",
						 "System Product", "Not Specified" };
	autofree char *path = xasprintf(DMI "/%s", name);
	autofree char *text = NULL;
	const char *value;

	if (place_read_attr(top, path, &text) < 0)
		return NULL;
	value = text_trim(text);
	for (size_t i = 0; i < ARRAY_LEN(templates); i++)
		if (text_starts_with(value, templates[i]))
			return NULL;
	return *value ? xstrdup(value) : NULL;
}

/* What of these is known, with blanks between; NULL if the last is not. */
static char *read_dmi_name(const struct place *top, const char *vendor, const char *name)
{
	autofree char *first = read_dmi(top, vendor), *second = read_dmi(top, name);

	if (!second)
		return NULL;
	return first ? xasprintf("%s %s", first, second) : take_ptr(second);
}

static void read_firmware(struct platform *p, const struct place *top)
{
	autofree char *date = NULL;
	char *version;

	p->machine_name = read_dmi_name(top, "sys_vendor", "product_name");
	if (!p->machine_name)
		p->machine_name = read_dmi_name(top, "board_vendor", "board_name");
	version = read_dmi_name(top, "bios_vendor", "bios_version");
	date = version ? read_dmi(top, "bios_date") : NULL;
	p->firmware = date ? xasprintf("%s %s", version, date) : xstrdup(version);
	free(version);
}

/* What the model does not hold, for who reads what is kept. */
static void keep_more(const struct place *top)
{
	if (!top->record)
		return;
	free(read_line(top, "/proc/version"));
	free(read_redacted(top, "/proc/iomem", redact_iomem));
}

void machine_facts_read(struct platform *p, const struct place *top)
{
	read_kernel(p, top);
	read_cpu(p, top);
	read_memory(p, top);
	read_nodes(p, top);
	read_firmware(p, top);
	keep_more(top);
}
