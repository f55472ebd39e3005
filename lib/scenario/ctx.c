/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a running scenario says, sent to the supervisor line by line. */
#include "scenario/ctx.h"

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/exit.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "base/log.h"
#include "base/text.h"

/* Without a supervisor that listens nothing that the scenario does can count any more. */
static void send_record(struct scenario_ctx *ctx, json_t *record)
{
	autojson json_t *r = record;
	autofree char *line = jx_line(r);
	size_t len = strlen(line);

	line[len++] = '\n';
	if (fs_write_all(ctx->channel, line, len) < 0)
		_exit(EXIT_ENVIRONMENT);
}

static void attr_printf(2, 0) set_text(json_t *record, const char *fmt, va_list ap)
{
	autofree char *text = xvasprintf(fmt, ap);

	jx_set_str(record, "text", text);
}

const struct scenario_env *scn_env(const struct scenario_ctx *ctx)
{
	return ctx->env;
}

void scn_evidence(struct scenario_ctx *ctx, enum evidence_kind kind, enum evidence_state state,
		  const char *fmt, ...)
{
	json_t *record = journal_record("evidence");
	va_list ap;

	jx_set_str(record, "kind", evidence_kind_name(kind));
	jx_set_str(record, "state", evidence_state_name(state));
	va_start(ap, fmt);
	set_text(record, fmt, ap);
	va_end(ap);
	send_record(ctx, record);
}

void scn_device(struct scenario_ctx *ctx, struct pci_addr addr)
{
	json_t *record = journal_record("device");

	jx_set_str(record, "address", pci_addr_str(addr));
	send_record(ctx, record);
}

void scn_device_name(struct scenario_ctx *ctx, const char *name)
{
	json_t *record = journal_record("device");

	jx_set_str(record, "name", name);
	send_record(ctx, record);
}

void scn_measure(struct scenario_ctx *ctx, const char *name, const char *unit, double value)
{
	json_t *record;

	if (!isfinite(value))
		BUG("measurement '%s' is not finite", name);
	record = journal_record("measurement");
	jx_set_str(record, "name", name);
	jx_set_str(record, "unit", unit);
	jx_set(record, "value", json_real(value));
	send_record(ctx, record);
}

void scn_why(struct scenario_ctx *ctx, const char *fmt, ...)
{
	json_t *record = journal_record("why");
	va_list ap;

	va_start(ap, fmt);
	set_text(record, fmt, ap);
	va_end(ap);
	send_record(ctx, record);
}

void scn_skip(struct scenario_ctx *ctx, enum skip_category category, const char *fmt, ...)
{
	json_t *record = journal_record("skip");
	va_list ap;

	jx_set_str(record, "category", skip_category_name(category));
	va_start(ap, fmt);
	set_text(record, fmt, ap);
	va_end(ap);
	send_record(ctx, record);
}

void scn_error(struct scenario_ctx *ctx, enum error_kind kind, const char *fmt, ...)
{
	json_t *record = journal_record("error");
	va_list ap;

	jx_set_str(record, "kind", error_kind_name(kind));
	va_start(ap, fmt);
	set_text(record, fmt, ap);
	va_end(ap);
	send_record(ctx, record);
}

void scn_finding(struct scenario_ctx *ctx, const char *code, const struct pci_addr *functions,
		 size_t nr_functions, const char *fmt, ...)
{
	json_t *record = journal_record("finding");
	json_t *addresses = jx_array();
	va_list ap;

	for (size_t i = 0; i < nr_functions; i++)
		jx_append_str(addresses, pci_addr_str(functions[i]));
	jx_set_str(record, "code", code);
	jx_set(record, "functions", addresses);
	va_start(ap, fmt);
	set_text(record, fmt, ap);
	va_end(ap);
	send_record(ctx, record);
}

void scn_facts(struct scenario_ctx *ctx, const char *name, json_t *facts)
{
	json_t *record = journal_record("facts");

	jx_set_str(record, "name", name);
	jx_set(record, "value", facts);
	send_record(ctx, record);
}

#define ANSWER_MAX 4096u /* bytes */

static json_t *read_answer(struct scenario_ctx *ctx)
{
	char line[ANSWER_MAX];
	size_t len = 0;

	while (len < sizeof(line)) {
		ssize_t n = read(ctx->channel, line + len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (line[len] == '\n')
			return json_loadb(line, len, 0, NULL);
		len++;
	}
	return NULL;
}

/* Sends a wish (stolen) to the supervisor, and waits for its answer. */
static int ask(struct scenario_ctx *ctx, json_t *wish, json_t **facts, char **why)
{
	autojson json_t *answer = NULL;
	const char *text;

	send_record(ctx, wish);
	answer = read_answer(ctx);
	if (!answer)
		_exit(EXIT_ENVIRONMENT);
	text = jx_get_str(answer, "text");
	*why = text ? xstrdup(text) : NULL;
	if (facts)
		*facts = json_incref(json_object_get(answer, "facts"));
	return -(int)jx_get_int(answer, "errno", EIO);
}

int scn_change(struct scenario_ctx *ctx, const char *kind, json_t *args, json_t **facts, char **why)
{
	json_t *wish = journal_record("change");

	jx_set_str(wish, "kind", kind);
	jx_set(wish, "args", args);
	return ask(ctx, wish, facts, why);
}

int scn_undo(struct scenario_ctx *ctx, char **why)
{
	return ask(ctx, journal_record("undo"), NULL, why);
}

bool scn_injected(const struct scenario_ctx *ctx, const char *fault)
{
	return text_is_among(ctx->env->inject, fault);
}

void scn_perish(const struct scenario_ctx *ctx)
{
	bool abandoned = scn_injected(ctx, "abandoned");

	if (abandoned)
		kill(getppid(), SIGKILL);
	if (abandoned || scn_injected(ctx, "killed"))
		raise(SIGKILL);
}

bool scn_works_around(const struct scenario_ctx *ctx, const char *erratum)
{
	return text_is_among(ctx->env->workarounds, erratum);
}

void ctx_run(struct scenario_ctx *ctx, const struct scenario *s)
{
	enum outcome outcome = s->run(ctx);
	json_t *record = journal_record("outcome");

	jx_set_str(record, "outcome", outcome_name(outcome));
	send_record(ctx, record);
}
