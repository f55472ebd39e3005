/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmods/include/uapi/p2pcert.h: what user space and modules of other builds rely on. A number that
 * changes here is another interface, and needs another P2PCERT_ABI_VERSION.
 */
#include "../test.h"
#include "uapi/p2pcert.h"

static void sizes(attr_unused void **state)
{
	assert_int_equal(sizeof(struct p2pcert_version), 72);
	assert_int_equal(sizeof(struct p2pcert_bdf), 8);
	assert_int_equal(sizeof(struct p2pcert_faults), 24);
	assert_int_equal(sizeof(struct p2pcert_distance), 24);
	assert_int_equal(sizeof(struct p2pcert_seg), 32);
	assert_int_equal(sizeof(struct p2pcert_map), 544);
	assert_int_equal(sizeof(struct p2pcert_copy), 152);
	assert_int_equal(sizeof(struct p2pcert_held), 24);
	assert_int_equal(sizeof(struct p2pcert_pin), 40);
	assert_int_equal(sizeof(struct p2pcert_devpriv_range), 32);
	assert_int_equal(sizeof(struct p2pcert_devpriv_access), 40);
	assert_int_equal(sizeof(struct p2pcert_devpriv_counters), 136);
	assert_int_equal(sizeof(struct p2pcert_devpriv_engine), 88);
	assert_int_equal(sizeof(struct p2pcert_devpriv_select), 16);
	assert_int_equal(sizeof(struct p2pcert_devpriv_evict), 16);
	assert_int_equal(sizeof(struct p2pcert_devpriv_mirror), 16);
	assert_int_equal(sizeof(struct p2pcert_devpriv_add), 40);
	assert_int_equal(sizeof(struct p2pcert_devpriv_mirror_counters), 40);
	assert_int_equal(sizeof(struct p2pcert_devpriv_policy), 16);
	assert_int_equal(sizeof(struct p2pcert_devpriv_consumer), 72);
	assert_int_equal(sizeof(struct p2pcert_devpriv_consumer_counters), 128);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_export), 40);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_place), 544);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_move), 16);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_policy), 16);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_attach), 56);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_map), 520);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_access), 40);
	assert_int_equal(sizeof(struct p2pcert_dmabuf_counters), 40);
	assert_int_equal(sizeof(struct p2pcert_iova_attach), 56);
	assert_int_equal(sizeof(struct p2pcert_iova_map), 64);
	assert_int_equal(sizeof(struct p2pcert_iova_relink), 16);
	assert_int_equal(sizeof(struct p2pcert_iova_page), 24);
	assert_int_equal(sizeof(struct p2pcert_iova_pages), 24);
	assert_int_equal(sizeof(struct p2pcert_iova_access), 32);
}

/* 64-bit members lie on 8 bytes, or 32-bit programs would see other structures. */
static void alignment(attr_unused void **state)
{
	assert_int_equal(offsetof(struct p2pcert_map, addr), 8);
	assert_int_equal(offsetof(struct p2pcert_map, segs), 32);
	assert_int_equal(offsetof(struct p2pcert_copy, src), 32);
	assert_int_equal(offsetof(struct p2pcert_copy, duration_ns), 64);
	assert_int_equal(offsetof(struct p2pcert_copy, engine), 80);
	assert_int_equal(offsetof(struct p2pcert_copy, src_seg), 88);
	assert_int_equal(offsetof(struct p2pcert_dmabuf_place, segs), 32);
	assert_int_equal(offsetof(struct p2pcert_dmabuf_map, segs), 8);
	assert_int_equal(offsetof(struct p2pcert_iova_attach, merge_boundary), 48);
	assert_int_equal(offsetof(struct p2pcert_iova_map, iova), 32);
}

/* The numbers are distinct, so that one module's request is never another's. */
static void requests(attr_unused void **state)
{
	static const unsigned long all[] = {
		P2PCERT_IOC_VERSION,
		P2PCERT_IOC_SET_FAULTS,
		P2PCERT_IOC_DISTANCE,
		P2PCERT_IOC_DISTANCE_WHY,
		P2PCERT_IOC_MAP,
		P2PCERT_IOC_COPY,
		P2PCERT_IOC_HELD,
		P2PCERT_IOC_PIN,
		P2PCERT_IOC_UNPIN,
		P2PCERT_IOC_DEVPRIV_TO_DEVICE,
		P2PCERT_IOC_DEVPRIV_TO_RAM,
		P2PCERT_IOC_DEVPRIV_READ,
		P2PCERT_IOC_DEVPRIV_WRITE,
		P2PCERT_IOC_DEVPRIV_COUNTERS,
		P2PCERT_IOC_DEVPRIV_SELECT,
		P2PCERT_IOC_DEVPRIV_EVICT,
		P2PCERT_IOC_DEVPRIV_MIRROR,
		P2PCERT_IOC_DEVPRIV_MIRROR_READ,
		P2PCERT_IOC_DEVPRIV_MIRROR_WRITE,
		P2PCERT_IOC_DEVPRIV_SNAPSHOT,
		P2PCERT_IOC_DEVPRIV_EXCLUSIVE,
		P2PCERT_IOC_DEVPRIV_ADD,
		P2PCERT_IOC_DEVPRIV_MIRROR_COUNTERS,
		P2PCERT_IOC_DEVPRIV_ENGINE,
		P2PCERT_IOC_DEVPRIV_HOLDS,
		P2PCERT_IOC_DEVPRIV_POLICY,
		P2PCERT_IOC_DEVPRIV_CONSUMER,
		P2PCERT_IOC_DEVPRIV_CONSUMER_READ,
		P2PCERT_IOC_DEVPRIV_CONSUMER_WRITE,
		P2PCERT_IOC_DEVPRIV_CONSUMER_TABLE,
		P2PCERT_IOC_DEVPRIV_CONSUMER_COUNTERS,
		P2PCERT_IOC_DMABUF_EXPORT,
		P2PCERT_IOC_DMABUF_PLACE,
		P2PCERT_IOC_DMABUF_MOVE,
		P2PCERT_IOC_DMABUF_REVOKE,
		P2PCERT_IOC_DMABUF_POLICY,
		P2PCERT_IOC_DMABUF_ATTACH,
		P2PCERT_IOC_DMABUF_DETACH,
		P2PCERT_IOC_DMABUF_MAP,
		P2PCERT_IOC_DMABUF_UNMAP,
		P2PCERT_IOC_DMABUF_READ,
		P2PCERT_IOC_DMABUF_WRITE,
		P2PCERT_IOC_DMABUF_COUNTERS,
		P2PCERT_IOC_DMABUF_ALLOW_FAULTS,
		P2PCERT_IOC_IOVA_ATTACH,
		P2PCERT_IOC_IOVA_DETACH,
		P2PCERT_IOC_IOVA_MAP,
		P2PCERT_IOC_IOVA_UNMAP,
		P2PCERT_IOC_IOVA_RELINK,
		P2PCERT_IOC_IOVA_PAGES,
		P2PCERT_IOC_IOVA_READ,
		P2PCERT_IOC_IOVA_WRITE,
	};

	assert_int_equal(P2PCERT_IOC_VERSION, 0x8048b700);
	assert_int_equal(P2PCERT_ABI_VERSION, 9);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(_IOC_NR(all[i]), _IOC_NR(all[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(alignment),
		cmocka_unit_test(requests),
	};

	return cmocka_run_group_tests_name("kmod/abi", tests, NULL, NULL);
}
