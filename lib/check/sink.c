/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking what checks report, and merging what is alike; which outcome it makes is for run.c. */
#include "check/sink.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* text with every occurrence of what replaced; the caller frees it. */
static char *replace_all(const char *text, const char *what, const char *with)
{
	char *result = NULL;
	size_t len;
	FILE *f = open_memstream(&result, &len);
	const char *at;

	if (!f)
		return xstrdup(text);
	for (; (at = strstr(text, what)); text = at + strlen(what))
		fprintf(f, "%.*s%s", (int)(at - text), text, with);
	fputs(text, f);
	fclose(f);
	return result;
}

/*
 * What two cases of one code have in common if they differ in addresses only: each is replaced by
 * its place in the list of functions.
 */
static char *alike_of(const struct platform *p, const struct check_finding *f)
{
	char *s = xasprintf("%d %zu %s %s", f->severity, f->nr_functions, f->text, f->next);

	for (size_t i = 0; i < f->nr_functions; i++) {
		autofree char *old = s;
		autofree char *place = xasprintf("<%zu>", i);

		s = replace_all(old, pci_addr_str(p->functions[f->functions[i]].addr), place);
	}
	return s;
}

static struct check_finding *find_alike(struct check_sink *sink, const struct check_finding *f)
{
	for (size_t i = 0; i < sink->nr_findings; i++) {
		struct check_finding *other = &sink->findings[i];

		if (other->finding == f->finding && other->hash == f->hash &&
		    strcmp(other->alike, f->alike) == 0)
			return other;
	}
	return NULL;
}

static bool has(const int *list, size_t nr, int item)
{
	for (size_t i = 0; i < nr; i++)
		if (list[i] == item)
			return true;
	return false;
}

/* Adds those that are not there. */
static void add_functions(int **list, size_t *nr, const int *more, size_t nr_more)
{
	*list = xreallocarray(*list, *nr + nr_more, sizeof(**list));
	for (size_t i = 0; i < nr_more; i++)
		if (!has(*list, *nr, more[i]))
			(*list)[(*nr)++] = more[i];
}

static void finding_release(struct check_finding *f)
{
	free(f->functions);
	free(f->text);
	free(f->next);
	free(f->alike);
}

static void take(struct check_sink *sink, struct check_finding *f)
{
	struct check_finding *same;

	f->cases = 1;
	f->alike = alike_of(sink->platform, f);
	f->hash = text_hash(f->alike, strlen(f->alike));
	same = find_alike(sink, f);
	if (same) {
		same->cases++;
		add_functions(&same->functions, &same->nr_functions, f->functions, f->nr_functions);
		finding_release(f);
		return;
	}
	sink->findings =
		xreallocarray(sink->findings, sink->nr_findings + 1, sizeof(*sink->findings));
	sink->findings[sink->nr_findings++] = *f;
}

static attr_printf(7, 0) void found(struct check_sink *sink, const struct finding *finding,
				    enum severity severity, const int *functions, size_t nr,
				    char *next, const char *fmt, va_list ap)
{
	struct check_finding f = {
		.finding = finding,
		.severity = severity,
		.text = xvasprintf(fmt, ap),
		.next = next ? next : xstrdup(finding->next),
	};

	add_functions(&f.functions, &f.nr_functions, functions, nr);
	take(sink, &f);
}

void check_found(struct check_sink *sink, const char *code, const int *functions, size_t nr,
		 char *next, const char *fmt, ...)
{
	const struct finding *finding = finding_get(code);
	va_list ap;

	va_start(ap, fmt);
	found(sink, finding, finding->severity, functions, nr, next, fmt, ap);
	va_end(ap);
}

void check_found_as(struct check_sink *sink, const char *code, enum severity severity,
		    const int *functions, size_t nr, char *next, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	found(sink, finding_get(code), severity, functions, nr, next, fmt, ap);
	va_end(ap);
}

void check_unseen(struct check_sink *sink, int function, const char *fmt, ...)
{
	autofree char *text = NULL;
	struct check_gap *gap = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < sink->nr_unseen && !gap; i++)
		if (strcmp(sink->unseen[i].text, text) == 0)
			gap = &sink->unseen[i];
	if (!gap) {
		sink->unseen =
			xreallocarray(sink->unseen, sink->nr_unseen + 1, sizeof(*sink->unseen));
		gap = &sink->unseen[sink->nr_unseen++];
		*gap = (struct check_gap){ .text = take_ptr(text) };
	}
	if (function >= 0)
		add_functions(&gap->functions, &gap->nr_functions, &function, 1);
}

void check_looked(struct check_sink *sink, size_t nr)
{
	sink->looked += nr;
}

void check_sink_release(struct check_sink *sink)
{
	for (size_t i = 0; i < sink->nr_findings; i++)
		finding_release(&sink->findings[i]);
	free(sink->findings);
	for (size_t i = 0; i < sink->nr_unseen; i++) {
		free(sink->unseen[i].text);
		free(sink->unseen[i].functions);
	}
	free(sink->unseen);
	*sink = (struct check_sink){ 0 };
}
