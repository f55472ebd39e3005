/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.policy: the exporter alone decides who may have its memory, and what for; each of its answers must
 * reach the importer as it was given, and what is denied moves nothing. mr.policy-stable: what it has
 * once granted it cannot deny as long as the attachment lives.
 */
#include <string.h>

#include "scenario/mr_rig.h"

#define ROUNDS 16

static const struct pci_addr *who(const struct mr_importer *im)
{
	return im->is_function ? &im->addr : NULL;
}

/* An engine or an RDMA device is a function, a device of the module is none. */
static int decide(struct mr_case *c, const struct mr_importer *im, uint32_t policy)
{
	return mr_memory_policy(c->memory, who(im), policy);
}

static int denied(struct mr_case *c, struct mr_importer *im)
{
	int ret = decide(c, im, P2PCERT_POLICY_DENY);

	ret = ret ?: mr_expect(c, "attaching who is denied", mr_attach(im, c->memory->fd), -EACCES);
	ret = ret ?: mr_held(c, 0, 0);
	return ret ?: mr_check(c);
}

static int allowed(struct mr_case *c, struct mr_importer *im)
{
	struct mr_importer *first = c->importer;
	int ret = mr_expect(c, "attaching who is allowed", mr_attach(im, c->memory->fd), 0);

	c->importer = im;
	ret = ret ?: mr_use(c);
	c->importer = first;
	return ret ?: mr_expect(c, "detaching", mr_detach(im), 0);
}

static int only_read(struct mr_case *c, struct mr_importer *im)
{
	uint32_t flags = im->flags;
	unsigned char data[16] = { 0 };
	struct p2pcert_dmabuf_map map;
	int ret = decide(c, im, P2PCERT_POLICY_READ_ONLY);

	mr_stage(c, "memory that may only be read, mapped to be written");
	/* It registers and maps at once, to read and to write. */
	if (im->verbs)
		return ret ?: mr_expect(c, "registering", mr_attach(im, c->memory->fd), -EACCES);
	ret = ret ?: mr_expect(c, "attaching", mr_attach(im, c->memory->fd), 0);
	ret = ret ?: mr_expect(c, "mapping", mr_map(im, &map), -EACCES);
	ret = ret ?: mr_expect(c, "writing", mr_access(im, 0, data, sizeof(data), true), -EACCES);
	ret = ret ?: mr_held(c, 1, 0);
	ret = ret ?: mr_detach(im);
	im->flags &= ~P2PCERT_ATTACH_WRITE;
	mr_stage(c, "memory that may only be read, mapped to be read");
	ret = ret ?: mr_expect(c, "attaching", mr_attach(im, c->memory->fd), 0);
	ret = ret ?: mr_read(c, 0, 64);
	ret = ret ?: mr_expect(c, "writing", mr_access(im, 0, data, sizeof(data), true), -EACCES);
	ret = ret ?: mr_detach(im);
	im->flags = flags;
	return ret ?: mr_check(c);
}

/* What one is denied the other is not. */
static int tell_apart(struct mr_case *c)
{
	struct mr_importer other;
	int ret = mr_importer_open(c->ctx, P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_WRITE, &other);

	if (ret)
		return ret;
	mr_stage(c, "one importer denied, another allowed");
	ret = denied(c, c->importer);
	ret = ret ?: allowed(c, &other);
	ret = ret ?: denied(c, &other);
	ret = ret ?: decide(c, c->importer, P2PCERT_POLICY_ALLOW);
	ret = ret ?: allowed(c, c->importer);
	mr_importer_close(&other);
	return ret;
}

static int body_policy(struct mr_case *c)
{
	int ret = 0;

	/* Two devices of the module are one and the same to an exporter. */
	if (c->importer->is_function) {
		ret = tell_apart(c);
	} else {
		mr_stage(c, "an importer denied, then allowed");
		ret = denied(c, c->importer);
		ret = ret ?: decide(c, c->importer, P2PCERT_POLICY_ALLOW);
		ret = ret ?: allowed(c, c->importer);
	}
	return ret ?: only_read(c, c->importer);
}

static int again(struct mr_case *c, int round)
{
	uint32_t place = round % 2 ? P2PCERT_PLACE_RAM : P2PCERT_PLACE_OTHER_RAM;
	int ret = 0;

	mr_stage(c, "mapped for the %dth time, denied since", round + 2);
	if (mr_is_told(c->importer))
		ret = mr_expect(c, "moving", mr_memory_move(c->memory, place), 0);
	if (!ret && !c->importer->verbs)
		ret = mr_expect(c, "unmapping", mr_unmap(c->importer), 0);
	ret = ret ?: mr_held(c, 1, 0);
	ret = ret ?: mr_use(c);
	return ret ?: mr_held(c, 1, 1);
}

static int body_policy_stable(struct mr_case *c)
{
	int ret;

	mr_stage(c, "mapped for the first time");
	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	ret = ret ?: mr_use(c);
	ret = ret ?: decide(c, c->importer, P2PCERT_POLICY_DENY);
	for (int i = 0; i < ROUNDS && !ret; i++)
		ret = again(c, i);
	ret = ret ?: mr_expect(c, "detaching", mr_detach(c->importer), 0);
	mr_stage(c, "attached anew, denied since");
	return ret ?: mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), -EACCES);
}

MR_SCENARIO(policy, "policy", "an exporter decides who may have its memory",
	    MR_PAGES_OF_MODULE | MR_BAR, EV(DATA) | EV(ERRNO) | EV(COUNTERS), 60, "policy-ignored");
MR_SCENARIO(policy_stable, "policy-stable", "what an exporter has granted stays granted",
	    MR_PAGES_OF_MODULE | MR_BAR | MR_NOT_TOLD, EV(DATA) | EV(ERRNO) | EV(COUNTERS), 60,
	    "policy-ignored");
