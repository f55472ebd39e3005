/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of a PCI function. That nothing uses it is the business of whoever allows the change: these
 * kinds are unsafe.
 */
#include "runner/undo_pci.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "runner/undo_kind.h"

#define DRIVER_NAME_MAX 63 /* bytes */
#define CONFIG_SPACE 4096 /* bytes, of PCI Express */
#define POLL_MS 10

static bool parse_address(const json_t *args, char text[PCI_ADDR_TEXT_MAX])
{
	const char *given = jx_get_str(args, "address");
	struct pci_addr address;

	if (!given || pci_addr_parse(given, &address) < 0)
		return false;
	pci_addr_format(address, text);
	return true;
}

static char *device_path(const struct undo_env *env, const char *address, const char *attr)
{
	return fs_under(env->sysroot, "/sys/bus/pci/devices/%s/%s", address, attr);
}

static bool device_exists(const struct undo_env *env, const char *address)
{
	autofree char *path = device_path(env, address, "");

	return fs_exists(AT_FDCWD, path);
}

static int deny_absent(const char *address, struct unmet *why)
{
	return undo_deny(why, SKIP_HW_ABSENT, -ENODEV, "there is no PCI function '%s'", address);
}

static enum undo_result gone(const char *address, char **why)
{
	*why = xasprintf("there is no PCI function '%s' any more", address);
	return UNDO_GONE;
}

/* --- the driver ---------------------------------------------------------------------------------- */

struct binding {
	char address[PCI_ADDR_TEXT_MAX];
	const char *driver; /* "": none */
};

static bool is_driver(const char *s)
{
	return s && (*s == '\0' || undo_is_name(s, DRIVER_NAME_MAX));
}

static bool parse_binding(const json_t *args, struct binding *b)
{
	b->driver = jx_get_str(args, "driver");
	return parse_address(args, b->address) && is_driver(b->driver);
}

/* "" if it has none; the caller frees it. */
static char *driver_of(const struct undo_env *env, const char *address)
{
	autofree char *path = device_path(env, address, "driver");
	char *name;

	return fs_read_link_name(AT_FDCWD, path, &name) < 0 ? xstrdup("") : name;
}

static bool is_bound_to(const struct undo_env *env, const char *address, const char *driver)
{
	autofree char *now = driver_of(env, address);

	return strcmp(now, driver) == 0;
}

/* "" if there is none, which reads as "(null)". */
static int read_override(const struct undo_env *env, const char *address, char **override)
{
	autofree char *path = device_path(env, address, "driver_override");
	int r = undo_value_read(path, override);

	if (r == 0 && strcmp(*override, "(null)") == 0)
		**override = '\0';
	return r;
}

static int write_override(const struct undo_env *env, const char *address, const char *override)
{
	autofree char *path = device_path(env, address, "driver_override");

	return undo_value_write(path, override);
}

/* verb is "bind" or "unbind", which lasts until the last user of the device lets go of it. */
static int tell_driver(const struct undo_env *env, const char *driver, const char *verb,
		       const char *address)
{
	autofree char *path = fs_under(env->sysroot, "/sys/bus/pci/drivers/%s/%s", driver, verb);

	return undo_value_write_within(path, address, env->timeout_ns);
}

/* What counts is what the device says, in the end: rules of udev bind and unbind too. */
static int wait_for_driver(const struct undo_env *env, const struct binding *b)
{
	const int64_t deadline = clock_ns() + env->timeout_ns;

	while (!is_bound_to(env, b->address, b->driver)) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, POLL_MS);
	}
	return 0;
}

/* 0 or a negative errno, with *text saying which step did not work. */
static int rebind(const struct undo_env *env, const struct binding *b, char **text)
{
	autofree char *now = driver_of(env, b->address);
	const char *step = "unbind", *driver = now;
	int r = 0;

	if (strcmp(now, b->driver) == 0)
		return 0;
	if (*now)
		r = tell_driver(env, now, step, b->address);
	if (r == 0 && *b->driver) {
		step = "bind";
		driver = b->driver;
		r = tell_driver(env, driver, step, b->address);
	}
	if (r == 0)
		r = wait_for_driver(env, b);
	if (r < 0)
		*text = xasprintf("cannot %s '%s', driver '%s': %s", step, b->address, driver,
				  r == -ETIMEDOUT ? "not done in time: is it still in use?"
						  : strerror(-r));
	return r;
}

static bool is_driver_loaded(const struct undo_env *env, const char *driver)
{
	autofree char *path = fs_under(env->sysroot, "/sys/bus/pci/drivers/%s", driver);

	return fs_exists(AT_FDCWD, path);
}

int undo_driver_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	autofree char *override = NULL;
	autofree char *driver = NULL;
	struct binding b;
	json_t *before;
	int r;

	if (!parse_binding(args, &b))
		return undo_deny_args(why, "driver-override");
	if (!device_exists(env, b.address))
		return deny_absent(b.address, why);
	if (!is_driver_loaded(env, b.driver))
		return undo_deny(why, SKIP_DEPENDENCY, -ENOENT, "no PCI driver '%s' is loaded",
				 b.driver);
	r = read_override(env, b.address, &override);
	if (r < 0)
		return undo_deny(why, undo_category(r), r,
				 "cannot read the driver override of '%s': %s", b.address,
				 strerror(-r));
	driver = driver_of(env, b.address);
	*there = strcmp(driver, b.driver) == 0;
	if (*there)
		return 0;
	before = jx_object();
	jx_set_str(before, "driver", driver);
	jx_set_str(before, "override", override);
	jx_set(args, "before", before);
	return 0;
}

int undo_driver_apply(const struct undo_env *env, const json_t *args, json_t **facts attr_unused,
		      struct unmet *why)
{
	struct binding b;
	int r = 0;

	if (!parse_binding(args, &b))
		return undo_deny_args(why, "driver-override");
	if (is_bound_to(env, b.address, b.driver))
		return 0;
	if (*b.driver)
		r = write_override(env, b.address, b.driver);
	if (r < 0)
		return undo_deny(why, undo_category(r), r,
				 "cannot set the driver override of '%s': %s", b.address,
				 strerror(-r));
	r = rebind(env, &b, &why->text);
	why->category = undo_category(r);
	return r;
}

/* 1 if it had to be put back, 0, or a negative errno. */
static int put_override_back(const struct undo_env *env, const char *address, const char *override)
{
	autofree char *now = NULL;
	int r = read_override(env, address, &now);

	if (r < 0 || strcmp(now, override) == 0)
		return r;
	r = write_override(env, address, override);
	return r < 0 ? r : 1;
}

enum undo_result undo_driver_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const json_t *before = json_object_get(args, "before");
	const char *override = jx_get_str(before, "override");
	struct binding b;
	bool bound;
	int r;

	if (!parse_binding(args, &b) || !is_driver(override) ||
	    !is_driver(jx_get_str(before, "driver")))
		return undo_fail_args(why, "driver-override");
	b.driver = jx_get_str(before, "driver");
	if (!device_exists(env, b.address))
		return gone(b.address, why);
	bound = is_bound_to(env, b.address, b.driver);
	r = put_override_back(env, b.address, override);
	if (r < 0)
		return undo_fail(why, "cannot set the driver override of '%s' to '%s': %s",
				 b.address, override, strerror(-r));
	if (rebind(env, &b, why) < 0)
		return UNDO_FAILED;
	return bound && r == 0 ? UNDO_GONE : UNDO_UNDONE;
}

/* --- removal ------------------------------------------------------------------------------------- */

#define CLASS_BRIDGE 0x0604 /* class and subclass, of PCI to PCI */

/*
 * The bridge that the function is below, which looks for it again; "" on a root bus: sysfs nests a
 * function in its bridge. The caller frees it.
 */
static char *bridge_of(const struct undo_env *env, const char *address)
{
	autofree char *path = device_path(env, address, "");
	struct pci_addr bridge;
	char target[PATH_MAX];
	char *last, *parent;
	ssize_t n;

	path[strlen(path) - 1] = '\0'; /* the slash would follow the link */
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return xstrdup("");
	target[n] = '\0';
	last = strrchr(target, '/');
	if (!last)
		return xstrdup("");
	*last = '\0';
	parent = strrchr(target, '/');
	return xstrdup(parent && pci_addr_parse(parent + 1, &bridge) == 0 ? parent + 1 : "");
}

static int read_number(const struct undo_env *env, const char *address, const char *attr,
		       unsigned long *number)
{
	autofree char *path = device_path(env, address, attr);
	autofree char *text = NULL;
	int r = undo_value_read(path, &text);

	*number = r < 0 ? 0 : strtoul(text, NULL, 0);
	return r;
}

/* With a bridge go all functions below it, with a physical function its virtual ones. */
static int deny_others(const struct undo_env *env, const char *address, struct unmet *why)
{
	unsigned long class, virtual_functions;

	if (read_number(env, address, "class", &class) < 0 || class >> 8 == CLASS_BRIDGE)
		return undo_deny(why, SKIP_HW_UNSUPPORTED, -EINVAL,
				 "'%s' is not removed: it is a bridge, or does not say what it is",
				 address);
	if (read_number(env, address, "sriov_numvfs", &virtual_functions) == 0 && virtual_functions)
		return undo_deny(why, SKIP_RESOURCE_BUSY, -EBUSY,
				 "'%s' is not removed: %lu virtual functions would go with it",
				 address, virtual_functions);
	return 0;
}

int undo_pci_remove_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	char address[PCI_ADDR_TEXT_MAX];
	autofree char *override = NULL, *driver = NULL, *bridge = NULL;
	json_t *before;
	int r;

	*there = false;
	if (!parse_address(args, address))
		return undo_deny_args(why, "pci-remove");
	if (!device_exists(env, address))
		return deny_absent(address, why);
	r = deny_others(env, address, why);
	if (r < 0)
		return r;
	r = read_override(env, address, &override);
	if (r < 0)
		return undo_deny(why, undo_category(r), r,
				 "cannot read the driver override of '%s': %s", address,
				 strerror(-r));
	driver = driver_of(env, address);
	bridge = bridge_of(env, address);
	before = jx_object();
	jx_set_str(before, "driver", driver);
	jx_set_str(before, "override", override);
	jx_set_str(before, "bridge", bridge);
	jx_set(args, "before", before);
	return 0;
}

static int wait_until(const struct undo_env *env, const char *address, bool exists)
{
	const int64_t deadline = clock_ns() + env->timeout_ns;

	while (device_exists(env, address) != exists) {
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, POLL_MS);
	}
	return 0;
}

int undo_pci_remove_apply(const struct undo_env *env, const json_t *args,
			  json_t **facts attr_unused, struct unmet *why)
{
	char address[PCI_ADDR_TEXT_MAX];
	autofree char *path = NULL;
	int r;

	if (!parse_address(args, address))
		return undo_deny_args(why, "pci-remove");
	path = device_path(env, address, "remove");
	r = undo_value_write_within(path, "1", env->timeout_ns);
	r = r < 0 ? r : wait_until(env, address, false);
	if (r < 0)
		return undo_deny(why, undo_category(r), r, "cannot remove '%s': %s", address,
				 r == -ETIMEDOUT ? "not done in time: is it still in use?"
						 : strerror(-r));
	return 0;
}

/* The bus is looked at anew where the function was; on a machine that has changed since, everywhere. */
static int rescan(const struct undo_env *env, const char *bridge)
{
	autofree char *path = device_path(env, bridge, "rescan");

	if (!*bridge || !device_exists(env, bridge)) {
		free(path);
		path = fs_under(env->sysroot, "/sys/bus/pci/rescan");
	}
	return undo_value_write_within(path, "1", env->timeout_ns);
}

enum undo_result undo_pci_remove_revert(const struct undo_env *env, const json_t *args, char **why)
{
	const json_t *before = json_object_get(args, "before");
	const char *override = jx_get_str(before, "override");
	const char *bridge = jx_get_str(before, "bridge");
	struct pci_addr bridge_address;
	struct binding b = { .driver = jx_get_str(before, "driver") };
	bool there;
	int r = 0;

	if (!parse_address(args, b.address) || !is_driver(override) || !is_driver(b.driver) ||
	    !bridge || (*bridge && pci_addr_parse(bridge, &bridge_address) < 0))
		return undo_fail_args(why, "pci-remove");
	there = device_exists(env, b.address);
	if (there && is_bound_to(env, b.address, b.driver))
		return UNDO_GONE;
	if (!there)
		r = rescan(env, bridge);
	r = r < 0 ? r : wait_until(env, b.address, true);
	if (r < 0)
		return undo_fail(why, "cannot bring '%s' back: %s", b.address,
				 r == -ETIMEDOUT ? "it does not answer" : strerror(-r));
	r = put_override_back(env, b.address, override);
	if (r < 0)
		return undo_fail(why, "cannot set the driver override of '%s' to '%s': %s",
				 b.address, override, strerror(-r));
	/* Drivers are bound by themselves, some of them a moment later. */
	if (wait_for_driver(env, &b) < 0 && rebind(env, &b, why) < 0)
		return UNDO_FAILED;
	return UNDO_UNDONE;
}

/* --- config space -------------------------------------------------------------------------------- */

struct bits {
	char address[PCI_ADDR_TEXT_MAX];
	int64_t offset;
	unsigned int bytes; /* of the register */
	uint32_t mask, value;
};

/* value may have bits of the mask only. */
static bool is_part_of(int64_t value, uint32_t mask)
{
	return value >= 0 && value <= UINT32_MAX && ((uint32_t)value & ~mask) == 0;
}

static bool parse_bits(const json_t *args, struct bits *b)
{
	int64_t width = jx_get_int(args, "width", 0), mask = jx_get_int(args, "mask", 0),
		value = jx_get_int(args, "value", -1);

	if (width != 8 && width != 16 && width != 32)
		return false;
	b->bytes = (unsigned int)width / 8;
	b->offset = jx_get_int(args, "offset", -1);
	if (b->offset < 0 || b->offset >= CONFIG_SPACE || b->offset % b->bytes)
		return false;
	if (mask == 0 || !is_part_of(mask, (uint32_t)((UINT64_C(1) << width) - 1)))
		return false;
	b->mask = (uint32_t)mask;
	b->value = (uint32_t)value;
	return is_part_of(value, b->mask) && parse_address(args, b->address);
}

static int open_config(const struct undo_env *env, const struct bits *b, int flags)
{
	autofree char *path = device_path(env, b->address, "config");
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Config space is little endian. -ENODATA: it ends before the register, or is not shown further. */
static int read_register(int fd, const struct bits *b, uint32_t *value)
{
	uint8_t raw[sizeof(*value)];
	ssize_t n = pread(fd, raw, b->bytes, b->offset);

	if (n < 0)
		return -errno;
	if ((size_t)n < b->bytes)
		return -ENODATA;
	*value = 0;
	for (unsigned int i = 0; i < b->bytes; i++)
		*value |= (uint32_t)raw[i] << 8 * i;
	return 0;
}

static int write_register(int fd, const struct bits *b, uint32_t value)
{
	uint8_t raw[sizeof(value)];
	ssize_t n;

	for (unsigned int i = 0; i < b->bytes; i++)
		raw[i] = (uint8_t)(value >> 8 * i);
	n = pwrite(fd, raw, b->bytes, b->offset);
	if (n < 0)
		return -errno;
	return (size_t)n == b->bytes ? 0 : -EIO;
}

/* 1 if they had to be set, 0 if they were so, -EIO if they stay as they are, or a negative errno. */
static int set_bits(int fd, const struct bits *b)
{
	uint32_t now = 0;
	int r = read_register(fd, b, &now);

	if (r < 0 || (now & b->mask) == b->value)
		return r;
	r = write_register(fd, b, (now & ~b->mask) | b->value);
	if (r == 0)
		r = read_register(fd, b, &now);
	if (r < 0)
		return r;
	return (now & b->mask) == b->value ? 1 : -EIO;
}

static const char *explain_config(int r)
{
	switch (r) {
	case -ENODATA:
		return "its config space ends before, or is shown to root only";
	case -EIO:
		return "the bits do not stay as written";
	case -EPERM:
		return "not permitted: is the kernel locked down?";
	default:
		return strerror(-r);
	}
}

static int deny_config(const struct bits *b, int r, struct unmet *why)
{
	if (r == -ENOENT)
		return deny_absent(b->address, why);
	return undo_deny(why, r == -EIO ? SKIP_HW_UNSUPPORTED : undo_category(r), r,
			 "cannot change config space of '%s' at 0x%03" PRIx64 ": %s", b->address,
			 b->offset, explain_config(r));
}

int undo_pci_config_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	autoclose int fd = -1;
	struct bits b;
	uint32_t now;
	json_t *before;
	int r;

	if (!parse_bits(args, &b))
		return undo_deny_args(why, "pci-config");
	fd = open_config(env, &b, O_RDONLY);
	r = fd < 0 ? fd : read_register(fd, &b, &now);
	if (r < 0)
		return deny_config(&b, r, why);
	*there = (now & b.mask) == b.value;
	if (*there)
		return 0;
	before = jx_object();
	jx_set_int(before, "value", now & b.mask);
	jx_set(args, "before", before);
	return 0;
}

int undo_pci_config_apply(const struct undo_env *env, const json_t *args,
			  json_t **facts attr_unused, struct unmet *why)
{
	autoclose int fd = -1;
	struct bits b;
	int r;

	if (!parse_bits(args, &b))
		return undo_deny_args(why, "pci-config");
	fd = open_config(env, &b, O_RDWR);
	r = fd < 0 ? fd : set_bits(fd, &b);
	return r < 0 ? deny_config(&b, r, why) : 0;
}

enum undo_result undo_pci_config_revert(const struct undo_env *env, const json_t *args, char **why)
{
	int64_t value = jx_get_int(json_object_get(args, "before"), "value", -1);
	autoclose int fd = -1;
	struct bits b;
	int r;

	if (!parse_bits(args, &b) || !is_part_of(value, b.mask))
		return undo_fail_args(why, "pci-config");
	b.value = (uint32_t)value;
	fd = open_config(env, &b, O_RDWR);
	if (fd == -ENOENT)
		return gone(b.address, why);
	r = fd < 0 ? fd : set_bits(fd, &b);
	if (r < 0)
		return undo_fail(why, "cannot set config space of '%s' at 0x%03" PRIx64 " back: %s",
				 b.address, b.offset, explain_config(r));
	return r ? UNDO_UNDONE : UNDO_GONE;
}
