/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel functions counted by the kprobe PMU: perf_event_open(2), Documentation/trace/kprobetrace.rst. */
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

static int open_on(const struct perf_event_attr *attr, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

int callcount_open(struct callcount *c, const char *function)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.kprobe_func = (uintptr_t)function,
	};
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t type = 0;
	int err;

	*c = (struct callcount){ 0 };
	err = fs_read_u64(AT_FDCWD, PMU_TYPE, &type);
	if (err)
		return err;
	attr.type = (uint32_t)type;
	c->fds = xcalloc((size_t)cpus, sizeof(*c->fds));
	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd = open_on(&attr, cpu);

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
