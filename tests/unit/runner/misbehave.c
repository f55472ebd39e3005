/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scenarios that do what scenarios should not, and a few that behave. env->sysroot is the directory
 * of the test's machine.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "machine.h"
#include "scenario/ctx.h"

static const char *dir_of(const struct scenario_ctx *ctx)
{
	return scn_env(ctx)->sysroot;
}

static void prove(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_PROVEN, "%d bytes verified", 4096);
}

/* Whole or not at all: the test waits for it. */
static void publish(const char *dir, const char *name, const char *text)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	if (fs_publish(AT_FDCWD, path, text, strlen(text), 0600) < 0)
		_exit(1);
}

static enum outcome run_pass(struct scenario_ctx *ctx)
{
	prove(ctx);
	scn_device(ctx, (struct pci_addr){ .bus = 0x3b });
	scn_device_name(ctx, "rdma:rxe0");
	scn_measure(ctx, "bandwidth", "B/s", 1e9);
	scn_why(ctx, "all is well");
	printf("printed by %s\n", "the scenario");
	return OUTCOME_PASS;
}

static enum outcome run_fail(struct scenario_ctx *ctx)
{
	scn_why(ctx, "it does not hold");
	return OUTCOME_FAIL;
}

static enum outcome run_segv(struct scenario_ctx *ctx)
{
	prove(ctx);
	/* a sanitizer would make an exit of it */
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return OUTCOME_PASS;
}

static enum outcome run_abort(struct scenario_ctx *ctx)
{
	prove(ctx);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static enum outcome run_exit(struct scenario_ctx *ctx)
{
	prove(ctx);
	_exit(7);
}

static enum outcome run_hang(struct scenario_ctx *ctx)
{
	autofree char *pid = xasprintf("%d", (int)getpid());

	prove(ctx);
	publish(dir_of(ctx), "hanging", pid);
	while (pause() < 0)
		;
	return OUTCOME_PASS;
}

static enum outcome run_deaf(struct scenario_ctx *ctx)
{
	signal(SIGTERM, SIG_IGN);
	return run_hang(ctx);
}

static enum outcome run_silent(struct scenario_ctx *ctx)
{
	prove(ctx);
	_exit(0);
}

static void say(const struct scenario_ctx *ctx, const char *text, size_t len)
{
	if (fs_write_all(ctx->channel, text, len) < 0)
		_exit(1);
}

#define SAY(ctx, literal) say((ctx), (literal), sizeof(literal) - 1)

static enum outcome run_twice(struct scenario_ctx *ctx)
{
	prove(ctx);
	SAY(ctx, "{\"event\":\"outcome\",\"outcome\":\"fail\"}\n");
	return OUTCOME_PASS;
}

static enum outcome run_unproven(struct scenario_ctx *ctx attr_unused)
{
	return OUTCOME_PASS;
}

static enum outcome run_contradicted(struct scenario_ctx *ctx)
{
	prove(ctx);
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_MISSING, "not all of it");
	return OUTCOME_PASS;
}

static enum outcome run_refuted(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "byte 0 is 0x00, not 0x5a");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_refuted_crash(struct scenario_ctx *ctx)
{
	scn_evidence(ctx, EVIDENCE_DATA, EVIDENCE_REFUTED, "byte 0 is 0x00, not 0x5a");
	return run_abort(ctx);
}

static enum outcome run_flood_output(struct scenario_ctx *ctx)
{
	for (int i = 0; i < 200000; i++)
		printf("line %d of very many that nobody will ever read\n", i);
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_flood_channel(struct scenario_ctx *ctx)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_endless_line(struct scenario_ctx *ctx)
{
	static const char junk[65536] = { 'x' };

	for (;;)
		say(ctx, junk, sizeof(junk));
	return OUTCOME_PASS;
}

static enum outcome run_garbage(struct scenario_ctx *ctx)
{
	SAY(ctx, "\0\1\2 this is no JSON\n");
	return OUTCOME_PASS;
}

static enum outcome run_bad_utf8(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"why\",\"text\":\"\xff\xfe\"}\n");
	return OUTCOME_PASS;
}

static enum outcome run_forged(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"scenario-end\",\"outcome\":\"pass\"}\n");
	return OUTCOME_PASS;
}

static enum outcome run_cut_line(struct scenario_ctx *ctx)
{
	prove(ctx);
	SAY(ctx, "{\"event\":\"outcome\",\"outcome\":\"pass\"}");
	_exit(0);
}

/* What comes from a device may be anything; what is said of it is made valid. */
static enum outcome run_hostile_text(struct scenario_ctx *ctx)
{
	scn_why(ctx, "model '%s'", "\xff\x1b[2J\n{\"event\":\"outcome\"}");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_skip(struct scenario_ctx *ctx)
{
	scn_skip(ctx, SKIP_HW_UNSUPPORTED, "the device does not claim it");
	return OUTCOME_SKIP;
}

static enum outcome run_skip_silent(struct scenario_ctx *ctx attr_unused)
{
	return OUTCOME_SKIP;
}

static enum outcome run_error(struct scenario_ctx *ctx)
{
	scn_error(ctx, ERROR_SETUP, "cannot map: %s", "Cannot allocate memory");
	return OUTCOME_ERROR;
}

static enum outcome run_exhaust(struct scenario_ctx *ctx)
{
	while (dup(STDIN_FILENO) >= 0)
		;
	prove(ctx);
	return OUTCOME_PASS;
}

/* A grandchild in a session of its own, and one of its own, deaf to SIGTERM. */
static enum outcome run_orphans(struct scenario_ctx *ctx)
{
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		return OUTCOME_ERROR;
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		if (fork() == 0) {
			autofree char *pid = xasprintf("%d", (int)getpid());

			setsid();
			publish(dir_of(ctx), "orphan", pid);
		}
		if (write(ready[1], "", 1) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 2; i++)
		if (read(ready[0], &byte, 1) != 1)
			return OUTCOME_ERROR;
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_warned(struct scenario_ctx *ctx)
{
	machine_log(dir_of(ctx), 4, "WARNING: CPU: 0 PID: 1 at mm/gup.c:1 gup+0x1/0x2");
	machine_log(dir_of(ctx), 6, "nothing to see");
	prove(ctx);
	return OUTCOME_PASS;
}

/* As Intel's IOMMU does it: a line that says there is something, then one for each fault. */
static enum outcome run_faults(struct scenario_ctx *ctx)
{
	machine_log(dir_of(ctx), 3, "DMAR: DRHD: handling fault status reg 2");
	machine_log(
		dir_of(ctx), 3,
		"DMAR: [DMA Write NO_PASID] Request device [0000:03:00.0] fault addr 0xec021000");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_pretender(struct scenario_ctx *ctx)
{
	machine_log(dir_of(ctx), 1 << 3 | 4, "WARNING: CPU: 0 PID: 1 at mm/gup.c:1 gup+0x1/0x2");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_lossy(struct scenario_ctx *ctx)
{
	machine_log_after_gap(dir_of(ctx), 6, "after a gap");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_taints(struct scenario_ctx *ctx)
{
	machine_write(dir_of(ctx), "tainted", "12800\n"); /* and W */
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_kills_kernel(struct scenario_ctx *ctx)
{
	machine_log(dir_of(ctx), 1, "BUG: kernel NULL pointer dereference, address: 0");
	machine_write(dir_of(ctx), "tainted", "12416\n"); /* and D */
	prove(ctx);
	return OUTCOME_PASS;
}

/* Asks for a change; false if it is not made or not told of, which is then why. */
static bool change(struct scenario_ctx *ctx, const char *kind, const char *name)
{
	json_t *args = jx_object();
	autojson json_t *facts = NULL;
	autofree char *why = NULL;
	const char *made;
	int r;

	jx_set_str(args, "name", name);
	r = scn_change(ctx, kind, args, &facts, &why);
	made = jx_get_str(facts, "made");
	if (r < 0)
		scn_why(ctx, "%s: %s", strerror(-r), why ? why : "");
	else if (!made || strcmp(made, name) != 0)
		scn_why(ctx, "'%s' was made, and '%s' is told", name, made ? made : "");
	return r == 0 && made && strcmp(made, name) == 0;
}

static enum outcome run_change(struct scenario_ctx *ctx)
{
	prove(ctx);
	return change(ctx, "mark", "one") && change(ctx, "mark", "two") ? OUTCOME_PASS
									: OUTCOME_FAIL;
}

/* Takes the second back, then the first, then what is not its own to take back. */
static enum outcome run_change_undo(struct scenario_ctx *ctx)
{
	autofree char *second = NULL, *first = NULL, *none = NULL;

	prove(ctx);
	if (!change(ctx, "mark", "one") || !change(ctx, "mark", "two") ||
	    scn_undo(ctx, &second) != 0 || !change(ctx, "mark", "three") ||
	    scn_undo(ctx, &first) != 0)
		return OUTCOME_FAIL;
	free(take_ptr(first));
	if (scn_undo(ctx, &first) != 0 || scn_undo(ctx, &none) != -ENOENT || !none)
		return OUTCOME_FAIL;
	return change(ctx, "mark", "four") ? OUTCOME_PASS : OUTCOME_FAIL;
}

static enum outcome run_change_hang(struct scenario_ctx *ctx)
{
	return change(ctx, "mark", "one") ? run_hang(ctx) : OUTCOME_FAIL;
}

static enum outcome run_change_segv(struct scenario_ctx *ctx)
{
	return change(ctx, "mark", "one") ? run_segv(ctx) : OUTCOME_FAIL;
}

static enum outcome run_change_stubborn(struct scenario_ctx *ctx)
{
	machine_write(dir_of(ctx), "stubborn", "");
	prove(ctx);
	return change(ctx, "mark", "stubborn") ? OUTCOME_PASS : OUTCOME_FAIL;
}

static enum outcome run_change_unsafe(struct scenario_ctx *ctx)
{
	prove(ctx);
	return change(ctx, "unsafe-mark", "one") ? OUTCOME_PASS : OUTCOME_FAIL;
}

static enum outcome run_change_unknown(struct scenario_ctx *ctx)
{
	prove(ctx);
	return change(ctx, "no-such-kind", "one") ? OUTCOME_PASS : OUTCOME_FAIL;
}

/* Ends without having read the answer. */
static enum outcome run_change_rude(struct scenario_ctx *ctx)
{
	SAY(ctx, "{\"event\":\"change\",\"kind\":\"mark\",\"args\":{\"name\":\"one\"}}\n");
	prove(ctx);
	return OUTCOME_PASS;
}

static enum outcome run_flaky(struct scenario_ctx *ctx)
{
	prove(ctx);
	return scn_env(ctx)->seed % 2 ? OUTCOME_FAIL : OUTCOME_PASS;
}

/* A module of ours, loaded behind the supervisor's back. */
static enum outcome run_leak_module(struct scenario_ctx *ctx)
{
	autofree char *dir = xasprintf("%s/sys/module/test_leak", dir_of(ctx));

	if (fs_mkdir_p(dir, 0700) < 0)
		return OUTCOME_FAIL;
	machine_write(dir, "taint", "OE\n");
	machine_write(dir_of(ctx), "on-test_leak", "");
	prove(ctx);
	return OUTCOME_PASS;
}

/* Its own folder is the newest of the results directory. */
static enum outcome run_remove_folder(struct scenario_ctx *ctx)
{
	autofree char *command = xasprintf("rm -rf %s/results*/*-test.remove-folder", dir_of(ctx));

	prove(ctx);
	return system(command) == 0 ? OUTCOME_PASS : OUTCOME_FAIL;
}

static enum outcome run_append_journal(struct scenario_ctx *ctx)
{
	autofree char *command = xasprintf(
		"for j in %s/results*/journal.jsonl; do echo '{}' >>$j; done", dir_of(ctx));

	prove(ctx);
	return system(command) == 0 ? OUTCOME_PASS : OUTCOME_FAIL;
}

/* Makes a pass of the failure before it, in place. */
static enum outcome run_forge_journal(struct scenario_ctx *ctx)
{
	autofree char *command =
		xasprintf("for j in %s/results*/journal.jsonl; do sed 's/\"outcome\":\"fail\"/"
			  "\"outcome\":\"pass\"/' $j >$j.new; cat $j.new | dd of=$j conv=notrunc "
			  "2>/dev/null; rm $j.new; done",
			  dir_of(ctx));

	prove(ctx);
	return system(command) == 0 ? OUTCOME_PASS : OUTCOME_FAIL;
}

#define DEFINE(name_, id_, run_, seconds_) \
	static const struct scenario scenario_##name_ = { \
		.id = (id_), \
		.title = #name_, \
		.evidence = EV(DATA), \
		.seconds = (seconds_), \
		.run = (run_), \
	}

DEFINE(pass, "test.pass", run_pass, 60);
DEFINE(fail, "test.fail", run_fail, 60);
DEFINE(segv, "test.segv", run_segv, 60);
DEFINE(abort, "test.abort", run_abort, 60);
DEFINE(exit, "test.exit", run_exit, 60);
DEFINE(hang, "test.hang", run_hang, 1);
DEFINE(hang_long, "test.hang-long", run_hang, 60);
DEFINE(deaf, "test.deaf", run_deaf, 1);
DEFINE(silent, "test.silent", run_silent, 60);
DEFINE(twice, "test.twice", run_twice, 60);
DEFINE(unproven, "test.unproven", run_unproven, 60);
DEFINE(contradicted, "test.contradicted", run_contradicted, 60);
DEFINE(refuted, "test.refuted", run_refuted, 60);
DEFINE(refuted_crash, "test.refuted-crash", run_refuted_crash, 60);
DEFINE(flood_output, "test.flood-output", run_flood_output, 60);
DEFINE(flood_channel, "test.flood-channel", run_flood_channel, 60);
DEFINE(endless_line, "test.endless-line", run_endless_line, 60);
DEFINE(garbage, "test.garbage", run_garbage, 60);
DEFINE(bad_utf8, "test.bad-utf8", run_bad_utf8, 60);
DEFINE(forged, "test.forged", run_forged, 60);
DEFINE(cut_line, "test.cut-line", run_cut_line, 60);
DEFINE(hostile_text, "test.hostile-text", run_hostile_text, 60);
DEFINE(skip, "test.skip", run_skip, 60);
DEFINE(skip_silent, "test.skip-silent", run_skip_silent, 60);
DEFINE(error, "test.error", run_error, 60);
DEFINE(exhaust, "test.exhaust", run_exhaust, 60);
DEFINE(orphans, "test.orphans", run_orphans, 60);
DEFINE(faults, "test.faults", run_faults, 60);
DEFINE(warned, "test.warned", run_warned, 60);
DEFINE(pretender, "test.pretender", run_pretender, 60);
DEFINE(lossy, "test.lossy", run_lossy, 60);
DEFINE(taints, "test.taints", run_taints, 60);
DEFINE(change, "test.change", run_change, 60);
DEFINE(change_undo, "test.change-undo", run_change_undo, 60);
DEFINE(change_hang, "test.change-hang", run_change_hang, 60);
DEFINE(change_segv, "test.change-segv", run_change_segv, 60);
DEFINE(change_stubborn, "test.change-stubborn", run_change_stubborn, 60);
DEFINE(change_unsafe, "test.change-unsafe", run_change_unsafe, 60);
DEFINE(change_unknown, "test.change-unknown", run_change_unknown, 60);
DEFINE(change_rude, "test.change-rude", run_change_rude, 60);
DEFINE(leak_module, "test.leak-module", run_leak_module, 60);
DEFINE(remove_folder, "test.remove-folder", run_remove_folder, 60);
DEFINE(append_journal, "test.append-journal", run_append_journal, 60);
DEFINE(forge_journal, "test.forge-journal", run_forge_journal, 60);
DEFINE(flaky, "test.flaky", run_flaky, 60);
DEFINE(kills_kernel, "test.kills-kernel", run_kills_kernel, 60);

static const struct scenario scenario_module_a = {
	.id = "test.module-a",
	.title = "needs a module",
	.NEEDS({ NEED_MODULE, "test_a" }),
	.seconds = 60,
	.run = run_pass,
};

static const struct scenario scenario_module_ab = {
	.id = "test.module-ab",
	.title = "needs two modules and waits",
	.NEEDS({ NEED_MODULE, "test_a" }, { NEED_MODULE, "test_b" }),
	.seconds = 60,
	.run = run_hang,
};

static const struct scenario scenario_module_reject = {
	.id = "test.module-reject",
	.title = "needs a module that the kernel refuses",
	.NEEDS({ NEED_MODULE, "test_reject" }),
	.seconds = 60,
	.run = run_pass,
};

static const struct scenario scenario_module_half = {
	.id = "test.module-half",
	.title = "needs a module that turns out not to be ours",
	.NEEDS({ NEED_MODULE, "test_half" }),
	.seconds = 60,
	.run = run_pass,
};

static const struct scenario scenario_module_absent = {
	.id = "test.module-absent",
	.title = "needs two modules of which one was never built",
	.NEEDS({ NEED_MODULE, "test_b" }, { NEED_MODULE, "test_absent" },
	       { NEED_TOOL, "p2pcert-no-such-tool" }),
	.seconds = 60,
	.run = run_pass,
};

static const struct scenario scenario_thorough = {
	.id = "test.thorough",
	.title = "is for thorough runs",
	.level = LEVEL_FULL,
	.seconds = 60,
	.run = run_pass,
};

static const struct scenario scenario_unsafe = {
	.id = "test.unsafe",
	.title = "may do more than others",
	.safety = SAFETY_UNSAFE,
	.evidence = EV(DATA),
	.seconds = 60,
	.run = run_change_unsafe,
};

static const struct scenario scenario_rdma = {
	.id = "test.rdma",
	.title = "needs an RDMA device",
	.NEEDS({ NEED_ROLE, "rdma" }),
	.seconds = 60,
	.run = run_pass,
};

const struct scenario *const misbehaving[] = {
	&scenario_pass,           &scenario_fail,           &scenario_segv,
	&scenario_abort,          &scenario_exit,           &scenario_hang,
	&scenario_deaf,           &scenario_silent,         &scenario_twice,
	&scenario_unproven,       &scenario_contradicted,   &scenario_refuted,
	&scenario_refuted_crash,  &scenario_flood_output,   &scenario_flood_channel,
	&scenario_endless_line,   &scenario_garbage,        &scenario_bad_utf8,
	&scenario_forged,         &scenario_cut_line,       &scenario_hostile_text,
	&scenario_skip,           &scenario_skip_silent,    &scenario_error,
	&scenario_exhaust,        &scenario_orphans,        &scenario_faults,
	&scenario_warned,         &scenario_pretender,      &scenario_lossy,
	&scenario_taints,         &scenario_leak_module,    &scenario_remove_folder,
	&scenario_module_a,       &scenario_module_ab,      &scenario_module_reject,
	&scenario_module_half,    &scenario_module_absent,  &scenario_thorough,
	&scenario_unsafe,         &scenario_rdma,           &scenario_change,
	&scenario_change_hang,    &scenario_change_segv,    &scenario_change_stubborn,
	&scenario_change_unsafe,  &scenario_change_unknown, &scenario_change_rude,
	&scenario_append_journal, &scenario_forge_journal,  &scenario_flaky,
	&scenario_hang_long,      &scenario_kills_kernel,   &scenario_change_undo,
};
const size_t misbehaving_len = ARRAY_LEN(misbehaving);
