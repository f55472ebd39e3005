#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make install` into a DESTDIR, as TAP: what belongs there is there, the installed program finds its
# files by itself, the installed module sources are whole, and `make uninstall` leaves nothing.
# Works on a copy of the sources and their build folder: the prefix is part of the program, and other tests
# run the one that is there. Takes the flags of that build in MAKE_ARGS, so that little is compiled anew.
set -u

cd "$(dirname "$0")/.." || exit 3
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. tests/cli/lib/cli.sh

read -ra args <<<"${MAKE_ARGS:-}"
mkdir "$T/sources"
cp -a Makefile cmd configs kmods lib man tests build "$T/sources" || exit 3
cd "$T/sources" || exit 3
# It is installed at the prefix, and DESTDIR is what stands before it.
prefix=$T/prefix
at() {
	make -s --no-print-directory "${args[@]}" PREFIX="$prefix" DESTDIR="$T/dest" "$@"
}

gives 0 "make install" at install
ok "the program is installed" [ -x "$T/dest$prefix/bin/p2pcert" ]
for file in man/*.[1-8]; do
	ok "$file is installed" cmp "$file" "$T/dest$prefix/share/man/man${file##*.}/${file##*/}"
done
for file in configs/profiles/*.json configs/schema/*.json configs/*.json; do
	ok "$file is installed" cmp "$file" "$T/dest$prefix/share/p2pcert/${file#configs/}"
done
ok "module sources are whole" diff -r kmods "$T/dest$prefix/share/p2pcert/kmods"

mv "$T/dest$prefix" "$prefix"
gives 0 "the installed program lists profiles" env -u P2PCERT_DATADIR "$prefix/bin/p2pcert" list profiles
out_has "it finds its own files" reference default
gives 0 "completion" bash -c ". '$prefix/share/bash-completion/completions/p2pcert' && complete -p p2pcert"
# completes EXPECTED WORD...: with the last word begun, exactly these are offered
completes() {
	local expected=$1
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	gives 0 "completion of '$*'" env PATH="$prefix/bin:$PATH" bash -c '
		. "$1" && shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_p2pcert && echo "${COMPREPLY[*]}"' \
		bash "$prefix/share/bash-completion/completions/p2pcert" "$@"
	is "completion of '$*' offers" "$expected" "$(<"$T/out")"
}
completes 'resume' p2pcert res
completes 'quick standard full soak' p2pcert run --level ''
completes '--restore-only' p2pcert resume --re
completes '--repeat' p2pcert run --rep
completes 'reference' p2pcert run --profile ref
completes 'devpriv.roundtrip' p2pcert run devpriv.ro
completes '' p2pcert run --repeat ''
mkdir -p "${T}/dest${prefix%/*}"
mv "$prefix" "$T/dest$prefix"
gives 0 "make uninstall" at uninstall
ok "make uninstall leaves no file" [ -z "$(find "$T/dest" -type f)" ]
done_testing
