/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A loopback over libibverbs: two queue pairs of one RDMA device, reliably connected to each other unless
 * told otherwise, on which one operation at a time is posted and awaited. Every wait is bounded. What is
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
#include <stdint.h>

#include "base/attr.h"
#include "base/pciaddr.h"

#define VERBS_MAX_MRS 8
#define VERBS_GRH_LEN 40 /* of the header in front of a datagram that was received */
#define VERBS_QKEY 0x2b5c0de

/* What older versions of libibverbs have no name for; the kernel's numbers. */
#define VERBS_WR_FLUSH ((enum ibv_wr_opcode)14)
#define VERBS_WR_ATOMIC_WRITE ((enum ibv_wr_opcode)15)
#define VERBS_OP_FLUSH (1u << 11) /* for verbs_set_operations() */
#define VERBS_OP_ATOMIC_WRITE (1u << 12)
#define VERBS_ACCESS_FLUSH_GLOBAL (1 << 8)
#define VERBS_ACCESS_FLUSH_PERSISTENT (1 << 9)
enum verbs_placement { VERBS_GLOBAL = 1, VERBS_PERSISTENT = 2 };
enum verbs_selection { VERBS_RANGE, VERBS_REGION };

enum verbs_end { VERBS_INITIATOR, VERBS_RESPONDER, NR_VERBS_ENDS };

/* The one request that an end has posted and that has not completed. */
struct verbs_posted {
	uint64_t id; /* 0: none */
	int completes_as; /* enum ibv_wc_opcode; -1: not known */
};

struct verbs {
	char *name;
	struct ibv_context *context;
	struct ibv_device_attr_ex attr;
	uint8_t port; /* the first active one */
	struct ibv_port_attr port_attr;
	bool has_gid; /* paths are global and use this one */
	union ibv_gid gid;
	uint8_t gid_index;
	enum ibv_mtu mtu; /* of the path */
	size_t path_mtu; /* the same in bytes */
	struct ibv_pd *pd;
	enum ibv_qp_type service; /* IBV_QPT_RC, UC, UD, or XRC_SEND, whose responder is XRC_RECV */
	bool shares_receives; /* the responder takes receives from srq */
	uint64_t send_ops; /* IBV_QP_EX_WITH_* that the initiator can post; 0: the common ones */
	struct ibv_srq *srq;
	struct ibv_ah *ah; /* of datagrams */
	struct ibv_xrcd *xrcd;
	unsigned char grh[VERBS_GRH_LEN];
	struct ibv_mr *grh_mr;
	struct ibv_cq *cq[NR_VERBS_ENDS];
	struct ibv_qp *qp[NR_VERBS_ENDS];
	struct ibv_mr *mrs[VERBS_MAX_MRS];
	size_t nr_mrs;
	uint64_t requests; /* posted so far */
	struct verbs_posted posted[NR_VERBS_ENDS];
	bool failed; /* a request of these queue pairs ended with an error */
	/* what came that must not, the first of it; NULL: nothing */
	char *gone; /* the port or the device went: nothing that comes then is a verdict */
	char *wrong; /* a completion or an event of which no request is the cause */
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

/*
 * Connects them anew: with this path MTU; as they were, after an error; with another transport service,
 * and receives from a queue that can be shared or not; and able to post operations that need newer
 * calls. Nothing is in flight, and nothing is left of what was. -EOPNOTSUPP, -EINVAL or another errno of
 * the library's or the kernel's: there is no such queue pair.
 */
int verbs_set_mtu(struct verbs *v, enum ibv_mtu mtu) attr_must_check;
int verbs_reconnect(struct verbs *v) attr_must_check;
int verbs_set_service(struct verbs *v, enum ibv_qp_type service,
		      bool share_receives) attr_must_check;
int verbs_set_operations(struct verbs *v, uint64_t send_ops) attr_must_check;

/* Registers memory until verbs_close(), with IBV_ACCESS_* flags. */
int verbs_register(struct verbs *v, void *addr, size_t len, int access,
		   struct ibv_mr **mr) attr_must_check;
/* The same, of a region that begins at iova for those who use it. */
int verbs_register_iova(struct verbs *v, void *addr, size_t len, uint64_t iova, int access,
			struct ibv_mr **mr) attr_must_check;
/*
 * The same of length bytes at offset of a dma-buf. -EOPNOTSUPP: the library or the driver has no such
 * regions.
 */
int verbs_register_dmabuf(struct verbs *v, int dmabuf, uint64_t offset, size_t len, uint64_t iova,
			  int access, struct ibv_mr **mr) attr_must_check;
/* Deregisters it before. */
int verbs_deregister(struct verbs *v, struct ibv_mr *mr) attr_must_check;
/* And all of them, with the queue pairs that could still use them. */
void verbs_deregister_all(struct verbs *v);

/* One transfer; offsets in bytes from the address that the regions' memory has for the CPU. */
struct verbs_transfer {
	enum ibv_wr_opcode opcode;
	const struct ibv_mr *local, *remote; /* remote NULL: a send */
	size_t local_offset, remote_offset;
	size_t len;
	uint64_t compare_add, swap; /* of atomic operations */
	enum verbs_placement placement; /* of a flush */
	enum verbs_selection level;
};

/* Posts it, for the initiator. */
int verbs_post(struct verbs *v, const struct verbs_transfer *t) attr_must_check;
/* Posts a receive, for the responder. */
int verbs_receive(struct verbs *v, const struct ibv_mr *mr, size_t offset,
		  size_t len) attr_must_check;
/* What a receive of so many bytes completes with. */
size_t verbs_received_len(const struct verbs *v, size_t len);
/*
 * Waits at most timeout_ms for the completion at this end: -ETIMEDOUT. -ENETDOWN: v->gone says why none will
 * come; -EBADMSG: what came, or that none will, is in v->wrong.
 */
int verbs_wait(struct verbs *v, enum verbs_end end, unsigned int timeout_ms,
	       struct ibv_wc *wc) attr_must_check;

/*
 * Posts it and waits at most timeout_ms for it to complete: -ETIMEDOUT. 0 says that there was a
 * completion, *status what it says.
 */
int verbs_transfer(struct verbs *v, const struct verbs_transfer *t, unsigned int timeout_ms,
		   enum ibv_wc_status *status) attr_must_check;

/*
 * Tells the kernel what a part of a region on demand will be used for, ibv_advise_mr(3), and, if asked to,
 * waits until it has done what it does about it. -EOPNOTSUPP: neither the library nor the driver can.
 */
int verbs_advise(const struct verbs *v, enum ibv_advise_mr_advice advice, bool wait,
		 const struct ibv_mr *mr, size_t offset, size_t len) attr_must_check;

/* Did the port or the device go? v->gone then says so. Reads what has come meanwhile. */
bool verbs_is_gone(struct verbs *v);
/* What came to another context of the same device, too. */
void verbs_upset_move(struct verbs *to, struct verbs *from);

/* Releases all there is, queue pairs first, so that nothing is in flight when memory goes. */
void verbs_close(struct verbs *v);

#endif
