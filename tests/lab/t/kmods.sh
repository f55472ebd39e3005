#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test modules compile without a word for every kernel that the root has headers of, with the
# kernel's extra warnings on, and sparse finds nothing. Sparse runs against the oldest of these
# kernels: the headers of newer ones use what Debian's sparse does not know yet.
set -u

here=$(cd "$(dirname "$0")" && pwd -P)
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "$here/../../cli/lib/cli.sh"
lab=$here/../lab

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - test modules # SKIP not root\n1..1\n'
	exit 0
fi

# quietly TITLE RELEASE ARG...: a build of the modules with these arguments of make says nothing bad
quietly() {
	local title=$1 release=$2
	shift 2
	gives 0 "$title" "$lab" enter "make -C /src/kmods KVER=$release OUT=/tmp/kmods $* 2>&1"
	grep -E 'warning:|error:' "$T/out" >"$T/said"
	is "$title: warnings" '' "$(head -n 10 "$T/said")"
	out_has "$title: all three are built" p2pcert_p2p.ko p2pcert_edu.ko p2pcert_devpriv.ko
}

mapfile -t releases < <("$lab" enter 'ls /lib/modules' | sort -V)
ok 'there are kernels to build for' [ ${#releases[@]} -gt 0 ]
for release in "${releases[@]}"; do
	quietly "W=1, $release" "$release" W=1 V=1
done
quietly "sparse, ${releases[0]}" "${releases[0]}" C=2 V=1
out_has "sparse was run" "sparse -D"
done_testing
