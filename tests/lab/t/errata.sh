#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Known defects of the kernel on a kernel that has one: the report names it, its workaround holds, and
# a profile can live with it for a time, without the outcome being another one. A kernel that has it no more
# fails here: errata.json then wants the release that mended it.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

report() {
	jq -e "$2" "$T/$1/report.json" > "$T/jq" 2>&1
}

profile() {
	cat > "$T/profile.json" <<-EOF
		{
			"schema": "p2pcert.profile/1", "name": "lives-with-it", "title": "for the test",
			"required": ["devpriv.snapshot", "features.scan"], "recommended": [],
			"waivers": [{
				"erratum": "hmm-huge-offset", "reason": "nothing here uses huge pages",
				"granted": "$1", "until": "$2"
			}]
		}
	EOF
}

today=$(date +%F)
certify 1 plain devpriv.snapshot
ok 'it fails' report plain '.results[0].outcome == "fail"'
ok 'the report says for what, and what helps' report plain '.errata | length == 1 and
	.[0].id == "hmm-huge-offset" and .[0].scenarios == ["devpriv.snapshot"] and
	(.[0].workaround | test("MADV_NOHUGEPAGE"))'
out_has 'so does the table' 'KNOWN DEFECTS OF THE KERNEL' 'hmm-huge-offset: devpriv.snapshot'

certify 0 workaround --workaround hmm-huge-offset devpriv.snapshot
ok 'the workaround holds' report workaround '.results[0].outcome == "pass" and .errata == [] and
	.workarounds == ["hmm-huge-offset"]'

profile "$today" "$today"
certify 0 waived --profile "$T/profile.json"
ok 'what is waived has failed all the same' report waived '.verdict == "pass" and
	(.results[] | select(.id == "devpriv.snapshot").outcome) == "fail" and
	.waivers[0].state == "applied"'
out_has 'and is seen' "waiver of hmm-huge-offset until $today (applied) for devpriv.snapshot"

profile 2026-01-01 2026-01-02
certify 1 expired --profile "$T/profile.json"
ok 'not for longer than was granted' report expired '.waivers[0].state == "expired"'
certify 0 rxe --soft-rdma p2pcert-v0 --workaround rxe-odp-offset odp.alignment
ok 'whole pages alone go right over soft RoCE' report rxe '.results[0] | .outcome == "pass" and
	(.facts["transfers of p2pcert0"] | map(.transfers > 0 and .wrong == 0) | all)'

certify 1 spoiled --soft-rdma p2pcert-v0 --workaround rxe-odp-offset --inject corrupt-copy odp.alignment
ok 'what goes wrong all the same is seen, and not put down to the defect' report spoiled '.errata == [] and
	.results[0].evidence.data.state == "refuted" and
	(.results[0].why | test("between pinned regions as well"))'

# Soft RoCE devices that come and go: with both defects lived with nothing is wrong but what is done on purpose.
lived_with=(--workaround rxe-link-deaf --workaround rxe-link-left)
certify 0 links-apart --soft-rdma p2pcert-v0 --level quick "${lived_with[@]}" odp.soft-roce
certify 1 links-leak --soft-rdma p2pcert-v0 --level quick "${lived_with[@]}" --inject leak odp.soft-roce
ok 'a device that stays is seen' report links-leak '.results[0].evidence.leak.state == "refuted" and .errata == []'
certify 1 links-deaf --soft-rdma p2pcert-v0 --level quick "${lived_with[@]}" --inject deaf odp.soft-roce
ok 'one without sockets is seen' report links-deaf '.results[0].evidence.path.state == "refuted"'
nothing_left 'all of it'
quiet_kernel 'all of it'

# Last, as a kernel that goes wrong here at times counts on memory that it has freed, and says so. That two devices
# meet so is a matter of luck; what could not be made leaves something every time.
certify 1 links --level quick --soft-rdma p2pcert-v0 odp.soft-roce
ok 'something is left' report links '.results[0].evidence.leak.state == "refuted"'
ok 'that is known' report links '[.errata[].id] | contains(["rxe-link-left"])'
nothing_left links
done_testing
