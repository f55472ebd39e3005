#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# The test modules on a kernel that lacks what they need, where a run would not even try them: loaded
# by hand they say no, with the reason, and the kernel has nothing to complain about.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" old-kernel "$0"

for module in p2pcert_p2p p2pcert_devpriv p2pcert_iova; do
	gives 3 "kmod load $module" p2pcert kmod load "$module"
	one_message "kmod load $module is one message"
	err_has "kmod load $module says why" "cannot load '$module'" 'built without'
	nothing_left "kmod load $module"
done
for module in p2pcert_edu p2pcert_dmabuf; do
	gives 0 "kmod load $module, which needs neither" p2pcert kmod load "$module"
done
gives 0 'kmod unload' p2pcert kmod unload
nothing_left 'kmod unload'
quiet_kernel 'loading what this kernel cannot take'
done_testing
