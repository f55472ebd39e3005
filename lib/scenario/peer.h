/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the p2pdma scenarios share: an exam goes over many pairs of an initiator and a provider of
 * peer-to-peer memory; for each pair it has the prediction, the kernel's ruling and a mapped piece
 * of the provider's memory, with guards around the part that a transfer may touch. How bytes are
 * moved is for the scenario.
 */
#ifndef P2PCERT_SCENARIO_PEER_H
#define P2PCERT_SCENARIO_PEER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "scenario/p2pmem.h"
#include "scenario/pair.h"
#include "scenario/scenario.h"

/* Faults that strike when the kernel is asked; a scenario adds those of its transfers. */
#define EXAM_FAULTS (P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)

/* What is shown of each pair that is exercised. */
enum exam_subject {
	EXAM_DATA, /* what is moved is right */
	EXAM_MAPPING, /* what the kernel supports is mapped as ruled */
	EXAM_REFUSAL, /* what it does not support is not mapped */
	EXAM_ROUTE, /* what it rules to go by bus address arrives; other pairs are left out */
};

struct exam {
	struct scenario_ctx *ctx;
	enum exam_subject subject;
	bool mixed; /* every second page of a peer's memory is an ordinary one */
	int fd; /* of p2pcert_p2p, with the faults asked for */
	uint64_t refcnt; /* of that module before */
	struct p2pcert_held held; /* by it before */
	uint64_t nr_patterns; /* used so far */
	size_t said[NR_EVIDENCE_KINDS][NR_EVIDENCE_STATES];
	size_t exercised; /* pairs of which the subject could be shown */
	size_t examined; /* pairs that the kernel has ruled on */
	size_t refused; /* of these, those that it refuses */
	char *refusal; /* why the first of them is refused */
	size_t left_out; /* pairs that are not the subject */
	int log_fd; /* of EXAM_ROUTE: the kernel log, from before; or -1 */
	struct exam_function { /* by index of the platform's functions */
		bool took_part;
		bool lent; /* memory, of which this much was free before the first time */
		uint64_t available;
	} * functions;
	char *unusable; /* why the last device that can do nothing here cannot; NULL: there is none */
	json_t *facts; /* one object for each pair */
};

/* 0, or -1 after scn_error(). */
int exam_begin(struct exam *x, struct scenario_ctx *ctx, enum exam_subject subject,
	       uint32_t faults) attr_must_check;
/*
 * The outcome over all pairs; facts go to the report under "transfers". An exam in which nothing was
 * exercised is a skip if the kernel refuses all pairs, or none where that is the subject; else what it is
 * about is missing.
 */
enum outcome exam_end(struct exam *x);
/* After an error: releases what exam_begin() took. */
void exam_abandon(struct exam *x);

/* scn_evidence(), but for the many lines of a machine with many pairs: some of each are enough. */
void exam_say(struct exam *x, enum evidence_kind kind, enum evidence_state state, const char *fmt,
	      ...) attr_printf(4, 5);

/* A device takes no part, for a reason that is its own: a skip if there is no other. */
void exam_unusable(struct exam *x, const char *fmt, ...) attr_printf(2, 3);

/* scn_device(), once for each. */
void exam_device(struct exam *x, const struct function *f);

/* A seed not used before in this run. */
uint64_t exam_seed(struct exam *x);

/* Of a transfer, or of memory before it: what is in [at, at + len) and around it. */
struct span {
	size_t at, len; /* at is a multiple of 8 */
	uint64_t data, guard; /* seeds; positions count from at, and from the start of the area */
};

struct peer {
	struct exam *exam;
	const struct function *initiator, *target;
	char *name; /* "0000:03:00.0 (nvme0n1) and 0000:04:00.0" */
	struct p2p_pair predicted;
	struct pair_ruling ruled;
	bool published; /* what is mapped is memory that the kernel lends for peer-to-peer */
	bool supported; /* by the kernel's ruling; always if it is not published */
	int64_t bus_offset;
	struct p2pmem_map map; /* of the target's memory */
	unsigned char *image; /* as much ordinary memory */
	bool data_wrong; /* something was found where it must not be, or not where it must */
	json_t *fact;
};

/*
 * Maps len bytes of the target's memory, asks the kernel about the pair and says what there is to say
 * of the path. label names the initiator's device ("nvme0n1"). False if this pair cannot be
 * exercised, which is then said; otherwise end with peer_end().
 */
bool peer_begin(struct peer *p, struct exam *x, const struct function *initiator,
		const struct function *target, const char *label, size_t len) attr_must_check;
/*
 * The same of memory that was mapped by other means, which the peer takes over, also if it fails: the kernel
 * rules on the pair, but not on this mapping.
 */
bool peer_begin_mapped(struct peer *p, struct exam *x, const struct function *initiator,
		       const struct function *target, const char *label,
		       const struct p2pmem_map *map) attr_must_check;
/*
 * Says in the pair's fact whether all was as ruled, and, of an exam of data, what became of the transfers
 * ("moved"): "right", "wrong", "refused" as they had to be, or "unclear".
 */
void peer_conclude(struct peer *p, bool as_ruled);
void peer_end(struct peer *p);

/*
 * Makes every second page of the mapped memory an ordinary one, from then on, and sees that the kernel
 * maps each of all for the initiator as it must, or refuses the whole. False after saying what is wrong.
 */
bool peer_mix(struct peer *p) attr_must_check;

/*
 * Fills area, which is len bytes of ordinary memory, as the span says; checks all of it, or the guards
 * alone. NULL if it is as it was filled, else a text for the user, which the caller frees.
 */
void span_fill(const struct span *s, void *area, size_t len);
char *span_refuse(const struct span *s, const void *area, size_t len) attr_must_check;
char *span_refuse_guards(const struct span *s, const void *area, size_t len) attr_must_check;

/* Fills the mapped memory as the span says, and sees that it is there. False after saying so. */
bool peer_fill(struct peer *p, const struct span *s) attr_must_check;
/* Copies the mapped memory into the image. */
void peer_look(struct peer *p);

/* len bytes of ordinary memory, which begin at a page. free() them. */
unsigned char *pages_alloc(size_t len) attr_must_check;

/*
 * Does a byte of the peer's take so many times as long as one of ordinary memory, by the same initiator? Peers
 * behind a link between processors are that slow; jitter is not.
 */
#define PEER_SLOW_FACTOR 8
bool peer_is_slow(uint64_t bytes, uint64_t ns, uint64_t memory_bytes, uint64_t memory_ns);
/* A finding: what is moved is right, and too slow. */
void peer_say_slow(struct peer *p, const char *text);

/* The data of a transfer between the pair is wrong: evidence and finding. */
void peer_data_wrong(struct peer *p, const char *what, const char *text);

#endif
