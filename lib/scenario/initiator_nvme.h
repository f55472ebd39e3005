/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reading of NVMe drives and writing to them share, as initiators. */
#ifndef P2PCERT_SCENARIO_INITIATOR_NVME_H
#define P2PCERT_SCENARIO_INITIATOR_NVME_H

#include <sys/types.h>

#include "scenario/initiator.h"
#include "scenario/nvme.h"

/* The namespaces, a list of struct nvme_ns. */
int initiator_nvme_find(struct exam *x, void **list, size_t *n) attr_must_check;
void initiator_nvme_forget(void *list, size_t n);

/* What pread() or pwrite() has returned, as what came of the transfer; returns it again. */
ssize_t initiator_nvme_result(ssize_t n, struct moved *r);

/* Whose data it is, and where on the drive, in bytes. */
void initiator_nvme_facts(const struct nvme_ns *ns, const struct peer *p, uint64_t offset);

#endif
