/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running the checks of all families, and what their outcomes are. */
#include "check/run.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"

/* The worst severity that was found; NR_SEVERITIES: nothing was. */
static enum severity worst(const struct check_sink *sink)
{
	enum severity severity = NR_SEVERITIES;

	for (size_t i = 0; i < sink->nr_findings; i++)
		if (sink->findings[i].severity < severity)
			severity = sink->findings[i].severity;
	return severity;
}

static void settle(struct check_result *r)
{
	enum severity severity = worst(&r->sink);

	r->outcome = OUTCOME_PASS;
	if (severity <= SEVERITY_MAJOR) {
		r->outcome = OUTCOME_FAIL;
	} else if (r->sink.nr_unseen) {
		r->outcome = OUTCOME_INCONCLUSIVE;
	} else if (!r->sink.looked && !r->sink.nr_findings) {
		r->outcome = OUTCOME_SKIP;
		r->skipped = SKIP_HW_ABSENT;
	} else if (severity == SEVERITY_MINOR) {
		r->outcome = OUTCOME_INFO;
	}
}

static size_t count_checks(void)
{
	size_t n = 0;

	for (size_t i = 0; i < nr_check_families; i++)
		n += check_families[i]->nr;
	return n;
}

const struct check *check_find(const char *id)
{
	for (size_t i = 0; i < nr_check_families; i++)
		for (size_t k = 0; k < check_families[i]->nr; k++)
			if (strcmp(check_families[i]->checks[k].id, id) == 0)
				return &check_families[i]->checks[k];
	return NULL;
}

static void run_one(const struct check_input *in, const struct check *check, bool wanted,
		    struct check_result *r)
{
	*r = (struct check_result){
		.check = check,
		.sink.platform = in->platform,
		.outcome = OUTCOME_SKIP,
		.skipped = SKIP_USER_EXCLUDED,
	};
	if (!wanted)
		return;
	check->run(in, &r->sink);
	settle(r);
}

void check_run(const struct check_input *in, bool (*wanted)(const struct check *check, void *arg),
	       void *arg, struct check_results *results)
{
	*results = (struct check_results){
		.items = xcalloc(count_checks(), sizeof(*results->items)),
	};
	for (size_t i = 0; i < nr_check_families; i++) {
		for (size_t k = 0; k < check_families[i]->nr; k++) {
			const struct check *check = &check_families[i]->checks[k];

			run_one(in, check, !wanted || wanted(check, arg),
				&results->items[results->nr++]);
		}
	}
}

void check_results_release(struct check_results *results)
{
	for (size_t i = 0; i < results->nr; i++)
		check_sink_release(&results->items[i].sink);
	free(results->items);
	*results = (struct check_results){ 0 };
}

/* --- JSON --------------------------------------------------------------------------------------- */

static json_t *addresses(const struct platform *p, const int *functions, size_t nr)
{
	json_t *a = jx_array();

	for (size_t i = 0; i < nr; i++)
		jx_append_str(a, pci_addr_str(p->functions[functions[i]].addr));
	return a;
}

static void add_skip(json_t *skips, enum skip_category category, const char *text)
{
	json_t *o = jx_object();

	jx_set_str(o, "category", skip_category_name(category));
	jx_set_str(o, "text", text);
	jx_append(skips, o);
}

json_t *check_missing_to_json(const struct check_result *r)
{
	json_t *missing = jx_array();

	if (r->outcome == OUTCOME_SKIP)
		add_skip(missing, r->skipped,
			 r->skipped == SKIP_USER_EXCLUDED
				 ? "it was not asked for"
				 : "there is nothing here that it could look at");
	for (size_t i = 0; !r->sink.looked && i < r->sink.nr_unseen; i++)
		add_skip(missing, SKIP_DEPENDENCY, r->sink.unseen[i].text);
	return missing;
}

static json_t *unseen_to_json(const struct check_sink *sink)
{
	json_t *unseen = jx_array();

	for (size_t i = 0; i < sink->nr_unseen; i++) {
		const struct check_gap *gap = &sink->unseen[i];
		json_t *o = jx_object();

		jx_set_str(o, "text", gap->text);
		jx_set(o, "functions",
		       addresses(sink->platform, gap->functions, gap->nr_functions));
		jx_append(unseen, o);
	}
	return unseen;
}

json_t *check_results_to_json(const struct check_results *results)
{
	json_t *checks = jx_array();

	for (size_t i = 0; i < results->nr; i++) {
		const struct check_result *r = &results->items[i];
		json_t *o = jx_object();

		jx_set_str(o, "id", r->check->id);
		jx_set_str(o, "title", r->check->title);
		jx_set_str(o, "outcome", outcome_name(r->outcome));
		jx_set_int(o, "looked", (int64_t)r->sink.looked);
		jx_set(o, "skip",
		       r->outcome == OUTCOME_SKIP ? check_missing_to_json(r) : jx_array());
		jx_set(o, "unseen", unseen_to_json(&r->sink));
		jx_append(checks, o);
	}
	return checks;
}

static json_t *finding_of(const struct check_result *r, const struct check_finding *f)
{
	json_t *o = jx_object();

	jx_set_str(o, "check", r->check->id);
	jx_set_str(o, "code", f->finding->code);
	jx_set_str(o, "severity", severity_name(f->severity));
	jx_set_str(o, "title", f->finding->title);
	jx_set(o, "functions", addresses(r->sink.platform, f->functions, f->nr_functions));
	jx_set_int(o, "count", (int64_t)f->cases);
	jx_set_str(o, "text", f->text);
	jx_set_str(o, "next", f->next);
	jx_set_str(o, "reference", f->finding->reference);
	return o;
}

json_t *check_findings_to_json(const struct check_results *results, enum severity least)
{
	json_t *findings = jx_array();

	for (enum severity s = SEVERITY_BLOCKER; s <= least; s++)
		for (size_t i = 0; i < results->nr; i++)
			for (size_t k = 0; k < results->items[i].sink.nr_findings; k++)
				if (results->items[i].sink.findings[k].severity == s)
					jx_append(findings,
						  finding_of(&results->items[i],
							     &results->items[i].sink.findings[k]));
	return findings;
}
