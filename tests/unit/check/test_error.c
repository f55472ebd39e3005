/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_error.c */
#include "../test.h"

#include "rig.h"

static void healthy(void **state attr_unused)
{
	rig_passes("error.uncorrectable");
	rig_passes("error.correctable");
	rig_passes("error.atomic");
}

static void uncorrectable(void **state attr_unused)
{
	static const struct {
		uint32_t bit;
		const char *code;
		enum severity severity;
	} cases[] = {
		{ AER_ACS_VIOLATION, "ERROR-ACS-VIOLATION", SEVERITY_BLOCKER },
		{ AER_MALFORMED, "ERROR-MALFORMED-TLP", SEVERITY_BLOCKER },
		{ AER_POISONED, "ERROR-POISONED-TLP", SEVERITY_BLOCKER },
		{ AER_COMPLETER_ABORT, "ERROR-COMPLETER-ABORT", SEVERITY_MAJOR },
		{ AER_COMPLETION_TIMEOUT, "ERROR-COMPLETION-TIMEOUT", SEVERITY_MAJOR },
		{ AER_UNSUPPORTED, "ERROR-UNSUPPORTED-REQUEST", SEVERITY_MINOR },
	};
	autoplatform struct platform *p = rig_new();
	struct errors *e = &rig_at(p, "02:00.0")->errors;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		e->uncorrectable.value = cases[i].bit;
		rig_found(p, "error.uncorrectable", cases[i].code, cases[i].severity, "02:00.0");
		for (size_t k = 0; k < ARRAY_LEN(cases); k++)
			if (k != i)
				rig_not_found(p, "error.uncorrectable", cases[k].code);
		rig_set(&e->uncorrectable_mask, cases[i].bit);
		rig_says(p, "error.uncorrectable", cases[i].code, "masked");
	}
	rig_hide(&e->uncorrectable, AER_MALFORMED);
	rig_unseen(p, "error.uncorrectable", "02:00.0");
}

/* Device Status is all that a function without AER says; with AER it repeats what that says. */
static void without_aer(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *gpu = rig_at(p, "03:00.0");

	rig_set(&gpu->express.device_status, DEVSTA_FATAL);
	rig_not_found(p, "error.uncorrectable", "ERROR-DETECTED");
	gpu->has_aer = false;
	rig_found(p, "error.uncorrectable", "ERROR-DETECTED", SEVERITY_MAJOR, "03:00.0");
	rig_clear(&gpu->express.device_status, DEVSTA_FATAL);
	rig_not_found(p, "error.uncorrectable", "ERROR-DETECTED");
	gpu->config_bytes = 256; /* whether there is AER was not seen */
	rig_unseen(p, "error.uncorrectable", "03:00.0");
}

static void correctable(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *status = &rig_at(p, "02:01.0")->errors.correctable;

	rig_set(status, 0x2000); /* advisory: not the link's */
	rig_not_found(p, "error.correctable", "ERROR-LINK");
	rig_set(status, 0x1041);
	rig_found(p, "error.correctable", "ERROR-LINK", SEVERITY_MINOR, "02:01.0");
	rig_says(p, "error.correctable", "ERROR-LINK",
		 "Receiver Error, Bad TLP, Replay Timer Timeout");
	rig_set(&rig_at(p, "03:00.0")->errors.correctable, 0x100);
	rig_found(p, "error.correctable", "ERROR-LINK", SEVERITY_MINOR, "02:01.0 03:00.0");
	rig_says(p, "error.correctable", "ERROR-LINK", "REPLAY_NUM Rollover, Replay");
	rig_clear(&rig_at(p, "03:00.0")->errors.correctable, 0x100);
	rig_hide(status, 0x1041);
	rig_not_found(p, "error.correctable", "ERROR-LINK");
	rig_unseen(p, "error.correctable", "02:01.0");
}

static void atomic(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct reg *status = &rig_at(p, "02:00.0")->errors.uncorrectable;

	rig_set(status, AER_ATOMIC_EGRESS_BLOCKED);
	rig_found(p, "error.atomic", "ERROR-ATOMIC-BLOCKED", SEVERITY_MAJOR, "02:00.0");
	rig_hide(status, AER_ATOMIC_EGRESS_BLOCKED);
	rig_not_found(p, "error.atomic", "ERROR-ATOMIC-BLOCKED");
	rig_unseen(p, "error.atomic", "02:00.0");
	rig_passes("error.uncorrectable");
}

static void containment(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *port = rig_at(p, "02:01.0");

	rig_set(&port->errors.dpc_control, 2);
	rig_set(&port->errors.dpc_status, DPC_STATUS_TRIGGERED);
	rig_not_found(p, "error.containment", "DPC-TRIGGERED"); /* it has no DPC */
	port->has_dpc = true;
	rig_found(p, "error.containment", "DPC-TRIGGERED", SEVERITY_BLOCKER, "02:01.0");
	rig_not_found(p, "error.containment", "DPC-ENABLED");
	rig_clear(&port->errors.dpc_status, DPC_STATUS_TRIGGERED);
	rig_found(p, "error.containment", "DPC-ENABLED", SEVERITY_INFO, "02:01.0");
	rig_clear(&port->errors.dpc_control, DPC_CONTROL_TRIGGER);
	rig_not_found(p, "error.containment", "DPC-ENABLED");
	rig_hide(&port->errors.dpc_status, DPC_STATUS_TRIGGERED);
	rig_unseen(p, "error.containment", "02:01.0");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),     cmocka_unit_test(uncorrectable),
		cmocka_unit_test(without_aer), cmocka_unit_test(correctable),
		cmocka_unit_test(atomic),      cmocka_unit_test(containment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
