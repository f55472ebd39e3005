#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Planted defects: p2pcert_devpriv is built once with each defect of kmods/devpriv/devpriv.h, and the
# scenario that answers for it must fail by the right kind of evidence, or else nobody knows that it
# could. P2PCERT_TEST_DEFECTS names those to plant, or all; without it a few are, one for each kind of
# evidence.

# DEFECT, the scenario that notices it, what is refuted or the kind of the error, and where that could
# be for another reason, how it is put; '+' in front of those that are always planted. Those that may
# end a kernel are for deadly.sh.
defects='
+page_not_copied     devpriv.roundtrip   data
hole_not_cleared     devpriv.thp         data
tail_not_copied      devpriv.thp         data
fault_loses_data     devpriv.read-fault  data
range_too_long       devpriv.roundtrip   path
+range_too_short     devpriv.roundtrip   path
+reference_kept      devpriv.read-fault  leak
+faults_not_counted  devpriv.read-fault  counters
evict_loses_data     devpriv.multithread data
wrong_owner          devpriv.snapshot    data in another device: the
write_spills         devpriv.roundtrip   data
page_off             devpriv.roundtrip   data
write_lost           devpriv.roundtrip   data
sees_memory          devpriv.roundtrip   data
order_lost           devpriv.snapshot    data a huge page, in the device: the
stale_entry          devpriv.mirror      data
stale_entry          devpriv.snapshot    data s page, private
reference_extra      devpriv.refcount    leak
protection_ignored   devpriv.mirror      data
read_kept            devpriv.mirror      data that may not be read gives no error
exclusive_kept       devpriv.exclusive   data
sequence_ignored     devpriv.mirror      data mapped anew while the device
fault_does_nothing   devpriv.read-fault  timeout
write_gained         devpriv.mirror      data
+engine_not_awaited  devpriv.engine-copy data
engine_failure_ignored devpriv.engine-copy data
+alias_masked        devpriv.p2p-alias   path
alias_off            devpriv.p2p-alias   data
alias_same_for_all   devpriv.p2p-alias   path
alias_write_gained   devpriv.p2p-alias   path
alias_kept           devpriv.p2p-alias   data when it has it
alias_all_back       devpriv.p2p-alias   path mixed pages
+alias_retry_locked  devpriv.p2p-alias   timeout
alias_not_unmapped   devpriv.p2p-alias   leak
alias_in_huge_off    devpriv.p2p-alias-huge data
'
budget=10	# seconds, for the one that hangs

chosen() {
	awk -v which=" ${which:-} " 'NF {
		always = sub(/^\+/, "")
		if (which ~ /^ *$/ ? always : which == " all " || index(which, " " $1 " ")) print
	}' <<< "$defects"
}

if [[ -z ${in_guest:-} ]]; then
	lab=$(dirname "$0")/../lab
	which=${P2PCERT_TEST_DEFECTS:-}
	# shellcheck source=tests/lab/t/lib/defects.sh
	. "$(dirname "$0")/lib/defects.sh"
	if [[ $EUID == 0 ]]; then
		"$lab" build || exit 3
		mapfile -t names < <(chosen | cut -d ' ' -f 1 | sort -u)
		build_defects "$lab" "${names[@]}" || exit 3
	fi
	PARTS=$which exec "$(dirname "$0")/lib/in-guest.sh" reference "$0" --timeout 3600
fi

which=$parts
selftest=/lab/build/p2pcert-selftest
export P2PCERT_SELFTEST=break

# Only the BAR of a function has aliases.
bar=(--allow-unsafe --device 0000:06:00.0)

# The module as it is: the same scenarios pass, but for what the kernel itself is known to get wrong.
mapfile -t scenarios < <(chosen | awk '$2 !~ /snapshot|p2p-alias/ { print $2 }' | sort -u)
[[ -z ${scenarios[*]} ]] || gives 0 'no defect' "$selftest" run --results "$T/none" "${scenarios[@]}"
! chosen | grep -q p2p-alias ||
	gives 0 'no defect' "$selftest" run --results "$T/none-bar" "${bar[@]}" devpriv.p2p-alias \
		devpriv.p2p-alias-huge

# what_came: an error's kind, or what is refuted
# shellcheck disable=SC2016 # the filter is jq's
what_came='.results[0] | if .outcome == "error" then .kind else
	[.evidence | to_entries[] | select(.value.state == "refuted").key] | join(" ") end'

# planted DEFECT SCENARIO EXPECTED [TEXT]
planted() {
	local name=$1-$2 status=1 seen options=()
	if [[ $3 == timeout ]]; then
		status=124
		options=(--timeout "$budget")
	fi
	[[ $2 != devpriv.p2p-alias* ]] || options+=("${bar[@]}")
	P2PCERT_KMODS_BUILD=/lab/defects/$1 P2PCERT_DEFECT=$1 gives $status "$1" \
		"$selftest" run --results "$T/$name" "${options[@]}" "$2"
	seen=$(jq -r "$what_came" "$T/$name/report.json")
	[[ " $seen " == *" $3 "* ]]
	verdict $? "$1: $2 refutes $3" "it came to '$seen'"
	[[ -z ${4:-} ]] || reports "$name" "it is refuted that $4" true \
		"[.results[0].evidence.$3.details[] | contains(\"$4\")] | any"
	reports "$name" 'the report says that the module is not the real one' true \
		".tool.version | endswith(\"+$1\")"
	nothing_left "$1"
}

first=
while read -r defect scenario expected text <&3; do
	planted "$defect" "$scenario" "$expected" "$text"
	: "${first:=$defect}"
done 3< <(chosen)
quiet_kernel 'all defects'

# Whoever judges a kernel does not get to use such a module.
export P2PCERT_KMODS_BUILD=/lab/defects/$first
gives 4 'a module with a defect, and a p2pcert that judges' \
	p2pcert run --results "$T/refused" devpriv.roundtrip
reports refused 'it is refused for its version' 'module-rejected true' \
	'.results[0].skip[0] | "\(.category) \(.text | contains("+"))"'
done_testing
