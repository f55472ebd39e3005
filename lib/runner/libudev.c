/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called of libudev, which is loaded when it is. */
#include <libudev.h>

#include "base/lazy.h"
#include "sonames.h"

#define UDEV(type, name, parameters, arguments) LAZY(SONAME_udev, type, name, parameters, arguments)

UDEV(struct udev *, udev_new, (void), ())
UDEV(struct udev *, udev_unref, (struct udev * udev), (udev))
UDEV(struct udev_monitor *, udev_monitor_new_from_netlink, (struct udev * udev, const char *name),
     (udev, name))
UDEV(struct udev_monitor *, udev_monitor_unref, (struct udev_monitor * monitor), (monitor))
UDEV(int, udev_monitor_set_receive_buffer_size, (struct udev_monitor * monitor, int size),
     (monitor, size))
UDEV(int, udev_monitor_filter_add_match_subsystem_devtype,
     (struct udev_monitor * monitor, const char *subsystem, const char *devtype),
     (monitor, subsystem, devtype))
UDEV(int, udev_monitor_enable_receiving, (struct udev_monitor * monitor), (monitor))
UDEV(struct udev_device *, udev_monitor_receive_device, (struct udev_monitor * monitor), (monitor))
UDEV(const char *, udev_device_get_action, (struct udev_device * device), (device))
UDEV(const char *, udev_device_get_sysname, (struct udev_device * device), (device))
UDEV(struct udev_device *, udev_device_unref, (struct udev_device * device), (device))
