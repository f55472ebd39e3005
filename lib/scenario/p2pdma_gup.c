/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.gup: who pins pages of user space gets peer-to-peer pages only by asking for them with
 * FOLL_PCI_P2PDMA, and never for long (FOLL_LONGTERM), since the function that owns them must be able to go.
 * The errno of a refusal is EREMOTEIO (mm/gup.c, since 6.2), but for long-term pins for writing to a file's
 * mapping, which are refused as such. What was pinned before a refusal is let go of.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "scenario/modfd.h"
#include "scenario/provider.h"

#define PIN_FAULTS \
	(P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_LEAK | \
	 P2PCERT_FAULTS_ENTER)

#define PAGES 4

/* Kinds of memory, and which of their pages are the provider's, a bit each. */
enum memory { PEER, READ_ONLY, MIXED, ORDINARY, NR_MEMORIES };

static const struct {
	const char *name;
	uint64_t p2p_pages;
} memories[NR_MEMORIES] = {
	[PEER] = { "peer-to-peer memory", 0xf },
	[READ_ONLY] = { "peer-to-peer memory mapped to be read", 0xf },
	[MIXED] = { "ordinary and peer-to-peer pages in turn", 0xa },
	[ORDINARY] = { "ordinary memory", 0 },
};

static const struct way {
	const char *name;
	uint32_t flags;
} ways[] = {
	{ "pin_user_pages_unlocked", 0 },
	{ "pin_user_pages_fast", P2PCERT_PIN_FAST },
	{ "get_user_pages_unlocked", P2PCERT_PIN_GET },
	{ "get_user_pages_fast", P2PCERT_PIN_GET | P2PCERT_PIN_FAST },
};

static const struct request {
	const char *name;
	uint32_t flags;
} requests[] = {
	{ "no flag", 0 },
	{ "FOLL_WRITE", P2PCERT_PIN_WRITE },
	{ "FOLL_PCI_P2PDMA", P2PCERT_PIN_P2P },
	{ "FOLL_PCI_P2PDMA and FOLL_WRITE", P2PCERT_PIN_P2P | P2PCERT_PIN_WRITE },
	{ "FOLL_LONGTERM", P2PCERT_PIN_LONGTERM },
	{ "FOLL_LONGTERM and FOLL_WRITE", P2PCERT_PIN_LONGTERM | P2PCERT_PIN_WRITE },
};

struct areas {
	struct p2pmem_map peer, read_only, mixed;
	unsigned char *ordinary;
};

/* What must come of it. */
struct answer {
	int result;
	int earlier; /* if not 0, the result of kernels before 6.5 */
	uint32_t nr_pages;
	uint64_t p2p_pages;
};

static struct answer expected(enum memory memory, uint32_t flags)
{
	uint64_t p2p = memories[memory].p2p_pages;
	uint32_t before = 0;

	if (memory == READ_ONLY && flags & P2PCERT_PIN_WRITE)
		return (struct answer){ .result = -EFAULT };
	if (!p2p || flags & P2PCERT_PIN_P2P)
		return (struct answer){ .nr_pages = PAGES, .p2p_pages = p2p };
	while (!(p2p >> before & 1))
		before++;
	/* The mapping is a file's, which is refused before its pages are looked at (check_vma_flags()). */
	if (flags & P2PCERT_PIN_LONGTERM && flags & P2PCERT_PIN_WRITE)
		return (struct answer){ -EFAULT, -EREMOTEIO, before, 0 };
	return (struct answer){ .result = -EREMOTEIO, .nr_pages = before };
}

static bool areas_map(struct provider *p, struct areas *a)
{
	size_t page = page_size();

	if (!provider_map(p, PAGES, &a->peer) || !provider_map(p, PAGES, &a->read_only) ||
	    !provider_map(p, PAGES, &a->mixed))
		return false;
	a->ordinary = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (a->ordinary == MAP_FAILED || mprotect(a->read_only.addr, PAGES * page, PROT_READ) < 0)
		return false;
	for (size_t i = 0; i < PAGES; i++)
		if (!(memories[MIXED].p2p_pages >> i & 1) &&
		    mmap(a->mixed.addr + i * page, page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return false;
	return true;
}

static void areas_unmap(struct areas *a)
{
	p2pmem_unmap(&a->peer);
	p2pmem_unmap(&a->read_only);
	p2pmem_unmap(&a->mixed);
	if (a->ordinary && a->ordinary != MAP_FAILED)
		munmap(a->ordinary, PAGES * page_size());
}

static const void *area(const struct areas *a, enum memory memory)
{
	const void *const at[NR_MEMORIES] = {
		[PEER] = a->peer.addr,
		[READ_ONLY] = a->read_only.addr,
		[MIXED] = a->mixed.addr,
		[ORDINARY] = a->ordinary,
	};

	return at[memory];
}

static bool judge(struct provider *p, enum memory memory, const struct way *way,
		  const struct request *request, const struct p2pcert_pin *pin)
{
	const struct answer must = expected(memory, request->flags);

	if ((pin->result == must.result || (must.earlier && pin->result == must.earlier)) &&
	    pin->nr_pages == must.nr_pages && pin->p2p_pages == must.p2p_pages)
		return true;
	provider_say(p, EVIDENCE_ERRNO, EVIDENCE_REFUTED,
		     "%s() with %s of %s: %s, %u pages pinned, of these peer-to-peer 0x%" PRIx64
		     "; must be %s, %u, 0x%" PRIx64,
		     way->name, request->name, memories[memory].name,
		     pin->result ? errno_text(pin->result) : "success", pin->nr_pages,
		     (uint64_t)pin->p2p_pages, must.result ? errno_text(must.result) : "success",
		     must.nr_pages, must.p2p_pages);
	return false;
}

/* Asked together, the kernel warns of a defect of its caller: not done. */
static bool is_allowed(uint32_t flags)
{
	return !(flags & P2PCERT_PIN_LONGTERM && flags & (P2PCERT_PIN_P2P | P2PCERT_PIN_GET));
}

static bool ask(struct provider *p, const struct areas *a, enum memory memory,
		const struct way *way, const struct request *request)
{
	uint32_t flags = way->flags | request->flags;
	struct p2pcert_pin pin;
	int err;

	if (!is_allowed(flags))
		return true;
	err = provider_pin(p, area(a, memory), PAGES * page_size(), flags, &pin);
	if (err) {
		provider_say(p, EVIDENCE_ERRNO, EVIDENCE_MISSING, "%s() with %s of %s: %s",
			     way->name, request->name, memories[memory].name, strerror(-err));
		return false;
	}
	return judge(p, memory, way, request, &pin);
}

static bool ask_all(struct provider *p, const struct areas *a, enum memory memory)
{
	bool good = true;

	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		for (size_t r = 0; r < ARRAY_LEN(requests); r++)
			good &= ask(p, a, memory, &ways[w], &requests[r]);
	return good;
}

static void body(struct provider *p)
{
	struct areas a = { 0 };

	if (!areas_map(p, &a)) {
		provider_say(p, EVIDENCE_ERRNO, EVIDENCE_MISSING, "memory cannot be mapped");
		areas_unmap(&a);
		return;
	}
	p->exercised++;
	for (enum memory m = 0; m < NR_MEMORIES; m++)
		if (ask_all(p, &a, m))
			provider_say(p, EVIDENCE_ERRNO, EVIDENCE_PROVEN,
				     "%s: pinned where asked for as such, else refused",
				     memories[m].name);
	areas_unmap(&a);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return provider_each(ctx, PIN_FAULTS, body, SKIP_HW_ABSENT,
			     "nothing publishes peer-to-peer memory");
}

const struct scenario scenario_p2pdma_gup = {
	.id = "p2pdma.gup",
	.title = "published memory is pinned for who asks for it as such, and for nobody else",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(ERRNO) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("wrong-verdict", "map-fails", "leak", MODFD_FAULTS_ENTER),
	.run = run,
};
