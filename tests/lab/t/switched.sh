#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Bus addresses behind an IOMMU that translates: on a fabric that does not route them, what is mapped and
# what arrives are told apart; and as soon as something routes them, the same scenarios pass, and
# notice what is wrong then.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" misroute "$0"

refuted='.results | map(.id + ": " + (.evidence | to_entries |
	map(select(.value.state == "refuted").key) | join(","))) | join("; ")'
certify 1 misrouted dma.six-cases dma.mixed-range
reports misrouted 'what is refuted' 'dma.six-cases: data,kernel_log; dma.mixed-range: data,kernel_log' "$refuted"
mark_kernel_log

ok 'a stand-in for the switch' insmod "/lab/lab-kmods/$(uname -r)/lab_switch.ko"
certify 0 routed dma.six-cases dma.mixed-range
reports routed 'what is refuted' 'dma.six-cases: ; dma.mixed-range: ' "$refuted"
reports routed 'bus addresses were used' true '.results | map(.evidence.path.details |
	any(contains("bus address"))) | all'

each_fault '
dma.six-cases    corrupt-copy  1  data
dma.mixed-range  wrong-offset  1  data,path
dma.mixed-range  skip-copy     1  data
'
nothing_left 'all of it'
quiet_kernel 'what was routed'
done_testing
