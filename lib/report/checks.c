/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document of `p2pcert check`, and its text. */
#include "report/checks.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/columns.h"
#include "base/jx.h"
#include "report/verdict.h"

#define CHECKS_SCHEMA "p2pcert.check/1"
#define INDENT 4
#define FUNCTIONS_SHOWN 8

/* --- document ----------------------------------------------------------------------------------- */

static json_t *verdict_of(const struct checks_done *done)
{
	const struct check_results *results = done->results;
	struct verdict_item *items = xcalloc(results->nr, sizeof(*items));
	struct verdict_input input = { .items = items, .nr_items = results->nr };
	json_t *verdict;

	for (size_t i = 0; i < results->nr; i++) {
		const struct check_result *r = &results->items[i];

		items[i] = (struct verdict_item){
			.id = r->check->id,
			.required = done->profile &&
				    id_list_has(&done->profile->checks_required, r->check->id),
			.outcome = r->outcome,
			.skips = r->outcome == OUTCOME_SKIP ? 1u << r->skipped : 0,
		};
	}
	verdict = verdict_to_json(&input, "checks");
	free(items);
	return verdict;
}

json_t *checks_to_json(const struct checks_done *done)
{
	const struct platform *p = done->platform;
	autojson json_t *verdict = verdict_of(done);
	json_t *doc = jx_object(), *source = jx_object(), *kernel = jx_object();

	jx_set_str(doc, "schema", CHECKS_SCHEMA);
	jx_set(doc, "verdict", json_incref(json_object_get(verdict, "verdict")));
	jx_set(doc, "exit_status", json_incref(json_object_get(verdict, "exit_status")));
	jx_set(doc, "reasons", json_incref(json_object_get(verdict, "reasons")));
	jx_set_str(source, "kind", p->source_kind);
	jx_set_str(source, "path", p->source_path);
	jx_set(doc, "source", source);
	jx_set_str(kernel, "release", p->kernel_release);
	jx_set_str(kernel, "rules", p2p_rules_name(done->rules));
	jx_set(doc, "kernel", kernel);
	jx_set_str(doc, "profile", done->profile ? done->profile->name : NULL);
	jx_set_str(doc, "manifest", done->manifest);
	jx_set(doc, "checks", check_results_to_json(done->results));
	jx_set(doc, "findings", check_findings_to_json(done->results, done->least));
	return doc;
}

/* --- text --------------------------------------------------------------------------------------- */

static const char *const outcome_colors[NR_OUTCOMES] = {
	[OUTCOME_SKIP] = "\033[2m",    [OUTCOME_INFO] = "\033[36m",
	[OUTCOME_PASS] = "\033[32m",   [OUTCOME_INCONCLUSIVE] = "\033[33m",
	[OUTCOME_NOTRUN] = "\033[33m", [OUTCOME_ERROR] = "\033[35m",
	[OUTCOME_FAIL] = "\033[1;31m",
};

#define BOLD "\033[1m"
#define RESET "\033[0m"

struct printing {
	FILE *f;
	bool color;
	size_t width;
};

/* The first few, and how many more there are. The caller frees it. */
static char *functions_text(const json_t *functions)
{
	char *text = xstrdup("");
	const json_t *address;
	size_t i;

	json_array_foreach (functions, i, address) {
		autofree char *old = text;

		if (i == FUNCTIONS_SHOWN) {
			text = xasprintf("%s and %zu more", old, json_array_size(functions) - i);
			break;
		}
		text = xasprintf("%s%s%s", old, i ? " " : "", json_string_value(address));
	}
	return text;
}

static void print_finding(const json_t *finding, const struct printing *to)
{
	autofree char *functions = functions_text(json_object_get(finding, "functions"));
	autofree char *code = columns_one_line(jx_get_str(finding, "code"));
	int64_t count = jx_get_int(finding, "count", 1);
	autofree char *seen = NULL;

	seen = count > 1 ? xasprintf("%s; and %" PRId64 " more like it",
				     jx_get_str(finding, "text"), count - 1)
			 : xstrdup(jx_get_str(finding, "text"));
	fprintf(to->f, "\n%s%s%s", to->color ? BOLD : "", code, to->color ? RESET : "");
	columns_print_wrapped(to->f, 0, ": ", jx_get_str(finding, "title"), 0);
	if (*functions)
		columns_print_wrapped(to->f, INDENT, "at:   ", functions, to->width);
	columns_print_wrapped(to->f, INDENT, "seen: ", seen, to->width);
	columns_print_wrapped(to->f, INDENT, "next: ", jx_get_str(finding, "next"), to->width);
	columns_print_wrapped(to->f, INDENT, "see:  ", jx_get_str(finding, "reference"), to->width);
}

/* Findings are by severity, so that those of one stand together. */
static void print_findings(const json_t *findings, const struct printing *to)
{
	const char *severity = "";
	const json_t *finding;
	size_t i;

	json_array_foreach (findings, i, finding) {
		const char *its = jx_get_str(finding, "severity");

		if (strcmp(its, severity) != 0) {
			fprintf(to->f, "%s", i ? "\n" : "");
			for (const char *c = its; *c; c++)
				fputc(*c - 'a' + 'A', to->f);
			fputc('\n', to->f);
		}
		severity = its;
		print_finding(finding, to);
	}
	if (i)
		fputc('\n', to->f);
}

/* What a check could not see, or why it was skipped; not that it was left out. */
static bool is_worth_a_line(const json_t *check)
{
	const json_t *skip = json_array_get(json_object_get(check, "skip"), 0);
	const char *category = jx_get_str(skip, "category");

	return json_array_size(json_object_get(check, "unseen")) &&
	       (!category || strcmp(category, skip_category_name(SKIP_USER_EXCLUDED)) != 0);
}

/* What a check did not see, as one line, and who else did not see it. */
struct unseen {
	char *text;
	char *checks;
};

static void add_unseen(struct unseen **list, size_t *nr, const char *check, const json_t *gap)
{
	autofree char *functions = functions_text(json_object_get(gap, "functions"));
	autofree char *text =
		xasprintf("%s%s%s", jx_get_str(gap, "text"), *functions ? ": " : "", functions);

	for (size_t i = 0; i < *nr; i++) {
		autofree char *before = NULL;

		if (strcmp((*list)[i].text, text) != 0)
			continue;
		before = (*list)[i].checks;
		(*list)[i].checks = xasprintf("%s, %s", before, check);
		return;
	}
	*list = xreallocarray(*list, *nr + 1, sizeof(**list));
	(*list)[(*nr)++] = (struct unseen){ take_ptr(text), xstrdup(check) };
}

static void print_unseen(const json_t *checks, const struct printing *to)
{
	struct unseen *list = NULL;
	const json_t *check, *gap;
	size_t i, k, nr = 0;

	json_array_foreach (checks, i, check)
		if (is_worth_a_line(check))
			json_array_foreach (json_object_get(check, "unseen"), k, gap)
				add_unseen(&list, &nr, jx_get_str(check, "id"), gap);
	fputs(nr ? "NOT SEEN\n\n" : "", to->f);
	for (i = 0; i < nr; i++) {
		columns_print_wrapped(to->f, INDENT, "", list[i].text, to->width);
		columns_print_wrapped(to->f, (size_t)2 * INDENT, "for ", list[i].checks, to->width);
		free(list[i].text);
		free(list[i].checks);
	}
	fputs(nr ? "\n" : "", to->f);
	free(list);
}

static void print_counts(const json_t *checks, const struct printing *to)
{
	size_t counts[NR_OUTCOMES] = { 0 };
	const json_t *check;
	const char *comma = "";
	enum outcome outcome;
	size_t i;

	json_array_foreach (checks, i, check)
		if (outcome_parse(jx_get_str(check, "outcome"), &outcome) == 0)
			counts[outcome]++;
	fprintf(to->f, "%zu checks:", i);
	for (i = NR_OUTCOMES; i-- > 0;) {
		if (!counts[i])
			continue;
		fprintf(to->f, "%s %zu %s", comma, counts[i], outcome_name((enum outcome)i));
		comma = ",";
	}
	fputc('\n', to->f);
}

/* Who saw what there was to look at: a check that could not look says nothing of the machine. */
static void print_sight(const json_t *checks, const struct printing *to)
{
	size_t looked = 0, in_part = 0, blind = 0;
	const json_t *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		bool unseen = json_array_size(json_object_get(check, "unseen"));

		if (jx_get_int(check, "looked", 0)) {
			looked++;
			in_part += unseen;
		} else {
			blind += unseen;
		}
	}
	fprintf(to->f, "%zu could look, %zu of them at a part only; %zu could not look at all\n",
		looked, in_part, blind);
}

static void print_reason(const json_t *reason, const struct printing *to)
{
	const json_t *ids = json_object_get(reason, "checks");
	autofree char *label =
		xasprintf("%s%s", jx_get_str(reason, "text"), json_array_size(ids) ? ":" : "");
	char *list = xstrdup("");
	const json_t *id;
	size_t i;

	json_array_foreach (ids, i, id) {
		autofree char *old = list;

		list = xasprintf("%s %s", old, json_string_value(id));
	}
	columns_print_wrapped(to->f, INDENT, label, "", 0);
	if (i)
		columns_print_wrapped(to->f, (size_t)2 * INDENT, "", list, to->width);
	free(list);
}

void checks_print(const json_t *doc, FILE *f, bool color, size_t width)
{
	const struct printing to = { f, color, width };
	const char *verdict = jx_get_str(doc, "verdict");
	enum outcome outcome = OUTCOME_SKIP;
	const json_t *reason;
	size_t i;

	print_findings(json_object_get(doc, "findings"), &to);
	print_unseen(json_object_get(doc, "checks"), &to);
	print_counts(json_object_get(doc, "checks"), &to);
	print_sight(json_object_get(doc, "checks"), &to);
	if (outcome_parse(verdict, &outcome) < 0) /* nothing was applicable */
		outcome = OUTCOME_SKIP;
	fprintf(f, "verdict: %s%s%s (exit status %" PRId64 ")\n",
		color ? outcome_colors[outcome] : "", verdict, color ? RESET : "",
		jx_get_int(doc, "exit_status", 0));
	json_array_foreach (json_object_get(doc, "reasons"), i, reason)
		print_reason(reason, &to);
}
