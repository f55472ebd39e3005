/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/runner/permit.c: unsafe changes reach what was named, what leads to it, and nothing else. */
#include <errno.h>

#include "../p2p/model.h"
#include "../test.h"
#include "base/jx.h"
#include "runner/permit.h"

static const struct model_function functions[] = {
	FN("00:01.0", PORT_ROOT, 1, 0, 0x8086, 1),
	FN("01:00.0", PORT_UPSTREAM, 2, 0, 0x8086, 2),
	FN("02:00.0", PORT_DOWNSTREAM, 3, 0, 0x8086, 3),
	FN("02:01.0", PORT_DOWNSTREAM, 4, 0, 0x8086, 3),
	FN("03:00.0", PORT_ENDPOINT, 0, 0, 0x8086, 4),
	FN("04:00.0", PORT_ENDPOINT, 0, 0, 0x8086, 4),
};

static const struct scenario safe = { .id = "test.safe" };
static const struct scenario unsafe = { .id = "test.unsafe", .safety = SAFETY_UNSAFE };
static const struct undo_kind safe_kind = { .name = "sysctl" };
static const struct undo_kind unsafe_kind = { .name = "pci-config", .unsafe = true };

static void permitted(void **state attr_unused)
{
	static const char *const devices[] = { "nvme0n1", "0000:03:00.0", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const struct scenario *scenario;
		const struct undo_kind *kind;
		bool allow;
		const char *const *devices;
		const char *args;
		const char *why; /* NULL: it may */
	} cases[] = {
		{ &safe, &safe_kind, false, NULL, "{}", NULL },
		{ &safe, &unsafe_kind, true, devices, "{\"address\":\"0000:03:00.0\"}",
		  "for unsafe scenarios" },
		{ &unsafe, &unsafe_kind, false, devices, "{\"address\":\"0000:03:00.0\"}",
		  "for unsafe scenarios" },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"0000:03:00.0\"}", NULL },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"0000:02:00.0\"}", NULL },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"0000:00:01.0\"}", NULL },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"0000:02:01.0\"}",
		  "--device" },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"0000:04:00.0\"}",
		  "--device" },
		{ &unsafe, &unsafe_kind, true, devices, "{\"address\":\"junk\"}", "--device" },
		{ &unsafe, &unsafe_kind, true, devices, "{\"group\":7}", NULL },
		{ &unsafe, &unsafe_kind, true, devices, "{\"group\":8}", "--device" },
		{ &unsafe, &unsafe_kind, true, devices, "{}", "--device" },
		{ &unsafe, &unsafe_kind, true, none, "{\"address\":\"0000:03:00.0\"}", "--device" },
		{ &unsafe, &unsafe_kind, true, NULL, "{\"address\":\"0000:03:00.0\"}", "--device" },
	};
	struct platform *p = model_new(functions, ARRAY_LEN(functions));

	p->functions[model_index(p, "03:00.0")].iommu_group = 7;
	p->functions[model_index(p, "04:00.0")].iommu_group = 8;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct scenario_env env = {
			.platform = p,
			.allow_unsafe = cases[i].allow,
			.devices = cases[i].devices,
		};
		autojson json_t *args = json_loads(cases[i].args, 0, NULL);
		autofree char *why = NULL;
		int r = permit_change(cases[i].scenario, &env, cases[i].kind, args, &why);

		if (r != (cases[i].why ? -EPERM : 0) || !why != !cases[i].why ||
		    (why && !strstr(why, cases[i].why)))
			fail_msg("case %zu: %d, '%s'", i, r, why ? why : "");
	}
	platform_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
