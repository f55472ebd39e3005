#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert list: as text and as JSON, unprivileged, by section, with a profile that is damaged.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

# The filter holds of what was printed.
holds() {
	jq -e "$1" "$T/out" >/dev/null
}

gives 0 "list" "$P2PCERT" list
out_has "there is something of each" "features.scan" "P2P-DATA-REFUTED" "reference" "migrate_vma"
ok "nothing is said on standard error, or that there is no PCI bus" \
	sh -c "! grep -v 'cannot read the PCI bus' '$T/err'"
gives 0 "list --json" "$P2PCERT" list --json
ok "one document with every key" holds '
	.schema == "p2pcert.list/1" and
	([.scenarios, .checks, .findings, .errata, .profiles, .features | type] | all(. == "array"))'
ok "every scenario says what it needs and lacks" holds '
	.scenarios | length > 0 and all(
		(.id | test("^[a-z0-9-]+(\\.[a-z0-9-]+)+$")) and (.title | length > 0) and
		(.requires | type == "array") and (.evidence | index("kernel_log") != null) and
		(.safety == "safe" or .safety == "unsafe") and
		(.level | IN("quick", "standard", "full", "soak")) and
		(.faults | type == "array" and all(length > 0)) and
		.available_here == (.missing == []) and
		(.missing | all((.category | length > 0) and (.text | length > 0))))'
ok "every check says what it goes by, and what it lacks" holds '
	.checks | length > 0 and all(
		(.id | test("^[a-z0-9-]+(\\.[a-z0-9-]+)+$")) and (.title | length > 0) and
		(.requires | length > 0 and all(.kind == "source" and (.name | length > 0))) and
		.evidence == [] and .safety == "safe" and .available_here == (.missing == []))'
ok "every requirement has its kind and what is required" holds '
	[.scenarios[].requires[]] | length > 0 and all(
		(.kind | IN("root", "capability", "kernel-config", "feature", "module", "tool", "role",
			"memory")) and
		has("name") == (.kind != "root") and
		has("version") == (.kind == "module"))'
ok "kernel options, capabilities and memory are required somewhere" holds '
	["capability", "kernel-config", "memory"] - [.scenarios[].requires[].kind] == []'
ok "every finding says what to do" holds '
	.findings | length > 0 and all(
		(.code | test("^[A-Z0-9]+(-[A-Z0-9]+)+$")) and
		([.severity, .title, .next, .reference] | all(length > 0)))'
# shellcheck disable=SC2016 # the filters are jq's
ok "every erratum is shown by a scenario, and its findings are known" holds '
	[.scenarios[].id] as $scenarios | [.findings[].code] as $findings |
	.errata | length > 0 and all(
		((.shown_by // []) - $scenarios) == [] and (.findings - $findings) == [] and
		(.concerns_here | type == "boolean"))'
# shellcheck disable=SC2016
ok "what scenarios work around is an erratum" holds '
	[.errata[].id] as $errata | [.scenarios[].workarounds[]] - $errata == []'
ok "nothing is null" holds '[.. | select(. == null)] == []'

root=$(dirname "$0")/../..
"$root/man/findings.sh" "$P2PCERT" >"$T/findings.7"
ok "the page of findings is generated from them (man/findings.sh)" \
	cmp "$T/findings.7" "$root/man/p2pcert-findings.7"

gives 0 "one section" "$P2PCERT" list findings
ok "and no other" sh -c "grep -q IOMMU-FAULT '$T/out' && ! grep -q features.scan '$T/out'"
gives 0 "two sections as JSON" "$P2PCERT" list --json profiles scenarios
ok "these two" holds 'keys == ["profiles", "scenarios", "schema"]'
gives 2 "an unknown section" "$P2PCERT" list chapters
one_message "an unknown section is one message"
err_has "the section is quoted" "'chapters'"

cp -r "${P2PCERT_DATADIR:?}" "$T/data"
echo '{"schema": "p2pcert.profile/1"}' >"$T/data/profiles/broken.json"
gives 2 "a damaged profile" env P2PCERT_DATADIR="$T/data" "$P2PCERT" list profiles
one_message "a damaged profile is one message"
out_has "the others are listed all the same" "reference"
done_testing
