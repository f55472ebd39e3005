/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as in Documentation/ABI/testing/dev-kmsg: "priority,number,time,flags;text", a line each. */
#include "scenario/faultlog.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define RECORD_MAX 8192u /* bytes */
#define TRIES 10 /* of 20 ms: faults are told by an interrupt's thread */

int faultlog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		return -errno;
	return fd;
}

char *faultlog_text(const char *record, struct pci_addr function)
{
	char address[PCI_ADDR_TEXT_MAX];
	const char *text = strchr(record, ';');
	/* Intel's driver leaves out the domain. */
	const char *without_domain = strchr(pci_addr_format(function, address), ':') + 1;

	if (!text || !strcasestr(text, "fault") || !strstr(text, without_domain))
		return NULL;
	return xasprintf("%.*s", (int)strcspn(text + 1, "\n"), text + 1);
}

char *faultlog_find(int fd, struct pci_addr function)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	char record[RECORD_MAX + 1];

	for (int i = 0; fd >= 0 && i < TRIES;) {
		ssize_t n = read(fd, record, RECORD_MAX);
		char *text;

		if (n < 0 && errno == EAGAIN) {
			nanosleep(&moment, NULL);
			i++;
		} else if (n <= 0 && errno != EPIPE && errno != EINTR) {
			return NULL;
		} else if (n > 0) {
			record[n] = '\0';
			text = faultlog_text(record, function);
			if (text)
				return text;
		}
	}
	return NULL;
}
