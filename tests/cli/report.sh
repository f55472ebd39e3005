#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert report: showing, converting, judging for git bisect, and trouble with what is read or written.
# The exit statuses of verdicts are in report_status.sh.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
data=${P2PCERT_TEST_DATA:?}/report

on_full_disk() {
	"$@" >/dev/full
}

# Showing.
gives 0 "show" "$P2PCERT" report show "$data/fail-refuted"
out_has "show has the table, the finding, the verdict" "WHY" "P2P-DATA-REFUTED" "verdict: fail"
ok "no colour where there is no terminal" sh -c "! grep -q '\[' '$T/out'"
gives 0 "show in colour" "$P2PCERT" report show --color=always "$data/fail-refuted"
out_has "there is colour when asked for" "$(printf '\033[')"

# The commands that do a failure again: a shell reads from them what the report holds.
while read -r name; do
	"$P2PCERT" report show "$data/$name" >"$T/out"
	sed -n '/^REPLAY$/,/^$/s/^    //p' "$T/out" >"$T/lines"
	"$P2PCERT" report convert "$data/$name" >"$T/report.json"
	jq -c '.results[].replay | select(length > 0)' "$T/report.json" >"$T/expected"
	while read -r line; do
		eval "set -- $line"
		jq -nc '$ARGS.positional' --args -- "$@"
	done <"$T/lines" >"$T/read"
	ok "$name has something to do again" [ -s "$T/lines" ]
	ok "the commands of $name are what its report says" cmp "$T/read" "$T/expected"
done <<'END'
fail-refuted
flaky
hostile-text
resumed-twice
END

# For git bisect: good, bad, and all that is neither, whatever is wrong.
bisect() {
	gives "$1" "bisect with $2" "$P2PCERT" report verdict --bisect "$data/$2"
}
bisect 0 pass
is "the verdict is printed all the same" pass "$(<"$T/out")"
bisect 1 fail-refuted
bisect 1 signal-fail
bisect 1 time-budget-fail
bisect 1 host-untrusted
bisect 125 signal
bisect 125 died-at-boot
bisect 125 all-skipped
bisect 125 inconclusive
bisect 125 stuck
bisect 125 none
gives 125 "bisect with a full disk" on_full_disk "$P2PCERT" report verdict --bisect "$data/pass"
gives 125 "bisect without an argument" "$P2PCERT" report verdict --bisect
gives 125 "bisect for show" "$P2PCERT" report show --bisect "$data/pass"
err_has "the option is named" "--bisect is for 'verdict'"

# Converting: the same bytes each time, to a file as to standard output.
gives 0 "convert" "$P2PCERT" report convert --format json "$data/pass"
ok "converted to the kept report" cmp "$T/out" "$data/pass/report.json"
gives 0 "convert to a file" "$P2PCERT" report convert -o "$T/copy.json" "$data/pass"
ok "the file is the same" cmp "$T/copy.json" "$data/pass/report.json"
ok "nothing on standard output" [ ! -s "$T/out" ]
gives 0 "convert to '-'" "$P2PCERT" report convert -o - "$T/copy.json"
ok "a report converted again is the same" cmp "$T/out" "$data/pass/report.json"
gives 3 "convert on a full disk" on_full_disk "$P2PCERT" report convert "$data/pass"
one_message "a full disk is one message"
# A file that cannot be written whole stays as it was, with nothing beside it.
in_little_space() {
	(
		trap '' XFSZ
		ulimit -f 4
		"$@"
	)
}
mkdir "$T/kept"
echo old >"$T/kept/report.json"
gives 3 "convert with too little space" \
	in_little_space "$P2PCERT" report convert -o "$T/kept/report.json" "$data/pass"
one_message "too little space is one message"
is "what was there stays" old "$(<"$T/kept/report.json")"
is "nothing is left beside it" report.json "$(ls -A "$T/kept")"
gives 3 "convert into a directory that is not there" \
	"$P2PCERT" report convert -o "$T/none/report.json" "$data/pass"
one_message "a file that cannot be written is one message"
err_has "and named" "$T/none/report.json"

# The table of pairs.
gives 0 "pairs" "$P2PCERT" report pairs "$data/fail-refuted"
out_has "a matrix of three letters" '1   DH!  0000:02:00.0'
out_has "and what differs, in words" 'moved      wrong: topo.pair-verdict by dma0chan0'
gives 0 "one pair" "$P2PCERT" report --pair 02:00.0,0000:03:00.0 pairs "$data/pass"
is "one pair alone" 'moved      right: topo.pair-verdict by dma0chan0' \
	"$(sed -n 's/^ *\(moved.*\)/\1/p' "$T/out")"
gives 0 "no pairs" "$P2PCERT" report pairs "$data/flaky"
out_has "a run that looked at none says so" 'no pairs'
gives 2 "a pair that is not there" "$P2PCERT" report --pair 02:00.0,02:00.0 pairs "$data/pass"
one_message "a pair that is not there is one message"
gives 2 "a pair that is none" "$P2PCERT" report --pair 02:00.0 pairs "$data/pass"
gives 2 "a pair of a list of scenarios" "$P2PCERT" report --pair 02:00.0,03:00.0 show "$data/pass"

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
