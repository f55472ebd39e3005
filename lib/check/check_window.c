/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Do requests get to a BAR? The windows of the bridges above it, and the addresses that the
 * initiator can form at all.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "check/aid.h"

#define CLASS_SUBTRACTIVE_BRIDGE 0x060401u

/* Of a BAR that has an address: both ends included. */
struct range {
	uint64_t start, end;
};

static bool bar_range(const struct bar *bar, struct range *range)
{
	if ((bar->kind != BAR_MEM32 && bar->kind != BAR_MEM64) || bar->unassigned ||
	    bar->disabled || !bar->start)
		return false;
	range->start = bar->start;
	range->end = bar->start + (bar->size ? bar->size - 1 : 0);
	return range->end >= range->start;
}

enum holds { HOLDS_NOT, HOLDS, HOLDS_UNKNOWN };

static enum holds window_holds(const struct window *w, const struct range *r)
{
	if (!w->known)
		return HOLDS_UNKNOWN;
	return w->start <= r->start && r->end <= w->end ? HOLDS : HOLDS_NOT;
}

/* Does the bridge forward the range down? */
static enum holds bridge_holds(const struct function *bridge, const struct range *r)
{
	enum holds memory = window_holds(&bridge->windows[WINDOW_MEMORY], r);
	enum holds prefetchable = window_holds(&bridge->windows[WINDOW_PREFETCHABLE], r);

	/* it takes what nobody else claims */
	if (bridge->class_known && bridge->class == CLASS_SUBTRACTIVE_BRIDGE)
		return HOLDS;
	if (memory == HOLDS || prefetchable == HOLDS)
		return HOLDS;
	return memory == HOLDS_UNKNOWN || prefetchable == HOLDS_UNKNOWN ? HOLDS_UNKNOWN : HOLDS_NOT;
}

/*
 * Where the processor and the bus number memory differently, and the source shows BARs in one way and
 * windows in the other, no BAR is in the window above it: then nothing can be said.
 */
static bool is_comparable(const struct platform *p)
{
	bool any = false;

	for (size_t i = 0; i < p->nr_functions; i++) {
		const struct function *up = platform_upstream(p, &p->functions[i]);
		struct range r;

		for (size_t b = 0; up && b < PCI_BARS; b++) {
			enum holds holds = HOLDS_UNKNOWN;

			if (bar_range(&p->functions[i].bars[b], &r))
				holds = bridge_holds(up, &r);
			if (holds == HOLDS)
				return true;
			any |= holds == HOLDS_NOT;
		}
	}
	return !any;
}

static void window_text(const struct window *w, const char *name, char *buf, size_t size)
{
	if (w->start > w->end)
		snprintf(buf, size, "%s closed", name);
	else
		snprintf(buf, size, "%s 0x%" PRIx64 "-0x%" PRIx64, name, w->start, w->end);
}

/* A BAR that a bridge above does not forward to. */
struct misfit {
	int bridge; /* -1: none */
	size_t bar;
	struct range range;
};

/* One finding for each bridge, whatever is below it. */
static void found_outside(const struct check_input *in, struct check_sink *sink,
			  struct misfit *misfits, int first)
{
	const struct misfit m = misfits[first];
	const struct window *w = check_function(in, m.bridge)->windows;
	int nr = (int)in->platform->nr_functions;
	autofree int *functions = xcalloc((size_t)nr + 1, sizeof(*functions));
	char memory[80], prefetchable[80];
	size_t n = 0;

	functions[n++] = m.bridge;
	for (int i = first; i < nr; i++) {
		if (misfits[i].bridge != m.bridge)
			continue;
		functions[n++] = i;
		misfits[i].bridge = -1;
	}
	window_text(&w[WINDOW_MEMORY], "memory", memory, sizeof(memory));
	window_text(&w[WINDOW_PREFETCHABLE], "prefetchable", prefetchable, sizeof(prefetchable));
	check_found_as(
		sink, "BAR-OUTSIDE-WINDOW", check_severity(in, first, SEVERITY_MAJOR), functions, n,
		NULL,
		"the windows of %s (%s, %s) do not hold BARs below it: BAR %zu of %s is 0x%" PRIx64
		"-0x%" PRIx64,
		check_addr(in, m.bridge), memory, prefetchable, m.bar, check_addr(in, first),
		m.range.start, m.range.end);
}

/* The nearest bridge that does not forward to a BAR of the function; what is above says no more. */
static struct misfit find_misfit(const struct check_input *in, struct check_sink *sink, int i)
{
	struct misfit m = { .bridge = -1 };

	for (; m.bar < PCI_BARS; m.bar++) {
		if (!bar_range(&check_function(in, i)->bars[m.bar], &m.range))
			continue;
		check_looked(sink, 1);
		for (int up = check_function(in, i)->upstream; up >= 0;
		     up = check_function(in, up)->upstream) {
			enum holds holds = bridge_holds(check_function(in, up), &m.range);

			if (holds == HOLDS_UNKNOWN)
				check_unseen(sink, up,
					     "the memory windows of a bridge were not seen");
			if (holds != HOLDS_NOT)
				continue;
			m.bridge = up;
			return m;
		}
	}
	return m;
}

static bool has_range(const struct function *f)
{
	struct range r;

	for (size_t b = 0; b < PCI_BARS; b++)
		if (bar_range(&f->bars[b], &r))
			return true;
	return false;
}

static void run_window(const struct check_input *in, struct check_sink *sink)
{
	int nr = (int)in->platform->nr_functions;
	autofree struct misfit *misfits = xcalloc((size_t)nr, sizeof(*misfits));
	bool comparable = is_comparable(in->platform);

	for (int i = 0; i < nr; i++) {
		const struct function *f = check_function(in, i);

		misfits[i].bridge = -1;
		if (f->is_bridge || !check_on_path(in, i) || f->upstream == UPSTREAM_ROOT_BUS ||
		    !has_range(f))
			continue;
		if (comparable)
			misfits[i] = find_misfit(in, sink, i);
		else
			check_unseen(sink, -1,
				     "BARs and bridge windows are not addresses of one kind");
	}
	for (int i = 0; i < nr; i++)
		if (misfits[i].bridge >= 0)
			found_outside(in, sink, misfits, i);
}

/* --- addresses that the initiator can form ----------------------------------------------------- */

/* Does the IOMMU give it addresses of its own for what is not a bus address? */
static bool is_translated(const struct check_input *in, const struct check_path *path)
{
	const char *type = check_function(in, path->pair.initiator)->iommu_type;

	return path->pair.verdict == VERDICT_HOST_BRIDGE && type && strncmp(type, "DMA", 3) == 0;
}

static uint64_t highest_bar_end(const struct function *f)
{
	uint64_t highest = 0;
	struct range r;

	for (size_t b = 0; b < PCI_BARS; b++)
		if (bar_range(&f->bars[b], &r) && r.end > highest)
			highest = r.end;
	return highest;
}

struct reach { /* of one initiator */
	int *functions; /* itself, then the targets it cannot address */
	size_t nr;
	uint64_t highest;
};

static void find_unreachable(const struct check_input *in, int initiator, uint64_t mask,
			     struct reach *reach)
{
	reach->functions[reach->nr++] = initiator;
	for (size_t k = 0; k < in->nr_paths; k++) {
		const struct check_path *path = &in->paths[k];
		uint64_t end = highest_bar_end(check_function(in, path->pair.target));

		if (path->pair.initiator != initiator || end <= mask ||
		    path->pair.verdict == VERDICT_NOT_SUPPORTED || is_translated(in, path))
			continue;
		reach->functions[reach->nr++] = path->pair.target;
		if (end > reach->highest)
			reach->highest = end;
	}
}

static void look_at_mask(const struct check_input *in, struct check_sink *sink, int i)
{
	unsigned int bits = check_function(in, i)->dma_bits;
	autofree int *functions = xcalloc(in->nr_paths + 1, sizeof(*functions));
	struct reach reach = { .functions = functions };

	if (bits < 64)
		find_unreachable(in, i, (UINT64_C(1) << bits) - 1, &reach);
	if (reach.nr > 1)
		check_found_as(sink, "BAR-ABOVE-DMA-MASK", check_severity(in, i, SEVERITY_MAJOR),
			       reach.functions, reach.nr, NULL,
			       "dma_mask_bits of %s is %u, and BARs of peers go up to 0x%" PRIx64,
			       check_addr(in, i), bits, reach.highest);
	else if (bits <= 32)
		check_found_as(sink, "DMA-MASK-32BIT", check_severity(in, i, SEVERITY_MINOR), &i, 1,
			       NULL, "dma_mask_bits of %s is %u", check_addr(in, i), bits);
}

static void run_mask(const struct check_input *in, struct check_sink *sink)
{
	autofree bool *initiates = check_initiators(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = check_function(in, i);

		if (!initiates[i])
			continue;
		/* without a driver it is the kernel's default, which nobody has chosen */
		if (!f->dma_bits || !f->driver) {
			check_unseen(sink, i, "the DMA mask that the driver set was not seen");
			continue;
		}
		check_looked(sink, 1);
		look_at_mask(in, sink, i);
	}
}

static const struct check checks[] = {
	{ "window.bar", "every BAR is inside the windows of the bridges above it",
	  "BARs and bridge windows", run_window },
	{ "window.dma-mask", "initiators can address their peers' BARs",
	  "sysfs dma_mask_bits, BAR addresses", run_mask },
};

const struct check_family check_family_window = { "window", checks, ARRAY_LEN(checks) };
