#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Faults committed on purpose where the kernel allows some pairs and refuses others: each scenario of
# mappings notices what concerns it.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" p2pdma "$0"

# For each, what is refuted, or the outcome where nothing was shown.
matrix='
p2pdma.map-type   wrong-verdict  1  path
p2pdma.map-type   leak           1  leak
p2pdma.map-type   map-fails      5  inconclusive
p2pdma.refused    wrong-verdict  1  path
p2pdma.refused    leak           1  leak
p2pdma.refused    map-fails      1  errno
p2pdma.mixed-sgl  skip-copy      1  data
p2pdma.mixed-sgl  corrupt-copy   1  data
p2pdma.mixed-sgl  short-copy     1  data
p2pdma.mixed-sgl  wrong-verdict  1  data,path
p2pdma.mixed-sgl  leak           1  leak
p2pdma.mixed-sgl  map-fails      1  path
p2pdma.nvme-cmb-read   map-fails      5  inconclusive
p2pdma.nvme-cmb-write  skip-copy      1  data,path
p2pdma.nvme-cmb-write  corrupt-copy   1  data
p2pdma.nvme-cmb-write  short-copy     1  data
p2pdma.nvme-cmb-write  wrong-verdict  1  path
p2pdma.misroute   skip-copy      1  data
p2pdma.misroute   wrong-verdict  1  path
p2pdma.gup        wrong-verdict  1  errno
p2pdma.gup        map-fails      1  errno
p2pdma.gup        leak           1  leak
p2pdma.mmap-lifetime  corrupt-copy   1  data
p2pdma.mmap-lifetime  wrong-verdict  1  errno
p2pdma.mmap-lifetime  leak           1  counters,leak
p2pdma.no-cpu-sync    bounced        1  counters
p2pdma.no-cpu-sync    leak           1  leak
p2pdma.acs-runtime    wrong-verdict  1  path
p2pdma.acs-runtime    leak           1  leak
'

# The drive, the port above it, the DMA engine, and the function whose BAR is plain memory.
named=(--allow-unsafe --device 0000:04:00.0 --device 0000:02:01.0 --device 0000:05:00.0 --device 0000:06:00.0)
each_fault "$matrix" "${named[@]}"
# Those that take a driver from a function wait for its memory to come back: what another one was made to
# leak is not there.
each_fault '
p2pdma.vfio-copy  skip-copy      1  data
p2pdma.vfio-copy  corrupt-copy   1  data
p2pdma.vfio-copy  short-copy     1  data
p2pdma.vfio-copy  wrong-verdict  1  path
p2pdma.vfio-copy  leak           1  leak
p2pdma.vfio-copy  stale-read     1  data
p2pdma.mmap-unbind    no-unbind      1  errno
p2pdma.mmap-remove    no-remove      1  errno
' "${named[@]}"

# The drive alone, which nothing is stored on.
each_fault '
p2pdma.vfio-copy  skip-copy      1  data
p2pdma.vfio-copy  corrupt-copy   1  data
p2pdma.vfio-copy  short-copy     1  data
' --allow-unsafe --device 0000:04:00.0 --device 0000:06:00.0

# bar read|write: the beginning of the BAR that is plain memory, which nobody else has, to standard output or from
# standard input. A file of sysfs that can be mapped alone: mmap(2), then write(2) or read(2).
bar() {
	perl -e 'open my $f, "+<", "/sys/bus/pci/devices/0000:06:00.0/resource2" or die "$!\n";
		my $at = syscall(9, 0, 16384, 3, 1, fileno($f), 0);
		my $n = $ARGV[0] eq "read" ? syscall(1, 1, $at, 16384) : syscall(0, 0, $at, 16384);
		$n == 16384 or die "$!\n"' "$1"
}
echo 1 > /sys/bus/pci/devices/0000:06:00.0/enable
head -c 16384 /dev/urandom > "$T/in-bar"
bar write < "$T/in-bar"
bar read | cmp - "$T/in-bar"
verdict $? 'the BAR is memory'

# state: what those change that are for named devices alone: ACS, the driver, a drive's middle, the BAR.
state() {
	local device=/sys/bus/pci/devices/0000:04:00.0 disk function
	setpci -s 02:01.0 ECAP_ACS+6.w
	for function in "$device" /sys/bus/pci/devices/0000:0[56]:00.0; do
		echo "$function $(readlink "$function/driver") $(cat "$function/driver_override")"
	done
	disk=$(find "$device/nvme/" -maxdepth 2 -name 'nvme*n1')
	dd if="/dev/${disk##*/}" bs=1M skip=32 count=1 iflag=direct status=none | sha256sum
	bar read | sha256sum
}
disk_is_back() {
	[[ -n $(find /sys/bus/pci/devices/0000:04:00.0/nvme/ -maxdepth 2 -name 'nvme*n1' 2> /dev/null) ]]
}
was=$(state)
certify 0 named "${named[@]}" p2pdma.vfio-copy p2pdma.bar-copy
until_true disk_is_back
is 'named: all is as it was' "$was" "$(state)"
# The first BAR that is met is then the one that is looked at; the drive is who moves, or has the next one.
memory=(--allow-unsafe --device 0000:06:00.0 --device 0000:04:00.0)
for scenario in p2pdma.acs-runtime p2pdma.mmap-unbind p2pdma.mmap-remove p2pdma.nvme-cmb-write \
	p2pdma.vfio-copy p2pdma.bar-copy; do
	devices=("${named[@]}")
	[[ $scenario != *-copy ]] || devices=("${memory[@]}")
	certify 3 "$scenario-killed" "${devices[@]}" --inject killed "$scenario"
	reports "$scenario-killed" 'it was killed, and nothing is left to be undone' 'crash 0' \
		'"\(.results[0].kind) \(.not_undone | length)"'
	until_true disk_is_back
	is "$scenario-killed: all is as it was" "$was" "$(state)"
done
# With the supervisor dead too, what is left is in the journal alone.
for scenario in p2pdma.mmap-unbind p2pdma.mmap-remove p2pdma.vfio-copy p2pdma.bar-copy; do
	devices=("${named[@]}")
	[[ $scenario != *-copy ]] || devices=("${memory[@]}")
	certify 137 "$scenario-abandoned" "${devices[@]}" --inject abandoned "$scenario"
	[[ $was != "$(state 2> /dev/null)" ]]
	verdict $? "$scenario-abandoned: it is not as it was"
	gives 0 "$scenario-abandoned: restored" p2pcert resume --restore-only "$T/$scenario-abandoned"
	until_true disk_is_back
	is "$scenario-abandoned: all is as it was" "$was" "$(state)"
	reports "$scenario-abandoned" 'functions that went and came are no news' '' '.findings[].code'
	nothing_left "$scenario-abandoned"
done

# shellcheck disable=SC2016 # the variables are jq's
for how in killed abandoned; do
	is "$how: what the BAR held had to be written back" 'undone' "$(jq -rs '
		(.[] | select(.event == "undo-add" and .kind == "bar-range").undo) as $bar |
		.[] | select(.event == "undo-done" and .undo == $bar).result' \
		"$T/p2pdma.vfio-copy-$how/journal.jsonl")"
done
# shellcheck disable=SC2016 # the variables are jq's
reports map-fails 'data is right, and which way it went is not shown' \
	'P2P-PATH-UNPROVEN proven missing' '"p2pdma.nvme-cmb-read" as $id |
		"\([.findings[] | select(.scenario == $id).code] | unique | join(" ")) " +
		(.results[] | select(.id == $id).evidence | "\(.data.state) \(.path.state)")'

# Soft RDMA is no function, and memory of a peer is none that it pins.
certify 4 soft --soft-rdma p2pcert-v0 p2pdma.rdma-copy
reports soft 'a soft device moves nothing by itself, and says so' 'hw-unsupported EFAULT' \
	'.results[0].skip[0] | "\(.category) \(.text | split(": ")[1])"'

certify 0 slow --inject slow p2pdma.engine-copy
reports slow 'what is slow is told of each pair and direction, and is no failure' 'P2P-SLOW 4' \
	'[.findings[].code] | "\(unique | join(" ")) \(length)"'
# A drive that nothing was ever written to.
blkdiscard -z "/dev/$(basename /sys/bus/pci/devices/0000:04:00.0/nvme/nvme*/nvme*n1)"
certify 0 blank --allow-unsafe --device 0000:04:00.0 --device 0000:06:00.0 p2pdma.vfio-copy
reports blank 'blocks that are all alike are compared, too' 'false right' \
	'.results[0].facts.transfers[] | "\(.blocks_differ) \(.moved)"'
quiet_kernel 'all faults'
done_testing
