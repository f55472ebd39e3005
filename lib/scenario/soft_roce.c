/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * odp.soft-roce: soft RoCE devices come and go, as runs make and remove them. In a network namespace of its
 * own, in which whatever listens to the port of RoCE v2 is theirs: a device listens although another one went
 * as it came, and what could not be made leaves nothing. The namespace, and with it all that is in it, ends
 * with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/tool.h"
#include "scenario/nldev.h"
#include "scenario/scenario.h"

#define ROCE_V2_PORT 4791 /* InfiniBand Architecture Specification volume 1, annex A17 */
#define MOMENT_US 1000
#define TOOL_TIMEOUT_NS (60 * NS_PER_S)
#define SOCKETS_MAX (1 << 20) /* bytes */

#define TYPE "rxe"
#define WORKAROUND_DEAF "rxe-link-deaf"
#define WORKAROUND_LEFT "rxe-link-left"

/* A device goes while another one comes, so often. */
static const unsigned int laps_of_level[NR_LEVELS] = {
	[LEVEL_QUICK] = 20,
	[LEVEL_STANDARD] = 50,
	[LEVEL_FULL] = 200,
	[LEVEL_SOAK] = 2000,
};

/* Two devices, each for one end of a pair of network devices. */
enum side { FIRST, SECOND, NR_SIDES };
static const char *const netdevs[NR_SIDES] = { "p2pcert-a", "p2pcert-b" };

struct links {
	struct scenario_ctx *ctx;
	char names[NR_SIDES][sizeof("p2pcert4294967295a")];
	size_t alone; /* sockets of a namespace with one device */
};

/* 0, or 1 after an error was said. */
static int run_tool(struct scenario_ctx *ctx, const char *const argv[])
{
	autofree char *why = NULL;

	if (tool_run(argv, TOOL_TIMEOUT_NS, &why) == 0)
		return 0;
	scn_error(ctx, ERROR_SETUP, "%s", why);
	return 1;
}

/* 0, or 1 after an error was said. */
static int add(struct links *l, enum side side)
{
	int err = nldev_link_add(l->names[side], TYPE, netdevs[side]);

	if (err)
		scn_error(l->ctx, ERROR_SETUP, "no soft RoCE device on '%s': %s", netdevs[side],
			  strerror(-err));
	return err != 0;
}

static int delete (struct links *l, enum side side)
{
	uint32_t device;
	int err = nldev_device(l->names[side], &device) ?: nldev_link_delete(device);

	if (err)
		scn_error(l->ctx, ERROR_SETUP, "'%s' cannot be removed: %s", l->names[side],
			  strerror(-err));
	return err != 0;
}

/* Of a line of /proc/net/udp or udp6: "   1: 00000000:12B7 00000000:0000 07 ...". */
static bool is_of_roce(const char *line)
{
	unsigned int port;

	return sscanf(line, "%*u: %*[0-9A-F]:%4x", &port) == 1 && port == ROCE_V2_PORT;
}

/* Of this namespace. 0, or 1 after an error was said. */
static int count_sockets(struct links *l, size_t *n)
{
	static const char *const tables[] = { "/proc/self/net/udp", "/proc/self/net/udp6" };

	*n = 0;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		autofree char *text = NULL;
		char *save, *line;
		size_t len;
		int r = fs_read(AT_FDCWD, tables[i], SOCKETS_MAX, &text, &len);

		if (r == -ENOENT) /* no IPv6 */
			continue;
		if (r < 0) {
			scn_error(l->ctx, ERROR_SETUP, "cannot read '%s': %s", tables[i],
				  strerror(-r));
			return 1;
		}
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			*n += is_of_roce(line);
	}
	return 0;
}

static int enter_namespace(struct links *l)
{
	const char *const make[] = { "ip",   "link", "add",  netdevs[FIRST],  "type",
				     "veth", "peer", "name", netdevs[SECOND], NULL };
	int ret;

	if (unshare(CLONE_NEWNET) < 0) {
		scn_error(l->ctx, ERROR_SETUP, "no network namespace: %s", strerror(errno));
		return 1;
	}
	ret = run_tool(l->ctx, make);
	for (enum side side = FIRST; side < NR_SIDES && !ret; side++) {
		const char *const up[] = { "ip", "link", "set", netdevs[side], "up", NULL };

		ret = run_tool(l->ctx, up);
	}
	return ret;
}

/* --- one device, then none ---------------------------------------------------------------------- */

static int expect_none(struct links *l, const char *code, const char *when)
{
	size_t n = 0;
	int ret = count_sockets(l, &n);

	if (ret || n == 0)
		return ret;
	scn_evidence(l->ctx, EVIDENCE_LEAK, EVIDENCE_REFUTED,
		     "%s: %zu UDP sockets at port %d in a network namespace without soft RoCE",
		     when, n, ROCE_V2_PORT);
	if (code)
		scn_finding(l->ctx, code, NULL, 0, "%s: %zu UDP sockets stay", when, n);
	return -1;
}

/* Kernels whose devices share the sockets of the first namespace have none here. */
static int try_one(struct links *l)
{
	int ret = add(l, FIRST) ?: count_sockets(l, &l->alone) ?: delete (l, FIRST);

	if (!ret && scn_injected(l->ctx, "leak"))
		ret = add(l, SECOND);
	return ret ?: expect_none(l, NULL, "a device was made and removed");
}

/* --- one comes as the other goes ---------------------------------------------------------------- */

struct removal {
	uint32_t device;
	atomic_bool done;
	int err;
};

static void *removal_main(void *arg)
{
	struct removal *removal = arg;

	removal->err = nldev_link_delete(removal->device);
	atomic_store(&removal->done, true);
	return NULL;
}

/* Until the first of a device's two sockets is gone: the other one goes then. */
static int wait_for_middle(struct links *l, struct removal *removal)
{
	size_t n = l->alone;
	int ret = 0;

	while (!ret && n && n == l->alone && !atomic_load(&removal->done))
		ret = count_sockets(l, &n);
	usleep(MOMENT_US);
	return ret;
}

/* The second comes as the first goes; with the workaround, after it. */
static int replace(struct links *l)
{
	struct removal removal = { 0 };
	pthread_t thread;
	int ret, err;

	if (scn_works_around(l->ctx, WORKAROUND_DEAF))
		return delete (l, FIRST) ?: add(l, SECOND);
	err = nldev_device(l->names[FIRST], &removal.device)
		      ?: -pthread_create(&thread, NULL, removal_main, &removal);
	if (err) {
		scn_error(l->ctx, ERROR_SETUP, "no removal of '%s': %s", l->names[FIRST],
			  strerror(-err));
		return 1;
	}
	ret = wait_for_middle(l, &removal) ?: add(l, SECOND);
	pthread_join(thread, NULL);
	if (!ret && removal.err)
		scn_error(l->ctx, ERROR_SETUP, "'%s' cannot be removed: %s", l->names[FIRST],
			  strerror(-removal.err));
	return ret ?: removal.err != 0;
}

/* 0, 1 after an error, -1 if not as one that is alone. */

static int expect_heard(struct links *l, unsigned int lap)
{
	bool deaf = scn_injected(l->ctx, "deaf");
	size_t n = 0;
	int ret = deaf ? delete (l, SECOND) : 0;

	ret = ret ?: count_sockets(l, &n);
	if (deaf)
		ret = ret ?: add(l, SECOND);
	if (ret || n == l->alone)
		return ret;
	scn_evidence(l->ctx, EVIDENCE_PATH, EVIDENCE_REFUTED,
		     "made as another one was removed, for the %u. time: a device listens at %zu "
		     "UDP sockets, and at %zu where it is made alone",
		     lap, n, l->alone);
	if (n < l->alone)
		scn_finding(l->ctx, "RXE-LINK-DEAF", NULL, 0,
			    "a device listens at %zu UDP sockets instead of %zu", n, l->alone);
	return -1;
}

static int try_replacing(struct links *l)
{
	unsigned int laps = laps_of_level[scn_env(l->ctx)->level];
	int ret = 0;

	for (unsigned int lap = 1; lap <= laps && !ret; lap++) {
		ret = add(l, FIRST) ?: replace(l);
		if (ret)
			return ret;
		ret = expect_heard(l, lap);
		ret = delete (l, SECOND) ?: ret;
	}
	if (!ret)
		scn_evidence(l->ctx, EVIDENCE_PATH, EVIDENCE_PROVEN,
			     "%u times a device was made as another one was removed: it listens at "
			     "%zu UDP sockets, as one that is made alone",
			     laps, l->alone);
	return ret ?: expect_none(l, NULL, "devices were made and removed");
}

/* --- one that cannot be made -------------------------------------------------------------------- */

/* For its name is taken; with the workaround, nobody tries. */
static int refuse(struct links *l)
{
	if (scn_works_around(l->ctx, WORKAROUND_LEFT) ||
	    nldev_link_add(l->names[FIRST], TYPE, netdevs[SECOND]) < 0)
		return 0;
	scn_error(l->ctx, ERROR_SETUP, "there are two RDMA devices '%s'", l->names[FIRST]);
	return 1;
}

static int try_refused(struct links *l)
{
	int ret = add(l, FIRST) ?: refuse(l) ?: delete (l, FIRST);

	ret = ret
		      ?: expect_none(l, "RXE-LINK-LEFT",
				     "a device could not be made, for its name is taken");
	if (!ret)
		scn_evidence(l->ctx, EVIDENCE_LEAK, EVIDENCE_PROVEN,
			     "no UDP socket at port %d stays in a network namespace whose devices "
			     "are gone, nor of one that could not be made",
			     ROCE_V2_PORT);
	return ret;
}

/* --- course ------------------------------------------------------------------------------------- */

/* Elsewhere its driver would be loaded for nothing. */
static bool is_in_use(const struct scenario_env *env)
{
	autofree char *path = fs_under(env->sysroot, "/sys/module/rdma_rxe");

	return fs_exists(AT_FDCWD, path);
}

/* 0, 1 after an error, -1 after something was refuted: then the other part is looked at all the same. */
static int try_all(struct links *l)
{
	int heard = enter_namespace(l) ?: try_one(l) ?: try_replacing(l), kept;

	if (heard > 0)
		return heard;
	kept = enter_namespace(l) ?: try_refused(l);
	return kept ?: heard;
}

static enum outcome run(struct scenario_ctx *ctx)
{
	struct links l = { .ctx = ctx };
	int ret;

	for (enum side side = FIRST; side < NR_SIDES; side++)
		snprintf(l.names[side], sizeof(l.names[side]), "p2pcert%u%c",
			 (unsigned int)getpid(), "ab"[side]);
	if (!is_in_use(scn_env(ctx))) {
		scn_skip(ctx, SKIP_HW_ABSENT, "soft RoCE is not in use");
		return OUTCOME_SKIP;
	}
	ret = try_all(&l);
	if (ret > 0)
		return OUTCOME_ERROR;
	if (ret < 0) {
		scn_why(ctx, "devices that come or go disturb each other, or leave something");
		return OUTCOME_FAIL;
	}
	scn_why(ctx, "devices come and go, and leave nothing");
	return OUTCOME_PASS;
}

const struct scenario scenario_odp_soft_roce = {
	.id = "odp.soft-roce",
	.title = "soft RoCE devices come and go beside each other, and leave nothing",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, { NEED_TOOL, "ip" },
	       { NEED_KCONFIG,
		 "CONFIG_RDMA_RXE && CONFIG_NET_NS && CONFIG_VETH && CONFIG_PROC_FS" },
	       { NEED_ROLE, "rdma" }),
	.evidence = EV(PATH) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_FULL, /* what can go wrong is the kernel's memory */
	.seconds = 120,
	.FAULTS("leak", "deaf"),
	.WORKAROUNDS(WORKAROUND_DEAF, WORKAROUND_LEFT),
	.run = run,
};
