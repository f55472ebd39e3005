/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target for archives of captured machines. An input that begins with 'S' is the recipe of a
 * tar: entries of any kind with paths of sysfs, so that checksums keep nothing from being reached; any
 * other is the archive itself, or what is taken for one.
 */
#include "model.h"

#define RECIPE 'S'
#define TAR_MAX (64u * 1024)
#define BLOCK 512u

struct tar {
	uint8_t bytes[TAR_MAX];
	size_t len;
};

/* Parts of paths; a recipe has them by number, or spells a name out. */
static const char *const parts[] = {
	"sys",
	"bus",
	"pci",
	"devices",
	"kernel",
	"iommu_groups",
	"0",
	"type",
	"proc",
	"cpuinfo",
	"cmdline",
	"osrelease",
	"pci0000:00",
	"0000:00:00.0",
	"0000:00:01.0",
	"0000:01:00.0",
	"0000:01:00.1",
	"config",
	"vendor",
	"device",
	"class",
	"resource",
	"numa_node",
	"physfn",
	"iommu_group",
	"driver",
	"sriov_numvfs",
	"sriov_totalvfs",
	"p2pmem",
	"size",
	"published",
	"secondary_bus_number",
	"..",
	".",
	"machine",
	"pci10000:e0",
	"10000:e0:00.0",
	"meminfo",
	"modules",
	"node",
	"node0",
	"distance",
	"system",
	"class",
	"iommu",
	"dmar0",
	"reserved_regions",
	"max_link_speed",
	"current_link_width",
	"power_state",
	"dma_mask_bits",
	"boot",
	"config.gz",
};

/* Prefixes that most entries want, as one byte. */
static const char *const tops[] = {
	"",
	"sys/bus/pci/devices/",
	"sys/bus/pci/devices/0000:00:01.0/",
	"sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/",
	"sys/kernel/iommu_groups/",
	"proc/",
	"/",
	"../../../devices/pci0000:00/",
};

static void take_path(struct bytes *in, char path[256])
{
	size_t len = (size_t)snprintf(path, 256, "%s", tops[take_byte(in) % ARRAY_LEN(tops)]);
	uint8_t n = take_byte(in) % 6;

	while (n--) {
		uint8_t part = take_byte(in);
		char spelled[32] = "";

		if (part >= ARRAY_LEN(parts))
			spelled[take_bytes(in, spelled, part % sizeof(spelled))] = '\0';
		len += (size_t)snprintf(path + len, 256 - len, "%s%s",
					part < ARRAY_LEN(parts) ? parts[part] : spelled,
					n ? "/" : "");
		if (len >= 256)
			return;
	}
}

static void put_octal(uint8_t *field, size_t width, unsigned long long value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%0*llo", (int)width - 1, value);
	memcpy(field, digits, width);
}

static void seal(uint8_t header[BLOCK])
{
	unsigned int sum = 0;

	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += header[i];
	put_octal(header + 148, 7, sum);
}

/* One entry: its kind, its path, where a link leads or what a file holds, and at times a lie. */
static void add_entry(struct tar *t, struct bytes *in)
{
	static const char kinds[] = "05021346x7gLKS";
	uint8_t *header = t->bytes + t->len, *content = header + BLOCK;
	uint8_t kind = take_byte(in);
	char path[256] = "";
	size_t len = 0;

	memset(header, 0, BLOCK);
	take_path(in, path);
	memcpy(header, path, strnlen(path, 100));
	memcpy(header + 257, "ustar\00000", 8);
	header[156] = (uint8_t)kinds[kind % (sizeof(kinds) - 1)];
	if (header[156] == '1' || header[156] == '2') {
		take_path(in, path);
		memcpy(header + 157, path, strnlen(path, 100));
	} else if (header[156] != '5') {
		len = take_bytes(in, content, (size_t)take_byte(in) * (kind & 0x40 ? 16 : 1));
	}
	put_octal(header + 124, 12, kind & 0x80 ? (unsigned long long)take_byte(in) << 28 : len);
	seal(header);
	t->len += BLOCK;
	memset(content + len, 0, -len % BLOCK);
	t->len += len + -len % BLOCK;
}

static void read_recipe(struct bytes in)
{
	static struct tar t; /* to clear it for each input would take longer than to fill it */

	t.len = 0;
	while (in.left && t.len + 16 * BLOCK < TAR_MAX)
		add_entry(&t, &in);
	memset(t.bytes + t.len, 0, 2 * BLOCK);
	read_platform(t.bytes, t.len + 2 * BLOCK, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && *data == RECIPE)
		read_recipe((struct bytes){ data + 1, size - 1 });
	else
		read_platform(data, size, true);
	return 0;
}
