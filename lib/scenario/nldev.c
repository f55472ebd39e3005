// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking the kernel's RDMA netlink: three questions, each with a socket of its own. */
#include "scenario/nldev.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"

#define ANSWER_SIZE 65536 /* the kernel makes no larger ones */
#define TIMEOUT_S 5 /* for one datagram */
#define SEQ 1

/* A request of numbers alone. */
struct request {
	struct nlmsghdr head;
	struct {
		struct nlattr head;
		uint32_t value;
	} attrs[3];
};

static struct request request_of(unsigned int command, bool dump)
{
	return (struct request){
		.head = { .nlmsg_len = sizeof(struct nlmsghdr),
			  .nlmsg_type = (__u16)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command),
			  .nlmsg_flags = (__u16)(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0)),
			  .nlmsg_seq = SEQ },
	};
}

static void add(struct request *r, unsigned int type, uint32_t value)
{
	size_t n = (r->head.nlmsg_len - sizeof(r->head)) / sizeof(r->attrs[0]);

	r->attrs[n].head.nla_type = (__u16)type;
	r->attrs[n].head.nla_len = sizeof(r->attrs[n]);
	r->attrs[n].value = value;
	r->head.nlmsg_len += (__u32)sizeof(r->attrs[n]);
}

static int send_request(const struct request *r)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    sendto(fd, r, r->head.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) <
		    0)
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

/* One of the questions, as its answers come: 1 when it is answered. */
struct question {
	const char *name;
	uint32_t rkey, number;
	struct nldev_counters *counters;
	int (*parse)(struct question *q, const void *data, size_t len);
};

/* 0, -ENODEV if it was not among the answers, or another negative errno. */
static int ask(struct question *q, const struct request *r)
{
	autofree unsigned char *data = xcalloc(1, ANSWER_SIZE);
	autoclose int fd = send_request(r);
	int ret = fd < 0 ? fd : 0;

	while (!ret) {
		ssize_t n = recv(fd, data, ANSWER_SIZE, 0);

		ret = n > 0 ? q->parse(q, data, (size_t)n) : n < 0 ? -errno : -EBADMSG;
	}
	if (ret == -ENODATA)
		return -ENODEV;
	return ret < 0 ? ret : 0;
}

static int parse_device(struct question *q, const void *data, size_t len)
{
	return nldev_parse_device(data, len, SEQ, q->name, &q->number);
}

static int parse_mr(struct question *q, const void *data, size_t len)
{
	return nldev_parse_mr(data, len, SEQ, q->rkey, &q->number);
}

static int parse_counters(struct question *q, const void *data, size_t len)
{
	return nldev_parse_counters(data, len, SEQ, q->counters);
}

int nldev_mr_counters(const char *device, uint32_t rkey, struct nldev_counters *c)
{
	struct question which = { .name = device, .parse = parse_device };
	struct question region = { .rkey = rkey, .parse = parse_mr };
	struct question counters = { .counters = c, .parse = parse_counters };
	struct request r = request_of(RDMA_NLDEV_CMD_GET, true);
	int err = ask(&which, &r);

	if (err)
		return err;
	r = request_of(RDMA_NLDEV_CMD_RES_MR_GET, true);
	add(&r, RDMA_NLDEV_ATTR_DEV_INDEX, which.number);
	err = ask(&region, &r);
	if (err)
		return err;
	r = request_of(RDMA_NLDEV_CMD_STAT_GET, false);
	add(&r, RDMA_NLDEV_ATTR_DEV_INDEX, which.number);
	add(&r, RDMA_NLDEV_ATTR_STAT_RES, RDMA_NLDEV_ATTR_RES_MR);
	add(&r, RDMA_NLDEV_ATTR_RES_MRN, region.number);
	return ask(&counters, &r);
}

void nldev_counters_since(const struct nldev_counters *before, const struct nldev_counters *now,
			  struct nldev_counters *between)
{
	between->known = before->known & now->known;
	for (size_t i = 0; i < NR_NLDEV_COUNTERS; i++)
		between->value[i] = now->value[i] - before->value[i];
}

char *nldev_counter_refuse(const struct nldev_counters *between, enum nldev_counter which,
			   bool moves)
{
	uint64_t value = between->value[which];

	if (!(between->known & 1u << which) || (value != 0) == moves)
		return NULL;
	return xasprintf("the device's own counter '%s' moves by %" PRIu64 ", expected %s",
			 nldev_counter_names[which], value, moves ? "more" : "nothing");
}
