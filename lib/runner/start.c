/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records with which a process begins its part of a journal: what was asked for, and what the machine is. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/version.h"
#include "runner/host.h"
#include "runner/past.h"
#include "runner/results.h"
#include "runner/state.h"
#include "runner/taint.h"

static json_t *utc_now(void)
{
	char text[sizeof("2026-01-02T03:04:05Z")];
	time_t now = time(NULL);
	struct tm utc;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	return jx_string(text);
}

/* What every process of a run says of itself. */
static void set_process(const struct run *run, json_t *record)
{
	const struct run_options *o = run->o;
	json_t *tool = jx_object(), *argv = jx_array();

	jx_set_str(tool, "version", p2pcert_version());
	jx_set_str(tool, "commit", p2pcert_commit());
	for (int i = 0; i < o->argc; i++)
		jx_append_str(argv, o->argv[i]);
	jx_set(record, "tool", tool);
	jx_set(record, "argv", argv);
	jx_set(record, "time", utc_now());
	jx_set_str(record, "boot_id", run->boot_id);
	jx_set(record, "taint", taint_to_json(run->taint));
	jx_set(record, "taint_modules", json_incref(run->taint_modules));
	jx_set(record, "deadline_factor", json_real(run->factor));
	jx_set(record, "slowness", slowness_to_json(&run->slowness));
}

static json_t *strings_to_json(const char *const *strings)
{
	json_t *array = jx_array();

	for (; strings && *strings; strings++)
		jx_append_str(array, *strings);
	return array;
}

static json_t *asked_to_json(const struct run_options *o)
{
	const struct run_rounds *rounds = &o->rounds;
	json_t *asked = jx_object();

	jx_set_int(asked, "repeat", rounds->repeat);
	if (rounds->duration_ns)
		jx_set_int(asked, "duration_ns", rounds->duration_ns);
	jx_set_bool(asked, "until_fail", rounds->until_fail);
	jx_set_bool(asked, "shuffle", rounds->shuffle);
	jx_set_str(asked, "level", level_name(o->env.level));
	if (rounds->budget_ns)
		jx_set_int(asked, "budget_ns", rounds->budget_ns);
	jx_set_str(asked, "module_dir", o->env.module_dir);
	jx_set_str(asked, "rdma_device", o->env.rdma_device);
	jx_set_bool(asked, "allow_unsafe", o->env.allow_unsafe);
	jx_set(asked, "devices", strings_to_json(o->env.devices));
	jx_set_bool(asked, "named", o->nr_ids > 0);
	return asked;
}

static void put_run_start(struct run *run)
{
	const struct run_options *o = run->o;
	json_t *record = journal_record("run-start");
	json_t *selected = jx_array();

	for (size_t i = 0; i < run->plan.n; i++)
		jx_append_str(selected, run->plan.items[i].scenario->id);
	jx_set_str(record, "schema", JOURNAL_SCHEMA);
	set_process(run, record);
	jx_set_hex(record, "seed", o->env.seed, 16);
	jx_set(record, "options", asked_to_json(o));
	jx_set(record, "profile", profile_to_json(o->profile));
	jx_set(record, "selected", selected);
	jx_set(record, "host", host_to_json(run->env.sysroot));
	jx_set(record, "kernel", host_kernel_to_json(run->env.sysroot));
	jx_set_int(record, "expected_taint", (int64_t)taint_expected());
	if (o->env.inject && *o->env.inject)
		jx_set(record, "inject", strings_to_json(o->env.inject));
	if (o->env.workarounds && *o->env.workarounds)
		jx_set(record, "workarounds", strings_to_json(o->env.workarounds));
	run_put(run, record);
}

void start_put_resume(struct run *run, bool restore_only)
{
	json_t *record = journal_record("resume");

	set_process(run, record);
	jx_set_bool(record, "torn", past_torn(run->past));
	jx_set_bool(record, "restore_only", restore_only);
	run_put(run, record);
}

static void put_platform(struct run *run)
{
	autojson json_t *doc = platform_to_json(run->env.platform);
	autofree char *text = jx_pretty(doc);
	json_t *record;
	int r = fs_publish(run->dirfd, RESULTS_PLATFORM, text, strlen(text), 0600);

	run_keep_error(run, r);
	if (r < 0)
		return;
	record = journal_record("platform");
	jx_set_str(record, "file", RESULTS_PLATFORM);
	run_put(run, record);
}

static void put_features(struct run *run)
{
	json_t *record = journal_record("features");

	jx_set(record, "features", json_incref(run->o->features));
	run_put(run, record);
}

/* Those that concern this kernel: the report names them where a scenario shows them. */
static void put_errata(struct run *run)
{
	json_t *record = journal_record("errata");

	jx_set(record, "errata", run->o->errata ? json_incref(run->o->errata) : jx_array());
	run_put(run, record);
}

/* A run that died before it had said what the machine is says it now. */
void start_put(struct run *run)
{
	if (run->past)
		start_put_resume(run, false);
	else
		put_run_start(run);
	if (!run->past || !past_has_platform(run->past))
		put_platform(run);
	if (!run->past || !past_has_features(run->past))
		put_features(run);
	if (!run->past || !past_has_errata(run->past))
		put_errata(run);
}
