/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles: which scenarios and checks a class of platforms must pass, should pass, or leaves out, and
 * what a run sets up for them. A JSON file, schema "p2pcert.profile/1":
 *
 *	schema, name, title, required[], recommended[], excluded[] (scenario ids),
 *	soft_rdma[] {name, netdev}: a soft RoCE device `name` on the network device `netdev`
 *	checks {required[], excluded[]} (ids of static checks, for `p2pcert check`)
 *	waivers[] {erratum, reason, granted, until}: what fails for this known defect of the kernel alone
 *	does not count in the verdict of a run from the one day to the other, both included
 *
 * A profile with a key, an id or a value that is not known is refused: a typing error must not
 * make a certification weaker.
 */
#ifndef P2PCERT_SCENARIO_PROFILE_H
#define P2PCERT_SCENARIO_PROFILE_H

#include <jansson.h>
#include <stddef.h>

#include "base/attr.h"
#include "scenario/scenario.h"

struct soft_rdma {
	char *name; /* of the RDMA device */
	char *netdev;
};

/* A list of ids, in the order of the file. */
struct id_list {
	char **ids;
	size_t n;
};

/* Days are "2027-03-31". */
struct waiver {
	char *erratum; /* id */
	char *reason;
	char *granted, *until;
};

struct profile {
	char *name;
	char *title;
	struct id_list required;
	struct id_list recommended;
	struct id_list excluded;
	struct id_list checks_required;
	struct id_list checks_excluded;
	struct soft_rdma *soft_rdma;
	size_t nr_soft_rdma;
	struct waiver *waivers;
	size_t nr_waivers;
};

/*
 * Reads the shipped profile of that name, or the file if the argument has a '/' or ends in ".json".
 * Every id must be in the table. 0 or a negative errno; *why is then the text for the user, which
 * the caller frees.
 */
int profile_load(const char *name_or_path, const struct scenario *const *table, size_t n,
		 struct profile **profile, char **why) attr_must_check;
void profile_free(struct profile *p);

static inline void autoprofile_fn(struct profile **p)
{
	profile_free(*p);
}
#define autoprofile __attribute__((cleanup(autoprofile_fn)))

/* Adds a soft RDMA device to those that the profile asks for. -EINVAL: a name that cannot be one. */
int profile_add_soft_rdma(struct profile *p, const char *name, const char *netdev) attr_must_check;

bool id_list_has(const struct id_list *list, const char *id);

/*
 * The journal's {name, title, required[], recommended[], excluded[], soft_rdma[] {name, netdev},
 * waivers[] {erratum, reason, granted, until}}.
 */
json_t *profile_to_json(const struct profile *p) attr_must_check;
/*
 * The same profile again, as strictly read as a file. 0 or -EINVAL; *why is then what is wrong with
 * it, which the caller frees.
 */
int profile_from_json(const json_t *doc, const struct scenario *const *table, size_t n,
		      struct profile **profile, char **why) attr_must_check;

/* The names of the shipped profiles, sorted; free with id_list_release(). */
void profile_names(struct id_list *names);
void id_list_release(struct id_list *list);

#endif
