#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# crosscheck.sh [PLATFORM]...: on platforms that differ in all that the kernel's rules look at, what
# p2pcert predicts is what the running kernel says: the IOMMU group of every function, the verdict on
# every ordered pair, and ACS control as words on the command line leave it. Verdicts and groups are
# compared here, not by p2pcert itself; and the comparison is seen to notice faults. Without names a few of
# the platforms, with P2PCERT_TEST_CROSSCHECK=all every one.
#
# What QEMU does not have: Intel VMD, and with it another PCI domain; a host bridge that the kernel's list
# names, so that only processors are trusted here; a device with ATS; virtual functions beyond the bus of
# their physical function.
set -u

lab=$(cd "$(dirname "$0")/.." && pwd -P)/lab
out=$(realpath -m "${P2PCERT_LAB_OUT:-${lab%/tests/*}/out/lab}")
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "${lab%/*}/../cli/lib/cli.sh"
here=${lab%/*}
# shellcheck source=tests/lab/lib/platform.sh
. "$here/lib/platform.sh"

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - crosscheck # SKIP not root\n1..1\n'
	exit 0
fi

# partition DOCUMENT KEY: the groups by this key, a line each.
partition() {
	jq -r --arg key "$2" '[.functions[] | {address, group: .[$key]}] | group_by(.group)
		| map([if .[0].group == null then "no group:" else empty end] + map(.address))
		| sort | .[] | join(" ")' "$1"
}

# mismatches DOCUMENT REPORT: the pairs, a line each, of which the document predicts something else
# than the kernel ruled as the report has it, or cannot tell, or on which the kernel was not asked.
mismatches() {
	jq -r --slurpfile report "$2" '
		([$report[0].results[].facts.pairs[]? |
			{key: "\(.initiator) to \(.target)", value: .ruled}] | from_entries) as $rulings |
		.pairs[] | "\(.initiator) to \(.target)" as $pair | $rulings[$pair] as $ruled |
		(.verdict != "not-supported") as $supported |
		select($ruled == null or .verdict == "unknown" or $ruled.supported != $supported or
			($supported and $ruled.distance != .distance) or
			($ruled.verdict // .verdict) != .verdict) |
		"\($pair): predicted \(.verdict) \(.distance), ruled \($ruled)"' "$1"
}

# bits CONTROL [UNSURE]: the names of the bits that are set, and with '?' of those that cannot be told.
bits() {
	local names=(SV TB RR CR UF EC DT) i
	for i in "${!names[@]}"; do
		if ((${2:-0} >> i & 1)); then
			printf ' %s?' "${names[i]}"
		elif (($1 >> i & 1)); then
			printf ' %s' "${names[i]}"
		fi
	done
}

# control DOCUMENT: 'ADDRESS BITS' of each function with ACS, a line each.
control() {
	local address value
	jq -r '.functions[] | select(.acs.present) | "\(.address) \(.acs.control)"' "$1" |
		while read -r address value; do
			printf '%s%s\n' "$address" "$(bits "$value")"
		done
}

# control_after WHAT-IF: the same of the functions whose ACS control would change.
control_after() {
	local address value unsure
	jq -r '.acs[] | "\(.function) \(.after.control) \(.after.unsure)"' "$1" |
		while read -r address value unsure; do
			printf '%s%s\n' "$address" "$(bits "$value" "$unsure")"
		done
}

# after DOCUMENT WHAT-IF: the document with verdicts and groups as they would be, without what cannot be
# told of them.
after() {
	jq --slurpfile what_if "$2" '$what_if[0] as $change |
		def each_pair: .initiators[] as $i | .targets[] as $t | "\($i) to \($t)";
		([$change.pairs[] | {key: each_pair, value: .after}] | from_entries) as $pairs |
		([$change.unknown_pairs[] | {key: each_pair, value: true}] | from_entries) as $unknown |
		([$change.iommu_groups.changes[].after[] | .[0] as $first |
			{key: .[], value: $first}] | from_entries) as $groups |
		([$change.iommu_groups.unknown[].function]) as $open |
		.pairs |= [.[] | "\(.initiator) to \(.target)" as $pair | select($unknown[$pair] | not) |
			. + ($pairs[$pair] // . | {verdict, distance}) | select(.verdict != "unknown")] |
		.functions |= [.[] | select(.address | IN($open[]) | not) |
			.iommu_group_predicted = ($groups[.address] // .iommu_group_predicted)]' "$1"
}

# redirected DOCUMENT: what the kernel would say of each pair that is redirected or refused.
redirected() {
	jq -r '.pairs[] | "\(.initiator) to \(.target): " +
		((select(.blocked_by != []) | "redirected at \(.blocked_by | join(";"))"),
		(select(.verdict == "not-supported") | "refused"))' "$1" | sort
}

# said LOG: what it has said.
said() {
	sed -nE 's/.* ([^ ]+): (ACS redirect|to disable ACS|cannot be used)/\1 \2/p' "$1" | awk '
		/ACS redirect is set/ { provider = substr($NF, 2, length($NF) - 2) }
		/to disable ACS/ { sub(/^.*=/, "", $NF); print $1 " to " provider ": redirected at " $NF }
		/cannot be used/ {
			match($0, /provider \([^)]*/)
			print $1 " to " substr($0, RSTART + 10, RLENGTH - 10) ": refused"
		}' | sort
}

# In the guest: the platform, what the kernel rules, and what other words would change; with these, the
# same as faults would have it.
in_guest() {
	local name=$1 other status=0
	shift
	cd "/lab/$name" || return
	p2pcert probe --pairs=all > platform.json || return
	p2pcert run --results results topo.pair-verdict || status=$?
	cp results/report.json . || return
	for other; do
		p2pcert topo --format=json --what-if="${other#*:}" > "what-if-${other%%:*}" || return
		p2pcert topo --format=json --what-if="${other#*:}" --kernel-rules=6.1 \
			> "old-rules-${other%%:*}" || return
	done
	if ((status == 0)); then
		/lab/build/p2pcert-selftest run --results why selftest.why || return
	fi
	[[ $name != cross-intel-pt ]] || faulty
	return "$status"
}

# In the guest: what the kernel is made to rule wrongly, and a model of the machine in which two ports do not
# redirect.
faulty() {
	local port at
	p2pcert run --results wrong --inject wrong-verdict topo.pair-verdict
	mkdir mutated
	p2pcert probe --snapshot machine.tar && tar --strip-components=1 -C mutated -xf machine.tar || return
	for port in 05:00.0 05:01.0; do
		at=$(lspci -vv -s "$port" | sed -n 's/.*\[\([0-9a-f]*\) v.*Access Control.*/\1/p')
		printf '\x11' | dd of="$(realpath "mutated/sys/bus/pci/devices/0000:$port")/config" \
			bs=1 seek=$((16#$at + 6)) conv=notrunc status=none
	done
	p2pcert probe --pairs=all --from mutated > mutated.json
}

# boot PLATFORM [OTHER]...: the platform is loaded; leaves in $out/cross-PLATFORM what the guest has seen, with what the words
# that the OTHER platforms were booted with would change.
boot() {
	local platform=$1 name=cross-$1 other words=() status=0
	shift
	for other; do
		words+=("$other:$(jq -r .kernel.cmdline "$out/cross-$other/platform.json" |
			grep -o ' pci=[^ ]*')")
	done
	# A kernel without peer-to-peer DMA has nobody to ask.
	[[ $kernel == backports ]] || status=4
	gives "$status" "$platform: boot, probe and rule" "$lab" run --no-build --platform "$platform" \
		--as "$name" --timeout 300 --command "$(declare -f in_guest faulty)
			in_guest $name ${words[*]@Q}"
}

# agree PLATFORM: it is loaded; everything predicted is the kernel's.
agree() {
	local name=$1 doc=$out/cross-$1/platform.json report=$out/cross-$1/report.json
	local wrong total asked groups
	if [[ ! -s $doc || ! -s $report ]]; then
		verdict 1 "$name: platform and report are there"
		return
	fi
	groups=$(jq '[.functions[].iommu_group | values] | unique | length' "$doc")
	if ((${#iommu[@]})); then
		ok "$name: the kernel has formed groups" [ "$groups" -gt 0 ]
		is "$name: the groups predicted ${expect_stale:+now }are the kernel's${expect_stale:+, but}" \
			"$(printf '%s\n' "${expect_stale[@]}")" "$(stale "$doc")"
	else
		is "$name: there is no IOMMU, and no group" "no group: $(jq -r \
			'[.functions[].address] | join(" ")' "$doc")" "$(partition "$doc" iommu_group)"
	fi
	total=$(jq '.pairs | length' "$doc")
	asked=$(jq '[.results[].facts.pairs[]?] | length' "$report")
	wrong=
	if [[ $kernel == backports ]]; then
		ok "$name: there are pairs" [ "$total" -gt 0 ]
		is "$name: the kernel was asked about every pair" "$total" "$asked"
		wrong=$(mismatches "$doc" "$report")
		is "$name: the verdicts predicted are the kernel's" '' "$wrong"
		is "$name: so are the ports that redirect, and the pairs that are refused" \
			"$(said "${doc%/*}"/why/001-*/kernel.log)" "$(redirected "$doc")"
	fi
	row "$name" "$(jq -r .kernel.release "$doc")" "$(jq '.functions | length' "$doc")" \
		"$groups" "$asked" "$(ruled bus-address)" "$(ruled host-bridge)" "$(ruled '')" \
		"$(ruled not-supported)" "$(grep -c . <<< "$wrong")" >> "$T/table"
}

# stale DOCUMENT: the groups that are not both the kernel's and predicted.
stale() {
	diff <(partition "$1" iommu_group) <(partition "$1" iommu_group_predicted) | grep '^[<>]'
}

# ruled VERDICT: how many pairs, by what a mapping showed; '' is 'supported' by distance alone.
ruled() {
	jq --arg verdict "$1" '[.results[].facts.pairs[]?.ruled | select((.verdict // "") == $verdict)] |
		length' "$report"
}

# foresees FROM TO: what FROM foresaw for the words of TO is what the kernel wrote, formed and rules.
foresees() {
	local to=$out/cross-$2 from=$out/cross-$1
	is "$2: the ACS control that $1 foresaw is what the kernel wrote" '' \
		"$(unforeseen "$1" "$2" what-if)"
	after "$from/platform.json" "$from/what-if-$2" > "$T/after"
	is "$2: the verdicts that $1 foresaw are the kernel's" '' \
		"$(mismatches "$T/after" "$to/report.json")"
	printf '# %s: of %s pairs and %s functions it could not tell\n' "$2" \
		"$(missing "$to/platform.json" "$T/after" pairs)" \
		"$(missing "$to/platform.json" "$T/after" functions)"
	((${#iommu[@]})) || return 0
	jq --slurpfile after "$T/after" '.functions |= [.[] |
		select(.address | IN($after[0].functions[].address))]' "$to/platform.json" > "$T/to"
	is "$2: the groups that $1 foresaw are the kernel's" '' "$(diff <(partition "$T/to" iommu_group) \
		<(partition "$T/after" iommu_group_predicted))"
}

# missing DOCUMENT OTHER KEY: how many of this key the other one has less.
missing() {
	jq --slurpfile other "$2" --arg key "$3" '(.[$key] | length) - ($other[0][$key] | length)' "$1"
}

# unforeseen FROM TO RULES: the functions, a line each, whose ACS control in TO is not what FROM foresaw.
# A bit of which it said that it cannot tell may be either; a function that it did not name stays as it is.
unforeseen() {
	control "$out/cross-$1/platform.json" > "$T/from"
	control "$out/cross-$2/platform.json" > "$T/to"
	control_after "$out/cross-$1/$3-$2" > "$T/foreseen"
	awk '
		function has(line, word) { return index(line " ", " " word " ") > 0 }
		FILENAME ~ /to$/ {
			seen++
			for (i = split("SV TB RR CR UF EC DT", bits, " "); i > 0; i--)
				if (!has(then[$1], bits[i] "?") &&
				    has(then[$1], bits[i]) != has($0, bits[i]))
					print $1 ": foreseen" substr(then[$1], length($1) + 1) \
						", found" substr($0, length($1) + 1)
			next
		}
		FILENAME ~ /foreseen$/ { named++ }
		{ then[$1] = $0 }
		END { if (!seen || !named) print "nothing to compare" }' \
		"$T/from" "$T/foreseen" "$T/to" | sort -u
}

# The comparison sees it where the kernel is made to rule wrongly, where the model is of a machine that is
# a little different, and where the rules are another kernel's: 6.1 keeps the bits that
# disable_acs_redir= does not name.
notices_faults() {
	local dir=$out/cross-intel-pt total
	total=$(jq '.pairs | length' "$dir/platform.json")
	is 'wrong verdicts: every pair is seen to differ' "$total" \
		"$(mismatches "$dir/platform.json" "$dir/wrong/report.json" | grep -c .)"
	is 'wrong verdicts: p2pcert says so too' "fail $total" "$(jq -r '.results[0] |
		"\(.outcome) \(.facts["pair-counts"].differs)"' "$dir/wrong/report.json")"
	is 'another machine: its verdict is seen to differ' \
		'0000:07:00.0 to 0000:06:00.0: predicted bus-address 4' \
		"$(mismatches "$dir/mutated.json" "$dir/report.json" | sed 's/, ruled.*host-bridge.*//')"
	is 'another machine: its ports are seen to differ' \
'< 0000:06:00.0 to 0000:07:00.0: redirected at 0000:05:01.0;0000:05:00.0
< 0000:07:00.0 to 0000:06:00.0: redirected at 0000:05:00.0;0000:05:01.0' \
		"$(diff <(said "$dir"/why/001-*/kernel.log) <(redirected "$dir/mutated.json") |
			grep '^[<>] 0000:0[67]:00.0 to 0000:0[67]:00.0')"
	is 'another machine: its groups are seen to differ' \
'< 0000:05:00.0
< 0000:05:01.0
< 0000:06:00.0
< 0000:07:00.0
> 0000:05:00.0 0000:06:00.0
> 0000:05:01.0 0000:07:00.0' "$(stale "$dir/mutated.json")"
	is 'rules of another kernel: what they foresaw was not written' \
'0000:00:06.1: foreseen SV UF, found
0000:02:00.0: foreseen SV UF, found
0000:05:00.0: foreseen SV UF, found
0000:05:01.0: foreseen SV UF, found' "$(unforeseen intel-pt redirect-path old-rules)"
}

row() {
	printf '# %-18s %-20s %9s %6s %6s %11s %11s %9s %8s %10s\n' "$@"
}

row platform kernel functions groups pairs bus-address host-bridge supported refused mismatches \
	> "$T/table"

# Those whose words others foresee come before these.
last=(reference redirect intel-pt no-iommu)
declare -A foreseen=(
	[redirect]='reference'
	[intel-pt]='noats redirect-path redirect-id config-path config-id config-ec-dt'
	[no-iommu]='config-no-iommu'
)
# Of each kind of rule one: slots, virtual functions, a list of host bridges, an IOMMU of each maker, none, a
# kernel from before, and words on the command line.
few=(hotplug virtual-functions virtio-iommu host-bridges-haswell amd-pt old-kernel-groups redirect-path intel-pt
	no-iommu)
names=("$@")
if ((!$#)) && [[ ${P2PCERT_TEST_CROSSCHECK:-} != all ]]; then
	names=("${few[@]}")
elif ((!$#)); then
	mapfile -t names < <(cd "$here/platforms/crosscheck" && printf '%s\n' *.conf |
		sed 's/\.conf$//' | grep -vxF "$(printf '%s\n' "${last[@]}")")
	names+=("${last[@]}")
fi

for kernel in backports stable; do
	gives 0 "a $kernel kernel to boot and p2pcert built" "$lab" build --kernel "$kernel"
done
for name in "${names[@]}"; do
	platform_load "$name"
	others=()
	for other in ${foreseen[$name]:-}; do
		[[ ! -s $out/cross-$other/platform.json ]] || others+=("$other")
	done
	boot "$name" "${others[@]}"
	agree "$name"
	for other in "${others[@]}"; do
		foresees "$name" "$other"
	done
done
if [[ " ${names[*]} " == *' intel-pt '* && -s $out/cross-redirect-path/platform.json ]]; then
	notices_faults
fi
cat "$T/table"
done_testing
