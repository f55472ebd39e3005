/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.mmap-unbind: the driver of a provider goes while the provider's memory is mapped. It must be able to
 * go; from then on an access to the mapping ends with SIGBUS, and nobody can map it anew. When the driver is
 * back, all of the memory is free, and what is mapped then is right. For providers that were named alone.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "scenario/access.h"
#include "scenario/modfd.h"
#include "scenario/pattern.h"
#include "scenario/provider.h"

#define PAGES 4
#define TRIES 500 /* of 20 ms: until the driver has published the memory again */

/* Says so if the driver could not be made to go, or to come. */
static bool settled(struct provider *p, int err, const char *what, const char *why)
{
	if (err)
		provider_say(p, EVIDENCE_ERRNO,
			     err == -ETIMEDOUT ? EVIDENCE_REFUTED : EVIDENCE_MISSING,
			     "the driver cannot be %s: %s", what, why ? why : strerror(-err));
	return !err;
}

/* Until driver_bind(), or until the scenario is over. */
static bool driver_unbind(struct provider *p)
{
	autofree char *why = NULL;
	json_t *args = jx_object();
	int err;

	jx_set_str(args, "address", p->name);
	jx_set_str(args, "driver", "");
	err = scn_change(p->ctx, "driver-override", args, NULL, &why);
	return settled(p, err, "unbound", why);
}

static bool driver_bind(struct provider *p)
{
	autofree char *why = NULL;
	int err = scn_undo(p->ctx, &why);

	return settled(p, err, "bound again", why);
}

static bool ends_with_sigbus(struct provider *p, void *at, bool write)
{
	int came = access_fate(at, write);

	provider_say(p, EVIDENCE_ERRNO, came == SIGBUS ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "%s of the mapping without a driver ends with %s",
		     write ? "a write" : "a read", came > 0 ? strsignal(came) : "success");
	return came == SIGBUS;
}

static bool refuses_to_map(struct provider *p)
{
	struct p2pmem_map map = { 0 };
	int err = p2pmem_map(scn_env(p->ctx)->sysroot, p->function->addr, page_size(), &map);

	p2pmem_unmap(&map);
	provider_say(p, EVIDENCE_ERRNO, err == -ENOENT ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
		     "mapping it without a driver: %s", err ? errno_text(err) : "success");
	return err == -ENOENT;
}

static bool comes_back(struct provider *p)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	uint64_t now = 0;
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && err; i++) {
		err = p2pmem_available(scn_env(p->ctx)->sysroot, p->function->addr, &now);
		if (err)
			nanosleep(&moment, NULL);
	}
	if (err)
		provider_say(p, EVIDENCE_ERRNO, EVIDENCE_REFUTED,
			     "with its driver again, it publishes no memory");
	return !err;
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

static bool is_named(const struct provider *p)
{
	const char *const *d = scn_env(p->ctx)->devices;
	struct pci_addr named;

	for (; d && *d; d++)
		if (pci_addr_parse(*d, &named) == 0 && pci_addr_eq(named, p->function->addr))
			return true;
	return false;
}

static void body(struct provider *p)
{
	struct p2pmem_map map = { 0 }, anew = { 0 };
	bool good;

	if (!p->function->driver || !is_named(p))
		return;
	p->exercised++;
	good = is_right(p, &map, "before");
	/* The fault: the driver does not go. */
	if (good && !scn_injected(p->ctx, "no-unbind"))
		good = driver_unbind(p);
	/* The fault: nobody is there to bind it again but the supervisor. */
	if (good && scn_injected(p->ctx, "killed"))
		raise(SIGKILL);
	if (good) {
		good = ends_with_sigbus(p, map.addr, false);
		good &= ends_with_sigbus(p, map.addr, true);
		good &= refuses_to_map(p);
	}
	p2pmem_unmap(&map);
	if (good && driver_bind(p) && comes_back(p))
		is_right(p, &anew, "with the driver bound again");
	p2pmem_unmap(&anew);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return provider_each(ctx, P2PCERT_FAULTS_ENTER, body, SKIP_HW_UNSUPPORTED,
			     "none of the named devices has a driver that publishes memory");
}

const struct scenario scenario_p2pdma_mmap_unbind = {
	.id = "p2pdma.mmap-unbind",
	.title = "the driver of published memory goes while the memory is mapped",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(DATA) | EV(ERRNO) | EV(LEAK),
	.safety = SAFETY_UNSAFE,
	.level = LEVEL_STANDARD,
	.seconds = 60,
	.FAULTS("no-unbind", "killed"),
	.run = run,
};
