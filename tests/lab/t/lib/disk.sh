# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # from tests/cli/lib/cli.sh and who includes this
#
# For tests in which a guest dies and another one boots from the same disk: booting, and reading
# from outside what a death has left on the disk.

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd -P)
lab=$tree/tests/lab/lab
out=$(realpath -m "${P2PCERT_LAB_OUT:-$tree/out/lab}")

# boot PLATFORM NAME COMMAND [OPTION]...: one guest on the disk NAME, until it ends or dies; its
# folder is $out/NAME.
boot() {
	local platform=$1 name=$2 command=$3
	shift 3
	"$lab" run --platform "$platform" --as "$name" --disk "$name" --timeout 300 \
		--command "$command" "$@"
}

# read_disk NAME FOLDER TO: copies to TO/FOLDER what the next boot will find in the disk's FOLDER: with
# what the file system's own journal brings back. TO/FOLDER.inode is the number of its journal.
read_disk() {
	local copy=$T/$1.disk
	cp --sparse=always "$out/$1.disk" "$copy"
	e2fsck -fy "$copy" > "$T/$1.fsck" 2>&1
	if (($? > 1)); then
		tail -n 3 "$T/$1.fsck" >&2
		return 1
	fi
	rm -rf "${3:?}/$2"
	mkdir -p "$3"
	debugfs -R "rdump /$2 $3" "$copy" > /dev/null 2>&1
	debugfs -R "stat /$2/journal.jsonl" "$copy" 2> /dev/null |
		sed -n 's/^Inode: \([0-9]*\) .*/\1/p' > "$3/$2.inode"
	rm "$copy"
}
