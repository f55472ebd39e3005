/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An NVMe controller that this process drives by polling: reset, the admin queues, one pair of I/O queues, and
 * those few commands that store nothing. As of the NVM Express Base Specification 2.0 and the NVM Command Set
 * Specification 1.0; chapters are theirs. How its registers were mapped, and who lets it reach the memory, is the
 * caller's.
 *
 * A controller is not trusted: whatever it answers, a command is over in a limited time. One that does not keep
 * to the rules is stopped at once, and takes no more commands.
 */
#ifndef P2PCERT_SCENARIO_NVME_CTRL_H
#define P2PCERT_SCENARIO_NVME_CTRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define NVME_IDENTIFY_BYTES 4096u
/* What a caller may move with one command. */
#define NVME_CTRL_BYTES (16u * 1024)
/* Pages of memory that it works with. */
#define NVME_CTRL_PAGES 6u

/* Statuses of commands, type and code (base 4.2.3). */
#define NVME_STATUS_DATA_TRANSFER_ERROR 0x004
#define NVME_STATUS_COMPARE_FAILURE 0x285

struct nvme_queue {
	unsigned char *submissions;
	volatile unsigned char *completions;
	uint16_t tail, head, entries;
	uint16_t id;
	bool phase; /* of the next completion */
};

struct nvme_ctrl {
	/* what is known of it after nvme_ctrl_start() */
	uint32_t nsid; /* of its first namespace */
	uint32_t block_size; /* bytes, at most a page */
	uint64_t nr_blocks;
	size_t max_bytes; /* of one command; at most NVME_CTRL_BYTES, a multiple of the block size */
	bool can_compare;

	char *wrong; /* why it was given up, or cannot be used; NULL: nothing is wrong */
	bool dead; /* it was given up */

	/* its own */
	volatile unsigned char *regs;
	size_t regs_len;
	unsigned char *memory;
	uint64_t iova, cap;
	uint16_t last_id;
	struct nvme_queue admin, io;
};

/*
 * Resets it and makes it ready. memory is NVME_CTRL_PAGES pages that it reaches at iova. 0, or a negative errno with
 * c->wrong; nvme_ctrl_stop() must follow either, and nvme_ctrl_release() then.
 */
int nvme_ctrl_start(struct nvme_ctrl *c, volatile unsigned char *regs, size_t regs_len,
		    unsigned char *memory, uint64_t iova) attr_must_check;
/*
 * Shuts it down and disables it. A negative errno: it does not stop, and only without being bus master will it leave
 * memory alone.
 */
int nvme_ctrl_stop(struct nvme_ctrl *c);
void nvme_ctrl_release(struct nvme_ctrl *c);

/*
 * Commands with an address on the bus that is a multiple of 4. 0; the status that the controller gave, which is
 * positive; or a negative errno: it was given up, see c->wrong.
 */
/* Writes the NVME_IDENTIFY_BYTES about itself there. */
int nvme_ctrl_identify(struct nvme_ctrl *c, uint64_t to) attr_must_check;
/* Blocks, of at most c->max_bytes: it writes them there, or compares what it reads there with them. */
int nvme_ctrl_read(struct nvme_ctrl *c, uint64_t block, size_t blocks, uint64_t to) attr_must_check;
int nvme_ctrl_compare(struct nvme_ctrl *c, uint64_t block, size_t blocks,
		      uint64_t from) attr_must_check;

#endif
