#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Faults committed on purpose with BARs that have no struct pages: what concerns it is noticed; and no
# function loses its BAR's contents that is not named, or whose BAR is registers.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" small-bar "$0"

named=(--allow-unsafe --device 0000:04:00.0 --device 0000:05:00.0)
each_fault '
p2pdma.bar-copy  skip-copy     1  data
p2pdma.bar-copy  corrupt-copy  1  data
p2pdma.bar-copy  map-fails     1  path
p2pdma.bar-copy  leak          1  leak
' "${named[@]}"

skipped='.results[0].skip | map(.category) | unique | join(" ")'
certify 4 unnamed p2pdma.bar-copy
reports unnamed 'why not' unsafe-not-enabled "$skipped"
certify 4 registers --allow-unsafe --device 0000:03:00.0 --device 0000:00:03.0 p2pdma.bar-copy
reports registers 'why not' hw-absent "$skipped"
nothing_left 'all of it'
quiet_kernel 'all of it'
done_testing
