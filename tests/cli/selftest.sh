#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `p2pcert run` with scenarios that misbehave without harm to the machine: each gets the outcome
# that it deserves and spoils nothing for the next, and who reaches for the results gets no verdict.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

selftest=$(dirname "$P2PCERT")/p2pcert-selftest
inject=$(dirname "$P2PCERT")/inject.so
export P2PCERT_STATE_DIR=$T/state
unset P2PCERT_SELFTEST

# In a mount namespace of its own, so that the lock is not the machine's.
alone() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -c 'mount -t tmpfs none /run && exec "$@"' sh "$@"
}
if [ "$(id -u)" -ne 0 ] || ! alone true 2>/dev/null; then
	printf 'ok 1 - misbehaving scenarios # SKIP not root, or not free to mount\n1..1\n'
	exit 0
fi

# run_selftest NAME SCENARIO...: its results in $T/NAME; the scenarios without 'selftest.'
run_selftest() {
	local name=$1
	shift
	alone "$selftest" run --results "$T/$name" "${@/#/selftest.}" >"$T/out" 2>"$T/err" </dev/null
}

# outcomes NAME: a line each: id, outcome, kind of error
outcomes() {
	jq -r '.results[] | "\(.id) \(.outcome) \(.kind // "")"' "$T/$1/report.json" |
		sed 's/^selftest\.//; s/ $//'
}

# Where nobody may read the kernel log nothing can pass.
run_selftest one pass
case $(outcomes one) in
'pass pass') pass=pass ;;
*) pass=inconclusive ;;
esac
[ $pass = pass ] ||
	[ "$(jq -r '.results[0].evidence.kernel_log.state' "$T/one/report.json")" = missing ]
verdict $? 'one that behaves passes, if the kernel log can be read' "$(head -n 5 "$T/err")"

expected="fail fail
inconclusive inconclusive
info info
skip skip
error error setup
absent skip
unsafe skip
standard $pass
silent error incomplete
twice error incomplete
garbage error incomplete
bad-utf8 error incomplete
forged error incomplete
cut-off error incomplete
flood-channel error incomplete
flood-output $pass
hostile-text $pass
segv error crash
abort error crash
exit error incomplete
hang error timeout
deaf error timeout
daemon error cleanup
descriptors $pass
file-size error crash
change-refused $pass
output-removed error incomplete
memory skip
disk skip
taint skip
taint-fatal skip
pretender skip
panic skip
module skip
changes skip"
mapfile -t ids < <(cut -d ' ' -f 1 <<<"$expected")
run_selftest all "${ids[@]}"
is 'a run of all that misbehave fails' 1 $?
while read -r id outcome; do
	is "$id" "$id $outcome" "$(outcomes all | grep "^$id ")"
done <<<"$expected"
is 'none is left' '' "$(pgrep -f "results $T/")"

# A level takes in those below it.
levels=$(dirname "$0")/../selftest/levels.json
level() {
	alone "$selftest" run -q --profile "$levels" --level "$1" --results "$T/$1" 2>"$T/err"
	is "level $1: what is run" "$2" "$(jq -r '[.results[] | select(.outcome != "skip").id |
		ltrimstr("selftest.")] | join(" ")' "$T/$1/report.json")"
}
level quick 'info'
level standard 'info standard'
level full 'info standard full'

# One that fails for some seeds does so again with the seed that the report names.
alone "$selftest" run -q --seed 1 --repeat 8 --results "$T/flaky" selftest.flaky 2>"$T/err"
is 'flaky: fails' 1 $?
is 'flaky: is told so' 'true 8' \
	"$(jq -r '.results[0] | "\(.flaky) \(.rounds | length)"' "$T/flaky/report.json")"
mapfile -t replay < <(jq -r '.results[0].replay[]' "$T/flaky/report.json")
alone "$selftest" "${replay[@]:1}" -q --results "$T/replay" 2>"$T/err"
is 'flaky: the replay fails' 1 $?

# Who writes to the results behind the supervisor's back.
for id in journal-forge journal-cut journal-rewrite results-replaced; do
	run_selftest "$id" fail "$id" pass
	is "$id: no verdict" 3 $?
	err_has "$id: says why" "'$T/$id'"
	ok "$id: no report" [ ! -e "$T/$id/report.json" ]
	! "$P2PCERT" report verdict "$T/$id" >"$T/out" 2>&1
	verdict $? "$id: what is left gives no pass"
done

# The end of a run, with each call on files failing once. (Memory is asked for only while the report
# is built, which inject.sh looks at.)
injected() {
	rm -rf "$T/injected"
	alone env "INJECT=calls=files from=2:journal.jsonl count=$T/count $1" LD_PRELOAD="$inject" \
		"$selftest" run -q --results "$T/injected" selftest.skip 2>"$T/err"
}

# The report is not there, or there is all of it, and nothing else.
whole() {
	[ -z "$(find "$T/injected" -maxdepth 1 -name '.*' -type f)" ] || return
	[ ! -e "$T/injected/report.json" ] || jq -e .verdict "$T/injected/report.json" >"$T/out"
}

if [ -e "$inject" ]; then
	injected ''
	is 'a report that can be written' 4 $?
	total=$(<"$T/count")
	wrong=0
	for ((n = 1; n <= total; n++)); do
		injected "at=$n do=ENOSPC"
		[ $? -eq 3 ] && [ "$(wc -l <"$T/err")" -eq 1 ] && whole || wrong=$n
	done
	[ "$total" -gt 0 ] && [ $wrong -eq 0 ]
	verdict $? "each of $total calls that fails ends the run with 3" "call $wrong" \
		"$(head -n 5 "$T/err")"
fi
done_testing
