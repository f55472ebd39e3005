// SPDX-License-Identifier: GPL-2.0-or-later
/* The regions of the device of fake_verbs.h: what the address space holds at the time, or held once. */
#include "fake_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/pagemap.h"

#undef ibv_reg_mr
#undef ibv_reg_mr_iova

#define MAX_KEPT 64

/* A page that stays what it was, whatever is mapped there later: a pipe has it. */
struct fake_page {
	uintptr_t at;
	int pipe[2];
};

static struct fake_page kept[MAX_KEPT];
static size_t nr_kept;

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				unsigned int access)
{
	struct fake_context *f = fake_of(pd->context);
	struct fake_mr *m;

	if (!addr && length == SIZE_MAX && fake_verbs.implicit_errno) {
		errno = fake_verbs.implicit_errno;
		return NULL;
	}
	m = xcalloc(1, sizeof(*m));
	m->mr = (struct ibv_mr){
		.context = pd->context,
		.pd = pd,
		.addr = addr,
		.length = length,
		.lkey = ++f->last,
		.rkey = f->last,
	};
	m->iova = iova;
	m->access = access;
	m->next = f->mrs;
	f->mrs = m;
	fake_verbs.regions++;
	return &m->mr;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, (unsigned int)access);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			       int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, iova, (unsigned int)access);
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
				 int fd, int access)
{
	(void)pd, (void)offset, (void)length, (void)iova, (void)fd, (void)access;
	errno = fake_verbs.dmabuf_errno;
	return NULL;
}

static void forget_pages(void)
{
	while (nr_kept) {
		close(kept[--nr_kept].pipe[0]);
		close(kept[nr_kept].pipe[1]);
	}
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	struct fake_mr **at = &fake_of(mr->context)->mrs;

	while (&(*at)->mr != mr)
		at = &(*at)->next;
	*at = (*at)->next;
	free(mr);
	fake_verbs.regions--;
	forget_pages();
	return 0;
}

static uintptr_t page_at(uintptr_t at)
{
	return at & ~(uintptr_t)(page_size() - 1);
}

static const struct fake_page *kept_page(uintptr_t at)
{
	for (size_t i = 0; i < nr_kept; i++)
		if (kept[i].at == page_at(at))
			return &kept[i];
	return NULL;
}

static void keep_page(uintptr_t at)
{
	struct iovec page = { (void *)page_at(at), page_size() };
	struct fake_page *k = &kept[nr_kept];

	if (kept_page(at) || nr_kept == MAX_KEPT || pipe2(k->pipe, O_CLOEXEC) < 0)
		return;
	k->at = page_at(at);
	nr_kept++;
	if (vmsplice(k->pipe[1], &page, 1, 0) != (ssize_t)page.iov_len)
		k->at = 0;
}

/* What the page holds now, wherever it is; within a page. */
static bool fetch_kept(void *data, uintptr_t from, size_t len)
{
	const struct fake_page *k = kept_page(from);
	size_t size = page_size();
	char page[1u << 16];
	bool done = false;
	int copy[2];

	if (!k || pipe2(copy, O_CLOEXEC) < 0)
		return false;
	if (tee(k->pipe[0], copy[1], size, 0) == (ssize_t)size &&
	    read(copy[0], page, size) == (ssize_t)size) {
		memcpy(data, page + (from - page_at(from)), len);
		done = true;
	}
	close(copy[0]);
	close(copy[1]);
	return done;
}

bool fake_is_on_demand(const struct fake_context *f, uint32_t key)
{
	const struct fake_mr *m = f->mrs;

	while (m && m->mr.lkey != key)
		m = m->next;
	return m && m->access & IBV_ACCESS_ON_DEMAND;
}

void *fake_reach(struct fake_context *f, uint32_t key, uint64_t at, size_t len, unsigned int access)
{
	struct fake_mr *m = f->mrs;

	while (m && m->mr.lkey != key)
		m = m->next;
	if (!m)
		return NULL;
	if (!fake_verbs.grants_all && (m->access & access) != access)
		return NULL;
	if (at < m->iova || len > m->mr.length || at - m->iova > m->mr.length - len)
		return NULL;
	if (fake_verbs.loses_iova) {
		uint64_t offset = at - (uintptr_t)m->mr.addr;

		return offset > m->mr.length - len ? NULL : (char *)m->mr.addr + offset;
	}
	if (fake_verbs.loses_offset && m->access & IBV_ACCESS_ON_DEMAND)
		at &= ~(uint64_t)(page_size() - 1);
	if (fake_verbs.keeps_pages && m->access & IBV_ACCESS_ON_DEMAND)
		keep_page((uintptr_t)m->mr.addr + (at - m->iova));
	return (void *)((uintptr_t)m->mr.addr + (at - m->iova));
}

bool fake_fetch(void *data, void *from, size_t len)
{
	struct iovec here = { data, len }, there = { from, len };

	if (fake_verbs.keeps_pages && fetch_kept(data, (uintptr_t)from, len))
		return true;
	return from && len <= FAKE_WIRE &&
	       process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}

bool fake_store(void *to, void *data, size_t len)
{
	struct iovec here = { data, len }, there = { to, len };

	return to && process_vm_writev(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len;
}
