#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything that is checked before a change lands: both compilers with warnings as errors, unit and
# command tests plain, under the sanitizers and under valgrind, reports against their schema, the
# sources' form, and the lab's platforms with the verdicts expected of them. Needs root, for
# packages and for the lab. Ends with one line over everything.
#
# Where there is much of one kind (faults, planted defects, machines that die, platforms that differ in one
# rule) some are taken, and functions are analysed to some depth; with --all everything is, which takes hours.
set -u

cd "$(dirname "$0")/.." || exit 3
case ${1:-} in
'') ;;
--all)
	export P2PCERT_TEST_FAULTS=all P2PCERT_TEST_DEFECTS=all P2PCERT_TEST_CROSSCHECK=all P2PCERT_TEST_ANALYSIS=all
	export P2PCERT_LAB_DEATHS=20
	;;
*)
	echo "usage: tests/check.sh [--all]" >&2
	exit 2
	;;
esac
tests/deps.sh || exit 3
tests/lab/lab deps || exit 3

TAP_DIR=$PWD/out/check
rm -rf "$TAP_DIR"
mkdir -p "$TAP_DIR" || exit 3
export TAP_DIR
bad=0
jobs=$(nproc)

step() {
	printf '\n== %s\n' "$*"
}

# A build that fails is a failed test, with its log.
build() {
	local name=$1
	shift
	if make -j"$jobs" --no-print-directory DEVELOPER=1 "$@" >"$TAP_DIR/build-$name.log" 2>&1; then
		echo "1 0 0 build/$name" >>"$TAP_DIR/totals"
		echo "  ok    build/$name"
	else
		echo "0 1 0 build/$name" >>"$TAP_DIR/totals"
		echo "  FAIL  build/$name"
		tail -n 40 "$TAP_DIR/build-$name.log"
		bad=1
	fi
}

step "build with gcc and clang, warnings as errors"
build gcc CC=gcc BUILD=build all unit-programs selftest headers
build clang CC=clang BUILD=build-clang all unit-programs selftest headers
build asan CC=gcc BUILD=build-asan SANITIZE=address,undefined all unit-programs selftest

# Reads commands, one a line, and runs one more at a time than there are processors: many of them wait, for a
# slow device, a deadline or a disk. What each prints comes whole.
together() {
	# shellcheck disable=SC2016 # for the inner shell
	xargs -d '\n' -P $((jobs + 1)) -n 1 bash -c '
		output=$(eval "$1" 2>&1)
		status=$?
		printf "%s\n" "$output"
		exit $status' together || bad=1
}

step "build for the lab"
for kernel in backports stable; do
	tests/lab/lab build --kernel $kernel >"$TAP_DIR/lab-build-$kernel.log" 2>&1 ||
		{ tail -n 40 "$TAP_DIR/lab-build-$kernel.log"; bad=1; }
done
export P2PCERT_LAB_BUILT=yes

# What takes longest comes first, so that at the end no processor waits for another.
step "all tests, in the lab and outside"
long=(faults switched powerloss badluck crosscheck)
{
	for name in "${long[@]}"; do
		echo "tests/tap.sh lab/$name.sh tests/lab/t/$name.sh"
	done
	cat <<-'EOF'
	tests/unit.sh build gcc
	WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible --child-silent-after-fork=yes --trace-children=no" tests/unit.sh build valgrind
	tests/unit.sh build-asan asan
	tests/tap.sh lint tests/lint.sh
	tests/unit.sh build-clang clang
	tests/tap.sh fuzz tests/fuzz.sh
	EOF
	for script in tests/lab/t/*.sh; do
		name=$(basename "$script" .sh)
		[[ " ${long[*]} " == *" $name "* ]] ||
			echo "tests/tap.sh lab/$name.sh $script"
	done
	for platform in tests/lab/platforms/*.conf; do
		name=$(basename "$platform" .conf)
		echo "tests/tap.sh lab/$name tests/lab/lab check $name"
	done
	cat <<-'EOF'
	tests/tap.sh page tests/page/run.sh
	MAKE_ARGS="CC=gcc DEVELOPER=1" tests/tap.sh install tests/install.sh
	EOF
} | together

echo
tests/summary.sh || bad=1
exit $bad
