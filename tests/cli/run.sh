#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `p2pcert run` as far as it gets without running anything: what it refuses, with which message.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

# refuses STATUS TITLE TEXT ARG...: one message that has the text, and no results
refuses() {
	local status=$1 title=$2 text=$3
	shift 3
	gives "$status" "$title" "${as[@]}" "$P2PCERT" run --results "$T/results" "$@"
	one_message "$title is one message"
	err_has "$title: says what" "$text"
	ok "$title: nothing is written" [ ! -e "$T/results" ]
}

as=()
refuses 2 'unknown scenario' "'no.such'" no.such
refuses 2 'unknown profile' "'no-such'" --profile no-such
refuses 2 'missing profile file' "$T/no-such.json" --profile "$T/no-such.json"
refuses 2 'unknown fault' "'no-such'" --inject no-such
refuses 2 'fault that the scenario does not commit' "'short-copy'" --inject short-copy odp.write
refuses 2 'fault that only another scenario commits' "'pinned'" --inject pinned devpriv.roundtrip
refuses 2 'seed that is no number' "'x'" --seed x
refuses 2 'timeout of zero' "'0'" --timeout 0
refuses 2 'option without its value' 'needs a value' --seed
refuses 2 'colour that is none' "'green'" --color green
printf '{"schema": "p2pcert.profile/1", "name": "x", "title": "x", "required": ["no.such"]}' \
	>"$T/bad.json"
refuses 2 'profile with an unknown scenario' "'no.such'" --profile "$T/bad.json"
printf '{' >"$T/broken.json"
refuses 2 'profile that is no JSON' 'line 1' --profile "$T/broken.json"

# Whoever runs the tests must not start a run on this machine: as nobody it stops at its rights.
if [ "$(id -u)" -eq 0 ]; then
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	chmod 755 "$T"
	cp "$P2PCERT" "$T/p2pcert"
	cp -R "$P2PCERT_DATADIR" "$T/data"
	chmod -R a+rX "$T/data"
	P2PCERT=$T/p2pcert
	export P2PCERT_DATADIR=$T/data
fi
refuses 3 'run without root' 'needs root'
done_testing
