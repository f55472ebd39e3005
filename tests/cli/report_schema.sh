#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reports, platform documents, what-if documents and profiles hold to their published schemas, by a
# validator that is not p2pcert's; and the schemas refuse what they must.
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

# port ADDRESS SECONDARY SUBORDINATE TYPE ACS
port() {
	printf '%s PCI bridge [0604]: Vendor Device [1000:c010]\n' "$1"
	printf '\tBus: primary=00, secondary=%s, subordinate=%s, sec-latency=0\n' "$2" "$3"
	printf '\tCapabilities: [90] Express (v2) %s, MSI 00\n' "$4"
	printf '\tCapabilities: [110 v1] Access Control Services\n'
	printf '\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n'
	printf '\t\tACSCtl:\tSrcValid%s TransBlk- ReqRedir%s CmpltRedir%s UpstreamFwd%s EgressCtrl- DirectTrans-\n\n' \
		"$5" "$5" "$5" "$5"
}

# nic ADDRESS CAPABILITY
nic() {
	printf '%s Infiniband controller [0207]: Mellanox CX7 [15b3:1021]\n' "$1"
	printf '\tRegion 0: Memory at 9%s0000000 (64-bit, prefetchable) [size=16M]\n' "${1:5:2}"
	printf '\tCapabilities: %s\n\n' "$2"
}

# A switch with three cards, of one of which only the header was seen.
switch() {
	port 0000:00:01.0 01 05 'Root Port (Slot-)' +
	port 0000:01:00.0 02 05 'Upstream Port' -
	port 0000:02:00.0 03 03 'Downstream Port (Slot-)' -
	port 0000:02:01.0 04 04 'Downstream Port (Slot-)' +
	port 0000:02:02.0 05 05 'Downstream Port (Slot-)' -
	nic 0000:03:00.0 $'[68] Express (v2) Endpoint, MSI 00\n\tCapabilities: [100 v1] Null'
	nic 0000:04:00.0 $'[68] Express (v2) Endpoint, MSI 00\n\tCapabilities: [100 v1] Null'
	nic 0000:05:00.0 '<access denied>'
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
valid "the errata are valid" errata "$P2PCERT_DATADIR"/errata.json
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
# What other words would change: groups, pairs, what cannot be told of either, and what is in no dump.
what_if() {
	gives 0 "what if '$3'" "$P2PCERT" topo --format=json --from "$2" --what-if "$3" -o "$T/what-if-$1.json"
}
switch >"$T/switch"
what_if 1 "$data/../platform/lab/lspci-xxxx.txt.xz" 'pci=config_acs=xx00000@pci:0:0 debug'
what_if 2 "$data/../platform/lab/lspci-xxxx.txt.xz" 'intel_iommu=on'
what_if 3 "$T/switch" 'pci=config_acs=1@02:02.0'
what_if 4 "$T/switch" 'iommu=off pci=config_acs=1@02:02.0'
what_if 5 "$T/machine" 'iommu=off'
valid "the what-if documents are valid" what-if "$T"/what-if-?.json
gives 0 "mutations" "$tests_schema/mutations.py" "$schema" \
	"$data"/{pass,fail-refuted,killed-in-scenario,flaky,resumed,tainted,panic,stuck}/report.json \
	"$T/machine.json" "$T/registers.json" "$T/topo.json" "$T"/what-if-?.json
grep '^not ok' -A 20 "$T/out" | sed 's/^/# /'
done_testing
