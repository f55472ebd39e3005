/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config space on its way through the parser, whole and in the parts that are asked for. */
#include "config_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"

int config_setup(void **state)
{
	struct config_fixture *x = xcalloc(1, sizeof(*x));

	x->p = platform_new("test", NULL);
	x->f = platform_add(x->p, (struct pci_addr){ .bus = 1 });
	config_header(x->config, 0x8086, 0x10c9, 0x020000);
	*state = x;
	return 0;
}

int config_teardown(void **state)
{
	struct config_fixture *x = *state;

	platform_free(x->p);
	free(x);
	return 0;
}

/* What the running machine is asked for of these bytes, in a buffer of the caller. */
static size_t read_needed(const uint8_t *bytes, size_t len, uint8_t config[CONFIG_SIZE])
{
	autoclose int fd = memfd_create("config", MFD_CLOEXEC);
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	ssize_t n;

	assert_int_equal(fs_write_all(fd, bytes, len), 0);
	memset(config, 0, CONFIG_SIZE);
	n = config_read_needed(AT_FDCWD, path, config);
	assert_int_equal(n, len);
	return (size_t)n;
}

static char *function_text(const struct platform *p, const struct function *f)
{
	autojson json_t *doc = platform_to_json(p);

	return jx_pretty(json_array_get(json_object_get(doc, "functions"), f - p->functions));
}

/* The part of the bytes that the running machine is asked for says the same as all of them. */
static void parse_needed(const struct config_fixture *x, struct function before, size_t nr_gaps,
			 const uint8_t *bytes, size_t len)
{
	autoplatform struct platform *p = platform_new("test", NULL);
	struct function *f = platform_add(p, before.addr);
	autofree char *all = function_text(x->p, x->f), *needed = NULL;
	uint8_t config[CONFIG_SIZE];

	*f = before;
	platform_parse_config(p, f, config, read_needed(bytes, len, config));
	needed = function_text(p, f);
	assert_string_equal(needed, all);
	assert_int_equal(p->nr_gaps, x->p->nr_gaps - nr_gaps);
	for (size_t i = 0; i < p->nr_gaps; i++)
		assert_string_equal(p->gaps[i].text, x->p->gaps[nr_gaps + i].text);
}

void config_parse(struct config_fixture *x, size_t len)
{
	const struct function before = *x->f;
	size_t nr_gaps = x->p->nr_gaps;
	uint8_t *exact = xcalloc(len, 1);

	memcpy(exact, x->config, len);
	platform_parse_config(x->p, x->f, exact, len);
	/* the kernel shows one of these */
	if (len == 64 || len == 256 || len == 4096)
		parse_needed(x, before, nr_gaps, exact, len);
	free(exact);
}
