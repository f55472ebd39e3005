/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios that harm the kernel, pretend to, or change it behind the supervisor's back. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "kmod/kmod.h"
#include "scenario/modfd.h"
#include "selftest.h"

/* One write to a file of the kernel; what went wrong is told. */
static enum outcome write_pass(struct scenario_ctx *ctx, const char *path, const char *text)
{
	int r = fs_write_attr(AT_FDCWD, path, text);

	if (r < 0) {
		scn_error(ctx, ERROR_SETUP, "cannot write to '%s': %s", path, strerror(-r));
		return OUTCOME_ERROR;
	}
	return selftest_pass(ctx);
}

/* Sets taint bits, which stay until the next boot. */
static enum outcome taint(struct scenario_ctx *ctx, unsigned int mask)
{
	autofree char *text = xasprintf("%u", mask);

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	return write_pass(ctx, "/proc/sys/kernel/tainted", text);
}

static enum outcome run_taint(struct scenario_ctx *ctx)
{
	return taint(ctx, 1u << 9); /* W */
}

static enum outcome run_taint_fatal(struct scenario_ctx *ctx)
{
	return taint(ctx, 1u << 7); /* D */
}

/* What user space writes to the kernel log is not said by the kernel. */
static enum outcome run_pretender(struct scenario_ctx *ctx)
{
	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	return write_pass(ctx, "/dev/kmsg",
			  "<1>BUG: kernel NULL pointer dereference, address: 0000000000000000");
}

/* Hundreds of lines for the log, of which the kernel drops most. */
static enum outcome run_log_flood(struct scenario_ctx *ctx)
{
	autoclose int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	for (int i = 0; i < 5000; i++)
		dprintf(fd, "<6>selftest: line %d of many\n", i);
	return selftest_pass(ctx);
}

/* Any call of the test module: its faults strike before it looks at what is asked. */
static enum outcome commit(struct scenario_ctx *ctx, uint32_t fault)
{
	struct p2pcert_distance d = { 0 };
	autoclose int fd = modfd_open(ctx, "p2pcert_p2p", fault, NULL);

	if (fd < 0)
		return OUTCOME_ERROR;
	if (modfd_ioctl(fd, P2PCERT_IOC_DISTANCE, &d) < 0)
		scn_why(ctx, "the module refuses");
	return selftest_pass(ctx);
}

static enum outcome run_warn(struct scenario_ctx *ctx)
{
	return selftest_may_break(ctx) ? commit(ctx, P2PCERT_FAULT_WARN) : OUTCOME_SKIP;
}

/* Hangs where not even SIGKILL is heard. */
static enum outcome run_stuck(struct scenario_ctx *ctx)
{
	return selftest_may_break(ctx) ? commit(ctx, P2PCERT_FAULT_STUCK) : OUTCOME_SKIP;
}

static enum outcome run_panic(struct scenario_ctx *ctx)
{
	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	selftest_prove(ctx);
	return write_pass(ctx, "/proc/sysrq-trigger", "c");
}

/* Nobody but the supervisor loads test modules. */
static enum outcome run_module(struct scenario_ctx *ctx)
{
	const struct kmod_env env = { .dir = scn_env(ctx)->module_dir };
	struct kmod_why why = { 0 };
	bool changed;

	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	if (kmod_load(&env, "p2pcert_devpriv", NULL, &changed, &why) < 0) {
		scn_error(ctx, ERROR_SETUP, "%s", why.text);
		kmod_why_release(&why);
		return OUTCOME_ERROR;
	}
	return selftest_pass(ctx);
}

SELFTEST(taint, "taint", "taints the kernel", run_taint, .seconds = 60);
SELFTEST(taint_fatal, "taint-fatal", "taints the kernel as after an oops", run_taint_fatal,
	 .seconds = 60);
SELFTEST(pretender, "pretender", "writes an oops to the kernel log", run_pretender, .seconds = 60);
SELFTEST(log_flood, "log-flood", "writes far too much to the kernel log", run_log_flood,
	 .seconds = 60);
SELFTEST(warn, "warn", "makes the kernel warn", run_warn, .seconds = 60,
	 .NEEDS({ NEED_MODULE, "p2pcert_p2p" }));
SELFTEST(stuck, "stuck", "cannot be killed", run_stuck, .seconds = 1,
	 .NEEDS({ NEED_MODULE, "p2pcert_p2p" }));
SELFTEST(panic, "panic", "makes the kernel panic", run_panic, .seconds = 60);
SELFTEST(module, "module", "loads a module behind the supervisor's back", run_module,
	 .seconds = 60);
