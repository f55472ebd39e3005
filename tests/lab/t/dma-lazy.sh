#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# As dma.sh, where addresses that are unmapped are flushed later: those that are never freed are told from
# those that only come back late.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" dma-lazy "$0"

matrix='
dma.leak          free-late     1  leak
'

each_fault "$matrix"
quiet_kernel 'all faults'
done_testing
