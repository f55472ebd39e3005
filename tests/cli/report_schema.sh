#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reports, platform documents and profiles hold to their published schemas, by a validator that is
# not p2pcert's; and the schemas refuse what they must.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
# shellcheck source=tests/cli/lib/machine.sh
. "$(dirname "$0")/lib/machine.sh"
data=${P2PCERT_TEST_DATA:?}/report
schema=${P2PCERT_DATADIR:?}/schema
tests_schema=$(dirname "$0")/../schema

# As ok, with what the validator says if it does not.
valid() {
	local said status
	said=$("$tests_schema/validate.py" "$schema/$2-1.schema.json" "${@:3}" 2>&1)
	status=$?
	verdict $status "$1" "$(head -n 5 <<<"$said")"
}

mkdir "$T/reports"
for journal in "$data"/*/journal.jsonl; do
	dir=$(dirname "$journal")
	"$P2PCERT" report convert -o "$T/reports/$(basename "$dir").json" "$dir" ||
		verdict 1 "$(basename "$dir") is converted"
done
valid "every report is valid" report "$T"/reports/*.json
for profile in "$P2PCERT_DATADIR"/profiles/*.json; do
	valid "profile $(basename "$profile" .json) is valid" profile "$profile"
done
for pairs in "" --pairs=all --pairs=class; do
	# a machine without a PCI bus has nothing to describe
	if "$P2PCERT" probe $pairs >"$T/platform.json" 2>"$T/err"; then
		valid "this machine's platform document is valid ${pairs:-without pairs}" \
			platform "$T/platform.json"
	fi
done

echo '{"schema": "p2pcert.report/1", "verdict": "pass", "exit_status": 0}' >"$T/bad.json"
gives 1 "an invalid report" "$tests_schema/validate.py" "$schema/report-1.schema.json" "$T/bad.json"
out_has "the validator says where" "$T/bad.json: \$: "
gives 2 "no JSON" "$tests_schema/validate.py" "$schema/report-1.schema.json" "$0"
make_machine "$T/machine"
gives 0 "a machine with all that sysfs can show" \
	"$P2PCERT" probe --from "$T/machine" -o "$T/machine.json"
gives 0 "registers of many kinds" \
	"$P2PCERT" probe --from "$data/../platform/lab/lspci-xxxx.txt.xz" -o "$T/registers.json"
gives 0 "pairs by class and findings" "$P2PCERT" topo --format=json \
	--from "$data/../platform/lab/lspci-xxxx.txt.xz" -o "$T/topo.json"
ok "with some" jq -e '(.findings | length) > 0 and (.pairs | length) > 0' "$T/topo.json"
valid "their platform documents are valid" platform "$T/machine.json" "$T/registers.json" "$T/topo.json"
gives 0 "mutations" "$tests_schema/mutations.py" "$schema" \
	"$data"/{pass,fail-refuted,killed-in-scenario,flaky,resumed,tainted,panic,stuck}/report.json \
	"$T/machine.json" "$T/registers.json" "$T/topo.json"
grep '^not ok' -A 20 "$T/out" | sed 's/^/# /'
done_testing
