#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Faults committed on purpose where an IOMMU translates: each scenario of mapping memory for DMA notices
# what concerns it.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" dma "$0"

# For each, what is refuted, or the outcome where nothing was shown.
matrix='
dma.iova-basic    skip-copy  1  data
dma.iova-basic    corrupt-copy  1  data
dma.iova-basic    short-copy  1  data
dma.iova-basic    wrong-offset  1  data
dma.iova-basic    map-fails  1  path
dma.iova-basic    leak  1  leak
dma.six-cases     corrupt-copy  1  data
dma.six-cases     wrong-offset  1  data
dma.mixed-range   skip-copy     1  data
dma.mixed-range   leak          1  leak
dma.unwind        map-fails     1  errno
dma.unwind        free-less     1  leak
dma.single-flush  flush-each    1  counters
dma.hmm-map       short-copy    1  data
dma.hmm-map       notify-lost   1  data,counters
dma.leak          leak          1  leak
dma.leak          free-late     1  leak
dma.bench         leak          1  leak
'

each_fault "$matrix"
quiet_kernel 'all faults'
done_testing
