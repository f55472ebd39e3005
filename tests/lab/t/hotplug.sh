#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# A function that goes away while a run is in progress, and comes back: the report says so, and of which
# scenario. A run in peace says nothing of the kind, whatever it changes itself.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

gone=0000:06:00.0

# of NAME FILTER: of the findings that something changed, in the order of the journal
of() {
	jq -c '[.findings[] | select(.code == "PLATFORM-CHANGED")] | '"$2" "$T/$1/report.json"
}

certify 0 peace features.scan devpriv.roundtrip
is 'a run in peace' 0 "$(of peace length)"

start disturbed --repeat 3 devpriv.roundtrip
echo 1 > /sys/bus/pci/devices/$gone/remove
echo 1 > /sys/bus/pci/rescan
ends 0 disturbed
is 'it went and came' "[[\"$gone\"],[\"$gone\"]]" "$(of disturbed 'map(.functions)')"
is 'while the scenario ran' '["devpriv.roundtrip","devpriv.roundtrip"]' "$(of disturbed 'map(.scenario)')"
is 'in this order' "[\"$gone went away during devpriv.roundtrip\",\"$gone came during devpriv.roundtrip\"]" \
	"$(of disturbed 'map(.text)')"
nothing_left 'all of it'
quiet_kernel 'all of it'
done_testing
