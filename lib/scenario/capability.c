/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Effective capabilities, from proc_pid_status(5) and user_namespaces(7). */
#include "scenario/capability.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"

#define PROC_MAX (64u << 10)

/* Those that something here may need. */
#define CAPABILITY(name) \
	{ \
#name, name \
	}
static const struct {
	const char *name;
	unsigned int bit;
} capabilities[] = {
	CAPABILITY(CAP_DAC_OVERRIDE), CAPABILITY(CAP_IPC_LOCK),   CAPABILITY(CAP_NET_ADMIN),
	CAPABILITY(CAP_NET_RAW),      CAPABILITY(CAP_SYS_ADMIN),  CAPABILITY(CAP_SYS_MODULE),
	CAPABILITY(CAP_SYS_NICE),     CAPABILITY(CAP_SYS_PTRACE), CAPABILITY(CAP_SYS_RAWIO),
	CAPABILITY(CAP_SYS_RESOURCE), CAPABILITY(CAP_SYSLOG),
};

static bool find(const char *name, unsigned int *bit)
{
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++) {
		if (strcmp(capabilities[i].name, name) != 0)
			continue;
		*bit = capabilities[i].bit;
		return true;
	}
	return false;
}

bool capability_is_known(const char *name)
{
	unsigned int bit;

	return find(name, &bit);
}

static char *read_self(const char *sysroot, const char *name)
{
	autofree char *path = fs_under(sysroot, "/proc/self/%s", name);
	char *text;

	return fs_read(AT_FDCWD, path, PROC_MAX, &text, NULL) == 0 ? text : NULL;
}

static bool effective(const char *sysroot, uint64_t *mask)
{
	static const char field[] = "\nCapEff:\t";
	autofree char *status = read_self(sysroot, "status");
	char *at = status ? strstr(status, field) : NULL;

	if (!at)
		return false;
	at += strlen(field);
	at[strcspn(at, "\n")] = '\0';
	return text_to_u64(at, 16, UINT64_MAX, mask) == 0;
}

/* The first user namespace maps all users to themselves, in one line. */
static bool in_user_namespace(const char *sysroot)
{
	autofree char *map = read_self(sysroot, "uid_map");
	unsigned long inside, outside, count;

	return map && sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       (inside || outside || count < UINT32_MAX);
}

char *capability_lacking(const char *sysroot, const char *name)
{
	unsigned int bit;
	uint64_t mask;

	if (!find(name, &bit) || !effective(sysroot, &mask))
		return NULL;
	if (!(mask >> bit & 1))
		return xasprintf("needs %s, which this process does not have", name);
	if (in_user_namespace(sysroot))
		return xasprintf("needs %s, which this process has in a user namespace only", name);
	return NULL;
}
