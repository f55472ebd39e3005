#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# probe --snapshot: what is in it, what is not, that it reads back as the same machine, and refusals.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"
# shellcheck source=tests/cli/lib/machine.sh
. "$(dirname "$0")/lib/machine.sh"
lab=${P2PCERT_TEST_DATA:?}/platform/lab

# document FILE: without where it comes from.
document() {
	jq 'del(.source)' "$1"
}

# holds FILTER FILE: the filter holds of the document.
holds() {
	jq -e "$1" "$2" >/dev/null
}

# reads_back TITLE ARCHIVE DOCUMENT: it is the same machine.
reads_back() {
	gives 0 "$1 is read" "$P2PCERT" probe --pairs=all --from "$2" -o "$T/back.json"
	is "$1 shows the same machine" "$(document "$3")" "$(document "$T/back.json")"
}

# nothing_left TITLE: of an archive that could not be written.
nothing_left() {
	ok "$1" [ -z "$(find "$T/out.d" -mindepth 1)" ]
}

make_machine "$T/machine"
mkdir "$T/out.d"
for suffix in tar tar.gz tgz tar.xz tar.zst; do
	gives 0 "a snapshot as $suffix" \
		"$P2PCERT" probe --from "$T/machine" --snapshot "$T/s.$suffix"
	ok "and no document" [ ! -s "$T/out" ]
done
gives 0 "with the document, on standard output" \
	"$P2PCERT" probe --from "$T/machine" --snapshot "$T/s.tar" --json --pairs=all
cp "$T/out" "$T/machine.json"
ok "the machine has what can be shown" holds '
	([.functions[] | select(.express and .errors and .resizable_bars)] | length) == 4 and
	.host.name == "Supermicro AS-4125GS" and .kernel.modules == ["amdgpu"] and
	.kernel.config.CONFIG_PCI_P2PDMA == "y" and .iommu_units[0].name == "dmar0" and
	.reserved_ranges[0].type == "msi" and .host.numa_distances == [[10, 21], [21, 10]] and
	(.host_bridges[] | select(.address == "10000:e0").owner) == "0000:00:0e.0" and
	(.functions[] | select(.address == "0000:01:00.0") |
		.memory_bytes == 68702699520 and .dma_mask_bits == 48 and .in_d0 and
		.iommu_unit == "dmar0" and .iommu_type == "DMA-FQ" and .p2pmem.published and
		(.bars[] | select(.index == 2)).unassigned)' "$T/machine.json"
for suffix in tar tar.gz tgz tar.xz tar.zst; do
	reads_back "the $suffix" "$T/s.$suffix" "$T/machine.json"
done

mkdir "$T/unpacked"
ok "tar unpacks it" tar -C "$T/unpacked" -xf "$T/s.tar"
reads_back "the directory" "$T/unpacked" "$T/machine.json"
gives 0 "a snapshot of a snapshot" "$P2PCERT" probe --from "$T/s.tar.zst" --snapshot "$T/again.tar"
is "holds the same files" "$(tar tf "$T/s.tar")" "$(tar tf "$T/again.tar")"
top=$T/unpacked/p2pcert-snapshot
ok "the document is in it" [ "$(document "$top/platform.json")" = "$(document "$T/machine.json")" ]
ok "it says what wrote it" grep -q '^version: [0-9]' "$top/MANIFEST"
ok "and when" grep -Eq '^time: 20[0-9-]{8}T[0-9:]{8}Z$' "$top/MANIFEST"
ok "all belongs to root" [ -z "$(tar tvf "$T/s.tar" --numeric-owner | grep -v ' 0/0 ')" ]

# What nobody needs to know: each of these is in the machine, and none in what was written of it.
secrets='S3CR3T|5ec4e7|product_serial|product_uuid|ffffffffc0a51000'
ok "the machine has secrets" grep -rqaE "$secrets" "$T/machine"
ok "the snapshot has none" [ -z "$(grep -raE "$secrets" "$top")" ]
gpu=sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config
serial() {
	od -An -tx1 -j $((0x144)) -N 8 "$1/$gpu" | tr -d ' \n'
}
is "a function has a serial number" 4433221188776655 "$(serial "$T/machine")"
is "the snapshot does not" 0000000000000000 "$(serial "$top")"

export SOURCE_DATE_EPOCH=1700000000
for n in 1 2; do
	gives 0 "at a given time" "$P2PCERT" probe --from "$T/machine" --snapshot "$T/$n.tar.gz"
	sleep 1
done
ok "the same machine makes the same bytes" cmp "$T/1.tar.gz" "$T/2.tar.gz"
is "the time is the given one" "time: 2023-11-14T22:13:20Z" \
	"$(tar xzOf "$T/1.tar.gz" p2pcert-snapshot/MANIFEST | grep ^time)"
SOURCE_DATE_EPOCH=yesterday gives 2 "a time that is none" \
	"$P2PCERT" probe --from "$T/machine" --snapshot "$T/out.d/x.tar"
one_message "it is one message"
nothing_left "and nothing was written"
unset SOURCE_DATE_EPOCH

gives 2 "a name that says nothing" \
	"$P2PCERT" probe --from "$T/machine" --snapshot "$T/out.d/x.zip"
err_has "the name is quoted" "'$T/out.d/x.zip'"
gives 2 "a suffix alone" "$P2PCERT" probe --from "$T/machine" --snapshot .tar
gives 2 "text" "$P2PCERT" probe --from "$lab/lspci-vvvnn.txt" --snapshot "$T/out.d/x.tar"
err_has "the source is quoted" "'$lab/lspci-vvvnn.txt' is text"
gives 3 "a directory that is not there" \
	"$P2PCERT" probe --from "$T/machine" --snapshot "$T/no/such/x.tar"
err_has "the file is quoted" "cannot write '$T/no/such/x.tar': No such file"
ln -s /dev/full "$T/full.tar"
gives 3 "a full disk" "$P2PCERT" probe --from "$T/machine" --snapshot "$T/full.tar"
err_has "it is said" "No space left"
: >"$T/out.d/x.tar"
chmod 0555 "$T/out.d"
drop_root
gives 3 "a directory that cannot be written to" \
	"${as[@]}" "$P2PCERT" probe --from "$T/machine" --snapshot "$T/out.d/x.tar"
err_has "it is said" "Permission denied"
ok "what was there stays, and nothing is beside it" \
	[ "$(find "$T/out.d" -mindepth 1 -printf '%f %s')" = "x.tar 0" ]

# This machine, by whoever runs the test.
if [ -d /sys/bus/pci/devices ]; then
	gives 0 "this machine" "$P2PCERT" probe --snapshot "$T/live.tar.zst" --pairs=all \
		-o "$T/live.json"
	reads_back "this machine's snapshot" "$T/live.tar.zst" "$T/live.json"
else
	tests=$((tests + 1))
	echo "ok $tests - this machine # SKIP it shows no PCI bus"
fi
done_testing
