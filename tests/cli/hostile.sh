#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# probe --from of what somebody made to do harm: nothing of this machine is read, little of it is used,
# and there is a document or one message. Without root, whoever runs the test.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

lab=${P2PCERT_TEST_DATA:?}/platform/lab
device=sys/devices/pci0000:00/0000:00:1f.0

# make_capture DIR: a machine with one function.
make_capture() {
	mkdir -p "$1/$device" "$1/sys/bus/pci/devices"
	ln -s ../../../devices/pci0000:00/0000:00:1f.0 "$1/sys/bus/pci/devices/"
	echo 0x8086 >"$1/$device/vendor"
	echo 0x1234 >"$1/$device/device"
}

# make_links DIR: beside it what leads out of it, or to nothing that can be read.
make_links() {
	local devices=$1/sys/bus/pci/devices
	ln -s /sys/bus/pci/devices/0000:00:00.0 "$devices/0000:00:00.0"
	ln -s ../../../../../../../../../sys/bus/pci/devices/0000:00:01.0 "$devices/0000:00:01.0"
	ln -s 0000:00:02.0 "$devices/0000:00:02.0"
	ln -s /proc/self/root/sys "$devices/0000:00:03.0"
	mkfifo "$1/$device/config"
	ln -s /proc/1/environ "$1/$device/resource"
	mkdir -p "$1/proc/sys"
	ln -s /proc/cmdline "$1/proc/cmdline"
	ln -s /proc/sys/kernel "$1/proc/sys/kernel"
	truncate -s 8G "$1/$device/class"
}

# The filter holds of what was printed.
holds() {
	jq -e "$1" "$T/out" >/dev/null
}

# limited CMD...: with little time and memory; the sanitizers want more than there is.
limited() {
	(
		grep -q __asan_init "$P2PCERT" || ulimit -v 4000000
		exec timeout 60 "${as[@]}" "$@"
	)
}

# only_function TITLE SOURCE: it is read, with the one function that is in it and nothing of this machine.
only_function() {
	gives 0 "$1" limited "$P2PCERT" probe --from "$2"
	ok "$1: the function is there and no other" \
		holds '.functions | map([.address, .vendor]) == [["0000:00:1f.0", "0x8086"]]'
	ok "$1: nothing else is known" holds '.kernel.cmdline == null and .kernel.release == null and
		(.functions[0] | .class == null and .bars == [] and .config_bytes == 0)'
}

# refused TITLE SOURCE TEXT: exit 2, one message that says so, and nothing is printed.
refused() {
	gives 2 "$1" limited "$P2PCERT" probe --from "$2"
	one_message "$1: one message"
	err_has "$1: it says why" "$3"
	ok "$1: nothing is printed" [ ! -s "$T/out" ]
}

# What a program opened or asked for of the running machine, but for libraries and locales.
live_paths() {
	sed -nE 's,^[0-9]+ +[a-z0-9_]+\(([^"]*)"(/(sys|proc|dev)[/"][^"]*).*,\2,p' "$1" | sort -u
}

# never_looks TITLE SOURCE
never_looks() {
	# the sanitizers read /proc/self for themselves, jansson what seeds its hash tables
	limited strace -f -qq -e trace=%file,openat2 -o "$T/traces/trace" "$P2PCERT" probe --from "$2" \
		>"$T/out" 2>"$T/err" </dev/null
	ok "$1 is read in sight of strace" [ -s "$T/out" ]
	is "$1: nothing of this machine is looked at" "" \
		"$(live_paths "$T/traces/trace" | grep -vE '^/(proc/self|sys/devices/system/cpu|proc/sys/vm)/|^/dev/(null|urandom)$')"
}

make_capture "$T/plain"
make_capture "$T/links"
make_links "$T/links"
mkdir "$T/through"
ln -s /sys "$T/through/sys"
tar -C "$T" --exclude=class -cf "$T/links.tar" links
tar -C "$T" -Scf "$T/sparse.tar" links
tar -C "$T" -cf "$T/devices.tar" plain /dev/null /dev/zero 2>/dev/null
cp -R "$lab" "$T/lab"
deep=$T/deep/sys/devices
make_capture "$T/deep"
for ((i = 0; i < 100; i++)); do
	deep+=/d
done
mkdir -p "$deep"
echo 0x1 >"$deep/vendor"
mkdir -p "$T/names/sys"
make_capture "$T/names"
mkdir "$T/names/sys/bus/pci/devices/"$'\xff\x1b[31m' "$T/names/"$'\xc3\x28'
tar -C "$T" -cf "$T/names.tar" names

# Archives that bsdtar or tar would unpack to somewhere else.
mkdir -p "$T/evil"
echo 0x1 >"$T/evil/vendor"
tar -C "$T/evil" --transform 's,^,/etc/cron.d/,' -cPf "$T/absolute.tar" vendor
tar -C "$T" -cf "$T/hard.tar" plain
ln "$T/plain/$device/vendor" "$T/plain/$device/subsystem_vendor"
tar -C "$T" -cf "$T/hard.tar" plain
(cd "$T" && find plain | cpio -o -H newc 2>/dev/null) >"$T/hard.cpio"
rm "$T/plain/$device/subsystem_vendor"

# What unpacks to more than there is, as a tar, and as text.
{
	tar -C "$T" -cf - plain
	head -c 100M /dev/zero
} | zstd -q -o "$T/member.zst"
for ((i = 0; i < 45; i++)); do
	cat "$T/member.zst"
done >"$T/bomb.tar.zst"
tar -C "$T" -cf "$T/plain.tar" plain
head -c 3072 "$T/plain.tar" >"$T/cut.tar"
echo 0x10de >"$T/plain/$device/vendor"
tar -C "$T" -rf "$T/plain.tar" "plain/$device/vendor"
echo 0x8086 >"$T/plain/$device/vendor"
head -c 64K /dev/urandom | gzip >"$T/noise.gz"
jq -nc '[range(2000) | {realpath: "/x/0000:00:00.0"}]' >"$T/items.json"
printf '[%0100000d' 0 | tr 0 '[' >"$T/nested.json"

mkdir "$T/traces"
drop_root
give "$T/traces"

only_function "a directory with links out of it" "$T/links"
only_function "an archive of it" "$T/links.tar"
only_function "devices in an archive" "$T/devices.tar"
only_function "directories deeper than any machine's" "$T/deep"
gives 0 "names that are no text" limited "$P2PCERT" probe --from "$T/names"
ok "names that are no text: the document is one" holds '.functions | length == 1'
gives 0 "names that are no text in an archive" limited "$P2PCERT" probe --from "$T/names.tar"
ok "control characters do not reach the terminal" [ "$(tr -dc '\033' <"$T/err" | wc -c)" -eq 0 ]
for packed in hard.tar hard.cpio; do
	gives 0 "hard links in $packed" limited "$P2PCERT" probe --from "$T/$packed"
done
gives 0 "a hard link has its target's content" limited "$P2PCERT" probe --from "$T/hard.tar"
ok "a hard link is read" holds '.functions[0].vendor == "0x8086"'
refused "files that say they are larger than a machine" "$T/sparse.tar" "4 GiB unpacked"
refused "a directory that is a link to this machine" "$T/through" "$T/through/sys/bus/pci/devices"
refused "absolute paths" "$T/absolute.tar" "no copy of a machine"
refused "a bomb" "$T/bomb.tar.zst" "4 GiB unpacked"
refused "an archive that was cut between entries" "$T/cut.tar" "the end of the archive is missing"
refused "two contents of one file" "$T/plain.tar" "vendor' more than once, and not the same"
refused "noise" "$T/noise.gz" "no PCI function"
refused "items without sense" "$T/items.json" "'modalias' is missing"
refused "brackets without end" "$T/nested.json" "'$T/nested.json'"
ok "nothing was written" [ ! -e /etc/cron.d/vendor ]

if command -v strace >/dev/null && "${as[@]}" strace -qq -o /dev/null true 2>/dev/null; then
	never_looks "a directory" "$T/links"
	never_looks "an archive" "$T/links.tar"
	never_looks "text" "$T/lab/lspci-vvvnn.txt"
	never_looks "a dump" "$T/lab/rdma_topo.json"
else
	tests=$((tests + 1))
	echo "ok $tests - what is looked at # SKIP strace cannot be used here"
fi
done_testing
