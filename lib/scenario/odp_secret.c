/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.memfd-secret: memory of memfd_secret(2) is for the process alone: the kernel takes it out of its own
 * map, and pins it for nobody. A region on demand must not get at it either. Asking for the pages
 * in advance shows whether the kernel gives them away, and moves nothing: a driver that copies with the
 * CPU dies of a page that is not in the kernel's map, so that a transfer follows only where the kernel has
 * refused, or is asked for by the fault 'transfer'.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "scenario/odp_rig.h"
#include "scenario/scenario.h"

#define PAGES 4

static int secret_memory(struct rig *r)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	return fd < 0 ? -errno : rig_map(r, &r->local, fd);
}

/* 0, 1 if it could be pinned, or a negative errno. */
static int try_to_pin(struct rig *r)
{
	int err;

	rig_stage(r, "registration of a pinned region");
	err = rig_register(r, &r->local, false);
	if (err == -EFAULT)
		return 0;
	return err ?: rig_refute(r, EVIDENCE_ERRNO, "succeeds over secret memory");
}

/* 0: refused; 1: the pages are given away, which has been said; or a negative errno. */
static int try_to_prefetch(struct rig *r)
{
	int err = verbs_advise(&r->device->verbs, IBV_ADVISE_MR_ADVICE_PREFETCH, true, r->local.mr,
			       r->page, rig_pages_len(r));

	rig_stage(r, "advice to fetch secret memory");
	if (err == -EFAULT)
		return 0;
	return err ?: rig_refute(r, EVIDENCE_ERRNO, "succeeds, expected '%s'", strerror(EFAULT));
}

static int try_to_transfer(struct rig *r)
{
	int ret;

	rig_stage(r, "transfers of secret memory");
	rig_fill(r, &r->remote);
	ret = rig_move_all(r, &rig_write, IBV_WC_LOC_PROT_ERR);
	ret = ret ?: rig_move_all(r, &rig_read, IBV_WC_LOC_PROT_ERR);
	return ret ?: rig_check(r, &r->remote);
}

/* A region over it may exist; what matters is that it gives no page. */
static int run_all(struct rig *r)
{
	int ret;

	rig_fill(r, &r->local);
	ret = try_to_pin(r);
	ret = ret ?: rig_register(r, &r->remote, false);
	if (ret)
		return ret;
	ret = rig_register(r, &r->local, true);
	if (ret == -EFAULT)
		return 0;
	ret = ret ?: try_to_prefetch(r);
	if (ret == 1 && scn_injected(r->device->ctx, "transfer"))
		return try_to_transfer(r) ?: 1;
	return ret ?: try_to_transfer(r) ?: rig_check(r, &r->local);
}

static enum outcome conclude(struct rig *r, int ret)
{
	if (ret > 0)
		scn_finding(r->device->ctx, "ODP-SECRET", NULL, 0, "%s: %s", r->device->verbs.name,
			    r->stage);
	if (!ret)
		scn_evidence(r->device->ctx, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
			     "%s: secret memory is neither pinned nor fetched nor moved",
			     r->device->verbs.name);
	return rig_conclude(r, ret, "secret memory is kept from the device");
}

static enum outcome body(struct rdma_device *device, const void *arg attr_unused)
{
	enum outcome outcome;
	struct rig r;
	int ret = rig_open(&r, device, PAGES);

	ret = ret ?: rig_map_memfd(&r, &r.remote);
	ret = ret ?: secret_memory(&r);
	outcome = conclude(&r, ret ?: run_all(&r));
	rig_close(&r);
	return outcome;
}

ODP_SCENARIO_OF(memfd_secret, "memfd-secret", "secret memory is kept from a device, also on demand",
		IBV_ODP_SUPPORT_WRITE | IBV_ODP_SUPPORT_READ, body, NULL, EV(ERRNO),
		.NEEDS(RDMA_ODP_NEEDS, { NEED_KCONFIG, "CONFIG_SECRETMEM" }), .safety = SAFETY_SAFE,
		.level = LEVEL_STANDARD, .FAULTS("transfer"));
