/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holding pages through system calls: a pipe that vmsplice(2) has filled has a plain reference on
 * each, buffers that are registered with io_uring(7) are pinned for long. See devpin.h.
 */
#include "scenario/devpin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int close_both(struct devpin *pin, int err)
{
	devpin_release(pin);
	return err;
}

static int take_by_pipe(struct devpin *pin, void *addr, size_t len)
{
	struct iovec v = { .iov_base = addr, .iov_len = len };
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	*pin = (struct devpin){ .fd = ends[0], .other = ends[1] };
	n = vmsplice(ends[1], &v, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	return close_both(pin, n < 0 ? -errno : -ENOSPC);
}

static int take_by_ring(struct devpin *pin, void *addr, size_t len)
{
	struct io_uring_params params = { 0 };
	struct iovec v = { .iov_base = addr, .iov_len = len };
	long fd = syscall(SYS_io_uring_setup, 1, &params);

	if (fd < 0)
		return -errno;
	*pin = (struct devpin){ .fd = (int)fd, .other = -1 };
	if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &v, 1) < 0)
		return close_both(pin, -errno);
	return 0;
}

const struct devpin_kind devpin_kinds[] = {
	{ "held by a pipe", take_by_pipe },
	{ "pinned by io_uring", take_by_ring },
};
const size_t devpin_kinds_len = ARRAY_LEN(devpin_kinds);

/* Buffers are let go of with IORING_UNREGISTER_BUFFERS at once, by closing only a while later. */
void devpin_release(struct devpin *pin)
{
	if (pin->other < 0)
		(void)syscall(SYS_io_uring_register, pin->fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
	else
		close(pin->other);
	close(pin->fd);
}
