/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/scenario/ctx.c: what each scn_*() function puts on the channel, to the byte, and that the
 * supervisor's end takes all of it.
 */
#include "scenario/ctx.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/jx.h"
#include "check/finding.h"
#include "runner/channel.h"

static enum outcome talk(struct scenario_ctx *ctx)
{
	const struct pci_addr at[] = { { .bus = 0x3b }, { .domain = 0x10000, .dev = 31, .fn = 7 } };

	scn_evidence(ctx, EVIDENCE_PATH, EVIDENCE_PROVEN, "%d of %d", 3, 3);
	scn_device(ctx, at[0]);
	scn_device_name(ctx, "rdma:\xff");
	scn_measure(ctx, "latency", "ns", 1.5);
	scn_why(ctx, "a\x01z");
	scn_skip(ctx, SKIP_HW_UNSUPPORTED, "no claim");
	scn_error(ctx, ERROR_SETUP, "no memory");
	scn_finding(ctx, finding_registry[0].code, at, 2, "two of them");
	scn_facts(ctx, "pairs", jx_array());
	return OUTCOME_INCONCLUSIVE;
}

static int keep(void *arg, json_t *record)
{
	jx_append(arg, record);
	return 0;
}

static void said(void **state)
{
	static const struct scenario s = { .id = "test.talk", .run = talk };
	static const char wanted[] =
		"{\"event\":\"evidence\",\"kind\":\"path\",\"state\":\"proven\",\"text\":\"3 of "
		"3\"}\n"
		"{\"event\":\"device\",\"address\":\"0000:3b:00.0\"}\n"
		"{\"event\":\"device\",\"name\":\"rdma:\xef\xbf\xbd\"}\n"
		"{\"event\":\"measurement\",\"name\":\"latency\",\"unit\":\"ns\",\"value\":1.5}\n"
		"{\"event\":\"why\",\"text\":\"a\\\\x01z\"}\n"
		"{\"event\":\"skip\",\"category\":\"hw-unsupported\",\"text\":\"no claim\"}\n"
		"{\"event\":\"error\",\"kind\":\"setup\",\"text\":\"no memory\"}\n"
		"{\"event\":\"finding\",\"code\":\"%s\",\"functions\":[\"0000:3b:00.0\","
		"\"10000:00:1f.7\"],\"text\":\"two of them\"}\n"
		"{\"event\":\"facts\",\"name\":\"pairs\",\"value\":[]}\n"
		"{\"event\":\"outcome\",\"outcome\":\"inconclusive\"}\n";
	const char *code = finding_registry[0].code;
	const char *hole = strstr(wanted, "%s");
	autofree char *filled = xasprintf("%.*s%s%s", (int)(hole - wanted), wanted, code, hole + 2);
	autofree char *path = xasprintf("%s/channel", (char *)*state);
	const struct scenario_env env = { .seed = 7 };
	struct scenario_ctx ctx = { .env = &env };
	autojson json_t *records = jx_array();
	struct channel channel = { 0 };
	autofree char *text = NULL;
	size_t len;

	ctx.channel = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(ctx.channel >= 0);
	assert_int_equal(scn_env(&ctx)->seed, 7);
	ctx_run(&ctx, &s);
	close(ctx.channel);
	assert_int_equal(fs_read(AT_FDCWD, path, 65536, &text, &len), 0);
	assert_string_equal(text, filled);
	assert_int_equal(channel_feed(&channel, text, len, keep, records), 0);
	assert_int_equal(channel_end(&channel), 0);
	assert_int_equal(json_array_size(records), 10);
	assert_int_equal(channel.claimed, OUTCOME_INCONCLUSIVE);
	channel_release(&channel);
}

static void injected(void **state attr_unused)
{
	static const char *const inject[] = { "leak", "warn", NULL };
	const struct scenario_env with = { .inject = inject }, without = { 0 };

	assert_true(scn_injected(&(struct scenario_ctx){ .env = &with }, "warn"));
	assert_false(scn_injected(&(struct scenario_ctx){ .env = &with }, "hang"));
	assert_false(scn_injected(&(struct scenario_ctx){ .env = &without }, "warn"));
}

/* Nobody listens: the child ends. A number that is none is a fault of the scenario. */
static void not_said(void **state attr_unused)
{
	const struct scenario_env env = { 0 };
	struct scenario_ctx ctx = { .env = &env, .channel = open("/dev/full", O_WRONLY) };
	int status;

	if (fork() == 0) {
		scn_why(&ctx, "x");
		_exit(0);
	}
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_ENVIRONMENT);

	if (fork() == 0) {
		signal(SIGABRT, SIG_DFL);
		scn_measure(&ctx, "x", "y", NAN);
		_exit(0);
	}
	assert_true(wait(&status) > 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	close(ctx.channel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(said),
		cmocka_unit_test(injected),
		cmocka_unit_test(not_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
