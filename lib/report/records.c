/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fields of each event's records. */
#include "report/records.h"

#include <string.h>

#define END \
	{ \
		NULL, TYPE_END, 0, NULL \
	}
#define OPT FIELD_OPTIONAL
#define ARR FIELD_ARRAY

static const struct field fields_taint[] = {
	{ "value", TYPE_COUNT, 0, NULL },
	{ "names", TYPE_STRING, ARR, NULL },
	END,
};

static const struct field fields_taint_module[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "taint", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_slowness[] = {
	{ "compute", TYPE_NUMBER, 0, NULL },
	{ "kernel", TYPE_NUMBER, 0, NULL },
	END,
};

static const struct field fields_soft_rdma[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "netdev", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_waiver[] = {
	{ "erratum", TYPE_STRING, 0, NULL },
	{ "reason", TYPE_STRING, 0, NULL },
	{ "granted", TYPE_DATE, 0, NULL },
	{ "until", TYPE_DATE, 0, NULL },
	END,
};

static const struct field fields_profile[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "title", TYPE_STRING, 0, NULL },
	{ "required", TYPE_ID, ARR, NULL },
	{ "recommended", TYPE_ID, ARR, NULL },
	{ "excluded", TYPE_ID, ARR, NULL },
	{ "soft_rdma", TYPE_OBJECT, ARR, fields_soft_rdma },
	{ "waivers", TYPE_OBJECT, OPT | ARR, fields_waiver },
	END,
};

static const struct field fields_options[] = {
	{ "repeat", TYPE_COUNT, 0, NULL },        { "duration_ns", TYPE_COUNT, OPT, NULL },
	{ "until_fail", TYPE_BOOL, 0, NULL },     { "shuffle", TYPE_BOOL, 0, NULL },
	{ "level", TYPE_LEVEL, 0, NULL },         { "budget_ns", TYPE_COUNT, OPT, NULL },
	{ "module_dir", TYPE_STRING, OPT, NULL }, { "rdma_device", TYPE_STRING, OPT, NULL },
	{ "allow_unsafe", TYPE_BOOL, 0, NULL },   { "devices", TYPE_STRING, ARR, NULL },
	{ "named", TYPE_BOOL, 0, NULL },          END,
};

static const struct field fields_tool[] = {
	{ "version", TYPE_STRING, 0, NULL },
	{ "commit", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_host[] = {
	{ "hostname", TYPE_STRING, 0, NULL },      { "machine", TYPE_STRING, 0, NULL },
	{ "vendor", TYPE_STRING, OPT, NULL },      { "product", TYPE_STRING, OPT, NULL },
	{ "bios_vendor", TYPE_STRING, OPT, NULL }, { "bios_version", TYPE_STRING, OPT, NULL },
	{ "bios_date", TYPE_STRING, OPT, NULL },   { "cpu", TYPE_STRING, OPT, NULL },
	{ "memory_bytes", TYPE_COUNT, OPT, NULL }, END,
};

static const struct field fields_kernel[] = {
	{ "release", TYPE_STRING, 0, NULL },
	{ "version", TYPE_STRING, 0, NULL },
	{ "cmdline", TYPE_STRING, OPT, NULL },
	{ "config_digest", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_run_start[] = {
	{ "schema", TYPE_STRING, 0, NULL },
	{ "tool", TYPE_OBJECT, 0, fields_tool },
	{ "argv", TYPE_STRING, ARR, NULL },
	{ "time", TYPE_TIME, 0, NULL },
	{ "seed", TYPE_HEX, 0, NULL },
	{ "options", TYPE_OBJECT, 0, fields_options },
	{ "profile", TYPE_OBJECT, 0, fields_profile },
	{ "selected", TYPE_ID, ARR, NULL },
	{ "host", TYPE_OBJECT, 0, fields_host },
	{ "kernel", TYPE_OBJECT, 0, fields_kernel },
	{ "boot_id", TYPE_STRING, 0, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	{ "taint_modules", TYPE_OBJECT, ARR, fields_taint_module },
	{ "expected_taint", TYPE_COUNT, 0, NULL },
	{ "deadline_factor", TYPE_NUMBER, 0, NULL },
	{ "slowness", TYPE_OBJECT, 0, fields_slowness },
	{ "inject", TYPE_STRING, OPT | ARR, NULL },
	{ "workarounds", TYPE_STRING, OPT | ARR, NULL },
	END,
};

static const struct field fields_resume[] = {
	{ "tool", TYPE_OBJECT, 0, fields_tool },
	{ "argv", TYPE_STRING, ARR, NULL },
	{ "time", TYPE_TIME, 0, NULL },
	{ "boot_id", TYPE_STRING, 0, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	{ "taint_modules", TYPE_OBJECT, ARR, fields_taint_module },
	{ "deadline_factor", TYPE_NUMBER, 0, NULL },
	{ "slowness", TYPE_OBJECT, 0, fields_slowness },
	{ "torn", TYPE_BOOL, 0, NULL },
	{ "restore_only", TYPE_BOOL, 0, NULL },
	END,
};

static const struct field fields_platform[] = {
	{ "file", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_found_by[] = {
	{ "way", TYPE_STRING, 0, NULL },
	{ "answer", TYPE_STRING, 0, NULL },
	{ "detail", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_feature[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "present", TYPE_BOOL, OPT, NULL },
	{ "found_by", TYPE_OBJECT, ARR, fields_found_by },
	{ "disagreement", TYPE_BOOL, 0, NULL },
	END,
};

static const struct field fields_features[] = {
	{ "features", TYPE_OBJECT, ARR, fields_feature },
	END,
};

static const struct field fields_erratum[] = {
	{ "id", TYPE_STRING, 0, NULL },
	{ "title", TYPE_STRING, 0, NULL },
	{ "findings", TYPE_FINDING_CODE, ARR, NULL },
	{ "shown_by", TYPE_ID, OPT | ARR, NULL },
	{ "since", TYPE_STRING, 0, NULL },
	{ "fixed", TYPE_STRING, OPT | ARR, NULL },
	{ "consequence", TYPE_STRING, 0, NULL },
	{ "workaround", TYPE_STRING, 0, NULL },
	{ "reference", TYPE_STRING, 0, NULL },
	{ "seen", TYPE_STRING, OPT | ARR, NULL },
	{ "read", TYPE_STRING, OPT | ARR, NULL },
	END,
};

static const struct field fields_errata[] = {
	{ "errata", TYPE_OBJECT, ARR, fields_erratum },
	END,
};

static const struct field fields_undo_add[] = {
	{ "undo", TYPE_COUNT, 0, NULL },
	{ "kind", TYPE_STRING, 0, NULL },
	{ "args", TYPE_OBJECT, 0, NULL },
	END,
};

static const struct field fields_undo_done[] = {
	{ "undo", TYPE_COUNT, 0, NULL },
	{ "result", TYPE_UNDO_RESULT, 0, NULL },
	{ "text", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_module[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "file", TYPE_STRING, OPT, NULL },
	{ "version", TYPE_STRING, OPT, NULL },
	{ "srcversion", TYPE_STRING, OPT, NULL },
	{ "verified", TYPE_BOOL, 0, NULL },
	{ "parameters", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_scenario_start[] = {
	{ "round", TYPE_ROUND, 0, NULL },
	{ "seed", TYPE_HEX, 0, NULL },
	{ "dir", TYPE_STRING, 0, NULL },
	{ "requires", TYPE_EVIDENCE_KIND, ARR | OPT, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

/* One of the two; gather.c sees to it. */
static const struct field fields_device[] = {
	{ "address", TYPE_ADDRESS, OPT, NULL },
	{ "name", TYPE_STRING, OPT, NULL },
	END,
};

static const struct field fields_evidence[] = {
	{ "kind", TYPE_EVIDENCE_KIND, 0, NULL },
	{ "state", TYPE_EVIDENCE_STATE, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_measurement[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "unit", TYPE_STRING, 0, NULL },
	{ "value", TYPE_NUMBER, 0, NULL },
	END,
};

static const struct field fields_why[] = {
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_skip[] = {
	{ "category", TYPE_SKIP_CATEGORY, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_error[] = {
	{ "kind", TYPE_ERROR_KIND, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_finding[] = {
	{ "code", TYPE_FINDING_CODE, 0, NULL },
	{ "functions", TYPE_ADDRESS, ARR, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_facts[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "value", TYPE_ANY, 0, NULL },
	END,
};

static const struct field fields_file[] = {
	{ "name", TYPE_STRING, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },
	END,
};

static const struct field fields_outcome[] = {
	{ "outcome", TYPE_OUTCOME, 0, NULL },
	END,
};

static const struct field fields_kernel_log[] = {
	{ "class", TYPE_STRING, 0, NULL },       { "severity", TYPE_LOG_SEVERITY, 0, NULL },
	{ "text", TYPE_STRING, 0, NULL },        { "advice", TYPE_STRING, OPT, NULL },
	{ "reference", TYPE_STRING, OPT, NULL }, END,
};

static const struct field fields_taint_set[] = {
	{ "names", TYPE_STRING, ARR, NULL },
	{ "modules", TYPE_STRING, ARR, NULL },
	END,
};

static const struct field fields_child[] = {
	{ "exited", TYPE_COUNT, OPT, NULL },
	{ "signal", TYPE_SIGNAL, OPT, NULL },
	{ "started", TYPE_BOOL, OPT, NULL },
	{ "stuck", TYPE_BOOL, OPT, NULL },
	END,
};

static const struct field fields_scenario_end[] = {
	{ "outcome", TYPE_OUTCOME, 0, NULL },
	{ "kind", TYPE_ERROR_KIND, OPT, NULL },
	{ "child", TYPE_OBJECT, 0, fields_child },
	{ "deadline", TYPE_DEADLINE, OPT, NULL },
	{ "duration_ns", TYPE_COUNT, 0, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

static const struct field fields_run_end[] = {
	{ "reason", TYPE_RUN_END, 0, NULL },
	{ "signal", TYPE_SIGNAL, OPT, NULL },
	{ "taint", TYPE_OBJECT, 0, fields_taint },
	END,
};

#undef END
#undef OPT
#undef ARR

static const struct {
	const char *event;
	const struct field *fields;
} records[] = {
	{ "run-start", fields_run_start },
	{ "resume", fields_resume },
	{ "platform", fields_platform },
	{ "features", fields_features },
	{ "errata", fields_errata },
	{ "undo-add", fields_undo_add },
	{ "undo-done", fields_undo_done },
	{ "module", fields_module },
	{ "scenario-start", fields_scenario_start },
	{ "device", fields_device },
	{ "evidence", fields_evidence },
	{ "measurement", fields_measurement },
	{ "why", fields_why },
	{ "skip", fields_skip },
	{ "error", fields_error },
	{ "finding", fields_finding },
	{ "facts", fields_facts },
	{ "file", fields_file },
	{ "outcome", fields_outcome },
	{ "taint-set", fields_taint_set },
	{ "kernel-log", fields_kernel_log },
	{ "scenario-end", fields_scenario_end },
	{ "run-end", fields_run_end },
};

const struct field *record_fields(const char *event)
{
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		if (strcmp(records[i].event, event) == 0)
			return records[i].fields;
	return NULL;
}
