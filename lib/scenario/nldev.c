// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking the kernel's RDMA netlink: questions and commands, each with a socket of its own. */
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
#include "base/log.h"

#define ANSWER_SIZE 65536 /* the kernel makes no larger ones */
#define TIMEOUT_S 5 /* for one datagram */
#define SEQ 1

#define ATTRS_SIZE 256 /* three names of the kernel's and their heads */

struct request {
	struct nlmsghdr head;
	unsigned char attrs[ATTRS_SIZE];
};

static struct request request_of(unsigned int command, unsigned int flags)
{
	return (struct request){
		.head = { .nlmsg_len = sizeof(struct nlmsghdr),
			  .nlmsg_type = (__u16)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command),
			  .nlmsg_flags = (__u16)(NLM_F_REQUEST | flags),
			  .nlmsg_seq = SEQ },
	};
}

static void add(struct request *r, unsigned int type, const void *value, size_t len)
{
	const struct nlattr head = { .nla_len = (__u16)(NLA_HDRLEN + len),
				     .nla_type = (__u16)type };
	unsigned char *at = (unsigned char *)r + r->head.nlmsg_len;
	size_t step = NLA_ALIGN(NLA_HDRLEN + len);

	if (r->head.nlmsg_len + step > sizeof(*r))
		BUG("a request of more than %d bytes of attributes", ATTRS_SIZE);
	memcpy(at, &head, sizeof(head));
	memcpy(at + NLA_HDRLEN, value, len);
	r->head.nlmsg_len += (__u32)step;
}

static void add_u32(struct request *r, unsigned int type, uint32_t value)
{
	add(r, type, &value, sizeof(value));
}

static void add_text(struct request *r, unsigned int type, const char *value)
{
	add(r, type, value, strlen(value) + 1);
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

static int parse_done(struct question *q attr_unused, const void *data, size_t len)
{
	return nldev_parse_done(data, len, SEQ);
}

int nldev_device(const char *name, uint32_t *device)
{
	struct question which = { .name = name, .parse = parse_device };
	struct request r = request_of(RDMA_NLDEV_CMD_GET, NLM_F_DUMP);
	int err = ask(&which, &r);

	*device = which.number;
	return err;
}

int nldev_mr_counters(const char *device, uint32_t rkey, struct nldev_counters *c)
{
	struct question region = { .rkey = rkey, .parse = parse_mr };
	struct question counters = { .counters = c, .parse = parse_counters };
	struct request r = request_of(RDMA_NLDEV_CMD_RES_MR_GET, NLM_F_DUMP);
	uint32_t index;
	int err = nldev_device(device, &index);

	if (err)
		return err;
	add_u32(&r, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	err = ask(&region, &r);
	if (err)
		return err;
	r = request_of(RDMA_NLDEV_CMD_STAT_GET, 0);
	add_u32(&r, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	add_u32(&r, RDMA_NLDEV_ATTR_STAT_RES, RDMA_NLDEV_ATTR_RES_MR);
	add_u32(&r, RDMA_NLDEV_ATTR_RES_MRN, region.number);
	return ask(&counters, &r);
}

int nldev_link_add(const char *device, const char *type, const char *netdev)
{
	struct request r = request_of(RDMA_NLDEV_CMD_NEWLINK, NLM_F_ACK);
	struct question done = { .parse = parse_done };

	add_text(&r, RDMA_NLDEV_ATTR_DEV_NAME, device);
	add_text(&r, RDMA_NLDEV_ATTR_LINK_TYPE, type);
	add_text(&r, RDMA_NLDEV_ATTR_NDEV_NAME, netdev);
	return ask(&done, &r);
}

int nldev_link_delete(uint32_t device)
{
	struct request r = request_of(RDMA_NLDEV_CMD_DELLINK, NLM_F_ACK);
	struct question done = { .parse = parse_done };

	add_u32(&r, RDMA_NLDEV_ATTR_DEV_INDEX, device);
	return ask(&done, &r);
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
