/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ACS redirect: which ports send peer-to-peer traffic up, whether that matters, what to do about it. */
#include "base/alloc.h"
#include "base/attr.h"
#include "check/check.h"

#define ACS_REDIRECT (ACS_RR | ACS_CR | ACS_EC)

static bool redirects(const struct acs *acs)
{
	return acs->known == KNOWN_PRESENT && acs->control & ACS_REDIRECT;
}

/* A bridge of which only the header was seen can be one. */
static bool may_be_port(const struct function *f)
{
	return f->port_type == PORT_ROOT || f->port_type == PORT_DOWNSTREAM ||
	       f->port_type == PORT_UPSTREAM || (f->port_type == PORT_UNKNOWN && f->is_bridge);
}

/* For each function the weight of the paths on which it is a port that redirects, +1; 0: on none. */
static unsigned char *find_blockers(const struct check_input *in)
{
	unsigned char *weight = xcalloc(in->platform->nr_functions, sizeof(*weight));

	for (size_t i = 0; i < in->nr_paths; i++) {
		const struct check_path *path = &in->paths[i];

		for (int k = 0; k < path->pair.nr_blocked_by; k++) {
			int port = path->pair.blocked_by[k];

			if (weight[port] <= path->weight)
				weight[port] = (unsigned char)(path->weight + 1);
		}
	}
	return weight;
}

static void check_redirect(const struct check_input *in, struct check_sink *sink)
{
	autofree unsigned char *weight = find_blockers(in);

	for (int i = 0; i < (int)in->platform->nr_functions; i++) {
		const struct function *f = &in->platform->functions[i];

		if (!may_be_port(f))
			continue;
		if (f->acs.known == KNOWN_NO) {
			check_unseen(sink, i, "ACS of a port was not seen");
			continue;
		}
		check_looked(sink, 1);
		if (!redirects(&f->acs))
			continue;
		if (weight[i])
			check_found_as(sink, "ACS-REDIRECT-ON-PATH",
				       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
				       "ACS control is %#06x", f->acs.control);
		else
			check_found(sink, "ACS-REDIRECT-OFF-PATH", &i, 1, NULL,
				    "ACS control is %#06x", f->acs.control);
	}
}

static const struct check checks[] = {
	{
		"path.redirect",
		"no port between functions that exchange data redirects peer-to-peer traffic",
		"ACS control of the ports: all of config space",
		check_redirect,
	},
};

const struct check_family check_family_redirect = { "redirect", checks, ARRAY_LEN(checks) };
