// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ranges of a BAR that vfio-pci exports, over a function whose file is in memory: what is asked of the kernel,
 * where the CPU sees it, what is said where the kernel refuses; and that nothing is left open.
 */
#include "sysroot.h"

#include <dirent.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../p2p/model.h"
#include "fake_ioctl.h"
#include "scenario/mr_rig.h"

#define FUNCTION "0000:03:00.0"
#define PAGE 0x1000ull
#define BAR 2
#define BAR_AT 0x100000ull /* in the function's file */
#define BAR_LEN (8 * PAGE)
#define BAR_START 0x8000000000ull
#define CONFIG_AT 0x70000ull
#define FILE_LEN (BAR_AT + BAR_LEN)
#define DMA_BUF 11

static const struct pci_addr addr = { 0, 3, 0, 0 };
static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 0x03, 0, 0x8086, 0x0001),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

/* The kernel's side. */
static struct {
	int file; /* the function's memory, which each descriptor of it is a copy of; -1: none */
	int container, group, device; /* the last ones that it gave */
	bool not_viable, no_container, no_bar;
	int device_error, export_error; /* negative errnos */
	/* what was asked of it */
	struct {
		__u32 argsz, feature, region_index, open_flags, flags, nr_ranges;
		struct {
			__u64 offset, length;
		} ranges[MR_PAGES];
	} request;
} kernel;

/* /dev/vfio alone is not the machine's. */
int open(const char *path, int flags, ...)
{
	va_list ap;
	unsigned int mode;
	int fd;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, unsigned int) : 0;
	va_end(ap);
	if (strncmp(path, "/dev/vfio/", 10) != 0)
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (strcmp(path, "/dev/vfio/vfio") == 0 && kernel.no_container) {
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create("vfio", MFD_CLOEXEC);
	if (strcmp(path, "/dev/vfio/vfio") == 0)
		kernel.container = fd;
	else if (strcmp(path, "/dev/vfio/42") == 0)
		kernel.group = fd;
	else
		fail_msg("'%s'", path);
	return fd;
}

static int region(struct vfio_region_info *info)
{
	assert_int_equal(info->argsz, sizeof(*info));
	info->flags = 0;
	info->size = 0;
	if (info->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info->size = 4096;
		info->offset = CONFIG_AT;
	} else if (info->index == BAR && !kernel.no_bar) {
		info->flags = VFIO_REGION_INFO_FLAG_MMAP;
		info->size = BAR_LEN;
		info->offset = BAR_AT;
	} else if (info->index == 4) {
		info->size = 16 * BAR_LEN; /* which cannot be mapped */
	}
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct vfio_group_status *status = arg;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		assert_int_equal(fd, kernel.group);
		status->flags = kernel.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		assert_int_equal(*(int *)arg, kernel.container);
		return 0;
	case VFIO_SET_IOMMU:
		assert_int_equal((uintptr_t)arg, VFIO_TYPE1v2_IOMMU);
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		assert_string_equal(arg, FUNCTION);
		if (kernel.device_error)
			return kernel.device_error;
		return kernel.device = fcntl(kernel.file, F_DUPFD_CLOEXEC, 0);
	case VFIO_DEVICE_GET_REGION_INFO:
		assert_int_equal(fd, kernel.device);
		return region(arg);
	case VFIO_DEVICE_FEATURE:
		assert_int_equal(fd, kernel.device);
		memcpy(&kernel.request, arg, sizeof(kernel.request));
		return kernel.export_error ?: memfd_create("dma-buf", MFD_CLOEXEC);
	default:
		fail_msg("ioctl 0x%lx", request);
		return -ENOTTY;
	}
}

static int nr_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

struct bench {
	struct platform *platform;
	struct scenario_env env;
	struct mr_vfio *v;
	int open; /* files, before */
};

static void begin(struct bench *b, const char *root)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.file = memfd_create("function", MFD_CLOEXEC);
	assert_int_equal(ftruncate(kernel.file, FILE_LEN), 0);
	*b = (struct bench){ .platform = model_new(machine, ARRAY_LEN(machine)) };
	b->platform->functions[model_index(b->platform, "03:00.0")].bars[BAR] = (struct bar){
		.kind = BAR_MEM64,
		.start = BAR_START,
		.size = BAR_LEN,
	};
	b->env = (struct scenario_env){ .sysroot = root, .platform = b->platform };
	put_link(root, "/sys/bus/pci/devices/" FUNCTION "/iommu_group", "../../42");
	b->open = nr_open();
}

static void end(struct bench *b, const char *root)
{
	autofree char *link = fs_under(root, "/sys/bus/pci/devices/" FUNCTION "/iommu_group");

	mr_vfio_close(b->v);
	assert_int_equal(nr_open(), b->open);
	close(kernel.file);
	platform_free(b->platform);
	assert_int_equal(unlink(link), 0);
}

static uint16_t command(void)
{
	uint16_t value = 0;

	assert_int_equal(pread(kernel.file, &value, 2, CONFIG_AT + PCI_COMMAND), 2);
	return value;
}

static struct mr_memory memory_of(size_t pages)
{
	return (struct mr_memory){ .fd = -1, .len = pages * PAGE, .map = MAP_FAILED, .owner = -1 };
}

static void memory_end(struct mr_memory *m)
{
	if (m->map != MAP_FAILED)
		munmap(m->map, m->len);
	if (m->fd >= 0)
		close(m->fd);
	free(m->place);
}

static void decodes(void **state)
{
	const uint16_t other = PCI_COMMAND_MASTER | PCI_COMMAND_IO;
	struct bench b;

	begin(&b, *state);
	assert_int_equal(pwrite(kernel.file, &other, 2, CONFIG_AT + PCI_COMMAND), 2);
	assert_int_equal(mr_vfio_open(&b.env, addr, &b.v), 0);
	assert_int_equal(command(), other | PCI_COMMAND_MEMORY);
	assert_int_equal(mr_vfio_decode(b.v, false), 0);
	assert_int_equal(command(), other);
	assert_int_equal(mr_vfio_decode(b.v, true), 0);
	assert_int_equal(command(), other | PCI_COMMAND_MEMORY);
	/* config space that does not answer */
	assert_int_equal(ftruncate(kernel.file, CONFIG_AT), 0);
	assert_int_equal(mr_vfio_decode(b.v, false), -EIO);
	end(&b, *state);
}

/* Each range with a gap of its length behind it, and one view of all of them. */
static void exports(void **state)
{
	static const struct {
		uint64_t offset; /* in pages, like all of it */
		unsigned int ranges;
		size_t pages;
		int err;
	} rows[] = {
		{ 0, 1, 4, 0 },      { 1, 1, 4, 0 },
		{ 0, 2, 4, 0 },      { 1, 2, 4, 0 },
		{ 0, 4, 4, 0 },      { 1, 4, 4, 0 },
		{ 4, 1, 4, 0 },      { 5, 1, 4, -ENXIO },
		{ 2, 2, 4, 0 },      { 3, 2, 4, -ENXIO },
		{ 2, 4, 4, -ENXIO }, { 7, 1, 1, 0 },
		{ 8, 1, 1, -ENXIO }, { UINT32_MAX, 1, 1, -ENXIO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mr_memory m = memory_of(rows[i].pages);
		size_t length = m.len / rows[i].ranges;
		struct bench b;

		begin(&b, *state);
		assert_int_equal(mr_vfio_open(&b.env, addr, &b.v), 0);
		assert_int_equal(mr_vfio_export(b.v, rows[i].offset * PAGE, rows[i].ranges, &m),
				 rows[i].err);
		if (rows[i].err) {
			assert_int_equal(kernel.request.nr_ranges, 0);
			assert_int_equal(m.fd, -1);
			end(&b, *state);
			continue;
		}
		assert_int_equal(kernel.request.argsz, sizeof(kernel.request));
		assert_int_equal(kernel.request.feature, VFIO_DEVICE_FEATURE_GET | DMA_BUF);
		assert_int_equal(kernel.request.region_index, BAR);
		assert_int_equal(kernel.request.open_flags, O_RDWR | O_CLOEXEC);
		assert_int_equal(kernel.request.flags, 0);
		assert_int_equal(kernel.request.nr_ranges, rows[i].ranges);
		assert_int_equal(m.place->place, P2PCERT_PLACE_BAR);
		assert_int_equal(m.place->nr_segs, rows[i].ranges);
		for (unsigned int k = 0; k < rows[i].ranges; k++) {
			uint64_t at = rows[i].offset * PAGE + 2ull * k * length;
			unsigned char mark = (unsigned char)(k + 1), found;

			assert_true(kernel.request.ranges[k].offset == at);
			assert_true(kernel.request.ranges[k].length == length);
			assert_true(m.place->segs[k].phys_addr == BAR_START + at);
			assert_true(m.place->segs[k].length == length);
			/* its last byte, and the first of the next */
			m.map[(k + 1) * length - 1] = mark;
			assert_int_equal(
				pread(kernel.file, &found, 1, (off_t)(BAR_AT + at + length - 1)),
				1);
			assert_int_equal(found, mark);
		}
		memory_end(&m);
		end(&b, *state);
	}
}

/* Without the model it is not known where the BAR is: nothing is said of it. */
static void place_is_not_known(void **state)
{
	struct mr_memory m = memory_of(1);
	struct bench b;

	begin(&b, *state);
	b.platform->functions[model_index(b.platform, "03:00.0")].bars[BAR].start = 0;
	assert_int_equal(mr_vfio_open(&b.env, addr, &b.v), 0);
	assert_int_equal(mr_vfio_export(b.v, 0, 1, &m), 0);
	assert_null(m.place);
	memory_end(&m);
	end(&b, *state);
}

static void kernel_refuses(void **state)
{
	static const int errnos[] = { -ENOTTY, -EOPNOTSUPP, -EINVAL };

	for (size_t i = 0; i < ARRAY_LEN(errnos); i++) {
		struct mr_memory m = memory_of(1);
		struct bench b;

		begin(&b, *state);
		kernel.export_error = errnos[i];
		assert_int_equal(mr_vfio_open(&b.env, addr, &b.v), 0);
		assert_int_equal(mr_vfio_export(b.v, 0, 1, &m), errnos[i]);
		assert_int_equal(m.fd, -1);
		assert_true(m.map == MAP_FAILED);
		assert_null(m.place);
		end(&b, *state);
	}
}

/* --- what cannot be opened ---------------------------------------------------------------------- */

static void no_container(struct bench *b attr_unused)
{
	kernel.no_container = true;
}

static void shared_group(struct bench *b attr_unused)
{
	kernel.not_viable = true;
}

static void taken(struct bench *b attr_unused)
{
	kernel.device_error = -EBUSY;
}

static void nothing_to_map(struct bench *b attr_unused)
{
	kernel.no_bar = true;
}

static void silent(struct bench *b attr_unused)
{
	assert_int_equal(ftruncate(kernel.file, CONFIG_AT), 0);
}

static void not_opened(void **state)
{
	static const struct {
		void (*spoil)(struct bench *b);
		int err;
	} rows[] = {
		{ no_container, -ENOENT },  { shared_group, -EBUSY }, { taken, -EBUSY },
		{ nothing_to_map, -ENXIO }, { silent, -EIO },
	};
	struct bench b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&b, *state);
		rows[i].spoil(&b);
		assert_int_equal(mr_vfio_open(&b.env, addr, &b.v), rows[i].err);
		end(&b, *state);
	}
	/* of no IOMMU group */
	begin(&b, *state);
	assert_int_equal(mr_vfio_open(&b.env, (struct pci_addr){ 0, 9, 0, 0 }, &b.v), -ENOENT);
	end(&b, *state);
	mr_vfio_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(decodes),
		test_in_dir(exports),
		test_in_dir(place_is_not_known),
		test_in_dir(kernel_refuses),
		test_in_dir(not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
