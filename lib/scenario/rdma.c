/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices one after another, and what came of all of them. */
#include "scenario/rdma.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/text.h"
#include "scenario/pattern.h"

#define GID_WAIT_MS 5000

/* What came of one device. */
struct device_result {
	const char *name;
	enum outcome outcome;
	enum skip_category category; /* of OUTCOME_SKIP */
	char *why;
};

struct task {
	uint32_t claims;
	const char *name;
	rdma_body *body;
	const void *arg;
};

enum outcome rdma_conclude(struct rdma_device *device, enum outcome outcome, const char *fmt, ...)
{
	va_list ap;

	free(device->why);
	va_start(ap, fmt);
	device->why = xvasprintf(fmt, ap);
	va_end(ap);
	return outcome;
}

int rdma_refute(struct rdma_device *device, enum evidence_kind kind, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	if (verbs_is_gone(&device->verbs))
		return -ENETDOWN;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_evidence(device->ctx, kind, EVIDENCE_REFUTED, "%s: %s", device->verbs.name, text);
	return 1;
}

static void say_device(struct scenario_ctx *ctx, const char *name)
{
	autofree char *device = xasprintf("rdma:%s", name);
	struct pci_addr addr;

	scn_device_name(ctx, device);
	if (verbs_pci_addr(scn_env(ctx)->sysroot, name, &addr))
		scn_device(ctx, addr);
}

/*
 * Whatever a scenario saw: what happens while the device goes is no verdict, nor is what it got from queues
 * that do not work.
 */
static enum outcome judge(struct rdma_device *device, enum outcome outcome)
{
	struct verbs *v = &device->verbs;
	autofree char *why = take_ptr(device->why);

	verbs_deregister_all(v);
	if (verbs_is_gone(v) && outcome != OUTCOME_SKIP)
		return rdma_conclude(device, OUTCOME_ERROR, "%s: %s", v->gone, why ? why : "");
	if (v->wrong) {
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "%s: %s", v->name,
			     v->wrong);
		scn_finding(device->ctx, "VERBS-COMPLETION", NULL, 0, "%s: %s", v->name, v->wrong);
		return rdma_conclude(device, OUTCOME_FAIL, "%s", v->wrong);
	}
	device->why = take_ptr(why);
	return outcome;
}

static enum outcome device_run(struct rdma_device *device, const struct task *task,
			       const char *name)
{
	struct verbs *v = &device->verbs;
	const struct ibv_odp_caps *caps = &v->attr.odp_caps;
	autofree char *why = NULL;
	int err = verbs_open(v, name, &why);

	if (err == -ENETDOWN) {
		device->category = SKIP_DEPENDENCY;
		return rdma_conclude(device, OUTCOME_SKIP, "%s", why);
	}
	if (err)
		return rdma_conclude(device, OUTCOME_ERROR, "%s", why);
	if (task->claims && (!(caps->general_caps & IBV_ODP_SUPPORT) ||
			     (caps->per_transport_caps.rc_odp_caps & task->claims) != task->claims))
		return rdma_conclude(device, OUTCOME_SKIP, "does not claim on-demand paging for %s",
				     task->name);
	say_device(device->ctx, name);
	err = verbs_connect(v, GID_WAIT_MS, &why);
	if (err)
		return rdma_conclude(device, OUTCOME_ERROR, "%s", why);
	return judge(device, task->body(device, task->arg));
}

static void device_try(struct scenario_ctx *ctx, const struct task *task, struct device_result *r)
{
	struct rdma_device device = {
		.ctx = ctx,
		.seed = pattern_seed(scn_env(ctx)->seed, text_hash(r->name, strlen(r->name))),
		.category = SKIP_HW_UNSUPPORTED,
	};

	r->outcome = device_run(&device, task, r->name);
	r->category = device.category;
	r->why = device.why;
	verbs_close(&device.verbs);
}

/*
 * The worst device decides. Those that do not claim the operation matter only where none does; what
 * came of each is in the facts.
 */
static enum outcome conclude_all(struct scenario_ctx *ctx, const struct device_result *results,
				 size_t n)
{
	const struct device_result *worst = &results[0];
	json_t *facts = jx_array();

	for (size_t i = 0; i < n; i++) {
		const struct device_result *r = &results[i];
		json_t *fact = jx_object();

		jx_set_str(fact, "device", r->name);
		jx_set_str(fact, "outcome", outcome_name(r->outcome));
		jx_set_str(fact, "why", r->why);
		jx_append(facts, fact);
		if (r->outcome > worst->outcome)
			worst = r;
		if (r->outcome == OUTCOME_ERROR)
			scn_error(ctx, ERROR_SETUP, "%s: %s", r->name, r->why);
	}
	scn_facts(ctx, "devices", facts);
	for (size_t i = 0; worst->outcome == OUTCOME_SKIP && i < n; i++)
		scn_skip(ctx, results[i].category, "%s: %s", results[i].name, results[i].why);
	if (worst->outcome != OUTCOME_SKIP)
		scn_why(ctx, "%s: %s", worst->name, worst->why);
	return worst->outcome;
}

enum outcome rdma_each(struct scenario_ctx *ctx, uint32_t claims, const char *name, rdma_body *body,
		       const void *arg)
{
	const struct task task = { claims, name, body, arg };
	const char *wanted = scn_env(ctx)->rdma_device;
	struct device_result *results = NULL;
	enum outcome outcome;
	char **names = NULL;
	size_t n = 0;
	int err;

	err = verbs_names(&names);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "cannot list RDMA devices: %s", strerror(-err));
		return OUTCOME_ERROR;
	}
	for (char **device = names; *device; device++) {
		if (wanted && strcmp(*device, wanted) != 0)
			continue;
		results = xreallocarray(results, n + 1, sizeof(*results));
		results[n] = (struct device_result){ .name = *device };
		device_try(ctx, &task, &results[n++]);
	}
	if (n) {
		outcome = conclude_all(ctx, results, n);
	} else {
		/* The kernel has one, or the scenario would not have been started. */
		scn_skip(ctx, SKIP_DEPENDENCY,
			 "libibverbs does not show %s: its user-space driver or the module "
			 "'ib_uverbs' is missing",
			 wanted ? wanted : "any RDMA device");
		outcome = OUTCOME_SKIP;
	}
	for (size_t i = 0; i < n; i++)
		free(results[i].why);
	free(results);
	verbs_names_free(names);
	return outcome;
}
