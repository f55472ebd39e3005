/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.dmabuf.*: what registering a dma-buf gives and takes: the memory, at all its bytes and at no other;
 * again after it was given up, and twice at once; and what is refused.
 */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"

#define ROUNDS 10

static int attach(struct mr_case *c)
{
	mr_stage(c, "registration");
	return mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
}

static int detach(struct mr_case *c)
{
	mr_stage(c, "deregistration");
	return mr_expect(c, "detaching", mr_detach(c->importer), 0);
}

static int body_reg(struct mr_case *c)
{
	int ret = attach(c);

	ret = ret ?: mr_held(c, 1, 0);
	ret = ret ?: mr_judge_path(c);
	ret = ret ?: mr_held(c, 1, 1);
	ret = ret ?: mr_use(c);
	ret = ret ?: detach(c);
	return ret ?: mr_held(c, 0, 0);
}

/* Nothing is left of a region, neither for who had it nor for the exporter. */
static int body_dereg(struct mr_case *c)
{
	int ret = 0;

	for (int i = 0; i < ROUNDS && !ret; i++) {
		ret = attach(c);
		ret = ret ?: mr_read(c, 0, 1);
		ret = ret ?: detach(c);
		ret = ret ?: mr_held(c, 0, 0);
		mr_stage(c, "after deregistration");
		ret = ret ?: mr_expect_refused(c, 0, 1, -EINVAL);
		ret = ret ?: mr_check(c);
	}
	return ret;
}

/* Another importer has the same memory; each sees what the other writes, and stays if that one goes. */
static int with_second(struct mr_case *c, struct mr_importer *second)
{
	struct mr_importer *first = c->importer;
	int ret = attach(c);

	c->importer = second;
	ret = ret ?: attach(c);
	ret = ret ?: mr_use(c);
	c->importer = first;
	mr_stage(c, "what the other importer wrote");
	ret = ret ?: mr_held(c, 2, 1);
	ret = ret ?: mr_use(c);
	ret = ret ?: mr_held(c, 2, 2);
	c->importer = second;
	mr_stage(c, "what the first importer wrote");
	ret = ret ?: mr_read(c, 0, 16);
	c->importer = first;
	ret = ret ?: detach(c);
	c->importer = second;
	mr_stage(c, "after the other importer went");
	ret = ret ?: mr_held(c, 1, 1);
	ret = ret ?: mr_use(c);
	ret = ret ?: detach(c);
	c->importer = first;
	return ret ?: mr_held(c, 0, 0);
}

static int body_twice(struct mr_case *c)
{
	struct mr_importer second;
	int ret = mr_importer_open(c->ctx, P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_WRITE, &second);

	ret = ret ?: with_second(c, &second);
	mr_importer_close(&second);
	return ret;
}

static int body_bad_fd(struct mr_case *c)
{
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int closed = fcntl(c->memory->fd, F_DUPFD_CLOEXEC, 0);
	const struct {
		const char *what;
		int fd, expected;
	} bad[] = {
		{ "attaching no descriptor", -1, -EBADF },
		{ "attaching one that is closed", closed, -EBADF },
		{ "attaching one that is no dma-buf", null, -EINVAL },
	};
	int ret = 0;

	if (null < 0 || closed < 0)
		return -errno;
	close(closed);
	for (size_t i = 0; i < ARRAY_LEN(bad) && !ret; i++)
		ret = mr_expect(c, bad[i].what, mr_attach(c->importer, bad[i].fd), bad[i].expected);
	ret = ret ?: mr_held(c, 0, 0);
	ret = ret ?: attach(c);
	return ret ?: mr_use(c);
}

static int body_bad_range(struct mr_case *c)
{
	size_t len = c->memory->len;
	const struct {
		size_t at, len;
	} outside[] = {
		{ len - 1, 2 }, { len, 1 }, { len + page_size(), 8 }, { SIZE_MAX - 3, 8 }, { 0, 0 },
	};
	int ret = attach(c);

	ret = ret ?: mr_use(c);
	for (size_t i = 0; i < ARRAY_LEN(outside) && !ret; i++) {
		mr_stage(c, "%zu bytes at %zu of %zu", outside[i].len, outside[i].at, len);
		ret = mr_expect_refused(c, outside[i].at, outside[i].len, -EINVAL);
		ret = ret ?: mr_check(c);
	}
	return ret;
}

/* Pieces that begin and end in the middle of something, and cross the border of a page. */
static int pieces(struct mr_case *c, int (*move)(struct mr_case *c, size_t offset, size_t len))
{
	size_t page = page_size(), len = c->memory->len;
	const struct {
		size_t at, len;
	} piece[] = {
		{ 0, 1 },        { 1, 7 },
		{ page - 1, 2 }, { page - 5, page + 10 },
		{ page, page },  { 2 * page + 3, 64 },
		{ len - 9, 9 },
	};
	int ret = attach(c);

	for (size_t i = 0; i < ARRAY_LEN(piece) && !ret; i++) {
		mr_stage(c, "%zu bytes at %zu", piece[i].len, piece[i].at);
		ret = move(c, piece[i].at, piece[i].len);
	}
	return ret ?: mr_check(c);
}

static int body_read(struct mr_case *c)
{
	return pieces(c, mr_read);
}

static int body_write(struct mr_case *c)
{
	return pieces(c, mr_write);
}

MR_SCENARIO(reg, "dmabuf.reg", "a dma-buf can be registered, and its addresses are the memory's",
	    MR_EVERYTHING, EV(DATA) | EV(PATH) | EV(COUNTERS), 60);
MR_SCENARIO(dereg, "dmabuf.dereg", "a region over a dma-buf ends, and nothing is left of it",
	    MR_EVERYTHING, EV(DATA) | EV(ERRNO) | EV(COUNTERS), 60);
MR_SCENARIO(twice, "dmabuf.twice", "two importers have the same dma-buf at once",
	    MR_EVERYTHING & ~MR_VFIO, EV(DATA) | EV(COUNTERS), 60);
MR_SCENARIO(bad_fd, "dmabuf.bad-fd", "what is no dma-buf is not registered", MR_PAGES_OF_MODULE,
	    EV(DATA) | EV(ERRNO), 60);
MR_SCENARIO(bad_range, "dmabuf.bad-range", "nothing beyond a region is reached", MR_EVERYTHING,
	    EV(DATA) | EV(ERRNO), 60);
MR_SCENARIO(read, "dmabuf.read", "an importer reads what is in a dma-buf", MR_EVERYTHING, EV(DATA),
	    60);
MR_SCENARIO(write, "dmabuf.write", "an importer writes a dma-buf, and nothing beside",
	    MR_EVERYTHING, EV(DATA), 60);
