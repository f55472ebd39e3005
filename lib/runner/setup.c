/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What scenarios depend on and share: the test modules, the soft RDMA devices. Each is set up once,
 * and only if a scenario needs it that nothing else keeps from starting.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "runner/state.h"

/*
 * Makes a change that the scenarios depend on which need this; they cannot start without it. What it
 * made known, which the caller frees, or NULL.
 */
static json_t *change(struct run *run, const char *kind, json_t *args, enum need_kind need,
		      const char *arg)
{
	struct unmet why = { 0 };
	json_t *facts = NULL;

	if (undo_apply(run->undo, kind, args, &facts, &why) < 0)
		plan_deny(&run->plan, need, arg, why.category, why.text);
	free(why.text);
	return facts;
}

static void put_module(struct run *run, const json_t *facts)
{
	json_t *record = journal_record("module");
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)facts, key, value)
		jx_set(record, key, json_incref(value));
	run_put(run, record);
}

static json_t *named(const char *name)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", name);
	return args;
}

static void load_module(struct run *run, const char *name)
{
	autojson json_t *facts = change(run, "module", named(name), NEED_MODULE, name);

	if (facts)
		put_module(run, facts);
}

static void load_modules(struct run *run)
{
	autojson json_t *asked = jx_object();

	for (size_t i = 0; i < run->plan.n; i++) {
		const struct plan_item *item = &run->plan.items[i];

		for (size_t k = 0; k < item->scenario->nr_needs; k++) {
			const struct need *need = &item->scenario->needs[k];

			if (item->nr_unmet || item->over || need->kind != NEED_MODULE ||
			    json_object_get(asked, need->arg) || run_must_end(run))
				continue;
			jx_set_bool(asked, need->arg, true);
			load_module(run, need->arg);
		}
	}
}

/* Is the RDMA device one of the soft ones that the profile asks for, or free to choose? */
bool setup_has_soft_rdma(const struct run_options *o)
{
	const char *device = o->env.rdma_device;

	for (size_t i = 0; i < o->profile->nr_soft_rdma; i++)
		if (!device || strcmp(o->profile->soft_rdma[i].name, device) == 0)
			return true;
	return false;
}

static bool wants_soft_rdma(struct run *run)
{
	return run->env.soft_rdma && plan_needs(&run->plan, NEED_ROLE, "rdma") &&
	       !run_must_end(run);
}

static void set_up_soft_rdma(struct run *run)
{
	const struct profile *p = run->o->profile;

	if (wants_soft_rdma(run))
		json_decref(change(run, "stock-module", named("rdma_rxe"), NEED_ROLE, "rdma"));
	for (size_t i = 0; i < p->nr_soft_rdma && wants_soft_rdma(run); i++) {
		json_t *args = named(p->soft_rdma[i].name);

		jx_set_str(args, "netdev", p->soft_rdma[i].netdev);
		json_decref(change(run, "rdma-link", args, NEED_ROLE, "rdma"));
	}
	if (wants_soft_rdma(run) && !run->env.rdma_device)
		run->env.rdma_device = p->soft_rdma[0].name;
}

void setup(struct run *run)
{
	plan_require(&run->plan, &run->env);
	load_modules(run);
	set_up_soft_rdma(run);
}
