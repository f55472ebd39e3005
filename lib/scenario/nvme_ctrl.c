/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An NVMe controller, driven by polling; one command at a time. */
#include "scenario/nvme_ctrl.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/pagemap.h"

/* Registers (base 3.1.3). */
#define REG_CAP 0x00
#define REG_INTMS 0x0c
#define REG_CC 0x14
#define REG_CSTS 0x1c
#define REG_AQA 0x24
#define REG_ASQ 0x28
#define REG_ACQ 0x30
#define REG_CMBMSC 0x50
#define REG_DOORBELLS 0x1000

#define CAP_MQES(cap) ((cap)&0xffff)
#define CAP_TO(cap) ((cap) >> 24 & 0xff) /* units of half a second */
#define CAP_DSTRD(cap) ((cap) >> 32 & 0xf)
#define CAP_NVM (1ull << 37) /* the NVM command set */
#define CAP_MPSMIN(cap) ((cap) >> 48 & 0xf)
#define CAP_MPSMAX(cap) ((cap) >> 52 & 0xf)
#define CAP_CMBS (1ull << 57) /* there is a controller memory buffer */

#define CC_EN (1u << 0)
#define CC_MPS_SHIFT 7
#define CC_SHN_NORMAL (1u << 14)
#define CC_ENTRIES (6u << 16 | 4u << 20) /* of 64 and of 16 bytes */

#define CSTS_RDY (1u << 0)
#define CSTS_CFS (1u << 1)
#define CSTS_SHST (3u << 2)
#define CSTS_SHST_DONE (2u << 2)
#define GONE UINT32_MAX /* what is read of a function that does not answer */

/* Commands (base 5, NVM 3.2). */
#define ADMIN_CREATE_SQ 0x01
#define ADMIN_CREATE_CQ 0x05
#define ADMIN_IDENTIFY 0x06
#define ADMIN_SET_FEATURES 0x09
#define IO_READ 0x02
#define IO_COMPARE 0x05

#define CNS_NAMESPACE 0x00
#define CNS_CONTROLLER 0x01
#define CNS_ACTIVE_LIST 0x02
#define FEATURE_QUEUES 0x07
#define QUEUE_CONTIGUOUS 1u

#define ONCS_COMPARE (1u << 0)

#define NVME_PAGE_MIN 4096u
#define ENTRIES 16u
#define COMMAND_NS (10 * NS_PER_S)
#define POLL_NS (50 * 1000)

/* What its memory is for, by page. */
enum page_use { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ, PRP_LIST, ANSWER, NR_USES };
_Static_assert(NR_USES == NVME_CTRL_PAGES, "all of its memory");

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t nsid;
	uint32_t dw2, dw3;
	uint64_t metadata;
	uint64_t prp[2];
	uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};
_Static_assert(sizeof(struct command) == 64, "as in the specification");

struct completion {
	uint32_t dw0, dw1;
	uint16_t sq_head, sq_id, id;
	uint16_t status; /* and the phase, bit 0 */
};
_Static_assert(sizeof(struct completion) == 16, "as in the specification");

/* --- registers ---------------------------------------------------------------------------------------- */

static uint32_t get(const struct nvme_ctrl *c, size_t reg)
{
	return le32toh(*(volatile uint32_t *)(c->regs + reg));
}

static void set(const struct nvme_ctrl *c, size_t reg, uint32_t value)
{
	*(volatile uint32_t *)(c->regs + reg) = htole32(value);
}

/* In halves: not every controller takes more. */
static uint64_t get_64(const struct nvme_ctrl *c, size_t reg)
{
	return get(c, reg) | (uint64_t)get(c, reg + 4) << 32;
}

static void set_64(const struct nvme_ctrl *c, size_t reg, uint64_t value)
{
	set(c, reg, (uint32_t)value);
	set(c, reg + 4, (uint32_t)(value >> 32));
}

static size_t doorbell(const struct nvme_ctrl *c, unsigned int queue, bool completions)
{
	return REG_DOORBELLS + (2 * queue + completions) * ((size_t)4 << CAP_DSTRD(c->cap));
}

static void moment(void)
{
	const struct timespec t = { .tv_nsec = POLL_NS };

	nanosleep(&t, NULL);
}

/* Until these bits of CSTS are so, for as long as it may take to (base 3.1.3.1, CAP.TO). */
static int wait_for(const struct nvme_ctrl *c, uint32_t bits, uint32_t value)
{
	const int64_t deadline = clock_ns() + (int64_t)(CAP_TO(c->cap) + 1) * NS_PER_S / 2;

	for (;;) {
		uint32_t csts = get(c, REG_CSTS);

		if (csts == GONE)
			return -ENODEV;
		if ((csts & bits) == value)
			return 0;
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		moment();
	}
}

/* --- trouble ------------------------------------------------------------------------------------------ */

static int attr_printf(3, 4) unusable(struct nvme_ctrl *c, int err, const char *fmt, ...)
{
	va_list ap;

	if (!c->wrong) {
		va_start(ap, fmt);
		c->wrong = xvasprintf(fmt, ap);
		va_end(ap);
	}
	return err;
}

static int disable(const struct nvme_ctrl *c)
{
	set(c, REG_CC, get(c, REG_CC) & ~CC_EN);
	return wait_for(c, CSTS_RDY, 0);
}

/* Nobody knows what it would still do. */
static int give_up(struct nvme_ctrl *c, int err)
{
	c->dead = true;
	(void)disable(c);
	return err;
}

static int judge_state(struct nvme_ctrl *c, const char *when)
{
	uint32_t csts = get(c, REG_CSTS);

	if (csts == GONE)
		return unusable(c, -ENODEV, "it does not answer any more (%s)", when);
	if (csts & CSTS_CFS)
		return unusable(c, -EIO, "it reports a fatal error, CSTS.CFS (%s)", when);
	if (!(csts & CSTS_RDY))
		return unusable(c, -EIO, "it is not ready any more (%s)", when);
	return 0;
}

/* --- commands ----------------------------------------------------------------------------------------- */

static uint64_t iova_of(const struct nvme_ctrl *c, enum page_use use)
{
	return c->iova + use * page_size();
}

static unsigned char *page_of(const struct nvme_ctrl *c, enum page_use use)
{
	return c->memory + use * page_size();
}

static volatile struct completion *next_completion(const struct nvme_queue *q)
{
	return (volatile struct completion *)q->completions + q->head;
}

static int wait_for_completion(struct nvme_ctrl *c, const struct nvme_queue *q, const char *what)
{
	const volatile struct completion *next = next_completion(q);
	const int64_t deadline = clock_ns() + COMMAND_NS;

	while ((le16toh(next->status) & 1) != q->phase) {
		int err = judge_state(c, what);

		if (err)
			return err;
		if (clock_ns() >= deadline)
			return unusable(c, -ETIMEDOUT, "%s is not completed in %lld s", what,
					(long long)(COMMAND_NS / NS_PER_S));
		moment();
	}
	/* the rest of it, and what it is about, came before the phase */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return 0;
}

/* There is one command: what is completed must be that. */
static int judge_completion(struct nvme_ctrl *c, const struct nvme_queue *q, const char *what)
{
	const volatile struct completion *done = next_completion(q);
	uint16_t id = le16toh(done->id), queue = le16toh(done->sq_id),
		 head = le16toh(done->sq_head);

	if (id != c->last_id)
		return unusable(c, -EPROTO, "%s: command 0x%04x is completed, not 0x%04x", what, id,
				c->last_id);
	if (queue != q->id || head >= q->entries)
		return unusable(c, -EPROTO,
				"%s: completed of queue %u up to entry %u, not of queue %u", what,
				queue, head, q->id);
	return 0;
}

/* As the functions of the header return. */
static int execute(struct nvme_ctrl *c, struct nvme_queue *q, struct command *command,
		   const char *what)
{
	int err, status;

	if (c->dead)
		return -ENODEV;
	command->id = htole16(++c->last_id);
	memcpy(q->submissions + q->tail * sizeof(*command), command, sizeof(*command));
	q->tail = (uint16_t)((q->tail + 1) % q->entries);
	__sync_synchronize();
	set(c, doorbell(c, q->id, false), q->tail);
	err = wait_for_completion(c, q, what);
	err = err ?: judge_completion(c, q, what);
	if (err)
		return give_up(c, err);
	status = le16toh(next_completion(q)->status) >> 1 & 0x7ff;
	q->head = (uint16_t)((q->head + 1) % q->entries);
	q->phase ^= q->head == 0;
	set(c, doorbell(c, q->id, true), q->head);
	return status;
}

/*
 * Where the data is (base 4.1.1): the first entry may begin within a page, all others are whole pages; more than two
 * are in a list.
 */
static void set_prps(const struct nvme_ctrl *c, struct command *command, uint64_t addr, size_t len)
{
	uint64_t *list = (uint64_t *)(void *)page_of(c, PRP_LIST);
	size_t first = page_size() - addr % page_size(), n = 0;

	command->prp[0] = htole64(addr);
	if (len <= first)
		return;
	for (size_t at = first; at < len; at += page_size())
		list[n++] = htole64(addr + at);
	command->prp[1] = n == 1 ? list[0] : htole64(iova_of(c, PRP_LIST));
}

static int identify(struct nvme_ctrl *c, uint32_t cns, uint32_t nsid, uint64_t to)
{
	struct command command = { .opcode = ADMIN_IDENTIFY,
				   .nsid = htole32(nsid),
				   .dw10 = htole32(cns) };

	set_prps(c, &command, to, NVME_IDENTIFY_BYTES);
	return execute(c, &c->admin, &command, "Identify");
}

int nvme_ctrl_identify(struct nvme_ctrl *c, uint64_t to)
{
	return identify(c, CNS_CONTROLLER, 0, to);
}

static int move(struct nvme_ctrl *c, uint8_t opcode, const char *what, uint64_t block,
		size_t blocks, uint64_t addr)
{
	struct command command = {
		.opcode = opcode,
		.nsid = htole32(c->nsid),
		.dw10 = htole32((uint32_t)block),
		.dw11 = htole32((uint32_t)(block >> 32)),
		.dw12 = htole32((uint32_t)blocks - 1),
	};

	set_prps(c, &command, addr, blocks * c->block_size);
	return execute(c, &c->io, &command, what);
}

int nvme_ctrl_read(struct nvme_ctrl *c, uint64_t block, size_t blocks, uint64_t to)
{
	return move(c, IO_READ, "Read", block, blocks, to);
}

int nvme_ctrl_compare(struct nvme_ctrl *c, uint64_t block, size_t blocks, uint64_t from)
{
	return move(c, IO_COMPARE, "Compare", block, blocks, from);
}

/* --- making it ready ---------------------------------------------------------------------------------- */

static struct nvme_queue queue(const struct nvme_ctrl *c, uint16_t id, enum page_use submissions,
			       enum page_use completions)
{
	size_t most = CAP_MQES(c->cap) + 1;

	return (struct nvme_queue){
		.submissions = page_of(c, submissions),
		.completions = page_of(c, completions),
		.entries = (uint16_t)(most < ENTRIES ? most : ENTRIES),
		.id = id,
		.phase = true,
	};
}

static int judge_capabilities(struct nvme_ctrl *c)
{
	size_t page = page_size();

	if (get(c, REG_CSTS) == GONE || c->cap == UINT64_MAX)
		return unusable(c, -ENODEV, "its registers read as all ones");
	if (!(c->cap & CAP_NVM) || !CAP_MQES(c->cap))
		return unusable(c, -ENOTSUP,
				"it has no NVM command set, or no room for a queue (CAP 0x%llx)",
				(unsigned long long)c->cap);
	if (page < NVME_PAGE_MIN << CAP_MPSMIN(c->cap) || page > NVME_PAGE_MIN
									  << CAP_MPSMAX(c->cap))
		return unusable(c, -ENOTSUP, "it knows no pages of %zu bytes", page);
	if (doorbell(c, 1, true) + 4 > c->regs_len)
		return unusable(c, -ENXIO, "its doorbells lie beyond its registers");
	return 0;
}

static int enable(struct nvme_ctrl *c)
{
	uint32_t mps = 0;
	int err = disable(c);

	if (err)
		return unusable(c, err, "it does not stop: %s", strerror(-err));
	while (NVME_PAGE_MIN << mps < page_size())
		mps++;
	memset(c->memory, 0, NVME_CTRL_PAGES * page_size());
	c->admin = queue(c, 0, ADMIN_SQ, ADMIN_CQ);
	c->io = queue(c, 1, IO_SQ, IO_CQ);
	/* what was its own memory would lie over addresses of ours */
	if (c->cap & CAP_CMBS)
		set_64(c, REG_CMBMSC, 0);
	set(c, REG_INTMS, UINT32_MAX);
	set(c, REG_AQA, (c->admin.entries - 1u) << 16 | (c->admin.entries - 1u));
	set_64(c, REG_ASQ, iova_of(c, ADMIN_SQ));
	set_64(c, REG_ACQ, iova_of(c, ADMIN_CQ));
	set(c, REG_CC, CC_EN | mps << CC_MPS_SHIFT | CC_ENTRIES);
	err = wait_for(c, CSTS_RDY, CSTS_RDY);
	if (err)
		return unusable(c, err, "it does not become ready: %s", strerror(-err));
	return judge_state(c, "reset");
}

/* An admin command that has to succeed. */
static int must(struct nvme_ctrl *c, int status, const char *what)
{
	if (status <= 0)
		return status;
	return unusable(c, -EIO, "%s ends with status 0x%03x", what, (unsigned int)status);
}

static uint64_t field(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

static int look_at_controller(struct nvme_ctrl *c)
{
	const unsigned char *answer = page_of(c, ANSWER);
	size_t unit = NVME_PAGE_MIN << CAP_MPSMIN(c->cap);
	int err = must(c, nvme_ctrl_identify(c, iova_of(c, ANSWER)), "Identify");
	unsigned int mdts;

	if (err)
		return err;
	mdts = answer[77];
	c->max_bytes = NVME_CTRL_BYTES;
	/* 0: no limit */
	if (mdts && mdts < 16 && unit << mdts < c->max_bytes)
		c->max_bytes = unit << mdts;
	c->can_compare = field(answer + 520, 2) & ONCS_COMPARE;
	return 0;
}

static int judge_format(struct nvme_ctrl *c, const unsigned char *ns)
{
	uint32_t format =
		(uint32_t)field(ns + 128 + 4 * ((ns[26] & 0xf) | (ns[26] >> 1 & 0x30)), 4);
	unsigned int shift = format >> 16 & 0xff;

	c->nr_blocks = field(ns, 8);
	if (!c->nr_blocks)
		return unusable(c, -ENODEV, "it has no namespace");
	if (format & 0xffff || shift < 9 || shift > 31 || (size_t)1 << shift > page_size())
		return unusable(c, -ENOTSUP,
				"its blocks have metadata, or are no part of a page (LBAF 0x%08x)",
				format);
	c->block_size = 1u << shift;
	return 0;
}

static int look_at_namespace(struct nvme_ctrl *c)
{
	const unsigned char *answer = page_of(c, ANSWER);
	int err = identify(c, CNS_ACTIVE_LIST, 0, iova_of(c, ANSWER));

	if (err < 0)
		return err;
	/* the first ones had no list, and namespaces from 1 on */
	c->nsid = err ? 1 : (uint32_t)field(answer, 4);
	if (!c->nsid)
		return unusable(c, -ENODEV, "it has no namespace");
	err = must(c, identify(c, CNS_NAMESPACE, c->nsid, iova_of(c, ANSWER)),
		   "Identify of its namespace");
	return err ?: judge_format(c, answer);
}

static int create_queue(struct nvme_ctrl *c, uint8_t opcode, enum page_use use, uint32_t more,
			const char *what)
{
	struct command command = {
		.opcode = opcode,
		.prp = { htole64(iova_of(c, use)) },
		.dw10 = htole32((c->io.entries - 1u) << 16 | c->io.id),
		.dw11 = htole32(QUEUE_CONTIGUOUS | more),
	};

	return must(c, execute(c, &c->admin, &command, what), what);
}

/* One pair, without interrupts. */
static int make_queues(struct nvme_ctrl *c)
{
	struct command number = { .opcode = ADMIN_SET_FEATURES, .dw10 = htole32(FEATURE_QUEUES) };
	/* some refuse to be told what they do anyway */
	int err = execute(c, &c->admin, &number, "Set Features");

	if (err < 0)
		return err;
	err = create_queue(c, ADMIN_CREATE_CQ, IO_CQ, 0, "Create I/O Completion Queue");
	return err
		       ?: create_queue(c, ADMIN_CREATE_SQ, IO_SQ, (uint32_t)c->io.id << 16,
				       "Create I/O Submission Queue");
}

int nvme_ctrl_start(struct nvme_ctrl *c, volatile unsigned char *regs, size_t regs_len,
		    unsigned char *memory, uint64_t iova)
{
	int err;

	*c = (struct nvme_ctrl){
		.regs = regs, .regs_len = regs_len, .memory = memory, .iova = iova
	};
	/* not to be told anything until it is seen to be one */
	c->dead = true;
	if (regs_len < REG_DOORBELLS)
		return unusable(c, -ENXIO, "it has too few registers");
	c->cap = get_64(c, REG_CAP);
	err = judge_capabilities(c);
	if (err)
		return err;
	c->dead = false;
	err = enable(c);
	err = err ?: look_at_controller(c);
	err = err ?: look_at_namespace(c);
	err = err ?: make_queues(c);
	return err && !c->dead ? give_up(c, err) : err;
}

int nvme_ctrl_stop(struct nvme_ctrl *c)
{
	if (!c->dead) {
		set(c, REG_CC, get(c, REG_CC) | CC_SHN_NORMAL);
		(void)wait_for(c, CSTS_SHST, CSTS_SHST_DONE);
		c->dead = true;
		return disable(c);
	}
	return c->regs_len < REG_DOORBELLS || get(c, REG_CSTS) & CSTS_RDY ? -EIO : 0;
}

void nvme_ctrl_release(struct nvme_ctrl *c)
{
	free(c->wrong);
	*c = (struct nvme_ctrl){ .dead = true };
}
