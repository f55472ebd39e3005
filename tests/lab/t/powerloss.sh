#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A machine that dies under a run, again and again: the guest's power is cut, or its kernel panics,
# while p2pcert sets up, runs scenarios, undoes, and writes its report; the next boot goes on with
# the results on the guest's disk, and dies in turn, until the run is complete. After each death the
# disk is read: nothing that was acknowledged is lost, nothing is there twice, what ran when the
# machine died is an error and is not run again, and the report of what there is says so.
#
# P2PCERT_LAB_DEATHS is how many deaths of either kind (5), P2PCERT_LAB_SEED what the points are
# drawn from.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # used by cli.sh
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "$here/../../cli/lib/cli.sh"
# shellcheck source=tests/lab/t/lib/disk.sh
. "$here/lib/disk.sh"

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - power loss # SKIP not root\n1..1\n'
	exit 0
fi

deaths=${P2PCERT_LAB_DEATHS:-5}
seed=${P2PCERT_LAB_SEED:-1}
# shellcheck disable=SC2154 # from disk.sh
work=$out/powerloss # all that is found, a folder for each boot
asked='--seed 7 --repeat 2 --shuffle devpriv.roundtrip selftest.pass selftest.fail'
asked+=' selftest.inconclusive selftest.info selftest.skip selftest.flaky selftest.absent'
asked+=' selftest.segv selftest.changes selftest.changes-abort selftest.unchanged'

# What the deaths of one results directory aim at; the next directory takes the next line.
aims=(
	'set-up scenarios scenarios undo report'
	'scenarios set-up scenarios undo report'
	'set-up set-up scenarios scenarios undo'
	'scenarios scenarios set-up scenarios report'
)

# In the guest, before anything else: the kernel tells of each file that it has brought to the disk,
# in the run's folder, where a death of the guest does not reach.
# shellcheck disable=SC2016
in_guest='
cd /srv || exit
export P2PCERT_SELFTEST=break
selftest=/lab/build/p2pcert-selftest
watch() {
	local tracing=/sys/kernel/tracing
	echo 1 > $tracing/events/ext4/ext4_sync_file_exit/enable
	cat $tracing/trace_pipe > /lab/$name/synced &
}'

# --- where to strike -------------------------------------------------------------------------------

# The filters are jq's, and so are their variables.
# shellcheck disable=SC2016
{
	# Of the journal of a run that nothing interrupted: how many records come before the first
	# scenario, with each round of each scenario, and after the last; and how many modules were loaded.
	measure='
		reduce .[] as $r ({key: "set-up", keys: {}, after: 0, modules: 0};
			(if $r.event == "scenario-start" then .key = "\($r.scenario) \($r.round)"
				else . end) |
			.keys[.key] += 1 |
			.modules += (if $r.event == "module" then 1 else 0 end) |
			.after = if $r.event == "scenario-end" then 0 else .after + 1 end) |
		{before: .keys["set-up"], each: (.keys | del(.["set-up"])), after, modules}'

	# The same of what is left of a run, from what is in its journal.
	what_is_left='
		def count(event): [.[] | select(.event == event)] | length;
		[.[] | select(.event == "scenario-start") | "\(.scenario) \(.round)"] as $started |
		[$measured.each | to_entries[] | select(.key | IN($started[]) | not)] as $left |
		(1 + count("undo-add") - count("undo-done")) as $resume |
		([$left[].value] | add // 0) as $records |
		if . == [] then
			[$measured.before, $records - $measured.after, $measured.after]
		elif $left == [] then
			[$resume, 0, 1]
		elif any($left[].key; startswith("devpriv")) then
			# but for run-start, platform, features and errata
			[$resume + $measured.before - 4, $records - $measured.after, $measured.after]
		else # its modules are not needed any more, nor undone
			[$resume + 1, $records - $measured.after, $measured.after - $measured.modules]
		end | join(" ")'
}

# records JOURNAL: its whole lines, as an array
records() {
	head -n "$(whole_lines "$1")" "$1" 2> /dev/null | jq -c -s .
}

whole_lines() {
	if [[ -e $1 ]]; then tr -cd '\n' < "$1" | wc -c; else echo 0; fi
}

# is_over JOURNAL: the run has come to its end.
is_over() {
	[[ -e $1 ]] && tail -n 1 "$1" | grep -q '"event":"run-end"'
}

# draw_at AIM JOURNAL: sets 'at', which of the records to come the machine is to die at.
draw_at() {
	local before scenarios after
	read -r before scenarios after < <(records "$2" |
		jq -r --argjson measured "$measured" "$what_is_left")
	case $1 in
	set-up) at=$((1 + RANDOM % before)) ;;
	scenarios) at=$((before + 1 + RANDOM % (scenarios * 2 / 3 + 1))) ;;
	undo) at=$((before + scenarios + 1 + RANDOM % after)) ;;
	report) at=$((before + scenarios + after)) ;;
	esac
}

# --- dying -----------------------------------------------------------------------------------------

# Each kind of death sets 'prefix', what p2pcert is started with, and 'options' of the lab.

# Each record, and each part of a file that is published, is brought to the disk by one call. A new
# run begins with three that are not records: its folder, the platform, and its folder again.
cut_plan() {
	local more=0
	[[ $2 == resume ]] || more=3
	[[ $1 != report ]] || more=$((more + RANDOM % 3))
	prefix=
	options=(--power-loss "synced:$((at + more))")
}

# The report is the second file to be published in a run, and the first of one that goes on.
panic_plan() {
	local when=(before after) calls=fdatasync path=journal.jsonl where=$at
	if [[ $1 == report ]]; then
		calls=fsync+rename
		path=.p2pcert-
		where=$((1 + RANDOM % 2))
		[[ $2 == resume ]] || where=$((where + 2))
	elif ((RANDOM % 3 == 0)); then
		calls='write'
	fi
	prefix="env LD_PRELOAD=/lab/build/inject.so INJECT='calls=$calls path=$path at=$where"
	prefix+=" do=panic-${when[RANDOM % 2]}'"
	options=()
}

# dying_guest: what the guest that is planned does: goes on with one directory to its end, and dies
# in another. Only a run that has not left a word is begun anew.
dying_guest() {
	echo "$in_guest"
	[[ -z $finish ]] || echo "\$selftest resume $finish > /lab/$name/finish.out 2>&1"
	echo watch
	if [[ $verb == run ]]; then
		echo "rm -rf $dir; $prefix \$selftest run --results $dir $asked"
	else
		echo "$prefix \$selftest resume $dir"
	fi
	# What was to strike at the very end may strike a moment late.
	# shellcheck disable=SC2016
	echo 'status=$?; sleep 0.3; exit $status'
}

# chain HOW: boots until there were enough deaths on a disk of its own. All that is found is in
# $work/HOW/BOOT: 'plan', 'found' (the results), and of the guest 'stdout', 'stderr' and 'synced'.
chain() {
	local how=$1 name=powerloss-$1 boots=0 died=0 dir=0 of_dir=0 finish='' line verb at prefix
	local options journal kept
	RANDOM=$seed
	rm -f "$out/$name.disk"
	while ((died < deaths && boots < 2 * deaths)); do
		read -r -a line <<< "${aims[dir % ${#aims[@]}]}"
		journal=$work/$how/$boots/found/$dir/journal.jsonl
		if ((of_dir == ${#line[@]})) || is_over "$journal"; then
			finish=$dir
			dir=$((dir + 1))
			of_dir=0
			continue
		fi
		verb=resume
		(($(whole_lines "$journal"))) || verb=run
		draw_at "${line[of_dir]}" "$journal"
		"${how}_plan" "${line[of_dir]}" "$verb"
		boots=$((boots + 1))
		kept=$work/$how/$boots
		mkdir -p "$kept"
		echo "$dir $verb $at $prefix" > "$kept/plan"
		boot bare "$name" "$(dying_guest)" "${options[@]}" > "$kept/lab.out" 2> "$kept/lab.err"
		if [[ ! -s $out/$name/guest/status ]]; then
			died=$((died + 1))
			of_dir=$((of_dir + 1))
		fi
		cp "$out/$name"/{stdout,stderr,synced} "$kept"
		read_disk "$name" "$dir" "$kept/found" || return
		finish=
	done
	boot bare "$name" "$in_guest
		for dir in $finish $dir; do \$selftest resume \$dir; done" > "$work/$how/end.out" 2>&1
	for ((; dir >= 0; dir--)); do
		read_disk "$name" "$dir" "$work/$how/end" || return
	done
}

# --- what was found --------------------------------------------------------------------------------

# All reports at once, by the program that wrote the results: beside each results directory, DIR.json,
# DIR.again.json, and the two exit statuses in DIR.status.
convert_all() {
	# shellcheck disable=SC2016 # the variables are the root's
	"$lab" enter 'cd /lab/powerloss || exit
		for found in */*/found/*/ */end/*/ undisturbed/; do
			found=${found%/}
			for to in $found.json $found.again.json; do
				/lab/build/p2pcert-selftest report convert -o $to $found 2>> $found.err
				echo $? >> $found.status
			done
		done'
}

# shellcheck disable=SC2016
{
	# What a journal says: 'said' is the outcome and kind of each "SCENARIO ROUND", round 0 if it
	# could not start; 'open' are those that were running when it ended. Such a one is an error,
	# unless it had shown by then that something is wrong.
	journal_says='
		(.[0].selected // []) as $selected |
		reduce .[] as $r ({round: {}, said: {}, open: []};
			if $r.event == "scenario-start" then
				"\($r.scenario) \($r.round)" as $key |
				.round[$r.scenario] = $r.round | .open = [$key] |
				.said[$key] = "error incomplete"
			elif $r.event == "evidence" and $r.state == "refuted" then
				.said[.open[]] = "fail -"
			elif $r.event == "scenario-end" then
				.open = [] |
				.said["\($r.scenario) \(.round[$r.scenario] // 0)"] =
					"\($r.outcome) \($r.kind // "-")"
			elif $r.event == "resume" then
				.open = []
			else . end) |
		reduce $selected[] as $id (.;
			if any(.said | keys[]; startswith($id + " ")) then . else
				.said["\($id) 0"] = "notrun -" end)'
	report_says='
		[.results[] | .id as $id |
			if .rounds == [] then {key: "\($id) 0", value: "\(.outcome) \(.kind // "-")"}
			else .rounds[] | {key: "\($id) \(.round)", value: "\(.outcome) \(.kind // "-")"}
			end] | from_entries'

	# Where in a run a journal ends.
	phase_of='
		(map(.event | IN("run-start", "resume")) | rindex(true)) as $at | .[$at:] |
		if .[-1].event == "run-end" then "report"
		elif .[-1].event == "undo-done" then "undo"
		elif any(.event == "scenario-start") then "scenarios"
		else "set-up" end'
}

# acknowledged HOW BOOT INODE: how many records the guest that died had brought to the disk, so far as
# this can be told from outside.
acknowledged() {
	local at prefix synced
	synced=$(grep -c " ino $3 ret 0" "$work/$1/$2/synced")
	read -r _ _ at prefix < "$work/$1/$2/plan"
	case $prefix in
	*calls=fdatasync*panic-after*) ;;
	*path=journal.jsonl*) at=$((at - 1)) ;;
	*) at=0 ;;
	esac
	echo $((synced > at ? synced : at))
}

# printed FILE: what p2pcert said of scenarios that ended, as "SCENARIO ROUND OUTCOME"
printed() {
	sed -n 's/^\[round \([0-9]*\)\/[0-9]*, [0-9/]*\] \([^ ]*\) \([a-z]*\).*/\2 \1 \3/p' "$1"
}

# same WHAT EXPECTED FOUND: complains unless they are
same() {
	[[ $2 == "$3" ]] || printf '%s: expected %s, found %s\n' "$@"
}

# wrong_journal RESULTS BEFORE: what is wrong with the journal; 'records' are its own. All that was
# there before must still be.
wrong_journal() {
	local before=$2/journal.jsonl lines
	lines=$(whole_lines "$before")
	same 'records in order' true "$(jq '[.[].seq] == [range(length)]' <<< "$records")"
	same 'started twice' '[]' "$(jq -c '[.[] | select(.event == "scenario-start") |
		"\(.scenario) \(.round)"] | group_by(.) | map(select(length > 1)[0])' <<< "$records")"
	cmp -s <(head -n "$lines" "$before" 2> /dev/null) <(head -n "$lines" "$1/journal.jsonl") ||
		echo 'what was there before has changed'
}

# wrong_report RESULTS: what is wrong with what is made of them; 'said' is what the journal says.
wrong_report() {
	local report=$1.json over=false
	! is_over "$1/journal.jsonl" || over=true
	same 'exit statuses of report convert' '0 0' "$(paste -s -d ' ' "$1.status")"
	cmp -s "$report" "$1.again.json" || echo 'two reports of the same results differ'
	same 'report' "$(jq -S -c .said <<< "$said")" "$(jq -S -c "$report_says" "$report")"
	same 'complete' "$over" "$(jq .complete "$report")"
	if [[ $over == false ]]; then
		same 'the end' "died $(jq -c '.open | map(split(" ")[0])' <<< "$said")" \
			"$(jq -r '"\(.interrupted.reason) \(.interrupted.running | tojson)"' "$report")"
	fi
	same 'it is no pass' true "$(jq '.verdict != "pass" and .exit_status != 0' "$report")"
}

# wrong_after HOW BOOT DIR: all that is wrong with what a death has left. Notes for the end in
# $work/HOW: 'acknowledged', 'phases', and in 'open.DIR' what was running.
wrong_after() {
	local at=$work/$1/$2 found=$work/$1/$2/found/$3 before=$work/$1/$(($2 - 1))/found/$3
	local records said acked there line
	records=$(records "$found/journal.jsonl")
	acked=$(acknowledged "$1" "$2" "$(< "$found.inode")")
	there=$(($(jq length <<< "$records") - $(whole_lines "$before/journal.jsonl")))
	echo "$acked" >> "$work/$1/acknowledged"
	((there >= acked)) || echo "$acked records were acknowledged, $there are there"
	[[ $records != '[]' ]] || return 0
	said=$(jq -c "$journal_says" <<< "$records")
	jq -r "$phase_of" <<< "$records" >> "$work/$1/phases"
	jq -r '.open[]' <<< "$said" >> "$work/$1/open.$3"
	while read -r line; do
		# shellcheck disable=SC2016
		jq -e --arg line "$line" '.said | to_entries |
			any((.key | sub(" 0$"; " 1")) + " " + (.value | split(" ")[0]) == $line)' \
			<<< "$said" > /dev/null || echo "printed, and not in the journal: $line"
	done < <(printed "$at/stderr")
	wrong_journal "$found" "$before"
	wrong_report "$found"
}

# wrong_at_end HOW DIR: and in the end, compared with the run that nothing disturbed.
wrong_at_end() {
	local found=$work/$1/end/$2 records said last
	last=$(dirname "$(grep -l "^$2 " "$work/$1"/[0-9]*/plan | sort -V | tail -n 1)")
	records=$(records "$found/journal.jsonl")
	said=$(jq -c "$journal_says" <<< "$records")
	is_over "$found/journal.jsonl" || echo 'it is not complete'
	wrong_journal "$found" "$last/found/$2"
	wrong_report "$found"
	cmp -s "$found/report.json" "$found.json" || echo 'report.json is another report'
	same 'not undone' '[]' "$(jq -c .not_undone "$found.json")"
	same 'temporary files' '' "$(find "$found" -name '.*' -type f)"
	# shellcheck disable=SC2016
	jq -r --rawfile died "$work/$1/open.$2" --argjson whole "$whole" '
		.said as $said | ($died | split("\n")) as $died | ($said + $whole) | keys[] |
		(if IN($died[]) then ["error incomplete", "fail -"] else [$whole[.]] end) as $right |
		select($said[.] | IN($right[]) | not) |
		"\(.): \($said[.]), and undisturbed \($whole[.])"' <<< "$said"
}

# finds_nothing TITLE CMD...: the command comes to its end, and has nothing to say.
finds_nothing() {
	local title=$1
	shift
	is "$title" end "$("$@" 2>&1 && echo end)"
}

# judge HOW: all of a chain, and the totals
judge() {
	local how=$1 plan boot dir verb at phase phases=(set-up scenarios)
	while read -r plan; do
		boot=$(basename "$(dirname "$plan")")
		read -r dir verb at _ < "$plan"
		finds_nothing "$how $boot: $verb $dir, dies at $at: all is there, and told" \
			wrong_after "$how" "$boot" "$dir"
	done < <(find "$work/$how" -name plan | sort -V)
	for dir in "$work/$how"/end/*/; do
		dir=$(basename "$dir")
		finds_nothing "$how: results $dir in the end" wrong_at_end "$how" "$dir"
	done
	is "$how: deaths" "$deaths" "$(wc -l < "$work/$how/acknowledged")"
	# How many records are to come is an estimate: a few deaths of one kind may all miss what is soon over.
	((deaths < 20)) || phases+=(undo report)
	for phase in "${phases[@]}"; do
		grep -qx "$phase" "$work/$how/phases"
		verdict $? "$how: some died in phase '$phase'"
	done
	echo "# $how: $deaths deaths ($(sort "$work/$how/phases" | uniq -c | xargs))," \
		"$(awk '{ n += $1 } END { print n }' "$work/$how/acknowledged") records acknowledged," \
		"$(cat "$work/$how"/open.* | wc -l) scenarios died"
}

undisturbed() {
	rm -f "$out/powerloss-cut.disk"
	boot bare powerloss-cut "$in_guest
		watch
		\$selftest run --results undisturbed $asked" > "$work/undisturbed.out" 2>&1
	read_disk powerloss-cut undisturbed "$work" || exit 3
	measured=$(records "$work/undisturbed/journal.jsonl" | jq -c "$measure")
	whole=$(records "$work/undisturbed/journal.jsonl" | jq -c "$journal_says" | jq -c .said)
}

"$lab" build || exit 3
rm -rf "$work"
mkdir -p "$work"
undisturbed
chain cut &
chain panic &
wait
convert_all
judge cut
judge panic
for phase in set-up scenarios undo report; do
	grep -qx "$phase" "$work"/*/phases
	verdict $? "either kind of death: some died in phase '$phase'"
done
done_testing
