#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# probe and topo --from: every kind of captured machine, standard input, refusals, unprivileged.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

lab=${P2PCERT_TEST_DATA:?}/platform/lab

# The filter holds of what was printed.
holds() {
	jq -e "$1" "$T/out" >/dev/null
}

# from_stdin FILE CMD...
from_stdin() {
	local file=$1
	shift
	"$@" <"$file"
}

# make_capture DIR: a machine with one function.
make_capture() {
	local dir=$1/sys/devices/pci0000:00/0000:00:1f.0
	mkdir -p "$dir" "$1/sys/bus/pci/devices"
	ln -s ../../../devices/pci0000:00/0000:00:1f.0 "$1/sys/bus/pci/devices/"
	echo 0x8086 >"$dir/vendor"
	echo 0x1234 >"$dir/device"
}

# refused TITLE FILE TEXT: exit 2, one message that quotes the file and says so.
refused() {
	gives 2 "$1" "$P2PCERT" probe --from "$2"
	one_message "$1: one message"
	err_has "$1: it says why" "'$2" "$3"
	ok "$1: nothing is printed" [ ! -s "$T/out" ]
}

gives 0 "decoded text" "$P2PCERT" probe --from "$lab/lspci-vvvnn.txt"
ok "it is known what it was" holds '.source.kind == "lspci" and (.source.path | endswith("vvvnn.txt"))'
ok "all functions are there" holds '(.functions | length) == 26'
cp "$T/out" "$T/decoded"
gives 0 "decoded text on standard input" \
	from_stdin "$lab/lspci-vvvnn.txt" "$P2PCERT" probe --from -
is "and it is the same" "$(jq .functions "$T/decoded")" "$(jq .functions "$T/out")"
gives 0 "compressed hex" "$P2PCERT" probe --from "$lab/lspci-xxxx.txt.xz"
ok "all functions are there too" holds '(.functions | length) == 26'
gives 0 "compressed hex on standard input" \
	from_stdin "$lab/lspci-xxxx.txt.xz" "$P2PCERT" probe --from - --pairs
ok "with pairs" holds '.pairs | length > 0'
gives 0 "topo of text" "$P2PCERT" topo --from "$lab/lspci-vvvnn.txt" --pairs
out_has "topo draws it" "08:00.0"
ok "what was not seen is said" grep -q "^p2pcert: warning: processor" "$T/err"

gives 0 "a dump of rdma_topo" "$P2PCERT" probe --from "$lab/rdma_topo.json" --pairs=07:00.0,81:00.0
ok "is known as one" holds '.source.kind == "rdma_topo"'
ok "it has what the tool does not leave out" holds '(.functions | length) == 23 and
	(.functions | map(select(.class == "0x060000" or .class == "0x060100")) == [])'
ok "and IOMMU groups" holds '.iommu_in_use and all(.functions[]; has("iommu_group"))'
ok "what stands first on a root bus only where it is seen" holds '
	.host_bridges | map({(.address): .first}) | add == {"0000:00": null, "0000:80": "0000:80:00.0"}'
ok "a verdict that depends on it is unknown" holds '.pairs[0].verdict == "unknown" and
	(.pairs[0].reason | contains("what stands before 0000:00:03.0 on root bus 0000:00 was not seen"))'
gives 0 "hex of the same machine" "$P2PCERT" probe --from "$lab/lspci-xxxx.txt.xz"
# names are those of this machine's database, where there is no text to name them
is "the same functions" "$(jq -S '.functions | map(select(.class | IN("0x060000", "0x060100") | not) |
	del(.name, .iommu_group_predicted))' "$T/out")" \
	"$("$P2PCERT" probe --from "$lab/rdma_topo.json" 2>/dev/null | jq -S '.functions | map(del(.name,
	.iommu_group, .numa_node, .iommu_group_predicted))')"
xz -c "$lab/rdma_topo.json" >"$T/dump.json.xz"
gives 0 "a compressed dump" "$P2PCERT" topo --from "$T/dump.json.xz"
out_has "topo draws that too" "08:00.0"

make_capture "$T/machine"
gives 0 "a directory" "$P2PCERT" probe --from "$T/machine"
ok "is a snapshot" holds '.source.kind == "snapshot" and .functions[0].device == "0x1234"'
gives 0 "by the older name of the option" "$P2PCERT" probe --sysroot "$T/machine"
ok "is the same" holds '.functions[0].device == "0x1234"'
tar -C "$T" -czf "$T/machine.tar.gz" machine
gives 0 "an archive of it" "$P2PCERT" probe --from "$T/machine.tar.gz"
ok "is a snapshot, too" holds '.source.kind == "snapshot" and .functions[0].device == "0x1234"'
gives 0 "an archive on standard input" from_stdin "$T/machine.tar.gz" "$P2PCERT" probe --from -

LD_DEBUG=files "$P2PCERT" probe --from "$lab/lspci-vvvnn.txt" >/dev/null 2>"$T/loaded"
ok "what it loads can be seen" grep -q 'libjansson\.so' "$T/loaded"
is "nothing that only other commands need" "" \
	"$(grep -oE 'lib(kmod|archive|bpf|ibverbs|crypto)\.so' "$T/loaded" | sort -u)"
LD_DEBUG=files "$P2PCERT" probe --from "$T/machine.tar.gz" >/dev/null 2>"$T/loaded"
ok "an archive needs its library" grep -q 'libarchive\.so' "$T/loaded"

refused "a file that does not exist" "$T/no-such-file" "No such file"
: >"$T/empty"
refused "an empty file" "$T/empty" "no PCI function"
head -c 5000 /dev/zero >"$T/zeros"
refused "what is no text" "$T/zeros" "neither text"
mkdir "$T/nothing"
refused "a directory without a machine" "$T/nothing" "No such file"
tar -C "$T" -cf "$T/nothing.tar" nothing
jq '.[3].config = "AAAA"' "$lab/rdma_topo.json" >"$T/damaged.json"
refused "a dump that is damaged" "$T/damaged.json" "line 26: 'config' does not hold"
jq .functions "$T/decoded" >"$T/other.json"
refused "other JSON" "$T/other.json" "line 2: there is no 'realpath'"
head -c 5000 "$lab/rdma_topo.json" >"$T/cut.json"
refused "a dump that was cut" "$T/cut.json" "line "
refused "an archive without a machine" "$T/nothing.tar" "no sys/bus/pci/devices"
head -c 200 "$T/machine.tar.gz" >"$T/cut.tar.gz"
refused "an archive that was cut" "$T/cut.tar.gz" "truncated"
tar -C "$T/machine" --transform 's,^machine,../machine,' -cPf "$T/up.tar" ../machine
refused "an archive that climbs" "$T/up.tar" "no capture of a machine has"
gives 2 "two sources" "$P2PCERT" probe --from "$T/machine" --sysroot "$T/machine"
one_message "two sources are one message"
gives 2 "a pair that is not there" "$P2PCERT" probe --from "$T/machine" --pairs=00:01.0,00:1f.0
err_has "the function is quoted" "'0000:00:01.0'"

hex=$lab/lspci-xxxx.txt.xz
gives 0 "pairs of network cards and drives" "$P2PCERT" probe --from "$hex" --between nic/nvme
ok "one way only" holds '(.pairs | length) > 0 and
	([.pairs[].initiator] | unique) == ["0000:08:00.0", "0000:08:10.0", "0000:08:10.2"] and
	([.pairs[].target] - ["0000:03:00.0", "0000:04:00.0", "0000:07:00.0", "0000:81:00.0"]) == []'
is "nothing is said of it" "" "$(grep between "$T/err")"
gives 0 "and the other way" "$P2PCERT" probe --from "$hex" --between nic/nvme --between nvme/nic
ok "twice the pairs but for VFs, which have no BAR" holds '([.pairs[].target] | unique | length) == 5'
gives 0 "pairs of what is not there" "$P2PCERT" probe --from "$hex" --between gpu
ok "are none" holds '.pairs == []'
err_has "and that is said" "no function that can start transfers was seen to be 'gpu'"
gives 2 "what is no function" "$P2PCERT" topo --from "$hex" --between nic,gpus
one_message "what is no function: one message"
err_has "it is quoted with what would be one" "'gpus' is none of accelerator, gpu, nic"
gives 2 "one pair, narrowed down" "$P2PCERT" topo --from "$hex" --between nic --pairs=03:00.0,04:00.0
one_message "one pair, narrowed down: one message"
gives 0 "a matrix of some" "$P2PCERT" topo --from "$hex" --between 1b36:0010
out_has "has its letters" "A   B   C"

# what_sysfs_says: address, vendor, device, subsystem and class of every function, a line each.
what_sysfs_says() {
	local dir
	for dir in /sys/bus/pci/devices/*; do
		echo "$(basename "$dir") $(cat "$dir"/{vendor,device,class,subsystem_vendor,subsystem_device} |
			tr '\n' ' ')"
	done | sort
}
if [ -e /sys/bus/pci/devices ]; then
	gives 0 "the running machine" "$P2PCERT" probe
	is "has the ids that sysfs shows" "$(what_sysfs_says)" "$(jq -r '.functions[] | "\(.address) \(.vendor
		) \(.device) \(.class) \(.subsystem_vendor // "0x0000") \(.subsystem_device // "0x0000") "' \
		"$T/out" | sort)"
else
	tests=$((tests + 1))
	echo "ok $tests - the running machine # SKIP there is no PCI bus"
fi

# Real machines, captured by others, which are no part of the tree: $P2PCERT_FIXTURES names their folder.
hgx=${P2PCERT_FIXTURES:-}/gpud/lspci-vvv.txt
if [ -n "${P2PCERT_FIXTURES:-}" ]; then
	while read -r file; do
		gives 0 "$(basename "$file")" "$P2PCERT" probe --from "$file"
		ok "$(basename "$file") has functions" holds '.functions | length > 0'
	done < <(find "$P2PCERT_FIXTURES" -type f ! -name '*.md' | sort)
fi
if [ -n "${P2PCERT_FIXTURES:-}" ] && [ -e "$hgx" ]; then
	gives 0 "an HGX with 8 GPUs" "$P2PCERT" probe --from "$hgx" --pairs=all --kernel-rules=6.12
	ok "its functions and bridges" holds '
		(.functions | length) == 517 and
		([.functions[] | select(.secondary_bus)] | length) == 59'
	ok "its ACS: none on, source validation alone, redirect" holds '
		[.functions[] | select(.acs.present) | .acs.control] |
		[length, map(select(. == "0x0000", . == "0x0001")) | length] == [55, 51]'
	# shellcheck disable=SC2016 # the variable is of jq
	ok "its pairs of GPUs, Mellanox NICs and NVMe drives" holds '
		(.functions | map({key: .address, value: ((.class[2:6] | IN("0302", "0108")) or
			.vendor == "0x15b3")}) | from_entries) as $takes_part |
		[.pairs[] | select($takes_part[.initiator] and $takes_part[.target]) |
			"\(.verdict) \(.distance)"] | group_by(.) | map([.[0], length]) |
		. == [["bus-address 2", 4], ["bus-address 4", 72], ["host-bridge 8", 680]]'
else
	tests=$((tests + 1))
	echo "ok $tests - machines captured by others # SKIP P2PCERT_FIXTURES is not set"
fi

cp -R "$lab" "$T/lab"
drop_root
gives 0 "without root" "${as[@]}" "$P2PCERT" probe --from "$T/lab/lspci-vvvnn.txt"
is "nothing is different" "$(jq .functions "$T/decoded")" "$(jq .functions "$T/out")"
done_testing
