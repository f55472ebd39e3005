/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The measures that stretch deadlines. */
#include "runner/slowness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jx.h"
#include "base/text.h"

#define ROUNDS 8 /* the best one counts, because others run here too */
#define ENOUGH_NS (100 * NS_PER_MS) /* of one kind of work, on a machine that is very slow */
#define FACTOR_MAX 100.0

/* A chain of dependent multiplications: it depends on the processor and little else. */
#define COMPUTE_BYTES 65536u
#define COMPUTE_NS (INT64_C(4) * COMPUTE_BYTES / 3) /* 4 cycles a byte at 3 GHz */

static void compute(void)
{
	static const unsigned char bytes[COMPUTE_BYTES];
	volatile uint64_t keep = text_hash(bytes, sizeof(bytes)); /* so that it is done at all */

	(void)keep;
}

/*
 * What most scenarios ask of the kernel: entering it, mapping, faulting pages in, allocating and
 * freeing them. KERNEL_NS is what a stock distribution kernel needs for it on a server of
 * 2020, with mitigations: 0.2 us a call, 0.5 us a fault, 1 us a write and a read of a pipe, 5 us to
 * map and unmap.
 */
#define KERNEL_CALLS 200
#define KERNEL_MAPS 10
#define KERNEL_PAGES 16 /* in each of them */
#define KERNEL_PIPES 50
#define KERNEL_NS \
	(KERNEL_CALLS * 200 + KERNEL_MAPS * (5000 + KERNEL_PAGES * 500) + KERNEL_PIPES * 1000)

static void map_and_touch(size_t page)
{
	size_t len = KERNEL_PAGES * page;
	volatile char *p =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	madvise((void *)(uintptr_t)p, len, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < len; at += page)
		p[at] = 1;
	munmap((void *)(uintptr_t)p, len);
}

static void pass_bytes(void)
{
	int fds[2];
	char byte = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	for (int i = 0; i < KERNEL_PIPES; i++)
		if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1)
			break;
	close(fds[0]);
	close(fds[1]);
}

static void use_kernel(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < KERNEL_CALLS; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < KERNEL_MAPS; i++)
		map_and_touch(page);
	pass_bytes();
}

/* By how much the best of several rounds is slower than the reference. */
static double measure(void (*work)(void), int64_t reference_ns)
{
	int64_t begin = clock_ns(), best = INT64_MAX;

	for (int i = 0; i < ROUNDS && clock_ns() - begin < ENOUGH_NS; i++) {
		int64_t start = clock_ns(), taken;

		work();
		taken = clock_ns() - start;
		if (taken < best)
			best = taken;
	}
	return (double)best / (double)reference_ns;
}

struct slowness slowness_measure(void)
{
	return (struct slowness){
		.compute = measure(compute, COMPUTE_NS),
		.kernel = measure(use_kernel, KERNEL_NS),
	};
}

double slowness_factor(const struct slowness *s)
{
	double worse = s->compute > s->kernel ? s->compute : s->kernel;

	if (worse < 1.0)
		return 1.0;
	return worse < FACTOR_MAX ? worse : FACTOR_MAX;
}

json_t *slowness_to_json(const struct slowness *s)
{
	json_t *doc = jx_object();

	jx_set(doc, "compute", json_real(s->compute));
	jx_set(doc, "kernel", json_real(s->kernel));
	return doc;
}
