#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `p2pcert resume` as far as it gets without running anything: what it refuses, with which message and
# status, and what it says of runs that need nothing any more.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
data=${P2PCERT_TEST_DATA:?}/report

drop_root

# copy NAME: a kept results directory as one of our own, in $T/NAME
copy() {
	rm -rf "${T:?}/$1"
	mkdir "$T/$1"
	cp -R "$data/$1/." "$T/$1"
	rm -f "$T/$1/report.json"
	give "$T/$1"
}

resume() {
	"${as[@]}" "$P2PCERT" resume "$@"
}

# refuses STATUS TITLE TEXT ARG...: one message that has the text, and the journal stays as it was
refuses() {
	local status=$1 title=$2 text=$3 dir=${*: -1} before
	shift 3
	before=$(cat "$dir/journal.jsonl" 2>/dev/null)
	gives "$status" "$title" resume "$@"
	one_message "$title is one message"
	err_has "$title: says what" "$text"
	ok "$title: prints nothing" [ ! -s "$T/out" ]
	is "$title: writes nothing" "$before" "$(cat "$dir/journal.jsonl" 2>/dev/null)"
}

# Usage.
copy pass
refuses 2 'no directory' 'no results directory given'
refuses 2 'two directories' "'$T/none'" "$T/pass" "$T/none"
refuses 2 'timeout of zero' "'0'" --timeout 0 "$T/pass"
refuses 2 'timeout that is no number' "'soon'" --timeout soon "$T/pass"
refuses 2 'timeout for undoing' '--restore-only' --restore-only --timeout 5 "$T/pass"
refuses 2 'colour that is none' "'green'" --color green "$T/pass"
refuses 2 'option of run' 'repeat' --repeat 2 "$T/pass"

# No results directory.
refuses 2 'a directory that is not there' "'$T/none'" "$T/none"
printf x >"$T/file"
refuses 2 'a file' 'Not a directory' "$T/file"
mkdir "$T/empty"
give "$T/empty"
refuses 2 'an empty directory' 'journal.jsonl' "$T/empty"
refuses 2 'an empty directory, to undo' 'journal.jsonl' --restore-only "$T/empty"

# A journal that is damaged, or another's.
for name in not-json no-seq empty other-schema no-profile array; do
	mkdir "$T/$name"
	cp "$data/damaged/$name.jsonl" "$T/$name/journal.jsonl"
	give "$T/$name"
	refuses 2 "damage '$name'" "'$T/$name'" "$T/$name"
	refuses 2 "damage '$name', to undo" "'$T/$name'" --restore-only "$T/$name"
done
copy killed-in-scenario
chmod g+w "$T/killed-in-scenario/journal.jsonl"
refuses 3 'a journal that a group can write' "'journal.jsonl'" "$T/killed-in-scenario"
copy killed-in-scenario
chmod o+w "$T/killed-in-scenario"
refuses 3 'a directory that all can write' "'.'" --restore-only "$T/killed-in-scenario"
copy killed-in-scenario
mv "$T/killed-in-scenario/journal.jsonl" "$T/elsewhere.jsonl"
ln -s ../elsewhere.jsonl "$T/killed-in-scenario/journal.jsonl"
gives 3 'a journal that is a link' resume "$T/killed-in-scenario"
one_message 'a journal that is a link is one message'

# Runs that are complete: their report, and its status.
while read -r status verdict name; do
	copy "$name"
	gives "$status" "complete: $name" resume "$T/$name"
	out_has "complete: $name is shown" "verdict: $verdict" "report: $T/$name/report.json"
	ok "complete: $name has its report" cmp "$T/$name/report.json" "$data/$name/report.json"
	gives 0 "complete: $name has nothing to undo" resume --restore-only "$T/$name"
	is "complete: $name says so" 'nothing to undo' "$(<"$T/out")"
	gives 0 "complete: $name has nothing to undo, quietly" resume -q --restore-only "$T/$name"
	ok "complete: $name says nothing" [ ! -s "$T/out" ]
done <<'END'
0 pass pass
1 fail fail-refuted
4 nothing-applicable all-skipped
5 inconclusive inconclusive
END
gives 0 'complete, quietly' resume -q "$T/pass"
ok 'complete, quietly: nothing is printed' [ ! -s "$T/out" ]
on_full_disk() {
	"$@" >/dev/full
}
gives 3 'complete, on a full disk' on_full_disk resume "$T/pass"
one_message 'a full disk is one message'

# here NAME [JQ]: the kept journal as if it had been begun here, changed by the filter.
here() {
	local name=$1 filter=${2:-.}
	copy "$name"
	jq -c --arg host "$(uname -n)" --arg machine "$(uname -m)" --arg release "$(uname -r)" \
		--arg version "$(uname -v)" --arg cmdline "$(</proc/cmdline)" \
		--arg tool "$("$P2PCERT" --version | cut -d ' ' -f 2)" \
		"(if .event == \"run-start\" then .host = {hostname: \$host, machine: \$machine} |
		  .kernel = {release: \$release, version: \$version, cmdline: \$cmdline} |
		  .tool.version = \$tool else . end) | $filter" \
		"$data/$name/journal.jsonl" >"$T/$name/journal.jsonl" || echo "Bail out! jq failed"
	give "$T/$name"
}
# restored DIR: as if it had been restored in this boot
restored() {
	local last
	last=$(sed -n '$p' "$1/journal.jsonl")
	jq -cn --arg boot "$boot" --argjson last "$last" \
		'{event: "resume", seq: ($last.seq + 1), t_ns: $last.t_ns, boot_id: $boot,
		  tool: {version: "0.1.0", commit: "0123456789ab"}, argv: ["p2pcert", "resume"],
		  time: "2026-10-26T08:33:20Z", taint: {value: 0, names: []}, taint_modules: [],
		  deadline_factor: 1.0, slowness: {compute: 1.0, kernel: 1.0}, restore_only: true}' \
		>>"$1/journal.jsonl" || echo "Bail out! jq failed"
}
start='if .event == "run-start" then'
boot=$(</proc/sys/kernel/random/boot_id)

# Another machine, another system.
copy signal
refuses 3 'another machine' 'host name' "$T/signal"
here signal "$start .host.machine = \"vax\" else . end"
refuses 3 'another architecture' "'vax'" "$T/signal"
here signal "$start .kernel.release = \"2.4.18\" else . end"
refuses 3 'another kernel' "'2.4.18'" "$T/signal"
err_has 'another kernel: what to do' 'begin a new run' '--restore-only'
here signal "$start .kernel.cmdline = \"iommu=off\" else . end"
refuses 3 'another command line' "'iommu=off'" "$T/signal"
here signal "$start .host.bios_version = \"0\" else . end"
if [ -r /sys/class/dmi/id/bios_version ]; then
	refuses 3 'another firmware' 'firmware version' "$T/signal"
fi
here not-undone "$start .host.hostname = \"elsewhere\" else . end"
refuses 3 'changes on another machine' "'elsewhere'" "$T/not-undone"
refuses 3 'changes on another machine, to undo' "'elsewhere'" --restore-only "$T/not-undone"

# A host that cannot be trusted until it is booted anew.
here host-untrusted "$start .boot_id = \"$boot\" else . end"
refuses 6 'host not to be trusted' 'reboot first' "$T/host-untrusted"
here not-undone "($start .boot_id = \"$boot\" else . end) |
	if .event == \"run-end\" then .reason = \"host-untrusted\" else . end"
refuses 6 'host not to be trusted, to undo' 'reboot first' --restore-only "$T/not-undone"

# From here on it could go on, if it were root.
here host-untrusted "$start .boot_id = \"00000000-0000-0000-0000-000000000000\" else . end"
refuses 3 'host that was booted anew' 'needs root' "$T/host-untrusted"
restored "$T/host-untrusted"
refuses 3 'host that was booted anew, and restored' 'needs root' "$T/host-untrusted"
here signal "$start .kernel.release = \"2.4.18\" else . end"
restored "$T/signal"
refuses 3 'another kernel, and restored' "'2.4.18'" "$T/signal"
for name in signal time-budget killed-in-scenario died-at-boot torn; do
	here "$name"
	refuses 3 "go on with $name" 'needs root' "$T/$name"
done
here not-undone "$start .kernel.release = \"2.4.18\" else . end"
refuses 3 'changes of a complete run' 'needs root' "$T/not-undone"
here not-undone "($start .kernel.release = \"2.4.18\" else . end) |
	if .event == \"run-end\" then .reason = \"time-budget\" else . end"
refuses 3 'changes of another kernel' "'2.4.18'" "$T/not-undone"
refuses 3 'changes of another kernel, to undo' 'needs root' --restore-only "$T/not-undone"
done_testing
