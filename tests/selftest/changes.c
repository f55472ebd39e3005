/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scenarios that have the supervisor change the machine for them, and then leave it like that in
 * every way there is; and some that ask for what they may not have.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "selftest.h"

static json_t *sysctl_args(void)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", "vm.stat_interval");
	jx_set_str(args, "value", "77");
	return args;
}

static json_t *huge_pages_args(void)
{
	json_t *args = jx_object();

	jx_set_int(args, "bytes", 2 << 20);
	jx_set_int(args, "count", 3);
	return args;
}

static json_t *cgroup_args(void)
{
	json_t *args = jx_object();

	jx_set_str(args, "name", "p2pcert-selftest");
	return args;
}

/* Does the file begin so? What it holds is told. */
static bool holds(struct scenario_ctx *ctx, const char *path, const char *text)
{
	autofree char *value = NULL;
	int r = fs_read_attr(AT_FDCWD, path, &value);
	bool same = r == 0 && strcmp(value, text) == 0;

	scn_evidence(ctx, EVIDENCE_DATA, same ? EVIDENCE_PROVEN : EVIDENCE_REFUTED, "'%s' is '%s'",
		     path, r < 0 ? strerror(-r) : value);
	return same;
}

/* Has the change made; false if the scenario must end as error. */
static bool change(struct scenario_ctx *ctx, const char *kind, json_t *args)
{
	autofree char *why = NULL;
	int r = scn_change(ctx, kind, args, NULL, &why);

	if (r < 0)
		scn_error(ctx, ERROR_SETUP, "change '%s': %s", kind, why ? why : strerror(-r));
	return r == 0;
}

/* Three changes; the first two are seen to be there. */
static bool change_all(struct scenario_ctx *ctx)
{
	return change(ctx, "sysctl", sysctl_args()) &&
	       holds(ctx, "/proc/sys/vm/stat_interval", "77") &&
	       change(ctx, "huge-pages", huge_pages_args()) &&
	       holds(ctx, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3") &&
	       change(ctx, "cgroup", cgroup_args());
}

static enum outcome run_changes(struct scenario_ctx *ctx)
{
	if (!selftest_may_break(ctx))
		return OUTCOME_SKIP;
	return change_all(ctx) ? OUTCOME_PASS : OUTCOME_ERROR;
}

static enum outcome run_changes_abort(struct scenario_ctx *ctx)
{
	enum outcome outcome = run_changes(ctx);

	if (outcome == OUTCOME_PASS) {
		signal(SIGABRT, SIG_DFL);
		raise(SIGABRT);
	}
	return outcome;
}

static enum outcome run_changes_hang(struct scenario_ctx *ctx)
{
	enum outcome outcome = run_changes(ctx);

	signal(SIGTERM, SIG_IGN);
	while (outcome == OUTCOME_PASS)
		pause();
	return outcome;
}

/* What was changed for the one before is not there any more. */
static enum outcome run_unchanged(struct scenario_ctx *ctx)
{
	holds(ctx, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0");
	return OUTCOME_PASS;
}

/* --- a function's config space -------------------------------------------------------------------- */

#define EXT_CAP_START 0x100u
#define EXT_CAP_ACS 0x000du /* PCIe 6.0, 7.7.11 */
#define ACS_CONTROL 6u /* from the capability's start */

/* Where ACS control lies in the config space; 0: nowhere. */
static unsigned int find_acs_control(const unsigned char *config, size_t len)
{
	unsigned int at = EXT_CAP_START;

	/* every capability is at least a dword: more steps than fit would be a loop */
	for (int steps = 0; steps < 1024 && at >= EXT_CAP_START && at + 8 <= len; steps++) {
		uint32_t header = config[at] | (uint32_t)config[at + 1] << 8 |
				  (uint32_t)config[at + 2] << 16 | (uint32_t)config[at + 3] << 24;

		if ((header & 0xffff) == EXT_CAP_ACS)
			return at + ACS_CONTROL;
		at = header >> 20;
	}
	return 0;
}

#define REDIRECT ((unsigned int)(ACS_RR | ACS_CR))

/* The redirect bits of the ACS control at an offset, which is looked for if it is 0; -1: there is none. */
static int read_redirect(const char *address, unsigned int *at)
{
	autofree char *path = xasprintf("/sys/bus/pci/devices/%s/config", address);
	autofree char *config = NULL;
	size_t len;

	if (fs_read(AT_FDCWD, path, 4096, &config, &len) < 0)
		return -1;
	if (*at == 0)
		*at = find_acs_control((unsigned char *)config, len);
	return *at ? config[*at] & (int)REDIRECT : -1;
}

/* Turns redirection of the port that --device names from off to on, or from on to off. */
static enum outcome run_changes_acs(struct scenario_ctx *ctx)
{
	const char *address = scn_env(ctx)->devices[0];
	unsigned int at = 0;
	int before = read_redirect(address, &at), after;
	json_t *args;

	if (before < 0) {
		scn_error(ctx, ERROR_SETUP, "'%s' has no ACS", address);
		return OUTCOME_ERROR;
	}
	args = jx_object();
	jx_set_str(args, "address", address);
	jx_set_int(args, "offset", at);
	jx_set_int(args, "width", 16);
	jx_set_int(args, "mask", REDIRECT);
	jx_set_int(args, "value", (int)(~(unsigned int)before & REDIRECT));
	if (!change(ctx, "pci-config", args))
		return OUTCOME_ERROR;
	after = read_redirect(address, &at);
	scn_evidence(ctx, EVIDENCE_DATA, after == before ? EVIDENCE_REFUTED : EVIDENCE_PROVEN,
		     "ACS redirection at 0x%x was 0x%x and is 0x%x", at, (unsigned int)before,
		     (unsigned int)after);
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	return OUTCOME_ERROR;
}

/* --- what is refused ------------------------------------------------------------------------------ */

/* All of these must be refused, whatever the machine is. */
static enum outcome run_change_refused(struct scenario_ctx *ctx)
{
	static const struct {
		const char *kind, *key, *value;
	} wishes[] = {
		{ "no-such-kind", "name", "x" },
		{ "sysctl", "name", "../../../tmp/x" },
		{ "sysctl", "nothing", "x" },
		{ "cgroup", "name", "../x" },
		{ "driver-override", "address", "0000:00:00.0" },
		{ "pci-config", "address", "0000:00:00.0" },
		{ "pci-remove", "address", "0000:00:00.0" },
	};

	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		json_t *args = jx_object();
		autofree char *why = NULL;
		int r;

		jx_set_str(args, wishes[i].key, wishes[i].value);
		r = scn_change(ctx, wishes[i].kind, args, NULL, &why);
		scn_evidence(ctx, EVIDENCE_DATA, r < 0 ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			     "change '%s' of %s '%s': %s", wishes[i].kind, wishes[i].key,
			     wishes[i].value, r < 0 ? strerror(-r) : "made");
	}
	return OUTCOME_PASS;
}

SELFTEST(changes, "changes", "leaves what it had changed", run_changes, .seconds = 60);
SELFTEST(changes_abort, "changes-abort", "has the machine changed and dies", run_changes_abort,
	 .seconds = 60);
SELFTEST(changes_hang, "changes-hang", "has the machine changed and hangs", run_changes_hang,
	 .seconds = 5);
SELFTEST(unchanged, "unchanged", "finds the machine unchanged", run_unchanged, .seconds = 60);
SELFTEST(changes_acs, "changes-acs", "has ACS changed and dies", run_changes_acs, .seconds = 60,
	 .safety = SAFETY_UNSAFE);
SELFTEST(change_refused, "change-refused", "asks for changes that it may not have",
	 run_change_refused, .seconds = 60);
