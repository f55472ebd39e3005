#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # from lib/guest.sh and tests/cli/lib/cli.sh
#
# What goes wrong around p2pcert, on the reference platform: no root, modules that are missing, of
# another version or refused, config space that cannot be read, results that cannot be written,
# signals at the worst moment. Each time one message, the right status, a truthful report, and a
# machine that is as it was.

[[ -n ${in_guest:-} ]] ||
	exec "$(dirname "$0")/lib/in-guest.sh" reference "$0" --disk test-badluck

built=$P2PCERT_KMODS_BUILD
selftest=/lab/build/p2pcert-selftest
export P2PCERT_SELFTEST=break

# skipped NAME ID CATEGORY TEXT: the scenario was skipped, for that and nothing else.
skipped() {
	reports "$1" "$2 is skipped" "skip $3" \
		".results[] | select(.id == \"$2\") | \"\\(.outcome) \\([.skip[].category] | join(\",\"))\""
	reports "$1" "the reason says '$4'" true \
		".results[] | select(.id == \"$2\") | .skip | any(.text | contains(\"$4\"))"
}

# outcomes NAME: of a report, a line each
outcomes() {
	jq -r '.results[] | "\(.id) \(.outcome) \(.kind // "")"' "$T/$1/report.json" |
		sed 's/ *$//'
}

no_root() {
	local nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --) command
	chmod 755 "$T"
	gives 3 'run without root' "${nobody[@]}" p2pcert run --results "$T/none" topo.pair-verdict
	one_message 'run without root is one message'
	err_has 'run without root says so' 'needs root'
	for command in probe topo list; do
		gives 0 "$command without root" "${nobody[@]}" p2pcert "$command"
	done
	gives 0 'probe without root' "${nobody[@]}" p2pcert probe
	err_has 'probe without root says what it could not read' 'config space'
	is 'probe without root: no function is left out' "$(p2pcert probe | jq '.functions | length')" \
		"$(jq '.functions | length' "$T/out")"
	is 'probe without root: whether a port redirects is not known' 'false' \
		"$(jq --arg port "$(port_above "$(function_of lab-nvme-0)")" \
			'.functions[] | select(.address == $port).acs.known' "$T/out")"
	gives 0 'list without root' "${nobody[@]}" p2pcert list --json
	is 'list without root: nothing is available, for want of permission' true \
		"$(jq '.scenarios | map(select(.id | startswith("p2pdma"))) |
			all((.available_here | not) and any(.missing[]; .category == "permission"))' \
			"$T/out")"
	gives 3 'kmod load without root' "${nobody[@]}" p2pcert kmod load p2pcert_p2p
	one_message 'kmod load without root is one message'
	nothing_left 'no root'
}

usage() {
	gives 2 'unknown scenario' p2pcert run topo.no-such
	err_has 'unknown scenario is quoted' "'topo.no-such'"
	gives 2 'unknown profile' p2pcert run --profile no-such
	err_has 'unknown profile is quoted' "'no-such'"
	gives 2 'unknown fault' p2pcert run --inject no-such
	gives 2 'unknown option' p2pcert run --no-such
	is 'no results of these' '' "$(ls -d "$T"/p2pcert-results-* 2> /dev/null)"
	nothing_left 'usage'
}

# modules_of DIR: a copy of the built modules, to be spoilt
modules_of() {
	mkdir -p "$T/$1"
	cp "$built"/*.ko "$T/$1"
}

# spoilt NAME CATEGORY TEXT: a run with the modules of $T/modules-NAME
spoilt() {
	certify 4 "$1" --module-dir "$T/modules-$1" topo.pair-verdict
	skipped "$1" topo.pair-verdict "$2" "$3"
	gives 3 "kmod load, $1" p2pcert kmod load --dir "$T/modules-$1" p2pcert_p2p
	one_message "kmod load, $1, is one message"
	nothing_left "$1"
}

modules() {
	local module=p2pcert_p2p.ko
	mkdir "$T/modules-missing"
	spoilt missing module-missing 'is not built for this kernel'
	jq -n '{schema: "p2pcert.profile/1", name: "one", title: "one", recommended: [], excluded: [],
		required: ["topo.pair-verdict"]}' > "$T/one.json"
	certify 5 missing-required --module-dir "$T/modules-missing" --profile "$T/one.json"
	skipped missing-required topo.pair-verdict module-missing 'is not built for this kernel'

	modules_of modules-version
	LC_ALL=C sed -i 's/\x00version=[0-9]/\x00version=9/' "$T/modules-version/$module"
	spoilt version module-rejected "has version '9."
	modules_of modules-kernel
	LC_ALL=C sed -i 's/vermagic=[0-9]/vermagic=9/' "$T/modules-kernel/$module"
	spoilt kernel module-missing "was built for '9."
	modules_of modules-refused
	LC_ALL=C sed -i 's/\(vermagic=.*\) mod_unload/\1 mod_unlaod/' "$T/modules-refused/$module"
	spoilt refused module-rejected 'mod_unlaod'
	modules_of modules-truncated
	truncate --size=4096 "$T/modules-truncated/$module"
	spoilt truncated module-rejected "$module"

	# Somebody else's is never used, and left to them.
	insmod "$T/modules-version/$module"
	certify 4 foreign topo.pair-verdict
	skipped foreign topo.pair-verdict module-rejected 'is loaded in version'
	gives 3 'kmod status, foreign' p2pcert kmod status
	is 'foreign: it is left alone' 'module p2pcert_p2p' "$(left_behind | grep module)"
	rmmod p2pcert_p2p
	nothing_left 'foreign'
}

config_space() {
	local from to config size
	copy_machine
	verdict $? 'the machine is captured' "$(tail -n 3 "$T/capture.err")"
	gives 0 'captured machine' p2pcert probe --sysroot "$T/captured"
	cp "$T/out" "$T/whole.json"
	is 'captured machine: the functions are those of the live one' \
		"$(p2pcert probe | jq -S .functions | sha256sum)" "$(jq -S .functions "$T/whole.json" | sha256sum)"
	from=$(function_of lab-nvme-0)
	to=$(function_of lab-nvme-1)
	is 'captured machine: the verdict below the switch' bus-address "$(verdict_of "$from" "$to")"
	config=$T/captured/sys/bus/pci/devices/$(port_above "$from")/config
	mv "$config" "$T/config"
	for size in 0 1 63 64 255 256 257; do
		head -c "$size" "$T/config" > "$config"
		gives 0 "port's config space of $size bytes" p2pcert probe --sysroot "$T/captured"
		is "port's config space of $size bytes: no verdict" unknown "$(verdict_of "$from" "$to")"
		is "port's config space of $size bytes: the others are as they were" \
			"$(jq '.functions | length' "$T/whole.json")" "$(jq '.functions | length' "$T/out")"
	done
	rm "$config"
	gives 0 "port without config space" p2pcert probe --sysroot "$T/captured"
	is "port without config space: no verdict" unknown "$(verdict_of "$from" "$to")"
}

# copy_machine: what p2pcert reads of this machine, as files below $T/captured
copy_machine() {
	local names=(vendor device class revision 'subsystem_*' resource config numa_node '*_link_*'
		sriov_totalvfs sriov_numvfs driver iommu_group physfn size available published
		uevent '*dma_mask_bits' iommu power_state) tests=() name
	for name in "${names[@]}"; do
		tests+=(-o -name "$name")
	done
	mkdir "$T/captured"
	(
		set -e -o pipefail
		cd /
		cp -P --parents -t "$T/captured" proc/cmdline proc/cpuinfo proc/sys/kernel/osrelease \
			proc/sys/kernel/arch sys/bus/pci/devices/* sys/kernel/iommu_groups/*/type
		find sys/devices/pci* -path '*/0000:*' \( -false "${tests[@]}" \) ! -type d -print0 |
			xargs -0 cp -P --parents -t "$T/captured"
		# For mapping, not for reading: that it is there is all that matters.
		find sys/devices/pci* -path '*/p2pmem/allocate' -printf "$T/captured/%p\0" | xargs -0 touch
	) 2> "$T/capture.err"
}

function_of() {
	basename "$(readlink -f "$(dirname "$(grep -l "$1" /sys/class/nvme/*/serial)")/device")"
}

port_above() {
	basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$1")")"
}

verdict_of() {
	p2pcert probe --sysroot "$T/captured" --pairs="$1,$2" 2> /dev/null | jq -r '.pairs[].verdict'
}

results() {
	local at=$T/disk
	gives 3 'results on a read-only disk' p2pcert run -q --results /etc/results topo.pair-verdict
	one_message 'results on a read-only disk is one message'
	mkdir "$at" "$T/kept"
	touch "$T/kept/something"
	gives 3 'results in a directory in use' p2pcert run -q --results "$T/kept" topo.pair-verdict
	one_message 'results in a directory in use is one message'
	is 'results in a directory in use: untouched' something "$(ls "$T/kept")"

	mount -t tmpfs -o size=64k tmpfs "$at"
	head -c 64k /dev/zero > "$at/fill" 2> /dev/null
	gives 3 'results on a full disk' p2pcert run -q --results "$at/r" topo.pair-verdict
	one_message 'results on a full disk is one message'
	nothing_left 'results on a full disk'
	umount "$at"

	mount -t tmpfs -o size=4m tmpfs "$at"
	start disk/r -q p2pdma.engine-copy
	head -c 4m /dev/zero > "$at/fill" 2> /dev/null
	ends 3 'a disk that fills up meanwhile'
	one_message 'a disk that fills up meanwhile is one message'
	nothing_left 'a disk that fills up meanwhile'
	rm "$at/fill"
	gives 3 'what is left of it can be read' p2pcert report verdict "$at/r"
	umount "$at"
}

hanging=(--inject hang --soft-rdma p2pcert-v0 topo.pair-verdict devpriv.roundtrip odp.write)

# cut_short NAME VERDICT STATUS: what the report says of a run that ended in its first scenario
cut_short() {
	reports "$1" 'verdict' "$2 $3" '"\(.verdict) \(.exit_status)"'
	is "$1: the first is an error, the others never ran" \
		'topo.pair-verdict error incomplete
devpriv.roundtrip notrun
odp.write notrun' "$(outcomes "$1")"
}

signals() {
	local signal number
	for signal in INT:130 TERM:143 HUP:129; do
		number=${signal#*:}
		signal=${signal%:*}
		start "SIG$signal" "${hanging[@]}"
		kill "-$signal" "$run"
		ends "$number" "SIG$signal"
		cut_short "SIG$signal" interrupted "$number"
		reports "SIG$signal" 'the signal is named' $((number - 128)) .interrupted.signal
		nothing_left "SIG$signal"
	done
}

another() {
	start one "${hanging[@]}"
	gives 3 'a second run at once' p2pcert run -q --results "$T/two" odp.write
	one_message 'a second run at once is one message'
	err_has 'a second run at once says who is first' 'in progress' "'$run'"
	is 'a second run at once leaves no results' '' "$(ls "$T/two" 2> /dev/null)"
	kill -TERM "$run"
	ends 143 'the first of two'
	nothing_left 'two at once'
}

no_process() {
	! pgrep -x 'p2pcert.*' > /dev/null
}

killed() {
	start killed "${hanging[@]}"
	kill -KILL "$run"
	ends 137 'SIGKILL'
	until_true no_process
	verdict $? 'SIGKILL: the scenario is dead, too' "$(pgrep -ax 'p2pcert.*')"
	gives 3 'SIGKILL: verdict of what is left' p2pcert report verdict "$T/killed"
	gives 0 'SIGKILL: report of what is left' \
		p2pcert report convert -o "$T/killed/report.json" "$T/killed"
	cut_short killed error 3
	reports killed 'what was not undone is told' "$(printf '%s\n' "${set_up[@]}")" \
		'.not_undone[] | select(.kind != "cgroup") | "\(.kind) \(.args.name)"'
	gives 0 'SIGKILL: the next run' p2pcert run --results "$T/after-kill" \
		--soft-rdma p2pcert-v0 topo.pair-verdict odp.write
	err_has 'SIGKILL: the next run tells what to do' "resume --restore-only $T/killed"
	restored
}

set_up=('module p2pcert_p2p' 'module p2pcert_devpriv' 'module p2pcert_edu' 'stock-module rdma_rxe' 'rdma-link p2pcert0')

# All is undone, last change first, and that is the end of it.
restored() {
	local before
	before=$(outcomes killed)
	gives 0 'restore' p2pcert resume --restore-only "$T/killed"
	is 'restore: says what it has undone' "$(printf 'undone: %s\n' "${set_up[@]}" | tac)" \
		"$(sed -n '/: cgroup/!s/{"name":"\([^"]*\)".*/\1/p' "$T/out")"
	nothing_left 'restore'
	reports killed 'nothing is left to undo' '[]' .not_undone
	is 'restore: the outcomes are what they were' "$before" "$(outcomes killed)"
	gives 0 'restore again' p2pcert resume --restore-only "$T/killed"
	out_has 'restore again says so' 'nothing to undo'
}

# A run that goes on within the same boot undoes what is left first, and needs some of it again.
resumed() {
	P2PCERT_SELFTEST_SECONDS=1000 $selftest run --results "$T/went-on" topo.pair-verdict \
		devpriv.roundtrip selftest.sleep selftest.standard > "$T/out" 2> "$T/err" &
	run=$!
	until_true grep -qs 'scenario-start.*selftest.sleep' "$T/went-on/journal.jsonl"
	verdict $? 'resume: a scenario that takes long is reached' "$(tail -n 3 "$T/err")"
	kill -KILL "$run"
	ends 137 'SIGKILL of the selftest'
	until_true no_process
	is 'resume: there is something to undo' 'module p2pcert_edu
module p2pcert_devpriv
module p2pcert_p2p' "$(left_behind | grep module)"
	gives 3 'resume within the same boot' "$selftest" resume "$T/went-on"
	is 'resume: what died is not run again, the rest is' 'topo.pair-verdict pass
devpriv.roundtrip pass
selftest.sleep error incomplete
selftest.standard pass' "$(outcomes went-on)"
	reports went-on 'the machine was not rebooted' false '.resumed[].rebooted'
	nothing_left 'resume'
}

# --- devices in use --------------------------------------------------------------------------------

# unsafe STATUS NAME ARG...: a scenario that could disturb the devices that the arguments name
unsafe() {
	local status=$1 name=$2
	shift 2
	gives "$status" "$name" "$selftest" run --results "$T/$name" "$@" selftest.unsafe
}

# The lab's disk is copied to a drive, and mounted from there.
in_use() {
	local drive function
	function=$(function_of lab-nvme-2)
	drive=$(basename /sys/bus/pci/devices/"$function"/nvme/nvme*/nvme*n1)
	unsafe 4 unsafe-off
	skipped unsafe-off selftest.unsafe unsafe-not-enabled,unsafe-not-enabled --allow-unsafe
	unsafe 0 unsafe-free --allow-unsafe --device "$drive"
	umount /srv
	dd if=/dev/vda of="/dev/$drive" bs=1M status=none
	mount "/dev/$drive" /srv
	verdict $? 'a drive is mounted' "$(dmesg | tail -n 3)"
	for device in "$drive" "$function" "$(port_above "$function")"; do
		unsafe 4 "unsafe-mounted-$device" --allow-unsafe --device "$device"
		skipped "unsafe-mounted-$device" selftest.unsafe resource-busy /srv
	done
	umount /srv
	mkswap "/dev/$drive" > /dev/null
	swapon "/dev/$drive"
	unsafe 4 unsafe-swap --allow-unsafe --device "$drive"
	skipped unsafe-swap selftest.unsafe resource-busy swap
	swapoff "/dev/$drive"
	unsafe 0 unsafe-free-again --allow-unsafe --device "$drive"
	nothing_left 'devices in use'
}

# pattern_of NAME: bytes that the run expected, as a mismatch shows them
pattern_of() {
	jq -r '.results[].evidence.data.details[]' "$T/$1/report.json" |
		grep -o 'expected [0-9a-f ]*' | head -n 1
}

seeds() {
	local run
	for run in a:7 b:7 c:8; do
		certify 1 "seed-$run" --inject skip-copy --seed "${run#*:}" devpriv.roundtrip
	done
	[[ $(pattern_of seed-a:7) == expected\ ??\ * ]]
	verdict $? 'seed: the data is shown' "$(pattern_of seed-a:7)"
	is 'seed: the same gives the same data' "$(pattern_of seed-a:7)" "$(pattern_of seed-b:7)"
	[[ $(pattern_of seed-a:7) != "$(pattern_of seed-c:8)" ]]
	verdict $? 'seed: another gives other data'
}

kmods() {
	local statuses=''
	while ((${#statuses} < 20)); do
		p2pcert kmod load > "$T/out" 2> "$T/err" || break
		p2pcert kmod status > "$T/out" 2> "$T/err" || break
		p2pcert kmod unload > "$T/out" 2> "$T/err" || break
		statuses+=.
	done
	is 'modules loaded and unloaded 20 times' .................... "$statuses"
	nothing_left 'modules loaded and unloaded'
}

# A process whose memory is in the device: tells how far it is, and goes on when told to.
outstanding_source='
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <uapi/p2pcert.h>

#define LENGTH (4u << 20)

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
	if (getchar() == EOF)
		_exit(3);
}

int main(void)
{
	unsigned char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct p2pcert_devpriv_range range = { .addr = (unsigned long)area, .length = LENGTH };
	int fd = open("/dev/p2pcert_devpriv", O_RDWR);

	madvise(area, LENGTH, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < LENGTH; i++)
		area[i] = (unsigned char)(i * 2654435761u >> 24);
	if (ioctl(fd, P2PCERT_IOC_DEVPRIV_TO_DEVICE, &range) < 0 || range.result || !range.pages)
		return 3;
	say("away");
	close(fd);
	say("closed");
	for (size_t i = 0; i < LENGTH; i++)
		if (area[i] != (unsigned char)(i * 2654435761u >> 24))
			return 1;
	say("intact");
	return 0;
}
'

# next_word WORD TITLE: the process says so, then waits.
next_word() {
	local word=''
	read -r -t 30 -u "${holder[0]}" word
	is "$2" "$1" "$word"
}

outstanding() {
	local holder holder_PID
	gcc -Wall -Werror -I "$(dirname "$(command -v p2pcert)")/../share/p2pcert/kmods/include" \
		-x c -o "$T/outstanding" - <<< "$outstanding_source"
	verdict $? 'the process with memory in the device is built'
	gives 0 'kmod load' p2pcert kmod load p2pcert_devpriv
	coproc holder { exec "$T/outstanding"; }
	next_word away 'memory is in the device'
	gives 3 'kmod unload in use' p2pcert kmod unload p2pcert_devpriv
	one_message 'kmod unload in use is one message'
	err_has 'kmod unload in use says so' 'in use'
	echo >&"${holder[1]}"
	next_word closed 'the device is closed'
	gives 0 'kmod unload with memory in the device' p2pcert kmod unload p2pcert_devpriv
	nothing_left 'kmod unload with memory in the device'
	echo >&"${holder[1]}"
	next_word intact 'the memory is back, and intact'
	kill "$holder_PID"
	wait "$holder_PID" 2> /dev/null
}

modules_disabled() {
	echo 1 > /proc/sys/kernel/modules_disabled
	certify 4 modules-disabled topo.pair-verdict
	skipped modules-disabled topo.pair-verdict module-rejected kernel.modules_disabled
	gives 3 'kmod load with modules disabled' p2pcert kmod load
	err_has 'kmod load with modules disabled says so' kernel.modules_disabled
	nothing_left 'modules disabled'
}

for part in ${parts:-no_root usage config_space results another signals killed resumed in_use seeds \
	kmods outstanding modules modules_disabled}; do
	"$part"
	quiet_kernel "${part//_/ }"
done
done_testing
