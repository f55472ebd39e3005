#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A scenario that takes the kernel with it, on the reference platform: a panic, a process that no
# signal ends, an oops, and one of a thread of the kernel's own. The run ends with the right status,
# or with the machine; what is left says what happened and where; on this boot nothing goes on; after
# the next one 'resume' runs what was not run yet, and that alone.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # used by cli.sh
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "$here/../../cli/lib/cli.sh"
# shellcheck source=tests/lab/t/lib/disk.sh
. "$here/lib/disk.sh"

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - a kernel that dies # SKIP not root\n1..1\n'
	exit 0
fi

name=test-died
work=$T/found

# guest COMMAND: boots and runs it; each p2pcert in it prints "STATUS WHAT" to 'statuses'. Then all
# that is on the disk lies in $work.
guest() {
	local dir
	# shellcheck disable=SC2016 # the variables are the guest's
	boot reference "$name" '
		cd /srv || exit
		export P2PCERT_SELFTEST=break
		p2pcert() {
			/lab/build/p2pcert-selftest "$@" >> /lab/$name/said 2>&1
			echo "$? $1 ${!#}" >> /lab/$name/statuses
		}
		'"$1" > "$T/out" 2> "$T/err"
	lab_status=$?
	for dir in panic stuck oops merged; do
		read_disk "$name" "$dir" "$work" || exit 3
	done
}

# statuses TITLE LINE...: those of the last boot
statuses() {
	local title=$1
	shift
	is "$title" "$(printf '%s\n' "$@")" "$(cat "$out/$name/statuses" 2> /dev/null)"
}

# said TITLE TEXT: some p2pcert of the last boot said so.
said() {
	grep -qF -- "$2" "$out/$name/said"
	verdict $? "$1" "no '$2' in:" "$(tail -n 20 "$out/$name/said")"
}

# reports DIR TITLE EXPECTED FILTER: what a jq filter finds in the report on the disk
reports() {
	is "$1: $2" "$3" "$(jq -r "$4" "$work/$1/report.json" 2>&1)"
}

outcomes='.results[] | "\(.id) \(.outcome) \(.kind // "")" | sub(" $"; "")'

# gone_on DIR OUTCOMES: the report of a run that was resumed after a boot
gone_on() {
	reports "$1" 'resumed: outcomes' "$2" "$outcomes"
	reports "$1" 'resumed: complete, in another boot, nothing left' 'true [true] []' \
		'"\(.complete) \(.resumed | map(.rebooted)) \(.not_undone)"'
	is "$1: resumed: nothing was started twice" '' \
		"$(jq -r 'select(.event == "scenario-start").scenario' "$work/$1/journal.jsonl" |
			sort | uniq -d)"
}

panic() {
	guest 'p2pcert run --results panic topo.pair-verdict selftest.panic selftest.unchanged'
	is 'panic: the guest died' 3 "$lab_status"
	is 'panic: nothing of the end is on the disk' 'true false' \
		"$([[ -s $work/panic/journal.jsonl ]] && echo true) $(
			[[ -e $work/panic/report.json ]] && echo true || echo false)"

	# shellcheck disable=SC2016 # the variable is the guest's
	guest 'p2pcert report verdict panic
		p2pcert report convert -o panic.json panic; cp panic.json /lab/$name
		p2pcert resume panic
		p2pcert run --results stuck --timeout 3 selftest.stuck selftest.unchanged
		p2pcert resume stuck
		p2pcert run --results again selftest.unchanged'
	is 'panic: the next boot tells what ran' \
		'topo.pair-verdict pass,selftest.panic error incomplete,selftest.unchanged notrun' \
		"$(jq -r "[$outcomes] | join(\",\")" "$out/$name/panic.json")"
	is 'panic: and that it died' 'error 3 false died selftest.panic' \
		"$(jq -r '"\(.verdict) \(.exit_status) \(.complete) \(.interrupted |
			"\(.reason) \(.running | join(","))")"' "$out/$name/panic.json")"
	gone_on panic $'topo.pair-verdict pass\nselftest.panic error incomplete\nselftest.unchanged pass'
}

stuck() {
	statuses 'panic and stuck: exit statuses' '3 report panic' '0 report panic' '3 resume panic' \
		'6 run selftest.unchanged' '6 resume stuck' '6 run selftest.unchanged'
	said 'stuck: resume in the same boot says why not' "'stuck' ended because the kernel"
	said 'stuck: another run says so, too' "the run in '/srv/stuck' ended because"
	reports stuck 'outcomes' $'selftest.stuck error timeout\nselftest.unchanged notrun' "$outcomes"
	reports stuck 'the child could not be killed' true \
		'.results[] | select(.id == "selftest.stuck").child.stuck'
	grep -q p2pcert_fault_stuck "$work"/stuck/*-selftest.stuck/stacks.txt
	verdict $? 'stuck: its stack is saved' "$(head -n 5 "$work"/stuck/*-selftest.stuck/stacks.txt)"
	reports stuck 'nothing was undone' 'module p2pcert_p2p' \
		'.not_undone[] | select(.kind == "module") | "\(.kind) \(.args.name)"'

	guest 'p2pcert resume stuck
		p2pcert run --results oops --inject oops devpriv.roundtrip selftest.unchanged
		p2pcert resume oops
		p2pcert run --results refused selftest.pass'
	gone_on stuck $'selftest.stuck error timeout\nselftest.unchanged pass'
}

oops() {
	statuses 'stuck and oops: exit statuses' '3 resume stuck' '6 run selftest.unchanged' \
		'6 resume oops' '6 run selftest.pass'
	said 'oops: another run in the same boot says why not' "the run in '/srv/oops' ended because"
	reports oops 'outcomes' $'devpriv.roundtrip fail\nselftest.unchanged notrun' "$outcomes"
	reports oops 'the child died of it' true '.results[0].child.signal > 0'
	reports oops 'the log is refuted, by an oops' 'refuted true' '.results[0] |
		"\(.evidence.kernel_log | .state) \([.kernel_log[]?.class] | index("OOPS") != null)"'

	guest 'p2pcert resume oops'
	statuses 'oops: the next boot goes on' '1 resume oops'
	gone_on oops $'devpriv.roundtrip fail\nselftest.unchanged pass'
}

# The kernel cannot merge equal pages that are in a device: its thread dies, and the boot is over; or who
# has them faults for ever, and nothing else is harmed. Which of the two is a matter of who comes first.
# As soon as a kernel can, this is to be turned around.
merged() {
	local log

	guest 'echo 1 > /sys/kernel/mm/ksm/run
		p2pcert run --results merged --allow-unsafe --device 0000:06:00.0 devpriv.ksm \
			selftest.unchanged'
	log=$(jq -r '.results[0].evidence.kernel_log.state' "$work/merged/report.json")
	if [[ $log == refuted ]]; then
		statuses 'merged, its thread dead: exit status' '6 run selftest.unchanged'
		reports merged 'its thread dead: outcomes' \
			$'devpriv.ksm fail\nselftest.unchanged notrun' "$outcomes"
	else
		statuses 'merged, faults without end: exit status' '1 run selftest.unchanged'
		reports merged 'faults without end: outcomes' \
			$'devpriv.ksm fail\nselftest.unchanged pass' "$outcomes"
	fi
	reports merged 'its thread dead or faults without end, by the path' refuted \
		'.results[0].evidence.path.state'
	reports merged 'what of the kernel was seen, and the erratum' 'true true' \
		'"\(any(.findings[]; .code == "HMM-KSM-OOPS")) \(any(.errata[]; .id == "hmm-ksm"))"'
}

"$lab" build || exit 3
rm -f "$out/$name.disk"
panic
stuck
oops
merged
done_testing
