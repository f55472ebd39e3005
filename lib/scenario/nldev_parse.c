// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Answers of the kernel's RDMA netlink: messages of attributes, which can be tables of attributes (netlink(7)).
 * Whatever is not as it must be ends it: a length is never followed out of what was received.
 */
#include "scenario/nldev.h"

#include <errno.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <stdbool.h>
#include <string.h>

const char *const nldev_counter_names[NR_NLDEV_COUNTERS] = {
	[NLDEV_PAGE_FAULTS] = "page_faults",
	[NLDEV_PAGE_INVALIDATIONS] = "page_invalidations",
	[NLDEV_PAGE_PREFETCH] = "page_prefetch",
};

/* Bytes of a message that are left to look at. */
struct span {
	const unsigned char *at;
	size_t len;
};

struct attr {
	unsigned int type;
	struct span value;
};

/* 1 and the next attribute, which is taken off; 0 at the end; -EBADMSG. */
static int next_attr(struct span *s, struct attr *a)
{
	struct nlattr head;
	size_t step;

	if (!s->len)
		return 0;
	if (s->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, s->at, sizeof(head));
	if (head.nla_len < NLA_HDRLEN || head.nla_len > s->len)
		return -EBADMSG;
	*a = (struct attr){
		.type = head.nla_type & NLA_TYPE_MASK,
		.value = { s->at + NLA_HDRLEN, head.nla_len - (size_t)NLA_HDRLEN },
	};
	/* the last one need not be padded */
	step = NLA_ALIGN((size_t)head.nla_len);
	step = step < s->len ? step : s->len;
	s->at += step;
	s->len -= step;
	return 1;
}

static int get_u32(const struct attr *a, uint32_t *value)
{
	if (a->value.len != sizeof(*value))
		return -EBADMSG;
	memcpy(value, a->value.at, sizeof(*value));
	return 0;
}

static int get_u64(const struct attr *a, uint64_t *value)
{
	if (a->value.len != sizeof(*value))
		return -EBADMSG;
	memcpy(value, a->value.at, sizeof(*value));
	return 0;
}

/* Ends with a zero, and is this one. */
static bool is_text(const struct attr *a, const char *text)
{
	size_t len = strlen(text) + 1;

	return a->value.len == len && memcmp(a->value.at, text, len) == 0;
}

/* What one of them, or all in turn, say: as the nldev_parse_*() return it. */
typedef int parse_body(struct span body, void *answer);

/* Parses each attribute of this type, until one of them is the answer. */
static int each(struct span s, unsigned int type, parse_body *parse, void *answer)
{
	struct attr a;
	int more, ret = 0;

	while (!ret && (more = next_attr(&s, &a)) != 0) {
		if (more < 0)
			return more;
		if (a.type == type)
			ret = parse(a.value, answer);
	}
	return ret;
}

/* --- messages ----------------------------------------------------------------------------------- */

/* The kernel's word for what it did not do. */
static int refusal(struct span body)
{
	int error;

	if (body.len < sizeof(error))
		return -EBADMSG;
	memcpy(&error, body.at, sizeof(error));
	return error < 0 ? error : 0;
}

/* parse: NULL for what is not asked but told. */
static int parse_message(const struct nlmsghdr *head, struct span body, parse_body *parse,
			 void *answer)
{
	switch (head->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_ERROR: /* also says that there was none */
		return refusal(body) ?: !parse;
	case NLMSG_DONE:
		return refusal(body) ?: -ENODATA;
	default:
		return parse ? parse(body, answer) : 0;
	}
}

static int parse_all(const void *data, size_t len, uint32_t seq, parse_body *parse, void *answer)
{
	struct span s = { data, len };
	int ret = 0;

	while (s.len && !ret) {
		struct nlmsghdr head;
		size_t step;

		if (s.len < sizeof(head))
			return -EBADMSG;
		memcpy(&head, s.at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > s.len)
			return -EBADMSG;
		/* an answer to somebody who asked before */
		if (head.nlmsg_seq == seq)
			ret = parse_message(
				&head,
				(struct span){ s.at + sizeof(head), head.nlmsg_len - sizeof(head) },
				parse, answer);
		step = NLMSG_ALIGN((size_t)head.nlmsg_len);
		step = step < s.len ? step : s.len;
		s.at += step;
		s.len -= step;
	}
	return ret;
}

/* --- answers ------------------------------------------------------------------------------------ */

int nldev_parse_done(const void *data, size_t len, uint32_t seq)
{
	return parse_all(data, len, seq, NULL, NULL);
}

struct device_answer {
	const char *name;
	uint32_t index;
};

static int parse_device(struct span body, void *answer)
{
	struct device_answer *d = answer;
	bool is_it = false, has_index = false;
	struct attr a;
	int more;

	while ((more = next_attr(&body, &a)) > 0) {
		if (a.type == RDMA_NLDEV_ATTR_DEV_INDEX) {
			if (get_u32(&a, &d->index))
				return -EBADMSG;
			has_index = true;
		} else if (a.type == RDMA_NLDEV_ATTR_DEV_NAME) {
			is_it = is_text(&a, d->name);
		}
	}
	return more < 0 ? more : is_it && has_index;
}

int nldev_parse_device(const void *data, size_t len, uint32_t seq, const char *name,
		       uint32_t *index)
{
	struct device_answer d = { .name = name };
	int ret = parse_all(data, len, seq, parse_device, &d);

	*index = d.index;
	return ret;
}

struct mr_answer {
	uint32_t rkey, number;
};

static int parse_mr(struct span entry, void *answer)
{
	struct mr_answer *m = answer;
	bool has_key = false, has_number = false;
	uint32_t rkey = 0;
	struct attr a;
	int more;

	while ((more = next_attr(&entry, &a)) > 0) {
		if (a.type == RDMA_NLDEV_ATTR_RES_RKEY) {
			if (get_u32(&a, &rkey))
				return -EBADMSG;
			has_key = true;
		} else if (a.type == RDMA_NLDEV_ATTR_RES_MRN) {
			if (get_u32(&a, &m->number))
				return -EBADMSG;
			has_number = true;
		}
	}
	if (more < 0)
		return more;
	if (!has_key)
		return -EPERM;
	return rkey == m->rkey && has_number;
}

static int parse_mr_table(struct span table, void *answer)
{
	return each(table, RDMA_NLDEV_ATTR_RES_MR_ENTRY, parse_mr, answer);
}

static int parse_mrs(struct span body, void *answer)
{
	return each(body, RDMA_NLDEV_ATTR_RES_MR, parse_mr_table, answer);
}

int nldev_parse_mr(const void *data, size_t len, uint32_t seq, uint32_t rkey, uint32_t *number)
{
	struct mr_answer m = { .rkey = rkey };
	int ret = parse_all(data, len, seq, parse_mrs, &m);

	*number = m.number;
	return ret;
}

/* A name and a value; others than these are the device's own affair. */
static int parse_counter(struct span entry, void *answer)
{
	struct nldev_counters *c = answer;
	int which = -1, has_value = 0, more;
	uint64_t value = 0;
	struct attr a;

	while ((more = next_attr(&entry, &a)) > 0) {
		if (a.type == RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_VALUE) {
			if (get_u64(&a, &value))
				return -EBADMSG;
			has_value = 1;
		} else if (a.type == RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_NAME) {
			for (int i = 0; i < NR_NLDEV_COUNTERS; i++)
				if (is_text(&a, nldev_counter_names[i]))
					which = i;
		}
	}
	if (more < 0)
		return more;
	if (which < 0)
		return 0;
	if (!has_value)
		return -EBADMSG;
	c->known |= 1u << which;
	c->value[which] = value;
	return 0;
}

static int parse_counter_table(struct span table, void *answer)
{
	return each(table, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY, parse_counter, answer);
}

/* It is an answer without a table, too: the device counts nothing. */
static int parse_counters(struct span body, void *answer)
{
	return each(body, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS, parse_counter_table, answer) ?: 1;
}

int nldev_parse_counters(const void *data, size_t len, uint32_t seq, struct nldev_counters *c)
{
	*c = (struct nldev_counters){ 0 };
	return parse_all(data, len, seq, parse_counters, c);
}
