#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# What becomes of a run whose RDMA device goes away under its traffic. The kernel lets a device go that is
# told to when nobody uses it any more: the run does not notice. Where the port goes down, or the network
# device below, the scenario ends at once with an error, which is no verdict on the kernel.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

# interrupt NAME SCENARIO CMD...: a second after the traffic has begun.
interrupt() {
	local name=$1 scenario=$2
	shift 2
	start "$name" --level full --soft-rdma p2pcert-v0 "$scenario"
	sleep 1
	ok "$name: $*" timeout 120 "$@"
}

# interrupted STATUS OUTCOME NAME SCENARIO CMD...: and what becomes of the run.
interrupted() {
	local status=$1 outcome=$2 name=$3
	shift 2
	interrupt "$@"
	ends "$status" "$name"
	reports "$name" 'what came of it' "$outcome" \
		'.results[0] | [.outcome, .kind // empty] | join(" ")'
	nothing_left "$name"
	quiet_kernel "$name"
}

interrupted 0 pass link-deleted odp.concurrent rdma link delete p2pcert0
for scenario in odp.concurrent odp.invalidate.during; do
	interrupted 3 'error setup' "port-down-$scenario" "$scenario" ip link set p2pcert-v0 down
	ip link set p2pcert-v0 up
done

# Soft RoCE has moved wrong data by then, which counts; what does not arrive any more does not.
interrupt device-deleted odp.alignment ip link delete p2pcert-v0
wait "$run" 2> /dev/null
reports device-deleted 'transfers that end with an error' 0 \
	'[.results[0].evidence.data.details[] | select(test("Error$|does not complete"))] | length'
reports device-deleted 'errors' 1 '.results[0].errors | length'
nothing_left device-deleted
quiet_kernel device-deleted
done_testing
