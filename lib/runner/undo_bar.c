/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning of a BAR that a scenario may write to, of a function that it has under VFIO: nobody else can look
 * then, and so the scenario says what it holds. It is put back by the same way, before the function gets its own
 * driver again.
 */
#include "runner/undo_bar.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hex.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "runner/undo_kind.h"
#include "scenario/p2pmem.h"
#include "scenario/pagemap.h"
#include "scenario/vfio.h"

#define KIND "bar-range"
#define BYTES_MAX (64 * 1024) /* the journal holds them, in hexadecimal */
#define POLL_MS 10

struct range {
	struct pci_addr address;
	unsigned int bar;
	size_t len;
	unsigned char *bytes; /* that it held; to be freed */
};

/* Whole pages. */
static bool parse(const json_t *args, struct range *r)
{
	const char *address = jx_get_str(args, "address"), *held = jx_get_str(args, "held");
	int64_t bar = jx_get_int(args, "bar", -1);

	*r = (struct range){ .bar = (unsigned int)bar, .len = held ? strlen(held) / 2 : 0 };
	if (!address || pci_addr_parse(address, &r->address) < 0 || bar < 0 || bar >= PCI_BARS ||
	    !r->len || r->len > BYTES_MAX || r->len % page_size())
		return false;
	r->bytes = hex_bytes(held, r->len);
	return r->bytes;
}

static bool exists(const struct undo_env *env, struct pci_addr address)
{
	autofree char *path =
		fs_under(env->sysroot, "/sys/bus/pci/devices/%s", pci_addr_str(address));

	return fs_exists(AT_FDCWD, path);
}

/* It is there, and the args are in order; nothing else can be seen from here. */
int undo_bar_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	struct range r;

	*there = false;
	if (!parse(args, &r))
		return undo_deny_args(why, KIND);
	free(r.bytes);
	if (!exists(env, r.address))
		return undo_deny(why, SKIP_HW_ABSENT, -ENODEV, "there is no PCI function '%s'",
				 pci_addr_str(r.address));
	return 0;
}

/* To write is for the scenario. */
int undo_bar_apply(const struct undo_env *env attr_unused, const json_t *args,
		   json_t **facts attr_unused, struct unmet *why)
{
	struct range r;

	if (!parse(args, &r))
		return undo_deny_args(why, KIND);
	free(r.bytes);
	return 0;
}

/* 1 if it had to be written, 0 if it was there, or a negative errno. */
static int write_back(unsigned char *map, const struct range *r)
{
	autofree unsigned char *now = xcalloc(r->len, 1);

	p2pmem_read(now, map, r->len);
	if (memcmp(now, r->bytes, r->len) == 0)
		return 0;
	p2pmem_write(map, r->bytes, r->len);
	p2pmem_read(now, map, r->len);
	return memcmp(now, r->bytes, r->len) == 0 ? 1 : -EIO;
}

static int put_back(const struct vfio_function *v, const struct range *r)
{
	struct p2pmem_map map = { .len = r->len };
	struct vfio_region_info bar;
	int ret = vfio_command(v, PCI_COMMAND_MEMORY, true);

	ret = ret ?: vfio_region(v, r->bar, &bar);
	ret = ret ?: vfio_map_region(v, &bar, r->len, &map.addr);
	if (ret)
		return ret;
	ret = write_back(map.addr, r);
	p2pmem_unmap(&map);
	return ret;
}

/* A scenario that was killed may take a moment until it has let go. */
static int open_function(const struct undo_env *env, const struct range *r, struct vfio_function *v)
{
	const int64_t deadline = clock_ns() + env->timeout_ns;
	int err;

	while ((err = vfio_open(v, env->sysroot, r->address)) == -EBUSY && clock_ns() < deadline) {
		vfio_close(v);
		poll(NULL, 0, POLL_MS);
	}
	return err;
}

enum undo_result undo_bar_revert(const struct undo_env *env, const json_t *args, char **why)
{
	struct vfio_function v = VFIO_FUNCTION_NONE;
	struct range r;
	int ret;

	if (!parse(args, &r))
		return undo_fail_args(why, KIND);
	if (!exists(env, r.address)) {
		free(r.bytes);
		*why = xasprintf("there is no PCI function '%s' any more", pci_addr_str(r.address));
		return UNDO_GONE;
	}
	ret = open_function(env, &r, &v);
	ret = ret ?: put_back(&v, &r);
	vfio_close(&v);
	free(r.bytes);
	if (ret < 0)
		return undo_fail(why, "cannot write to BAR %u of '%s' what it held: %s", r.bar,
				 pci_addr_str(r.address), strerror(-ret));
	return ret ? UNDO_UNDONE : UNDO_GONE;
}
