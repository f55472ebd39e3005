#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from ../t/lib/disk.sh
#
# Planted defects, as in ../t/defects.sh, that may end the kernel: each has a guest of its own, and the
# verdict is what the kernel says on its console. A stock kernel may let them pass without a word, so
# this wants one that complains early; suite.sh shows that without a defect it does not.
# P2PCERT_TEST_DEFECTS names those to take instead of all.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # used by cli.sh
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "$here/../../cli/lib/cli.sh"
# shellcheck source=tests/lab/t/lib/disk.sh
. "$here/../t/lib/disk.sh"
# shellcheck source=tests/lab/t/lib/defects.sh
. "$here/../t/lib/defects.sh"
# shellcheck source=tests/lab/debug/only.sh
. "$here/only.sh"

# DEFECT, the scenario in which it shows, what the kernel says of it (a regular expression)
defects='
split_without_pagemap  devpriv.thp          KASAN:.null-ptr-deref
freed_twice            devpriv.read-fault   kernel.BUG|VM_BUG_ON|Bad.page
'

# ends DEFECT SCENARIO TEXT: the kernel does not let the scenario pass. One that goes on after an oops may
# hang, and then takes long to be found out.
ends() {
	local name=deadly-$1 scenario=$2 text=$3
	"$lab" run --no-build --platform bare --as "$name" --timeout 1200 --command "
		echo 1 > /proc/sys/kernel/panic_on_oops
		export P2PCERT_SELFTEST=break P2PCERT_KMODS_BUILD=/lab/defects/$1
		P2PCERT_DEFECT=$1 /lab/build/p2pcert-selftest run --results /lab/$name/results \
			$scenario" > "$T/out" 2> "$T/err"
	echo "# $1: the guest ended with $?"
	grep -E "$text" "$out/$name/console.log" > "$T/said"
	verdict $? "$1: the kernel says so" "no '$text' in:" "$(tail -n 5 "$out/$name/console.log")"
	sed 's/^/# /; 3q' "$T/said"
}

debug_only "$lab"
"$lab" build || exit 3
mapfile -t chosen < <(awk -v which="${P2PCERT_TEST_DEFECTS:-}" '
	NF && (which == "" || index(" " which " ", " " $1 " ")) { print $1 }' <<< "$defects")
build_defects "$lab" "${chosen[@]}" || exit 3
while read -r defect scenario text <&3; do
	[[ -z $defect || " ${chosen[*]} " != *" $defect "* ]] || ends "$defect" "$scenario" "$text"
done 3<<< "$defects"
done_testing
