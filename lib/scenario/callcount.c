/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel functions counted by the kprobe PMU, and trace events by theirs: perf_event_open(2),
 * Documentation/trace/kprobetrace.rst, Documentation/trace/events.rst.
 */
#include "scenario/callcount.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"

#define PMU_TYPE "/sys/bus/event_source/devices/kprobe/type"

/* Where the file system of trace events is; the second, before kernel 4.1 and by habit. */
static const char *const tracefs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

static int open_on(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int kprobe_attr(const char *function, struct perf_event_attr *attr)
{
	uint64_t type = 0;
	int err = fs_read_u64(AT_FDCWD, PMU_TYPE, &type);

	*attr = (struct perf_event_attr){
		.type = (uint32_t)type,
		.size = sizeof(*attr),
		.kprobe_func = (uintptr_t)function,
	};
	return err;
}

/* This thread, wherever it runs. */
static int open_own(struct callcount *c, const struct perf_event_attr *attr)
{
	int fd = open_on(attr, 0, -1);

	if (fd < 0)
		return fd;
	c->fds = xcalloc(1, sizeof(*c->fds));
	c->fds[c->nr_fds++] = fd;
	return 0;
}

int callcount_open_own(struct callcount *c, const char *function)
{
	struct perf_event_attr attr;
	int err = kprobe_attr(function, &attr);

	*c = (struct callcount){ 0 };
	return err ?: open_own(c, &attr);
}

int callcount_open_event(struct callcount *c, const char *event)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	uint64_t id;
	int err = -ENOENT;

	*c = (struct callcount){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(tracefs) && err == -ENOENT; i++) {
		autofree char *path = xasprintf("%s/events/%s/id", tracefs[i], event);

		err = fs_read_u64(AT_FDCWD, path, &id);
	}
	if (err)
		return err;
	attr.config = id;
	return open_own(c, &attr);
}

int callcount_open(struct callcount *c, const char *function)
{
	struct perf_event_attr attr;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int err = kprobe_attr(function, &attr);

	*c = (struct callcount){ 0 };
	if (err)
		return err;
	c->fds = xcalloc((size_t)cpus, sizeof(*c->fds));
	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd = open_on(&attr, -1, cpu);

		/* a CPU that is off counts nothing */
		if (fd == -ENODEV)
			continue;
		if (fd < 0)
			return fd;
		c->fds[c->nr_fds++] = fd;
	}
	return 0;
}

int callcount_read(const struct callcount *c, uint64_t *calls)
{
	*calls = 0;
	for (size_t i = 0; i < c->nr_fds; i++) {
		uint64_t n;
		ssize_t len = read(c->fds[i], &n, sizeof(n));

		if (len != sizeof(n))
			return len < 0 ? -errno : -EIO;
		*calls += n;
	}
	return 0;
}

void callcount_close(struct callcount *c)
{
	for (size_t i = 0; i < c->nr_fds; i++)
		close(c->fds[i]);
	free(c->fds);
	*c = (struct callcount){ 0 };
}
