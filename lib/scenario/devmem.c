/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devices of p2pcert_devpriv as a scenario sees them: which there are, what they count, and that
 * they end as they began.
 */
#include "scenario/devmem.h"

#include <inttypes.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "base/jx.h"
#include "base/pciaddr.h"
#include "scenario/pagemap.h"

static void say(struct devmem *dev, enum evidence_kind kind, enum evidence_state state,
		const char *fmt, va_list ap) attr_printf(4, 0);
static void say(struct devmem *dev, enum evidence_kind kind, enum evidence_state state,
		const char *fmt, va_list ap)
{
	autofree char *text = xvasprintf(fmt, ap);

	scn_evidence(dev->ctx, kind, state, "%s: %s", dev->name, text);
}

void devmem_refute(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(dev, kind, EVIDENCE_REFUTED, fmt, ap);
	va_end(ap);
	dev->refuted = true;
}

void devmem_prove(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(dev, kind, EVIDENCE_PROVEN, fmt, ap);
	va_end(ap);
}

void devmem_missing(struct devmem *dev, enum evidence_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(dev, kind, EVIDENCE_MISSING, fmt, ap);
	va_end(ap);
}

void devmem_skip(struct devmem *dev, enum skip_category category, const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	scn_skip(dev->ctx, category, "%s: %s", dev->name, text);
	dev->skipped = true;
}

/* --- counters --------------------------------------------------------------------------------- */

static int read_counters(const struct devmem *dev, struct p2pcert_devpriv_counters *c)
{
	return modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, c);
}

bool devmem_counted(struct devmem *dev, struct p2pcert_devpriv_counters *since)
{
	const struct p2pcert_devpriv_counters *b = &dev->before;
	struct p2pcert_devpriv_counters now;
	int err = read_counters(dev, &now);

	if (err) {
		devmem_missing(dev, EVIDENCE_COUNTERS, "the module does not tell its counters: %s",
			       strerror(-err));
		return false;
	}
	*since = (struct p2pcert_devpriv_counters){
		.pages_to_device = now.pages_to_device - b->pages_to_device,
		.pages_to_ram = now.pages_to_ram - b->pages_to_ram,
		.cpu_faults = now.cpu_faults - b->cpu_faults,
		.pages_evicted = now.pages_evicted - b->pages_evicted,
		.pages_in_use = now.pages_in_use - b->pages_in_use,
		.pages_total = now.pages_total,
		.pages_limit = now.pages_limit,
		.huge_to_device = now.huge_to_device - b->huge_to_device,
		.huge_to_ram = now.huge_to_ram - b->huge_to_ram,
		.splits = now.splits - b->splits,
		.cpu_copied = now.cpu_copied - b->cpu_copied,
		.engine_copied = now.engine_copied - b->engine_copied,
		.engine_failed = now.engine_failed - b->engine_failed,
		.engine_ns = now.engine_ns - b->engine_ns,
		.references_lost = now.references_lost - b->references_lost,
		.freed_twice = now.freed_twice - b->freed_twice,
		.aliases = now.aliases - b->aliases,
	};
	return true;
}

/* Somebody else may have had them by then: whatever else was seen, or is seen from now on. */
static void judge_freed(struct devmem *dev, const struct p2pcert_devpriv_counters *since)
{
	if (!since->freed_twice)
		return;
	devmem_refute(dev, EVIDENCE_LEAK, "pages that came back when nobody had them: %" PRIu64,
		      (uint64_t)since->freed_twice);
	scn_finding(dev->ctx, "DEVICE-PAGE-FREED-TWICE", NULL, 0,
		    "%s: pages that the kernel has freed twice: %" PRIu64, dev->name,
		    (uint64_t)since->freed_twice);
}

/* What a process had in the device is given back a moment after it has gone. */
static void judge_in_use(struct devmem *dev)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = 100;
	struct p2pcert_devpriv_counters since = { 0 };

	for (int i = 0; i < tries; i++) {
		if (!devmem_counted(dev, &since))
			return;
		if (!since.pages_in_use && !since.aliases)
			break;
		nanosleep(&moment, NULL);
	}
	judge_freed(dev, &since);
	if (since.pages_in_use)
		devmem_refute(dev, EVIDENCE_LEAK, "%" PRId64 " pages are still in the device",
			      (int64_t)since.pages_in_use);
	else
		devmem_prove(dev, EVIDENCE_LEAK,
			     "as many pages are in the device as were before: %" PRIu64,
			     (uint64_t)dev->before.pages_in_use);
	if (since.aliases)
		devmem_refute(dev, EVIDENCE_LEAK,
			      "%" PRId64 " pages are still mapped for consumers",
			      (int64_t)since.aliases);
	if (since.pages_to_ram > since.pages_to_device)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "%" PRIu64 " pages came back, and only %" PRIu64 " went out",
			      (uint64_t)since.pages_to_ram, (uint64_t)since.pages_to_device);
	else if (!since.pages_to_device)
		devmem_missing(dev, EVIDENCE_COUNTERS, "no page went out");
	else
		devmem_prove(dev, EVIDENCE_COUNTERS,
			     "%" PRIu64 " pages out, %" PRIu64 " back, %" PRIu64
			     " CPU faults; huge pages %" PRIu64 " out, %" PRIu64 " back, %" PRIu64
			     " split",
			     (uint64_t)since.pages_to_device, (uint64_t)since.pages_to_ram,
			     (uint64_t)since.cpu_faults, (uint64_t)since.huge_to_device,
			     (uint64_t)since.huge_to_ram, (uint64_t)since.splits);
}

/* --- devices ---------------------------------------------------------------------------------- */

void devmem_close(struct devmem *dev)
{
	if (!dev)
		return;
	if (dev->fd >= 0)
		close(dev->fd);
	if (dev->pagemap >= 0)
		close(dev->pagemap);
	free(dev->name);
	free(dev);
}

bool devmem_set_faults(struct devmem *dev, struct p2pcert_faults faults)
{
	int err;

	faults.mask |= modfd_injected(dev->ctx, DEVMEM_FAULTS);
	err = modfd_ioctl(dev->fd, P2PCERT_IOC_SET_FAULTS, &faults);
	if (err)
		scn_error(dev->ctx, ERROR_SETUP, "the module refuses faults 0x%x: %s", faults.mask,
			  strerror(-err));
	return !err;
}

bool devmem_get_huge_page(struct devmem *dev, char **why)
{
	json_t *args = jx_object();

	jx_set_int(args, "bytes", AREA_HUGE_BYTES);
	jx_set_int(args, "count", 1);
	return scn_change(dev->ctx, "huge-pages", args, NULL, why) == 0;
}

void devmem_in_child(struct devmem *dev)
{
	if (dev->pagemap >= 0)
		close(dev->pagemap);
	dev->pagemap = pagemap_open(NULL);
}

bool devmem_child_right(struct devmem *dev, pid_t pid, const char *what)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		devmem_refute(dev, EVIDENCE_DATA, "no child for %s: %s", what, strerror(errno));
	else if (WIFSIGNALED(status))
		devmem_refute(dev, EVIDENCE_DATA, "the child for %s died of signal %d", what,
			      WTERMSIG(status));
	else if (WEXITSTATUS(status))
		devmem_refute(dev, EVIDENCE_DATA, "%s: what the child sees is not what it must be",
			      what);
	else
		return true;
	return false;
}

static struct devmem *device_open(struct scenario_ctx *ctx,
				  const struct p2pcert_devpriv_select *which, char *name)
{
	struct devmem *dev = xcalloc(1, sizeof(*dev));
	int err;

	dev->ctx = ctx;
	dev->name = name;
	dev->is_bar = which->ram == P2PCERT_DEVPRIV_BAR;
	dev->pagemap = pagemap_open(NULL);
	dev->fd = modfd_open(ctx, DEVMEM_MODULE, modfd_injected(ctx, DEVMEM_FAULTS), NULL);
	if (dev->fd < 0)
		goto fail;
	if (dev->pagemap < 0) {
		scn_error(ctx, ERROR_SETUP, "cannot open '/proc/self/pagemap': %s",
			  strerror(-dev->pagemap));
		goto fail;
	}
	err = modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_SELECT, (void *)which);
	if (!err)
		err = read_counters(dev, &dev->before);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "the module has no device '%s': %s", dev->name,
			  strerror(-err));
		goto fail;
	}
	dev->pages = dev->before.pages_limit;
	return dev;
fail:
	devmem_close(dev);
	return NULL;
}

struct devmem *devmem_open_ram(struct scenario_ctx *ctx, unsigned int ram)
{
	const struct p2pcert_devpriv_select which = { .ram = ram };

	return device_open(ctx, &which, ram ? xasprintf("memory %u", ram) : xstrdup("memory"));
}

static struct devmem *open_bar(struct scenario_ctx *ctx, struct pci_addr addr)
{
	const struct p2pcert_devpriv_select which = {
		.ram = P2PCERT_DEVPRIV_BAR,
		.bdf = {
			.domain = addr.domain,
			.bus = addr.bus,
			.devfn = (uint8_t)(addr.dev << 3 | addr.fn),
		},
	};
	json_t *args = jx_object();
	autofree char *why = NULL;
	struct devmem *dev;

	jx_set_str(args, "address", pci_addr_str(addr));
	jx_set_str(args, "driver", DEVMEM_MODULE);
	if (scn_change(ctx, "driver-override", args, NULL, &why) < 0) {
		scn_error(ctx, ERROR_SETUP, "%s", why);
		return NULL;
	}
	scn_device(ctx, addr);
	dev = device_open(ctx, &which, xasprintf("BAR of %s", pci_addr_str(addr)));
	if (dev)
		dev->addr = addr;
	return dev;
}

/*
 * NUMA balancing takes away the right to write to pages for a while, and what migrates just then is
 * read-only in the device, as it must be: the device's writes would be refused. How the two live
 * together is a scenario of its own. Memory under a policy of the task's own is left alone by it
 * (set_mempolicy(2)); a kernel without NUMA refuses, and balances nothing either.
 */
static void avoid_numa_balancing(void)
{
	(void)syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0);
}

/* What a scenario does, and on what it did it. */
struct job {
	bool (*body)(struct devmem *dev);
	bool by_engine; /* too */
	size_t copies; /* for it */
	size_t bars, engines; /* devices that it was done on, and those with an engine */
};

static enum outcome run_body(struct devmem *dev, const struct job *job)
{
	if (!job->body(dev))
		return dev->skipped ? OUTCOME_SKIP : OUTCOME_ERROR;
	judge_in_use(dev);
	if (dev->engine.channel[0])
		devmem_engine_judge(dev);
	return dev->refuted ? OUTCOME_FAIL : OUTCOME_PASS;
}

/* Closes the device. */
static enum outcome run_on(struct devmem *dev, struct job *job)
{
	enum outcome outcome = OUTCOME_ERROR;

	if (!dev)
		return outcome;
	outcome = run_body(dev, job);
	if (outcome == OUTCOME_PASS && job->by_engine && devmem_engine_begin(dev, job->copies)) {
		outcome = run_body(dev, job);
		job->engines++;
	}
	devmem_close(dev);
	return outcome;
}

static void say_why(struct scenario_ctx *ctx, enum outcome outcome, const struct job *job)
{
	autofree char *bars = NULL;
	const char *engine = "";

	if (job->by_engine)
		engine = job->engines == job->bars + 1 ? ", copied by the CPU and by a DMA engine"
			 : job->engines                ? ", a DMA engine does not reach all"
						       : ", no DMA engine is there to copy";
	if (job->bars)
		bars = xasprintf(" and %zu BAR%s", job->bars, job->bars > 1 ? "s" : "");
	if (outcome == OUTCOME_FAIL)
		scn_why(ctx, "see what is refuted");
	else if (outcome == OUTCOME_PASS)
		scn_why(ctx, "as it must be, with memory%s behind it%s", bars ? bars : "", engine);
}

static enum outcome run_devices(struct scenario_ctx *ctx, struct job *job)
{
	const struct scenario_env *env = scn_env(ctx);
	enum outcome outcome;
	struct pci_addr addr;
	uint64_t refcnt;

	if (modfd_refcnt(env->sysroot, DEVMEM_MODULE, &refcnt) < 0) {
		scn_error(ctx, ERROR_SETUP, "module '%s' is not loaded", DEVMEM_MODULE);
		return OUTCOME_ERROR;
	}
	avoid_numa_balancing();
	outcome = run_on(devmem_open_ram(ctx, 0), job);
	for (size_t i = 0; env->allow_unsafe && env->devices && env->devices[i]; i++) {
		if (outcome != OUTCOME_PASS || pci_addr_parse(env->devices[i], &addr) < 0)
			continue;
		outcome = run_on(open_bar(ctx, addr), job);
		job->bars++;
	}
	if (outcome != OUTCOME_ERROR && !modfd_judge_refcnt(ctx, DEVMEM_MODULE, refcnt))
		outcome = OUTCOME_FAIL;
	say_why(ctx, outcome, job);
	return outcome;
}

enum outcome devmem_run(struct scenario_ctx *ctx, bool (*body)(struct devmem *dev))
{
	struct job job = { .body = body };

	return run_devices(ctx, &job);
}

enum outcome devmem_run_by_engine(struct scenario_ctx *ctx, bool (*body)(struct devmem *dev),
				  size_t copies)
{
	struct job job = { .body = body, .by_engine = true, .copies = copies };

	return run_devices(ctx, &job);
}
