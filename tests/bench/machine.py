#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes what `lspci -xxxx -D` would print of a made-up machine: machine.py FUNCTIONS >FILE.

Every domain has root ports, below each a switch, below its downstream ports endpoints with 16 VFs; all
with 4096 bytes of config space that hold the capabilities which the reader looks at.
"""

import sys

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


def endpoint(vfs):
    config = bytearray(4096)
    put(config, 0, 4, 0x10215BAD)
    put(config, 0x08, 4, 0x02070000)
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
    """Yields (domain, bus, dev, fn, text, config) without end."""
    domain = 0
    while True:
        yield domain, 0, 0, 0, "Host bridge: Intel Corporation Device 09a2", endpoint(False)
        for root in range(4):
            first = 1 + root * 60
            yield domain, 0, 1 + root, 0, "PCI bridge: Intel Corporation Device 352a", port(
                ROOT, 0, first, first + 9, 0x1D
            )
            yield domain, first, 0, 0, "PCI bridge: Broadcom / LSI PEX890xx", port(
                UPSTREAM, first, first + 1, first + 9, None
            )
            for down in range(8):
                below = first + 2 + down
                yield domain, first + 1, down, 0, "PCI bridge: Broadcom / LSI PEX890xx", port(
                    DOWNSTREAM, first + 1, below, below, 0 if down % 4 else 0x1D
                )
                yield domain, below, 0, 0, "Infiniband controller: Mellanox CX7", endpoint(True)
                for vf in range(1, 1 + VFS):
                    yield (
                        domain, below, vf >> 3, vf & 7,
                        "Infiniband controller: Mellanox CX7 VF", virtual(),
                    )  # fmt: skip
        domain += 1


def main():
    left = int(sys.argv[1])
    rows = {}
    for domain, bus, dev, fn, text, config in machine():
        if not left:
            break
        left -= 1
        out = [f"{domain:04x}:{bus:02x}:{dev:02x}.{fn} {text} (rev b0)\n"]
        for at in range(0, 4096, 16):
            row = bytes(config[at : at + 16])
            if row not in rows:
                rows[row] = row.hex(" ") + "\n"
            out.append(f"{at:02x}: {rows[row]}")
        out.append("\n")
        sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
