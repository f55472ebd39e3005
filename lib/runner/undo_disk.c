/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A range of a drive that a scenario may write to: what it holds is kept in the journal, and put back. The drive
 * is known by the id of its namespace, since names move from boot to boot, and this change outlives one. Nobody
 * else may have the drive: each access claims it (O_EXCL), and one with partitions is left alone.
 */
#include "runner/undo_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "base/text.h"
#include "runner/undo_kind.h"
#include "scenario/nvme.h"

#define KIND "disk-range"
#define BYTES_MAX (64 * 1024) /* the journal holds them, in hexadecimal */

struct range {
	struct pci_addr address;
	const char *disk; /* "nvme0n1" */
	int64_t offset, bytes;
};

static bool parse(const json_t *args, struct range *r)
{
	const char *address = jx_get_str(args, "address");

	r->disk = jx_get_str(args, "disk");
	r->offset = jx_get_int(args, "offset", -1);
	r->bytes = jx_get_int(args, "bytes", 0);
	return address && pci_addr_parse(address, &r->address) == 0 && undo_is_name(r->disk, 32) &&
	       r->offset >= 0 && r->bytes > 0 && r->bytes <= BYTES_MAX;
}

/* The id of a namespace, which the caller frees; NULL if it is not told. */
static char *id_of(const struct undo_env *env, const char *disk)
{
	autofree char *path = fs_under(env->sysroot, "/sys/class/block/%s/wwid", disk);
	char *id;

	return fs_read_attr(AT_FDCWD, path, &id) < 0 ? NULL : id;
}

static bool has_partitions(const struct undo_env *env, const char *disk)
{
	autofree char *path = fs_under(env->sysroot, "/sys/class/block/%s", disk);
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir(path);

	while (dir && (e = readdir(dir)))
		found |= text_starts_with(e->d_name, disk);
	if (dir)
		closedir(dir);
	return found;
}

/* Claims it. */
static int open_disk(const struct undo_env *env, const char *disk)
{
	autofree char *path = fs_under(env->sysroot, "/dev/%s", disk);
	int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* From the drive itself, not from what is cached of it. */
static int read_range(int fd, const struct range *r, unsigned char *bytes)
{
	int err = posix_fadvise(fd, r->offset, r->bytes, POSIX_FADV_DONTNEED);

	return err ? -err : nvme_read(fd, bytes, (size_t)r->bytes, (uint64_t)r->offset);
}

/* --- the change --------------------------------------------------------------------------------------- */

/* The drive is that function's alone; 0 or a negative errno. */
static int check_owner(const struct undo_env *env, const struct range *r, struct unmet *why)
{
	struct nvme_ns *list;
	bool found = false;
	size_t n;
	int err = nvme_list(env->sysroot, &list, &n);

	if (err)
		return undo_deny(why, undo_category(err), err, "cannot list NVMe namespaces: %s",
				 strerror(-err));
	for (size_t i = 0; i < n; i++)
		found |= strcmp(list[i].name, r->disk) == 0 && !list[i].shared &&
			 pci_addr_eq(list[i].addr, r->address) &&
			 (uint64_t)(r->offset + r->bytes) <= list[i].size;
	nvme_free(list, n);
	if (!found)
		return undo_deny(why, SKIP_HW_ABSENT, -ENODEV,
				 "'%s' is no drive of '%s' alone, or is too small", r->disk,
				 pci_addr_str(r->address));
	return 0;
}

int undo_disk_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	autofree unsigned char *bytes = NULL;
	autofree char *id = NULL, *hex = NULL;
	autoclose int fd = -1;
	struct range r;
	json_t *before;
	int err;

	*there = false;
	if (!parse(args, &r))
		return undo_deny_args(why, KIND);
	err = check_owner(env, &r, why);
	if (err)
		return err;
	if (has_partitions(env, r.disk))
		return undo_deny(why, SKIP_RESOURCE_BUSY, -EBUSY, "'%s' has partitions", r.disk);
	id = id_of(env, r.disk);
	if (!id || !*id)
		return undo_deny(why, SKIP_HW_UNSUPPORTED, -ENODATA,
				 "'%s' has no id by which it could be found again", r.disk);
	bytes = xcalloc((size_t)r.bytes, 1);
	fd = open_disk(env, r.disk);
	err = fd < 0 ? fd : read_range(fd, &r, bytes);
	if (err)
		return undo_deny(why, err == -EBUSY ? SKIP_RESOURCE_BUSY : undo_category(err), err,
				 "cannot keep what '%s' holds: %s", r.disk, strerror(-err));
	hex = hex_text(bytes, (size_t)r.bytes);
	before = jx_object();
	jx_set_str(before, "id", id);
	jx_set_str(before, "bytes", hex);
	jx_set(args, "before", before);
	return 0;
}

/* To write is for the scenario. */
int undo_disk_apply(const struct undo_env *env attr_unused, const json_t *args,
		    json_t **facts attr_unused, struct unmet *why)
{
	struct range r;

	return parse(args, &r) ? 0 : undo_deny_args(why, KIND);
}

/* The name, by now, of the drive with that id, which the caller frees; NULL if it is not there. */
static char *find_disk(const struct undo_env *env, const char *id)
{
	struct nvme_ns *list;
	char *name = NULL;
	size_t n;

	if (nvme_list(env->sysroot, &list, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n && !name; i++) {
		autofree char *has = id_of(env, list[i].name);

		if (has && strcmp(has, id) == 0)
			name = xstrdup(list[i].name);
	}
	nvme_free(list, n);
	return name;
}

/* 1 if it had to be written, 0 if it was there, or a negative errno. */
static int put_back(int fd, const struct range *r, const unsigned char *bytes)
{
	autofree unsigned char *now = xcalloc((size_t)r->bytes, 1);
	ssize_t n;
	int err = read_range(fd, r, now);

	if (err || memcmp(now, bytes, (size_t)r->bytes) == 0)
		return err;
	n = pwrite(fd, bytes, (size_t)r->bytes, r->offset);
	if (n != r->bytes || fsync(fd) < 0)
		return n < 0 || n == r->bytes ? -errno : -EIO;
	err = read_range(fd, r, now);
	if (err)
		return err;
	return memcmp(now, bytes, (size_t)r->bytes) == 0 ? 1 : -EIO;
}

enum undo_result undo_disk_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const json_t *before = json_object_get(args, "before");
	const char *id = jx_get_str(before, "id");
	autofree unsigned char *bytes = NULL;
	autofree char *disk = NULL;
	autoclose int fd = -1;
	struct range r;
	int err;

	if (!parse(args, &r) || !id)
		return undo_fail_args(why, KIND);
	bytes = hex_bytes(jx_get_str(before, "bytes"), (size_t)r.bytes);
	if (!bytes)
		return undo_fail_args(why, KIND);
	disk = find_disk(env, id);
	if (!disk)
		return undo_fail(why, "there is no drive '%s' now", id);
	fd = open_disk(env, disk);
	err = fd < 0 ? fd : put_back(fd, &r, bytes);
	if (err < 0)
		return undo_fail(why, "cannot write to '%s' what it held at %" PRId64 ": %s", disk,
				 r.offset, strerror(-err));
	return err ? UNDO_UNDONE : UNDO_GONE;
}
