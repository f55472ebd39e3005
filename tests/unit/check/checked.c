/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running one check over a made-up machine. */
#include "checked.h"

#include "../p2p/model.h"
#include "../test.h"

#include "base/alloc.h"
#include "check/manifest.h"

static bool is_wanted(const struct check *check, void *arg)
{
	return check == arg;
}

/* The claims in text, which is cut up. */
static struct check_claims claims_of(const struct platform *p, char *text)
{
	struct check_claims claims = { 0 };
	char *save = NULL;

	for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		char *target = strchr(s, '>'), *direct = strchr(s, '!');

		assert_non_null(target);
		*target++ = '\0';
		if (direct)
			*direct = '\0';
		claims.pairs =
			xreallocarray(claims.pairs, claims.nr_pairs + 1, sizeof(*claims.pairs));
		claims.pairs[claims.nr_pairs++] = (struct check_claim){
			model_index(p, s),
			model_index(p, target),
			direct,
		};
	}
	return claims;
}

struct checked checked_with(const char *release, const struct platform *platform, const char *id,
			    struct check_claims claims)
{
	const struct check *check = check_find(id);
	struct checked c = { .platform = platform, .claims = claims };
	bool any = claims.nr_pairs || claims.nr_isolated || claims.iommu || claims.nr_absent;

	if (!check)
		fail_msg("there is no check '%s'", id);
	/* the checks see the caller's: c is copied on return, and the input is not asked again */
	c.in = check_input_new(platform, p2p_rules_for(release), any ? &claims : NULL);
	check_run(c.in, is_wanted, (void *)check, &c.results);
	c.in->claims = NULL;
	for (size_t i = 0; i < c.results.nr; i++)
		if (c.results.items[i].check == check)
			c.result = &c.results.items[i];
	return c;
}

struct checked checked_by(const char *release, const struct platform *platform, const char *id,
			  const char *text)
{
	autofree char *copy = xstrdup(text ? text : "");

	return checked_with(release, platform, id, claims_of(platform, copy));
}

struct checked checked(const struct platform *platform, const char *id, const char *claims)
{
	return checked_by("6.12.0", platform, id, claims);
}

void checked_release(struct checked *c)
{
	check_results_release(&c->results);
	check_input_free(c->in);
	check_claims_release(&c->claims);
}

const struct check_finding *checked_find(const struct checked *c, const char *code)
{
	const struct check_sink *sink = &c->result->sink;

	for (size_t i = 0; i < sink->nr_findings; i++)
		if (strcmp(sink->findings[i].finding->code, code) == 0)
			return &sink->findings[i];
	return NULL;
}

static bool has(const int *list, size_t nr, int item)
{
	for (size_t i = 0; i < nr; i++)
		if (list[i] == item)
			return true;
	return false;
}

const struct check_finding *assert_found(const struct checked *c, const char *code,
					 enum severity severity, const char *functions)
{
	const struct check_finding *f = checked_find(c, code);
	autofree char *copy = xstrdup(functions);
	char *save = NULL;
	size_t n = 0;

	if (!f)
		fail_msg("'%s' was not found", code);
	assert_string_equal(severity_name(f->severity), severity_name(severity));
	for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save), n++)
		if (!has(f->functions, f->nr_functions, model_index(c->platform, s)))
			fail_msg("'%s' was not found of %s", code, s);
	assert_int_equal(f->nr_functions, n);
	for (size_t i = 0; i < c->result->sink.nr_findings; i++)
		if (c->result->sink.findings[i].finding == f->finding &&
		    &c->result->sink.findings[i] != f)
			fail_msg("'%s' was found twice", code);
	return f;
}

void assert_not_found(const struct checked *c, const char *code)
{
	const struct check_finding *f = checked_find(c, code);

	if (f)
		fail_msg("'%s' was found: %s", code, f->text);
	assert_ptr_equal(finding_get(code), finding_find(code)); /* it is a code at all */
}

void assert_unseen(const struct checked *c, const char *address)
{
	const struct check_sink *sink = &c->result->sink;

	for (size_t i = 0; i < sink->nr_unseen; i++) {
		const struct check_gap *gap = &sink->unseen[i];

		if (address ? has(gap->functions, gap->nr_functions,
				  model_index(c->platform, address))
			    : !gap->nr_functions)
			return;
	}
	fail_msg("nothing was said to be unseen of %s", address ? address : "the machine");
}

void assert_outcome(const struct checked *c, enum outcome outcome)
{
	assert_string_equal(outcome_name(c->result->outcome), outcome_name(outcome));
}
