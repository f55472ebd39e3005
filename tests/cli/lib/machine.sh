# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A captured machine with something of all that sysfs and /proc can show, for tests of what becomes
# of it.

# put FILE TEXT: the file with this line, and its directory.
put() {
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "$2" >"$1"
}

# le BYTES VALUE: the number as printf's escapes, the lowest byte first.
le() {
	local i value=$2
	for ((i = 0; i < $1; i++)); do
		printf '\\x%02x' $((value & 0xff))
		value=$((value >> 8))
	done
}

# poke FILE OFFSET BYTES VALUE: writes a register.
poke() {
	# shellcheck disable=SC2059 # the escapes are the format
	printf "$(le "$3" "$4")" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

# make_config FILE VENDOR DEVICE CLASS TYPE: config space with the PCI Express and power management
# capabilities, AER, a serial number and a resizable BAR.
make_config() {
	local config=$1
	head -c 4096 /dev/zero >"$config"
	poke "$config" 0x00 2 "$2"
	poke "$config" 0x02 2 "$3"
	poke "$config" 0x04 2 0x0406
	poke "$config" 0x06 2 0x0010
	poke "$config" 0x08 4 $(($4 << 8 | 1))
	poke "$config" 0x34 1 0x40
	poke "$config" 0x40 4 $((0x10 | 0x80 << 8 | (2 | $5 << 4) << 16))
	poke "$config" 0x44 4 0x10008022
	poke "$config" 0x48 2 0x2936
	poke "$config" 0x4c 4 0x00000104
	poke "$config" 0x52 2 0x0104
	poke "$config" 0x64 4 0x000003d0
	poke "$config" 0x80 4 0x00030001
	poke "$config" 0x100 4 0x14010001
	poke "$config" 0x104 4 0x00100000
	poke "$config" 0x140 4 0x16010003
	poke "$config" 0x144 4 0x11223344
	poke "$config" 0x148 4 0x55667788
	poke "$config" 0x160 4 0x00010015
	poke "$config" 0x164 4 0x0003f000
	poke "$config" 0x168 4 $((13 << 8 | 1 << 5))
}

# make_node ROOT PATH: a function where the kernel puts it, and its link on the bus.
make_node() {
	mkdir -p "$1/sys/devices/$2" "$1/sys/bus/pci/devices"
	ln -s "../../../devices/$2" "$1/sys/bus/pci/devices/"
}

# make_machine ROOT: a root port with a GPU below it, and a VMD with a drive on a bus of its own.
make_machine() {
	local root=$1 port=pci0000:00/0000:00:01.0 gpu vmd=pci0000:00/0000:00:0e.0 drive id
	gpu=$port/0000:01:00.0
	drive=$vmd/pci10000:e0/10000:e0:00.0

	make_node "$root" "$port"
	make_config "$root/sys/devices/$port/config" 0x1022 0x1483 0x060400 4
	poke "$root/sys/devices/$port/config" 0x0e 1 1
	poke "$root/sys/devices/$port/config" 0x18 4 0x00010100
	poke "$root/sys/devices/$port/config" 0x20 4 0xfe10fe00
	put "$root/sys/devices/$port/class" 0x060400
	make_node "$root" "$gpu"
	make_config "$root/sys/devices/$gpu/config" 0x1002 0x740f 0x038000 0
	put "$root/sys/devices/$gpu/vendor" 0x1002
	put "$root/sys/devices/$gpu/device" 0x740f
	put "$root/sys/devices/$gpu/class" 0x038000
	put "$root/sys/devices/$gpu/numa_node" 1
	put "$root/sys/devices/$gpu/dma_mask_bits" 48
	put "$root/sys/devices/$gpu/consistent_dma_mask_bits" 48
	put "$root/sys/devices/$gpu/power_state" D0
	put "$root/sys/devices/$gpu/mem_info_vram_total" 68702699520
	put "$root/sys/devices/$gpu/resource" \
		"0x0000020000000000 0x00000200000fffff 0x000000000014220c
0x0000000000000000 0x0000000000000000 0x0000000000000000
0x0000000000000000 0x00000000000fffff 0x0000000020140204"
	put "$root/sys/devices/$gpu/p2pmem/size" 1048576
	put "$root/sys/devices/$gpu/p2pmem/available" 1048576
	put "$root/sys/devices/$gpu/p2pmem/published" 1
	put "$root/sys/devices/$gpu/p2pmem/allocate" ""
	ln -s ../../../../bus/pci/drivers/amdgpu "$root/sys/devices/$gpu/driver"
	ln -s ../../../../kernel/iommu_groups/7 "$root/sys/devices/$gpu/iommu_group"
	ln -s ../../../virtual/iommu/dmar0 "$root/sys/devices/$gpu/iommu"
	make_node "$root" "$vmd"
	make_config "$root/sys/devices/$vmd/config" 0x8086 0x28c0 0x010400 9
	put "$root/sys/devices/$vmd/vendor" 0x8086
	put "$root/sys/devices/$vmd/device" 0x28c0
	make_node "$root" "$drive"
	make_config "$root/sys/devices/$drive/config" 0x144d 0xa824 0x010802 0
	put "$root/sys/devices/$drive/vendor" 0x144d
	put "$root/sys/devices/$drive/device" 0xa824

	mkdir -p "$root/sys/class/iommu"
	ln -s ../../devices/virtual/iommu/dmar0 "$root/sys/class/iommu/"
	put "$root/sys/devices/virtual/iommu/dmar0/intel-iommu/cap" d2008c40660462
	put "$root/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap" f050da
	put "$root/sys/kernel/iommu_groups/7/type" DMA-FQ
	put "$root/sys/kernel/iommu_groups/7/reserved_regions" \
		"0x00000000fee00000 0x00000000feefffff msi"
	mkdir -p "$root/sys/kernel/iommu_groups/8"
	put "$root/sys/devices/system/node/node0/distance" "10 21"
	put "$root/sys/devices/system/node/node1/distance" "21 10"
	for id in sys_vendor:Supermicro product_name:AS-4125GS bios_vendor:AMI bios_version:1.4 \
		bios_date:05/25/2024 product_serial:S3CR3T product_uuid:S3CR3T; do
		put "$root/sys/devices/virtual/dmi/id/${id%%:*}" "${id#*:}"
	done
	put "$root/proc/cpuinfo" "processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 1
model name	: AMD EPYC

Serial		: S3CR3T"
	put "$root/proc/cmdline" "root=UUID=5ec4e701-0000-4000-8000-5ec4e75ec4e7 iommu=pt"
	put "$root/proc/modules" "amdgpu 12345 0 - Live 0xffffffffc0a51000"
	put "$root/proc/meminfo" "MemTotal:       16384 kB"
	put "$root/proc/version" "Linux version 6.12.9"
	put "$root/proc/sys/kernel/osrelease" 6.12.9
	put "$root/proc/sys/kernel/arch" x86_64
	put "$root/boot/config-6.12.9" CONFIG_PCI_P2PDMA=y
}
