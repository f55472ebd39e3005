/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors that functions and ports of a path have recorded: what is in Advanced Error Reporting since it
 * was last cleared, by what it says of peer-to-peer traffic, and Downstream Port Containment.
 */
#include "base/alloc.h"
#include "check/aid.h"

/* Uncorrectable errors by weight; what is not here says nothing of paths. */
static const struct {
	uint32_t bit;
	enum severity severity;
	const char *code, *name;
} uncorrectable[] = {
	{ AER_ACS_VIOLATION, SEVERITY_BLOCKER, "ERROR-ACS-VIOLATION", "ACS Violation" },
	{ AER_MALFORMED, SEVERITY_BLOCKER, "ERROR-MALFORMED-TLP", "Malformed TLP" },
	{ AER_POISONED, SEVERITY_BLOCKER, "ERROR-POISONED-TLP", "Poisoned TLP" },
	{ AER_COMPLETER_ABORT, SEVERITY_MAJOR, "ERROR-COMPLETER-ABORT", "Completer Abort" },
	{ AER_COMPLETION_TIMEOUT, SEVERITY_MAJOR, "ERROR-COMPLETION-TIMEOUT",
	  "Completion Timeout" },
	{ AER_UNSUPPORTED, SEVERITY_MINOR, "ERROR-UNSUPPORTED-REQUEST", "Unsupported Request" },
};

#define ALL_UNCORRECTABLE \
	(AER_ACS_VIOLATION | AER_MALFORMED | AER_POISONED | AER_COMPLETER_ABORT | \
	 AER_COMPLETION_TIMEOUT | AER_UNSUPPORTED)

/* Correctable ones that the link itself has made (PCIe 6.0, 7.8.4.5). */
static const struct {
	uint32_t bit;
	const char *name;
} correctable[] = {
	{ 0x0001, "Receiver Error" },
	{ 0x0040, "Bad TLP" },
	{ 0x0080, "Bad DLLP" },
	{ 0x0100, "REPLAY_NUM Rollover" },
	{ 0x1000, "Replay Timer Timeout" },
};

#define ALL_CORRECTABLE 0x11c1u

static void look_at_uncorrectable(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct errors *e = &check_function(in, i)->errors;

	for (size_t k = 0; k < ARRAY_LEN(uncorrectable); k++) {
		if (!reg_is_set(e->uncorrectable, uncorrectable[k].bit))
			continue;
		check_found_as(sink, uncorrectable[k].code,
			       check_severity(in, i, uncorrectable[k].severity), &i, 1, NULL,
			       "%s is set in Uncorrectable Error Status (AER) of %s%s",
			       uncorrectable[k].name, check_addr(in, i),
			       reg_is_set(e->uncorrectable_mask, uncorrectable[k].bit)
				       ? ", and masked: nothing was reported"
				       : "");
	}
}

/* What AER would tell apart; without it this is all there is. */
static void look_at_status(const struct check_input *in, struct check_sink *sink, int i)
{
	struct reg status = check_function(in, i)->express.device_status;

	if (!reg_seen(status, DEVSTA_NONFATAL | DEVSTA_FATAL)) {
		check_unseen(sink, i, "Device Status was not seen");
		return;
	}
	check_looked(sink, 1);
	if (reg_is_set(status, DEVSTA_NONFATAL | DEVSTA_FATAL))
		check_found_as(sink, "ERROR-DETECTED", check_severity(in, i, SEVERITY_MAJOR), &i, 1,
			       NULL, "%s Error Detected is set in Device Status of %s",
			       reg_is_set(status, DEVSTA_FATAL) ? "Fatal" : "Non-Fatal",
			       check_addr(in, i));
}

static void run_uncorrectable(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		/* a VF's are its PF's where they are not its own */
		if (!check_on_path(in, i) || f->is_virtual || !check_is_express(f))
			continue;
		if (f->has_aer && reg_seen(f->errors.uncorrectable, ALL_UNCORRECTABLE)) {
			check_looked(sink, 1);
			look_at_uncorrectable(in, sink, i);
		} else if (f->has_aer || f->config_bytes < 4096) {
			check_unseen(sink, i, "Uncorrectable Error Status (AER) was not seen");
		} else {
			look_at_status(in, sink, i);
		}
	}
}

#define LIST_MAX 128 /* all names together are shorter */

static void list_link_errors(struct reg status, char list[LIST_MAX])
{
	size_t n = 0;

	*list = '\0';
	for (size_t k = 0; k < ARRAY_LEN(correctable); k++)
		if (reg_is_set(status, correctable[k].bit))
			n += (size_t)snprintf(list + n, LIST_MAX - n, "%s%s", n ? ", " : "",
					      correctable[k].name);
}

/* One finding for all links: what they have recorded differs by chance. */
static void run_correctable(const struct check_input *in, struct check_sink *sink)
{
	int nr = (int)in->platform->nr_functions;
	autofree int *functions = xcalloc((size_t)nr + 1, sizeof(*functions));
	struct reg all = { .seen = ALL_CORRECTABLE };
	enum severity severity = SEVERITY_INFO;
	char list[LIST_MAX];
	size_t n = 0;

	for (int i = 0; i < nr; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || f->is_virtual || !f->has_aer)
			continue;
		if (!reg_seen(f->errors.correctable, ALL_CORRECTABLE)) {
			check_unseen(sink, i, "Correctable Error Status (AER) was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (!reg_is_set(f->errors.correctable, ALL_CORRECTABLE))
			continue;
		functions[n++] = i;
		all.value |= f->errors.correctable.value;
		if (check_severity(in, i, SEVERITY_MINOR) < severity)
			severity = check_severity(in, i, SEVERITY_MINOR);
	}
	list_link_errors(all, list);
	if (n)
		check_found_as(sink, "ERROR-LINK", severity, functions, n, NULL,
			       "set in Correctable Error Status (AER) of %zu function%s: %s", n,
			       n == 1 ? "" : "s", list);
}

/* On its own: sources often leave it out. */
static void run_atomic(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || f->is_virtual || !f->has_aer)
			continue;
		if (!reg_seen(f->errors.uncorrectable, AER_ATOMIC_EGRESS_BLOCKED)) {
			check_unseen(sink, i, "AtomicOp Egress Blocked (AER) was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (reg_is_set(f->errors.uncorrectable, AER_ATOMIC_EGRESS_BLOCKED))
			check_found_as(
				sink, "ERROR-ATOMIC-BLOCKED", check_severity(in, i, SEVERITY_MAJOR),
				&i, 1, NULL,
				"AtomicOp Egress Blocked is set in Uncorrectable Error Status "
				"(AER) of %s",
				check_addr(in, i));
	}
}

static void look_at_containment(const struct check_input *in, struct check_sink *sink, int i)
{
	const struct errors *e = &check_function(in, i)->errors;

	if (reg_is_set(e->dpc_status, DPC_STATUS_TRIGGERED))
		check_found_as(sink, "DPC-TRIGGERED", check_severity(in, i, SEVERITY_BLOCKER), &i,
			       1, NULL,
			       "DPC Trigger Status is set in %s: the link below it is held down",
			       check_addr(in, i));
	else if (reg_is_set(e->dpc_control, DPC_CONTROL_TRIGGER))
		check_found(sink, "DPC-ENABLED", &i, 1, NULL,
			    "DPC Trigger Enable is %u in DPC Control of %s",
			    e->dpc_control.value & DPC_CONTROL_TRIGGER, check_addr(in, i));
}

static void run_containment(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!check_on_path(in, i) || !f->has_dpc)
			continue;
		if (!reg_seen(f->errors.dpc_status, DPC_STATUS_TRIGGERED) ||
		    !reg_seen(f->errors.dpc_control, DPC_CONTROL_TRIGGER)) {
			check_unseen(sink, i, "DPC Control or Status was not seen");
			continue;
		}
		check_looked(sink, 1);
		look_at_containment(in, sink, i);
	}
}

static const struct check checks[] = {
	{ "error.uncorrectable", "no function of a path has recorded an uncorrectable error",
	  "Advanced Error Reporting: extended config space", run_uncorrectable },
	{ "error.correctable", "no link of a path has recorded errors of its own",
	  "Advanced Error Reporting: extended config space", run_correctable },
	{ "error.atomic", "no port of a path has blocked an atomic operation",
	  "Advanced Error Reporting: extended config space", run_atomic },
	{ "error.containment", "no port of a path has been contained",
	  "Downstream Port Containment: extended config space", run_containment },
};

const struct check_family check_family_error = { "error", checks, ARRAY_LEN(checks) };
