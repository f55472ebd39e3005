#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the unit tests and the command line tests of one build: tests/unit.sh BUILD [LABEL]. With
# WRAPPER= each unit test runs under that command (valgrind). The results of a run on its own are
# summed up at the end; under tests/check.sh, which sets TAP_DIR, they are added to its own.
set -u
shopt -s nullglob

cd "$(dirname "$0")/.." || exit 3
build=$1
label=${2:+$2/}
own=
if [ -z "${TAP_DIR:-}" ]; then
	own=1
	TAP_DIR=$(mktemp -d) || exit 3
	trap 'rm -rf "$TAP_DIR"' EXIT
fi
export TAP_DIR
export CMOCKA_MESSAGE_OUTPUT=TAP
export P2PCERT_TEST_DATA=$PWD/tests/data
export P2PCERT_DATADIR=$PWD/configs
export P2PCERT=$PWD/$build/p2pcert
export LC_ALL=C.UTF-8
# an abort wanted by a test must not look like a finding, and leaks are findings
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
# The sweep strikes at every point of a run once, in the plain build; elsewhere here and there. Limits are
# not gone up to under valgrind.
case $label in
'' | gcc/) ;;
valgrind/) export SWEEP_STRIDE=160 TEST_SKIP='test_limit_*' ;;
*) export SWEEP_STRIDE=10 ;;
esac
bad=0
# a test that syncs thousands of times waits for a disk, and learns nothing from it
in_memory=/tmp
[ ! -w /dev/shm ] || in_memory=/dev/shm

for source in tests/unit/*/test_*.c; do
	program=${source%.c}
	# shellcheck disable=SC2086 # the wrapper is a command with its options
	TMPDIR=$in_memory tests/tap.sh "$label${program#tests/}" ${WRAPPER:-} "$build/$program" || bad=1
done
if [ -z "${WRAPPER:-}" ]; then
	for script in tests/cli/*.sh; do
		tests/tap.sh "$label${script#tests/}" "$script" || bad=1
	done
fi
[ -z "$own" ] || tests/summary.sh || bad=1
exit $bad
