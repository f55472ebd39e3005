#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs every fuzz target for a bounded number of inputs from a fixed seed, as TAP: tests/fuzz.sh
# [RUNS]. A target starts from tests/fuzz/corpus/X, with the words of tests/fuzz/X.dict, if there are any.
# What it finds stays in out/fuzz. To search longer: build-fuzz/tests/fuzz/fuzz_X CORPUS.
set -u

cd "$(dirname "$0")/.." || exit 3
runs=${1:-20000}
found=$PWD/out/fuzz
mkdir -p "$found" || exit 3
# deep stacks and memory that is kept from being used again would take a third of the time
export ASAN_OPTIONS=${ASAN_OPTIONS:-malloc_context_size=4:quarantine_size_mb=8:max_malloc_fill_size=0}
# sorting all names that there are would be most of the work for each input
export P2PCERT_PCI_IDS=$PWD/tests/data/platform/small.ids
make -s -j"$(nproc)" fuzz || exit 3
n=0
fails=0

for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	n=$((n + 1))
	# new inputs would be written to the first folder
	seeds=()
	options=()
	[ ! -d "tests/fuzz/corpus/$name" ] || seeds=("$(mktemp -d)" "tests/fuzz/corpus/$name")
	[ ! -e "tests/fuzz/$name.dict" ] || options=("-dict=tests/fuzz/$name.dict")
	# xz asks for as much memory as a stream says that it needs, and uses what it does need
	[ "$name" != fuzz_archive ] || options+=(-malloc_limit_mb=8192)
	if output=$("build-fuzz/tests/fuzz/$name" -runs="$runs" -seed=1 -timeout=20 \
		-artifact_prefix="$found/$name-" "${options[@]}" "${seeds[@]}" 2>&1); then
		echo "ok $n - $name: $runs inputs"
	else
		fails=$((fails + 1))
		echo "not ok $n - $name"
		printf '%s\n' "$output" | tail -n 30 | sed 's/^/# /'
	fi
	[ ${#seeds[@]} -eq 0 ] || rm -rf "${seeds[0]}"
done
echo "1..$n"
[ $fails -eq 0 ]
