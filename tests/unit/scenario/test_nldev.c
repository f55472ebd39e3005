// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of the kernel's RDMA netlink, as it makes them and as it must not, and what is concluded from two
 * looks at counters.
 */
#include "scenario/nldev.h"

#include <errno.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>

#include "../test.h"

#define SEQ 9

/* An answer in the making. */
struct answer {
	unsigned char data[1024];
	size_t len;
	size_t open[4]; /* where the message and the tables begin that have not ended */
	size_t depth;
};

static void put(struct answer *a, const void *data, size_t len)
{
	memcpy(a->data + a->len, data, len);
	a->len += len;
	while (a->len % 4)
		a->data[a->len++] = 0;
}

static void attr(struct answer *a, unsigned int type, const void *data, size_t len)
{
	struct nlattr head = {
		.nla_len = (__u16)(sizeof(head) + len),
		.nla_type = (__u16)type,
	};

	put(a, &head, sizeof(head));
	put(a, data, len);
}

static void u32(struct answer *a, unsigned int type, uint32_t value)
{
	attr(a, type, &value, sizeof(value));
}

static void u64(struct answer *a, unsigned int type, uint64_t value)
{
	attr(a, type, &value, sizeof(value));
}

static void text(struct answer *a, unsigned int type, const char *value)
{
	attr(a, type, value, strlen(value) + 1);
}

static void begin(struct answer *a, unsigned int type)
{
	a->open[a->depth++] = a->len;
	attr(a, type | NLA_F_NESTED, "", 0);
}

static void end(struct answer *a)
{
	struct nlattr head;
	size_t at = a->open[--a->depth];

	memcpy(&head, a->data + at, sizeof(head));
	head.nla_len = (__u16)(a->len - at);
	memcpy(a->data + at, &head, sizeof(head));
}

static void message(struct answer *a, unsigned int type, uint32_t seq)
{
	struct nlmsghdr head = { .nlmsg_type = (__u16)type, .nlmsg_seq = seq };

	a->open[a->depth++] = a->len;
	put(a, &head, sizeof(head));
}

static void sent(struct answer *a)
{
	struct nlmsghdr head;
	size_t at = a->open[--a->depth];

	memcpy(&head, a->data + at, sizeof(head));
	head.nlmsg_len = (__u32)(a->len - at);
	memcpy(a->data + at, &head, sizeof(head));
}

static void ended(struct answer *a, unsigned int type, int error)
{
	message(a, type, SEQ);
	put(a, &error, sizeof(error));
	sent(a);
}

static unsigned int type_of(unsigned int command)
{
	return (unsigned int)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command);
}

/* --- which device ------------------------------------------------------------------------------- */

static void add_device(struct answer *a, uint32_t index, const char *name, uint32_t seq)
{
	message(a, type_of(RDMA_NLDEV_CMD_GET), seq);
	u32(a, RDMA_NLDEV_ATTR_DEV_INDEX, index);
	text(a, RDMA_NLDEV_ATTR_DEV_NAME, name);
	sent(a);
}

static void devices(attr_unused void **state)
{
	struct answer a = { 0 };
	uint32_t index;

	add_device(&a, 5, "mlx5_1", SEQ - 1); /* to somebody else */
	add_device(&a, 0, "mlx5_0", SEQ);
	add_device(&a, 1, "mlx5_10", SEQ);
	assert_int_equal(nldev_parse_device(a.data, a.len, SEQ, "mlx5_1", &index), 0);
	add_device(&a, 3, "mlx5_1", SEQ);
	assert_int_equal(nldev_parse_device(a.data, a.len, SEQ, "mlx5_1", &index), 1);
	assert_int_equal(index, 3);
	assert_int_equal(nldev_parse_device(a.data, a.len, SEQ, "mlx5_0", &index), 1);
	assert_int_equal(index, 0);
	ended(&a, NLMSG_DONE, 0);
	assert_int_equal(nldev_parse_device(a.data, a.len, SEQ, "mlx5", &index), -ENODATA);
}

static void refusals(attr_unused void **state)
{
	struct answer error = { 0 }, done = { 0 };
	uint32_t index;

	ended(&error, NLMSG_ERROR, -EPERM);
	assert_int_equal(nldev_parse_device(error.data, error.len, SEQ, "x", &index), -EPERM);
	ended(&done, NLMSG_DONE, -EINVAL);
	assert_int_equal(nldev_parse_device(done.data, done.len, SEQ, "x", &index), -EINVAL);
}

/* A command is done when the kernel says so; what else it says is of something else. */
static void commands(attr_unused void **state)
{
	struct answer done = { 0 }, error = { 0 }, other = { 0 };

	ended(&done, NLMSG_ERROR, 0);
	assert_int_equal(nldev_parse_done(done.data, done.len, SEQ), 1);
	assert_int_equal(nldev_parse_done(done.data, done.len, SEQ + 1), 0);
	assert_int_equal(nldev_parse_done(done.data, done.len - 1, SEQ), -EBADMSG);
	ended(&error, NLMSG_ERROR, -ENFILE);
	assert_int_equal(nldev_parse_done(error.data, error.len, SEQ), -ENFILE);
	message(&other, RDMA_NLDEV_CMD_GET, SEQ);
	sent(&other);
	assert_int_equal(nldev_parse_done(other.data, other.len, SEQ), 0);
}

/* --- which region ------------------------------------------------------------------------------- */

static void add_region(struct answer *a, uint32_t rkey, uint32_t number, bool shown)
{
	begin(a, RDMA_NLDEV_ATTR_RES_MR_ENTRY);
	if (shown)
		u32(a, RDMA_NLDEV_ATTR_RES_RKEY, rkey);
	u64(a, RDMA_NLDEV_ATTR_RES_MRLEN, 40960);
	u32(a, RDMA_NLDEV_ATTR_RES_MRN, number);
	end(a);
}

static void regions_begin(struct answer *a)
{
	message(a, type_of(RDMA_NLDEV_CMD_RES_MR_GET), SEQ);
	u32(a, RDMA_NLDEV_ATTR_DEV_INDEX, 3);
	begin(a, RDMA_NLDEV_ATTR_RES_MR);
}

static void regions_end(struct answer *a)
{
	end(a);
	sent(a);
}

static void regions(attr_unused void **state)
{
	struct answer a = { 0 };
	uint32_t number;

	regions_begin(&a);
	add_region(&a, 0x1234, 7, true);
	regions_end(&a);
	regions_begin(&a);
	add_region(&a, 0x1235, 8, true);
	add_region(&a, 0xfffffffe, 9, true);
	regions_end(&a);
	assert_int_equal(nldev_parse_mr(a.data, a.len, SEQ, 0xfffffffe, &number), 1);
	assert_int_equal(number, 9);
	assert_int_equal(nldev_parse_mr(a.data, a.len, SEQ, 0x1234, &number), 1);
	assert_int_equal(number, 7);
	assert_int_equal(nldev_parse_mr(a.data, a.len, SEQ, 7, &number), 0);
}

/* Without the capability nobody's keys are shown. */
static void regions_hidden(attr_unused void **state)
{
	struct answer a = { 0 };
	uint32_t number;

	regions_begin(&a);
	add_region(&a, 0x1234, 7, false);
	regions_end(&a);
	assert_int_equal(nldev_parse_mr(a.data, a.len, SEQ, 0x1234, &number), -EPERM);
}

/* --- its counters ------------------------------------------------------------------------------- */

static void add_counter(struct answer *a, const char *name, uint64_t value)
{
	begin(a, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY);
	text(a, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_NAME, name);
	u64(a, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_VALUE, value);
	end(a);
}

static struct answer counters_answer(void)
{
	struct answer a = { 0 };

	message(&a, type_of(RDMA_NLDEV_CMD_STAT_GET), SEQ);
	u32(&a, RDMA_NLDEV_ATTR_DEV_INDEX, 3);
	u32(&a, RDMA_NLDEV_ATTR_RES_MRN, 7);
	begin(&a, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS);
	add_counter(&a, "page_faults", 1ull << 40);
	add_counter(&a, "page_faults_handled", 3);
	add_counter(&a, "page_invalidations", 2);
	add_counter(&a, "page_prefetch", 0);
	end(&a);
	sent(&a);
	return a;
}

static void counters(attr_unused void **state)
{
	struct answer a = counters_answer();
	struct nldev_counters c;

	assert_int_equal(nldev_parse_counters(a.data, a.len, SEQ, &c), 1);
	assert_int_equal(c.known, (1u << NR_NLDEV_COUNTERS) - 1);
	assert_true(c.value[NLDEV_PAGE_FAULTS] == 1ull << 40);
	assert_int_equal(c.value[NLDEV_PAGE_INVALIDATIONS], 2);
	assert_int_equal(c.value[NLDEV_PAGE_PREFETCH], 0);
	assert_int_equal(nldev_parse_counters(a.data, a.len, SEQ + 1, &c), 0);
}

/* Soft RoCE names the region, and counts nothing. */
static void no_counters(attr_unused void **state)
{
	struct answer a = { 0 };
	struct nldev_counters c;

	message(&a, type_of(RDMA_NLDEV_CMD_STAT_GET), SEQ);
	u32(&a, RDMA_NLDEV_ATTR_RES_MRN, 7);
	sent(&a);
	assert_int_equal(nldev_parse_counters(a.data, a.len, SEQ, &c), 1);
	assert_int_equal(c.known, 0);
}

/* --- what must not be --------------------------------------------------------------------------- */

/* Cut anywhere, or with any one byte another one: an answer or none, never more than was there. */
static void damaged(attr_unused void **state)
{
	struct answer a = counters_answer();
	struct nldev_counters c;
	unsigned char *exact;

	for (size_t len = 0; len < a.len; len++) {
		exact = malloc(len ? len : 1);
		memcpy(exact, a.data, len);
		assert_int_equal(nldev_parse_counters(exact, len, SEQ, &c), len ? -EBADMSG : 0);
		free(exact);
	}
	for (size_t i = 0; i < a.len; i++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			uint32_t number;
			int ret;

			exact = malloc(a.len);
			memcpy(exact, a.data, a.len);
			exact[i] = (unsigned char)byte;
			ret = nldev_parse_counters(exact, a.len, SEQ, &c);
			assert_true(ret <= 1);
			assert_true(nldev_parse_mr(exact, a.len, SEQ, 7, &number) <= 0);
			assert_true(nldev_parse_device(exact, a.len, SEQ, "x", &number) <= 0);
			free(exact);
		}
	}
}

/* A number of another size, a counter without one, a length of nothing. */
static void malformed(attr_unused void **state)
{
	struct answer number = { 0 }, valueless = { 0 }, empty = { 0 };
	struct nldev_counters c;
	uint32_t index;

	message(&number, type_of(RDMA_NLDEV_CMD_GET), SEQ);
	u64(&number, RDMA_NLDEV_ATTR_DEV_INDEX, 1);
	sent(&number);
	assert_int_equal(nldev_parse_device(number.data, number.len, SEQ, "x", &index), -EBADMSG);

	message(&valueless, type_of(RDMA_NLDEV_CMD_STAT_GET), SEQ);
	begin(&valueless, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS);
	begin(&valueless, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY);
	text(&valueless, RDMA_NLDEV_ATTR_STAT_HWCOUNTER_ENTRY_NAME, "page_faults");
	end(&valueless);
	end(&valueless);
	sent(&valueless);
	assert_int_equal(nldev_parse_counters(valueless.data, valueless.len, SEQ, &c), -EBADMSG);

	message(&empty, type_of(RDMA_NLDEV_CMD_STAT_GET), SEQ);
	put(&empty, (uint32_t[]){ 0 }, sizeof(uint32_t));
	sent(&empty);
	assert_int_equal(nldev_parse_counters(empty.data, empty.len, SEQ, &c), -EBADMSG);
}

/* An entry that says to be longer than its table, whose end it would run over. */
static void overlong(attr_unused void **state)
{
	struct answer a = counters_answer();
	const size_t table = sizeof(struct nlmsghdr) + 2 * (sizeof(struct nlattr) + 4);
	struct nldev_counters c;
	struct nlattr head;

	message(&a, type_of(RDMA_NLDEV_CMD_STAT_GET), SEQ); /* what would be read then */
	sent(&a);
	memcpy(&head, a.data + table, sizeof(head));
	assert_int_equal(head.nla_type & NLA_TYPE_MASK, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS);
	for (unsigned int more = 1; more <= 16; more++) {
		struct nlattr longer = head;

		longer.nla_len = (__u16)(head.nla_len + more);
		memcpy(a.data + table, &longer, sizeof(longer));
		assert_int_equal(nldev_parse_counters(a.data, a.len, SEQ, &c), -EBADMSG);
	}
}

/* --- two looks ---------------------------------------------------------------------------------- */

static void moved(attr_unused void **state)
{
	const unsigned int both = 1u << NLDEV_PAGE_FAULTS | 1u << NLDEV_PAGE_INVALIDATIONS;
	const struct nldev_counters before = { both, { 10, 5, 0 } };
	const struct nldev_counters now = { both | 1u << NLDEV_PAGE_PREFETCH, { 12, 5, 3 } };
	struct nldev_counters between;
	char *wrong;

	nldev_counters_since(&before, &now, &between);
	assert_int_equal(between.known, both);
	assert_int_equal(between.value[NLDEV_PAGE_FAULTS], 2);
	assert_null(nldev_counter_refuse(&between, NLDEV_PAGE_FAULTS, true));
	assert_null(nldev_counter_refuse(&between, NLDEV_PAGE_INVALIDATIONS, false));
	assert_null(nldev_counter_refuse(&between, NLDEV_PAGE_PREFETCH, true));
	wrong = nldev_counter_refuse(&between, NLDEV_PAGE_FAULTS, false);
	assert_string_equal(wrong, "the device's own counter 'page_faults' moves by 2, "
				   "expected nothing");
	free(wrong);
	wrong = nldev_counter_refuse(&between, NLDEV_PAGE_INVALIDATIONS, true);
	assert_string_equal(wrong, "the device's own counter 'page_invalidations' moves by 0, "
				   "expected more");
	free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices),        cmocka_unit_test(refusals),
		cmocka_unit_test(commands),       cmocka_unit_test(regions),
		cmocka_unit_test(regions_hidden), cmocka_unit_test(counters),
		cmocka_unit_test(no_counters),    cmocka_unit_test(damaged),
		cmocka_unit_test(malformed),      cmocka_unit_test(moved),
		cmocka_unit_test(overlong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
