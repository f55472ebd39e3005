/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's own events, through libudev: a machine without udevd has them too. */
#include "runner/hotplug.h"

#include <errno.h>
#include <libudev.h>
#include <string.h>

#include "base/alloc.h"

#define BUFFER_BYTES (1 << 20) /* an event has up to a KiB */

struct hotplug {
	struct udev *udev;
	struct udev_monitor *monitor;
};

static int listen_to_pci(struct hotplug *h)
{
	int r;

	h->udev = udev_new();
	h->monitor = h->udev ? udev_monitor_new_from_netlink(h->udev, "kernel") : NULL;
	if (!h->monitor)
		return -errno;
	/* needs a capability; without it the kernel's default is what there is */
	(void)udev_monitor_set_receive_buffer_size(h->monitor, BUFFER_BYTES);
	r = udev_monitor_filter_add_match_subsystem_devtype(h->monitor, "pci", NULL);
	return r < 0 ? r : udev_monitor_enable_receiving(h->monitor);
}

struct hotplug *hotplug_open(void)
{
	struct hotplug *h = xcalloc(1, sizeof(*h));
	int r = listen_to_pci(h);

	if (r >= 0)
		return h;
	hotplug_free(h);
	errno = -r;
	return NULL;
}

void hotplug_free(struct hotplug *h)
{
	if (!h)
		return;
	udev_monitor_unref(h->monitor);
	udev_unref(h->udev);
	free(h);
}

static void hand_on(struct udev_device *device, hotplug_sink *sink, void *arg)
{
	const char *action = udev_device_get_action(device);
	const char *name = udev_device_get_sysname(device);
	bool came = action && strcmp(action, "add") == 0;
	bool went = action && strcmp(action, "remove") == 0;
	struct pci_addr function;

	if ((came || went) && name && pci_addr_parse(name, &function) == 0)
		sink(arg, function, came);
}

int hotplug_drain(void *arg, hotplug_sink *sink, void *sink_arg)
{
	struct hotplug *h = arg;
	int lost = 0;

	for (;;) {
		struct udev_device *device;

		errno = 0;
		device = udev_monitor_receive_device(h->monitor);
		if (device) {
			hand_on(device, sink, sink_arg);
			udev_device_unref(device);
		} else if (errno == ENOBUFS) {
			lost = -ENOBUFS;
		} else {
			return errno == EAGAIN || errno == 0 ? lost : -errno;
		}
	}
}
