/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target for dumps of rdma_topo. An input that begins with 'S' is the recipe of a dump, whose
 * config space reaches the model whatever its checksums; any other is the JSON itself.
 */
#include <zlib.h>

#include "model.h"

#define RECIPE 'S'
#define CONFIG_MAX 4352u /* what is too long is wanted, too */

/* Its ways are no coverage that anybody wants. */
static not_covered char *base64(const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = xcalloc(len / 3 + 1, 4 + 1), *at = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		bits |= have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= have > 2 ? bytes[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			*at++ = k > have ? '=' : digits[bits >> (18 - 6 * k) & 63];
	}
	return text;
}

/* One state for all inputs, and a small one: to make it takes longer than to use it. */
static char *pack(const uint8_t *bytes, size_t len)
{
	static z_stream z;
	static uint8_t deflated[CONFIG_MAX + 1024];

	if (!z.state && deflateInit2(&z, 1, Z_DEFLATED, 12, 3, Z_DEFAULT_STRATEGY) != Z_OK)
		die(3, "cannot deflate");
	deflateReset(&z);
	z.next_in = (Bytef *)bytes;
	z.avail_in = (uInt)len;
	z.next_out = deflated;
	z.avail_out = sizeof(deflated);
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		BUG("%zu bytes are not deflated", len);
	return base64(deflated, z.total_out);
}

/* Config space from runs: where, how long, and the bytes; it is as long as a byte says. */
static char *take_config(struct bytes *in)
{
	static const size_t lengths[] = { 4096, 256, 64, 256, 64,  256, 64, 256,
					  256,  64,  0,  63,  128, 256, 64, CONFIG_MAX };
	size_t len = lengths[take_byte(in) % ARRAY_LEN(lengths)];
	uint8_t config[CONFIG_MAX] = { 0 };
	uint8_t runs = take_byte(in) % 16;

	while (runs--) {
		size_t at = (size_t)take_byte(in) << 4 | (take_byte(in) & 15);
		size_t n = take_byte(in) % 32;

		take_bytes(in, config + at, n);
	}
	return pack(config, len);
}

/* One item, begun like one that the tool writes; returns the text with it. Takes the text. */
static char *add_item(char *text, struct bytes *in)
{
	autofree char *before = text;
	autofree char *config = take_config(in);
	uint8_t a = take_byte(in), b = take_byte(in), c = take_byte(in), d = take_byte(in);
	uint8_t keys = take_byte(in);
	autofree char *above =
		a & 1 ? xasprintf("/%04x:%02x:%02x.%x", a >> 6, d & 7, b & 31, d >> 5)
		      : xstrdup("");
	autofree char *group = keys & 1   ? xasprintf(", \"iommu_group\": %d", (int8_t)d)
			       : keys & 2 ? xstrdup(", \"iommu_group\": null")
					  : xstrdup("");
	autofree char *node = keys & 4 ? xasprintf(", \"numa_node\": %d", (int8_t)c) : xstrdup("");
	const char *rest = keys & 8      ? ", \"subsystems\": {\"net\": [\"eth0\"]}, \"vpd\": null"
			   : keys & 0x10 ? ", \"vpd\": \"eJwDAAAAAAE=\""
					 : "";

	return xasprintf(
		"%s%s{\"realpath\": \"/sys/devices/pci%04x:%02x%s/%04x:%02x:%02x.%x\", "
		"\"config\": \"%s\", "
		"\"modalias\": \"pci:v0000%02X%02Xd00001234sv%08Xsd00000000bc%02Xsc%02Xi00\""
		"%s%s%s}",
		before, *before ? "," : "[", a >> 6, b >> 5, above, a >> 6, b & 15, c & 31, d & 7,
		config, a, b, c, d & 31, c & 15, group, node, rest);
}

static void read_recipe(struct bytes in)
{
	autofree char *text = xstrdup("");
	autofree char *whole = NULL;

	for (int items = 0; in.left && items < 4; items++)
		text = add_item(text, &in);
	whole = xasprintf("%s]", text);
	read_platform(whole, strlen(whole), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && *data == RECIPE)
		read_recipe((struct bytes){ data + 1, size - 1 });
	else
		read_platform(data, size, true);
	return 0;
}
