/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.mmap-unbind: the driver of a provider goes while the provider's memory is mapped. It must be able to
 * go; from then on an access to the mapping ends with SIGBUS, and nobody can map it anew. When the driver is
 * back, all of the memory is free, and what is mapped then is right.
 * p2pdma.mmap-remove: the same where all of the provider goes, as on a hot unplug that nobody announced.
 * For providers that were named alone.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "scenario/access.h"
#include "scenario/initiator.h"
#include "scenario/modfd.h"
#include "scenario/pattern.h"
#include "scenario/provider.h"

#define PAGES 4
#define TRIES 500 /* of 20 ms: until the driver has published the memory again */

/* How the provider goes, and comes back. */
struct going {
	const char *kind; /* of change */
	const char *gone, *back; /* "unbound" */
	const char *fault; /* it does not go */
};

static const struct going by_unbinding = { "driver-override", "unbound", "bound again",
					   "no-unbind" };
static const struct going by_removal = { "pci-remove", "removed", "found again", "no-remove" };

/* Says so if it could not be made to go, or to come. */
static bool settled(struct provider *p, int err, const char *what, const char *why)
{
	if (err)
		provider_say(p, EVIDENCE_ERRNO,
			     err == -ETIMEDOUT ? EVIDENCE_REFUTED : EVIDENCE_MISSING,
			     "it cannot be %s: %s", what, why ? why : strerror(-err));
	return !err;
}

/* Until come(), or until the scenario is over. */
static bool go(struct provider *p, const struct going *how)
{
	autofree char *why = NULL;
	json_t *args = jx_object();
	int err;

	jx_set_str(args, "address", p->name);
	if (how == &by_unbinding)
		jx_set_str(args, "driver", "");
	err = scn_change(p->ctx, how->kind, args, NULL, &why);
	return settled(p, err, how->gone, why);
}

static bool come(struct provider *p, const struct going *how)
{
	autofree char *why = NULL;
	int err = scn_undo(p->ctx, &why);

	return settled(p, err, how->back, why);
}

static bool has_its_driver(struct provider *p)
{
	autofree char *link =
		fs_under(scn_env(p->ctx)->sysroot, "/sys/bus/pci/devices/%s/driver", p->name);
	autofree char *driver = NULL;
	bool good = fs_read_link_name(AT_FDCWD, link, &driver) == 0 &&
		    strcmp(driver, p->function->driver) == 0;

	provider_say(p, EVIDENCE_ERRNO, good ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "it has driver '%s' again, it had '%s'", driver ? driver : "",
		     p->function->driver);
	return good;
}

static bool ends_with_sigbus(struct provider *p, void *at, bool write)
{
	int came = access_fate(at, write);

	provider_say(p, EVIDENCE_ERRNO, came == SIGBUS ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "%s of the mapping, it being gone, ends with %s", write ? "a write" : "a read",
		     came > 0 ? strsignal(came) : "success");
	return came == SIGBUS;
}

static bool refuses_to_map(struct provider *p)
{
	struct p2pmem_map map = { 0 };
	int err = p2pmem_map(scn_env(p->ctx)->sysroot, p->function->addr, page_size(), &map);

	p2pmem_unmap(&map);
	provider_say(p, EVIDENCE_ERRNO, err == -ENOENT ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "mapping it when it is gone: %s", err ? errno_text(err) : "success");
	return err == -ENOENT;
}

/* The files are there a moment before the memory is. */
static bool comes_back(struct provider *p)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	bool there = false;
	uint64_t now = 0;

	for (int i = 0; i < TRIES && !there; i++) {
		there = p2pmem_available(scn_env(p->ctx)->sysroot, p->function->addr, &now) == 0 &&
			now >= p->available;
		if (!there)
			nanosleep(&moment, NULL);
	}
	if (!there)
		provider_say(p, EVIDENCE_ERRNO, EVIDENCE_REFUTED,
			     "with its driver again, it publishes %" PRIu64 " of %" PRIu64 " bytes",
			     now, p->available);
	return there;
}

/* Mapped memory holds what is written to it. */
static bool is_right(struct provider *p, struct p2pmem_map *map, const char *when)
{
	autofree unsigned char *image = NULL;
	uint64_t seed = provider_seed(p);
	bool good;

	if (!provider_map(p, PAGES, map))
		return false;
	image = xcalloc(1, map->len);
	pattern_fill(image, map->len, seed, 0);
	p2pmem_write(map->addr, image, map->len);
	p2pmem_read(image, map->addr, map->len);
	good = pattern_verify(image, map->len, seed, 0, NULL);
	provider_say(p, EVIDENCE_DATA, good ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "%s: %zu bytes hold %s", when, map->len,
		     good ? "what was written" : "something else than was written");
	return good;
}

static void body(struct provider *p, const struct going *how)
{
	struct p2pmem_map map = { 0 }, anew = { 0 };
	bool good;

	if (!p->function->driver || !initiator_is_named(scn_env(p->ctx), p->function->addr))
		return;
	p->exercised++;
	good = is_right(p, &map, "before");
	if (good && !scn_injected(p->ctx, how->fault))
		good = go(p, how);
	if (good) {
		scn_perish(p->ctx);
		good = ends_with_sigbus(p, map.addr, false);
		good &= ends_with_sigbus(p, map.addr, true);
		good &= refuses_to_map(p);
	}
	p2pmem_unmap(&map);
	if (good && come(p, how) && comes_back(p) && has_its_driver(p))
		is_right(p, &anew, "after it came back");
	p2pmem_unmap(&anew);
}

static void body_unbind(struct provider *p)
{
	body(p, &by_unbinding);
}

static void body_remove(struct provider *p)
{
	body(p, &by_removal);
}

#define NO_DRIVER "none of the named devices has a driver that publishes memory"

static enum outcome run_unbind(struct scenario_ctx *ctx)
{
	return provider_each(ctx, P2PCERT_FAULTS_ENTER, body_unbind, SKIP_HW_UNSUPPORTED,
			     NO_DRIVER);
}

static enum outcome run_remove(struct scenario_ctx *ctx)
{
	return provider_each(ctx, P2PCERT_FAULTS_ENTER, body_remove, SKIP_HW_UNSUPPORTED,
			     NO_DRIVER);
}

/* What is common to both. */
#define GOING_SCENARIO \
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" }, \
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" }, \
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P }, \
	       { NEED_ROLE, "p2pmem-provider" }), \
		.evidence = EV(DATA) | EV(ERRNO) | EV(LEAK), .safety = SAFETY_UNSAFE, \
		.level = LEVEL_STANDARD, .seconds = 60

const struct scenario scenario_p2pdma_mmap_unbind = {
	.id = "p2pdma.mmap-unbind",
	.title = "the driver of published memory goes while the memory is mapped",
	GOING_SCENARIO,
	.FAULTS("no-unbind", "killed", "abandoned"),
	.run = run_unbind,
};

const struct scenario scenario_p2pdma_mmap_remove = {
	.id = "p2pdma.mmap-remove",
	.title = "a function that publishes memory is removed while the memory is mapped",
	GOING_SCENARIO,
	.FAULTS("no-remove", "killed", "abandoned"),
	.run = run_remove,
};
