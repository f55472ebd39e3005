/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The facts that feature_list.def asks of a kernel, and the three-valued answer to a question that is
 * made of them. All facts are known before anything is looked at, so that what is large is read once.
 */
#ifndef P2PCERT_SCENARIO_FACT_H
#define P2PCERT_SCENARIO_FACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "scenario/features.h"

enum fact_kind { FACT_FUNC, FACT_TYPE, FACT_MEMBER, FACT_ENUM, NR_FACT_KINDS };

#define FACT_MAX 64 /* bytes in a name */

/* One thing asked for: "member:folio.pgmap". */
struct fact {
	enum fact_kind kind;
	char name[FACT_MAX];
	char member[FACT_MAX]; /* of FACT_MEMBER */
};

/* Facts that are looked for together, each once. */
struct fact_set;

struct fact_set *fact_set_new(void) attr_must_check;
void fact_set_free(struct fact_set *set);

/* Before anything is looked for; an unknown kind of fact is a BUG(). */
void fact_set_add(struct fact_set *set, const char *question);
void fact_set_seal(struct fact_set *set);

size_t fact_set_size(const struct fact_set *set);

/* The first fact about this name, of len bytes, and in *nr how many there are, one after the other. */
const struct fact *fact_set_about(const struct fact_set *set, const char *name, size_t len,
				  size_t *nr);

/* Its number, below the size; it is one of the set, or equal to one. */
size_t fact_set_index(const struct fact_set *set, const struct fact *fact);

typedef enum feature_state fact_fn(const struct fact *fact, void *data);

/* What ask() says to each fact of a question, put together. */
enum feature_state question_ask(const char *question, fact_fn *ask, void *data);

/*
 * Cuts the next word off *s at any of delimiters, into word, where it has to fit. False at the end. The
 * language of feature_list.def.
 */
bool next_word(const char **s, const char *delimiters, char *word, size_t size);

#endif
