#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# One machine, read in every way that there is: live, from a snapshot, from an archive that tar made of
# sysfs, from what lspci prints, and without root. A snapshot shows all that the machine does; the others
# show less, and nothing that is not so.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

# What a document says of functions and pairs and another one denies, a line each. What is unknown is not
# said; texts for a person, how much was seen of config space, and names, depend on what is seen; of
# virtual functions sysfs tells how many the driver allows, config space how many the device has.
# shellcheck disable=SC2016 # the variables are jq's
denied='
def said: [.functions[], .pairs[] |
	(.address // "\(.initiator) to \(.target)") as $of |
	del(.reason, .notes, .iommu_group_reason, .config_bytes, .name, .max_virtual_functions) |
	paths(scalars) as $path | getpath($path) as $value |
	select($value != "unknown" and $value != null) |
	{key: "\($of) \($path | map(tostring) | join("."))", value: $value}] | from_entries;
($truth[0] | said) as $known |
said | to_entries[] | select($known[.key] != .value) |
"\(.key): \(.value), and not \($known[.key])"'

# denied DOCUMENT BY
denied() {
	jq -r --slurpfile truth "$2" "$denied" "$1"
}

# as_nobody CMD...
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
}

# count DOCUMENT FILTER: how often it comes.
count() {
	jq "[$2] | length" "$1"
}

# What describes functions; there is far more, and the files of BARs are as long as these.
tar_of_sysfs() {
	(cd / && find sys/bus/pci/devices sys/kernel/iommu_groups sys/devices/pci* proc/cpuinfo -type l -o \
		-type f '(' -name class -o -name config -o -name cpuinfo -o -name '*device' -o -name '*vendor' \
		-o -name resource -o -name revision -o -name '*_bus_number' -o -name 'sriov_*' ')' |
		tar -cf "$1" -T -) 2> /dev/null
	[[ -s $1 ]]
}

gives 0 'live' p2pcert probe --pairs=all --output "$T/live.json"
is 'live: nothing was not seen' '' "$(cat "$T/err")"

gives 0 'a snapshot' p2pcert probe --snapshot "$T/machine.tar"
gives 0 'from the snapshot' p2pcert probe --pairs=all --from "$T/machine.tar" --output "$T/snapshot.json"
is 'from the snapshot: all that the machine shows' '' \
	"$(diff <(jq 'del(.source)' "$T/live.json") <(jq 'del(.source)' "$T/snapshot.json"))"

ok 'tar of sysfs' tar_of_sysfs "$T/sysfs.tar"
gives 0 'from tar' p2pcert probe --pairs=all --from "$T/sysfs.tar" --kernel-rules "$(uname -r)" \
	--output "$T/tar.json"
is 'from tar: nothing that is not so' '' "$(denied "$T/tar.json" "$T/live.json")"
is 'from tar: no ACS and no group is missing' '' "$(diff <(jq -S '.functions[] |
	[.address, .acs, .iommu_group, .iommu_group_predicted]' "$T/live.json") <(jq -S '.functions[] |
	[.address, .acs, .iommu_group, .iommu_group_predicted]' "$T/tar.json"))"
is 'from tar: /proc/cpuinfo is empty there, and no processor' unknown \
	"$(jq -r '[.pairs[].verdict | select(. != "bus-address")] | unique | join(" ")' "$T/tar.json")"

lspci -xxxx > "$T/hex"
gives 0 'from lspci -xxxx' p2pcert probe --pairs=all --from "$T/hex" --kernel-rules "$(uname -r)" \
	--output "$T/hex.json"
is 'from lspci -xxxx: nothing that is not so' '' "$(denied "$T/hex.json" "$T/live.json")"
is 'from lspci -xxxx: ACS of every function' '' "$(diff \
	<(jq -c '.functions[] | select(.physical_function | not) | [.address, .acs]' "$T/live.json") \
	<(jq -c '.functions[] | [.address, .acs]' "$T/hex.json" |
		grep -F "$(jq -r '.functions[] | select(.physical_function | not).address' "$T/live.json")"))"

chmod 711 "$T"
as_nobody p2pcert probe --pairs=all > "$T/nobody.json" 2> "$T/err"
is 'without root: exit status' 0 $?
err_has 'without root: says what was not seen, and what it needs' 'config space' 'needs root'
is 'without root: nothing that is not so' '' "$(denied "$T/nobody.json" "$T/live.json")"
is 'without root: no ACS is known of a function that has more than a header' 0 "$(count "$T/nobody.json" \
	'.functions[] | select(.acs.known and .port_type != "conventional")')"
ok 'without root: pairs behind ports are unknown' [ "$(count "$T/nobody.json" \
	'.pairs[] | select(.verdict == "unknown")')" -gt 0 ]
chmod 733 "$T"
gives 0 'tar of sysfs without root' as_nobody bash -c "$(declare -f tar_of_sysfs); tar_of_sysfs $T/nobody.tar"
gives 0 'from tar without root' p2pcert probe --pairs=all --from "$T/nobody.tar" \
	--kernel-rules "$(uname -r)" --output "$T/nobody-tar.json"
is 'from tar without root: every function' "$(count "$T/live.json" '.functions[]')" \
	"$(count "$T/nobody-tar.json" '.functions[]')"
is 'from tar without root: nothing that is not so' '' "$(denied "$T/nobody-tar.json" "$T/live.json")"
done_testing
