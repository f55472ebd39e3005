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
	gives "$status" "$title" "${as[@]}" "$P2PCERT" run --results "$T/own/results" "$@"
	one_message "$title is one message"
	err_has "$title: says what" "$text"
	ok "$title: nothing is written" [ ! -e "$T/own/results" ]
}

drop_root
mkdir "$T/own" "$T/begun"
: >"$T/begun/journal.jsonl"
chmod 755 "$T/begun"
give "$T/own"

refuses 2 'unknown scenario' "'no.such'" no.such
refuses 2 'unknown profile' "'no-such'" --profile no-such
refuses 2 'missing profile file' "$T/no-such.json" --profile "$T/no-such.json"
refuses 2 'unknown fault' "'no-such'" --inject no-such
refuses 2 'fault that the scenario does not commit' "'short-copy'" --inject short-copy odp.write
refuses 2 'fault that only another scenario commits' "'pinned'" --inject pinned devpriv.roundtrip
refuses 2 'workaround that no scenario knows' "'no-such'" --workaround no-such
refuses 2 'workaround that only another scenario knows' "'hmm-huge-offset'" \
	--workaround hmm-huge-offset odp.write
refuses 2 'seed that is no number' "'x'" --seed x
refuses 2 'timeout of zero' "'0'" --timeout 0
refuses 2 'timeout of more than a year' "'31622401'" --timeout 31622401
refuses 2 'option without its value' 'needs a value' --seed
refuses 2 'colour that is none' "'green'" --color green
refuses 2 'unknown level' "'thorough'" --level thorough
refuses 2 'repetition that is no number' "'often'" --repeat often
refuses 2 'no repetition' "'0'" --repeat 0
refuses 2 'too many repetitions' "'1000001'" --repeat 1000001
refuses 2 'duration of zero' "'0'" --duration 0
refuses 2 'negative duration' "'-1'" --duration -1
refuses 2 'flag with a value' "'--shuffle=yes'" --shuffle=yes
refuses 2 'device that is a path' "'/dev/nvme0n1'" --allow-unsafe --device /dev/nvme0n1
refuses 2 'device with an empty name' "''" --allow-unsafe --device ''
refuses 2 'device that looks like an option' "'--x'" --allow-unsafe --device=--x
refuses 2 'device above all others' "'..'" --allow-unsafe --device ..
refuses 2 'device with a name that none has' 'neither' --allow-unsafe --device "$(printf 'a%.0s' {1..64})"

# Options that contradict each other, or mean nothing alone.
refuses 2 'repeat and duration' 'exclude each other' --repeat 2 --duration 10
refuses 2 'timeout within the duration' '--timeout would end' --duration 10 --timeout 10
refuses 2 'timeout within the duration of a soak' '--timeout would end' --level soak --timeout 3600
refuses 2 'unsafe scenarios on no device' 'each with --device' --allow-unsafe
refuses 2 'device of no unsafe scenario' '--allow-unsafe' --device nvme0n1

# A run is begun once.
refuses 3 'results of another run' "'p2pcert resume'" --results "$T/begun"
printf '{"schema": "p2pcert.profile/1", "name": "x", "title": "x", "required": ["no.such"]}' \
	>"$T/bad.json"
printf '{' >"$T/broken.json"
chmod 644 "$T"/*.json
refuses 2 'profile with an unknown scenario' "'no.such'" --profile "$T/bad.json"
refuses 2 'profile that is no JSON' 'line 1' --profile "$T/broken.json"

refuses 3 'run without root' 'needs root'
refuses 3 'everything that goes together' 'needs root' --level soak --until-fail --shuffle --seed 0x1 \
	--allow-unsafe --device 3:0.0 --device nvme0n1 --device mlx5_0 --timeout 3601 --module-dir here
refuses 3 'repetition until it fails' 'needs root' --level quick --repeat 1000000 --until-fail

# What is no commit's fault must not look like one, wherever --bisect stands.
refuses 125 'bisect: unknown scenario' "'no.such'" --bisect no.such
refuses 125 'bisect: unknown option' 'no-such-option' --no-such-option --bisect
refuses 125 'bisect: abbreviated' 'no-such-option' --no-such-option --bis
refuses 125 'bisect: behind the scenarios' "'no.such'" no.such --bisect
refuses 125 'bisect: contradiction' 'exclude each other' --repeat 2 --duration 10 --bisect
refuses 125 'bisect: without end' 'never fails' --until-fail --bisect
refuses 125 'bisect: unknown profile' "'no-such'" --bisect --profile no-such
refuses 125 'bisect: no root' 'needs root' --bisect
refuses 125 'bisect: results of another run' "'p2pcert resume'" --bisect --results "$T/begun"
refuses 2 'bisect as a value' "'--bisect'" --seed --bisect
refuses 2 'bisect as a scenario' "'--bisect'" -- --bisect
done_testing
