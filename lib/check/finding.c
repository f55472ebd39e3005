/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking up finding codes; the codes themselves are in finding_list.def. */
#include "check/finding.h"

#include <string.h>

#include "base/jx.h"
#include "base/log.h"

#define FINDING(code_, severity_, title_, next_, reference_) \
	{ \
		.code = (code_), \
		.severity = SEVERITY_##severity_, \
		.title = (title_), \
		.next = (next_), \
		.reference = (reference_), \
	},
const struct finding finding_registry[] = {
#include "check/finding_list.def"
};
#undef FINDING

const size_t finding_registry_len = ARRAY_LEN(finding_registry);

const struct finding *finding_find(const char *code)
{
	for (size_t i = 0; i < finding_registry_len; i++)
		if (strcmp(finding_registry[i].code, code) == 0)
			return &finding_registry[i];
	return NULL;
}

const struct finding *finding_get(const char *code)
{
	const struct finding *finding = finding_find(code);

	if (!finding)
		BUG("finding code '%s' is not in the registry", code);
	return finding;
}

const char *severity_name(enum severity severity)
{
	static const char *const names[NR_SEVERITIES] = {
		[SEVERITY_BLOCKER] = "blocker",
		[SEVERITY_MAJOR] = "major",
		[SEVERITY_MINOR] = "minor",
		[SEVERITY_INFO] = "info",
	};

	return names[severity];
}

json_t *finding_to_json(const struct finding *finding)
{
	json_t *o = jx_object();

	jx_set_str(o, "code", finding->code);
	jx_set_str(o, "severity", severity_name(finding->severity));
	jx_set_str(o, "title", finding->title);
	jx_set_str(o, "next", finding->next);
	jx_set_str(o, "reference", finding->reference);
	return o;
}
