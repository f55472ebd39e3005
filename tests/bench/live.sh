#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reading the running machine, side by side with lspci: tests/bench/live.sh [PLATFORM] [ROUNDS]. Boots
# a guest of the lab and runs `lspci -vvv` and `p2pcert probe` there in turn, both as root and with
# their output thrown away: the median and the least of each, in milliseconds, and their ratio. What
# else the machine does bears on the medians, and hardly on the least. Both programs are started from
# the guest's memory: from the host's folders each start would also wait for the host to open the file,
# and for one of the two longer than for the other.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
platform=${1:-reference}
rounds=${2:-15}

# Runs in the guest.
# shellcheck disable=SC2317
measure() {
	local start
	cp "$(type -P lspci)" "$(type -P p2pcert)" /run
	PATH=/run:$PATH
	hash -r
	for ((i = 0; i < $1; i++)); do
		for command in 'lspci -vvv' 'p2pcert probe' 'p2pcert --version'; do
			start=${EPOCHREALTIME/./}
			$command >/dev/null 2>&1
			echo "${command// /_} $((${EPOCHREALTIME/./} - start))"
		done
	done
}

tests/lab/lab build --kernel backports >/dev/null 2>&1
tests/lab/lab run --no-build --platform "$platform" --as "bench-live-$platform" \
	--command "$(declare -f measure); measure $rounds" | sort -k 1,1 -k 2,2n | awk -v n="$rounds" '
	{ seen[$1]++ }
	seen[$1] == 1 { least[$1] = $2 }
	seen[$1] == int(n / 2) + 1 { median[$1] = $2 }
	END {
		printf "%-18s %10s %10s\n", "", "median ms", "least ms"
		for (c in least) {
			name = c
			gsub("_", " ", name)
			printf "%-18s %10.1f %10.1f\n", name, median[c] / 1e3, least[c] / 1e3
		}
		printf "%-18s %10.2f %10.2f\n", "lspci : probe",
			median["lspci_-vvv"] / median["p2pcert_probe"],
			least["lspci_-vvv"] / least["p2pcert_probe"]
	}'
