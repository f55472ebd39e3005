#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs every fuzz target for a bounded number of inputs from a fixed seed, as TAP: tests/fuzz.sh
# [RUNS]. What it finds stays in out/fuzz. To search longer: build-fuzz/tests/fuzz/fuzz_X CORPUS.
set -u

cd "$(dirname "$0")/.." || exit 3
runs=${1:-20000}
found=$PWD/out/fuzz
mkdir -p "$found" || exit 3
make -s -j"$(nproc)" fuzz || exit 3
n=0
fails=0

for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	n=$((n + 1))
	if output=$("build-fuzz/tests/fuzz/$name" -runs="$runs" -seed=1 -timeout=20 \
		-artifact_prefix="$found/$name-" 2>&1); then
		echo "ok $n - $name: $runs inputs"
	else
		fails=$((fails + 1))
		echo "not ok $n - $name"
		printf '%s\n' "$output" | tail -n 30 | sed 's/^/# /'
	fi
done
echo "1..$n"
[ $fails -eq 0 ]
