#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The way of a report to its file with every call failing once: memory, and each open, write, sync
# and rename. Whatever fails, the status is 3 or the result is right, there is one message at most,
# and the file holds either what it held or the whole report; nothing else is left.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

build=$(dirname "$P2PCERT")
inject=$build/inject.so
if [ ! -e "$inject" ]; then
	printf 'ok 1 - failing calls # SKIP the sanitizers cannot be loaded after another library\n1..1\n'
	exit 0
fi
results=$P2PCERT_TEST_DATA/report/torn-last-newline
shopt -s dotglob nullglob
mkdir "$T/dir"
file=$T/dir/report.json
ok 'the report is made' "$P2PCERT" report convert -o "$T/whole" "$results"

# injected WORDS CMD...: with what inject.so is told
injected() {
	local words=$1
	shift
	INJECT=$words LD_PRELOAD=$inject "$@" >"$T/out" 2>"$T/err" </dev/null
}

# wrong STATUS OLD: what is wrong after a call failed; OLD is what the file held, - if there was
# none
wrong() {
	local status=$1 old=$2 lines now=-
	mapfile -t lines <"$T/err"
	[ ! -e "$file" ] || now=$(<"$file")
	case $status in
	0)
		[ ${#lines[@]} -eq 0 ] || echo "status 0 and a message: ${lines[0]}"
		[ "$now" = "$whole" ] || [ "$whole" = - ] || echo 'status 0 and another report'
		;;
	3)
		[[ ${#lines[@]} -eq 1 && ${lines[0]} == 'p2pcert: '[!A-Z]*[!.] ]] ||
			echo "${#lines[@]} messages: ${lines[*]}"
		[ "$now" = "$whole" ] || [ "$now" = "$old" ] || echo 'part of a report'
		;;
	*)
		echo "status $status: ${lines[*]}"
		;;
	esac
	for name in "$T"/dir/*; do
		[ "$name" = "$file" ] || [ ! -e "$name" ] || echo "left: $name"
	done
}

# sweep TITLE OLD CALLS WHAT CMD...: WHAT happens at each of the calls that CMD makes
sweep() {
	local title=$1 old=$2 calls=$3 what=$4 n=0 count status problem problems=''
	shift 4
	injected "calls=$calls count=$T/count" "$@"
	verdict $? "$title: succeeds when nothing fails" "$(head -n 5 "$T/err")"
	count=$(<"$T/count")
	while [ $((n += 1)) -le "$count" ]; do
		rm -f "$T"/dir/*
		[ "$old" = - ] || printf '%s' "$old" >"$file"
		injected "calls=$calls at=$n do=$what" "$@"
		status=$?
		[ $status -ne 0 ] || passed=$((passed + 1))
		problem=$(wrong $status "$old")
		[ -z "$problem" ] || problems+="call $n: $problem"$'\n'
	done
	total=$((total + count))
	[ "$count" -gt 0 ] && [ -z "$problems" ]
	verdict $? "$title: $what at each of $count calls" "$(head -n 5 <<<"$problems")"
}

total=0
passed=0
whole=$(<"$T/whole")
convert=("$P2PCERT" report convert -o "$file" "$results")
sweep 'convert, over an old file' old alloc ENOMEM "${convert[@]}"
for what in ENOSPC EIO EDQUOT; do
	sweep 'convert, over an old file' old files $what "${convert[@]}"
	sweep 'convert, a new file' - files $what "${convert[@]}"
done
sweep 'convert, a new file' - write short "${convert[@]}"
is 'a short write is gone on with' "$whole" "$(<"$file")"
injected 'calls=write at=1- do=ENOSPC' "${convert[@]}"
is 'a disk that stays full' '3 ' "$? $(wrong 3 "$whole")"
whole=- # show writes no file
sweep 'show' - alloc ENOMEM "$P2PCERT" report show "$results"
sweep 'show' - open EIO "$P2PCERT" report show "$results"
[ $((total - passed)) -gt 1000 ]
verdict $? "most of $total calls matter" "$passed do not"

for action in show convert verdict; do
	"$P2PCERT" report $action "$results" >/dev/full 2>"$T/err"
	is "$action to a full disk" 3 $?
	one_message "$action to a full disk is one message"
done
done_testing
