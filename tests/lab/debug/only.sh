# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests that say something only under a kernel that complains early, see ../debug-kernel.sh.

# debug_only LAB: ends the test where the lab's kernel is a stock one. Guests may be silent for longer.
debug_only() {
	export P2PCERT_LAB_HANG_LIMIT=${P2PCERT_LAB_HANG_LIMIT:-600}
	grep -q '^backports .*-debug$' "$("$1" root)/usr/lib/p2pcert-lab/kernels" && return
	echo "P2PCERT_LAB_CACHE has a stock kernel: 'P2PCERT_LAB_CACHE=\$(tests/lab/debug-kernel.sh)'" >&2
	exit 3
}
