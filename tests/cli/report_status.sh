#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The exit statuses that p2pcert(1) states: each row from a results directory, and the same from the
# report that was made of it; and the page has these rows and no others.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
data=${P2PCERT_TEST_DATA:?}/report
page=$(dirname "$0")/../../man/p2pcert.1

mkdir "$T/malformed"
cp "$data/damaged/not-json.jsonl" "$T/malformed/journal.jsonl"

rows=()
while read -r row status verdict name; do
	rows+=("$row")
	gives "$status" "row $row: verdict of $name" "$P2PCERT" report verdict "$data/$name"
	is "verdict of $name" "$verdict" "$(<"$T/out")"
	ok "$name is converted" "$P2PCERT" report convert -o "$T/report.json" "$data/$name"
	is "$name states its exit status" "$status" "$(jq .exit_status "$T/report.json")"
	gives "$status" "verdict of the report of $name" "$P2PCERT" report verdict "$T/report.json"
done <<'END'
0 0 pass pass
0 0 pass signal-then-resumed
1 1 fail fail-refuted
1 1 fail flaky
3 3 error died-at-boot
3 3 error torn
3 3 error panic
3 3 error resumed
4 4 nothing-applicable all-skipped
5 5 inconclusive required-skips-kernel-config
6 6 host-untrusted host-untrusted
6 6 host-untrusted stuck
124 124 time-budget time-budget
128+n 130 interrupted signal
128+n 143 interrupted signal-fail
END
gives 2 "row 2: verdict of a malformed journal" "$P2PCERT" report verdict "$T/malformed"
one_message "malformed is one message"
ok "malformed has no verdict" [ ! -s "$T/out" ]
rows+=(2)

is "p2pcert(1) states these rows" \
	"$(printf '%s\n' "${rows[@]}" | sort -u)" \
	"$(sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' "$page" | sort)"
done_testing
