#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reading dumps of rdma_topo, side by side with the tool itself in one run: tests/bench/rdma_topo.sh
# BUILD [FUNCTIONS]... For dumps of made-up machines the median of five runs of `rdma_topo topo -F` and
# of reading the same file into the model, and what memory the latter took for each function. The tool
# comes from Debian sid and is kept in ~/.cache; without it only the model is timed. The build must not
# be instrumented.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
build=$1
shift
[ $# -gt 0 ] || set -- 600 2500 10000
runs=5
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
cache=${XDG_CACHE_HOME:-$HOME/.cache}/p2pcert-bench

# for root.sh, which knows from where this machine takes Debian
die() {
	echo "rdma_topo.sh: $*" >&2
	exit 3
}
# shellcheck source=tests/lab/lib/root.sh
. tests/lab/lib/root.sh

# fetch DIR: Debian's newest package of the tool, unpacked there. Nothing of this machine's apt changes.
fetch() {
	local apt=$T/apt mirror keyring options
	mirror=$(root_mirror) || return 1
	keyring=${P2PCERT_LAB_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	echo "deb [signed-by=$keyring] $mirror sid main" >"$apt/sources"
	options=(-qq -o "Dir::Etc::sourcelist=$apt/sources" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update && (cd "$apt" && apt-get "${options[@]}" download rdma-core) &&
		mkdir -p "$1" && dpkg-deb -x "$apt"/rdma-core_*.deb "$T/tool" &&
		cp "$T/tool/usr/sbin/rdma_topo" "$1/rdma_topo"
}

tool=$(command -v rdma_topo || echo "$cache/rdma_topo")
if [ ! -e "$tool" ] && ! fetch "$cache" >"$T/log" 2>&1; then
	echo "rdma_topo cannot be had here: $(tail -n 1 "$T/log")"
	tool=
fi

# shellcheck disable=SC2046 # several words are wanted
"${CC:-cc}" -O2 -std=gnu11 -D_GNU_SOURCE -Ilib -o "$T/read_platform" tests/bench/read_platform.c \
	"$build/libp2pcert.a" $(pkg-config --libs libkmod libudev libibverbs jansson libpci libarchive \
	libbpf zlib)

median() {
	sort -n | sed -n "$((runs / 2 + 1))p"
}

# Microseconds, or nothing if the tool does not take the dump.
time_tool() {
	local start
	[ -n "$tool" ] || return 0
	python3 "$tool" topo -F "$1" >"$T/out" 2>"$T/err" || { tail -n 1 "$T/err" >&2; return 0; }
	for ((i = 0; i < runs; i++)); do
		start=${EPOCHREALTIME/./}
		python3 "$tool" topo -F "$1" >"$T/out"
		echo $((${EPOCHREALTIME/./} - start))
	done | median
}

tests/bench/machine.py 2 rdma_topo >"$T/small"
base=$("$T/read_platform" "$T/small" 1 2>&1 >"$T/out" | cut -d ' ' -f 1)
printf '%9s %8s %12s %9s %7s %13s\n' functions MB 'rdma_topo ms' 'model ms' ratio 'KiB/function'
for n in "$@"; do
	tests/bench/machine.py "$n" rdma_topo >"$T/dump"
	theirs=$(time_tool "$T/dump")
	memory=$("$T/read_platform" "$T/dump" 1 2>&1 >"$T/out" | cut -d ' ' -f 1)
	model=$("$T/read_platform" "$T/dump" "$runs" 2>"$T/err" | median)
	awk -v n="$n" -v bytes="$(stat -c %s "$T/dump")" -v theirs="$theirs" -v model="$model" \
		-v memory="$((memory - base))" 'BEGIN {
			printf "%9d %8.1f %12s %9.1f %7s %13.2f\n", n, bytes / 1e6,
				theirs ? sprintf("%.1f", theirs / 1e3) : "-", model * 1e3,
				theirs ? sprintf("%.1f", theirs / 1e6 / model) : "-", memory / n
		}'
done
