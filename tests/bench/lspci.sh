#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reading lspci text, side by side with lspci in one run: tests/bench/lspci.sh BUILD [FUNCTIONS]...
# For made-up machines with 4096 bytes of config space per function: the median of five runs of
# `lspci -vvv -F`, and of reading the same file into the model, predicting its IOMMU groups and the pairs
# of classes of its functions, each by itself and all three, and what memory that took for each function.
# "lines" is reading what lspci has written. The build must not be instrumented.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
build=$1
shift
[ $# -gt 0 ] || set -- 600 2500 10000
runs=5
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# shellcheck disable=SC2046 # several words are wanted
"${CC:-cc}" -O2 -std=gnu11 -D_GNU_SOURCE -Ilib -o "$T/read_platform" tests/bench/read_platform.c \
	"$build/libp2pcert.a" $(pkg-config --libs jansson)

median() {
	sort -n | sed -n "$((runs / 2 + 1))p"
}

time_lspci() {
	local start
	for ((i = 0; i < runs; i++)); do
		start=${EPOCHREALTIME/./}
		lspci -vvv -F "$1" >"$T/out" 2>"$T/err"
		echo $((${EPOCHREALTIME/./} - start))
	done | median
}

tests/bench/machine.py 1 >"$T/small"
base=$("$T/read_platform" "$T/small" 1 2>&1 >"$T/out" | cut -d ' ' -f 1)
printf '%9s %6s %8s %7s %7s %7s %7s %6s %6s %7s %12s\n' functions MB 'lspci ms' 'all ms' model groups \
	pairs ratio MB/s lines KiB/function
for n in "$@"; do
	tests/bench/machine.py "$n" >"$T/dump"
	lspci=$(time_lspci "$T/dump")
	memory=$("$T/read_platform" "$T/dump" 1 2>&1 >"$T/first" | cut -d ' ' -f 1)
	lines=$("$T/read_platform" "$T/out" "$runs" 2>"$T/err" | median)
	model=$("$T/read_platform" "$T/dump" "$runs" 2>"$T/err" | median)
	awk -v n="$n" -v bytes="$(stat -c %s "$T/dump")" -v lspci="$lspci" -v model="$model" \
		-v lines="$lines" -v memory="$((memory - base))" 'BEGIN {
			split(model, s)
			split(lines, l)
			printf "%9d %6.1f %8.1f %7.1f %7.1f %7.1f %7.1f %6.1f %6.0f %7.1f %12.2f\n", n,
				bytes / 1e6, lspci / 1e3, s[1] * 1e3, s[2] * 1e3, s[3] * 1e3, s[4] * 1e3,
				lspci / 1e6 / s[1], bytes / 1e6 / s[2], l[2] * 1e3, memory / n
		}'
done
