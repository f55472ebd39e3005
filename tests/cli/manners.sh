#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Command line manners that every command keeps: help, version, usage errors, full disk, closed pipe.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

on_full_disk() {
	"$@" >/dev/full
}

# The reader is gone before the first byte: the fifo's only reader closes it.
into_closed_pipe() {
	local fifo=$T/fifo
	rm -f "$fifo" && mkfifo "$fifo" || return 99
	# shellcheck disable=SC2094 # a fifo, not a file read while it is written
	exec {rw}<>"$fifo" {w}>"$fifo" {rw}>&-
	"$@" >&"$w"
	local status=$?
	exec {w}>&-
	return $status
}

mapfile -t commands < <("$P2PCERT" --list-commands)
ok "there are commands" [ ${#commands[@]} -gt 0 ]
gives 0 "help" "$P2PCERT" --help
out_has "help names every command" "${commands[@]}"
gives 0 "version" "$P2PCERT" --version
out_has "version says what it is" "p2pcert "
gives 2 "no command" "$P2PCERT"
one_message "no command is one message"
gives 2 "unknown command" "$P2PCERT" no-such-command
err_has "an unknown command is quoted" "'no-such-command'"
gives 2 "unknown option" "$P2PCERT" --no-such-option
one_message "an unknown option is one message"

for c in "${commands[@]}"; do
	gives 0 "$c --help" "$P2PCERT" "$c" --help
	out_has "$c --help shows usage" "Usage: p2pcert $c"
	ok "$c --help writes nothing to standard error" [ ! -s "$T/err" ]
	gives 0 "$c -V" "$P2PCERT" "$c" -V
	gives 2 "$c with an unknown long option" "$P2PCERT" "$c" --no-such-option
	one_message "$c: an unknown long option is one message"
	err_has "$c: the option is named, and help pointed to" "no-such-option" "try 'p2pcert $c --help'"
	gives 2 "$c with an unknown short option" "$P2PCERT" "$c" -Z
	err_has "$c: the short option is named" "'-Z'"
	gives 3 "$c --help on a full disk" on_full_disk "$P2PCERT" "$c" --help
	err_has "$c: a full disk is said" "cannot write standard output"
done
gives 3 "--help into a closed pipe" into_closed_pipe "$P2PCERT" --help
err_has "a closed pipe is said" "cannot write standard output"
done_testing
