/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses a device. Its name becomes a list of directories in sysfs: its own, and those of what
 * belongs to it without lying below it. Then each entry of some classes that lies in one of them is
 * asked what is known of its kind.
 */
#include "scenario/inuse.h"

#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/pciaddr.h"
#include "base/text.h"

/* Of /proc/self/mountinfo: a machine full of containers has many thousand lines. */
#define MOUNTS_MAX (16u << 20)
#define SWAPS_MAX (1u << 20)
/* A device on a device on a device: LVM on RAID on encryption on a partition. */
#define HOLDERS_MAX 8

struct strings {
	char **items;
	size_t n;
};

/* A device node that belongs to the device. */
struct node {
	char *path; /* "/dev/nvme0n1" */
	bool exclusive; /* it can be opened by one alone */
	bool reported; /* as open in a process */
};

struct search;

typedef void entry_fn(struct search *s, const char *dir, const char *name);

struct search {
	const struct in_use_env *env;
	struct strings reasons;
	struct strings dirs; /* of the device, without links on the way */
	struct node *nodes;
	size_t nr_nodes;
	char *mounts, *swaps; /* NULL: not to be read */
	bool processes_hidden; /* what some have open cannot be read */
	entry_fn *judge; /* of the kind in turn */
};

static void add(struct strings *list, char *item)
{
	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = item;
}

static void attr_printf(2, 3) reason(struct search *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(&s->reasons, xvasprintf(fmt, ap));
	va_end(ap);
}

void in_use_free(char **reasons, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(reasons[i]);
	free(reasons);
}

/* --- sysfs -------------------------------------------------------------------------------------- */

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Calls f for each entry of the directory, in order of their names. None if there is no directory. */
static void each_entry(struct search *s, const char *dir, entry_fn *f)
{
	autofree char *path = fs_under(s->env->sysroot, "%s", dir);
	struct dirent **list;
	int n = scandir(path, &list, is_visible, versionsort);

	for (int i = 0; i < n; i++) {
		f(s, dir, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static char *real_dir(const struct search *s, const char *dir, const char *name)
{
	autofree char *path = fs_under(s->env->sysroot, "%s/%s", dir, name);

	return realpath(path, NULL);
}

/* The attribute's text, or NULL; the caller frees it. */
static char *attribute(const struct search *s, const char *dir, const char *name, const char *attr)
{
	autofree char *path = fs_under(s->env->sysroot, "%s/%s/%s", dir, name, attr);
	char *text;

	return fs_read_attr(AT_FDCWD, path, &text) == 0 ? text : NULL;
}

static bool attribute_is(const struct search *s, const char *dir, const char *name,
			 const char *attr, const char *expected)
{
	autofree char *text = attribute(s, dir, name, attr);

	return text && strcmp(text, expected) == 0;
}

static bool lies_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

static bool belongs(const struct search *s, const char *dir, const char *name)
{
	autofree char *path = real_dir(s, dir, name);

	for (size_t i = 0; path && i < s->dirs.n; i++)
		if (lies_in(path, s->dirs.items[i]))
			return true;
	return false;
}

/* --- what the device is ------------------------------------------------------------------------- */

static bool add_dir(struct search *s, const char *dir, const char *name)
{
	char *path = real_dir(s, dir, name);

	if (path)
		add(&s->dirs, path);
	return path;
}

static void add_if_vf(struct search *s, const char *dir, const char *name)
{
	if (text_starts_with(name, "virtfn"))
		(void)add_dir(s, dir, name);
}

static bool find_function(struct search *s, const char *device)
{
	autofree char *dir = NULL;
	struct pci_addr addr;

	if (pci_addr_parse(device, &addr) < 0)
		return false;
	dir = xasprintf("/sys/bus/pci/devices/%s", pci_addr_str(addr));
	if (!add_dir(s, dir, "."))
		return false;
	each_entry(s, dir, add_if_vf);
	return true;
}

/* Nodes of an RDMA device are no children of it: the first dir is its own. */
static void add_if_of_rdma(struct search *s, const char *dir, const char *name)
{
	const char *rdma = strrchr(s->dirs.items[0], '/') + 1;

	if (attribute_is(s, dir, name, "ibdev", rdma))
		(void)add_dir(s, dir, name);
}

static bool find_rdma(struct search *s, const char *device)
{
	if (!add_dir(s, "/sys/class/infiniband", device))
		return false;
	each_entry(s, "/sys/class/infiniband_verbs", add_if_of_rdma);
	each_entry(s, "/sys/class/infiniband_mad", add_if_of_rdma);
	return true;
}

/* "nvme0", not its disk "nvme0n1". */
static bool is_controller(const char *name)
{
	return text_starts_with(name, "nvme") && !name[4 + strspn(name + 4, "0123456789")];
}

/* A subsystem holds the disks of its controllers where there may be several paths to them. */
static void add_if_subsystem(struct search *s, const char *dir, const char *name)
{
	autofree char *path = fs_under(s->env->sysroot, "%s/%s", dir, name);
	DIR *controllers = opendir(path);
	const struct dirent *e;
	bool ours = false;

	while (controllers && !ours && (e = readdir(controllers))) {
		autofree char *subsystem = xasprintf("%s/%s", dir, name);

		ours = is_controller(e->d_name) && belongs(s, subsystem, e->d_name);
	}
	if (controllers)
		closedir(controllers);
	if (ours)
		(void)add_dir(s, dir, name);
}

static bool find_device(struct search *s, const char *device)
{
	bool found;

	if (!*device || device[0] == '.' || strchr(device, '/'))
		return false;
	found = find_function(s, device) || add_dir(s, "/sys/class/block", device) ||
		add_dir(s, "/sys/class/net", device) || find_rdma(s, device);
	if (found)
		each_entry(s, "/sys/class/nvme-subsystem", add_if_subsystem);
	return found;
}

/* --- block devices ------------------------------------------------------------------------------ */

static void add_node(struct search *s, char *path, bool exclusive)
{
	s->nodes = xreallocarray(s->nodes, s->nr_nodes + 1, sizeof(*s->nodes));
	s->nodes[s->nr_nodes++] = (struct node){ .path = path, .exclusive = exclusive };
}

/* The first place where it is mounted, from mountinfo (proc_pid_mountinfo(5)), or NULL. */
static char *mounted_at(const char *mounts, const char *number, const char *node)
{
	autofree char *copy = xstrdup(mounts);
	char *lines, *line;

	for (line = strtok_r(copy, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *source = strstr(line, " - ");
		char *words, *dev, *at;

		if (!source)
			continue;
		*source = '\0';
		source += strlen(" - ");
		source += strcspn(source, " ");
		source += strspn(source, " ");
		source[strcspn(source, " ")] = '\0';
		(void)strtok_r(line, " ", &words);
		(void)strtok_r(NULL, " ", &words);
		dev = strtok_r(NULL, " ", &words);
		(void)strtok_r(NULL, " ", &words);
		at = strtok_r(NULL, " ", &words);
		/* file systems on several devices have a number of their own, and name one as source */
		if (at && (strcmp(dev, number) == 0 || strcmp(source, node) == 0))
			return text_sanitize(at, strlen(at));
	}
	return NULL;
}

static bool is_swap(const char *swaps, const char *node)
{
	size_t len = strlen(node);

	for (const char *line = swaps; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, node, len) == 0 && (line[len] == ' ' || line[len] == '\t'))
			return true;
	}
	return false;
}

static void judge_block_at(struct search *s, const char *name, unsigned int depth)
{
	autofree char *number = attribute(s, "/sys/class/block", name, "dev");
	autofree char *node = xasprintf("/dev/%s", name);
	autofree char *holders = fs_under(s->env->sysroot, "/sys/class/block/%s/holders", name);
	autofree char *at = number && s->mounts ? mounted_at(s->mounts, number, node) : NULL;
	const struct dirent *e;
	DIR *dir;

	if (at)
		reason(s, "'%s' is mounted at '%s'", name, at);
	if (s->swaps && is_swap(s->swaps, node))
		reason(s, "'%s' is swap space", name);
	dir = depth < HOLDERS_MAX ? opendir(holders) : NULL;
	while (dir && (e = readdir(dir))) {
		if (!is_visible(e))
			continue;
		reason(s, "'%s' is part of '%s'", name, e->d_name);
		judge_block_at(s, e->d_name, depth + 1);
	}
	if (dir)
		closedir(dir);
	/* one path of several to a disk has no node, and is used through the disk's */
	if (!attribute_is(s, "/sys/class/block", name, "hidden", "1"))
		add_node(s, take_ptr(node), true);
}

static void judge_block(struct search *s, const char *dir attr_unused, const char *name)
{
	if (!s->mounts)
		reason(s, "what of '%s' is mounted cannot be read", name);
	judge_block_at(s, name, 0);
}

/* --- other kinds -------------------------------------------------------------------------------- */

static bool is_up(const struct search *s, const char *dir, const char *name)
{
	autofree char *text = attribute(s, dir, name, "flags");
	uint64_t flags;

	return text && text_to_u64(text, 0, UINT32_MAX, &flags) == 0 && (flags & IFF_UP);
}

static void judge_netdev(struct search *s, const char *dir, const char *name)
{
	static const char upper[] = "upper_";
	autofree char *path = fs_under(s->env->sysroot, "%s/%s", dir, name);
	const struct dirent *e;
	DIR *entries = opendir(path);

	if (is_up(s, dir, name) && attribute_is(s, dir, name, "carrier", "1"))
		reason(s, "'%s' is up and has a carrier", name);
	if (s->env->has_address && s->env->has_address(name))
		reason(s, "'%s' has an address", name);
	while (entries && (e = readdir(entries)))
		if (text_starts_with(e->d_name, upper))
			reason(s, "'%s' is part of '%s'", name, e->d_name + strlen(upper));
	if (entries)
		closedir(entries);
}

static void judge_display(struct search *s, const char *dir, const char *name)
{
	if (attribute_is(s, dir, name, "status", "connected"))
		reason(s, "a display is connected to '%s'", name);
}

/* Whoever uses a function through VFIO has its group open, or a node that judge_node() finds. */
static void judge_function(struct search *s, const char *dir, const char *name)
{
	autofree char *driver_path = fs_under(s->env->sysroot, "%s/%s/driver", dir, name);
	autofree char *group_path = fs_under(s->env->sysroot, "%s/%s/iommu_group", dir, name);
	autofree char *driver = NULL, *group = NULL, *node = NULL, *file = NULL;

	if (fs_read_link_name(AT_FDCWD, driver_path, &driver) < 0 || !strstr(driver, "vfio") ||
	    fs_read_link_name(AT_FDCWD, group_path, &group) < 0)
		return;
	node = xasprintf("/dev/vfio/%s", group);
	file = fs_under(s->env->sysroot, "%s", node);
	if (fs_exists(AT_FDCWD, file))
		add_node(s, take_ptr(node), true);
}

/* name is a number, "226:0". */
static void judge_node(struct search *s, const char *dir, const char *name)
{
	autofree char *uevent = attribute(s, dir, name, "uevent");
	const char *found = uevent ? strstr(uevent, "DEVNAME=") : NULL;

	if (!found)
		return;
	found += strlen("DEVNAME=");
	add_node(s, xasprintf("/dev/%.*s", (int)strcspn(found, "\n"), found), false);
}

static const struct {
	const char *dir;
	entry_fn *judge;
} kinds[] = {
	{ "/sys/class/block", judge_block }, { "/sys/class/net", judge_netdev },
	{ "/sys/class/drm", judge_display }, { "/sys/bus/pci/devices", judge_function },
	{ "/sys/dev/char", judge_node },
};

static void judge_if_ours(struct search *s, const char *dir, const char *name)
{
	if (belongs(s, dir, name))
		s->judge(s, dir, name);
}

/* --- processes ---------------------------------------------------------------------------------- */

static void look_at_file(struct search *s, const char *dir, const char *fd)
{
	autofree char *path = fs_under(s->env->sysroot, "%s/%s", dir, fd);
	char target[256];
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	const char *pid = dir + strlen("/proc/");

	if (len < 0) {
		s->processes_hidden |= errno == EACCES;
		return;
	}
	target[len] = '\0';
	for (size_t i = 0; i < s->nr_nodes; i++) {
		struct node *node = &s->nodes[i];
		autofree char *comm = NULL;
		autofree char *process = NULL;

		if (node->reported || strcmp(node->path, target) != 0)
			continue;
		node->reported = true;
		process = xstrndup(pid, strcspn(pid, "/"));
		comm = attribute(s, "/proc", process, "comm");
		reason(s, "'%s' is open in process %s (%s)", node->path, process,
		       comm ? comm : "unknown");
	}
}

static void look_at_process(struct search *s, const char *dir, const char *name)
{
	autofree char *fds = xasprintf("%s/%s/fd", dir, name);
	autofree char *path = fs_under(s->env->sysroot, "%s", fds);

	if (name[strspn(name, "0123456789")])
		return;
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 && errno == EACCES)
		s->processes_hidden = true;
	each_entry(s, fds, look_at_file);
}

static void look_at_processes(struct search *s)
{
	if (!s->nr_nodes)
		return;
	each_entry(s, "/proc", look_at_process);
	if (s->processes_hidden)
		reason(s, "what some processes have open cannot be read");
}

/* --- all of it ---------------------------------------------------------------------------------- */

/* The last question, for what nothing else explains: holders that sysfs does not show. */
static void claim_nodes(struct search *s)
{
	for (size_t i = 0; i < s->nr_nodes; i++) {
		const char *node = s->nodes[i].path;
		int err = s->nodes[i].exclusive ? s->env->claim(node) : 0;

		if (err == -EBUSY)
			reason(s, "'%s' is claimed", node);
		else if (err)
			reason(s, "whether '%s' is claimed cannot be told: %s", node,
			       strerror(-err));
	}
}

static char *read_table(const struct search *s, const char *path, size_t max)
{
	autofree char *file = fs_under(s->env->sysroot, "%s", path);
	char *text;

	return fs_read(AT_FDCWD, file, max, &text, NULL) == 0 ? text : NULL;
}

static void search_release(struct search *s)
{
	for (size_t i = 0; i < s->nr_nodes; i++)
		free(s->nodes[i].path);
	free(s->nodes);
	in_use_free(s->dirs.items, s->dirs.n);
	free(s->mounts);
	free(s->swaps);
}

size_t device_in_use(const struct in_use_env *env, const char *device, char ***reasons)
{
	struct search s = { .env = env };

	if (!find_device(&s, device)) {
		reason(&s, "there is no such device");
	} else {
		s.mounts = read_table(&s, "/proc/self/mountinfo", MOUNTS_MAX);
		s.swaps = read_table(&s, "/proc/swaps", SWAPS_MAX);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			s.judge = kinds[i].judge;
			each_entry(&s, kinds[i].dir, judge_if_ours);
		}
		look_at_processes(&s);
		if (!s.reasons.n && env->claim)
			claim_nodes(&s);
	}
	search_release(&s);
	*reasons = s.reasons.items;
	return s.reasons.n;
}

int in_use_claim(const char *node)
{
	int fd = open(node, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

bool in_use_has_address(const char *netdev)
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return true;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next)
		found |= a->ifa_addr && strcmp(a->ifa_name, netdev) == 0 &&
			 (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6);
	freeifaddrs(list);
	return found;
}
