#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert check from what lspci -vvv prints of a machine: one that is well, and one thing spoilt at a
# time, each found under its code and nothing else.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

# port ADDRESS ID SECONDARY SUBORDINATE TYPE
port() {
	cat <<END
$1 PCI bridge [0604]: Vendor Device [$2] (prog-if 00 [Normal decode])
	Control: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
	Bus: primary=00, secondary=$3, subordinate=$4, sec-latency=0
	I/O behind bridge: [disabled]
	Memory behind bridge: 90000000-90ffffff [size=16M]
	Prefetchable memory behind bridge: 0000200000000000-00002fffffffffff [size=16T]
	BridgeCtl: Parity- SERR+ NoISA- VGA- VGA16- MAbort- >Reset- FastB2B-
		PriDiscTmr- SecDiscTmr- DiscTmrStat- DiscTmrSERREn-
	Capabilities: [40] Power Management version 3
		Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-
	Capabilities: [68] Express (v2) $5 Port$([ "$5" = Upstream ] || echo " (Slot-)"), MSI 00
		DevCap:	MaxPayload 512 bytes, PhantFunc 0
			ExtTag+ RBE+
		DevCtl:	CorrErr+ NonFatalErr+ FatalErr+ UnsupReq+
			RlxdOrd+ ExtTag+ PhantFunc- AuxPwr- NoSnoop+
			MaxPayload 256 bytes, MaxReadReq 512 bytes
		DevSta:	CorrErr- NonFatalErr- FatalErr- UnsupReq- AuxPwr- TransPend-
		LnkCap:	Port #0, Speed 32GT/s, Width x16, ASPM not supported
		LnkCtl:	ASPM Disabled; Disabled- CommClk-
		LnkSta:	Speed 32GT/s, Width x16
		DevCap2: Completion Timeout: Not Supported, TimeoutDis- NROPrPrP- LTR-
			 10BitTagComp+ 10BitTagReq- OBFF Not Supported, ExtFmt- EETLPPrefix-
			 AtomicOpsCap: Routing+
		DevCtl2: Completion Timeout: 50us to 50ms, TimeoutDis- LTR- ARIFwd-
			 AtomicOpsCtl: EgressBlck-
	Capabilities: [100 v1] Advanced Error Reporting
		UESta:	DLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-
		UEMsk:	DLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-
		CESta:	RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr-
	Kernel driver in use: pcieport

END
}

# gpu ADDRESS BAR
gpu() {
	cat <<END
$1 3D controller [0302]: NVIDIA H100 [10de:2330] (rev a1)
	Control: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
	NUMA node: 0
	Region 0: Memory at $2 (64-bit, prefetchable) [size=16G]
	Capabilities: [40] Power Management version 3
		Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-
	Capabilities: [68] Express (v2) Endpoint, MSI 00
		DevCap:	MaxPayload 256 bytes, PhantFunc 0
			ExtTag+ RBE+ FLReset+
		DevCtl:	CorrErr+ NonFatalErr+ FatalErr+ UnsupReq+
			RlxdOrd+ ExtTag+ PhantFunc- AuxPwr- NoSnoop- FLReset-
			MaxPayload 256 bytes, MaxReadReq 4096 bytes
		DevSta:	CorrErr- NonFatalErr- FatalErr- UnsupReq- AuxPwr- TransPend-
		LnkCap:	Port #0, Speed 32GT/s, Width x16, ASPM L1
		LnkCtl:	ASPM Disabled; RCB 64 bytes, Disabled- CommClk-
		LnkSta:	Speed 32GT/s, Width x16
		DevCap2: Completion Timeout: Range AB, TimeoutDis+ NROPrPrP- LTR+
			 10BitTagComp+ 10BitTagReq+ OBFF Via message, ExtFmt- EETLPPrefix-
			 AtomicOpsCap: 32bit+ 64bit+ 128bitCAS-
		DevCtl2: Completion Timeout: 65ms to 210ms, TimeoutDis- LTR-
			 AtomicOpsCtl: ReqEn+
	Capabilities: [100 v1] Advanced Error Reporting
		UESta:	DLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-
		UEMsk:	DLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-
		CESta:	RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr-
	Capabilities: [134 v1] Physical Resizable BAR
		BAR 0: current size: 16GB, supported: 64MB 128MB 256MB 512MB 1GB 2GB 4GB 8GB 16GB
	Kernel driver in use: nvidia

END
}

{
	port 00:01.0 8086:352a 01 04 Root
	port 01:00.0 1000:c030 02 04 Upstream
	port 02:00.0 1000:c030 03 03 Downstream
	port 02:01.0 1000:c030 04 04 Downstream
	gpu 03:00.0 200000000000
	gpu 04:00.0 210000000000
} >"$T/well"

families='bar window link tlp atomic device error errata'
codes() {
	# shellcheck disable=SC2086 # several words
	"$P2PCERT" check --json --from "$1" $families 2>"$T/err" >"$T/out"
	jq -r '[.findings[].code] | unique | join(" ")' "$T/out"
}

is "nothing is wrong" "" "$(codes "$T/well")"
looked=$(jq '[.checks[] | select(.looked > 0)] | length' "$T/out")
ok "and most of it was looked at" [ "$looked" -ge 20 ]

# spoilt TITLE CODES SED: what sed makes of the machine that is well.
spoilt() {
	sed "$3" "$T/well" >"$T/spoilt"
	is "$1" "$2" "$(codes "$T/spoilt")"
}
# of one function
gpu_3='/^03:00.0/,/^$/'
port_2='/^02:00.0/,/^$/'

spoilt "half the lanes" LINK-WIDTH-REDUCED "$gpu_3 s/LnkSta:.*/LnkSta:	Speed 32GT\/s, Width x8/"
spoilt "a slow link" LINK-SPEED-REDUCED "$gpu_3 s/LnkSta:.*/LnkSta:	Speed 2.5GT\/s, Width x16/"
spoilt "ASPM" LINK-ASPM "$gpu_3 s/ASPM Disabled/ASPM L1 Enabled/"
spoilt "a smaller payload" TLP-PAYLOAD-MISMATCH "$gpu_3 s/MaxPayload 256 bytes, MaxR/MaxPayload 128 bytes, MaxR/"
spoilt "a small read request" TLP-READ-REQUEST-SMALL "$gpu_3 s/MaxReadReq 4096/MaxReadReq 128/"
spoilt "no extended tags" TAGS-EXTENDED-OFF "$gpu_3 s/RlxdOrd+ ExtTag+/RlxdOrd+ ExtTag-/"
spoilt "no relaxed ordering" RELAXED-ORDERING-OFF "$gpu_3 s/RlxdOrd+/RlxdOrd-/"
spoilt "no completion timeout" COMPLETION-TIMEOUT-OFF "$gpu_3 s/210ms, TimeoutDis-/210ms, TimeoutDis+/"
spoilt "a short one" COMPLETION-TIMEOUT-SHORT "$gpu_3 s/65ms to 210ms/1ms to 10ms/"
spoilt "atomics are not routed" ATOMIC-NOT-ROUTED "$port_2 s/Routing+/Routing-/"
spoilt "atomics are blocked" ATOMIC-EGRESS-BLOCKED "$port_2 s/EgressBlck-/EgressBlck+/"
spoilt "atomics are not completed" ATOMIC-NOT-COMPLETED "$gpu_3 s/32bit+ 64bit+/32bit- 64bit-/"
spoilt "memory does not decode" BAR-DECODER-OFF "$gpu_3 s/Mem+/Mem-/"
spoilt "no bus master" BUS-MASTER-OFF "$port_2 s/BusMaster+/BusMaster-/"
spoilt "a resizable BAR" RESIZABLE-BAR-SMALL "$gpu_3 s/current size: 16GB/current size: 256MB/"
spoilt "a window that ends too early" BAR-OUTSIDE-WINDOW "$port_2 s/200000000000-00002fffffffffff/210000000000-00002fffffffffff/"
spoilt "a sleeping port" DEVICE-NOT-D0 "$port_2 s/Status: D0/Status: D3/"
spoilt "no driver" DEVICE-NO-DRIVER "$gpu_3 { /Kernel driver/d }"
spoilt "a driver of VFIO's" DEVICE-VFIO "$gpu_3 s/in use: nvidia/in use: vfio-pci/"
spoilt "a bus in reset" BRIDGE-HOLDS-RESET "$port_2 s/>Reset-/>Reset+/"
spoilt "an ACS violation" ERROR-ACS-VIOLATION "$port_2 s/\(UESta.*\)ACSViol-/\1ACSViol+/"
spoilt "a malformed TLP" ERROR-MALFORMED-TLP "$gpu_3 s/\(UESta.*\)MalfTLP-/\1MalfTLP+/"
spoilt "link errors" ERROR-LINK "$gpu_3 s/BadTLP-/BadTLP+/"
spoilt "a root port that cannot order" RELAXED-ORDERING-FORBIDDEN "s/8086:352a/8086:6f02/"

done_testing
