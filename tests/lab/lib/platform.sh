# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154,SC2317 # used by those who load a platform
#
# Platform files: reading one into variables, and listing them all. What the variables mean is said
# here and nowhere else. Those in platforms/ are certified by 'lab check'; those in
# platforms/crosscheck/ only hold what is predicted against the kernel, see t/crosscheck.sh.

# platform_file NAME: prints where it is.
platform_file() {
	local dir
	[[ $1 =~ ^[a-z0-9][a-z0-9-]*$ ]] || return 0
	for dir in "$here"/platforms{,/crosscheck}; do
		[[ ! -r $dir/$1.conf ]] || printf '%s\n' "$dir/$1.conf"
	done
}

# platform_load NAME: sets the variables below to what the platform says.
platform_load() {
	platform_path=$(platform_file "$1")
	[[ -n $platform_path ]] || die_usage "unknown platform '$1': see 'lab list'"

	platform=$1
	summary=		# what it is for, one line
	cpu=EPYC		# QEMU CPU model; the kernel trusts some host bridges by it
	cpus=2
	memory=2048		# MiB, spread evenly over the NUMA nodes
	nodes=1			# NUMA nodes
	machine=()		# QEMU options that are not -device: (-device itself is in devices)
	iommu=()		# QEMU -device strings of the IOMMU, placed before all others
	iommu_cmdline=()	# what the kernel is told about the IOMMU
	devices=()		# QEMU -device strings; drive=NAME makes a backing file for an nvme
	cmdline=()		# other words for the kernel command line
	kernel=backports	# kernel flavour
	initramfs=()		# modules without which the root file system's device does not come up
	profile=reference	# profile that p2pcert runs there
	run_options=()		# what 'p2pcert run' is given besides
	expect_verdict=pass	# what p2pcert must come to
	expect_exit=0
	# 'SCENARIO OUTCOME [WHAT]...', WHAT being one of: EVIDENCE=STATE, EVIDENCE~WORD (in a detail of
	# it), skip=CATEGORY, ruled=VERDICT (of the kernel, on some pair), ruled!=VERDICT (on none),
	# finding=CODE. There are no other findings than these.
	expect=()
	# The table of pairs: the matrix of 'p2pcert report pairs' without names. None: not looked at.
	expect_pairs=
	coldplug=(pci nvme block net infiniband)	# subsystems that get drivers; none: no udev
	# Where ACS was changed after boot: the groups that only the kernel has, as '< FUNCTION...', and
	# those that are only predicted, as '> FUNCTION...', in the order of diff.
	expect_stale=()
	scratch=0		# MiB of an ext4 file system, a file for the guest's setup: $dir/scratch
	# Run in the guest, as root, before the command; the other is for what includes a platform.
	guest_setup() { :; }
	guest_setup_more() { :; }
	# Run by 'lab check' after a run, in its folder: one line on stdout per thing that is wrong.
	expect_more() { :; }

	# shellcheck source=/dev/null
	. "$platform_path"
}

# include NAME: for platform files: all that NAME says holds here too, unless said otherwise; but for its
# table of pairs, which is of what it runs.
include() {
	# shellcheck source=/dev/null
	. "$(platform_file "$1")"
	expect_pairs=
}

# platform_names: those that are certified.
platform_names() {
	local file
	for file in "$here"/platforms/*.conf; do
		file=${file##*/}
		printf '%s\n' "${file%.conf}"
	done
}

# platform_is_certified: is the platform that was loaded for 'lab check'?
platform_is_certified() {
	[[ ${platform_path%/*} == "$here/platforms" ]]
}

platform_list() {
	local file
	printf '%-16s %-10s %-13s %-5s %s\n' PLATFORM KERNEL VERDICT EXIT 'WHAT IT IS FOR'
	for file in "$here"/platforms{,/crosscheck}/*.conf; do
		file=${file##*/}
		platform_load "${file%.conf}"
		platform_is_certified || expect_verdict=- expect_exit=-
		printf '%-16s %-10s %-13s %-5s %s\n' \
			"$platform" "$kernel" "$expect_verdict" "$expect_exit" "$summary"
	done
}
