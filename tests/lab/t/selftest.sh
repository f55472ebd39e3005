#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Scenarios that misbehave, on a real kernel: each gets the outcome that it deserves, spoils nothing
# for the next, and leaves the machine as it was. Those that take the kernel with them are in
# died.sh.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

selftest=/lab/build/p2pcert-selftest
export P2PCERT_SELFTEST=break

# All that a scenario of these could have changed and that can be put back.
machine() {
	left_behind
	lsmod | awk 'NR > 1 { print "module", $1 }' | sort
	sysctl vm.stat_interval vm.nr_hugepages
	find /sys/fs/cgroup -mindepth 1 -type d
	awk '{ print "mount", $2 }' /proc/mounts
	for port in "${ports[@]}"; do
		echo "ACS $port $(setpci -s "$port" ECAP_ACS+6.w)"
	done
}
mapfile -t ports < <(lspci -D -d ::0604 -vv |
	awk '/^[0-9a-f]/ { port = $1 } /ACSCtl/ { print port }')

# misbehaving STATUS NAME EXPECTED ARG...: runs the scenarios that EXPECTED tells of: an id, an
# outcome and a kind of error a line, in the order of the table
misbehaving() {
	local status=$1 name=$2 expected=$3 ids before
	shift 3
	mapfile -t ids < <(awk '{ print "selftest." $1 }' <<< "$expected")
	before=$(machine)
	gives "$status" "$name" "$selftest" run --results "$T/$name" "$@" "${ids[@]}"
	reports "$name" 'the outcomes' "$expected" "$outcome_lines"
	is "$name: the machine is as before" "$before" "$(machine)"
}
# shellcheck disable=SC2016 # the filter is jq's
outcome_lines='.results[] |
	"\(.id | ltrimstr("selftest.")) \(.outcome)\(if .kind then " \(.kind)" else "" end)"'

# says NAME SCENARIO TEXT: TEXT is part of an error that the report has of it
says() {
	reports "$1" "$2: $3" true \
		"[.results[] | select(.id == \"selftest.$2\").errors[].text | contains(\"$3\")] | any"
}

misbehaving 1 harmless 'fail fail
inconclusive inconclusive
skip skip
silent error incomplete
garbage error incomplete
flood-channel error incomplete
flood-output pass
segv error crash
abort error crash
hang error timeout
deaf error timeout
daemon error cleanup
memory error crash
descriptors pass
file-size error crash
output-removed error incomplete
pretender pass
module error cleanup
changes pass
changes-abort error crash
changes-hang error timeout
unchanged pass
change-refused pass'
says harmless memory 'used up the memory'
says harmless daemon 'left 1 processes'
says harmless module "left module 'p2pcert_devpriv'"
# shellcheck disable=SC2016 # the filter is jq's
reports harmless 'every change was undone' '' '.not_undone[]'

# More lines than the log takes: what may be lost is not proof.
misbehaving 0 flood 'log-flood pass
unchanged pass'

# A disk that is full, and later is not.
mkdir "$T/small"
mount -t tmpfs -o size=2M none "$T/small"
gives 3 'a full disk' "$selftest" run -q --results "$T/small/r" selftest.pass selftest.disk \
	selftest.changes
one_message 'a full disk is one message'
nothing_left 'a full disk'
gives 3 'a full disk: what is left' p2pcert report verdict "$T/small/r"
gives 3 'a full disk: going on when there is room' "$selftest" resume "$T/small/r"
is 'a full disk: the outcomes' 'pass pass
disk error incomplete
changes pass' "$(jq -r "$outcome_lines" "$T/small/r/report.json")"
nothing_left 'a full disk, gone on with'
umount "$T/small"

# Bits of config space.
port=$(printf '%s\n' "${ports[@]}" | tail -n 1)
misbehaving 3 acs 'changes-acs error crash
change-refused pass' --allow-unsafe --device "$port"
reports acs 'the change was seen' proven '.results[0].evidence.data.state'

# What the kernel says of itself lasts until it is booted again.
misbehaving 1 tainted 'taint fail
warn fail
unchanged pass'
reports tainted 'who did it' 'selftest.taint' \
	'.taint.who[] | select(.names | index("W (warning)")).scenario'
misbehaving 0 after 'unchanged pass'
gives 6 fatal "$selftest" run --results "$T/fatal" selftest.taint-fatal selftest.unchanged
reports fatal 'the outcomes' 'taint-fatal fail
unchanged notrun' "$outcome_lines"
gives 6 'a kernel that died' "$selftest" run --results "$T/dead" selftest.pass
err_has 'a kernel that died: what to do' 'reboot'
done_testing
