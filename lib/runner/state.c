/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every step of a run does again and again: writing a record, asking whether to go on, listening to the kernel. */
#include "runner/state.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/pciaddr.h"
#include "check/finding.h"
#include "runner/taint.h"

#define MARK_TIMEOUT_NS (2 * NS_PER_S)

int64_t run_stretch(const struct run *run, int64_t ns)
{
	return (int64_t)((double)ns * run->factor);
}

void run_keep_error(struct run *run, int r)
{
	if (r < 0 && run->err == 0)
		run->err = r;
}

int run_put(struct run *run, json_t *record)
{
	int r;

	if (run->current)
		jx_set_str(record, "scenario", run->current->id);
	r = journal_write(run->journal, record);
	run_keep_error(run, r);
	return r;
}

bool run_must_end(struct run *run)
{
	int signal = process_signal(&run->process);

	if (signal)
		run->signal = signal;
	if (clock_ns() >= run->budget_end_ns)
		run->budget_used_up = true;
	return run->err || run->signal || run->untrusted || run->budget_used_up;
}

/* --- what the kernel says ------------------------------------------------------------------------ */

void run_mark_log(struct run *run, struct slice *before, const char *what)
{
	struct kmsg *kmsg = run->o->machine.kmsg;
	autofree char *marker =
		xasprintf("p2pcert %d.%" PRId64 ": %s", (int)getpid(), run->start_ns, what);
	int r;

	if (!kmsg)
		return;
	r = kmsg_mark(kmsg, marker, run_stretch(run, MARK_TIMEOUT_NS), slice_take, before);
	if (r < 0)
		log_debug("kernel log marker '%s': %s", marker, strerror(-r));
	if (kmsg_lost(kmsg) || r < 0)
		before->unread = true;
	run_keep_error(run, before->err);
	if (before->fatal)
		run->untrusted = true;
}

static void put_hotplug(void *arg, struct pci_addr function, bool came)
{
	struct run *run = arg;
	json_t *record, *functions;

	if (undo_has_moved(run->undo, function))
		return;
	record = journal_record("finding");
	functions = jx_array();

	jx_append_str(functions, pci_addr_str(function));
	jx_set_str(record, "code", finding_get("PLATFORM-CHANGED")->code);
	jx_set(record, "functions", functions);
	jx_set_strf(record, "text", "%s %s %s%s", pci_addr_str(function),
		    came ? "came" : "went away",
		    run->current ? "during " : "outside of any scenario",
		    run->current ? run->current->id : "");
	run_put(run, record);
}

void run_watch_hotplug(struct run *run)
{
	const struct run_machine *m = &run->o->machine;
	int r = m->drain_hotplug ? m->drain_hotplug(m->hotplug, put_hotplug, run) : 0;

	if (r < 0)
		log_warn("cannot tell which functions came and went: %s", strerror(-r));
}

/* One that cannot be read any more has not changed. */
uint64_t run_read_taint(struct run *run)
{
	uint64_t before = run->taint, added;
	autojson json_t *modules_before = NULL;

	if (taint_read(run->o->machine.taint_path, &run->taint) < 0)
		return 0;
	added = run->taint & ~before;
	if (added & taint_fatal())
		run->untrusted = true;
	if (added) {
		modules_before = run->taint_modules;
		run->taint_modules = taint_modules(run->env.sysroot);
		run_put(run, taint_set_record(added, modules_before, run->taint_modules));
	}
	return added;
}
