# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # from ../lab and the platform files
#
# Holding what a platform's run left against what the platform file expects, as TAP.

check_count=0
check_failed=0

# check_result STATUS TEXT: one line of TAP; STATUS is 'ok' or what was found instead.
check_result() {
	check_count=$((check_count + 1))
	if [[ $1 == ok ]]; then
		printf 'ok %d - %s\n' "$check_count" "$2"
	else
		check_failed=$((check_failed + 1))
		printf 'not ok %d - %s\n' "$check_count" "$2"
		printf '# %s\n' "${1//$'\n'/$'\n'# }"
	fi
}

# check_equal TEXT EXPECTED FOUND
check_equal() {
	if [[ $2 == "$3" ]]; then
		check_result ok "$1 $2"
	else
		check_result "expected '$2', found '$3'" "$1 $2"
	fi
}

# lab_check [NAME]...
lab_check() {
	local names=("$@") name
	[[ -z $opt_platform$opt_kernel$opt_command$opt_as ]] ||
		die_usage "check takes platforms' names and --timeout only"
	((${#names[@]})) || mapfile -t names < <(platform_names)
	for name in "${names[@]}"; do
		platform_load "$name"
		platform_is_certified ||
			die_usage "nothing is certified on '$name': t/crosscheck.sh runs it"
	done
	echo 'TAP version 13'
	for name in "${names[@]}"; do
		check_platform "$name"
	done
	printf '1..%d\n' "$check_count"
	((check_failed == 0)) || exit 1
}

# check_platform NAME
check_platform() {
	local status=0 comment comment_writer run=$out/$1 report=$out/$1/report.json line wrong
	opt_platform=$1
	opt_kernel=
	opt_as=
	SECONDS=0
	exec {comment}> >(sed -u 's/^/#   /')
	comment_writer=$!
	lab_run >&"$comment" 2>&1 || status=$?
	exec {comment}>&-
	wait "$comment_writer" || true
	printf '# %s: %d s, everything is in %s\n' "$1" "$SECONDS" "$run"

	check_equal "$1: exit status" "$expect_exit" "$status"
	if ! jq -e '.results | length > 0' "$report" > /dev/null 2>&1; then
		check_result "no results in '$report'" "$1: report"
		return
	fi
	check_equal "$1: verdict" "$expect_verdict" "$(jq -r .verdict "$report")"
	check_equal "$1: reported exit status" "$expect_exit" "$(jq -r .exit_status "$report")"
	check_schema "$1" report "$report"
	check_schema "$1" platform "$run/platform.json"
	check_equal "$1: findings" "$(check_findings)" \
		"$(jq -r '[.findings[].code] | unique | join(" ")' "$report")"
	check_groups "$1" "$run/platform.json"
	check_pairs "$1" "$run/pairs.txt"
	for line in "${expect[@]}"; do
		check_scenario "$1" "$report" "$line"
	done
	wrong=$(cd "$run" && expect_more 2>&1)
	check_result "${wrong:-ok}" "$1: nothing else is wrong"
}

# check_schema NAME SCHEMA FILE: by a validator that knows nothing of p2pcert.
check_schema() {
	local wrong
	wrong=$("$tree/tests/schema/validate.py" "$tree/configs/schema/$2-1.schema.json" "$3" 2>&1) ||
		: "${wrong:=it cannot be validated}"
	check_result "${wrong:-ok}" "$1: $2.json is valid"
}

# check_groups NAME PLATFORM: for every function the IOMMU group predicted is the kernel's, which has
# other names for them: both sort the functions alike.
check_groups() {
	local key partitions=()
	[[ $(jq .iommu_in_use "$2") == true ]] || return 0
	for key in iommu_group iommu_group_predicted; do
		partitions+=("$(jq -c --arg key "$key" '[.functions[] | {address, group: .[$key]}] |
			group_by(.group) | map([if .[0].group == null then "none" else empty end] +
			map(.address)) | sort[]' "$2")")
	done
	check_equal "$1: the kernel's IOMMU groups are those predicted, of functions:" \
		"$(jq '.functions | length' "$2") ${partitions[0]}" \
		"$(jq '.functions | length' "$2") ${partitions[1]}"
}

# check_pairs NAME TABLE: predicted, ruled and moved of every pair are what the platform expects.
check_pairs() {
	local wrong
	[[ -n $expect_pairs ]] || return 0
	wrong=$(diff <(printf '%s' "${expect_pairs#$'\n'}") \
		<(sed -E '1,2d; /^$/Q; s/(\.[0-7])  .*/\1/' "$2"))
	check_result "${wrong:-ok}" "$1: the table of pairs"
}

# check_findings: the codes that the platform expects, of all scenarios.
check_findings() {
	grep -o 'finding=[A-Z0-9-]*' <<< "${expect[*]}" | cut -d = -f 2 | sort -u | paste -s -d ' '
}

# check_scenario NAME REPORT LINE: LINE as in a platform's 'expect'.
check_scenario() {
	local name=$1 report=$2 line=$3 found
	# shellcheck disable=SC2016 # the variables are jq's
	found=$(jq -r --arg line "$line" '
		($line | split(" ") | map(select(. != ""))) as [$id, $outcome] |
		($line | split(" ")[2:] | map(select(. != "") |
			capture("^(?<key>[a-z_]+)(?<op>!?=|~)(?<want>.*)$"))) as $more |
		[.findings[] | select(.scenario == $id).code] as $codes |
		[.results[] | select(.id == $id)] as $results |
		if $results == [] then "not in the report" else
			$results[] | . as $result |
			[
				(select(.outcome != $outcome) | "outcome is \(.outcome)"),
				($more[] | . as {$key, $op, $want} |
					if $key == "skip" then
						select([$result.skip[]?.category] | index($want) | not) |
						"skipped for \([$result.skip[]?.category])"
					elif $key == "finding" then
						select($codes | index($want) | not) |
						"its findings are \($codes)"
					elif $key == "ruled" then
						[$result.facts.pairs[]?, $result.facts.transfers[]? | .ruled |
							if .supported then .verdict // empty else "not-supported" end] |
						select(index($want) != null | if $op == "=" then not else . end) |
						"the kernel ruled \(unique)"
					elif $op == "~" then
						select([$result.evidence[$key].details[]?] | any(contains($want)) | not) |
						"no detail of \($key) has \($want | tojson)"
					else
						($result.evidence[$key].state? // "not there") |
						select(. != $want) | "\($key) is \(.)"
					end)
			] | select(. != []) | join("\n") + "\n" + ($result | tojson)
		end' "$report" 2>&1) || found="the report cannot be read: $found"
	check_result "${found:-ok}" "$name: $line"
}
