// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver of an NVMe controller with a controller made of memory, which does what it is told whenever the driver
 * looks at the clock; well, or badly.
 */
#include "../test.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/nvme_ctrl.h"
#include "scenario/pagemap.h"
#include "scenario/pattern.h"

#define REGS 0x2000u
#define IOVA 0x1000000ull
#define BUS 0x5000000ull /* other memory on the bus */
#define BUS_BYTES (8 * 4096u)
#define BLOCK 512u
#define BLOCKS 1024u
#define QUEUES 2

#define CAP 0x00
#define CC 0x14
#define CSTS 0x1c
#define CMBMSC 0x50

/* What is wrong with the controller. */
enum vice {
	NONE,
	GONE, /* all of its registers read as ones */
	NO_NVM,
	NO_ROOM, /* queues of one entry */
	FAR_DOORBELLS,
	LARGE_PAGES,
	NEVER_STOPS,
	NEVER_READY,
	FATAL_AT_RESET,
	NO_NAMESPACE,
	EMPTY_NAMESPACE,
	METADATA,
	HUGE_BLOCKS,
	TINY_BLOCKS,
	REFUSES_IDENTIFY,
	REFUSES_QUEUES,
	/* of I/O commands */
	NEVER_COMPLETES,
	WRONG_ID,
	WRONG_QUEUE,
	WRONG_HEAD,
	WRONG_PHASE,
	FATAL,
	VANISHES,
	STOPS_BEING_READY,
	TRANSFER_ERROR,
	NR_VICES
};

static struct fake {
	enum vice vice;
	_Alignas(8) unsigned char regs[REGS];
	unsigned char *memory; /* at IOVA */
	unsigned char bus[BUS_BYTES]; /* at BUS */
	unsigned char drive[BLOCKS * BLOCK];
	struct {
		uint64_t sq, cq;
		uint16_t entries, head, tail;
		bool phase;
	} queues[QUEUES];
	bool enabled, was_shut_down;
	unsigned int lists; /* commands that had one */
	unsigned int commands;
	bool is_old; /* without a list of namespaces, and Compare */
} fake;

static uint64_t reg(size_t at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, fake.regs + at, bytes);
	return value;
}

static void set_reg(size_t at, uint64_t value, size_t bytes)
{
	memcpy(fake.regs + at, &value, bytes);
}

/* What the controller reaches at an address; nothing else must be asked for. */
static unsigned char *at_bus(uint64_t addr, size_t len)
{
	size_t memory = NVME_CTRL_PAGES * page_size();

	if (addr >= BUS && addr + len <= BUS + BUS_BYTES)
		return fake.bus + (addr - BUS);
	assert_true(addr >= IOVA && addr + len <= IOVA + memory);
	return fake.memory + (addr - IOVA);
}

static uint64_t load(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return value;
}

/* Moves len bytes between data and what the PRPs of a command say, as the specification has it. */
static bool move(const unsigned char *command, unsigned char *data, size_t len, bool in)
{
	uint64_t prp1 = load(command + 24, 8), prp2 = load(command + 32, 8);
	size_t page = page_size(), n = page - prp1 % page;
	bool list = len > n + page, same = true;

	assert_int_equal(prp1 % 4, 0);
	fake.lists += list;
	for (size_t at = 0, k = 0; at < len; k++) {
		uint64_t from = prp1;

		if (k)
			from = list ? load(at_bus(prp2 + 8 * (k - 1), 8), 8) : prp2;
		if (k)
			assert_int_equal(from % page, 0);
		n = k ? page : n;
		n = len - at < n ? len - at : n;
		if (!in)
			same &= memcmp(at_bus(from, n), data + at, n) == 0;
		else
			memcpy(at_bus(from, n), data + at, n);
		at += n;
	}
	return same;
}

static uint32_t format(void)
{
	switch (fake.vice) {
	case METADATA:
		return 9u << 16 | 8;
	case HUGE_BLOCKS:
		return 200u << 16;
	case TINY_BLOCKS:
		return 8u << 16;
	default:
		return 9u << 16;
	}
}

static unsigned int identify(const unsigned char *command)
{
	unsigned char answer[4096] = { 0 };
	uint32_t value;
	uint64_t size;

	switch (load(command + 40, 4)) {
	case 0:
		size = fake.vice == EMPTY_NAMESPACE ? 0 : BLOCKS;
		assert_int_equal(load(command + 4, 4), fake.is_old ? 1 : 3);
		memcpy(answer, &size, 8);
		answer[26] = 0x22; /* format 2 of the first, with 1 in the upper bits: 18 */
		value = format();
		memcpy(answer + 128 + 4 * 18, &value, 4);
		break;
	case 1:
		pattern_fill(answer, sizeof(answer), 77, 0);
		answer[77] = 1; /* two pages */
		answer[520] = !fake.is_old; /* Compare */
		break;
	case 2:
		if (fake.is_old)
			return 2;
		answer[0] = fake.vice == NO_NAMESPACE ? 0 : 3;
		break;
	default:
		return 2;
	}
	if (fake.vice == REFUSES_IDENTIFY)
		return 6;
	(void)move(command, answer, sizeof(answer), true);
	return 0;
}

static unsigned int admin(const unsigned char *command)
{
	uint16_t id = (uint16_t)load(command + 40, 2);

	switch (command[0]) {
	case 0x06:
		return identify(command);
	case 0x09:
		return 2; /* not every controller lets itself be told */
	case 0x05:
	case 0x01:
		if (fake.vice == REFUSES_QUEUES)
			return 0x101;
		assert_int_equal(id, 1);
		assert_int_equal(load(command + 44, 2) & 1, 1);
		if (command[0] == 0x05) {
			fake.queues[1].cq = load(command + 24, 8);
			assert_int_equal(load(command + 44, 2) & 2, 0); /* no interrupts */
		} else {
			fake.queues[1].sq = load(command + 24, 8);
			assert_int_equal(load(command + 46, 2), 1);
		}
		fake.queues[1].entries = (uint16_t)(load(command + 42, 2) + 1);
		fake.queues[1].phase = true;
		return 0;
	default:
		return 1;
	}
}

static unsigned int io(const unsigned char *command)
{
	uint64_t block = load(command + 40, 8);
	size_t blocks = (size_t)load(command + 48, 2) + 1;
	unsigned char *data = fake.drive + block * BLOCK;

	fake.commands++;
	assert_int_equal(load(command + 4, 4), fake.is_old ? 1 : 3);
	assert_true(block + blocks <= BLOCKS);
	if (fake.vice == TRANSFER_ERROR)
		return 4;
	if (command[0] == 0x02)
		(void)move(command, data, blocks * BLOCK, true);
	else if (command[0] == 0x05)
		return move(command, data, blocks * BLOCK, false) ? 0 : 0x285;
	return command[0] == 0x02 ? 0 : 1;
}

static void complete(unsigned int q, uint16_t id, unsigned int status)
{
	unsigned char *done = at_bus(fake.queues[q].cq + 16 * fake.queues[q].tail, 16);
	uint16_t head = fake.queues[q].head, queue = (uint16_t)q;
	uint16_t word = (uint16_t)(status << 1 | fake.queues[q].phase);

	if (q) {
		id = (uint16_t)(id + (fake.vice == WRONG_ID));
		queue = (uint16_t)(queue + (fake.vice == WRONG_QUEUE));
		head = fake.vice == WRONG_HEAD ? 999 : head;
		word ^= fake.vice == WRONG_PHASE;
	}
	memcpy(done + 8, &head, 2);
	memcpy(done + 10, &queue, 2);
	memcpy(done + 12, &id, 2);
	memcpy(done + 14, &word, 2);
	fake.queues[q].tail = (uint16_t)((fake.queues[q].tail + 1) % fake.queues[q].entries);
	fake.queues[q].phase ^= fake.queues[q].tail == 0;
}

static void serve(unsigned int q)
{
	uint16_t tail = (uint16_t)reg(0x1000 + 8 * q, 4);

	while (fake.queues[q].entries && fake.queues[q].head != tail) {
		const unsigned char *command =
			at_bus(fake.queues[q].sq + 64 * fake.queues[q].head, 64);
		uint16_t id = (uint16_t)load(command + 2, 2);
		unsigned int status;

		assert_true(tail < fake.queues[q].entries);
		fake.queues[q].head =
			(uint16_t)((fake.queues[q].head + 1) % fake.queues[q].entries);
		if (q && fake.vice == FATAL)
			set_reg(CSTS, 3, 4);
		if (q && fake.vice == VANISHES)
			memset(fake.regs, 0xff, sizeof(fake.regs));
		if (q && fake.vice == STOPS_BEING_READY)
			set_reg(CSTS, 0, 4);
		if (q && (fake.vice == FATAL || fake.vice == VANISHES ||
			  fake.vice == STOPS_BEING_READY || fake.vice == NEVER_COMPLETES))
			return;
		status = q ? io(command) : admin(command);
		complete(q, id, status);
	}
}

static void enable(void)
{
	memset(fake.queues, 0, sizeof(fake.queues));
	fake.queues[0].sq = reg(0x28, 8);
	fake.queues[0].cq = reg(0x30, 8);
	fake.queues[0].entries = (uint16_t)((reg(0x24, 4) & 0xfff) + 1);
	fake.queues[0].phase = true;
	set_reg(0x1000, 0, 4);
	set_reg(0x1008, 0, 4);
	assert_int_equal(reg(CC, 4) >> 16 & 0xf, 6);
	assert_int_equal(reg(CC, 4) >> 20 & 0xf, 4);
	assert_int_equal(reg(CMBMSC, 8), 0);
	set_reg(CSTS, fake.vice == FATAL_AT_RESET ? 3 : 1, 4);
}

/* Goes on with what it has been told. */
static void step(void)
{
	bool now = reg(CC, 4) & 1;

	if (reg(CSTS, 4) == UINT32_MAX)
		return;
	if (now && !fake.enabled && fake.vice != NEVER_READY)
		enable();
	if (!now && fake.vice != NEVER_STOPS)
		set_reg(CSTS, 0, 4);
	fake.enabled = now;
	for (unsigned int q = 0; now && q < QUEUES; q++)
		serve(q);
	if (now && (reg(CC, 4) >> 14 & 3) == 1) {
		fake.was_shut_down = true;
		set_reg(CSTS, 1 | 2u << 2, 4);
	}
}

static int64_t now_ns;

int64_t clock_ns(void)
{
	step();
	return now_ns += 200 * NS_PER_MS;
}

int clock_poll_ms(int64_t ns)
{
	return (int)(ns / NS_PER_MS);
}

static void begin(enum vice vice)
{
	uint64_t cap = (vice == NO_ROOM ? 0 : 3) | 4ull << 24 | 1ull << 57;

	memset(&fake, 0, sizeof(fake));
	fake.vice = vice;
	fake.memory = xcalloc(NVME_CTRL_PAGES, page_size());
	pattern_fill(fake.drive, sizeof(fake.drive), 1, 0);
	pattern_fill(fake.bus, sizeof(fake.bus), 2, 0);
	cap |= vice == NO_NVM ? 0 : 1ull << 37;
	cap |= vice == FAR_DOORBELLS ? 15ull << 32 : 0;
	cap |= vice == LARGE_PAGES ? 15ull << 48 : 0;
	cap |= 15ull << 52;
	set_reg(CAP, cap, 8);
	set_reg(CMBMSC, 3, 8);
	/* as a driver that was killed leaves it */
	set_reg(CC, 1, 4);
	set_reg(CSTS, 1, 4);
	fake.enabled = true;
	if (vice == GONE)
		memset(fake.regs, 0xff, sizeof(fake.regs));
}

static int start(struct nvme_ctrl *c)
{
	return nvme_ctrl_start(c, fake.regs, sizeof(fake.regs), fake.memory, IOVA);
}

static void end(struct nvme_ctrl *c)
{
	nvme_ctrl_release(c);
	free(fake.memory);
}

static void ready(void **state attr_unused)
{
	struct nvme_ctrl c;

	begin(NONE);
	assert_int_equal(start(&c), 0);
	assert_null(c.wrong);
	assert_int_equal(c.nsid, 3);
	assert_int_equal(c.block_size, BLOCK);
	assert_int_equal(c.nr_blocks, BLOCKS);
	assert_int_equal(c.max_bytes, 8192);
	assert_true(c.can_compare);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	assert_true(fake.was_shut_down);
	assert_int_equal(reg(CC, 4) & 1, 0);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	end(&c);
}

/* One of version 1.0. */
static void old(void **state attr_unused)
{
	struct nvme_ctrl c;

	begin(NONE);
	fake.is_old = true;
	assert_int_equal(start(&c), 0);
	assert_int_equal(c.nsid, 1);
	assert_false(c.can_compare);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	end(&c);
}

/* Everywhere in a page, of one page and of more, with and without a list; more often than a queue has entries. */
static void reads(void **state attr_unused)
{
	const struct {
		size_t at, blocks;
	} rows[] = {
		{ 0, 1 }, { 4, 1 },     { 4096 - 512, 1 }, { 4096 - 256, 1 }, { 2048, 8 },
		{ 0, 8 }, { 4096, 16 }, { 2048, 16 },      { 4092, 16 },
	};
	unsigned char *before = xcalloc(1, BUS_BYTES);
	struct nvme_ctrl c;

	begin(NONE);
	assert_int_equal(start(&c), 0);
	for (size_t i = 0; i < 3 * ARRAY_LEN(rows); i++) {
		size_t at = rows[i % ARRAY_LEN(rows)].at;
		size_t blocks = rows[i % ARRAY_LEN(rows)].blocks, len = blocks * BLOCK;

		pattern_fill(fake.bus, sizeof(fake.bus), 2 + i, 0);
		memcpy(before, fake.bus, BUS_BYTES);
		assert_int_equal(nvme_ctrl_read(&c, i, blocks, BUS + at), 0);
		assert_memory_equal(fake.bus + at, fake.drive + i * BLOCK, len);
		assert_memory_equal(fake.bus, before, at);
		assert_memory_equal(fake.bus + at + len, before + at + len, BUS_BYTES - at - len);
	}
	assert_int_equal(fake.lists, 3 * 2);
	free(before);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	end(&c);
}

static void compares(void **state attr_unused)
{
	static const size_t places[] = { 0, 2047, 2048, 8191 };
	struct nvme_ctrl c;

	begin(NONE);
	assert_int_equal(start(&c), 0);
	assert_int_equal(nvme_ctrl_compare(&c, 7, 16, BUS + 2048), NVME_STATUS_COMPARE_FAILURE);
	memcpy(fake.bus + 2048, fake.drive + 7 * BLOCK, 8192);
	assert_int_equal(nvme_ctrl_compare(&c, 7, 16, BUS + 2048), 0);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		fake.bus[2048 + places[i]] ^= 1;
		assert_int_equal(nvme_ctrl_compare(&c, 7, 16, BUS + 2048),
				 NVME_STATUS_COMPARE_FAILURE);
		fake.bus[2048 + places[i]] ^= 1;
	}
	assert_int_equal(nvme_ctrl_identify(&c, BUS + 4096), 0);
	assert_int_equal(fake.bus[4096 + 77], 1);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	end(&c);
}

/* Those that cannot be made ready: why, and it is left alone. */
static void unusable(void **state attr_unused)
{
	static const struct {
		enum vice vice;
		int err;
		const char *text;
	} rows[] = {
		{ GONE, -ENODEV, "all ones" },
		{ NO_NVM, -ENOTSUP, "no NVM command set" },
		{ NO_ROOM, -ENOTSUP, "no room for a queue" },
		{ FAR_DOORBELLS, -ENXIO, "doorbells" },
		{ LARGE_PAGES, -ENOTSUP, "pages" },
		{ NEVER_STOPS, -ETIMEDOUT, "does not stop" },
		{ NEVER_READY, -ETIMEDOUT, "does not become ready" },
		{ FATAL_AT_RESET, -EIO, "CSTS.CFS" },
		{ NO_NAMESPACE, -ENODEV, "no namespace" },
		{ EMPTY_NAMESPACE, -ENODEV, "no namespace" },
		{ METADATA, -ENOTSUP, "metadata" },
		{ HUGE_BLOCKS, -ENOTSUP, "no part of a page" },
		{ TINY_BLOCKS, -ENOTSUP, "no part of a page" },
		{ REFUSES_IDENTIFY, -EIO, "Identify ends with status 0x006" },
		{ REFUSES_QUEUES, -EIO, "Create I/O Completion Queue ends with status 0x101" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nvme_ctrl c;

		begin(rows[i].vice);
		assert_int_equal(start(&c), rows[i].err);
		assert_true(c.dead);
		assert_non_null(strstr(c.wrong, rows[i].text));
		/* which can be told */
		assert_int_equal(nvme_ctrl_read(&c, 0, 1, BUS), -ENODEV);
		/* one that is not understood is left as it was, any other one is told to stop */
		if (rows[i].vice != GONE)
			assert_int_equal(reg(CC, 4) & 1, rows[i].vice < NEVER_STOPS);
		assert_int_equal(nvme_ctrl_stop(&c) < 0, rows[i].vice <= NEVER_STOPS);
		end(&c);
	}
}

/* Those that go wrong when they work: one is enough, it is stopped, and takes no more. */
static void hostile(void **state attr_unused)
{
	static const struct {
		enum vice vice;
		int err;
		const char *text;
	} rows[] = {
		{ NEVER_COMPLETES, -ETIMEDOUT, "Read is not completed in 10 s" },
		{ WRONG_PHASE, -ETIMEDOUT, "Read is not completed" },
		{ WRONG_ID, -EPROTO, "is completed, not" },
		{ WRONG_QUEUE, -EPROTO, "of queue 2" },
		{ WRONG_HEAD, -EPROTO, "up to entry 999" },
		{ FATAL, -EIO, "CSTS.CFS" },
		{ VANISHES, -ENODEV, "does not answer" },
		{ STOPS_BEING_READY, -EIO, "not ready any more" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nvme_ctrl c;
		unsigned int commands;

		begin(NONE);
		assert_int_equal(start(&c), 0);
		fake.vice = rows[i].vice;
		assert_int_equal(nvme_ctrl_read(&c, 0, 1, BUS), rows[i].err);
		assert_true(c.dead);
		assert_non_null(strstr(c.wrong, rows[i].text));
		commands = fake.commands;
		assert_int_equal(nvme_ctrl_compare(&c, 0, 1, BUS), -ENODEV);
		assert_int_equal(nvme_ctrl_identify(&c, BUS), -ENODEV);
		assert_int_equal(fake.commands, commands);
		assert_int_equal(nvme_ctrl_stop(&c), rows[i].vice == VANISHES ? -EIO : 0);
		assert_int_equal(reg(CC, 4) & 1, 0);
		end(&c);
	}
}

/* What it says itself of a command is no reason to give it up. */
static void status(void **state attr_unused)
{
	struct nvme_ctrl c;

	begin(NONE);
	assert_int_equal(start(&c), 0);
	fake.vice = TRANSFER_ERROR;
	assert_int_equal(nvme_ctrl_read(&c, 0, 1, BUS), NVME_STATUS_DATA_TRANSFER_ERROR);
	fake.vice = NONE;
	assert_int_equal(nvme_ctrl_read(&c, 0, 1, BUS), 0);
	assert_int_equal(nvme_ctrl_stop(&c), 0);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready),    cmocka_unit_test(old),      cmocka_unit_test(reads),
		cmocka_unit_test(compares), cmocka_unit_test(unusable), cmocka_unit_test(hostile),
		cmocka_unit_test(status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
