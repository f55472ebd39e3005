/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever moves bytes by itself, an NVMe drive, a DMA engine, an RDMA device, a function that user space
 * drives, behind one interface. An initiator has an end of its own (memory, blocks of a drive), which it moves
 * bytes from into a peer's memory, or the other way. Which pairs there are, filling and checking both ends,
 * and what is said of it is the same for all of them (initiator.c); a kind finds its devices, says what they
 * can do, and moves.
 */
#ifndef P2PCERT_SCENARIO_INITIATOR_H
#define P2PCERT_SCENARIO_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/peer.h"

enum move_way { MOVE_TO_PEER, MOVE_FROM_PEER, NR_MOVE_WAYS };

/* Where a transfer begins in either end, and how many bytes it is. */
struct move_case {
	size_t peer_at, own_at, len;
	bool to_peer_only;
};
#define MOVE_CASES 3

struct initiator {
	const struct initiator_kind *kind;
	struct exam *exam;
	const struct function *function; /* that masters the bus */
	const char *name; /* "nvme0n1", "dma0chan0" */
	size_t area; /* of a peer's memory that it wants, bytes; a multiple of the page size */
	unsigned char *own; /* area bytes of memory, if that is its end; NULL: it is not */
	uint64_t memory_bytes, memory_ns; /* moved within memory, in this time; 0: not known */
	uint64_t bytes[NR_MOVE_WAYS], ns[NR_MOVE_WAYS]; /* and with peers */
	void *state; /* of the kind */
};

struct move {
	struct initiator *initiator;
	struct peer *peer;
	enum move_way way;
	struct move_case at;
	struct span own; /* the transfer in memory that is the initiator's end */
};

/* What came of it. */
struct moved {
	int result; /* 0, or the negative errno that it ended with */
	uint64_t bytes; /* that it says were moved */
	uint64_t ns; /* that took; 0: not known */
	struct p2pcert_copy copy; /* of a DMA engine */
};

/* What is in one end of a transfer: these bytes, or the pattern of the seed. */
struct content {
	const unsigned char *bytes; /* NULL: the pattern */
	uint64_t seed;
};

#define MAX_REFUSALS 2

/* Functions that may be NULL say so; those that return false have said why, as evidence. */
struct initiator_kind {
	const char *name; /* "dmaengine" */
	const char *by; /* the key of the device's name in facts: "channel", "device" */
	const char *ways[NR_MOVE_WAYS]; /* "memory-to-bar"; NULL: it does not move that way */
	int refusals[MAX_REFUSALS]; /* with which the kernel refuses a pair; 0: no more */
	bool commits; /* it commits faults by itself; else that is done for it */
	/*
	 * It brings nothing out of the peer's memory, but compares that with its own end, and refuse() tells what it
	 * has found: the peer then holds what the own end does.
	 */
	bool compares;
	/* so many bytes left out make a short transfer */
	size_t (*unit)(const struct initiator *i);

	/* The devices of this kind, a list of n that forget() frees. 0 or a negative errno. */
	int (*find)(struct exam *x, void **list, size_t *n);
	void (*forget)(void *list, size_t n);
	/* False: the k-th of them is not one to exercise, which is said if it is no matter of course. */
	bool (*open)(struct initiator *i, void *list, size_t k);
	void (*close)(struct initiator *i); /* also after open() failed */

	/* Is it a function whose memory is moved to and from? NULL: of one that publishes it. */
	bool (*is_target)(const struct initiator *i, const struct function *f);
	/* Maps it, as peer_begin() does. NULL: that. leave() is then called before peer_end(). */
	bool (*meet)(struct initiator *i, struct peer *p, const struct function *target);
	void (*leave)(struct initiator *i, struct peer *p); /* NULL: nothing is left to do */

	/* The transfers that fit this area; how many. */
	size_t (*cases)(const struct initiator *i, size_t area, struct move_case list[MOVE_CASES]);
	/* Makes its own end ready; *holds is what it has there. NULL: it is memory, filled with a pattern. */
	bool (*prepare)(const struct move *m, struct content *holds);
	/* 0, -ENOTSUP if it cannot do a transfer of such a length, or why it could not even be tried. */
	int (*move)(const struct move *m, struct moved *r);
	/*
	 * What is wrong with its own end, which the bytes came to, or which is as it was (came is NULL). NULL if
	 * nothing; the caller frees it. NULL: it is memory.
	 */
	char *(*refuse)(const struct move *m, const struct content *came);
	/* Why wrong data may be another's doing; NULL if not. NULL: it never is. */
	char *(*doubt)(const struct move *m);
	/*
	 * Of a transfer that was done for a pair that is supported: what is wrong with the way that it went, or NULL,
	 * with *way for a person if it was seen. The caller frees both. NULL: nothing is known of it.
	 */
	char *(*refuse_path)(const struct move *m, const struct moved *r, char **way);
	/* Says more of a transfer that failed for a pair that is supported; false: nothing was said. NULL: never. */
	bool (*explain)(const struct move *m, const struct moved *r);
	/* More facts of a pair. NULL: none. */
	void (*facts)(const struct initiator *i, const struct peer *p);
};

extern const struct initiator_kind initiator_dma, initiator_nvme, initiator_nvme_write,
	initiator_vfio, initiator_vfio_nvme, initiator_rdma;

struct initiator_tally {
	size_t found, used; /* devices of the kind, and those of them that could be opened */
};

/*
 * All transfers of all devices of a kind with all of their targets. 0, or a negative errno after
 * scn_error().
 */
int initiators_run(struct exam *x, const struct initiator_kind *kind,
		   struct initiator_tally *t) attr_must_check;

/* Was the function named with --device? */
bool initiator_is_named(const struct scenario_env *env, struct pci_addr addr);

/*
 * For kinds whose end is memory: all but the ends of the area, and one byte over the end of a page; data begins
 * and ends within a page, so that one that rounds to pages hits guards.
 */
#define MEMORY_INSET 256u
size_t initiator_memory_cases(const struct initiator *i, size_t area,
			      struct move_case list[MOVE_CASES]);

/*
 * What is wrong with one end of a transfer, area, which was filled as the span says, and then, unless came is
 * NULL, got other data at its place. NULL if nothing; the caller frees it.
 */
char *content_refuse(const void *area, size_t len, const struct span *s,
		     const struct content *came) attr_must_check;

#endif
