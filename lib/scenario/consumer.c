/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that use memory of another device through aliases. See consumer.h. */
#include "scenario/consumer.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "scenario/pair.h"
#include "scenario/pattern.h"

#define CONSUMER_FAULTS \
	(P2PCERT_FAULT_SKIP_COPY | P2PCERT_FAULT_CORRUPT_COPY | P2PCERT_FAULT_SHORT_COPY | \
	 P2PCERT_FAULT_MAP_FAILS | P2PCERT_FAULT_STALE_ADDRESS | P2PCERT_FAULT_REVOKE_IGNORED | \
	 P2PCERT_FAULT_POLICY_IGNORED)
/* Of one page; emulated engines take 200 ms. */
#define TIMEOUT_MS 20000

/* --- beginning and end -------------------------------------------------------------------------- */

static int start(struct consumer *c, const char *channel, uint32_t flags)
{
	struct p2pcert_devpriv_consumer r = {
		.addr = (uintptr_t)c->area->start,
		.length = c->area->pages * page_size(),
		.timeout_ms = TIMEOUT_MS,
		.flags = flags,
	};
	int err;

	memcpy(r.channel, channel, strnlen(channel, sizeof(r.channel) - 1));
	err = modfd_ioctl(c->fd, P2PCERT_IOC_DEVPRIV_CONSUMER, &r);
	if (!err)
		err = r.result;
	if (!err)
		c->addr = devmem_addr(&r.function);
	return err;
}

/* The same device as the area's. */
static int select_device(const struct devmem *dev, int fd)
{
	struct p2pcert_devpriv_select which = { .ram = 0 };

	if (dev->is_bar) {
		which.ram = P2PCERT_DEVPRIV_BAR;
		which.bdf = pair_bdf(dev->addr);
	}
	return modfd_ioctl(fd, P2PCERT_IOC_DEVPRIV_SELECT, &which);
}

/* NULL after scn_error(), or with the errno that the engine is no consumer for. */
static struct consumer *try_open(struct area *a, const struct dmachan *chan, uint32_t flags,
				 int *refused)
{
	struct consumer *c = xcalloc(1, sizeof(*c));
	int err;

	*refused = 0;
	c->area = a;
	c->by_kernel = flags & P2PCERT_CONSUMER_KERNEL;
	c->fd = modfd_open(a->dev->ctx, DEVMEM_MODULE, modfd_injected(a->dev->ctx, CONSUMER_FAULTS),
			   NULL);
	if (c->fd < 0)
		goto fail;
	err = select_device(a->dev, c->fd);
	if (err) {
		scn_error(a->dev->ctx, ERROR_SETUP, "the module has no device '%s': %s",
			  a->dev->name, strerror(-err));
		goto fail;
	}
	*refused = start(c, chan->name, flags);
	if (*refused)
		goto fail;
	c->name = xasprintf("%s (%s)", pci_addr_str(c->addr), chan->name);
	return c;
fail:
	consumer_close(c);
	return NULL;
}

struct consumer *consumer_open(struct area *a, const struct dmachan *chan, uint32_t flags)
{
	int refused;
	struct consumer *c = try_open(a, chan, flags, &refused);

	if (refused)
		scn_error(a->dev->ctx, ERROR_SETUP, "channel '%s' is no consumer any more: %s",
			  chan->name, errno_text(refused));
	return c;
}

void consumer_close(struct consumer *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->name);
	free(c);
}

/* --- finding them ------------------------------------------------------------------------------- */

/* Tries a channel on a page in memory; 0 if it has copied it, with how long that took. */
static int try_channel(struct area *a, const struct dmachan *chan, uint32_t flags, int64_t *ns)
{
	autofree unsigned char *buffer = xcalloc(1, page_size());
	struct consumer *c;
	int err;

	c = try_open(a, chan, flags, &err);
	if (!c)
		return err ? err : -EIO;
	*ns = clock_ns();
	err = consumer_access(c, false, 0, 1, buffer);
	*ns = clock_ns() - *ns;
	consumer_close(c);
	return err;
}

static void add_channel(struct devmem *dev, struct consumers *found, const struct dmachan *chan,
			int64_t ns)
{
	autofree char *name = xasprintf("dma:%s", chan->name);

	scn_device(dev->ctx, chan->addr);
	scn_device_name(dev->ctx, name);
	found->list[found->n++] = *chan;
	if ((uint64_t)ns > found->page_ns)
		found->page_ns = (uint64_t)ns;
}

static bool has_function(const struct consumers *found, struct pci_addr addr)
{
	for (size_t i = 0; i < found->n; i++)
		if (pci_addr_cmp(found->list[i].addr, addr) == 0)
			return true;
	return false;
}

bool consumers_find(struct devmem *dev, uint32_t flags, struct consumers *found)
{
	struct area *a = area_new(dev, AREA_PRIVATE, 1, "a page to try engines with");
	autofree struct dmachan *list = NULL;
	int64_t ns;
	size_t n;
	int err;

	*found = (struct consumers){ 0 };
	if (!a)
		return false;
	area_fill(a, 0, 1);
	err = dmachan_list(scn_env(dev->ctx)->sysroot, &list, &n);
	if (err)
		n = 0;
	for (size_t i = 0; i < n && found->n < CONSUMERS_MAX; i++) {
		if (list[i].in_use || has_function(found, list[i].addr) ||
		    (dev->is_bar && pci_addr_cmp(list[i].addr, dev->addr) == 0))
			continue;
		err = try_channel(a, &list[i], flags, &ns);
		if (!err)
			add_channel(dev, found, &list[i], ns);
		else
			log_info("channel '%s' is no consumer: %s", list[i].name, errno_text(err));
	}
	area_end(a);
	if (!found->n)
		devmem_skip(dev, SKIP_HW_UNSUPPORTED,
			    "no DMA engine of another function is free and copies memory");
	return found->n > 0;
}

/* --- what the owner says ------------------------------------------------------------------------ */

static bool allow(struct devmem *dev, struct pci_addr function, uint32_t policy)
{
	struct p2pcert_devpriv_policy p = { .function = pair_bdf(function), .policy = policy };
	int err = modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_POLICY, &p);

	if (err)
		scn_error(dev->ctx, ERROR_SETUP, "the owner does not rule on %s: %s",
			  pci_addr_str(function), strerror(-err));
	return !err;
}

bool consumer_allow(struct consumer *c, uint32_t policy)
{
	struct devmem *dev = c->area->dev;
	uint32_t opposite =
		policy == P2PCERT_POLICY_DENY ? P2PCERT_POLICY_ALLOW : P2PCERT_POLICY_DENY;

	return allow(dev, c->addr, policy) && allow(dev, dev->addr, opposite);
}

enum answer consumer_due(struct consumer *c, uint32_t policy, bool write)
{
	struct devmem *dev = c->area->dev;

	if (!dev->is_bar)
		return ANSWER_NONE;
	if (policy == P2PCERT_POLICY_DENY || (write && policy == P2PCERT_POLICY_READ_ONLY))
		return ANSWER_DENIED;
	return devmem_predict(dev, c->addr) == VERDICT_NOT_SUPPORTED ? ANSWER_UNMAPPED
								     : ANSWER_GRANTED;
}

bool consumer_set_faults(struct consumer *c, struct p2pcert_faults faults)
{
	int err;

	faults.mask |= modfd_injected(c->area->dev->ctx, CONSUMER_FAULTS);
	err = modfd_ioctl(c->fd, P2PCERT_IOC_SET_FAULTS, &faults);
	if (err)
		scn_error(c->area->dev->ctx, ERROR_SETUP, "the module refuses faults 0x%x: %s",
			  faults.mask, strerror(-err));
	return !err;
}

/* --- what it does ------------------------------------------------------------------------------- */

int consumer_access(struct consumer *c, bool write, size_t first, size_t nr, void *buffer)
{
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(c->area, first),
		.length = nr * page_size(),
		.buffer = (uintptr_t)buffer,
	};
	int err = modfd_ioctl(
		c->fd,
		write ? P2PCERT_IOC_DEVPRIV_CONSUMER_WRITE : P2PCERT_IOC_DEVPRIV_CONSUMER_READ, &x);

	if (!err)
		err = x.result;
	return !err && x.pages != nr ? -EIO : err;
}

bool consumer_check(struct consumer *c, size_t first, size_t nr, const char *when)
{
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	int err = consumer_access(c, false, first, nr, buffer);

	if (!err)
		return area_check_copy(c->area, buffer, first, nr, when);
	devmem_refute(c->area->dev, EVIDENCE_DATA, "%s: %s cannot read %s: %s", c->area->name,
		      c->name, when, errno_text(err));
	return false;
}

bool consumer_write(struct consumer *c, size_t first, size_t nr)
{
	autofree unsigned char *buffer = xcalloc(nr, page_size());
	uint64_t seed = area_seed(c->area);
	int err;

	pattern_fill(buffer, nr * page_size(), seed, first * page_size());
	err = consumer_access(c, true, first, nr, buffer);
	if (err)
		devmem_refute(c->area->dev, EVIDENCE_DATA, "%s: %s cannot write: %s", c->area->name,
			      c->name, errno_text(err));
	else
		area_expect(c->area, first, nr, seed);
	return !err;
}

/* --- what is seen of it ------------------------------------------------------------------------- */

static struct p2pcert_seg *read_table(struct consumer *c, size_t first, size_t nr)
{
	struct p2pcert_seg *segs = xcalloc(nr, sizeof(*segs));
	struct p2pcert_devpriv_access x = {
		.addr = (uintptr_t)area_page(c->area, first),
		.length = nr * page_size(),
		.buffer = (uintptr_t)segs,
	};
	int err = modfd_ioctl(c->fd, P2PCERT_IOC_DEVPRIV_CONSUMER_TABLE, &x);

	if (!err && !x.result)
		return segs;
	devmem_missing(c->area->dev, EVIDENCE_PATH, "%s does not tell its page table: %s", c->name,
		       errno_text(err ? err : x.result));
	free(segs);
	return NULL;
}

static enum use use_of(const struct p2pcert_seg *seg)
{
	if (!seg->length)
		return USE_NONE;
	return seg->flags & P2PCERT_SEG_P2P_PAGE ? USE_ALIAS : USE_MEMORY;
}

bool consumer_look(struct consumer *c, size_t first, size_t nr, enum use use, const char *when)
{
	static const char *const uses[] = { "not mapped", "mapped in memory",
					    "mapped in the owner's BAR" };
	struct devmem *dev = c->area->dev;
	autofree struct p2pcert_seg *segs = read_table(c, first, nr);

	for (size_t i = 0; segs && i < nr; i++) {
		if (use_of(&segs[i]) != use) {
			devmem_refute(dev, EVIDENCE_PATH,
				      "%s, page %zu, %s: should be %s for %s, and is %s",
				      c->area->name, first + i, when, uses[use], c->name,
				      uses[use_of(&segs[i])]);
			return false;
		}
		if (use == USE_ALIAS && !devmem_judge_seg(dev, c->addr, &segs[i], !c->shown))
			return false;
		c->shown |= use == USE_ALIAS;
	}
	return segs;
}

bool consumer_not_in_place(struct consumer *c, const char *when)
{
	struct devmem *dev = c->area->dev;
	size_t n = c->area->pages;
	autofree struct p2pcert_seg *segs = read_table(c, 0, n);

	for (size_t i = 0; segs && i < n; i++) {
		if (use_of(&segs[i]) != USE_ALIAS)
			continue;
		devmem_refute(dev, EVIDENCE_PATH,
			      "%s, page %zu, %s: %s is still given 0x%" PRIx64
			      " in the owner's BAR",
			      c->area->name, i, when, c->name, (uint64_t)segs[i].dma_addr);
		return false;
	}
	return segs;
}

bool consumer_not_stale(struct consumer *c, const char *when)
{
	struct devmem *dev = c->area->dev;
	size_t n = c->area->pages;
	autofree struct p2pcert_seg *segs = read_table(c, 0, n);
	autofree uint64_t *entries = xcalloc(n, sizeof(*entries));
	int err = pagemap_read(dev->pagemap, c->area->start, n, entries);

	if (err)
		devmem_missing(dev, EVIDENCE_PATH, "%s: the page table cannot be read: %s",
			       c->area->name, strerror(-err));
	for (size_t i = 0; segs && !err && i < n; i++) {
		if (!(entries[i] & PAGEMAP_PRESENT) || use_of(&segs[i]) != USE_ALIAS)
			continue;
		devmem_refute(dev, EVIDENCE_PATH,
			      "%s, page %zu, %s: it is in memory, and %s is still given 0x%" PRIx64
			      " in the owner's BAR",
			      c->area->name, i, when, c->name, (uint64_t)segs[i].dma_addr);
		return false;
	}
	return true;
}

/* Those from `aliases` on are not counted, but say what is so now. */
static struct p2pcert_devpriv_consumer_counters
counted_since(const struct p2pcert_devpriv_consumer_counters *now,
	      const struct p2pcert_devpriv_consumer_counters *before)
{
	struct p2pcert_devpriv_consumer_counters since = *now;
	uint64_t count[offsetof(struct p2pcert_devpriv_consumer_counters, aliases) /
		       sizeof(uint64_t)];
	uint64_t old[ARRAY_LEN(count)];

	memcpy(count, now, sizeof(count));
	memcpy(old, before, sizeof(old));
	for (size_t i = 0; i < ARRAY_LEN(count); i++)
		count[i] -= old[i];
	memcpy(&since, count, sizeof(count));
	return since;
}

bool consumer_counted(struct consumer *c, struct p2pcert_devpriv_consumer_counters *since)
{
	const struct p2pcert_devpriv_consumer_counters b = c->before;
	struct p2pcert_devpriv_consumer_counters *now = &c->before;
	int err = modfd_ioctl(c->fd, P2PCERT_IOC_DEVPRIV_CONSUMER_COUNTERS, now);

	if (err) {
		devmem_missing(c->area->dev, EVIDENCE_COUNTERS, "%s does not tell its counters: %s",
			       c->name, strerror(-err));
		return false;
	}
	*since = counted_since(now, &b);
	return true;
}
