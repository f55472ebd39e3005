/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.invalidate.exit: a region on demand of a process that ends, while the device is still open in another.
 * Both have the same file mapped, so that the data can be looked at afterwards; the region is over the
 * mapping of the child, which inherits the device. As long as it lives transfers go there; from then on
 * they are refused, and the memory, which the parent has mapped at the same address, is left alone. The
 * child ends before the device has used the region, between its transfers, and during them.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "scenario/odp_race.h"

#define PAGES 8

struct trial {
	struct rig r;
	struct ibv_mr region; /* of the child: its keys are all that counts here */
	pid_t child;
	int leash; /* closed, it ends the child */
	struct race_count count;
};

/* What the child tells of its region. */
struct keys {
	int err;
	uint32_t lkey, rkey;
};

static void attr_noreturn child_main(struct rig *r, int tell, int leash)
{
	struct keys keys = { 0 };
	char byte;

	keys.err = rig_register(r, &r->remote, true);
	if (!keys.err) {
		keys.lkey = r->remote.mr->lkey;
		keys.rkey = r->remote.mr->rkey;
	}
	if (write(tell, &keys, sizeof(keys)) != sizeof(keys))
		_exit(1);
	while (read(leash, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int hear(struct trial *t, int from)
{
	struct keys keys;
	ssize_t n = read(from, &keys, sizeof(keys));

	if (n != sizeof(keys))
		return n < 0 ? -errno : -EPIPE;
	t->region = (struct ibv_mr){
		.addr = t->r.remote.data,
		.length = t->r.len,
		.lkey = keys.lkey,
		.rkey = keys.rkey,
	};
	return keys.err;
}

static int start_child(struct trial *t)
{
	int told[2], leash[2], err;

	if (pipe2(told, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(leash, O_CLOEXEC) < 0) {
		err = -errno;
		close(told[0]);
		close(told[1]);
		return err;
	}
	t->child = fork();
	err = t->child < 0 ? -errno : 0;
	if (t->child == 0) {
		close(leash[1]);
		child_main(&t->r, told[1], leash[0]);
	}
	close(leash[0]);
	close(told[1]);
	t->leash = leash[1];
	err = err ?: hear(t, told[0]);
	close(told[0]);
	return err;
}

static int end_child(struct trial *t)
{
	if (t->leash >= 0)
		close(t->leash);
	t->leash = -1;
	while (t->child > 0 && waitpid(t->child, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	t->child = 0;
	return 0;
}

static int check_both(struct rig *r)
{
	return rig_check(r, &r->remote) ?: rig_check(r, &r->local);
}

static int traffic(struct rig *r, enum ibv_wc_status expected)
{
	int ret;

	rig_fill(r, &r->local);
	ret = rig_move_all(r, &rig_write, expected) ?: check_both(r);
	rig_fill(r, &r->local);
	return ret ?: rig_move_all(r, &rig_read, expected) ?: check_both(r);
}

static int run(struct trial *t, bool used)
{
	struct rig *r = &t->r;
	const char *when = used ? "after it was used" : "before it was";
	int ret;

	rig_stage(r, "region of another process, %s", when);
	ret = rig_register(r, &r->local, false) ?: start_child(t);
	r->remote.mr = &t->region;
	r->remote.on_demand = true;
	if (used && !ret)
		ret = traffic(r, IBV_WC_SUCCESS);
	ret = ret ?: end_child(t);
	if (!ret) {
		rig_stage(r, "the process of the region has ended, %s", when);
		ret = traffic(r, IBV_WC_REM_ACCESS_ERR);
	}
	r->remote.mr = NULL;
	return ret;
}

/* --- during transfers --------------------------------------------------------------------------- */

static int ready(void *arg)
{
	struct trial *t = arg;
	int err;

	t->r.remote.mr = NULL; /* that of the child before is no more */
	err = start_child(t);
	t->r.remote.mr = &t->region;
	t->r.remote.on_demand = true;
	return err;
}

static int apply(void *arg)
{
	return end_child(arg);
}

static int run_during(struct trial *t)
{
	struct rig *r = &t->r;
	struct race race = {
		.r = r,
		.end = &rig_ends[0],
		.name = "the end of its process",
		.rules = { .no_read = true, .no_write = true },
		.ready = ready,
		.apply = apply,
		.arg = t,
	};
	int ret = rig_register(r, &r->local, false) ?: race_run(&race, race_end_ns(r), &t->count);

	r->remote.mr = NULL;
	return ret;
}

static enum outcome conclude(struct trial *t, int ret)
{
	struct rig *r = &t->r;
	struct rdma_device *device = r->device;

	if (ret > 0 && r->wrong_data)
		scn_finding(device->ctx, "ODP-STALE", NULL, 0, "%s: %s", device->verbs.name,
			    r->stage);
	if (!ret && !race_has_met(&t->count))
		return rdma_conclude(device, OUTCOME_INCONCLUSIVE,
				     "no process ended during a transfer");
	if (!ret) {
		scn_evidence(device->ctx, EVIDENCE_DATA, EVIDENCE_PROVEN,
			     "%s: %u pages of another process: moved while it lives, refused when "
			     "it has ended, and nothing has changed then",
			     device->verbs.name, PAGES);
		race_say(r, "the end of the process", &t->count);
	}
	return rig_conclude(r, ret, "a region goes with its process");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	struct trial t = { .leash = -1 };
	struct rig *r = &t.r;
	enum outcome outcome;
	int ret = rig_open(r, device, PAGES);

	ret = ret ?: rig_map_both(r);
	if (!ret)
		rig_fill(r, &r->remote);
	ret = ret ?: run(&t, false) ?: run(&t, true) ?: run_during(&t);
	outcome = conclude(&t, ret);
	(void)end_child(&t);
	rig_close(r);
	return outcome;
}

ODP_SCENARIO(invalidate_exit, "invalidate.exit", "the process of an on-demand region ends",
	     IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(DATA),
	     .FAULTS(RIG_FAULTS));
