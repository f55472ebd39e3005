#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert check: text and JSON, selection, profiles, exit statuses, refusals.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

lab=${P2PCERT_TEST_DATA:?}/platform/lab
schema=${P2PCERT_DATADIR:?}/schema/check-1.schema.json
validate=$(dirname "$0")/../schema/validate.py

# The filter holds of what was printed.
holds() {
	jq -e "$1" "$T/out" >/dev/null
}

check() {
	"$P2PCERT" check "$@"
}

# A root port with a GPU and one with a NIC: $1 is what stands in their ACS control, $2 what else to
# say of the ports.
machine() {
	local port class name
	for port in 1 2; do
		class=0604 name=pcieport
		printf '0000:00:0%s.0 PCI bridge [%s]: Vendor Device [8086:2030] (prog-if 00 [Normal decode])\n' \
			$port $class
		printf '\tBus: primary=00, secondary=0%s, subordinate=0%s, sec-latency=0\n' $port $port
		printf '\tCapabilities: [90] Express (v2) Root Port (Slot+), MSI 00\n'
		printf '\tCapabilities: [110 v1] Access Control Services\n'
		printf '\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n'
		printf '\t\tACSCtl:\t%s\n' "$1"
		printf '\tKernel driver in use: %s\n\n' $name
	done
	printf '0000:01:00.0 3D controller [0302]: NVIDIA H100 [10de:2330] (rev a1)\n'
	printf '\tRegion 0: Memory at 90000000000 (64-bit, prefetchable) [size=16M]\n'
	printf '\tCapabilities: [68] Express (v2) Endpoint, MSI 00\n'
	printf '\tCapabilities: [100 v1] Null\n\n'
	printf '0000:02:00.0 Infiniband controller [0207]: Mellanox CX7 [15b3:1021]\n'
	printf '\tRegion 0: Memory at 91000000000 (64-bit, prefetchable) [size=32M]\n'
	printf '\tCapabilities: [68] Express (v2) Endpoint, MSI 00\n'
	printf '\tCapabilities: [100 v1] Null\n\n'
}
off='SrcValid- TransBlk- ReqRedir- CmpltRedir- UpstreamFwd- EgressCtrl- DirectTrans-'
on='SrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-'
machine "$off" >"$T/off"
machine "$on" >"$T/on"

gives 0 "one check that passes" check --from "$T/off" path.redirect
out_has "says the verdict" "1 pass" "verdict: pass (exit status 0)"
gives 0 "redirect where no path goes" check --from "$T/on" path.redirect
out_has "is told" "INFO" "ACS-REDIRECT-OFF-PATH: " "at:   0000:00:01.0 0000:00:02.0" "seen: " "next: "
gives 0 "severities that matter more" check --from "$T/on" --min-severity=minor path.redirect
ok "leave it out" sh -c "! grep ACS-REDIRECT '$T/out'"

gives 0 "as JSON" check --json --from "$T/on" path.redirect
ok "one document with every key" holds '
	.schema == "p2pcert.check/1" and .verdict == "pass" and .exit_status == 0 and
	.source.kind == "lspci" and (.kernel.rules | length > 0) and
	(.findings[0] | .check == "path.redirect" and .severity == "info" and .count == 2 and
		.functions == ["0000:00:01.0", "0000:00:02.0"])'
ok "the others were left out" holds '
	.checks | all(.outcome == "skip" and .skip[0].category == "user-excluded" or .id == "path.redirect")'
ok "nothing is null" holds '[.. | select(. == null)] == []'
cp "$T/out" "$T/doc"
gives 0 "it is valid" "$validate" "$schema" "$T/doc"
gives 0 "with the platform" check --json --platform --from "$T/on" path.redirect
ok "which is one" holds '.platform.schema == "p2pcert.platform/1"'
cp "$T/out" "$T/doc"
gives 0 "it is valid too" "$validate" "$schema" "$T/doc"
gives 0 "by what an id begins with" check --json --from "$T/off" --only=path.redirect path.redirect
for from in lspci-vvvnn.txt lspci-xxxx.txt.xz; do
	"$P2PCERT" check --json --from "$lab/$from" >"$T/out" 2>"$T/err"
	status=$?
	ok "$from: the status is in the document" holds ".exit_status == $status"
	cp "$T/out" "$T/doc"
	gives 0 "$from: all checks are valid" "$validate" "$schema" "$T/doc"
done

# as lspci without root: of the second port only the header
awk '/00:02.0/ { cut = 1 } /^$/ { cut = 0 }
	cut && /Capabilities: .90/ { print "\tCapabilities: <access denied>" }
	!cut || !/Capabilities|ACSC/' "$T/off" >"$T/cut"
gives 5 "what was not seen" check --from "$T/cut" path.redirect
out_has "is told" "NOT SEEN" "for path.redirect" "0000:00:02.0" "verdict: inconclusive"

gives 5 "one that passes, and one of which the source shows nothing" \
	check --from "$T/off" path.redirect boot.iommu
out_has "is no pass" " 1 inconclusive, 1 pass," \
	"1 could look, 0 of them at a part only; 1 could not look at all" \
	"the kernel's command line was not seen" "verdict: inconclusive (exit status 5)"
gives 5 "that one alone" check --json --from "$T/off" boot.iommu
ok "is inconclusive, and not skipped" holds \
	'.checks[] | select(.id == "boot.iommu") | .outcome == "inconclusive" and .looked == 0 and .skip == []'

printf '{"schema": "p2pcert.profile/1", "name": "x", "title": "x", "required": [], "recommended": [],
	"checks": {"%s": ["path.redirect"]}}' required >"$T/required.json"
sed 's/"required": \["p/"excluded": ["p/' "$T/required.json" >"$T/excluded.json"
gives 4 "left out by the profile" check --from "$T/on" --profile "$T/excluded.json" path.redirect
gives 0 "required by the profile, and seen" check --json --from "$T/off" --profile "$T/required.json" path.redirect
ok "the profile is named" holds '.profile == "x"'

cat >"$T/manifest.json" <<'EOF'
{
  "schema": "p2pcert.manifest/1",
  "name": "two ports",
  "endpoints": {"gpu": "gpu", "nic": "0000:02:00.0"},
  "p2p": [{"initiator": "nic", "target": "gpu", "required": "any"}],
  "iommu": "passthrough",
  "isolated": ["nic"]
}
EOF
gives 0 "a manifest" check --json --from "$T/off" --manifest "$T/manifest.json" path.redirect
ok "is named" holds '.manifest == "two ports"'
gives 0 "it is valid" "$validate" "${schema%/*}/manifest-1.schema.json" "$T/manifest.json"
sed 's/"any"/"fast"/' "$T/manifest.json" >"$T/bad.json"
gives 2 "a manifest with a wrong word" check --from "$T/off" --manifest "$T/bad.json"
one_message "a wrong word is one message"
err_has "and the place is said" "'$T/bad.json' line 5 column 61: 'fast' is not 'any' or 'direct'"
gives 1 "it is not valid" "$validate" "${schema%/*}/manifest-1.schema.json" "$T/bad.json"
gives 2 "a manifest that is not there" check --from "$T/off" --manifest "$T/no-such-file"
gives 2 "a manifest that is no JSON" check --from "$T/off" --manifest "$T/off"

gives 2 "an unknown check" check no.such
one_message "an unknown check is one message"
err_has "the check is quoted" "'no.such'"
gives 2 "an unknown check in a list" check --only=path.redirect,no
gives 2 "an unknown severity" check --min-severity=bad
err_has "the severity is quoted" "'bad'"
gives 2 "an unknown profile" check --profile=no-such-profile
one_message "an unknown profile is one message"
gives 2 "a platform without JSON" check --platform
gives 2 "a source that is not there" check --from "$T/no-such-file"
one_message "a source that is not there is one message"
gives 3 "a full disk" sh -c "'$P2PCERT' check --from '$T/on' path.redirect >/dev/full"
gives 3 "a full disk for JSON" sh -c "'$P2PCERT' check --json --from '$T/on' path.redirect >/dev/full"
done_testing
