#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# The test modules under a kernel that complains early (see ../debug-kernel.sh), with the lab's second
# cache: they come and go, scenarios of device-private memory run, and what the kernel says is that all
# is well: no access outside what was allocated, no lock out of order, no page table entry miscounted,
# nothing allocated that nobody knows any more.

if [[ -z ${in_guest:-} ]]; then
	here=$(cd "$(dirname "$0")" && pwd -P)
	# shellcheck source=tests/lab/debug/only.sh
	. "$here/only.sh"
	debug_only "$here/../lab"
	exec "$here/../t/lib/in-guest.sh" devpriv "$0" --timeout 3600
fi

bar=0000:06:00.0
# What measures, what needs a ksmd to lose, and what the kernel's own checks end it for.
left_out='bench|ksm|zap-moving|fault-race'

# unreferenced: what kmemleak has found in our modules. An object has to be seen twice, and not young.
unreferenced() {
	local round
	for round in 1 2; do
		sleep 6
		echo scan > /sys/kernel/debug/kmemleak
	done
	grep -B 30 'p2pcert' /sys/kernel/debug/kmemleak
}

# A debug kernel that does not complain says nothing.
config=$(zcat /proc/config.gz)
for option in KASAN PROVE_LOCKING DEBUG_KMEMLEAK DEBUG_VM PAGE_TABLE_CHECK_ENFORCED; do
	is "the kernel has $option" "CONFIG_$option=y" "$(grep -x "CONFIG_$option=y" <<< "$config")"
done
ok 'the lock validator is on' grep -q 'debug_locks: *1' /proc/lockdep_stats

for file in "$P2PCERT_KMODS_BUILD"/*.ko; do
	module=$(basename "$file" .ko)
	for round in 1 2; do
		gives 0 "$module comes, $round" p2pcert kmod load "$module"
		gives 0 "$module goes, $round" p2pcert kmod unload "$module"
	done
	quiet_kernel "$module"
done

# What it comes to is for the platform to say: here only the kernel is asked.
mapfile -t scenarios < <(p2pcert list --json |
	jq -r '.scenarios[].id | select(startswith("devpriv."))' | grep -vxE "devpriv\.($left_out)")
ok 'there are scenarios' [ ${#scenarios[@]} -gt 20 ]
p2pcert run --results "$T/devpriv" --allow-unsafe --device "$bar" "${scenarios[@]}" > "$T/out" 2>&1
echo "# it came to $?"
jq -r '.results[] | "# \(.id) \(.outcome) \(.duration_ns / 1e9 | floor) s"' "$T/devpriv/report.json"
is 'no scenario came to an error' '' \
	"$(jq -r '.results[] | select(.outcome == "error" or .outcome == "notrun").id' \
		"$T/devpriv/report.json")"
reports devpriv 'kernel log' '' \
	'.results[] | select(.evidence.kernel_log.state == "refuted").id'
nothing_left devpriv
quiet_kernel devpriv
ok 'the lock validator is still on' grep -q 'debug_locks: *1' /proc/lockdep_stats
is 'kmemleak knows of nothing' '' "$(unreferenced)"
done_testing
