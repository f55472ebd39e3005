/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of the rig: what they are, and what must be at both ends after each. */
#include <string.h>

#include "scenario/odp_rig.h"
#include "scenario/pattern.h"

#define WORD_LEN sizeof(uint64_t)

static uint64_t get(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put(unsigned char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void apply_to_remote(struct rig *r, const struct verbs_transfer *o)
{
	memcpy(r->remote.known + o->remote_offset, r->local.known + o->local_offset, o->len);
}

static void apply_to_local(struct rig *r, const struct verbs_transfer *o)
{
	memcpy(r->local.known + o->local_offset, r->remote.known + o->remote_offset, o->len);
}

/* The value that was there comes back. */
static void apply_add(struct rig *r, const struct verbs_transfer *o)
{
	unsigned char *target = r->remote.known + o->remote_offset;

	put(r->local.known + o->local_offset, get(target));
	put(target, get(target) + o->compare_add);
}

static void apply_swap(struct rig *r, const struct verbs_transfer *o)
{
	unsigned char *target = r->remote.known + o->remote_offset;
	uint64_t value = get(target);

	put(r->local.known + o->local_offset, value);
	if (value == o->compare_add)
		put(target, o->swap);
}

static void apply_nothing(struct rig *r attr_unused, const struct verbs_transfer *o attr_unused)
{
}

static void operands_visible(const struct rig *r attr_unused, struct verbs_transfer *o)
{
	o->placement = VERBS_GLOBAL;
}

static void operands_persistent(const struct rig *r attr_unused, struct verbs_transfer *o)
{
	o->placement = VERBS_PERSISTENT;
}

static void operands_all(const struct rig *r attr_unused, struct verbs_transfer *o)
{
	o->placement = VERBS_PERSISTENT;
	o->level = VERBS_REGION;
}

/* What the operation will meet; beyond the buffer, where it must not get to, nothing is known. */
static uint64_t known(const struct rig *r, const struct verbs_transfer *o)
{
	return o->remote_offset + WORD_LEN <= r->len ? get(r->remote.known + o->remote_offset) : 0;
}

/* Carries over every byte of the value. */
static void operands_add(const struct rig *r, struct verbs_transfer *o)
{
	o->compare_add = ~known(r, o) / 3 + o->remote_offset;
}

static void operands_swap(const struct rig *r, struct verbs_transfer *o)
{
	o->compare_add = known(r, o);
	o->swap = pattern_seed(r->device->seed, o->compare_add);
}

/* One bit makes the difference, the highest. */
static void operands_no_swap(const struct rig *r, struct verbs_transfer *o)
{
	operands_swap(r, o);
	o->compare_add ^= 1ull << 63;
}

const struct rig_op rig_send = {
	.name = "send",
	.opcode = IBV_WR_SEND,
	.sends = true,
	.receives = true,
	.apply = apply_to_remote,
};

const struct rig_op rig_write = {
	.name = "RDMA write",
	.opcode = IBV_WR_RDMA_WRITE,
	.sends = true,
	.apply = apply_to_remote,
};

const struct rig_op rig_read = {
	.name = "RDMA read",
	.opcode = IBV_WR_RDMA_READ,
	.apply = apply_to_local,
};

const struct rig_op rig_add = {
	.name = "fetch and add",
	.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
	.apply = apply_add,
	.word = true,
	.operands = operands_add,
};

const struct rig_op rig_swap = {
	.name = "compare and swap",
	.opcode = IBV_WR_ATOMIC_CMP_AND_SWP,
	.apply = apply_swap,
	.word = true,
	.operands = operands_swap,
};

const struct rig_op rig_no_swap = {
	.name = "compare, and no swap",
	.opcode = IBV_WR_ATOMIC_CMP_AND_SWP,
	.apply = apply_swap,
	.word = true,
	.operands = operands_no_swap,
};

const struct rig_op rig_atomic_write = {
	.name = "atomic write",
	.opcode = VERBS_WR_ATOMIC_WRITE,
	.word = true,
	.apply = apply_to_remote,
};

const struct rig_op rig_flush_visible = {
	.name = "flush to be visible",
	.opcode = VERBS_WR_FLUSH,
	.apply = apply_nothing,
	.operands = operands_visible,
};

const struct rig_op rig_flush_persistent = {
	.name = "flush to persist",
	.opcode = VERBS_WR_FLUSH,
	.apply = apply_nothing,
	.operands = operands_persistent,
};

const struct rig_op rig_flush_all = {
	.name = "flush of the region to persist",
	.opcode = VERBS_WR_FLUSH,
	.apply = apply_nothing,
	.operands = operands_all,
};

struct verbs_transfer rig_order(const struct rig *r, const struct rig_op *op, size_t local,
				size_t remote)
{
	struct verbs_transfer o = {
		.opcode = op->opcode,
		.local = r->local.mr,
		.remote = op->receives ? NULL : r->remote.mr,
		.local_offset = (local + 1) * r->page,
		.remote_offset = (remote + 1) * r->page,
		.len = r->piece,
	};

	if (op->word) {
		o.remote_offset += r->page / 2 + WORD_LEN;
		o.len = WORD_LEN;
	}
	if (op->operands)
		op->operands(r, &o);
	return o;
}

const struct rig_end rig_ends[RIG_ENDS] = {
	{ "remote memory", false, &rig_read, &rig_write, IBV_WC_REM_ACCESS_ERR },
	{ "local memory", true, &rig_write, &rig_read, IBV_WC_LOC_PROT_ERR },
};
