// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * features.scan: what this kernel has of all that the other scenarios depend on. The rule is that
 * the ways to look agree, and that they decide every feature, but for those in a module that is
 * installed and not loaded.
 */
#include <string.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "scenario/features.h"
#include "scenario/scenario.h"

static void say_disagreement(struct scenario_ctx *ctx, const struct feature_result *r)
{
	autofree char *text = xasprintf("'%s' (%s)", r->name, r->title);

	for (size_t way = 0; way < NR_FEATURE_WAYS; way++) {
		const struct feature_answer *a = &r->answers[way];
		autofree char *before = take_ptr(text);

		text = xasprintf("%s%s %s %s", before, way == 0 ? ":" : ",",
				 feature_way_name((enum feature_way)way), a->detail);
	}
	scn_finding(ctx, "FEATURE-WAYS-DISAGREE", NULL, 0, "%s", text);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	struct features *f;
	const struct feature_result *results;
	size_t n, present = 0, absent = 0, unloaded = 0, undecided = 0, disagree = 0, ways = 0;
	const char *first_undecided = NULL, *first_disagreement = NULL;
	enum outcome outcome = OUTCOME_PASS;
	struct utsname uts;

	uname(&uts);
	f = features_scan(scn_env(ctx)->sysroot, uts.release);
	results = features_results(f, &n);
	scn_facts(ctx, "features", features_to_json(f));

	for (size_t i = 0; i < n; i++) {
		const struct feature_result *r = &results[i];

		if (r->disagreement) {
			disagree++;
			say_disagreement(ctx, r);
			if (!first_disagreement)
				first_disagreement = r->name;
		}
		if (r->state == FEATURE_PRESENT) {
			present++;
		} else if (r->state == FEATURE_ABSENT) {
			absent++;
		} else if (r->unloaded) {
			unloaded++;
		} else {
			undecided++;
			if (!first_undecided)
				first_undecided = r->name;
		}
	}
	for (size_t way = 0; way < NR_FEATURE_WAYS; way++)
		ways += !features_way_void(f, (enum feature_way)way);

	if (disagree) {
		scn_why(ctx,
			"the ways to look contradict each other on %zu of %zu features, first "
			"'%s'",
			disagree, n, first_disagreement);
		outcome = OUTCOME_FAIL;
	} else if (undecided) {
		const char *btf = features_way_void(f, FEATURE_BTF);

		scn_why(ctx, "%zu of %zu features are undecided, first '%s'; BTF %s", undecided, n,
			first_undecided, btf ? btf : "is used");
		outcome = OUTCOME_INCONCLUSIVE;
	} else {
		scn_why(ctx,
			"%zu present, %zu absent, %zu in modules that are not loaded; %zu of %d "
			"ways "
			"to look usable",
			present, absent, unloaded, ways, NR_FEATURE_WAYS);
	}
	features_free(f);
	return outcome;
}

const struct scenario scenario_features_scan = {
	.id = "features.scan",
	.title = "kernel features, found in BTF, kallsyms and config, which must agree",
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 20,
	.run = run,
};
