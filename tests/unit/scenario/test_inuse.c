/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/scenario/inuse.c, on a sysfs and proc made for it: a device that is free, each reason not to
 * touch one, what belongs to a function, and what cannot be told.
 */
#include "sysroot.h"

#include <sys/stat.h>

#include "scenario/inuse.h"

#define FUNCTION "0000:03:00.0"
#define PCI "/sys/devices/pci0000:00/0000:00:01.0/" FUNCTION

/* --- a machine ---------------------------------------------------------------------------------- */

static void put_block(const char *root, const char *dir, const char *name, const char *number)
{
	autofree char *at = xasprintf("%s/%s", dir, name);
	autofree char *dev = xasprintf("%s/dev", at);
	autofree char *uevent = xasprintf("%s/uevent", at);
	autofree char *text = xasprintf("MAJOR=259\nDEVNAME=%s\nDEVTYPE=disk\n", name);
	autofree char *holders = xasprintf("%s/holders", at);
	autofree char *class = xasprintf("/sys/class/block/%s", name);
	autofree char *target = xasprintf("../../..%s", at);

	put(root, dev, number);
	put(root, uevent, text);
	put_dir(root, holders);
	put_link(root, class, target);
}

/* A drive with a partition, a network interface, a display and an RDMA device below one function. */
static void put_machine(const char *root)
{
	put_dir(root, PCI "/virtual");
	put_link(root, "/sys/bus/pci/devices/" FUNCTION, "../../../.." PCI);
	put_block(root, PCI "/nvme/nvme0", "nvme0n1", "259:0\n");
	put_block(root, PCI "/nvme/nvme0/nvme0n1", "nvme0n1p1", "259:1\n");
	/* another drive, whose name begins as the first */
	put_block(root, "/sys/devices/virtual/block", "nvme0n10", "259:9\n");
	put_block(root, "/sys/devices/virtual/block", "dm-0", "253:0\n");

	put(root, PCI "/net/eth0/flags", "0x1002\n");
	put(root, PCI "/net/eth0/carrier", "0\n");
	put_link(root, "/sys/class/net/eth0", "../../.." PCI "/net/eth0");
	put(root, PCI "/drm/card0/card0-DP-1/status", "disconnected\n");
	put_link(root, "/sys/class/drm/card0-DP-1", "../../.." PCI "/drm/card0/card0-DP-1");
	put_dir(root, PCI "/infiniband/mlx5_0");
	put_link(root, "/sys/class/infiniband/mlx5_0", "../../.." PCI "/infiniband/mlx5_0");
	put(root, PCI "/infiniband_verbs/uverbs0/ibdev", "mlx5_0\n");
	put(root, PCI "/infiniband_verbs/uverbs0/uevent", "DEVNAME=infiniband/uverbs0\n");
	put_link(root, "/sys/class/infiniband_verbs/uverbs0",
		 "../../.." PCI "/infiniband_verbs/uverbs0");
	put_link(root, "/sys/dev/char/231:192", "../../.." PCI "/infiniband_verbs/uverbs0");

	put(root, "/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	put(root, "/proc/self/mountinfo",
	    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
	    "27 1 259:9 / / rw,relatime shared:1 - ext4 /dev/nvme0n10 rw\n");
	put(root, "/proc/81/comm", "sleep\n");
	put_link(root, "/proc/81/fd/0", "/dev/null");
	put_link(root, "/proc/81/fd/1", "/dev/nvme0n10");
}

/* The device has this reason and no other; NULL: it is free. */
static void only(const struct in_use_env *env, const char *device, const char *wanted)
{
	char **reasons;
	size_t n = device_in_use(env, device, &reasons);

	if (n != (wanted ? 1 : 0) || (n && strcmp(reasons[0], wanted) != 0)) {
		for (size_t i = 0; i < n; i++)
			print_message("%s: %s\n", device, reasons[i]);
		fail_msg("'%s' has %zu reasons, wanted '%s'", device, n, wanted ? wanted : "none");
	}
	in_use_free(reasons, n);
}

/* One of several reasons. */
static void among(const struct in_use_env *env, const char *device, const char *wanted)
{
	char **reasons;
	size_t n = device_in_use(env, device, &reasons);
	bool found = false;

	for (size_t i = 0; i < n; i++)
		found |= strcmp(reasons[i], wanted) == 0;
	if (!found)
		fail_msg("'%s' does not have '%s' among %zu reasons", device, wanted, n);
	in_use_free(reasons, n);
}

static void all(const struct in_use_env *env, const char *const *devices, const char *wanted)
{
	for (; *devices; devices++)
		only(env, *devices, wanted);
}

static const char *const everything[] = { FUNCTION, "nvme0n1", "eth0", "mlx5_0", NULL };
static const char *const drive[] = { FUNCTION, "nvme0n1", "nvme0n1p1", NULL };

/* --- tests -------------------------------------------------------------------------------------- */

static void free_devices(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	all(&env, everything, NULL);
	only(&env, "nvme0n1p1", NULL);
	only(&env, "03:00.0", NULL); /* without the domain */
	among(&env, "nvme0n10", "'nvme0n10' is mounted at '/'");
	among(&env, "nvme0n10", "'/dev/nvme0n10' is open in process 81 (sleep)");
}

static void no_such_device(void **state)
{
	static const char *const none[] = {
		"0000:04:00.0",     "nvme1n1",           "",   ".", "..",
		"../block/nvme0n1", "nvme0n1/nvme0n1p1", "lo", NULL
	};
	const struct in_use_env env = { .sysroot = *state };

	all(&env, none, "there is no such device");
	put_machine(*state);
	all(&env, none, "there is no such device");
}

static void mounts(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	put(*state, "/proc/self/mountinfo",
	    "torn\n"
	    "1 2\n"
	    "22 27 0:21 / /259:1 rw - proc proc rw\n"
	    "27 1 259:1 / /mnt/a\\040b rw,relatime shared:1 master:2 - ext4 /dev/root rw\n"
	    "28 1 259:1 /x /again rw - ext4 /dev/root rw\n");
	all(&env, drive, "'nvme0n1p1' is mounted at '/mnt/a\\040b'");
	only(&env, "eth0", NULL);

	/* a file system on several devices has a number of its own */
	put(*state, "/proc/self/mountinfo",
	    "27 1 0:45 /@ /data rw - btrfs /dev/nvme0n1 rw,subvol=/@\n");
	only(&env, FUNCTION, "'nvme0n1' is mounted at '/data'");
	/* numbers and names that others begin with */
	put(*state, "/proc/self/mountinfo",
	    "27 1 259:11 / /data rw - ext4 /dev/nvme0n1p11 rw\n"
	    "28 1 259:10 / /more rw - ext4 /dev/nvme0n rw\n");
	all(&env, drive, NULL);
	/* a disk beside it, whose directory's name begins as its own */
	put_block(*state, PCI "/nvme/nvme0", "nvme0n11", "259:20\n");
	put(*state, "/proc/self/mountinfo", "27 1 259:20 / /x rw - ext4 /dev/root rw\n");
	only(&env, "nvme0n1", NULL);
	only(&env, FUNCTION, "'nvme0n11' is mounted at '/x'");
}

static void mounts_that_cannot_be_read(void **state)
{
	const struct in_use_env env = { .sysroot = *state };
	autofree char *table = fs_under(*state, "/proc/self/mountinfo");

	put_machine(*state);
	assert_int_equal(unlink(table), 0);
	only(&env, "nvme0n1p1", "what of 'nvme0n1p1' is mounted cannot be read");
	only(&env, "eth0", NULL);
}

static void swap_space(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	put(*state, "/proc/swaps",
	    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
	    "/dev/nvme0n1p11                         partition\t1\t0\t-2\n"
	    "/dev/nvme0n1p1                          partition\t1\t0\t-2\n");
	all(&env, drive, "'nvme0n1p1' is swap space");
}

static void holders(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	put_link(*state, PCI "/nvme/nvme0/nvme0n1/nvme0n1p1/holders/dm-0",
		 "../../../../../../../../virtual/block/dm-0");
	all(&env, drive, "'nvme0n1p1' is part of 'dm-0'");
	put(*state, "/proc/self/mountinfo", "27 1 253:0 / /home rw - ext4 /dev/mapper/v-h rw\n");
	among(&env, FUNCTION, "'nvme0n1p1' is part of 'dm-0'");
	among(&env, FUNCTION, "'dm-0' is mounted at '/home'");
	/* what is built on itself comes to an end */
	put_link(*state, "/sys/devices/virtual/block/dm-0/holders/dm-0", "../../dm-0");
	among(&env, FUNCTION, "'dm-0' is part of 'dm-0'");
}

static void open_nodes(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	put(*state, "/proc/4711/comm", "qemu\n");
	put_link(*state, "/proc/4711/fd/7", "/dev/nvme0n1");
	put_link(*state, "/proc/4711/fd/8", "/dev/nvme0n1");
	put_link(*state, "/proc/4712/fd/8", "/dev/nvme0n1");
	put_link(*state, "/proc/sys/fd/9", "/dev/nvme0n1p1");
	only(&env, FUNCTION, "'/dev/nvme0n1' is open in process 4711 (qemu)");
	only(&env, "nvme0n1", "'/dev/nvme0n1' is open in process 4711 (qemu)");
	only(&env, "nvme0n1p1", NULL);
	only(&env, "mlx5_0", NULL);

	put_link(*state, "/proc/4713/fd/3", "/dev/infiniband/uverbs0");
	only(&env, "mlx5_0", "'/dev/infiniband/uverbs0' is open in process 4713 (unknown)");
	among(&env, FUNCTION, "'/dev/infiniband/uverbs0' is open in process 4713 (unknown)");
	only(&env, "eth0", NULL);
}

static int give_to_nobody(const char *path, const struct stat *st attr_unused, int flag attr_unused,
			  struct FTW *ftw attr_unused)
{
	return lchown(path, 65534, (gid_t)-1);
}

/* Root may read everything: for this it is nobody for a while. */
static void processes_of_others(void **state)
{
	const struct in_use_env env = { .sysroot = *state };
	autofree char *fds = fs_under(*state, "/proc/81/fd");

	bool root = geteuid() == 0;

	put_machine(*state);
	assert_int_equal(chmod(fds, 0), 0);
	if (root) {
		assert_int_equal(nftw(*state, give_to_nobody, 16, FTW_PHYS), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	only(&env, "nvme0n1", "what some processes have open cannot be read");
	only(&env, "eth0", NULL); /* has no node */
	assert_int_equal(chmod(fds, 0700), 0);
	if (root)
		assert_int_equal(seteuid(0), 0);
}

static bool lan_has_address(const char *netdev)
{
	return strcmp(netdev, "eth0") == 0;
}

static void interfaces(void **state)
{
	static const char *const devices[] = { FUNCTION, "eth0", NULL };
	const struct in_use_env env = { .sysroot = *state };
	const struct in_use_env addressed = { .sysroot = *state, .has_address = lan_has_address };

	put_machine(*state);
	all(&addressed, devices, "'eth0' has an address");
	put(*state, PCI "/net/eth0/carrier", "1\n");
	all(&env, devices, NULL); /* not up */
	put(*state, PCI "/net/eth0/flags", "0x1003\n");
	all(&env, devices, "'eth0' is up and has a carrier");
	put(*state, PCI "/net/eth0/carrier", "0\n");
	all(&env, devices, NULL);
	put_link(*state, PCI "/net/eth0/upper_bond0", "../bond0");
	all(&env, devices, "'eth0' is part of 'bond0'");
}

static void displays(void **state)
{
	const struct in_use_env env = { .sysroot = *state };

	put_machine(*state);
	put(*state, PCI "/drm/card0/card0-DP-1/status", "connected\n");
	only(&env, FUNCTION, "a display is connected to 'card0-DP-1'");
	only(&env, "eth0", NULL);
}

static const char *claimed; /* by somebody else */
static int claim_error;

static int claim(const char *node)
{
	return claimed && strcmp(node, claimed) == 0 ? claim_error : 0;
}

static void claims(void **state)
{
	const struct in_use_env env = { .sysroot = *state, .claim = claim };

	put_machine(*state);
	claimed = NULL;
	claim_error = -EBUSY;
	all(&env, everything, NULL);
	claimed = "/dev/nvme0n1p1";
	all(&env, drive, "'/dev/nvme0n1p1' is claimed");
	claim_error = -EACCES;
	all(&env, drive, "whether '/dev/nvme0n1p1' is claimed cannot be told: Permission denied");
	only(&env, "eth0", NULL);
	/* one path of several to a disk has no node to claim */
	put(*state, PCI "/nvme/nvme0/nvme0n1/nvme0n1p1/hidden", "1\n");
	all(&env, drive, NULL);
	/* what is explained is not claimed as well */
	claimed = "/dev/nvme0n1";
	put(*state, "/proc/self/mountinfo", "27 1 259:1 / /x rw - ext4 /dev/root rw\n");
	only(&env, FUNCTION, "'nvme0n1p1' is mounted at '/x'");
}

static void vfio(void **state)
{
	const struct in_use_env env = { .sysroot = *state, .claim = claim };

	autofree char *driver = fs_under(*state, PCI "/driver");

	put_machine(*state);
	put_link(*state, PCI "/driver", "../../../../bus/pci/drivers/nvme");
	put_link(*state, PCI "/iommu_group", "../../../../kernel/iommu_groups/12");
	put(*state, "/dev/vfio/12", "");
	/* another function of the group is used: that driver's functions have nothing to do with it */
	claimed = "/dev/vfio/12";
	claim_error = -EBUSY;
	only(&env, FUNCTION, NULL);
	assert_int_equal(unlink(driver), 0);
	put_link(*state, PCI "/driver", "../../../../bus/pci/drivers/vfio-pci");
	claimed = NULL;
	only(&env, FUNCTION, NULL);
	claimed = "/dev/vfio/12";
	only(&env, FUNCTION, "'/dev/vfio/12' is claimed");
	put_link(*state, "/proc/81/fd/5", "/dev/vfio/12");
	only(&env, FUNCTION, "'/dev/vfio/12' is open in process 81 (sleep)");
}

/* What belongs to a function and does not lie below it. */
static void relatives(void **state)
{
	const struct in_use_env env = { .sysroot = *state };
	static const char vf[] = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.1";
	autofree char *flags = xasprintf("%s/net/eth1/flags", vf);
	autofree char *carrier = xasprintf("%s/net/eth1/carrier", vf);
	autofree char *target = xasprintf("../../..%s/net/eth1", vf);

	put_machine(*state);
	put(*state, flags, "0x1\n");
	put(*state, carrier, "1\n");
	put_link(*state, "/sys/class/net/eth1", target);
	only(&env, FUNCTION, NULL);
	put_link(*state, PCI "/virtfn0", "../0000:03:00.1");
	only(&env, FUNCTION, "'eth1' is up and has a carrier");
	only(&env, "eth0", NULL);
	/* the port above has all of it below */
	put_link(*state, "/sys/bus/pci/devices/0000:00:01.0",
		 "../../../devices/pci0000:00/0000:00:01.0");
	only(&env, "0000:00:01.0", "'eth1' is up and has a carrier");
}

/* A disk with several paths lies in its subsystem. */
static void multipath(void **state)
{
	static const char subsystem[] = "/sys/devices/virtual/nvme-subsystem/nvme-subsys1";
	const struct in_use_env env = { .sysroot = *state };
	autofree char *controller = xasprintf("%s/nvme5", subsystem);

	put_machine(*state);
	put_block(*state, subsystem, "nvme5n1", "259:5\n");
	put_block(*state, subsystem, "nvme5n2", "259:6\n");
	put_dir(*state, PCI "/nvme/nvme5");
	put_link(*state, "/sys/class/nvme-subsystem/nvme-subsys1",
		 "../../devices/virtual/nvme-subsystem/nvme-subsys1");
	put(*state, "/proc/self/mountinfo", "27 1 259:6 / /x rw - ext4 /dev/root rw\n");
	only(&env, FUNCTION, NULL);
	put_link(*state, controller, "../../../../.." PCI "/nvme/nvme5");
	only(&env, FUNCTION, "'nvme5n2' is mounted at '/x'");
	only(&env, "nvme5n2", "'nvme5n2' is mounted at '/x'");
	only(&env, "nvme5n1", NULL);
}

/* The questions to the running machine have answers without privilege. */
static void here(void **state)
{
	autofree char *file = fs_under(*state, "/file");

	assert_int_equal(in_use_claim(file), -ENOENT);
	put(*state, "/file", "");
	assert_int_equal(in_use_claim(file), 0);
	assert_false(in_use_has_address("p2pcert-none"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(free_devices), test_in_dir(no_such_device),
		test_in_dir(mounts),       test_in_dir(mounts_that_cannot_be_read),
		test_in_dir(swap_space),   test_in_dir(holders),
		test_in_dir(open_nodes),   test_in_dir(processes_of_others),
		test_in_dir(interfaces),   test_in_dir(displays),
		test_in_dir(claims),       test_in_dir(vfio),
		test_in_dir(relatives),    test_in_dir(multipath),
		test_in_dir(here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
