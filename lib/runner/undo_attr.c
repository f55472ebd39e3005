/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes that are a value in a file of proc or sysfs. */
#include "runner/undo_attr.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/text.h"
#include "runner/undo_kind.h"

#define VALUE_MAX 4095 /* bytes: what the kernel takes in one write, a page, with the newline */
#define POLL_MS 20

static bool is_value(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (!s || len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)s[i]) && s[i] != '\t')
			return false;
	return true;
}

static void set_before_str(json_t *args, const char *value)
{
	json_t *before = jx_object();

	jx_set_str(before, "value", value);
	jx_set(args, "before", before);
}

static const char *before_str(const json_t *args)
{
	return jx_get_str(json_object_get(args, "before"), "value");
}

/* Puts back a value that an attribute had. */
static enum undo_result put_back(const char *path, const char *value, char **why)
{
	int r = undo_value_set(path, value);

	if (r == -ENOENT) {
		*why = xasprintf("'%s' is no longer there", path);
		return UNDO_GONE;
	}
	if (r < 0)
		return undo_fail(why, "cannot set '%s' to '%s': %s", path, value, strerror(-r));
	return r ? UNDO_UNDONE : UNDO_GONE;
}

/* --- sysctl -------------------------------------------------------------------------------------- */

/* What the kernel does not take back until the next boot. */
static const char *const one_way[] = {
	"kernel/kexec_load_disabled",
	"kernel/modules_disabled",
	"kernel/unprivileged_bpf_disabled",
	"kernel/yama/ptrace_scope",
};

/*
 * As sysctl(8): the first separator, a dot or a slash, is the one between components; the other one
 * then stands for itself and for the separator's place in a name ("net.ipv4.conf.eth0/1.mtu").
 */
static char *sysctl_name(const json_t *args)
{
	const char *given = jx_get_str(args, "name");
	const char *first = given ? strpbrk(given, "./") : NULL;
	char *name;

	if (!first || !is_value(given))
		return NULL;
	name = xstrdup(given);
	for (char *s = name; *first == '.' && *s; s++)
		*s = *s == '.' ? '/' : *s == '/' ? '.' : *s;
	return name;
}

static bool is_below(const char *name)
{
	autofree char *copy = xstrdup(name);
	char *rest = copy, *component;

	while ((component = strsep(&rest, "/")))
		if (!undo_is_name(component, NAME_MAX))
			return false;
	return true;
}

/* NULL if the args are not those of a sysctl; the caller frees it. */
static char *sysctl_path(const struct undo_env *env, const json_t *args)
{
	autofree char *name = sysctl_name(args);

	if (!name || !is_below(name) || !is_value(jx_get_str(args, "value")))
		return NULL;
	return fs_under(env->sysroot, "/proc/sys/%s", name);
}

static bool is_one_way(const json_t *args)
{
	autofree char *name = sysctl_name(args);

	for (size_t i = 0; i < ARRAY_LEN(one_way); i++)
		if (strcmp(name, one_way[i]) == 0)
			return true;
	return false;
}

int undo_sysctl_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	autofree char *path = sysctl_path(env, args);
	const char *name = jx_get_str(args, "name");
	autofree char *now = NULL;
	int r;

	if (!path)
		return undo_deny_args(why, "sysctl");
	if (is_one_way(args))
		return undo_deny(why, SKIP_DEPENDENCY, -EINVAL,
				 "sysctl '%s' cannot be set back before the next boot", name);
	r = undo_value_read(path, &now);
	if (r == -ENOENT)
		return undo_deny(why, SKIP_KERNEL_CONFIG, r, "this kernel has no sysctl '%s'",
				 name);
	if (r < 0)
		return undo_deny(why, undo_category(r), r,
				 "sysctl '%s' cannot be read, so it could not be set back: %s",
				 name, strerror(-r));
	if (!is_value(now))
		return undo_deny(why, SKIP_DEPENDENCY, -EINVAL,
				 "sysctl '%s' reads as more than one line, so it could not be set "
				 "back",
				 name);
	*there = undo_value_same(now, jx_get_str(args, "value"));
	if (!*there)
		set_before_str(args, now);
	return 0;
}

int undo_sysctl_apply(const struct undo_env *env, const json_t *args, json_t **facts attr_unused,
		      struct unmet *why)
{
	autofree char *path = sysctl_path(env, args);
	const char *value = jx_get_str(args, "value");
	int r;

	if (!path)
		return undo_deny_args(why, "sysctl");
	r = undo_value_set(path, value);
	if (r < 0)
		return undo_deny(why, undo_category(r), r, "cannot set sysctl '%s' to '%s': %s",
				 jx_get_str(args, "name"), value,
				 r == -EIO ? "the kernel does not take it as it is" : strerror(-r));
	return 0;
}

enum undo_result undo_sysctl_revert(const struct undo_env *env, const json_t *args, char **why)
{
	autofree char *path = sysctl_path(env, args);
	const char *value = before_str(args);

	if (!path || !is_value(value))
		return undo_fail_args(why, "sysctl");
	return put_back(path, value, why);
}

/* --- huge pages ---------------------------------------------------------------------------------- */

#define COUNT_MAX (INT64_C(1) << 32) /* far more than there is memory for, and no overflow */

struct pool {
	uint64_t bytes, count; /* asked for */
	uint64_t nr, available; /* of all there are, and of them free and not promised */
};

static bool parse_pool(const json_t *args, struct pool *pool)
{
	int64_t bytes = jx_get_int(args, "bytes", 0), count = jx_get_int(args, "count", 0);

	*pool = (struct pool){ .bytes = (uint64_t)bytes, .count = (uint64_t)count };
	return bytes >= 1024 && bytes % 1024 == 0 && count > 0 && count <= COUNT_MAX;
}

static char *pool_path(const struct undo_env *env, const struct pool *pool, const char *attr)
{
	return fs_under(env->sysroot, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
			pool->bytes / 1024, attr);
}

static int read_number(const struct undo_env *env, const struct pool *pool, const char *attr,
		       uint64_t *value)
{
	autofree char *path = pool_path(env, pool, attr);

	return fs_read_u64(AT_FDCWD, path, value);
}

static int read_pool(const struct undo_env *env, struct pool *pool)
{
	uint64_t free_pages, reserved;
	int r = read_number(env, pool, "nr_hugepages", &pool->nr);

	if (r == 0)
		r = read_number(env, pool, "free_hugepages", &free_pages);
	if (r == 0)
		r = read_number(env, pool, "resv_hugepages", &reserved);
	if (r == 0)
		pool->available = free_pages > reserved ? free_pages - reserved : 0;
	return r;
}

static int write_nr(const struct undo_env *env, const struct pool *pool, uint64_t nr)
{
	autofree char *path = pool_path(env, pool, "nr_hugepages");
	autofree char *value = xasprintf("%" PRIu64, nr);

	return undo_value_write(path, value);
}

static int deny_pool(const struct pool *pool, int r, struct unmet *why)
{
	if (r == -ENOENT)
		return undo_deny(why, SKIP_HW_UNSUPPORTED, r,
				 "there are no huge pages of %" PRIu64 " kB here",
				 pool->bytes / 1024);
	return undo_deny(why, undo_category(r), r, "cannot get huge pages of %" PRIu64 " kB: %s",
			 pool->bytes / 1024, strerror(-r));
}

int undo_huge_pages_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	struct pool pool;
	json_t *before;
	int r;

	if (!parse_pool(args, &pool))
		return undo_deny_args(why, "huge-pages");
	r = read_pool(env, &pool);
	if (r < 0)
		return deny_pool(&pool, r, why);
	*there = pool.available >= pool.count;
	if (*there)
		return 0;
	before = jx_object();
	jx_set_int(before, "nr", (int64_t)pool.nr);
	jx_set(args, "before", before);
	return 0;
}

int undo_huge_pages_apply(const struct undo_env *env, const json_t *args,
			  json_t **facts attr_unused, struct unmet *why)
{
	struct pool pool;
	int r;

	if (!parse_pool(args, &pool))
		return undo_deny_args(why, "huge-pages");
	r = read_pool(env, &pool);
	if (r == 0 && pool.available < pool.count) {
		r = write_nr(env, &pool, pool.nr + pool.count - pool.available);
		if (r == 0)
			r = read_pool(env, &pool);
	}
	if (r < 0)
		return deny_pool(&pool, r, why);
	if (pool.available < pool.count)
		return undo_deny(why, SKIP_RESOURCE_BUSY, -ENOMEM,
				 "of %" PRIu64 " huge pages of %" PRIu64 " kB only %" PRIu64
				 " can be had: memory is short or fragmented",
				 pool.count, pool.bytes / 1024, pool.available);
	return 0;
}

/* The kernel may free pages a while after their last user has gone. */
enum undo_result undo_huge_pages_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const int64_t deadline = clock_ns() + env->timeout_ns;
	const int64_t nr = jx_get_int(json_object_get(args, "before"), "nr", -1);
	enum undo_result result = UNDO_GONE;
	struct pool pool;
	int r;

	if (!parse_pool(args, &pool) || nr < 0)
		return undo_fail_args(why, "huge-pages");
	while ((r = read_pool(env, &pool)) == 0 && pool.nr != (uint64_t)nr) {
		if (result == UNDO_UNDONE && clock_ns() >= deadline)
			return undo_fail(why,
					 "there are %" PRIu64 " huge pages, not %" PRId64
					 " as before: some are in use",
					 pool.nr, nr);
		if (result == UNDO_UNDONE)
			poll(NULL, 0, POLL_MS);
		r = write_nr(env, &pool, (uint64_t)nr);
		if (r < 0)
			break;
		result = UNDO_UNDONE;
	}
	if (r < 0)
		return undo_fail(why, "cannot set the number of huge pages of %" PRIu64 " kB: %s",
				 pool.bytes / 1024, strerror(-r));
	return result;
}

/* --- domain type of an IOMMU group --------------------------------------------------------------- */

/* Those that read as they were written: "auto" does not, and so could not be put back. */
static const char *const iommu_types[] = { "DMA", "DMA-FQ", "identity" };

static bool is_iommu_type(const char *s)
{
	for (size_t i = 0; s && i < ARRAY_LEN(iommu_types); i++)
		if (strcmp(s, iommu_types[i]) == 0)
			return true;
	return false;
}

/* NULL if the args are not those of this kind; the caller frees it. */
static char *iommu_type_path(const struct undo_env *env, const json_t *args)
{
	int64_t group = jx_get_int(args, "group", -1);

	if (group < 0 || group > INT32_MAX || !is_iommu_type(jx_get_str(args, "type")))
		return NULL;
	return fs_under(env->sysroot, "/sys/kernel/iommu_groups/%" PRId64 "/type", group);
}

#define IOMMU_GROUP_USED "a driver is bound to a device of the group: unbind it first"

static int deny_iommu_type(const json_t *args, int r, struct unmet *why)
{
	static const struct {
		int err;
		enum skip_category category;
		const char *text;
	} causes[] = {
		{ ENOENT, SKIP_HW_ABSENT, "there is no such group, or it has no type to choose" },
		{ EBUSY, SKIP_RESOURCE_BUSY, IOMMU_GROUP_USED },
		{ EPERM, SKIP_RESOURCE_BUSY, IOMMU_GROUP_USED }, /* since Linux 5.19 */
		{ EINVAL, SKIP_HW_UNSUPPORTED, "the group's devices or its IOMMU do not allow it" },
	};
	int64_t group = jx_get_int(args, "group", -1);

	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].err == -r)
			return undo_deny(why, causes[i].category, r,
					 "cannot change the type of IOMMU group %" PRId64
					 ": %s (%s)",
					 group, causes[i].text, strerror(-r));
	return undo_deny(why, undo_category(r), r,
			 "cannot change the type of IOMMU group %" PRId64 ": %s", group,
			 strerror(-r));
}

int undo_iommu_type_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	autofree char *path = iommu_type_path(env, args);
	autofree char *now = NULL;
	int r;

	if (!path)
		return undo_deny_args(why, "iommu-group-type");
	r = undo_value_read(path, &now);
	if (r < 0)
		return deny_iommu_type(args, r, why);
	if (!is_iommu_type(now))
		return undo_deny(why, SKIP_RESOURCE_BUSY, -EBUSY,
				 "the type of IOMMU group %" PRId64
				 " is '%s', which could not be set again",
				 jx_get_int(args, "group", -1), now);
	*there = strcmp(now, jx_get_str(args, "type")) == 0;
	if (!*there)
		set_before_str(args, now);
	return 0;
}

int undo_iommu_type_apply(const struct undo_env *env, const json_t *args,
			  json_t **facts attr_unused, struct unmet *why)
{
	autofree char *path = iommu_type_path(env, args);
	int r;

	if (!path)
		return undo_deny_args(why, "iommu-group-type");
	r = undo_value_set(path, jx_get_str(args, "type"));
	return r < 0 ? deny_iommu_type(args, r, why) : 0;
}

enum undo_result undo_iommu_type_revert(const struct undo_env *env, const json_t *args, char **why)
{
	autofree char *path = iommu_type_path(env, args);
	const char *value = before_str(args);

	if (!path || !is_iommu_type(value))
		return undo_fail_args(why, "iommu-group-type");
	return put_back(path, value, why);
}
