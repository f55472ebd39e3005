#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Faults committed on purpose where the kernel allows some pairs and refuses others: each scenario of
# mappings notices what concerns it.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" p2pdma "$0"

# For each, what is refuted, or the outcome where nothing was shown.
matrix='
p2pdma.map-type   wrong-verdict  1  path
p2pdma.map-type   leak           1  leak
p2pdma.map-type   map-fails      5  inconclusive
p2pdma.refused    wrong-verdict  1  path
p2pdma.refused    leak           1  leak
p2pdma.refused    map-fails      1  errno
p2pdma.mixed-sgl  skip-copy      1  data
p2pdma.mixed-sgl  corrupt-copy   1  data
p2pdma.mixed-sgl  short-copy     1  data
p2pdma.mixed-sgl  wrong-verdict  1  data,path
p2pdma.mixed-sgl  leak           1  leak
p2pdma.nvme-cmb-write  skip-copy      1  data
p2pdma.nvme-cmb-write  corrupt-copy   1  data
p2pdma.nvme-cmb-write  short-copy     1  data
p2pdma.nvme-cmb-write  wrong-verdict  1  path
p2pdma.misroute   skip-copy      1  data
p2pdma.misroute   wrong-verdict  1  path
p2pdma.gup        wrong-verdict  1  errno
p2pdma.gup        map-fails      1  errno
p2pdma.gup        leak           1  leak
p2pdma.mmap-lifetime  corrupt-copy   1  data
p2pdma.mmap-lifetime  wrong-verdict  1  errno
p2pdma.mmap-lifetime  leak           1  counters,leak
p2pdma.mmap-unbind    no-unbind      1  errno
p2pdma.no-cpu-sync    bounced        1  counters
p2pdma.no-cpu-sync    leak           1  leak
p2pdma.acs-runtime    wrong-verdict  1  path
p2pdma.acs-runtime    leak           1  leak
'

# shellcheck disable=SC2016 # the filter is jq's
what_came='.results[0] | if .outcome == "fail" then
	.evidence | to_entries | map(select(.value.state == "refuted").key) | join(",")
	else .outcome end'

while read -r scenario fault status expected; do
	[[ -n $scenario ]] || continue
	certify "$status" "$scenario-$fault" --allow-unsafe --device 0000:04:00.0 --device 0000:02:01.0 \
		--inject "$fault" "$scenario"
	reports "$scenario-$fault" 'what is refuted' "$expected" "$what_came"
	nothing_left "$scenario-$fault"
done <<< "$matrix"
certify 0 slow --inject slow p2pdma.engine-copy
reports slow 'what is slow is told of each pair and direction, and is no failure' 'P2P-SLOW 4' \
	'[.findings[].code] | "\(unique | join(" ")) \(length)"'
quiet_kernel 'all faults'
done_testing
