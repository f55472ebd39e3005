/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/runner/undo_pci.c: drivers and config space, on files, with a process that does what the kernel
 * does with what is written to them.
 */
#include "test_undo_kind.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define ADDRESS "0000:03:00.0"
#define DEVICE "/sys/bus/pci/devices/" ADDRESS
#define DRIVERS "/sys/bus/pci/drivers"

/* --- a kernel ------------------------------------------------------------------------------------ */

static bool take_line(const char *root, const char *path, const char *line)
{
	autofree char *file = xasprintf("%s%s", root, path);
	autofree char *text = NULL;

	if (fs_read_attr(AT_FDCWD, file, &text) < 0 || strcmp(text, line) != 0)
		return false;
	return truncate(file, 0) == 0;
}

/* A function that is bound is bound once more only when it has been unbound. */
static void serve(const char *root, const char *driver)
{
	autofree char *unbind = xasprintf(DRIVERS "/%s/unbind", driver);
	autofree char *bind = xasprintf(DRIVERS "/%s/bind", driver);
	autofree char *target = xasprintf("../../drivers/%s", driver);
	autofree char *driver_link = xasprintf("%s" DEVICE "/driver", root);

	if (take_line(root, unbind, ADDRESS))
		unlink(driver_link);
	if (access(driver_link, F_OK) < 0 && take_line(root, bind, ADDRESS) &&
	    symlink(target, driver_link) < 0)
		_exit(1);
}

/* Knows two drivers; ends with this process. */
static pid_t start_kernel(const char *root)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	while (pid == 0 && getppid() == parent) {
		serve(root, "nvme");
		serve(root, "vfio-pci");
		poll(NULL, 0, 2);
	}
	if (pid == 0)
		_exit(0);
	return pid;
}

static void stop_kernel(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void put_driver(const char *root, const char *name)
{
	autofree char *bind = xasprintf(DRIVERS "/%s/bind", name);
	autofree char *unbind = xasprintf(DRIVERS "/%s/unbind", name);

	put(root, bind, "");
	put(root, unbind, "");
}

/* A function that nvme drives, and vfio-pci could. */
static void put_function(const char *root)
{
	put_driver(root, "nvme");
	put_driver(root, "vfio-pci");
	put(root, DEVICE "/driver_override", "(null)\n");
	put_link(root, DEVICE "/driver", "../../drivers/nvme");
}

static void assert_driver(const char *root, const char *expected)
{
	autofree char *path = xasprintf("%s" DEVICE "/driver", root);
	autofree char *name = NULL;

	if (fs_read_link_name(AT_FDCWD, path, &name) < 0)
		name = xstrdup("");
	assert_string_equal(name, expected);
}

/* --- the driver ---------------------------------------------------------------------------------- */

#define TO_VFIO "{\"address\":\"" ADDRESS "\",\"driver\":\"vfio-pci\"}"
#define TO_NONE "{\"address\":\"" ADDRESS "\",\"driver\":\"\"}"

static void other_driver(void **state)
{
	autojson json_t *args = parse_args(TO_VFIO);
	pid_t kernel;
	bool there;

	put_function(*state);
	kernel = start_kernel(*state);
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_GONE);
	assert_int_equal(try_apply(*state, "driver-override", args, NULL, NULL), 0);
	assert_driver(*state, "vfio-pci");
	assert_text(*state, DEVICE "/driver_override", "vfio-pci\n");
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_UNDONE);
	assert_driver(*state, "nvme");
	assert_text(*state, DEVICE "/driver_override", "\n");
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_GONE);
	stop_kernel(kernel);
}

static void no_driver(void **state)
{
	autojson json_t *args = parse_args(TO_NONE);
	pid_t kernel;
	bool there;

	put_function(*state);
	put(*state, DEVICE "/driver_override", "nvme\n");
	kernel = start_kernel(*state);
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);
	assert_false(there);
	assert_int_equal(try_apply(*state, "driver-override", args, NULL, NULL), 0);
	assert_driver(*state, "");
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);
	assert_true(there);
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_UNDONE);
	assert_driver(*state, "nvme");
	assert_text(*state, DEVICE "/driver_override", "nvme\n");
	stop_kernel(kernel);
}

/* The supervisor died after the unbinding: half of the change is there. */
static void half_made(void **state)
{
	autojson json_t *args = parse_args(TO_VFIO);
	pid_t kernel;
	bool there;

	put_function(*state);
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);
	put(*state, DEVICE "/driver_override", "vfio-pci\n");
	take_away(*state, DEVICE "/driver");
	kernel = start_kernel(*state);
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_UNDONE);
	stop_kernel(kernel);
	assert_driver(*state, "nvme");
	assert_text(*state, DEVICE "/driver_override", "\n");

	/* only the override was written */
	put(*state, DEVICE "/driver_override", "vfio-pci\n");
	assert_int_equal(try_revert(*state, "driver-override", args, NULL), UNDO_UNDONE);
	assert_text(*state, DEVICE "/driver_override", "\n");
}

static void driver_not_possible(void **state)
{
	autojson json_t *args = parse_args(TO_VFIO);
	autojson json_t *unknown =
		parse_args("{\"address\":\"" ADDRESS "\",\"driver\":\"no-such\"}");
	bool there;

	assert_int_equal(try_look(*state, "driver-override", args, &there, "no PCI function"),
			 -ENODEV);
	put_function(*state);
	assert_int_equal(try_look(*state, "driver-override", unknown, &there, "driver 'no-such'"),
			 -ENOENT);
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);

	/* nobody acts on what is written */
	assert_int_equal(apply_within(NO_PATIENCE, *state, "driver-override", args, NULL,
				      "not done in time"),
			 -ETIMEDOUT);
	put_link(*state, DEVICE "/driver", "../../drivers/vfio-pci");
	assert_int_equal(
		revert_within(NO_PATIENCE, *state, "driver-override", args, "driver 'nvme'"),
		UNDO_FAILED);

	/* the driver refuses */
	put_link(*state, DRIVERS "/nvme/bind", "/dev/full");
	assert_int_equal(try_revert(*state, "driver-override", args, "cannot bind"), UNDO_FAILED);
	put_link(*state, DRIVERS "/vfio-pci/unbind", "/dev/full");
	assert_int_equal(try_revert(*state, "driver-override", args, "cannot unbind"), UNDO_FAILED);
	put(*state, DEVICE "/driver_override", "vfio-pci\n");
	put_link(*state, DEVICE "/driver_override", "/dev/full");
	assert_int_equal(try_revert(*state, "driver-override", args, "driver override"),
			 UNDO_FAILED);

	/* pulled out */
	take_away(*state, DEVICE "/driver_override");
	take_away(*state, DEVICE "/driver");
	take_away(*state, DEVICE);
	assert_int_equal(try_revert(*state, "driver-override", args, "any more"), UNDO_GONE);
}

/* A user of the device does not let go of it. */
static void stuck_in_unbind(void **state)
{
	autojson json_t *args = parse_args(TO_NONE);
	autofree char *unbind = xasprintf("%s" DRIVERS "/nvme/unbind", (char *)*state);
	bool there;

	put_function(*state);
	assert_int_equal(try_look(*state, "driver-override", args, &there, NULL), 0);
	take_away(*state, DRIVERS "/nvme/unbind");
	assert_int_equal(mkfifo(unbind, 0600), 0);
	assert_int_equal(apply_within(NO_PATIENCE, *state, "driver-override", args, NULL,
				      "cannot unbind '" ADDRESS
				      "', driver 'nvme': not done in time"),
			 -ETIMEDOUT);
	assert_driver(*state, "nvme");
}

static void driver_hostile(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"address\":\"" ADDRESS "\"}",
		"{\"driver\":\"nvme\"}",
		"{\"address\":\"../0000:03:00.0\",\"driver\":\"nvme\"}",
		"{\"address\":\"0000:03:00.9\",\"driver\":\"nvme\"}",
		"{\"address\":\"\",\"driver\":\"nvme\"}",
		"{\"address\":7,\"driver\":\"nvme\"}",
		"{\"address\":\"" ADDRESS "\",\"driver\":\"..\"}",
		"{\"address\":\"" ADDRESS "\",\"driver\":\"../nvme\"}",
		"{\"address\":\"" ADDRESS "\",\"driver\":\"nv\\nme\"}",
		"{\"address\":\"" ADDRESS "\",\"driver\":7}",
	};
	static const char *const before[] = {
		"{}",
		"{\"driver\":\"nvme\"}",
		"{\"override\":\"\"}",
		"{\"driver\":\"../x\",\"override\":\"\"}",
		"{\"driver\":\"nvme\",\"override\":\"a/b\"}",
	};

	put_function(*state);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "driver-override", rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		autojson json_t *args = parse_args(TO_VFIO);

		jx_set(args, "before", parse_args(before[i]));
		assert_int_equal(try_revert(*state, "driver-override", args, "no change of kind"),
				 UNDO_FAILED);
	}
	assert_text(*state, DEVICE "/driver_override", "(null)\n");
	assert_driver(*state, "nvme");
}

/* --- config space -------------------------------------------------------------------------------- */

#define CONFIG DEVICE "/config"

static void put_config(const char *root)
{
	char space[257] = { 0 };

	for (int i = 0; i < 256; i++)
		space[i] = (char)('0' + i % 64);
	put(root, CONFIG, space);
}

/* The register at 0x10: 40414243, of which the bits of the mask change. */
static void bits_of_a_register(void **state)
{
	static const struct {
		int width;
		int64_t mask, value;
		const char *after;
	} rows[] = {
		{ 8, 0x0f, 0x05, "EABC" },
		{ 16, 0x0f00, 0x0700, "@GBC" },
		{ 32, 0x0f00000f, 0x07000001, "AABG" },
		{ 32, 0x7f7f7f7f, 0x64636261, "abcd" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autojson json_t *args = parse_args("{\"address\":\"" ADDRESS "\",\"offset\":16}");
		autofree char *now = NULL;
		autofree char *path = xasprintf("%s" CONFIG, (char *)*state);
		autofree char *original = NULL;
		bool there;

		put_config(*state);
		assert_int_equal(fs_read(AT_FDCWD, path, 4096, &original, NULL), 0);
		jx_set_int(args, "width", rows[i].width);
		jx_set_int(args, "mask", rows[i].mask);
		jx_set_int(args, "value", rows[i].value);
		assert_int_equal(try_look(*state, "pci-config", args, &there, NULL), 0);
		assert_false(there);
		assert_int_equal(try_revert(*state, "pci-config", args, NULL), UNDO_GONE);
		assert_int_equal(try_apply(*state, "pci-config", args, NULL, NULL), 0);
		assert_int_equal(fs_read(AT_FDCWD, path, 4096, &now, NULL), 0);
		assert_memory_equal(now, original, 16);
		assert_memory_equal(now + 16, rows[i].after, 4);
		assert_memory_equal(now + 20, original + 20, 236);
		assert_int_equal(try_look(*state, "pci-config", args, &there, NULL), 0);
		assert_true(there);
		assert_int_equal(try_apply(*state, "pci-config", args, NULL, NULL), 0);
		assert_int_equal(try_revert(*state, "pci-config", args, NULL), UNDO_UNDONE);
		assert_text(*state, CONFIG, original);
		assert_int_equal(try_revert(*state, "pci-config", args, NULL), UNDO_GONE);
	}
}

#define BITS "\"address\":\"" ADDRESS "\",\"offset\":16,\"width\":16,\"mask\":3,\"value\":1"

/* What others have changed beside the bits meanwhile stays. */
static void only_these_bits_come_back(void **state)
{
	autojson json_t *args = parse_args("{" BITS "}");
	bool there;

	put(*state, CONFIG, "0123456789abcdef@ABCDEFG");
	assert_int_equal(try_look(*state, "pci-config", args, &there, NULL), 0);
	assert_int_equal(try_apply(*state, "pci-config", args, NULL, NULL), 0);
	assert_text(*state, CONFIG, "0123456789abcdefAABCDEFG");
	put(*state, CONFIG, "0123456789abcdefaxBCDEFG");
	assert_int_equal(try_revert(*state, "pci-config", args, NULL), UNDO_UNDONE);
	assert_text(*state, CONFIG, "0123456789abcdef`xBCDEFG");
}

static void config_not_possible(void **state)
{
	autojson json_t *args = parse_args("{" BITS "}");
	bool there;

	assert_int_equal(try_look(*state, "pci-config", args, &there, "no PCI function"), -ENODEV);
	put(*state, CONFIG, "0123456789abcdef@");
	assert_int_equal(try_look(*state, "pci-config", args, &there, "ends before"), -ENODATA);
	put(*state, CONFIG, "0123456789abcdefBABCDEFG");
	assert_int_equal(try_look(*state, "pci-config", args, &there, NULL), 0);

	/* it reads as zero, whatever is written; then it does not take it at all */
	put_link(*state, CONFIG, "/dev/zero");
	assert_int_equal(try_apply(*state, "pci-config", args, NULL, "do not stay"), -EIO);
	assert_int_equal(try_revert(*state, "pci-config", args, "do not stay"), UNDO_FAILED);
	put_link(*state, CONFIG, "/dev/full");
	assert_int_equal(try_apply(*state, "pci-config", args, NULL, "No space"), -ENOSPC);
	take_away(*state, CONFIG);
	assert_int_equal(try_revert(*state, "pci-config", args, "any more"), UNDO_GONE);
}

static void config_hostile(void **state)
{
#define WITH(offset, width, mask, value) \
	"{\"address\":\"" ADDRESS "\",\"offset\":" #offset ",\"width\":" #width ",\"mask\":" #mask \
	",\"value\":" #value "}"
	static const char *const rows[] = {
		"{}",
		"{\"offset\":16,\"width\":16,\"mask\":3,\"value\":1}",
		"{\"address\":\"0000:03:00.0/../"
		"x\",\"offset\":16,\"width\":16,\"mask\":3,\"value\":1}",
		WITH(17, 16, 3, 1),
		WITH(18, 32, 3, 1),
		WITH(-2, 16, 3, 1),
		WITH(4096, 8, 3, 1),
		WITH(16, 64, 3, 1),
		WITH(16, 0, 3, 1),
		WITH(16, 16, 0, 0),
		WITH(16, 16, 65536, 65536),
		WITH(16, 8, 511, 1),
		WITH(16, 16, -1, 1),
		WITH(16, 32, 4294967296, 0),
		WITH(16, 16, 3, 4),
		WITH(16, 16, 3, -1),
		WITH(16, 16, 3, "1"),
		WITH(16, 16, 3, 4294967297),
	};
	autojson json_t *no_before = parse_args("{" BITS "}");
	autojson json_t *other_bits = parse_args("{" BITS ",\"before\":{\"value\":4}}");

	put_config(*state);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(*state, "pci-config", rows[i]);
	assert_int_equal(try_revert(*state, "pci-config", no_before, "no change of kind"),
			 UNDO_FAILED);
	assert_int_equal(try_revert(*state, "pci-config", other_bits, "no change of kind"),
			 UNDO_FAILED);
}

/* --- removal --------------------------------------------------------------------------------------- */

#define BRIDGE "0000:00:01.0"
#define BRIDGE_HOME "/sys/devices/pci0000:00/" BRIDGE
#define HOME BRIDGE_HOME "/" ADDRESS
#define BUS "/sys/bus/pci/devices"
#define REMOVED "/removed"
#define REMOVE "{\"address\":\"" ADDRESS "\"}"

/* A drive below a bridge, where sysfs has it, with this many virtual functions. */
static void put_drive(const char *root, const char *class, const char *virtual_functions)
{
	put_driver(root, "nvme");
	put(root, HOME "/class", class);
	put(root, HOME "/sriov_numvfs", virtual_functions);
	put(root, HOME "/driver_override", "(null)\n");
	put(root, HOME "/remove", "");
	put_link(root, HOME "/driver", "../../../../bus/pci/drivers/nvme");
	put(root, BRIDGE_HOME "/rescan", "");
	put(root, "/sys/bus/pci/rescan", "");
	put_link(root, BUS "/" BRIDGE, "../../../devices/pci0000:00/" BRIDGE);
	put_link(root, BUS "/" ADDRESS, "../../../devices/pci0000:00/" BRIDGE "/" ADDRESS);
}

/* A function that is found again has no override, and gets its driver a moment later. */
static void serve_removal(const char *root)
{
	autofree char *home = xasprintf("%s" HOME, root);
	autofree char *removed = xasprintf("%s" REMOVED, root);
	autofree char *link = xasprintf("%s" BUS "/" ADDRESS, root);
	autofree char *driver = xasprintf("%s" HOME "/driver", root);
	autofree char *override = xasprintf("%s" HOME "/driver_override", root);

	if (take_line(root, HOME "/remove", "1") &&
	    (unlink(link) < 0 || unlink(driver) < 0 || rename(home, removed) < 0))
		_exit(1);
	if (!take_line(root, BRIDGE_HOME "/rescan", "1") || access(removed, F_OK) < 0)
		return;
	if (rename(removed, home) < 0 || truncate(override, 0) < 0 ||
	    symlink("../../../devices/pci0000:00/" BRIDGE "/" ADDRESS, link) < 0)
		_exit(1);
	poll(NULL, 0, 50);
	if (symlink("../../../../bus/pci/drivers/nvme", driver) < 0)
		_exit(1);
}

static pid_t start_removing_kernel(const char *root)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	while (pid == 0 && getppid() == parent) {
		serve_removal(root);
		poll(NULL, 0, 2);
	}
	if (pid == 0)
		_exit(0);
	return pid;
}

static void goes_and_comes(void **state)
{
	autofree char *device = xasprintf("%s" BUS "/" ADDRESS, (char *)*state);
	autojson json_t *args = parse_args(REMOVE);
	bool there = true;
	pid_t kernel;

	put_drive(*state, "0x010802\n", "0\n");
	put(*state, HOME "/driver_override", "nvme\n");
	kernel = start_removing_kernel(*state);
	assert_int_equal(try_look(*state, "pci-remove", args, &there, NULL), 0);
	assert_false(there);
	assert_string_equal(jx_get_str(json_object_get(args, "before"), "bridge"), BRIDGE);
	/* killed before it was made */
	assert_int_equal(try_revert(*state, "pci-remove", args, NULL), UNDO_GONE);
	assert_int_equal(try_apply(*state, "pci-remove", args, NULL, NULL), 0);
	assert_int_equal(access(device, F_OK), -1);
	assert_int_equal(try_revert(*state, "pci-remove", args, NULL), UNDO_UNDONE);
	assert_driver(*state, "nvme");
	assert_text(*state, HOME "/driver_override", "nvme\n");
	/* below its bridge alone */
	assert_text(*state, "/sys/bus/pci/rescan", "");
	assert_int_equal(try_revert(*state, "pci-remove", args, NULL), UNDO_GONE);
	stop_kernel(kernel);
}

static void removal_not_possible(void **state)
{
	autojson json_t *args = parse_args(REMOVE);
	bool there;

	assert_int_equal(try_look(*state, "pci-remove", args, &there, "no PCI function"), -ENODEV);
	put_drive(*state, "0x060400\n", "0\n");
	assert_int_equal(try_look(*state, "pci-remove", args, &there, "a bridge"), -EINVAL);
	put_drive(*state, "0x010802\n", "3\n");
	assert_int_equal(try_look(*state, "pci-remove", args, &there, "3 virtual functions"),
			 -EBUSY);
	put_drive(*state, "0x010802\n", "0\n");
	assert_int_equal(try_look(*state, "pci-remove", args, &there, NULL), 0);

	/* nobody acts on what is written */
	assert_int_equal(
		apply_within(NO_PATIENCE, *state, "pci-remove", args, NULL, "not done in time"),
		-ETIMEDOUT);
	take_away(*state, BUS "/" ADDRESS);
	assert_int_equal(revert_within(NO_PATIENCE, *state, "pci-remove", args, "does not answer"),
			 UNDO_FAILED);
	assert_text(*state, BRIDGE_HOME "/rescan", "1\n");
	/* its bridge is gone with it */
	take_away(*state, BUS "/" BRIDGE);
	assert_int_equal(revert_within(NO_PATIENCE, *state, "pci-remove", args, "does not answer"),
			 UNDO_FAILED);
	assert_text(*state, "/sys/bus/pci/rescan", "1\n");
}

static void removal_hostile(void **state)
{
	static const char *const befores[] = {
		"{}",
		"{\"address\":\"0000:03:00.0\"}",
		"{\"address\":\"0000:03:00.0\",\"before\":{\"driver\":\"nvme\",\"override\":\"\"}}",
		"{\"address\":\"0000:03:00.0\",\"before\":{\"driver\":\"../x\",\"override\":\"\","
		"\"bridge\":\"\"}}",
		"{\"address\":\"0000:03:00.0\",\"before\":{\"driver\":\"\",\"override\":\"\","
		"\"bridge\":\"../..\"}}",
	};
	autojson json_t *none = parse_args("{\"address\":\"..\"}");
	bool there;

	put_drive(*state, "0x010802\n", "0\n");
	assert_int_equal(try_look(*state, "pci-remove", none, &there, "no change of kind"),
			 -EINVAL);
	assert_int_equal(try_apply(*state, "pci-remove", none, NULL, "no change of kind"), -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(befores); i++) {
		autojson json_t *args = parse_args(befores[i]);

		assert_int_equal(try_revert(*state, "pci-remove", args, "no change of kind"),
				 UNDO_FAILED);
	}
	assert_text(*state, BRIDGE_HOME "/rescan", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(other_driver),        test_in_dir(no_driver),
		test_in_dir(half_made),           test_in_dir(driver_not_possible),
		test_in_dir(stuck_in_unbind),     test_in_dir(driver_hostile),
		test_in_dir(bits_of_a_register),  test_in_dir(only_these_bits_come_back),
		test_in_dir(config_not_possible), test_in_dir(config_hostile),
		test_in_dir(goes_and_comes),      test_in_dir(removal_not_possible),
		test_in_dir(removal_hostile),
	};

	return cmocka_run_group_tests_name("runner/undo_pci", tests, NULL, NULL);
}
