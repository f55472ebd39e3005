/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QEMU's teaching device (docs/specs/edu.rst of QEMU): one command at a time moves up to 4 KiB between the bus
 * and a buffer of the device, and takes about 100 ms. A command cannot be taken back.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "scenario/userdrv.h"

#define REGISTERS 4096 /* bytes of BAR 0 that are looked at */
#define REG_ID 0x00
#define ID_MASK 0x0000ffffu
#define ID 0x00edu
#define REG_SRC 0x80
#define REG_DST 0x88
#define REG_COUNT 0x90
#define REG_COMMAND 0x98
#define START 0x1u
#define TO_BUS 0x2u

#define BUFFER 0x40000 /* in the device's own address space */
#define BUFFER_SIZE 4096u

#define TIMEOUT_NS (5 * 1000000000LL)
#define POLL_NS (1000 * 1000)

static volatile uint32_t *reg(void *state, size_t offset)
{
	return (volatile uint32_t *)((unsigned char *)state + offset);
}

static void write_64(void *state, size_t offset, uint64_t value)
{
	*(volatile uint64_t *)((unsigned char *)state + offset) = value;
}

static int edu_open(const struct vfio_function *v, void **state)
{
	struct vfio_region_info bar;
	unsigned char *map;
	int err = vfio_region(v, VFIO_PCI_BAR0_REGION_INDEX, &bar);

	err = err ?: vfio_map_region(v, &bar, REGISTERS, &map);
	if (err)
		return err;
	*state = map;
	return (*reg(map, REG_ID) & ID_MASK) == ID ? 0 : -ENODEV;
}

static void edu_close(void *state)
{
	if (state)
		munmap(state, REGISTERS);
}

static int command(void *state, uint64_t from, uint64_t to, size_t len, uint32_t direction)
{
	const struct timespec moment = { .tv_nsec = POLL_NS };
	const int64_t deadline = clock_ns() + TIMEOUT_NS;

	write_64(state, REG_SRC, from);
	write_64(state, REG_DST, to);
	write_64(state, REG_COUNT, len);
	write_64(state, REG_COMMAND, START | direction);
	while (*reg(state, REG_COMMAND) & START) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&moment, NULL);
	}
	return 0;
}

static int edu_copy(void *state, uint64_t from, uint64_t to, size_t len, uint64_t *done)
{
	int err = 0;

	for (*done = 0; *done < len && !err;) {
		size_t n = len - *done < BUFFER_SIZE ? len - *done : BUFFER_SIZE;

		err = command(state, from + *done, BUFFER, n, 0);
		err = err ?: command(state, BUFFER, to + *done, n, TO_BUS);
		if (!err)
			*done += n;
	}
	return err;
}

const struct userdrv userdrv_edu = {
	.name = "edu",
	.vendor = 0x1234,
	.device = 0x11e8,
	.address_bits = 28,
	.open = edu_open,
	.close = edu_close,
	.copy = edu_copy,
};
