# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # from tests/cli/lib/cli.sh
#
# For tests that run p2pcert in a guest: runs that are looked at from outside, and what must hold
# after each of them. Results lie in $T/NAME, what p2pcert printed in $T/out and $T/err.

# Only what a run makes itself may be in the working directory.
cd "$T" || exit 3

# certify STATUS NAME ARG...: 'p2pcert run' with its results in $T/NAME exits with STATUS.
certify() {
	local status=$1 name=$2
	shift 2
	gives "$status" "$name" p2pcert run --results "$T/$name" "$@"
}

# start NAME ARG...: starts such a run and waits until its first scenario has begun; sets 'run'.
start() {
	local name=$1
	shift
	p2pcert run --results "$T/$name" "$@" > "$T/out" 2> "$T/err" < /dev/null &
	run=$!
	until_true grep -qs '"scenario-start"' "$T/$name/journal.jsonl"
	verdict $? "$name: a scenario has started" "$(head -n 5 "$T/err")"
}

# ends STATUS TITLE: the run that was started ends so.
ends() {
	local got
	wait "$run" 2> /dev/null
	got=$?
	verdict $((got != $1)) "$2 exits $1" "got $got" "$(head -n 5 "$T/err")"
}

# until_true CMD...: waits for it, half a minute at most.
until_true() {
	local end=$((SECONDS + 30))
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.1
	done
}

# reports NAME TITLE EXPECTED FILTER: what a jq filter finds in the report of a run.
reports() {
	is "$1: $2" "$3" "$(jq -r "$4" "$T/$1/report.json" 2>&1)"
}

# each_fault MATRIX [OPTION]...: for each fault in lines 'SCENARIO FAULT STATUS WHAT' one run of all its
# scenarios, with their results in $T/FAULT, given the options besides. WHAT is the evidence that the
# scenario refutes, or its outcome if it does not fail; STATUS what a run of it alone would exit with.
each_fault() {
	local matrix=$1 faults fault name scenarios status
	shift
	mapfile -t faults < <(awk 'NF && !seen[$2]++ { print $2 }' <<< "$matrix")
	for fault in "${faults[@]}"; do
		mapfile -t scenarios < <(awk -v fault="$fault" '$2 == fault { print $1 }' <<< "$matrix")
		# one that fails is a run that fails
		status=$(awk -v fault="$fault" '$2 == fault { print $3 }' <<< "$matrix" | sort -n | head -n 1)
		name=$fault
		while [[ -e $T/$name ]]; do name+=-again; done
		certify "$status" "$name" "$@" --inject "$fault" "${scenarios[@]}"
		reports "$name" 'what is refuted' \
			"$(awk -v fault="$fault" '$2 == fault { print $1, $4 }' <<< "$matrix" | sort)" \
			"[$what_is_refuted] | sort[]"
		nothing_left "$name"
	done
}
# shellcheck disable=SC2016 # the filter is jq's
what_is_refuted='.results[] | "\(.id) " + if .outcome == "fail" then
	.evidence | to_entries | map(select(.value.state == "refuted").key) | join(",")
else .outcome end'

# What p2pcert may have left on the machine, a line each.
left_behind() {
	lsmod | awk '/^(p2pcert_|rdma_rxe)/ { print "module " $1 }'
	rdma link show | grep -o 'p2pcert[0-9]*/'
	ls /dev/p2pcert* 2> /dev/null
	pgrep -ax 'p2pcert.*'
	ls -d /sys/fs/cgroup/p2pcert* 2> /dev/null
}

# nothing_left TITLE
nothing_left() {
	is "$1: nothing is left" '' "$(left_behind)"
}

# mark_kernel_log: what comes before is not asked about any more.
mark_kernel_log() {
	marks=$((marks + 1))
	until_true leave_mark || echo '# no mark could be left in the kernel log'
}

# The kernel takes few lines from outside in a short time, and drops the others.
leave_mark() {
	echo "test: mark $marks" > /dev/kmsg
	dmesg | grep -qF "test: mark $marks"
}

# kernel_complaints: what the kernel said since the mark that is not well. Where it shows the stack of
# a process that it ends for using too much memory, it does what it was asked for.
kernel_complaints() {
	dmesg | awk -v mark="test: mark $marks" '
		/ invoked oom-killer: / { asked = 1 }
		/Call Trace/ && asked {
			asked = 0
			next
		}
		marked && /WARNING: |BUG: |Oops|Call Trace|refcount_t|DMAR: .*fault|I\/O error/
		index($0, mark) { marked = 1 }
		END { if (!marked) print "the kernel log was overwritten" }'
}

# quiet_kernel TITLE: nothing of that kind.
quiet_kernel() {
	is "$1: the kernel log is clean" '' "$(kernel_complaints)"
	mark_kernel_log
}

marks=0
mark_kernel_log
