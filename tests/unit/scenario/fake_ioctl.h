/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For one file of a program: what it asks of devices goes to a function of the test, which returns 0, or a
 * file, or a negative errno.
 */
#ifndef P2PCERT_TEST_FAKE_IOCTL_H
#define P2PCERT_TEST_FAKE_IOCTL_H

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

static int fake_ioctl(int fd, unsigned long request, void *arg);

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	ret = fake_ioctl(fd, request, arg);
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

#endif
