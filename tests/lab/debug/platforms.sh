#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from ../../cli/lib/cli.sh
#
# What the lab's platforms run, under a kernel that complains early (see ../debug-kernel.sh), as TAP: what
# they come to is for tests/lab/lab check to judge, here only the kernel is asked. P2PCERT_TEST_PLATFORMS
# names platforms to take instead of those whose scenarios use most of the modules.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
lab=$here/../lab
# shellcheck disable=SC2034 # used by cli.sh
P2PCERT=unused
# shellcheck source=tests/cli/lib/cli.sh
. "$here/../../cli/lib/cli.sh"
# shellcheck source=tests/lab/debug/only.sh
. "$here/only.sh"

# What is the kernel's own and told otherwise (finding DMABUF-SG-LEAK), or done by it in its own name: udmabuf
# maps pages for the CPU in the direction that is asked for first, and synchronises them in each.
known='dma_buf_phys_vec_to_sgt|DMA-API: misc udmabuf: device driver syncs'

# unknown FILE BEGINNING END: its parts that begin and end so, without what is known; and all other lines.
unknown() {
	awk -v known="$known" -v beginning="$2" -v end="$3" '
		function done() {
			if (part !~ known)
				printf "%s", part
			part = ""
		}
		$0 ~ beginning { done(); inside = 1 }
		inside { part = part $0 "\n" }
		!inside { print }
		inside && $0 ~ end { done(); inside = 0 }
		END { done() }' "$1"
}

# complaints FOLDER: what a run's kernel said that is not well, that its locks are watched no more, and
# memory that nobody knows.
complaints() {
	unknown "$1/dmesg.log" 'cut here' 'end trace' |
		grep -E 'WARNING: |BUG: |Oops|Call Trace|refcount_t|DMA-API: .*device driver|INFO: .*(hung|stall)'
	grep -Ev 'debug_locks: *1$' "$1/lockdep.log"
	unknown "$1/kmemleak.log" '^unreferenced object' '^never$' | grep -B 2 -A 20 p2pcert
}

debug_only "$lab"
out=${P2PCERT_LAB_OUT:-$here/../../../out/lab}
"$lab" build >&2 || exit 3
for platform in ${P2PCERT_TEST_PLATFORMS:-dma p2pdma peers switched small-bar mr}; do
	"$lab" run --no-build --platform "$platform" --as "debug-$platform" --timeout 3600 > "$T/$platform" 2>&1
	echo "# $platform exits $?"
	run=$out/debug-$platform
	ok "$platform: it came to a report" [ -s "$run/report.json" ]
	ok "$platform: the kernel was asked" [ "$run/kmemleak.log" -nt "$run/report.json" ]
	is "$platform: the kernel does not complain" '' "$(complaints "$run")"
done
done_testing
