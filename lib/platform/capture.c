/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a captured machine is taken into memory, and taking it from a directory. */
#include "platform/capture.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/text.h"
#include "platform/input.h"

#define DEPTH_MAX 64

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool capture_wants_file(const char *path)
{
	static const char *const names[] = {
		/* of functions */
		"class",
		"config",
		"consistent_dma_mask_bits",
		"current_link_speed",
		"current_link_width",
		"device",
		"dma_mask_bits",
		"max_link_speed",
		"max_link_width",
		"mem_info_vram_total",
		"numa_node",
		"power_state",
		"resource",
		"revision",
		"secondary_bus_number",
		"sriov_numvfs",
		"sriov_totalvfs",
		"subordinate_bus_number",
		"subsystem_device",
		"subsystem_vendor",
		"vendor",
		/* of p2pmem/ */
		"allocate",
		"available",
		"published",
		"size",
		/* of IOMMUs and their groups */
		"cap",
		"ecap",
		"reserved_regions",
		"type",
		/* of NUMA nodes and DMI */
		"bios_date",
		"bios_vendor",
		"bios_version",
		"board_name",
		"board_vendor",
		"distance",
		"product_name",
		"sys_vendor",
		/* of /proc and /proc/sys/kernel */
		"arch",
		"cmdline",
		"config.gz",
		"cpuinfo",
		"iomem",
		"meminfo",
		"modules",
		"osrelease",
		"version",
	};
	const char *name = base_name(path);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	/* of /boot */
	return text_starts_with(name, "config-");
}

int capture_count(struct capture *c)
{
	return ++c->entries > ARCHIVE_ENTRIES_MAX ? -EFBIG : 0;
}

/* Whatever the directory is called that everything is in. */
static bool is_of_proc(const char *path)
{
	return text_starts_with(path, "proc/") || strstr(path, "/proc/");
}

/* The length of a text without the zeros that tar fills it up with to the page that sysfs calls its size. */
static size_t text_length(const char *path, const char *data, size_t len)
{
	if (text_starts_with(base_name(path), "config"))
		return len; /* of PCI functions, and packed ones of kernels */
	while (len && !data[len - 1])
		len--;
	return len;
}

int capture_add_file(struct capture *c, const char *path, char *data, size_t len)
{
	c->bytes += len;
	len = text_length(path, data, len);
	if (!len && is_of_proc(path)) {
		free(data);
		return 0;
	}
	if (c->bytes > CAPTURE_BYTES_MAX) {
		free(data);
		return -EFBIG;
	}
	return tree_add_file(c->tree, path, data, len);
}

struct search {
	struct tree *tree;
	char *found;
};

static void look_below(void *with, const char *name)
{
	struct search *s = with;
	autofree char *path = xasprintf("/%s" CAPTURE_DEVICES, name);

	if (!s->found && tree_exists(s->tree, path))
		s->found = xstrdup(name);
}

int capture_find_top(struct tree *t)
{
	struct search s = { t, NULL };
	autofree char *found = NULL;
	int r;

	if (tree_exists(t, CAPTURE_DEVICES))
		return 0;
	r = tree_list(t, "/", look_below, &s);
	found = s.found;
	if (r < 0)
		return r;
	return found ? tree_set_top(t, found) : -ENOENT;
}

/* --- from a directory ---------------------------------------------------------------------------- */

static bool is_at_or_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Does the way to something that is read lead through this directory? */
static bool wants_directory(const char *path)
{
	static const struct {
		const char *path;
		bool deep; /* what is wanted may be anywhere below, not in it alone */
	} dirs[] = {
		{ "sys/bus/pci/devices", true },
		{ "sys/class/iommu", true },
		{ "sys/devices", true },
		{ "sys/kernel/iommu_groups", true },
		{ "boot", false },
		{ "lib/modules", false }, /* in directories of it, one for each kernel */
		{ "proc/sys/kernel", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		if (is_at_or_below(dirs[i].path, path))
			return true;
		if (is_at_or_below(path, dirs[i].path) &&
		    (dirs[i].deep || !strchr(path + strlen(dirs[i].path) + 1, '/')))
			return true;
	}
	return false;
}

static int take_file(struct capture *c, int dirfd, const char *name, const char *path)
{
	char *data = NULL;
	size_t len;

	/* what cannot be read is not there for the model either, which says so */
	if (fs_read(dirfd, name, CAPTURE_FILE_MAX, &data, &len) < 0)
		return 0;
	return capture_add_file(c, path, data, len);
}

static int take_link(struct capture *c, int dirfd, const char *name, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return 0;
	target[n] = '\0';
	return tree_add_link(c->tree, path, target);
}

static int take_directory(struct capture *c, int fd, const char *path, int depth);

static int take_entry(struct capture *c, int dirfd, const char *name, const char *path, int depth)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		return take_link(c, dirfd, name, path);
	if (S_ISREG(st.st_mode))
		return capture_wants_file(path) ? take_file(c, dirfd, name, path) : 0;
	if (!S_ISDIR(st.st_mode) || !wants_directory(path) || depth == DEPTH_MAX)
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : take_directory(c, fd, path, depth + 1);
}

/* Closes fd. */
static int take_directory(struct capture *c, int fd, const char *path, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	if (*path)
		r = tree_add_dir(c->tree, path);
	while (r == 0 && (entry = readdir(d))) {
		autofree char *below = xasprintf("%s%s%s", path, *path ? "/" : "", entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = capture_count(c);
		if (r == 0)
			r = take_entry(c, dirfd(d), entry->d_name, below, depth);
	}
	closedir(d);
	return r;
}

/* Are these directories there, one in the other, none by a link, which could lead out of the capture? */
static bool has_directories(int dirfd, const char *path)
{
	autofree char *copy = xstrdup(path);
	autoclose int at = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = copy;
	const char *name;

	while (at >= 0 && (name = strsep(&rest, "/"))) {
		int below = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		close(at);
		at = below;
	}
	return at >= 0;
}

/* The name of the only directory that holds sys/ in this one, NULL if there is none. */
static char *find_inner(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char *found = NULL;

	if (!d && fd >= 0)
		close(fd);
	while (d && !found && (entry = readdir(d))) {
		autofree char *path = xasprintf("%s" CAPTURE_DEVICES, entry->d_name);

		if (entry->d_name[0] != '.' && has_directories(dirfd, path))
			found = xstrdup(entry->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

int capture_directory(struct capture *c, int dirfd)
{
	const char *prefix = "";
	autofree char *inner = NULL;
	const char *from = ".";
	int fd;

	/* a copy of /, of /sys alone, or a directory with one of / in it */
	if (!has_directories(dirfd, "sys/bus/pci/devices")) {
		inner = find_inner(dirfd);
		from = inner ? inner : ".";
		prefix = !inner && has_directories(dirfd, "bus/pci/devices") ? "sys" : "";
	}
	fd = openat(dirfd, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : take_directory(c, fd, prefix, 0);
}
