/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IOMMU's faults in the kernel log, for a scenario that wants to name the one that its own transfer met. To
 * judge the log is for the supervisor (runner/kmsg.h).
 */
#ifndef P2PCERT_SCENARIO_FAULTLOG_H
#define P2PCERT_SCENARIO_FAULTLOG_H

#include "base/attr.h"
#include "base/pciaddr.h"

/* From now on. A file descriptor, or a negative errno if the log cannot be read. */
int faultlog_open(void) attr_must_check;

/*
 * The next line that tells of a fault of the function, within a moment; NULL if there is none, or no log (fd
 * negative). The caller frees it.
 */
char *faultlog_find(int fd, struct pci_addr function) attr_must_check;

/* Does a record of /dev/kmsg tell of a fault of the function? Its text then, which the caller frees. */
char *faultlog_text(const char *record, struct pci_addr function) attr_must_check;

#endif
