/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wordings of decoded lines that lspci has had: what each shows of registers and what it does not,
 * windows, regions, resizable BARs, power.
 */
#include "../test.h"

#include "base/alloc.h"
#include "platform/platform.h"

static struct platform *read_text(const char *text)
{
	autofree char *why = NULL;
	struct platform *p = platform_read_memory("text", text, strlen(text), &why);

	if (!p)
		fail_msg("%s", why);
	return p;
}

/* A bridge with these lines in its header, then these below its capabilities. */
static struct platform *read_lines(const char *header, const char *below)
{
	autofree char *text =
		xasprintf("00:01.0 PCI bridge [0604]: X [8086:1234]\n\tControl: BusMaster+\n%s"
			  "\tCapabilities: [90] Express (v2) Root Port (Slot+), MSI 00\n"
			  "\tCapabilities: [100 v1] Advanced Error Reporting\n%s\n",
			  header, below);

	return read_text(text);
}

#define AT(member) offsetof(struct function, member)

/* Everything that a line shows, and nothing else, is seen. */
static void test_registers(void **state attr_unused)
{
	static const struct {
		const char *lines;
		size_t at;
		uint32_t seen, value;
	} wordings[] = {
		/* all versions, and an empty one */
		{ "\t\tDevCap:\tMaxPayload 512 bytes, PhantFunc 0, Latency L0s <64ns, L1 <1us\n"
		  "\t\t\tExtTag+ AttnBtn- AttnInd- PwrInd- RBE+ FLReset+\n",
		  AT(express.device_capabilities), 0x1000f027, 0x10008022 },
		{ "\t\tDevCap:\tMaxPayload 300 bytes\n", AT(express.device_capabilities), 0, 0 },
		{ "\t\tDevCap:\n", AT(express.device_capabilities), 0, 0 },
		/* before and since 3.6.3 */
		{ "\t\tDevCtl:\tReport errors: Correctable- Non-Fatal+ Fatal- Unsupported+\n"
		  "\t\t\tRlxdOrd+ ExtTag- PhantFunc- AuxPwr- NoSnoop+ FLReset-\n"
		  "\t\t\tMaxPayload 256 bytes, MaxReadReq 4096 bytes\n",
		  AT(express.device_control), 0xffff, 0x583a },
		{ "\t\tDevCtl:\tCorrErr- NonFatalErr+ FatalErr- UnsupReq+\n"
		  "\t\t\tRlxdOrd+ ExtTag- PhantFunc- AuxPwr- NoSnoop+\n"
		  "\t\t\tMaxPayload 256 bytes, MaxReadReq 4096 bytes\n",
		  AT(express.device_control), 0x7fff, 0x583a },
		{ "\t\tDevSta:\tCorrErr+ UncorrErr+ FatalErr- UnsuppReq- AuxPwr- TransPend-\n",
		  AT(express.device_status), 0x3f, 0x03 },
		{ "\t\tDevSta:\tCorrErr- NonFatalErr- FatalErr+ UnsupReq+ AuxPwr+ TransPend-\n",
		  AT(express.device_status), 0x3f, 0x1c },
		/* the bit's word is another than that of ASPM */
		{ "\t\tLnkCtl:\tASPM Disabled; RCB 64 bytes Disabled- Retrain- CommClk+\n"
		  "\t\t\tExtSynch- ClockPM- AutWidDis- BWInt- AutBWInt-\n",
		  AT(express.link_control), 0xff3, 0x40 },
		{ "\t\tLnkCtl:\tASPM L0s L1 Enabled; LnkDisable+ CommClk-\n",
		  AT(express.link_control), 0x53, 0x13 },
		{ "\t\tLnkCtl:\tASPM L1 Enabled; RCB 64 bytes, Disabled- CommClk-\n",
		  AT(express.link_control), 0x53, 0x02 },
		{ "\t\tLnkCtl:\tASPM Unheard; Disabled-\n", AT(express.link_control), 0x10, 0 },
		{ "\t\tSltCap:\tAttnBtn- PwrCtrl- MRL- AttnInd- PwrInd- HotPlug+ Surpise+\n"
		  "\t\t\tSlot #  2, PowerLimit 75.000000; Interlock- NoCompl-\n",
		  AT(express.slot_capabilities), 0x6007f, 0x60 },
		{ "\t\tSltCap:\tAttnBtn- PwrCtrl- MRL- AttnInd- PwrInd- HotPlug+ Surprise+\n"
		  "\t\t\tSlot #16, PowerLimit 75W; Interlock- NoCompl-\n",
		  AT(express.slot_capabilities), 0xfffe007f, 16u << 19 | 0x60 },
		{ "\t\t\tSlot #8192, PowerLimit 75W; Interlock+ NoCompl-\n",
		  AT(express.slot_capabilities), 0x60000, 0x20000 },
		{ "\t\tDevCap2: Completion Timeout: Range ABCD, TimeoutDis+, LTR+, OBFF Not "
		  "Supported ARIFwd+\n"
		  "\t\t\t AtomicOpsCap: Routing- 32bit+ 64bit+ 128bitCAS-\n",
		  AT(express.device_capabilities_2), 0xbf0, 0x9b0 },
		{ "\t\tDevCap2: Completion Timeout: Range ABC, TimeoutDis+ NROPrPrP- LTR-\n"
		  "\t\t\t 10BitTagComp+ 10BitTagReq- OBFF Via message, ExtFmt- EETLPPrefix-\n"
		  "\t\t\t FRS- TPHComp- ExtTPHComp-\n"
		  "\t\t\t AtomicOpsCap: 32bit+ 64bit- 128bitCAS+\n",
		  AT(express.device_capabilities_2), 0x80333f90, 0x00010290 },
		{ "\t\tDevCtl2: Completion Timeout: 50us to 50ms, TimeoutDis-, LTR-, OBFF Disabled "
		  "ARIFwd+\n"
		  "\t\t\t AtomicOpsCtl: ReqEn+ EgressBlck-\n",
		  AT(express.device_control_2), 0x4ff, 0x60 },
		/* since 3.13 more of it comes below its last label */
		{ "\t\tDevCtl2: Completion Timeout: 16ms to 55ms, TimeoutDis+\n"
		  "\t\t\t AtomicOpsCtl: EgressBlck+\n"
		  "\t\t\t IDOReq- IDOCompl- LTR- EmergencyPowerReductionReq-\n"
		  "\t\t\t 10BitTagReq+ OBFF Disabled, EETLPPrefixBlk-\n",
		  AT(express.device_control_2), 0x9f9f, 0x1095 },
		{ "\t\tUESta:\tDLP- SDES- TLP- FCP- CmpltTO+ CmpltAbrt- UnxCmplt- RxOF- MalfTLP- "
		  "ECRC- UnsupReq- ACSViol+\n",
		  AT(errors.uncorrectable), 0x3ff030, 0x204000 },
		{ "\t\tUEMsk:\tDLP- SDES- TLP+ FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP-\n"
		  "\t\t\tECRC- UnsupReq- ACSViol- UncorrIntErr- BlockedTLP- AtomicOpBlocked+ "
		  "TLPBlockedErr-\n",
		  AT(errors.uncorrectable_mask), 0x3fff030, 0x1001000 },
		{ "\t\tCESta:\tRxErr- BadTLP+ BadDLLP- Rollover- Timeout- NonFatalErr+\n",
		  AT(errors.correctable), 0x31c1, 0x2040 },
		{ "\t\tDpcCtl:\tTrigger:2 Cmpl- INT+ ErrCor- PoisonedTLP- SwTrigger- "
		  "DL_ActiveErr-\n",
		  AT(errors.dpc_control), 0xff, 0x0a },
		{ "\t\tDpcSta:\tTrigger+ Reason:02 INT- RPBusy- TriggerExt:00 RP PIO ErrPtr:1f\n",
		  AT(errors.dpc_status), 0x1f7f, 0x1f05 },
		{ "\t\tATSCtl:\tEnable+, Smallest Translation Unit: 01\n", AT(ats_control), 0x801f,
		  0x8001 },
		{ "\t\tPRICtl: Enable+, Reset-\n", AT(pri_control), 3, 1 },
		{ "\t\tPASIDCtl: Enable+, Exec-, Priv+\n", AT(pasid_control), 7, 5 },
		{ "\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy- 10BitTagReq-\n",
		  AT(sriov_control), 0x3f, 9 },
		{ "\t\tIOVCtl:\tEnable- Migration- Interrupt- MSE- ARIHierarchy+\n",
		  AT(sriov_control), 0x1f, 0x10 },
		/* cut in a word, and words that only end or begin like known ones */
		{ "\t\tUESta:\tDLP- SDES- TL", AT(errors.uncorrectable), 0x30, 0 },
		{ "\t\tPRICtl: ReEnable+ Enabled+ Enab+ Enable Reset+-\n", AT(pri_control), 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
		autoplatform struct platform *p = read_lines("", wordings[i].lines);
		const struct reg *r =
			(const struct reg *)((const char *)&p->functions[0] + wordings[i].at);

		if (r->seen != wordings[i].seen || r->value != wordings[i].value)
			fail_msg("%s shows %#x of %#x, not %#x of %#x", wordings[i].lines, r->value,
				 r->seen, wordings[i].value, wordings[i].seen);
	}
}

static void test_header(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"00:01.0 PCI bridge [0604]: X [8086:1234]\n"
		"\tControl: I/O+ Mem- BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- "
		"SERR+ FastB2B- DisINTx+\n"
		"\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast\n"
		"\tBridgeCtl: Parity- SERR+ NoISA- VGA- MAbort- >Reset+ FastB2B-\n"
		"\t\tPriDiscTmr- SecDiscTmr- DiscTmrStat- DiscTmrSERREn-\n"
		"\tCapabilities: [e0] Power Management version 3\n"
		"\t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold+)\n"
		"\t\tStatus: D3 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-\n"
		"\tCapabilities: [90] Express (v2) Root Port (Slot-), MSI 00\n\n"
		"00:02.0 Memory [0580]: X [8086:1235]\n\tControl: BusMaster-\n"
		"\tCapabilities: [e0] Power Management version 2\n\t\tStatus: D0 PME-Enable-\n"
		"\tCapabilities: [90] Express (v1) Endpoint, MSI 00\n\n");
	const struct function *f = &p->functions[0];

	assert_int_equal(f->command.seen, 0x7ff);
	assert_int_equal(f->command.value, COMMAND_IO | COMMAND_MASTER | 0x500);
	assert_true(f->bus_master_known && f->bus_master);
	assert_int_equal(f->bridge_control.seen, 0xfef);
	assert_int_equal(f->bridge_control.value, BRIDGE_CONTROL_BUS_RESET | 2);
	assert_true(f->power_known);
	assert_false(f->powered);
	/* without a slot there is no hot-plug, whatever was not shown */
	assert_true(reg_is_clear(f->express.slot_capabilities, SLTCAP_HOTPLUG));
	assert_false(reg_seen(f->express.device_capabilities_2, DEVCAP2_ARI));
	f = &p->functions[1];
	assert_true(f->power_known && f->powered);
	assert_true(reg_is_clear(f->express.device_capabilities_2, DEVCAP2_ATOMIC_64));
	assert_int_equal(f->express.slot_capabilities.seen, 0);
}

static void test_terse(void **state attr_unused)
{
	autoplatform struct platform *p = read_text(
		"00:01.0 VGA [0300]: X [8086:1234]\n"
		"\tFlags: fast devsel, IRQ 16, NUMA node 1, IOMMU group 7\n"
		"\tMemory at fe000000 (64-bit, prefetchable) [disabled] [size=16M]\n"
		"\tI/O ports at e000 [size=32]\n\n"
		"00:02.0 VGA [0300]: X [8086:1234]\n\tFlags: bus master, fast devsel, latency 0\n"
		"\t[virtual] Memory at fe000000 (64-bit, prefetchable)\n\n"
		/* another program's flags */
		"00:03.0 VGA [0300]: X [8086:1234]\nFlags: fpu vme de pse bus master\n");
	const struct function *f = &p->functions[0];

	assert_true(reg_is_clear(f->command, COMMAND_MASTER | COMMAND_MEMORY));
	assert_true(reg_is_set(f->command, COMMAND_IO));
	assert_true(f->bars[0].disabled && !f->bars[1].disabled);
	assert_int_equal(f->numa_node, 1);
	assert_int_equal(f->iommu_group, 7);
	assert_int_equal(p->functions[1].command.seen, COMMAND_MASTER);
	assert_int_equal(p->functions[1].bars[0].kind, BAR_MEM64);
	assert_false(p->functions[2].bus_master_known);
	assert_int_equal(p->functions[2].config_bytes, 0);
}

static void test_windows(void **state attr_unused)
{
	enum { UNKNOWN, CLOSED, OPEN };
	static const struct {
		const char *line;
		enum window_kind kind;
		int state;
		uint64_t start, end;
	} wordings[] = {
		{ "I/O behind bridge: 0000b000-0000bfff", WINDOW_IO, OPEN, 0xb000, 0xbfff },
		{ "I/O behind bridge: b000-bfff [size=4K] [16-bit]", WINDOW_IO, OPEN, 0xb000,
		  0xbfff },
		{ "I/O behind bridge: 0000f000-00000fff [disabled]", WINDOW_IO, CLOSED, 0, 0 },
		{ "I/O behind bridge: f000-0fff [disabled] [16-bit]", WINDOW_IO, CLOSED, 0, 0 },
		{ "I/O behind bridge: [disabled] [32-bit]", WINDOW_IO, CLOSED, 0, 0 },
		/* zeros: a register of 16 bits that is not there, one of 32, and who knows */
		{ "I/O behind bridge: 0000-0fff [size=4K] [16-bit]", WINDOW_IO, CLOSED, 0, 0 },
		{ "I/O behind bridge: 00000000-00000fff [size=4K] [32-bit]", WINDOW_IO, OPEN, 0,
		  0xfff },
		{ "I/O behind bridge: 00000000-00000fff [size=4K]", WINDOW_IO, UNKNOWN, 0, 0 },
		{ "Memory behind bridge: fb000000-fb0fffff", WINDOW_MEMORY, OPEN, 0xfb000000,
		  0xfb0fffff },
		{ "Memory behind bridge: fff00000-000fffff [empty]", WINDOW_MEMORY, CLOSED, 0, 0 },
		{ "Memory behind bridge: None", WINDOW_MEMORY, CLOSED, 0, 0 },
		{ "Memory behind bridge: 00000000-000fffff [size=1M]", WINDOW_MEMORY, OPEN, 0,
		  0xfffff },
		/* open by its registers, closed as the kernel has it */
		{ "Memory behind bridge: fb000000-fb0fffff [disabled] [32-bit]", WINDOW_MEMORY,
		  UNKNOWN, 0, 0 },
		{ "Prefetchable memory behind bridge: 0000380000000000-0000380fffffffff [size=64G] "
		  "[64-bit]",
		  WINDOW_PREFETCHABLE, OPEN, 0x380000000000, 0x380fffffffff },
		{ "Prefetchable memory behind bridge: 00000000fff00000-00000000000fffff",
		  WINDOW_PREFETCHABLE, CLOSED, 0, 0 },
		{ "Prefetchable memory behind bridge: 00000000-000fffff", WINDOW_PREFETCHABLE,
		  CLOSED, 0, 0 },
		{ "Prefetchable memory behind bridge: 0000000000000000-00000000000fffff",
		  WINDOW_PREFETCHABLE, OPEN, 0, 0xfffff },
		{ "Prefetchable memory behind bridge:", WINDOW_PREFETCHABLE, UNKNOWN, 0, 0 },
		{ "!!! Unknown memory range types 1/f", WINDOW_MEMORY, UNKNOWN, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
		autofree char *line = xasprintf("\t%s\n", wordings[i].line);
		autoplatform struct platform *p = read_lines(line, "");
		const struct window *w = &p->functions[0].windows[wordings[i].kind];
		int is = !w->known ? UNKNOWN : w->start <= w->end ? OPEN : CLOSED;

		if (is != wordings[i].state ||
		    (is == OPEN && (w->start != wordings[i].start || w->end != wordings[i].end)))
			fail_msg("%s: %d, %#llx-%#llx", wordings[i].line, is,
				 (unsigned long long)w->start, (unsigned long long)w->end);
	}
}

static void test_regions(void **state attr_unused)
{
	static const struct {
		const char *line;
		struct bar bar;
	} wordings[] = {
		{ "Memory at 383fe0000000 (64-bit, prefetchable) [size=32M]",
		  { BAR_MEM64, true, 0x383fe0000000, 32 << 20, false, false } },
		{ "[virtual] Memory at 90000000 (32-bit, non-prefetchable) [size=1G]",
		  { BAR_MEM32, false, 0x90000000, 1 << 30, false, false } },
		{ "Memory at 90000000 (64-bit, prefetchable) [virtual] [size=4K]",
		  { BAR_MEM64, true, 0x90000000, 4096, false, false } },
		{ "Memory at <unassigned> (64-bit, prefetchable) [disabled]",
		  { BAR_MEM64, true, 0, 0, true, true } },
		{ "Memory at <ignored> (64-bit, prefetchable)",
		  { BAR_MEM64, true, 0, 0, true, false } },
		{ "Memory at <broken-64-bit-slot> (64-bit, prefetchable)",
		  { BAR_MEM64, true, 0, 0, false, false } },
		{ "I/O ports at e000 [disabled] [size=256]",
		  { BAR_IO, false, 0xe000, 256, false, true } },
		{ "I/O ports at <unassigned> [disabled]", { BAR_IO, false, 0, 0, true, true } },
	};

	for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
		autofree char *line = xasprintf("\tRegion 1: %s\n", wordings[i].line);
		autoplatform struct platform *p = read_lines(line, "");
		const struct bar *a = &p->functions[0].bars[1], *b = &wordings[i].bar;

		if (a->kind != b->kind || a->prefetchable != b->prefetchable ||
		    a->start != b->start || a->size != b->size || a->unassigned != b->unassigned ||
		    a->disabled != b->disabled)
			fail_msg("%s is read as another one", wordings[i].line);
	}
}

/* What follows a long line and has no label is not the rest of it. */
static void test_after_long_lines(void **state attr_unused)
{
	autoplatform struct platform *p = read_lines(
		"\tRegion 0: Memory at 383fe0000000 (64-bit, prefetchable) [size=32M]\n"
		"\tRegion 1: I/O ports at 0001\n" /* its upper half, as some lspci show it */
		"\tRegion 2: Memory at fea00000 (32-bit, non-prefetchable) [size=512K]\n"
		"\tExpansion ROM at feb80000 [disabled] [size=256K]\n",
		"");

	assert_false(p->functions[0].bars[2].disabled);
	assert_int_equal(p->functions[0].bars[1].kind, BAR_NONE);
}

static void test_link(void **state attr_unused)
{
	static const struct {
		const char *status;
		uint8_t speed, width;
	} wordings[] = {
		{ "Speed 16GT/s, Width x16, TrErr- Train- SlotClk+ DLActive+", 4, 16 },
		{ "Speed 2.5GT/s (downgraded), Width x8 (downgraded)", 1, 8 },
		{ "Speed 5GT/s (ok), Width x4 (ok)", 2, 4 },
		{ "Speed 64GT/s (overdriven), Width x1 (strange)", 6, 1 },
		{ "Speed unknown, Width x0 (downgraded)", 0, 0 },
		{ "Speed 2GT/s, Width x2", 0, 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(wordings); i++) {
		autofree char *lines =
			xasprintf("\t\tLnkCap:\tPort #0, Speed 32GT/s, Width x16, ASPM not "
				  "supported\n\t\tLnkSta:\t%s\n",
				  wordings[i].status);
		autoplatform struct platform *p = read_lines("", lines);
		const struct link *l = &p->functions[0].link;

		assert_true(l->known);
		assert_int_equal(l->max_speed, 5);
		assert_int_equal(l->speed, wordings[i].speed);
		assert_int_equal(l->width, wordings[i].width);
	}
}

static void test_rebar(void **state attr_unused)
{
	autoplatform struct platform *p =
		read_lines("", "\tCapabilities: [200 v1] Physical Resizable BAR\n"
			       "\t\tBAR 0: current size: 16GB, supported: 64MB 128MB 16GB 32GB\n"
			       "\t\tBAR 2, current size: 1MB, supported: 1MB 2TB\n" /* until 3.6 */
			       "\t\tBAR 4: current size: 8MB\n"
			       "\t\tBAR 4: current size: 16MB\n" /* there can be one */
			       "\t\tBAR 5: current size: <unknown>\n"
			       "\t\tBAR 7: current size: 8MB\n"
			       "\tCapabilities: [240 v1] Virtual Resizable BAR\n"
			       "\t\tBAR 1: current size: 1GB, supported: 1GB\n");
	const struct function *f = &p->functions[0];

	assert_true(f->has_rebar);
	assert_int_equal(f->nr_rebars, 3);
	assert_int_equal(f->rebars[0].bar, 0);
	assert_int_equal(f->rebars[0].size, 34);
	assert_true(f->rebars[0].sizes == (1ull << 26 | 1ull << 27 | 1ull << 34 | 1ull << 35));
	assert_int_equal(f->rebars[1].bar, 2);
	assert_true(f->rebars[1].sizes == (1ull << 20 | 1ull << 41));
	assert_int_equal(f->rebars[2].size, 23);
	assert_true(f->rebars[2].sizes == 0);
}

/* What a VF does not have of its own reads as off, and says nothing. */
static void test_virtual(void **state attr_unused)
{
	static const char vf[] = "\tControl: I/O- Mem- BusMaster+\n"
				 "\tRegion 0: Memory at 90000000 (64-bit, prefetchable) [virtual]\n"
				 "\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n"
				 "\t\tDevCtl:\tCorrErr- NonFatalErr- FatalErr- UnsupReq-\n"
				 "\t\t\tRlxdOrd- ExtTag-\n\t\t\tMaxPayload 128 bytes, MaxReadReq "
				 "128 bytes\n\n";
	autofree char *text = xasprintf(
		"3b:00.0 Ethernet [0200]: X [15b3:1021]\n\tControl: BusMaster+\n"
		"\tCapabilities: [60] Express (v2) Endpoint, MSI 00\n"
		"\tCapabilities: [180 v1] Single Root I/O Virtualization (SR-IOV)\n"
		"\t\tIOVCtl:\tEnable+ Migration- Interrupt- MSE+ ARIHierarchy+\n"
		"\t\tInitial VFs: 8, Total VFs: 8, Number of VFs: 1, Function Dependency Link: 00\n"
		"\t\tVF offset: 1, stride: 1, Device ID: 101e\n\n"
		"3b:00.1 Ethernet [0200]: X [15b3:101e]\n%s3b:00.2 Ethernet [0200]: X "
		"[15b3:1021]\n%s",
		vf, vf);
	autoplatform struct platform *p = read_text(text);
	const struct function *f = &p->functions[1];

	assert_true(f->is_virtual);
	assert_int_equal(f->command.seen, COMMAND_MASTER);
	assert_int_equal(f->express.device_control.seen, 0);
	assert_false(f->bars[0].disabled);
	f = &p->functions[2];
	assert_false(f->is_virtual);
	assert_true(reg_is_clear(f->command, COMMAND_MEMORY));
	assert_true(f->bars[0].disabled);
	assert_true(reg_is_clear(f->express.device_control, DEVCTL_RELAXED | DEVCTL_MRRS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers), cmocka_unit_test(test_header),
		cmocka_unit_test(test_terse),     cmocka_unit_test(test_windows),
		cmocka_unit_test(test_regions),   cmocka_unit_test(test_after_long_lines),
		cmocka_unit_test(test_link),      cmocka_unit_test(test_rebar),
		cmocka_unit_test(test_virtual),
	};

	return cmocka_run_group_tests_name("platform/lspci_fields", tests, NULL, NULL);
}
