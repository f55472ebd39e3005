/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errata and waivers of a run, each found with one look at every finding. */
#include "report/errata.h"

#include <string.h>

#include "base/jx.h"

/* --- errata ------------------------------------------------------------------------------------- */

/* A copy with scenarios[], and by_code the way to it. */
static json_t *copy_erratum(const json_t *erratum, json_t *by_code)
{
	json_t *copy = json_copy((json_t *)erratum);
	const json_t *code;
	size_t i;

	jx_set(copy, "scenarios", jx_array());
	json_array_foreach (json_object_get(erratum, "findings"), i, code)
		if (!json_object_get(by_code, json_string_value(code)))
			jx_set(by_code, json_string_value(code), json_incref(copy));
	return copy;
}

static bool has_string(const json_t *array, const char *s)
{
	const json_t *last = json_array_get(array, json_array_size(array) - 1);

	/* findings come scenario by scenario */
	return last && strcmp(json_string_value(last), s) == 0;
}

json_t *report_errata(const json_t *errata, const json_t *findings)
{
	autojson json_t *by_code = jx_object();
	autojson json_t *shown = jx_object();
	autojson json_t *copies = jx_array();
	json_t *array = jx_array();
	json_t *item;
	size_t i;

	json_array_foreach (errata, i, item)
		jx_append(copies, copy_erratum(item, by_code));
	json_array_foreach (findings, i, item) {
		const json_t *erratum = json_object_get(by_code, jx_get_str(item, "code"));
		const char *scenario = jx_get_str(item, "scenario");
		json_t *scenarios = json_object_get(erratum, "scenarios");

		if (!erratum)
			continue;
		jx_set_bool(shown, jx_get_str(erratum, "id"), true);
		if (scenario && !has_string(scenarios, scenario))
			jx_append_str(scenarios, scenario);
	}
	json_array_foreach (copies, i, item)
		if (json_object_get(shown, jx_get_str(item, "id")))
			jx_append(array, json_incref(item));
	return array;
}

/* --- waivers ------------------------------------------------------------------------------------ */

static const char *state_of(const json_t *waiver, const char *started)
{
	/* ISO 8601: the order of the characters is that of the days */
	size_t day = strlen("2026-01-31");

	if (strncmp(started, jx_get_str(waiver, "granted"), day) < 0)
		return "not-yet";
	return strncmp(started, jx_get_str(waiver, "until"), day) > 0 ? "expired" : "unused";
}

/* A copy with state and scenarios[]; of one in force in_force is the way to it, by erratum. */
static json_t *copy_waiver(const json_t *waiver, const char *started, json_t *in_force)
{
	const char *state = state_of(waiver, started);
	json_t *copy = json_copy((json_t *)waiver);

	jx_set_str(copy, "state", state);
	jx_set(copy, "scenarios", jx_array());
	if (strcmp(state, "unused") == 0)
		jx_set(in_force, jx_get_str(waiver, "erratum"), json_incref(copy));
	return copy;
}

/* The waiver in force of each code of a finding that is explained. */
static json_t *waivers_by_code(const json_t *errata, const json_t *in_force)
{
	json_t *by_code = jx_object();
	const json_t *erratum, *code;
	size_t i, k;

	json_array_foreach (errata, i, erratum) {
		json_t *waiver = json_object_get(in_force, jx_get_str(erratum, "id"));

		json_array_foreach (json_object_get(erratum, "findings"), k, code)
			if (waiver && !json_object_get(by_code, json_string_value(code)))
				jx_set(by_code, json_string_value(code), json_incref(waiver));
	}
	return by_code;
}

/* Of each scenario its waivers, by erratum, or true if it has a finding that is not waived. */
static json_t *waivers_by_scenario(const json_t *findings, const json_t *by_code)
{
	json_t *by_scenario = jx_object();
	const json_t *finding;
	size_t i;

	json_array_foreach (findings, i, finding) {
		const char *id = jx_get_str(finding, "scenario");
		json_t *waiver = json_object_get(by_code, jx_get_str(finding, "code"));
		json_t *waivers = id ? json_object_get(by_scenario, id) : NULL;

		if (!id || strcmp(jx_get_str(finding, "severity"), "info") == 0)
			continue;
		if (!waiver) {
			jx_set_bool(by_scenario, id, true);
			continue;
		}
		if (!waivers) {
			waivers = jx_object();
			jx_set(by_scenario, id, waivers);
		}
		if (json_is_object(waivers))
			jx_set(waivers, jx_get_str(waiver, "erratum"), json_incref(waiver));
	}
	return by_scenario;
}

static void apply_waivers(const json_t *results, const json_t *by_scenario)
{
	const json_t *result;
	const char *erratum;
	json_t *waiver;
	size_t i;

	json_array_foreach (results, i, result) {
		const char *id = jx_get_str(result, "id");

		if (strcmp(jx_get_str(result, "outcome"), "fail") != 0)
			continue;
		json_object_foreach (json_object_get(by_scenario, id), erratum, waiver) {
			jx_set_str(waiver, "state", "applied");
			jx_append_str(json_object_get(waiver, "scenarios"), id);
		}
	}
}

json_t *report_waivers(const json_t *report)
{
	const json_t *profile = json_object_get(report, "profile");
	const char *started = jx_get_str(report, "started");
	autojson json_t *in_force = jx_object();
	autojson json_t *by_code = NULL, *by_scenario = NULL;
	json_t *array = jx_array();
	const json_t *waiver;
	size_t i;

	json_array_foreach (json_object_get(profile, "waivers"), i, waiver)
		jx_append(array, copy_waiver(waiver, started, in_force));
	by_code = waivers_by_code(json_object_get(report, "errata"), in_force);
	by_scenario = waivers_by_scenario(json_object_get(report, "findings"), by_code);
	apply_waivers(json_object_get(report, "results"), by_scenario);
	return array;
}

json_t *report_waived(const json_t *report)
{
	json_t *ids = jx_object();
	const json_t *waiver, *id;
	size_t i, k;

	json_array_foreach (json_object_get(report, "waivers"), i, waiver)
		json_array_foreach (json_object_get(waiver, "scenarios"), k, id)
			jx_set_bool(ids, json_string_value(id), true);
	return ids;
}
