/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI functions that come and go while a run is in progress, as the kernel tells by its events: what
 * was predicted is then of another machine than what was exercised. Those that a run removes and brings back by
 * itself are for undo_has_moved() to tell.
 */
#ifndef P2PCERT_RUNNER_HOTPLUG_H
#define P2PCERT_RUNNER_HOTPLUG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/pciaddr.h"

struct hotplug;

/* Listens to the kernel from now on. NULL with errno. */
struct hotplug *hotplug_open(void) attr_must_check;
void hotplug_free(struct hotplug *h);

typedef void hotplug_sink(void *arg, struct pci_addr function, bool came);

/*
 * Hands on what has happened since the last call, without waiting. arg is a struct hotplug. 0, or a
 * negative errno; -ENOBUFS: there was more than the kernel could keep.
 */
int hotplug_drain(void *arg, hotplug_sink *sink, void *sink_arg) attr_must_check;

#endif
