#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The form of the sources, as TAP: formatting, static analysis, shell scripts, man pages, SPDX
# lines, commands against man pages and completion, and what a published tree must not hold.
set -u

cd "$(dirname "$0")/.." || exit 3
n=0
fails=0

# check TITLE CMD...: the command's output, if it fails, is shown as comments.
check() {
	local title=$1 output
	shift
	n=$((n + 1))
	if output=$("$@" 2>&1); then
		echo "ok $n - $title"
	else
		fails=$((fails + 1))
		echo "not ok $n - $title"
		printf '%s\n' "$output" | head -n 60 | sed 's/^/# /'
	fi
}

# Tracked files, or all where this is no checkout.
files() {
	git ls-files -co --exclude-standard -- "$@" 2>/dev/null | while read -r f; do
		[ -f "$f" ] && echo "$f"
	done
}

# Not kernel modules, whose style knows the kernel's loops.
formatting() {
	files 'lib/*.[ch]' 'cmd/*.[ch]' 'tests/*.[ch]' ':!tests/lab/kmods/*' |
		xargs -r clang-format --dry-run -Werror
}

# A compile database is made by hand: the flags are the same for every file. The analyser goes a quarter as far into
# a function as it would, for a quarter of the time, unless P2PCERT_TEST_ANALYSIS=all.
analysis() {
	local flags
	flags="-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -Ibuild -Ikmods/include -Icmd/p2pcert"
	flags+=" $(pkg-config --cflags libkmod libibverbs jansson libarchive libbpf)"
	flags+=" -DP2PCERT_DATADIR=\"/\" -DP2PCERT_VERSION=\"0\" -DP2PCERT_COMMIT=\"0\""
	[ "${P2PCERT_TEST_ANALYSIS:-}" = all ] || flags+=" -Xclang -analyzer-config -Xclang max-nodes=50000"
	# shellcheck disable=SC2016,SC2086 # expanded by the inner shell, into words
	files 'lib/*.c' 'cmd/*.c' |
		xargs -r -n 4 -P "$(nproc)" sh -c '
			flags=$1; shift
			clang-tidy --quiet "$@" -- $flags 2>/dev/null' sh "$flags"
}

scripts() {
	files '*.sh' .ci/run tests/lab/lab 'tests/lab/lib/*' | sort -u | xargs -r shellcheck -x -P SCRIPTDIR
}

manuals() {
	files 'man/*.[1-8]' | xargs -r mandoc -Tlint -W warning
}

spdx() {
	local bad=0 f
	while read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier:' || { echo "$f: no SPDX line"; bad=1; }
	done < <(files '*.c' '*.h' '*.sh' '*.py' '*.def' '*.conf' '*.S' 'lib/p2p/page/*' Makefile '*/Makefile' 'man/*.[1-8]' \
		tests/lab/lab tests/lab/init .ci/run)
	return $bad
}

commands() {
	local tool=build/p2pcert
	diff <("$tool" --list-commands | sort) \
		<(files 'man/p2pcert-*.1' | sed 's,man/p2pcert-\(.*\)\.1,\1,' | sort) ||
		{ echo "commands and man pages differ"; return 1; }
}

# Every exit status of lib/base/exit.h is stated in p2pcert(1).
exit_statuses() {
	local value bad=0
	while read -r value; do
		grep -q "^\.It $value\b" man/p2pcert.1 || { echo "$value is not in p2pcert(1)"; bad=1; }
	done < <(sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' lib/base/exit.h)
	return $bad
}

checks=(formatting analysis scripts manuals spdx commands exit_statuses)
for c in "${checks[@]}"; do
	check "$c" "$c"
done
echo "1..$n"
[ $fails -eq 0 ]
