/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts as they are written in questions, kept by name. */
#include "scenario/fact.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#define NR_MARKS 4096

struct fact_set {
	struct fact *facts; /* by name */
	size_t nr;
	bool marked[NR_MARKS]; /* by mark_of() a name: most names are asked about by nobody */
};

static const char *const kind_names[] = {
	[FACT_FUNC] = "func",
	[FACT_TYPE] = "type",
	[FACT_MEMBER] = "member",
	[FACT_ENUM] = "enum",
};

bool next_word(const char **s, const char *delimiters, char *word, size_t size)
{
	size_t n;

	*s += strspn(*s, delimiters);
	n = strcspn(*s, delimiters);
	if (n == 0)
		return false;
	if (n >= size)
		BUG("'%s' does not fit", *s);
	memcpy(word, *s, n);
	word[n] = '\0';
	*s += n;
	return true;
}

static struct fact fact_parse(const char *s)
{
	struct fact fact = { .kind = NR_FACT_KINDS };
	const char *name = strchr(s, ':');

	for (size_t k = 0; name && k < NR_FACT_KINDS; k++) {
		if (strncmp(s, kind_names[k], (size_t)(name - s)) == 0 &&
		    kind_names[k][name - s] == '\0')
			fact.kind = k;
	}
	if (fact.kind == NR_FACT_KINDS)
		BUG("'%s' is no question", s);
	name++;
	if (!next_word(&name, fact.kind == FACT_MEMBER ? "." : "", fact.name, sizeof(fact.name)) ||
	    (fact.kind == FACT_MEMBER && !next_word(&name, ".", fact.member, sizeof(fact.member))))
		BUG("'%s' is no question", s);
	return fact;
}

/* --- questions ---------------------------------------------------------------------------------- */

/* Three-valued or and and: FEATURE_UNKNOWN where the known side does not decide. */
static enum feature_state state_or(enum feature_state a, enum feature_state b)
{
	if (a == FEATURE_PRESENT || b == FEATURE_PRESENT)
		return FEATURE_PRESENT;
	return a == FEATURE_ABSENT && b == FEATURE_ABSENT ? FEATURE_ABSENT : FEATURE_UNKNOWN;
}

static enum feature_state state_and(enum feature_state a, enum feature_state b)
{
	if (a == FEATURE_ABSENT || b == FEATURE_ABSENT)
		return FEATURE_ABSENT;
	return a == FEATURE_PRESENT && b == FEATURE_PRESENT ? FEATURE_PRESENT : FEATURE_UNKNOWN;
}

enum feature_state question_ask(const char *question, fact_fn *ask, void *data)
{
	enum feature_state all = FEATURE_PRESENT;
	char term[4 * FACT_MAX];

	while (next_word(&question, " ", term, sizeof(term))) {
		enum feature_state any = FEATURE_ABSENT;
		const char *facts = term;
		char text[2 * FACT_MAX];

		while (next_word(&facts, "|", text, sizeof(text))) {
			struct fact fact = fact_parse(text);

			any = state_or(any, ask(&fact, data));
		}
		all = state_and(all, any);
	}
	return all;
}

/* --- sets --------------------------------------------------------------------------------------- */

static int fact_cmp(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	if (!r)
		r = (int)x->kind - (int)y->kind;
	return r ? r : strcmp(x->member, y->member);
}

/* A hash that is quick, as it is made of every name that a kernel has. */
static size_t mark_of(const char *name, size_t len)
{
	const unsigned char *s = (const unsigned char *)name;

	return len ? (((s[0] * 31u + s[len / 2]) * 31u + s[len - 1]) * 31u + len) % NR_MARKS : 0;
}

struct fact_set *fact_set_new(void)
{
	return xcalloc(1, sizeof(struct fact_set));
}

void fact_set_free(struct fact_set *set)
{
	if (set)
		free(set->facts);
	free(set);
}

/* Asks nothing: notes what is asked. */
static enum feature_state note(const struct fact *fact, void *data)
{
	struct fact_set *set = data;

	set->facts = xreallocarray(set->facts, set->nr + 1, sizeof(*set->facts));
	set->facts[set->nr++] = *fact;
	set->marked[mark_of(fact->name, strlen(fact->name))] = true;
	return FEATURE_UNKNOWN;
}

void fact_set_add(struct fact_set *set, const char *question)
{
	question_ask(question, note, set);
}

void fact_set_seal(struct fact_set *set)
{
	size_t kept = 0;

	if (set->nr)
		qsort(set->facts, set->nr, sizeof(*set->facts), fact_cmp);
	for (size_t i = 0; i < set->nr; i++)
		if (kept == 0 || fact_cmp(&set->facts[kept - 1], &set->facts[i]) != 0)
			set->facts[kept++] = set->facts[i];
	set->nr = kept;
}

size_t fact_set_size(const struct fact_set *set)
{
	return set->nr;
}

const struct fact *fact_set_about(const struct fact_set *set, const char *name, size_t len,
				  size_t *nr)
{
	struct fact first = { .kind = 0 };
	size_t low = 0, high = set->nr;

	*nr = 0;
	if (len >= sizeof(first.name) || !set->marked[mark_of(name, len)])
		return NULL;
	memcpy(first.name, name, len);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (fact_cmp(&set->facts[middle], &first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + *nr < set->nr && strcmp(set->facts[low + *nr].name, first.name) == 0)
		(*nr)++;
	return *nr ? &set->facts[low] : NULL;
}

size_t fact_set_index(const struct fact_set *set, const struct fact *fact)
{
	const struct fact *own = bsearch(fact, set->facts, set->nr, sizeof(*fact), fact_cmp);

	if (!own)
		BUG("nobody has asked about '%s'", fact->name);
	return (size_t)(own - set->facts);
}
