#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# p2pcert_devpriv under processes that do everything at once and are killed while they do it: see
# tests/stress/devpriv_stress.c. What they wrote is right, the kernel log stays clean, and the module
# goes and leaves nothing. P2PCERT_TEST_STRESS is how many seconds (20), P2PCERT_TEST_SEED the order
# (by chance, and told).

if [[ -z ${in_guest:-} ]]; then
	seconds=${P2PCERT_TEST_STRESS:-20}
	PARTS="$seconds ${P2PCERT_TEST_SEED:-0x$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')}" \
		exec "$(dirname "$0")/lib/in-guest.sh" reference "$0" --timeout $((seconds * 3 + 600))
fi

read -r seconds seed <<< "$parts"
bar=0000:06:00.0
device=/sys/bus/pci/devices/$bar
echo "# P2PCERT_TEST_SEED=$seed P2PCERT_TEST_STRESS=$seconds"

iomem() {
	grep -c p2pcert /proc/iomem
}

gives 0 'the module comes' p2pcert kmod load p2pcert_devpriv
echo p2pcert_devpriv > $device/driver_override
echo $bar > /sys/bus/pci/drivers_probe
is 'the BAR is a device of it' p2pcert_devpriv "$(basename "$(readlink $device/driver)")"
gives 0 "stress, seed $seed" /lab/build/devpriv-stress "$seed" "$seconds" $bar
sed 's/^/# /' "$T/out" "$T/err"
ok 'device memory was there' [ "$(iomem)" -gt 0 ]
gives 0 'the module goes' p2pcert kmod unload p2pcert_devpriv
echo > $device/driver_override
is 'no device memory is left' 0 "$(iomem)"
nothing_left 'stress'
quiet_kernel 'stress'
done_testing
