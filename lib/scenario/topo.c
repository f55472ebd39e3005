/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The topo family: what the model predicts of the machine against what the running kernel rules. No
 * data is moved here.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/modfd.h"
#include "scenario/p2pmem.h"
#include "scenario/pagemap.h"
#include "scenario/pair.h"
#include "scenario/scenario.h"

#define MODULE P2PCERT_DEV_P2P
#define MODULE_FAULTS (P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_LEAK | P2PCERT_FAULTS_ENTER)

/* A machine of hundreds of functions has 100,000 pairs: those that agree are then only counted. */
#define MAX_LISTED 2048
#define MAX_FINDINGS 64
#define MAX_LINES 16

struct survey {
	struct scenario_ctx *ctx;
	const struct platform *platform;
	int fd; /* of the module */
	size_t total; /* pairs that there are */
	size_t pairs; /* asked so far */
	size_t states[PAIR_UNRULED + 1];
	size_t supported, refused;
	size_t mapped[VERDICT_NOT_SUPPORTED + 1]; /* by the verdict that the mapping showed */
	json_t *listed;
	struct pci_addr unpredicted[2]; /* the first such pair */
	bool leaked;
	struct p2pmem_map page; /* of the target in turn, if it publishes memory */
};

static void say_pair(struct survey *s, const struct p2p_pair *predicted,
		     const struct pair_ruling *ruled, enum pair_state state)
{
	struct pci_addr addrs[] = {
		s->platform->functions[predicted->initiator].addr,
		s->platform->functions[predicted->target].addr,
	};
	autofree char *prediction = pair_prediction_text(predicted);
	autofree char *ruling = pair_ruling_text(ruled);
	size_t nth = s->states[state];

	if (state == PAIR_UNPREDICTED && nth == 1)
		memcpy(s->unpredicted, addrs, sizeof(addrs));
	if (state == PAIR_DIFFERS && nth <= MAX_FINDINGS)
		scn_finding(s->ctx, "P2P-PREDICTION-DIFFERS", addrs, ARRAY_LEN(addrs),
			    "%s to %s: predicted %s, the kernel rules %s", pci_addr_str(addrs[0]),
			    pci_addr_str(addrs[1]), prediction, ruling);
	if (nth <= MAX_LINES)
		scn_evidence(s->ctx, EVIDENCE_PATH,
			     state == PAIR_DIFFERS ? EVIDENCE_REFUTED : EVIDENCE_MISSING,
			     "%s to %s: predicted %s, the kernel rules %s", pci_addr_str(addrs[0]),
			     pci_addr_str(addrs[1]), prediction, ruling);
}

/* 0, or the negative errno of an ioctl that could not be carried out. */
static int survey_pair(struct survey *s, int initiator, int target)
{
	const struct function *functions = s->platform->functions;
	struct pair_ruling ruled = { 0 };
	struct p2p_pair predicted;
	enum pair_state state;
	int err =
		pair_ask_distance(s->fd, functions[initiator].addr, functions[target].addr, &ruled);

	if (!err && s->page.addr)
		err = pair_ask_map(s->fd, functions[initiator].addr, s->page.addr, s->page.len,
				   &ruled, NULL);
	if (err)
		return err;
	p2p_pair_predict(s->platform, scn_env(s->ctx)->rules, initiator, target, &predicted);
	state = pair_judge(&predicted, &ruled);
	s->pairs++;
	s->states[state]++;
	if (pair_ruled_supported(&ruled))
		s->supported++;
	else
		s->refused++;
	if (ruled.mapped)
		s->mapped[pair_ruled_verdict(&ruled)]++;
	if ((s->total <= MAX_LISTED || state != PAIR_AGREES) &&
	    json_array_size(s->listed) < MAX_LISTED)
		jx_append(s->listed, pair_to_json(s->platform, &predicted, &ruled, state));
	if (state != PAIR_AGREES)
		say_pair(s, &predicted, &ruled, state);
	p2p_pair_release(&predicted);
	/* what the kernel says of it is in the evidence, as its log */
	if (state == PAIR_DIFFERS && s->states[state] <= MAX_LINES)
		err = pair_ask_why(s->fd, s->platform, initiator, target);
	return err == -E2BIG ? 0 : err;
}

/* All pairs of one target. 0, or -1 after scn_error(). */
static int survey_target(struct survey *s, int target)
{
	const struct function *f = &s->platform->functions[target];
	const char *sysroot = scn_env(s->ctx)->sysroot;
	bool provider = p2pmem_is_provider(f);
	uint64_t available = 0;
	int err = 0;

	if (provider) {
		scn_device(s->ctx, f->addr);
		err = p2pmem_available(sysroot, f->addr, &available);
		if (!err)
			err = p2pmem_map(sysroot, f->addr, page_size(), &s->page);
		if (err)
			scn_evidence(s->ctx, EVIDENCE_PATH, EVIDENCE_MISSING,
				     "no page of the peer-to-peer memory of %s could be mapped: %s",
				     pci_addr_str(f->addr), strerror(-err));
	}
	err = 0;
	for (int i = 0; (size_t)i < s->platform->nr_functions && !err; i++)
		if (i != target && p2p_can_initiate(&s->platform->functions[i]))
			err = survey_pair(s, i, target);
	if (err)
		scn_error(s->ctx, ERROR_SETUP, "the module does not rule on pairs with %s: %s",
			  pci_addr_str(f->addr), strerror(-err));
	if (s->page.addr) {
		p2pmem_unmap(&s->page);
		s->leaked |= !p2pmem_judge_available(s->ctx, f->addr, available);
	}
	return err ? -1 : 0;
}

/*
 * A kernel that refuses everything, or a module that reaches none of it, agrees with a machine that
 * supports nothing. A function is always within reach of itself, so one such answer shows that there
 * is somebody who rules. 0, or -1 after scn_error().
 */
static int survey_control(struct survey *s, int target, bool *supported)
{
	struct pci_addr self = s->platform->functions[target].addr;
	struct pair_ruling ruled = { 0 };
	int err = pair_ask_distance(s->fd, self, self, &ruled);

	*supported = !err && pair_ruled_supported(&ruled);
	if (err)
		scn_error(s->ctx, ERROR_SETUP, "the module does not rule on %s: %s",
			  pci_addr_str(self), strerror(-err));
	return err ? -1 : 0;
}

static void say_counts(struct survey *s)
{
	const size_t *m = s->mapped;
	json_t *counts = jx_object();

	jx_set_int(counts, "pairs", (json_int_t)s->pairs);
	jx_set_int(counts, "listed", (json_int_t)json_array_size(s->listed));
	for (size_t i = 0; i < ARRAY_LEN(s->states); i++)
		jx_set_int(counts, pair_state_name((enum pair_state)i), (json_int_t)s->states[i]);
	jx_set_int(counts, "supported", (json_int_t)s->supported);
	jx_set_int(counts, "refused", (json_int_t)s->refused);
	jx_set_int(counts, "mapped-bus-address", (json_int_t)m[VERDICT_BUS_ADDRESS]);
	jx_set_int(counts, "mapped-host-bridge", (json_int_t)m[VERDICT_HOST_BRIDGE]);
	jx_set_int(counts, "mapping-refused", (json_int_t)m[VERDICT_NOT_SUPPORTED]);
	jx_set_int(counts, "mapping-inconclusive", (json_int_t)m[VERDICT_UNKNOWN]);
	scn_facts(s->ctx, "pair-counts", counts);
	scn_facts(s->ctx, "pairs", take_ptr(s->listed));
}

static enum outcome say_result(struct survey *s, bool control)
{
	struct scenario_ctx *ctx = s->ctx;
	const size_t *m = s->mapped;
	size_t differs = s->states[PAIR_DIFFERS], unpredicted = s->states[PAIR_UNPREDICTED];

	if (m[VERDICT_NOT_SUPPORTED])
		scn_evidence(ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
			     "%zu mappings refused with EREMOTEIO", m[VERDICT_NOT_SUPPORTED]);
	if (unpredicted)
		scn_finding(ctx, "P2P-PREDICTION-UNKNOWN", s->unpredicted,
			    ARRAY_LEN(s->unpredicted), "%zu of %zu pairs, the first from %s to %s",
			    unpredicted, s->pairs, pci_addr_str(s->unpredicted[0]),
			    pci_addr_str(s->unpredicted[1]));
	if (!s->supported && !control)
		scn_evidence(ctx, EVIDENCE_PATH, EVIDENCE_MISSING,
			     "the kernel supports no pair, not even a function with itself");
	else if (s->states[PAIR_AGREES])
		scn_evidence(ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
			     "%zu of %zu pairs ruled as predicted, by distance; %zu supported, %zu "
			     "refused; mapped: %zu by bus address, %zu through the host bridge, "
			     "%zu refused, %zu not possible for another reason",
			     s->states[PAIR_AGREES], s->pairs, s->supported, s->refused,
			     m[VERDICT_BUS_ADDRESS], m[VERDICT_HOST_BRIDGE],
			     m[VERDICT_NOT_SUPPORTED], m[VERDICT_UNKNOWN]);
	if (differs)
		scn_why(ctx, "the kernel rules otherwise than predicted on %zu of %zu pairs",
			differs, s->pairs);
	else if (s->leaked)
		scn_why(ctx, "peer-to-peer memory was not given back");
	else
		scn_why(ctx, "%zu pairs, %zu supported, %zu refused%s", s->pairs, s->supported,
			s->refused,
			unpredicted ? "; not all could be predicted" : ", as predicted");
	return differs || s->leaked ? OUTCOME_FAIL : OUTCOME_PASS;
}

static size_t count_pairs(const struct platform *p)
{
	size_t initiators = 0, targets = 0, both = 0;

	for (size_t i = 0; i < p->nr_functions; i++) {
		bool initiator = p2p_can_initiate(&p->functions[i]);
		bool target = p2p_can_be_target(&p->functions[i]);

		initiators += initiator;
		targets += target;
		both += initiator && target;
	}
	return initiators * targets - both;
}

static enum outcome survey_all(struct survey *s)
{
	bool control = false;
	int err = 0;

	for (int t = 0; (size_t)t < s->platform->nr_functions && !err; t++) {
		if (!p2p_can_be_target(&s->platform->functions[t]))
			continue;
		if (!control)
			err = survey_control(s, t, &control);
		if (!err)
			err = survey_target(s, t);
	}
	if (err)
		return OUTCOME_ERROR;
	say_counts(s);
	return say_result(s, control);
}

static enum outcome run_pair_verdict(struct scenario_ctx *ctx)
{
	const struct scenario_env *env = scn_env(ctx);
	struct survey s = {
		.ctx = ctx,
		.platform = env->platform,
		.total = count_pairs(env->platform),
	};
	struct p2pcert_held held;
	enum outcome outcome = OUTCOME_ERROR;
	bool given_back = true;
	uint64_t refcnt;

	s.fd = modfd_open(ctx, MODULE, modfd_injected(ctx, MODULE_FAULTS), &refcnt);
	if (s.fd < 0)
		return OUTCOME_ERROR;
	if (modfd_held(ctx, P2PCERT_DEV_P2P, s.fd, &held) == 0) {
		s.listed = jx_array();
		outcome = survey_all(&s);
		json_decref(s.listed);
		given_back = modfd_judge_held(ctx, P2PCERT_DEV_P2P, s.fd, &held);
	}
	close(s.fd);
	given_back &= modfd_judge_refcnt(ctx, MODULE, refcnt);
	return given_back ? outcome : OUTCOME_FAIL;
}

const struct scenario scenario_topo_pair_verdict = {
	.id = "topo.pair-verdict",
	.title = "every pair of functions: the kernel's peer-to-peer ruling against the prediction",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "foll_pci_p2pdma" }, { NEED_MODULE, MODULE },
	       { NEED_ROLE, "pci-pair" }),
	.evidence = EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("wrong-verdict", "leak", MODFD_FAULTS_ENTER),
	.run = run_pair_verdict,
};
