/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A loopback over libibverbs: two reliable connected queue pairs of one RDMA device, connected to each
 * other, on which one operation at a time is posted and awaited. Every wait is bounded. What is
 * transferred, and what it shows, is up to the scenario.
 *
 * Functions return 0 or a negative errno, whatever libibverbs does; *why, where there is one, is then
 * a text for the user, which the caller frees and puts the device's name in front of.
 */
#ifndef P2PCERT_SCENARIO_VERBS_H
#define P2PCERT_SCENARIO_VERBS_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/pciaddr.h"

#define VERBS_MAX_MRS 4

struct verbs {
	char *name;
	struct ibv_context *context;
	struct ibv_device_attr_ex attr;
	uint8_t port; /* the first active one */
	struct ibv_port_attr port_attr;
	bool has_gid; /* paths are global and use this one */
	union ibv_gid gid;
	uint8_t gid_index;
	size_t path_mtu; /* bytes */
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp[2]; /* initiator and responder */
	struct ibv_mr *mrs[VERBS_MAX_MRS];
	size_t nr_mrs;
};

/* The names of the RDMA devices, sorted, NULL-terminated; free with verbs_names_free(). */
int verbs_names(char ***names) attr_must_check;
void verbs_names_free(char **names);

/* The PCI function behind an RDMA device; a soft one has none. sysroot NULL: the machine's own. */
bool verbs_pci_addr(const char *sysroot, const char *name, struct pci_addr *addr);

/*
 * Opens the device and reads its attributes. -ENODEV: there is none of that name; -ENETDOWN: no port
 * of it is active. Whatever is returned, verbs_close() must follow.
 */
int verbs_open(struct verbs *v, const char *name, char **why) attr_must_check;

/*
 * Makes and connects the queue pairs, with the largest path MTU that the port has active. A port on
 * Ethernet needs a RoCE v2 GID, which is waited for at most wait_ms: -EADDRNOTAVAIL.
 */
int verbs_connect(struct verbs *v, unsigned int wait_ms, char **why) attr_must_check;

/* Connects them anew, with this path MTU; nothing is in flight. */
int verbs_set_mtu(struct verbs *v, enum ibv_mtu mtu) attr_must_check;

/* Registers memory until verbs_close(), with IBV_ACCESS_* flags. */
int verbs_register(struct verbs *v, void *addr, size_t len, int access,
		   struct ibv_mr **mr) attr_must_check;
/* Deregisters it before. */
int verbs_deregister(struct verbs *v, struct ibv_mr *mr) attr_must_check;
/* And all of them, with the queue pairs that could still use them. */
void verbs_deregister_all(struct verbs *v);

/* One transfer; offsets in bytes from the start of the regions. */
struct verbs_transfer {
	enum ibv_wr_opcode opcode; /* IBV_WR_RDMA_WRITE or IBV_WR_RDMA_READ */
	const struct ibv_mr *local, *remote;
	size_t local_offset, remote_offset;
	size_t len;
};

/*
 * Posts it and waits at most timeout_ms for it to complete: -ETIMEDOUT. 0 says that there was a
 * completion, *status what it says.
 */
int verbs_transfer(struct verbs *v, const struct verbs_transfer *t, unsigned int timeout_ms,
		   enum ibv_wc_status *status) attr_must_check;

/* Releases all there is, queue pairs first, so that nothing is in flight when memory goes. */
void verbs_close(struct verbs *v);

#endif
