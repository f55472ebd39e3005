#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# topo: its pictures of one captured machine, what does not go together, where output goes.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

validate=$(dirname "$0")/../schema/validate.py
lab=${P2PCERT_TEST_DATA:?}/platform/lab
from=(--from "$lab/lspci-xxxx.txt.xz")

gives 0 "the tree" "$P2PCERT" topo "${from[@]}"
out_has "the tree has every column that there is something for" "FUNCTION" "LINK" "ACS" "IOMMU" "NAME"
out_has "groups are predicted where the kernel's are not seen" "~02:00.0" "~own"
cp "$T/out" "$T/tree"
gives 0 "the tree into a file" "$P2PCERT" topo "${from[@]}" -o "$T/file"
is "nothing is printed then" "" "$(cat "$T/out")"
is "the file holds the same" "$(cat "$T/tree")" "$(cat "$T/file")"
gives 3 "a file that cannot be written" "$P2PCERT" topo "${from[@]}" -o "$T/none/file"
err_has "the file is quoted" "cannot write '$T/none/file'"

gives 0 "ACS" "$P2PCERT" topo "${from[@]}" --acs
out_has "ACS is judged" "who calls it on is wrong" "redirects, but no pair depends on it"
gives 0 "ACS of one pair" "$P2PCERT" topo "${from[@]}" --acs --pairs=03:00.0,04:00.0
ok "only its way is listed" grep -q '^02:00.0 ' "$T/out"
ok "and nothing else" sh -c "! grep -q '^00:03.0 ' '$T/out'"
out_has "the pair is judged" "Right for this pair: route switch-direct, verdict bus-address"
gives 0 "ACS of a pair that shares no port" "$P2PCERT" topo "${from[@]}" --acs --pairs=03:00.0,07:00.0
out_has "nothing is on its way" "ACS does not bear on it"

gives 0 "JSON" "$P2PCERT" topo "${from[@]}" --format=json
ok "holds pairs by class" jq -e '.pairs[0].initiators | length > 0' "$T/out"
gives 0 "dot" "$P2PCERT" topo "${from[@]}" --format=dot
if command -v dot >/dev/null; then
	cp "$T/out" "$T/graph"
	gives 0 "graphviz" dot -Tsvg "$T/graph"
	is "graphviz has nothing to say" "" "$(cat "$T/err")"
	is "every function but a VF is a node" 24 "$(grep -c 'class="node"' "$T/out")"
else
	tests=$((tests + 1))
	echo "ok $tests - graphviz # SKIP dot is not installed"
fi

gives 0 "HTML" "$P2PCERT" topo "${from[@]}" --format=html
is "there are two script elements, data and code" 2 "$(grep -c '^<script' "$T/out")"
# shellcheck disable=SC2016 # the variables are of sed
is "the policy names the digest of the code" \
	"$(sed -n '/^<script>/,/^<\/script>/p' "$T/out" | sed '1s/^<script>//; $d' | sha256sum | cut -d' ' -f1)" \
	"$(sed -n "s/.*script-src 'sha256-\([^']*\)'.*/\1/p" "$T/out" | base64 -d | basenc --base16 | tr A-F a-f)"
gives 0 "HTML of some pairs" "$P2PCERT" topo "${from[@]}" --format=html --between=nvme

gives 2 "a format that does not exist" "$P2PCERT" topo --format=png
err_has "the format is quoted" "'png'"
gives 0 "what-if" "$P2PCERT" topo "${from[@]}" --what-if 'pci=config_acs=xx1100@02:00.0'
out_has "it says what changes" "ACS of 0000:02:00.0: SV UF, then" "0000:03:00.0 to 0000:04:00.0: bus-address, then"
gives 0 "what-if of several words as JSON" "$P2PCERT" topo "${from[@]}" --format=json \
	--what-if 'pci=config_acs=xx1100@02:00.0' --what-if 'debug' --between 03:00.0/04:00.0
cp "$T/out" "$T/doc"
gives 0 "it is valid" "$validate" "$P2PCERT_DATADIR/schema/what-if-1.schema.json" "$T/doc"
ok "the words are joined, one pair is chosen" jq -e '
	.words == "pci=config_acs=xx1100@02:00.0 debug" and [.remarks[].code] == ["no-bearing"] and
	.acs[0].function == "0000:02:00.0" and (.pairs | length) == 1 and
	.pairs[0].before.verdict == "bus-address" and
	.pairs[0].after.blocked_by == ["0000:02:00.0"] and .iommu_groups.there_then' "$T/doc"
gives 0 "what-if without an IOMMU" "$P2PCERT" topo "${from[@]}" --format=json --what-if iommu=off
ok "has no groups" jq -e '.iommu_groups.there_then == false and .acs_by_default.turned_on == "no"' "$T/out"
gives 2 "what-if as a graph" "$P2PCERT" topo --what-if=iommu=off --format=dot
one_message "what-if as a graph: one message"
gives 2 "what-if of one pair" "$P2PCERT" topo --what-if=iommu=off --pairs=03:00.0,04:00.0
err_has "what-if of one pair: it says what to do" "--between"
gives 2 "ACS as JSON" "$P2PCERT" topo --acs --format=json
gives 2 "a pair that is not there" "$P2PCERT" topo "${from[@]}" --acs --pairs=03:00.0,7f:00.0
# What a run has added, on the page alone; and a run on another machine.
gives 2 "a report beside text" "$P2PCERT" topo "${from[@]}" --report "$P2PCERT_TEST_DATA/report/pass"
one_message "a report beside text is one message"
gives 0 "a report" "$P2PCERT" topo "${from[@]}" --format html \
	--report "$P2PCERT_TEST_DATA/report/pass"
is "of this machine" 0 "$(grep -c 'pairs that this machine' "$T/err")"
sed 's/0000:03:00.0/0000:aa:00.0/g' "$P2PCERT_TEST_DATA/report/pass/report.json" > "$T/other.json"
gives 0 "a report of another machine" "$P2PCERT" topo "${from[@]}" --format html \
	--report "$T/other.json"
err_has "and that is said" 'pairs that this machine does not have'
gives 2 "a report that is not there" "$P2PCERT" topo "${from[@]}" --format html --report "$T/none"
err_has "a report that is not there is named" "cannot open '$T/none'"

done_testing
