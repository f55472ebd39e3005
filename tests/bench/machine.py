#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what a tool would print of a made-up machine: machine.py FUNCTIONS [lspci|rdma_topo] >FILE.

That is `lspci -xxxx -D`, or `rdma_topo dump`, which leaves out host bridges. Every domain has a GPU below
a root port and four more root ports, below each a switch, below its downstream ports NICs with 16 VFs;
all with 4096 bytes of config space that hold the capabilities which the reader looks at.
"""

import base64
import itertools
import json
import sys
import zlib

ROOT, UPSTREAM, DOWNSTREAM, ENDPOINT = 4, 5, 6, 0
ACS_AT, SRIOV_AT = 0x148, 0x180
VFS = 16


def put(config, at, size, value):
    config[at : at + size] = value.to_bytes(size, "little")


def express(config, kind, acs):
    put(config, 0x06, 2, 0x10)
    put(config, 0x34, 1, 0x40)
    put(config, 0x40, 2, 0x10)
    put(config, 0x42, 2, 2 | kind << 4)
    put(config, 0x4C, 4, 4 | 16 << 4)
    put(config, 0x52, 2, 4 | 16 << 4)
    put(config, 0x100, 4, 0x0001 | 2 << 16 | (ACS_AT if acs is not None else 0) << 20)
    if acs is not None:
        put(config, ACS_AT, 4, 0x000D | 1 << 16)
        put(config, ACS_AT + 4, 2, 0x5F)
        put(config, ACS_AT + 6, 2, acs)


def port(kind, bus, secondary, subordinate, acs):
    config = bytearray(4096)
    put(config, 0, 4, 0xC0101000)
    put(config, 0x08, 4, 0x060400B0)
    put(config, 0x0E, 1, 1)
    config[0x18:0x1B] = bytes((bus, secondary, subordinate))
    express(config, kind, acs)
    return config


def endpoint(vfs, ids=0x102115B3, kind=0x02070000):
    config = bytearray(4096)
    put(config, 0, 4, ids)
    put(config, 0x08, 4, kind)
    put(config, 0x10, 8, 0x20000000000C)
    express(config, ENDPOINT, None)
    if vfs:
        put(config, 0x100, 4, 0x0001 | 2 << 16 | SRIOV_AT << 20)
        put(config, SRIOV_AT, 4, 0x0010 | 1 << 16)
        put(config, SRIOV_AT + 8, 2, 1)
        put(config, SRIOV_AT + 0xE, 2, VFS)
        put(config, SRIOV_AT + 0x10, 2, VFS)
        put(config, SRIOV_AT + 0x14, 2, 1)
        put(config, SRIOV_AT + 0x16, 2, 1)
        put(config, SRIOV_AT + 0x1A, 2, 0x101E)
    return config


def virtual():
    config = bytearray(4096)
    put(config, 0, 4, 0xFFFFFFFF)
    put(config, 0x08, 4, 0x02070000)
    express(config, ENDPOINT, None)
    return config


def machine():
    """Yields (domain, path of device.function from the root bus, text, config) without end."""
    domain = 0
    while True:
        yield domain, [(0, 0, 0)], "Host bridge: Intel Corporation Device 09a2", endpoint(
            False, 0x09A28086, 0x06000000
        )
        yield domain, [(0, 8, 0)], "PCI bridge: Intel Corporation Device 352a", port(
            ROOT, 0, 241, 241, 0x1D
        )
        yield domain, [(0, 8, 0), (241, 0, 0)], "3D controller: NVIDIA Corporation H100", endpoint(
            False, 0x233010DE, 0x03020000
        )
        for root in range(4):
            first = 1 + root * 60
            top = [(0, 1 + root, 0)]
            yield domain, top, "PCI bridge: Intel Corporation Device 352a", port(
                ROOT, 0, first, first + 9, 0x1D
            )
            up = top + [(first, 0, 0)]
            yield domain, up, "PCI bridge: Broadcom / LSI PEX890xx", port(
                UPSTREAM, first, first + 1, first + 9, None
            )
            for down in range(8):
                below = first + 2 + down
                slot = up + [(first + 1, down, 0)]
                yield domain, slot, "PCI bridge: Broadcom / LSI PEX890xx", port(
                    DOWNSTREAM, first + 1, below, below, 0 if down % 4 else 0x1D
                )
                text = "Infiniband controller: Mellanox CX7"
                yield domain, slot + [(below, 0, 0)], text, endpoint(True)
                for vf in range(1, 1 + VFS):
                    yield domain, slot + [(below, vf >> 3, vf & 7)], text + " VF", virtual()
        domain += 1


def write_lspci(functions):
    rows = {}
    for domain, path, text, config in functions:
        bus, dev, fn = path[-1]
        out = [f"{domain:04x}:{bus:02x}:{dev:02x}.{fn} {text} (rev b0)\n"]
        for at in range(0, 4096, 16):
            row = bytes(config[at : at + 16])
            if row not in rows:
                rows[row] = row.hex(" ") + "\n"
            out.append(f"{at:02x}: {rows[row]}")
        out.append("\n")
        sys.stdout.write("".join(out))


def modalias(config):
    vendor, device = (int.from_bytes(config[at : at + 2], "little") for at in (0, 2))
    if vendor == 0xFFFF:
        vendor, device = 0x15B3, 0x101E
    interface, subclass, base = config[9:12]
    return (
        f"pci:v{vendor:08X}d{device:08X}sv00000000sd00000000"
        f"bc{base:02X}sc{subclass:02X}i{interface:02X}"
    )


def write_rdma_topo(functions):
    items = []
    for group, (domain, path, _, config) in enumerate(functions):
        alias = modalias(config)
        if alias.endswith("bc06sc00i00"):
            continue
        steps = (f"/{domain:04x}:{bus:02x}:{dev:02x}.{fn}" for bus, dev, fn in path)
        items.append(
            {
                "realpath": f"/sys/devices/pci{domain:04x}:00" + "".join(steps),
                "config": base64.b64encode(zlib.compress(bytes(config))).decode(),
                "iommu_group": group,
                "modalias": alias,
                "numa_node": domain,
                "subsystems": {},
            }
        )
    items.sort(key=lambda item: item["realpath"].rpartition("/")[2])
    json.dump(items, sys.stdout, indent=4)


def main():
    writers = {"lspci": write_lspci, "rdma_topo": write_rdma_topo}
    write = writers[sys.argv[2] if len(sys.argv) > 2 else "lspci"]
    write(itertools.islice(machine(), int(sys.argv[1])))


if __name__ == "__main__":
    main()
