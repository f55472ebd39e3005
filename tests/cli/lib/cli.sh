# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the command line: runs p2pcert, keeps what it said in $T/out and $T/err, prints TAP.

: "${P2PCERT:?the program under test is not set}"
T=$(mktemp -d) || exit 3
trap 'rm -rf "$T"' EXIT
tests=0
failures=0

# verdict STATUS TITLE [DETAIL]...
verdict() {
	local status=$1 title=$2
	shift 2
	tests=$((tests + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $tests - $title"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $title"
		[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
	fi
}

# ok TITLE CMD...: the command succeeds.
ok() {
	local title=$1
	shift
	"$@"
	verdict $? "$title"
}

# gives STATUS TITLE CMD...: the command exits with this status.
gives() {
	local want=$1 title=$2 got
	shift 2
	"$@" >"$T/out" 2>"$T/err" </dev/null
	got=$?
	verdict $((got != want)) "$title exits $want" "got $got" "$(head -n 5 "$T/err")"
}

contains() {
	local file=$1 title=$2 text="" status=0
	shift 2
	for text; do
		grep -qF -- "$text" "$file" || { status=1; break; }
	done
	verdict $status "$title" "no '$text' in: $(head -n 5 "$file")"
}

# out_has TITLE TEXT...; err_has TITLE TEXT...: all of the texts were printed.
out_has() {
	contains "$T/out" "$@"
}
err_has() {
	contains "$T/err" "$@"
}

# is TITLE EXPECTED FOUND: they are the same text.
is() {
	[ "$2" = "$3" ]
	verdict $? "$1" "expected '$2'" "found '$3'"
}

# one_message TITLE: standard error holds one line, ours, without full stop.
one_message() {
	local lines
	lines=$(wc -l <"$T/err")
	grep -q '^p2pcert: [^A-Z].*[^.]$' "$T/err" && [ "$lines" -eq 1 ]
	verdict $? "$1" "$lines lines: $(head -n 5 "$T/err")"
}

# drop_root: sets "as", what to put before a command so that it runs without root. Whoever runs the
# tests, a program that does not refuse what it must can then do nothing to this machine.
drop_root() {
	as=()
	[ "$(id -u)" -eq 0 ] || return 0
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	cp "$P2PCERT" "$T/p2pcert"
	cp -R "$P2PCERT_DATADIR" "$T/data"
	chmod -R a+rX "$T"
	P2PCERT=$T/p2pcert
	export P2PCERT_DATADIR=$T/data
}

# give FILE...: to whoever runs behind "as", and to nobody else
give() {
	chmod -R u=rwX,go= "$@"
	[ ${#as[@]} -eq 0 ] || chown -R 65534:65534 "$@"
}

done_testing() {
	echo "1..$tests"
	[ $failures -eq 0 ]
}
