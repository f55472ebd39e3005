#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test modules compile without a word for every kernel that the root has headers of, with the
# kernel's extra warnings on, and sparse finds nothing but what is put there for it to find.
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

# The headers of newer kernels use two things that Debian's sparse does not know, and of which it dies
# before it comes to the modules: here they are in terms that it knows. And as Debian's headers lack
# the script by which make sees whether there is a sparse, it is told.
sparse="C=2 KBUILD_CHECKSRC=2 CHECK=\"sparse -D__typeof_unqual__=__typeof__ \
	'-D__builtin_strlen(s)=(sizeof(s) - 1)'\""

# quietly TITLE RELEASE ARG...: a build of the modules with these arguments of make says nothing bad
quietly() {
	local title=$1 release=$2
	shift 2
	gives 0 "$title" "$lab" enter "make -C /src/kmods KVER=$release OUT=/tmp/kmods V=1 $* 2>&1"
	grep -E 'warning:|error:' "$T/out" >"$T/said"
	is "$title: warnings" '' "$(head -n 10 "$T/said")"
	out_has "$title: all of them are built" p2pcert_p2p.ko p2pcert_edu.ko p2pcert_devpriv.ko \
		p2pcert_dmabuf.ko p2pcert_iova.ko
}

# noticed RELEASE: sparse finds what is wrong with a line that no compiler minds
noticed() {
	local release=$1 wrong='int wrong(int __user *p); int wrong(int __user *p) { return *p; }'
	gives 0 "a mistake, $release" "$lab" enter "cp -r /src/kmods /tmp && cd /tmp/kmods &&
		echo '$wrong' >> devpriv/migrate.c &&
		make KVER=$release OUT=/tmp/out V=1 P2PCERT_VERSION=0 $sparse 2>&1"
	grep -q 'devpriv/migrate.c:.*warning: dereference of noderef' "$T/out"
	verdict $? "sparse notices it, $release" "$(grep -E 'warning:|error:' "$T/out")"
}

mapfile -t releases < <("$lab" enter 'ls /lib/modules' | sort -V)
ok 'there are kernels to build for' [ ${#releases[@]} -gt 0 ]
for release in "${releases[@]}"; do
	quietly "W=1 and sparse, $release" "$release" W=1 "$sparse"
done
noticed "${releases[-1]}"
done_testing
