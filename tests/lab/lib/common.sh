# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # from ../lab and the platform files
#
# What every part of the lab uses: messages, the tools it needs on this machine, and the container
# in which everything runs that mounts or starts anything. Nothing here knows about guests.

# What must be on this machine: a tool or a file, and the package it comes from.
lab_needs=(
	mmdebstrap:mmdebstrap
	jq:jq
	cpio:cpio
	unshare:util-linux
	setpriv:util-linux
	flock:util-linux
	mount:mount
	mkfs.ext4:e2fsprogs
	/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
	/usr/lib/python3/dist-packages/jsonschema:python3-jsonschema
)

say() {
	printf 'lab: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 3
}

die_usage() {
	say "$*"
	printf "Try 'lab --help' for more.\n" >&2
	exit 2
}

# missing_packages: prints the packages whose tool or file is not there.
missing_packages() {
	local need what
	for need in "${lab_needs[@]}"; do
		what=${need%:*}
		case $what in
		/usr/share/keyrings/*)
			what=${P2PCERT_LAB_KEYRING:-$what}
			[[ -r $what ]] || printf '%s\n' "${need#*:}"
			;;
		/*) [[ -e $what ]] || printf '%s\n' "${need#*:}" ;;
		*) type -P "$what" > /dev/null || printf '%s\n' "${need#*:}" ;;
		esac
	done | sort -u
}

deps_install() {
	local missing
	mapfile -t missing < <(missing_packages)
	if ((${#missing[@]} == 0)); then
		say 'everything is here'
		return
	fi
	say "missing: ${missing[*]}"
	type -P apt-get > /dev/null ||
		die "apt-get is not on this machine: install ${missing[*]} by hand"
	((EUID == 0)) || die "not root: run 'apt-get install ${missing[*]}' as root"
	# An old package list is the usual reason to fail: it is refreshed once.
	if ! apt-get install -y --no-install-recommends "${missing[@]}" >&2; then
		apt-get update >&2 || true
		apt-get install -y --no-install-recommends "${missing[@]}" >&2 ||
			die "apt-get could not install ${missing[*]}"
	fi
	mapfile -t missing < <(missing_packages)
	((${#missing[@]} == 0)) || die "still missing after the installation: ${missing[*]}"
}

# deps_check: ends the program unless the lab can work on this machine.
deps_check() {
	local missing
	((EUID == 0)) || die 'the lab needs root: it mounts, changes root and starts QEMU'
	mapfile -t missing < <(missing_packages)
	((${#missing[@]} == 0)) ||
		die "missing on this machine: ${missing[*]}: run 'lab deps' or install them"
}

# contained FUNCTION ARG...: runs FUNCTION of this program in its own mount and process namespaces.
# When it ends, or this program dies in whatever way, every process and mount in there is gone.
contained() {
	local child status=0 terminal=
	[[ -t 0 ]] && terminal=$(stty -g)
	setpriv --pdeathsig KILL -- setsid -- \
		unshare --mount --pid --fork --kill-child --mount-proc -- \
		"$here/lab" --inside "$@" <&0 &
	child=$!
	# shellcheck disable=SC2064 # the child is known now
	{
		trap "contained_stop INT 130 $child '$terminal'" INT
		trap "contained_stop TERM 143 $child '$terminal'" TERM
		trap "contained_stop HUP 129 $child '$terminal'" HUP
	}
	wait "$child" || status=$?
	trap - INT TERM HUP
	[[ -z $terminal ]] || stty "$terminal" 2> /dev/null || true
	return "$status"
}

contained_stop() {
	trap '' INT TERM HUP
	kill -KILL "$3" 2> /dev/null || true
	wait "$3" 2> /dev/null || true
	[[ -z $4 ]] || stty "$4" 2> /dev/null || true
	say "stopped by SIG$1"
	exit "$2"
}
