#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# Faults committed on purpose, on the reference platform: whatever a module or a scenario can be made
# to do wrong, each scenario refutes exactly what is wrong, the run fails, and nothing of it lasts
# into the next run. Of the scenarios of device-private memory a few are made to do wrong, all with
# P2PCERT_TEST_FAULTS=all, and those alone that it names.

if [[ -z ${in_guest:-} ]]; then
	PARTS=${P2PCERT_TEST_FAULTS:-} exec "$(dirname "$0")/lib/in-guest.sh" reference "$0" --timeout 7200
fi

# For each fault and each scenario that commits it, the kinds of evidence that are refuted. One that
# hangs is ended by the time budget; all others of a row are one run.
matrix='
fault          topo.pair-verdict  devpriv.roundtrip   p2pdma.nvme-cmb-read  p2pdma.engine-copy  odp.write      odp.read
none           pass               pass                pass                  pass                pass           pass
skip-copy      -                  data                data                  data                data,path      data,path
corrupt-copy   -                  data                data                  data                data           data
short-copy     -                  data                data                  data                -              -
no-migrate     -                  data,path,counters  -                     -                   -              -
wrong-verdict  path               -                   path                  path                -              -
pinned         -                  -                   -                     -                   path,counters  path,counters
leak           leak               leak                leak                  leak                -              -
lockdep        kernel_log         kernel_log          kernel_log            kernel_log          -              -
warn           kernel_log         kernel_log          kernel_log            kernel_log          -              -
none           pass               pass                pass                  pass                pass           pass
hang           timeout            timeout             timeout               timeout             -              -
'
budget=4	# seconds

# The same for the other scenarios of device-private memory, the other way round; '+' in front of those
# that are always looked at. A process that ends has no data to look at, and a kernel's own defect is
# there without faults, unless it is worked around. What the log shows is above: each look at it takes
# seconds.
devpriv='
fault                  skip-copy  corrupt-copy  short-copy  no-migrate     leak
+devpriv.read-fault    data       data          data        path           leak
devpriv.write-fault    data       data          data        path           leak
devpriv.thp            data       data          data        path           counters,leak
devpriv.engine-copy    data,path  data,path     data,path   path           path,leak
devpriv.munmap         data       data          data        data,path      leak
devpriv.madvise-free   data       data          data        path           leak
+devpriv.mremap        data       data          data        path           leak
devpriv.mprotect       data       data          data        path           leak
+devpriv.fork          data       data          data        path           leak
devpriv.cow            data       data          data        path           leak
devpriv.exit           -          -             -           path           leak
+devpriv.mirror        data       data          data        path,counters  leak
devpriv.partial        data       data          data        data,path      leak
devpriv.shmem          data       data          data        data,path      leak
devpriv.hugetlb        data       data          data        data,path      leak
devpriv.zero-page      data       data          data        path           leak
devpriv.two-devices    data,path  data          data,path   path           leak
devpriv.pin            data       data          data        path           leak
devpriv.pressure       -          -             data        path           leak
devpriv.error-inject   data       data          data        path           leak
+devpriv.userfaultfd   data       data          data        data,path      leak
devpriv.compaction     data       data          data        path           leak
devpriv.refcount       data       data          data        path           leak
devpriv.numa-balance   data       data          data        path           leak
devpriv.pressure-cgroup data      data          data        data,path      leak
devpriv.inside-huge    data       data          data        path           leak
+devpriv.p2p-alias      data       data          data        path           leak
devpriv.p2p-alias-huge  data       data          data        path           leak
'

# And for those of on-demand paging. A region that is pinned is what a device is like that does not hear of
# changes.
odp='
fault                          skip-copy  corrupt-copy  pinned     no-migrate  leak
+odp.caps                       path       data          path       -           -
+odp.send                       path       data          path       -           -
odp.recv                        path       data          path       -           -
odp.srq                         path       data          path       -           -
odp.atomic                      path       data          path       -           -
odp.atomic-write                path       data          path       -           -
odp.flush                       data       data          path       -           -
+odp.invalidate.munmap          data       data          data       -           -
odp.invalidate.munmap-mmap      data       data          data       -           -
odp.invalidate.dontneed         data       data          data       -           -
odp.invalidate.mremap           data       data          data       -           -
odp.invalidate.mprotect         data       data          data       -           -
odp.invalidate.mprotect-none    data       data          data       -           -
+odp.invalidate.fork-cow        data       data          -          -           -
odp.invalidate.punch            data       data          data       -           -
odp.invalidate.truncate         data       data          data       -           -
odp.invalidate.move-pages       data       data          -          -           -
odp.invalidate.userfaultfd      data       data          data       -           -
odp.invalidate.exit             data       data          data       -           -
odp.invalidate.split            path       data          path       -           -
odp.invalidate.collapse         path       data          path       -           -
odp.invalidate.during           data       data          -          -           -
odp.concurrent                  data       data          -          -           -
+odp.device-private             counters   data          -          path        leak
odp.mixed-mr                    data       data          -           path        leak
odp.shmem                       data       data          path        -           -
odp.zero-page                   data       data          path        -           -
odp.thp                         path       data          path       -           -
odp.hugetlb                     path       data          path       -           -
odp.counters                    counters   data          counters   -           -
odp.against-pinned              data       data          -          -           -
odp.bench                       data       data          -          -           -
'

# And for those of memory regions over device memory: what an exporter and an importer must not do.
mr='
fault                   skip-copy  corrupt-copy  leak  map-fails  notify-lost  stale-address  revoke-ignored  policy-ignored  wrong-errno
+mr.dmabuf.reg          data       data          leak  path       -            -              -               -               -
mr.dmabuf.dereg         data       data          leak  data       -            -              -               -               -
mr.dmabuf.twice         data       data          leak  data       -            -              -               -               -
mr.dmabuf.bad-fd        data       data          leak  data       -            -              -               -               -
mr.dmabuf.bad-range     data       data          leak  data       -            -              -               -               -
mr.dmabuf.read          data       data          leak  data       -            -              -               -               -
mr.dmabuf.write         data       data          leak  data       -            -              -               -               -
+mr.dmabuf.move-notify  data       data          leak  data       path         path           -               -               -
+mr.dmabuf.revoke       data       data          leak  data       counters     counters       errno           -               -
mr.dmabuf.exporter-exit data       data          leak  data       -            -              -               -               -
mr.dmabuf.leak          -          -             leak  -          -            -              -               -               -
mr.dmabuf-unsupported   -          -             -     -          -            -              -               -               errno
+mr.device-vma          errno      data          -     -          -            -              -               errno           -
+mr.policy              data       data          leak  data       -            -              -               errno           -
mr.policy-stable        data       data          leak  data       -            -              -               errno           -
'
mr_bar='
fault                   skip-copy  corrupt-copy  leak  map-fails
mr.dmabuf.ranges        data       data          leak  errno
mr.unbind               data       data          leak  data
'
# And of the aliases of a BAR's memory, what an owner and a consumer must not do, and that a mapping fails.
alias='
fault               map-fails      stale-address  policy-ignored  revoke-ignored
+devpriv.p2p-alias  path,counters  data,path      path,counters   path,counters
devpriv.p2p-alias-huge path,counters data,path    path,counters   path
'

# transposed MATRIX: rows of the chosen scenarios' matrix, as 'matrix' has them
transposed() {
	awk -v which=" $parts " 'NF {
		always = sub(/^\+/, "")
		if ($1 != "fault" && which != " all " && !index(which, " " $1 " ") &&
		    !(always && which ~ /^ *$/))
			next
		for (i = 1; i <= NF; i++)
			row[i] = row[i] $i " "
		columns = NF
	}
	END {
		for (i = 1; i <= columns; i++)
			print row[i]
	}' <<< "$1"
}

# One line per scenario of a report: what is refuted, the kind of an error, or the outcome.
# shellcheck disable=SC2016 # the filter is jq's
what_came='
.results[] | "\(.id) " +
if .outcome == "fail" then
	.evidence | to_entries | map(select(.value.state == "refuted").key) | join(",")
elif .outcome == "error" then
	.kind
else
	.outcome
end'

# certified STATUS NAME SCENARIO=CELL... -- ARG...
certified() {
	local status=$1 name=$2 cells=()
	shift 2
	while [[ $1 != -- ]]; do
		cells+=("$1")
		shift
	done
	shift
	certify "$status" "$name" "${options[@]}" "$@" "${cells[@]%=*}"
	reports "$name" 'what is refuted' "$(printf '%s\n' "${cells[@]/=/ }")" "$what_came"
	nothing_left "$name"
}

# row FAULT CELL...: the cells in the order of 'scenarios'.
row() {
	local fault=$1 name=$((++rows))-$1 cells=() i=0 cell
	shift
	for cell; do
		[[ $cell == - ]] || cells+=("${scenarios[i]}=$cell")
		i=$((i + 1))
	done
	((${#cells[@]})) || return 0
	case $fault in
	none)
		certified 0 "$name" "${cells[@]}" --
		;;
	hang)
		for cell in "${cells[@]}"; do
			certified 124 "$name-${cell%=*}" "$cell" -- --inject hang --timeout $budget
		done
		;;
	*)
		certified 1 "$name" "${cells[@]}" -- --inject "$fault"
		reports "$name" 'the report tells of the fault' "$fault" '.inject | join(" ")'
		;;
	esac
	last=$name
}

complained() {
	[[ -n $(kernel_complaints) ]]
	verdict $? "$1: the kernel log is not clean"
	mark_kernel_log
}

# A warning taints the kernel until the next boot: told once, of the scenario that did it.
warned() {
	complained "$1"
	reports "$1" 'the taint is put to the first scenario' topo.pair-verdict \
		'.taint.who[] | select(.names | index("W (warning)")).scenario'
}
warned_before() {
	reports "$1" 'the taint was there before' 'true 0' \
		'"\(.taint.before.names | index("W (warning)") != null) \(.taint.who | length)"'
}

# take_scenarios SCENARIO...: the columns of the rows that come.
take_scenarios() {
	scenarios=("$@")
	options=()
	[[ " $* " != *' odp.'* && " $* " != *' mr.device-vma '* ]] || options+=(--soft-rdma p2pcert-v0)
	[[ " $* " != *' mr.unbind '* && " $* " != *' mr.dmabuf.ranges '* ]] ||
		options+=(--allow-unsafe --device 0000:06:00.0)
	[[ $1 != devpriv.p2p-alias* ]] || options+=(--allow-unsafe --device 0000:06:00.0)
	[[ " $* " != *' devpriv.inside-huge '* ]] || options+=(--workaround hmm-huge-offset)
}

[[ -z $parts || $parts == all ]] || matrix=
rows=0
last=boot
tainted=no
while read -r fault cells; do
	# shellcheck disable=SC2086,SC2206 # words
	case $fault in
	'') continue ;;
	fault) take_scenarios $cells ;;
	*) row "$fault" $cells ;;
	esac
	case $fault-$tainted in
	lockdep-no) complained "$last" ;;
	warn-no)
		warned "$last"
		tainted=yes
		;;
	none-yes) warned_before "$last" ;;
	esac
	quiet_kernel "$last"
done < <(printf '%s' "$matrix" && transposed "$devpriv" && transposed "$odp" &&
	transposed "$mr" && transposed "$mr_bar" && transposed "$alias")

# What it takes to see these is in the findings: the kernel's own defects are there without faults.
certify 1 all-rights --soft-rdma p2pcert-v0 --inject all-rights odp.rights
reports all-rights 'what must not be allowed is told' true '[.findings[].code] | index("ODP-RIGHTS") != null'
certify 1 no-advice --soft-rdma p2pcert-v0 --inject no-advice odp.prefetch
reports no-advice 'advice that does nothing is seen in the page table' 'refuted ODP-PREFETCH' \
	'"\(.results[0].evidence.path.state) \([.findings[].code] | join(" "))"'

# Several ranges of a BAR are mapped where nothing translates, whoever exports them; and what goes wrong with
# the one exporter is told beside what goes wrong with the other.
certify 0 ranges --allow-unsafe --device 0000:06:00.0 mr.dmabuf.ranges
reports ranges 'VFIO exports them, too' true '.results[0].why | test("also under VFIO")'
certify 1 ranges-lost --allow-unsafe --device 0000:06:00.0 --inject skip-copy mr.dmabuf.ranges
reports ranges-lost 'what does not arrive is told of both' '1 of 2' '.results[0].evidence.data.details |
	"\(map(select(test("under VFIO"))) | length) of \(length)"'

# The last: the kernel does not survive it in full.
if [[ -z $parts || $parts == all ]]; then
	certify 6 part-of-hole --inject part-of-hole devpriv.pressure
	reports part-of-hole 'the kernel log is refuted, and the defect named' 'refuted true' \
		'"\(.results[0].evidence.kernel_log.state) \(
			[.findings[].code] | index("HMM-HUGE-HOLE-OOPS") != null)"'
fi
done_testing
