#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What p2pcert says that words on the command line would write into ACS control is what a kernel wrote
# that was booted with them; and the IOMMU groups that it predicts are those that the kernel formed, as
# `lab check` compares them on every platform.
set -u

lab=$(cd "$(dirname "$0")/.." && pwd -P)/lab
out=$(realpath -m "${P2PCERT_LAB_OUT:-${lab%/tests/*}/out/lab}")
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "${lab%/*}/../cli/lib/cli.sh"

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - groups # SKIP not root\n1..1\n'
	exit 0
fi

# partition DOCUMENT KEY: the groups by this key, a line each.
partition() {
	jq -r --arg key "$2" '[.functions[] | {address, group: .[$key]}] | group_by(.group)
		| map([if .[0].group == null then "no group:" else empty end] + map(.address))
		| sort | .[] | join(" ")' "$1"
}

# control DOCUMENT: 'ADDRESS BITS' of each function with ACS, a line each.
control() {
	local address value bits=(SV TB RR CR UF EC DT) i
	jq -r '.functions[] | select(.acs.present) | "\(.address) \(.acs.control)"' "$1" |
		while read -r address value; do
			printf %s "$address"
			for i in "${!bits[@]}"; do
				((!(value >> i & 1))) || printf ' %s' "${bits[i]}"
			done
			echo
		done
}

# compare PLATFORM KERNEL [WORDS]: with words, what they would change is left in the run's folder.
compare() {
	local doc=$out/groups-$1/stdout
	gives 0 "$1: a kernel to boot and p2pcert built" "$lab" build --kernel "$2"
	local words=${3:-debug} command
	command="p2pcert topo --what-if='$words' > /lab/groups-$1/what-if && p2pcert probe"
	gives 0 "$1: probe in the guest" "$lab" run --no-build --platform "$1" --kernel "$2" \
		--as "groups-$1" --timeout 300 --command "$command"
	is "$1: the kernel has formed groups" true "$(jq .iommu_in_use "$doc")"
	is "$1: the groups predicted are the kernel's" "$(partition "$doc" iommu_group)" \
		"$(partition "$doc" iommu_group_predicted)"
	printf '# %s: %s functions in %s groups, Linux %s\n' "$1" \
		"$(jq '.functions | length' "$doc")" \
		"$(jq '[.functions[].iommu_group | values] | unique | length' "$doc")" \
		"$(jq -r '.kernel.release' "$doc")"
}

# foresees FROM TO: what FROM foresaw for the words that TO was booted with is what differs there.
foresees() {
	control "$out/groups-$1/stdout" > "$T/from"
	control "$out/groups-$2/stdout" > "$T/to"
	sed -n 's/^ACS of \([^ ]*\): .*, then /\1 /p' "$out/groups-$1/what-if" > "$T/foreseen"
	ok "$2: differs from $1" [ -s "$T/foreseen" ]
	is "$2: what $1 foresaw is what the kernel wrote" \
		"$(grep -vxFf "$T/from" "$T/to")" "$(cat "$T/foreseen")"
}

for platform in reference redirect; do
	words=
	[[ $platform != redirect ]] ||
		words=$(jq -r .kernel.cmdline "$out/groups-reference/stdout" | grep -o 'pci=[^ ]*')
	kernel=$("$lab" list | awk -v platform="$platform" '$1 == platform { print $2 }')
	compare "$platform" "$kernel" "$words"
done
foresees redirect reference
done_testing
