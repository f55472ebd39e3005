/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DMI, /proc and uname as facts of the report. */
#include "runner/host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/kconfig_file.h"
#include "base/text.h"

#define TEXT_MAX (4u << 20) /* bytes; /proc/cpuinfo of a large machine fits */

static void set_attr(json_t *object, const char *key, const char *sysroot, const char *path)
{
	autofree char *full = fs_under(sysroot, "%s", path);
	autofree char *value = NULL;

	if (fs_read_attr(AT_FDCWD, full, &value) == 0 && *value)
		jx_set_str(object, key, text_trim(value));
}

/* The value of the first "name : value" line of a file of /proc, or NULL; the caller frees it. */
static char *proc_value(const char *sysroot, const char *path, const char *name)
{
	autofree char *full = fs_under(sysroot, "%s", path);
	autofree char *text = NULL;
	char *save, *line;

	if (fs_read(AT_FDCWD, full, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(text_trim(line), name) == 0)
			return xstrdup(text_trim(value));
	}
	return NULL;
}

json_t *host_to_json(const char *sysroot)
{
	static const struct {
		const char *key, *path;
	} dmi[] = {
		{ "vendor", "/sys/class/dmi/id/sys_vendor" },
		{ "product", "/sys/class/dmi/id/product_name" },
		{ "bios_vendor", "/sys/class/dmi/id/bios_vendor" },
		{ "bios_version", "/sys/class/dmi/id/bios_version" },
		{ "bios_date", "/sys/class/dmi/id/bios_date" },
	};
	autofree char *cpu = proc_value(sysroot, "/proc/cpuinfo", "model name");
	autofree char *memory = proc_value(sysroot, "/proc/meminfo", "MemTotal");
	json_t *host = jx_object();
	struct utsname uts;
	uint64_t kib;

	uname(&uts);
	jx_set_str(host, "hostname", uts.nodename);
	jx_set_str(host, "machine", uts.machine);
	for (size_t i = 0; i < ARRAY_LEN(dmi); i++)
		set_attr(host, dmi[i].key, sysroot, dmi[i].path);
	jx_set_str(host, "cpu", cpu);
	if (memory && sscanf(memory, "%" SCNu64 " kB", &kib) == 1)
		jx_set_int(host, "memory_bytes", (int64_t)(kib * 1024));
	return host;
}

/* Enough to tell whether two runs had the same configuration. */
static void set_config_digest(json_t *kernel, const char *sysroot, const char *release)
{
	autofree char *text = kconfig_read(sysroot, release);

	if (text)
		jx_set_strf(kernel, "config_digest", "fnv1a64:%016" PRIx64,
			    text_hash(text, strlen(text)));
}

json_t *host_kernel_to_json(const char *sysroot)
{
	json_t *kernel = jx_object();
	struct utsname uts;

	uname(&uts);
	jx_set_str(kernel, "release", uts.release);
	jx_set_str(kernel, "version", uts.version);
	set_attr(kernel, "cmdline", sysroot, "/proc/cmdline");
	set_config_digest(kernel, sysroot, uts.release);
	return kernel;
}
