/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text that programs print about a machine, told apart by how it begins. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/peeked.h"

static ssize_t read_peeked(struct input *in, void *buf, size_t size)
{
	struct peeked *p = (struct peeked *)in;
	size_t n = p->len - p->used;

	if (!n)
		return p->from->read(p->from, buf, size);
	if (n > size)
		n = size;
	memcpy(buf, p->head + p->used, n);
	p->used += n;
	return (ssize_t)n;
}

int peek(struct peeked *p, struct input *from, char **why)
{
	ssize_t n;

	*p = (struct peeked){ .input = { read_peeked, from->name }, .from = from };
	do {
		n = from->read(from, p->head + p->len, sizeof(p->head) - p->len);
		if (n > 0)
			p->len += (size_t)n;
	} while (n > 0 && p->len < sizeof(p->head));
	if (n < 0)
		*why = xasprintf("cannot read '%s': %s", from->name, strerror((int)-n));
	return n < 0 ? (int)n : 0;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && *at && strchr(" \t\r\n", *at))
		at++;
	return at;
}

/* An array or object, as JSON begins and text of lspci does not. */
static bool is_json(const struct peeked *s)
{
	const char *end = s->head + s->len, *first = skip_blanks(s->head, end);
	const char *second = first < end ? skip_blanks(first + 1, end) : end;

	return second < end && ((*first == '[' && (*second == '{' || *second == ']')) ||
				(*first == '{' && (*second == '"' || *second == '}')));
}

struct platform *text_read_platform(struct input *in, char **why)
{
	struct platform *p;
	struct peeked s;
	int r = peek(&s, in, why);
	bool json = r == 0 && is_json(&s);

	if (r == 0) {
		p = platform_new(json ? "rdma_topo" : "lspci", in->name);
		r = json ? rdma_topo_read(&s.input, p, why) : lspci_read(&s.input, p, why);
		if (r == 0) {
			platform_finish(p);
			return p;
		}
		platform_free(p);
	}
	errno = -r;
	return NULL;
}
