/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What scenarios of on-demand paging do over and over: memory at both ends of a connection, filled with
 * a pattern, of which it is known to the last byte what must be there after each operation; regions over
 * it, on demand or pinned; operations that move a piece of one page to a page of the other end and are
 * held against the completion that must come; and the process's page table, which shows which pages the
 * device has faulted in.
 *
 * A piece begins with its page and fits into one packet of the path: what goes wrong elsewhere, on soft
 * RoCE, is for odp.alignment to tell.
 *
 * Functions return 0, 1 if it went wrong (then said, as evidence that is refuted), or a negative errno.
 */
#ifndef P2PCERT_SCENARIO_ODP_RIG_H
#define P2PCERT_SCENARIO_ODP_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/rdma.h"

#define RIG_TRANSFER_MS 10000

/* guard page | pages under test | guard page, all of it registered. */
struct rig_buffer {
	const char *name;
	unsigned char *data; /* MAP_FAILED: none */
	unsigned char *known; /* what must be there */
	int fd; /* of the file that it maps, shared; -1: anonymous memory, private */
	struct ibv_mr *mr;
	bool on_demand; /* the region */
	int without, with; /* IBV_ACCESS_* that rig_register() leaves out, and adds */
	size_t shift; /* how much higher its addresses are than the memory's */
};

struct rig {
	struct rdma_device *device;
	struct rig_buffer local, remote; /* of the initiator, of the responder */
	size_t page, pages; /* bytes in a page; pages under test */
	size_t len; /* of a buffer, with its guards */
	size_t piece; /* bytes of a page that are moved */
	int pagemap;
	uint64_t fills; /* with a new pattern each */
	char *stage; /* what is going on, for a person */
	char *first_wrong; /* what was, when rig_worse() was told that it went wrong; NULL: never */
	/* with what the device ends a transfer from local memory that it cannot reach: rig_learn() */
	enum ibv_wc_status unreachable;
	/* of what went wrong: wrong data, or success where there is nothing to reach; another error */
	bool wrong_data, wrong_status;
};

/* An operation of the initiator on a page of either end. */
struct rig_op {
	const char *name;
	enum ibv_wr_opcode opcode;
	bool sends; /* from the local region, which it reads */
	bool receives; /* the responder posts a receive for it */
	bool word; /* it is on one in the middle of the remote page */
	/* makes both ends' known what they must be after it; order says where */
	void (*apply)(struct rig *r, const struct verbs_transfer *order);
	/* what more it takes; NULL: nothing */
	void (*operands)(const struct rig *r, struct verbs_transfer *order);
};

extern const struct rig_op rig_send, rig_write, rig_read;
extern const struct rig_op rig_add, rig_swap,
	rig_no_swap; /* the last compares with another value */
/* For queue pairs that verbs_set_operations() has made. */
extern const struct rig_op rig_atomic_write;
extern const struct rig_op rig_flush_visible, rig_flush_persistent; /* of the piece */
extern const struct rig_op rig_flush_all; /* of the whole region */

/* The end whose memory a scenario is about. */
struct rig_end {
	const char *name;
	bool local;
	const struct rig_op *reads, *writes; /* that read it, and write into it */
	enum ibv_wc_status refused; /* how the device refuses to touch it */
};

#define RIG_ENDS 2
extern const struct rig_end rig_ends[RIG_ENDS];

/* The faults that rig_register() and rig_move() commit: for FAULTS(). */
#define RIG_FAULTS "skip-copy", "corrupt-copy", "pinned"

/*
 * The record of a scenario whose body runs with arg on each device that claims these IBV_ODP_SUPPORT_* for
 * reliable connections. What is not the same for all comes last: its .FAULTS().
 */
#define ODP_SCENARIO(symbol, odp_id, text, claims, body, arg, shows, ...) \
	ODP_SCENARIO_OF(symbol, odp_id, text, claims, body, arg, shows, .NEEDS(RDMA_ODP_NEEDS), \
			.safety = SAFETY_SAFE, .level = LEVEL_QUICK, __VA_ARGS__)
/* The same of one that also says what it needs, how safe it is and of which level it is. */
#define ODP_SCENARIO_OF(symbol, odp_id, text, claims, body, arg, shows, ...) \
	static enum outcome run_##symbol(struct scenario_ctx *ctx) \
	{ \
		return rig_each(ctx, claims, body, arg); \
	} \
	const struct scenario scenario_odp_##symbol = { \
		.id = "odp." odp_id, \
		.title = text, \
		.evidence = shows, \
		.seconds = 60, \
		.run = run_##symbol, \
		__VA_ARGS__, \
	}

/* What is posted for an operation between these pages, counted from 0, as the model is now. */
struct verbs_transfer rig_order(const struct rig *r, const struct rig_op *op, size_t local,
				size_t remote);

/* Whatever is returned, rig_close() must follow; the device's regions are gone then. */
int rig_open(struct rig *r, struct rdma_device *device, size_t pages) attr_must_check;
void rig_close(struct rig *r);

/* Is there no PCI function behind the device? Of these soft RoCE alone claims on-demand paging. */
bool rig_is_soft(const struct rig *r);

/* rdma_each() for devices that claim these operations, which it names for a person. */
enum outcome rig_each(struct scenario_ctx *ctx, uint32_t claims, rdma_body *body,
		      const void *arg) attr_must_check;

/* What is going on, in front of whatever is said from now on. */
void rig_stage(struct rig *r, const char *fmt, ...) attr_printf(2, 3);
/* rdma_refute(), with what is going on in front. */
int rig_refute(struct rig *r, enum evidence_kind kind, const char *fmt, ...) attr_printf(3, 4);

/* Memory for a buffer that has none: of this file, which is taken and made as long, or -1. */
int rig_map(struct rig *r, struct rig_buffer *b, int fd) attr_must_check;
/* That of a file, with other MAP_* flags than MAP_SHARED. */
int rig_map_shared(struct rig *r, struct rig_buffer *b, int fd, int flags) attr_must_check;
/* Anonymous memory at this address, where nothing is. */
int rig_map_at(struct rig *r, struct rig_buffer *b, unsigned char *at) attr_must_check;
/* That of a file in memory: dropped, it is still there. */
int rig_map_memfd(struct rig *r, struct rig_buffer *b) attr_must_check;
void rig_unmap(struct rig *r, struct rig_buffer *b);
/* Takes the place of the region that there is, if any. */
int rig_register(struct rig *r, struct rig_buffer *b, bool on_demand) attr_must_check;
/* The same of both ends, the local one first. */
int rig_map_both(struct rig *r) attr_must_check;
int rig_register_both(struct rig *r, bool on_demand) attr_must_check;
void rig_fill_both(struct rig *r);
int rig_check_both(struct rig *r) attr_must_check;
/* A region whose addresses are by so many bytes higher than the memory's; the end wraps around. */
int rig_register_at(struct rig *r, struct rig_buffer *b, bool on_demand,
		    size_t shift) attr_must_check;
int rig_deregister(struct rig *r, struct rig_buffer *b) attr_must_check;

/* The pages under test. */
unsigned char *rig_pages(const struct rig *r, const struct rig_buffer *b);
size_t rig_pages_len(const struct rig *r);

/* Other data than ever before, written by the CPU through the mapping. */
void rig_fill(struct rig *r, struct rig_buffer *b);
/* Gives the pages up, so that none is mapped; anonymous memory is zero from then on. */
int rig_drop(struct rig *r, struct rig_buffer *b) attr_must_check;

/*
 * What the kernel has been told of a page, or that it is there, may still be in the list of another CPU, and
 * not where it looks for pages to reclaim: has all CPUs hand theirs over. A page of this buffer is named for
 * it, and stays where it is.
 */
void rig_hand_over(const struct rig_buffer *b);

/*
 * Sees how the device refuses to send from a pinned local region that is no more: by rights with
 * IBV_WC_LOC_PROT_ERR. If it says something else, which is for odp.rights to judge, rig_move() takes that
 * for the same. Both buffers have memory; the regions are others than before.
 */
int rig_learn(struct rig *r) attr_must_check;

/*
 * One operation between page `local` and page `remote`, both counted from 0, which must complete with
 * this status, and must not move a byte if it is no success. The queue pairs are connected anew after
 * an error.
 */
int rig_move(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	     enum ibv_wc_status expected) attr_must_check;
/* The same without a judgement: *status is what it came to, and the data's model stays as it is. */
int rig_try(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	    enum ibv_wc_status *status) attr_must_check;
/*
 * The same without a word, whatever the transport service: -ETIMEDOUT, and -EPROTO where the receive is
 * not of the length that was sent; *status is that of the end that failed. The model is as it must be after
 * a success. The queue pairs are connected anew.
 */
int rig_probe(struct rig *r, const struct rig_op *op, size_t local, size_t remote,
	      unsigned int timeout_ms, enum ibv_wc_status *status) attr_must_check;
/*
 * For memory at this end that may or may not be there at the time: what rig_try() or rig_probe() came to must be
 * success, or how the device refuses to touch it.
 */
struct rig_count {
	size_t moved, refused;
};
int rig_either(struct rig *r, const struct rig_end *end, const struct rig_op *op,
	       enum ibv_wc_status status, struct rig_count *count) attr_must_check;
/* What it came to must be this. */
int rig_expect(struct rig *r, const struct rig_op *op, enum ibv_wc_status status,
	       enum ibv_wc_status expected) attr_must_check;
/* rig_move() for all pages, from the first locally and the last remotely. */
int rig_move_all(struct rig *r, const struct rig_op *op,
		 enum ibv_wc_status expected) attr_must_check;

/* Does a buffer hold, to the last byte, what it must? Maps all of it. The one says so, the other not. */
bool rig_is_right(const struct rig *r, const struct rig_buffer *b);
int rig_check(struct rig *r, const struct rig_buffer *b) attr_must_check;
/* Are as many of the pages under test mapped as expected? */
int rig_mapped(struct rig *r, const struct rig_buffer *b, size_t expected) attr_must_check;

/*
 * Where all is tried, whatever goes wrong: what two results of this header's functions come to. The stage of
 * the first that went wrong is remembered, for rig_conclude().
 */
int rig_worse(struct rig *r, int so_far, int ret) attr_must_check;

/* The outcome where verbs_set_operations() refuses. */
enum outcome rig_cannot_post(struct rdma_device *device, int err);
/* The outcome of a body that came to r: error, fail with what the stage was, or pass as given. */
enum outcome rig_conclude(struct rig *r, int result, const char *fmt, ...) attr_printf(3, 4);

#endif
