#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's own manners, as TAP: what it says and how it exits when it is called wrongly or cannot
# work, that a guest which dies, hangs or takes too long is told apart from one that ends, and that
# nothing is left behind however a run ends. The second half boots guests and needs root.
set -u

lab=$(cd "$(dirname "$0")/.." && pwd -P)/lab
P2PCERT=$lab
# shellcheck source=tests/cli/lib/cli.sh
. "${lab%/*}/../cli/lib/cli.sh"
export P2PCERT_LAB_OUT=$T/lab

# says TITLE TEXT: standard error has TEXT in a message of the lab's
says() {
	grep -q "^lab: .*$2" "$T/err"
	verdict $? "$1: says so" "no '$2' in: $(cat "$T/err")"
}

# nothing_left TITLE: no process of the lab's, and nothing mounted that this test started
nothing_left() {
	local left tries
	for tries in {1..20}; do
		left=$(pgrep -af "$T/lab|/lab/t-" | grep -v "^$$ ")
		left+=$(grep -F "$T" /proc/mounts)
		[[ -n $left ]] || break
		sleep 0.1
	done
	verdict "${#left}" "$1: nothing is left ($tries)" "$left"
}

# compared TABLE: what 'lab check' says of the pairs of misroute, if a run has left this table. The names
# that stand there are not looked at.
compared() {
	(
		here=${lab%/*}
		# shellcheck source=tests/lab/lib/platform.sh
		. "$here/lib/platform.sh"
		# shellcheck source=tests/lab/lib/check.sh
		. "$here/lib/check.sh"
		platform_load misroute
		{
			printf 'Rows start transfers\n\n'
			printf '%s' "${expect_pairs#$'\n'}" | sed "s/\.[0-7]\$/&  A drive, rev. 1/; $1"
			printf '\nEach pair has three letters\n'
		} > "$T/pairs"
		check_pairs misroute "$T/pairs"
	) | cut -d ' ' -f 1 | head -n 1
}

tables() {
	is 'tables of pairs: what is expected' ok "$(compared '')"
	is 'tables of pairs: another sign' not "$(compared '0,/DD!/s//DD+/')"
	is 'tables of pairs: a function less' not "$(compared 3d)"
	is 'tables of pairs: none' not "$(compared d)"
}

usage_errors() {
	gives 2 'no command' "$lab"
	says 'no command' 'no command given'
	gives 2 'unknown command' "$lab" frobnicate
	says 'unknown command' "'frobnicate'"
	gives 2 'unknown platform' "$lab" run --platform nowhere
	says 'unknown platform' "'nowhere'"
	gives 2 'platform with a path' "$lab" run --platform ../platforms/reference
	gives 2 'unknown platform in check' "$lab" check nowhere
	gives 2 'unknown option' "$lab" run --frobnicate
	says 'unknown option' "'--frobnicate'"
	gives 2 'option without its value' "$lab" run --platform
	gives 2 'unknown kernel flavour' "$lab" run --kernel ancient
	says 'unknown kernel flavour' "'ancient'"
	gives 2 'a series that the root does not have' env P2PCERT_LAB_KERNELS=7.2 "$lab" run --kernel 7.1
	gives 2 'series that are none' env P2PCERT_LAB_KERNELS='7.2;reboot' "$lab" build
	gives 2 'series with a pattern' env P2PCERT_LAB_KERNELS='*' "$lab" build
	gives 2 'bad timeout' "$lab" run --timeout soon
	gives 2 'name of a run with a path' "$lab" run --as ../x
	gives 2 'name of a run that is taken' "$lab" run --as prefix
	gives 2 'name of a disk with a path' "$lab" run --disk ../x
	gives 2 'power loss without a number' "$lab" run --power-loss stdout
	gives 2 'power loss before the first line' "$lab" run --power-loss stdout:0
	gives 2 'power loss by a file elsewhere' "$lab" run --power-loss ../x:1
	gives 2 'shell without a terminal' "$lab" shell
	gives 0 'help' "$lab" --help
	is 'help says nothing on stderr' '' "$(cat "$T/err")"
	gives 0 'list' "$lab" list
	is 'list shows every platform' "$(find "${lab%/*}/platforms" -name '*.conf' | wc -l)" \
		"$(tail -n +2 "$T/out" | wc -l)"
}

cannot_work() {
	# Everything but mmdebstrap, in a directory of its own.
	local tool
	mkdir "$T/bin"
	for tool in /usr/sbin/* /usr/bin/* /sbin/* /bin/*; do
		[[ ${tool##*/} == mmdebstrap ]] || ln -sf "$tool" "$T/bin/" 2> /dev/null
	done
	gives 3 'not root' unshare --user -- env P2PCERT_LAB_CACHE="$T/none" "$lab" root
	says 'not root' 'needs root'
	gives 3 'not root, nothing installed' unshare --user -- env PATH="$T/bin" "$lab" deps
	says 'not root, nothing installed' "apt-get install mmdebstrap' as root"
	[[ $EUID == 0 ]] || return
	gives 3 'tool missing' env PATH="$T/bin" P2PCERT_LAB_CACHE="$T/none" "$lab" root
	says 'tool missing' 'missing on this machine: mmdebstrap'
	gives 3 'no such mirror' env P2PCERT_LAB_CACHE="$T/none" \
		P2PCERT_LAB_MIRROR="file://$T/no-mirror" "$lab" root
	says 'no such mirror' 'could not be built'
	is 'no such mirror: nothing is taken for a root' '' \
		"$(find "$T/none" -mindepth 1 -maxdepth 1 -type d)"

	mkdir "$T"/none/root-{old,new}
	touch -d '15 days ago' "$T/none/root-old.used"
	touch -d '13 days ago' "$T/none/root-new.used"
	gives 3 'roots of before' env P2PCERT_LAB_CACHE="$T/none" \
		P2PCERT_LAB_MIRROR="file://$T/no-mirror" "$lab" root
	is 'roots of before: one that was not used for long goes' root-new \
		"$(cd "$T/none" && find . -name 'root-*' -type d -printf '%f\n')"
	gives 2 'bad accelerator' env P2PCERT_LAB_ACCEL=warp "$lab" run --command true
}

guests() {
	local root before pid
	root=$("$lab" root) || return
	before=$(find "$root" -xdev -newer "$root/usr/lib/p2pcert-lab/kernels" | sort | sha256sum)

	gives 42 'status of the command' "$lab" run --as t-status --command \
		'touch /etc/x 2> /dev/null; touch /lab/t-status/y; echo out; echo err >&2; exit 42'
	is 'standard output is the command alone' out "$(cat "$T/out")"
	is 'standard error is the command alone' err "$(grep -v '^lab: ' "$T/err")"
	[[ -e $T/lab/t-status/y && ! -e $root/etc/x ]]
	verdict $? "a guest writes to its run's folder and not to the root"
	nothing_left 'ended'

	# shellcheck disable=SC2016 # the variable is the guest's
	gives 137 'power loss' "$lab" run --platform bare --as t-cut --disk t --power-loss stdout:3 \
		--command 'echo synced > /srv/one; sync /srv/one; echo not > /srv/two
			for i in 1 2 3; do echo $i; done; sleep 1000'
	says 'power loss' 'the power was cut'
	nothing_left 'power loss'
	gives 0 'the same disk again' "$lab" run --platform bare --as t-cut --disk t --command \
		'cat /srv/one /srv/two 2> /dev/null; true'
	is 'the same disk again: what was synced is there, the rest is lost' synced "$(cat "$T/out")"

	gives 3 'panic' "$lab" run --as t-panic --command 'echo c > /proc/sysrq-trigger'
	says 'panic' 'the guest died'
	grep -q '^console: .*sysrq' "$T/err"
	verdict $? 'panic: shows the console' "$(cat "$T/err")"
	nothing_left 'panic'

	gives 124 'timeout' "$lab" run --as t-time --timeout 10 --command 'sleep 1000'
	says 'timeout' 'not done after 10 s'
	nothing_left 'timeout'

	gives 3 'hang' env P2PCERT_LAB_HANG_LIMIT=5 "$lab" run --as t-hang --command \
		'pkill -STOP -f guest/init; sleep 1000'
	says 'hang' 'the guest hangs'

	"$lab" run --as t-term --command 'sleep 1000' > "$T/out" 2> "$T/err" &
	pid=$!
	sleep 6
	gives 3 'second run of the same name' "$lab" run --as t-term --command true
	says 'second run of the same name' 'is under way'
	kill -TERM "$pid"
	wait "$pid"
	is 'SIGTERM: exit status' 143 $?
	nothing_left 'SIGTERM'

	"$lab" run --as t-kill --command 'sleep 1000' > "$T/out" 2> "$T/err" &
	pid=$!
	sleep 6
	kill -KILL "$pid"
	wait "$pid" 2> /dev/null
	nothing_left 'SIGKILL'

	is 'the root is as it was' "$before" \
		"$(find "$root" -xdev -newer "$root/usr/lib/p2pcert-lab/kernels" | sort | sha256sum)"
}

tables
usage_errors
cannot_work
if [[ $EUID == 0 ]]; then
	guests
else
	verdict 0 'guests # SKIP not root'
fi
done_testing
