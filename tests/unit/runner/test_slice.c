/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/runner/slice.c: what lines of the kernel's, and lines that are missing, say of a scenario. */
#include "runner/slice.h"

#include "../test.h"
#include "base/alloc.h"
#include "base/jx.h"

static int keep(void *arg, json_t *record)
{
	jx_append(arg, record);
	return 0;
}

/* Shows the lines to a slice, settles it; the records that it wrote. */
static json_t *settle(const char *const *lines, size_t n, bool unread, uint64_t new_taint,
		      enum evidence_state *evidence)
{
	autofree char *path = xasprintf("%s/../../configs/kmsg.json", getenv("P2PCERT_TEST_DATA"));
	json_t *records = jx_array();
	struct slice s = { .file = -1, .record = keep, .arg = records, .unread = unread };
	struct kmsg_patterns *patterns;
	autofree char *why = NULL;

	if (kmsg_patterns_load(path, &patterns, &why) < 0)
		fail_msg("%s", why);
	for (size_t i = 0; i < n; i++) {
		const struct kmsg_record record = { .level = 4, .seq = i, .text = lines[i] };

		slice_take(&s, &record, kmsg_classify(patterns, &record));
	}
	*evidence = slice_settle(&s, true, new_taint);
	assert_int_equal(s.err, 0);
	slice_release(&s);
	kmsg_patterns_free(patterns);
	return records;
}

static void quiet(void **state attr_unused)
{
	static const char *const lines[] = { "nvme nvme0: pci function 0000:03:00.0" };
	enum evidence_state evidence;
	autojson json_t *records = settle(lines, ARRAY_LEN(lines), false, 0x3000, &evidence);

	assert_int_equal(evidence, EVIDENCE_PROVEN);
	assert_int_equal(json_array_size(records), 1);
}

/* With all that somebody needs who reads nothing but the journal. */
static void bad_line(void **state attr_unused)
{
	static const char *const lines[] = {
		"DMAR: DRHD: handling fault status reg 2",
		"nvme 0000:03:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000e "
		"address=0xfe800000 flags=0x0020]",
	};
	enum evidence_state evidence;
	autojson json_t *records = settle(lines, ARRAY_LEN(lines), false, 0, &evidence);
	const json_t *line = json_array_get(records, 0), *finding = json_array_get(records, 4);
	autofree char *functions = NULL;

	assert_int_equal(evidence, EVIDENCE_REFUTED);
	assert_string_equal(jx_get_str(line, "event"), "kernel-log");
	assert_string_equal(jx_get_str(line, "class"), "IOMMU-FAULT");
	assert_string_equal(jx_get_str(line, "severity"), "bad");
	assert_string_equal(jx_get_str(line, "text"), lines[0]);
	assert_non_null(strstr(jx_get_str(line, "advice"), "IOMMU"));
	assert_string_equal(jx_get_str(line, "reference"),
			    "Documentation/driver-api/pci/p2pdma.rst");
	assert_string_equal(jx_get_str(finding, "event"), "finding");
	assert_string_equal(jx_get_str(finding, "code"), "IOMMU-FAULT");
	functions = jx_line(json_object_get(finding, "functions"));
	assert_string_equal(functions, "[\"0000:03:00.0\"]");
}

/* The kernel enforced the limit that we gave it: its backtrace is no fault. */
static void own_limit(void **state attr_unused)
{
	static const char *const lines[] = {
		"p2pcert invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
		"CPU: 1 UID: 0 PID: 812 Comm: p2pcert Tainted: G           OE      6.12.0 #1",
		"Call Trace:",
		" <TASK>",
		" dump_stack_lvl+0x5d/0x80",
		" dump_header+0x43/0x1aa",
		" oom_kill_process.cold+0xa/0xad",
		" mem_cgroup_out_of_memory+0x131/0x150",
		"RIP: 0033:0x7f1e4c0d0a2a",
		"memory: usage 262144kB, limit 262144kB, failcnt 41",
		"Memory cgroup stats for /p2pcert-1-001-odp.read:",
		"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
		"oom_memcg=/p2pcert-1-001-odp.read,task=p2pcert,pid=812,uid=0",
		"Memory cgroup out of memory: Killed process 812 (p2pcert) total-vm:1048576kB, "
		"anon-rss:262144kB, file-rss:2048kB, shmem-rss:0kB, UID:0 pgtables:600kB "
		"oom_score_adj:0",
		"oom_reaper: reaped process 812 (p2pcert), now anon-rss:0kB, file-rss:0kB, "
		"shmem-rss:0kB",
	};
	static const char *const global[] = {
		"Out of memory: Killed process 812 (p2pcert) total-vm:1048576kB, "
		"anon-rss:262144kB, file-rss:2048kB, shmem-rss:0kB, UID:0 pgtables:600kB "
		"oom_score_adj:0",
	};
	enum evidence_state evidence;
	autojson json_t *records = settle(lines, ARRAY_LEN(lines), false, 0, &evidence);
	autojson json_t *others = NULL;

	assert_int_equal(evidence, EVIDENCE_PROVEN);
	assert_int_equal(json_array_size(records), 4); /* three notes and the evidence */
	others = settle(global, 1, false, 0, &evidence);
	assert_int_equal(evidence, EVIDENCE_REFUTED);
	assert_string_equal(jx_get_str(json_array_get(others, 0), "class"), "OOM");
}

/* What could not be read may have been anything; what was read still counts. */
static void lost_lines(void **state attr_unused)
{
	static const char *const lines[] = { "usb 1-1: new device", "refcount_t: underflow; "
								    "use-after-free." };
	enum evidence_state evidence;
	autojson json_t *records = settle(lines, 1, true, 0, &evidence);
	autojson json_t *both = NULL;

	assert_int_equal(evidence, EVIDENCE_MISSING);
	assert_non_null(strstr(jx_get_str(json_array_get(records, 0), "text"), "lost"));
	both = settle(lines, 2, true, 0, &evidence);
	assert_int_equal(evidence, EVIDENCE_REFUTED);
	assert_string_equal(jx_get_str(json_array_get(both, 0), "class"), "REFCOUNT");
}

static void new_taint(void **state attr_unused)
{
	enum evidence_state evidence;
	autojson json_t *records = settle(NULL, 0, false, 1 << 9, &evidence);

	assert_int_equal(evidence, EVIDENCE_REFUTED);
	assert_string_equal(jx_get_str(json_array_get(records, 1), "code"), "KERNEL-TAINT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet),     cmocka_unit_test(bad_line),
		cmocka_unit_test(own_limit), cmocka_unit_test(lost_lines),
		cmocka_unit_test(new_taint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
