#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# What becomes of a run whose RDMA device goes away under its traffic: it is removed, its port goes down, or
# the network device below. The scenario ends at once with an error that says so, which is no verdict on the
# kernel.

[[ -n ${in_guest:-} ]] || exec "$(dirname "$0")/lib/in-guest.sh" reference "$0"

# interrupt NAME SCENARIO CMD...: a second after the traffic has begun.
interrupt() {
	local name=$1 scenario=$2
	shift 2
	start "$name" --level full --soft-rdma p2pcert-v0 "$scenario"
	sleep 1
	ok "$name: $*" timeout 120 "$@"
}

# interrupted WHY NAME SCENARIO CMD...: and the one message that the run ends with.
interrupted() {
	local why=$1 name=$2
	shift
	interrupt "$@"
	ends 3 "$name"
	reports "$name" 'what came of it' "error setup, 1: true" ".results[0] |
		\"\\(.outcome) \\(.kind), \\(.errors | length): \\(.errors[0] | tostring | test(\"$why\"))\""
	nothing_left "$name"
	quiet_kernel "$name"
}

for scenario in odp.concurrent odp.invalidate.during; do
	interrupted 'failed or was removed' "link-deleted-$scenario" "$scenario" rdma link delete p2pcert0
	interrupted 'its port went down' "port-down-$scenario" "$scenario" ip link set p2pcert-v0 down
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
