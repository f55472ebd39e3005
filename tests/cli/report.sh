#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert report: each exit status of the table from a results directory, the same from the report that
# was made of it, and trouble with what is read or written.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
data=${P2PCERT_TEST_DATA:?}/report

# Verdicts, from the directory and from the file.
while read -r status verdict name; do
	gives "$status" "verdict of $name" "$P2PCERT" report verdict "$data/$name"
	ok "verdict of $name is $verdict" [ "$(<"$T/out")" = "$verdict" ]
	ok "$name is converted" "$P2PCERT" report convert -o "$T/report.json" "$data/$name"
	ok "$name states its exit status" grep -q "^  \"exit_status\": $status,$" "$T/report.json"
	gives "$status" "verdict of the report of $name" "$P2PCERT" report verdict "$T/report.json"
done <<'END'
0 pass pass
1 fail fail-refuted
3 error died-at-boot
3 error torn
4 nothing-applicable all-skipped
5 inconclusive required-skips-kernel-config
6 host-untrusted host-untrusted
124 time-budget time-budget
130 interrupted signal
143 interrupted signal-fail
END

# Showing.
gives 0 "show" "$P2PCERT" report show "$data/fail-refuted"
out_has "show has the table, the finding, the verdict" "WHY" "P2P-DATA-REFUTED" "verdict: fail"
ok "no colour where there is no terminal" sh -c "! grep -q '\[' '$T/out'"
gives 0 "show in colour" "$P2PCERT" report show --color=always "$data/fail-refuted"
out_has "there is colour when asked for" "$(printf '\033[')"

# Converting: the same bytes each time, to a file as to standard output.
gives 0 "convert" "$P2PCERT" report convert --format json "$data/pass"
ok "converted to the kept report" cmp "$T/out" "$data/pass/report.json"
gives 0 "convert to a file" "$P2PCERT" report convert -o "$T/copy.json" "$data/pass"
ok "the file is the same" cmp "$T/copy.json" "$data/pass/report.json"
ok "nothing on standard output" [ ! -s "$T/out" ]
gives 0 "convert to '-'" "$P2PCERT" report convert -o - "$T/copy.json"
ok "a report converted again is the same" cmp "$T/out" "$data/pass/report.json"
on_full_disk() {
	"$@" >/dev/full
}
gives 3 "convert on a full disk" on_full_disk "$P2PCERT" report convert "$data/pass"
one_message "a full disk is one message"
gives 3 "convert into a directory that is not there" \
	"$P2PCERT" report convert -o "$T/none/report.json" "$data/pass"
one_message "a file that cannot be written is one message"
err_has "and named" "$T/none/report.json"

# What is read is not there, or not what it should be.
gives 2 "no such directory" "$P2PCERT" report show "$T/none"
one_message "no such directory is one message"
mkdir "$T/no-journal"
gives 2 "a directory without journal" "$P2PCERT" report verdict "$T/no-journal"
one_message "a directory without journal is one message"
err_has "both are named" "$T/no-journal" "journal.jsonl"
for journal in "$data"/damaged/*.jsonl; do
	name=$(basename "$journal" .jsonl)
	mkdir "$T/$name"
	cp "$journal" "$T/$name/journal.jsonl"
	gives 2 "damage '$name'" "$P2PCERT" report convert "$T/$name"
	one_message "damage '$name' is one message"
	ok "damage '$name' gives no output" [ ! -s "$T/out" ]
done
printf 'x' >"$T/text"
gives 2 "a file that is no report" "$P2PCERT" report show "$T/text"
one_message "a file that is no report is one message"
sed 's/"verdict": "fail"/"verdict": "pass"/; s/^  "exit_status": 1/  "exit_status": 0/' \
	"$data/fail-refuted/report.json" >"$T/forged.json"
gives 2 "a forged verdict" "$P2PCERT" report verdict "$T/forged.json"
one_message "a forged verdict is one message"
ok "a forged verdict is not repeated" [ ! -s "$T/out" ]

# Usage.
gives 2 "no action" "$P2PCERT" report
gives 2 "unknown action" "$P2PCERT" report frobnicate "$data/pass"
err_has "the action is quoted" "'frobnicate'"
gives 2 "nothing to report on" "$P2PCERT" report show
gives 2 "too many arguments" "$P2PCERT" report show "$data/pass" "$data/pass"
gives 2 "unknown format" "$P2PCERT" report convert --format xml "$data/pass"
err_has "the format is quoted" "'xml'"
gives 2 "a format for show" "$P2PCERT" report show --format json "$data/pass"
gives 2 "unknown colour" "$P2PCERT" report show --color=green "$data/pass"
done_testing
