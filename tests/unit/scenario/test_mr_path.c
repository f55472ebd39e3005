// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The addresses that an importer is given, over a module that gives those of a table: all of the memory, in
 * order, as what it is or as what an IOMMU makes of it; and a BAR the way that the pair must take.
 */
#include "sysroot.h"

#include "../p2p/model.h"
#include "fake_ioctl.h"
#include "p2p/p2p.h"
#include "scenario/mr_rig.h"

#define PAGE 0x1000ull
#define BAR 0x100000000ull /* of the functions of a model */
#define RAM 0x40000000ull
#define IOVA 0xffff0000ull
#define OWNER 100
#define IMPORTER 101

/* Two functions below a switch, and one below another port. */
static const struct model_function machine[] = {
	FN("00:01.0", PORT_ROOT, 0x01, 0, 0x8086, 0x0001),
	FN("01:00.0", PORT_UPSTREAM, 0x02, NO_ACS, 0x10b5, 0x8796),
	FN("02:00.0", PORT_DOWNSTREAM, 0x03, 0, 0x10b5, 0x8796),
	FN("02:01.0", PORT_DOWNSTREAM, 0x04, 0, 0x10b5, 0x8796),
	FN("03:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("04:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
	FN("00:02.0", PORT_ROOT, 0x05, 0, 0x8086, 0x0002),
	FN("05:00.0", PORT_ENDPOINT, 0, NO_ACS, 0x144d, 0xa808),
};

static const struct pci_addr below = { 0, 3, 0, 0 }, beside = { 0, 4, 0, 0 },
			     apart = { 0, 5, 0, 0 }, unknown = { 0, 6, 0, 0 };

/* What the module answers. */
static struct {
	struct p2pcert_dmabuf_map map;
	struct p2pcert_dmabuf_place place;
	int map_error, place_error; /* negative errnos, of the calls */
} module;

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case P2PCERT_IOC_DMABUF_MAP:
		assert_int_equal(fd, IMPORTER);
		*(struct p2pcert_dmabuf_map *)arg = module.map;
		return module.map_error;
	case P2PCERT_IOC_DMABUF_PLACE:
		assert_int_equal(fd, OWNER);
		*(struct p2pcert_dmabuf_place *)arg = module.place;
		return module.place_error;
	default:
		fail_msg("ioctl 0x%lx", request);
		return -ENOTTY;
	}
}

/* Runs of memory; length 0 ends them. */
struct runs {
	struct {
		uint64_t at, length;
	} run[P2PCERT_MAX_SEGS];
};

static uint32_t put_runs(struct p2pcert_seg *segs, const struct runs *runs, bool dma)
{
	uint32_t n = 0;

	for (; n < P2PCERT_MAX_SEGS && runs->run[n].length; n++) {
		segs[n] = (struct p2pcert_seg){ .length = runs->run[n].length };
		*(dma ? &segs[n].dma_addr : &segs[n].phys_addr) = runs->run[n].at;
	}
	return n;
}

static const struct row {
	const char *name;
	struct runs map, place;
	size_t pages;
	uint32_t kind; /* of the place */
	const struct pci_addr *engine; /* NULL: the CPU copies */
	const char *iommu_type; /* of the engine; NULL: none is known */
	bool no_groups; /* the machine has no IOMMU */
	const char *refused; /* a part of what is said; NULL: it is right */
	bool unproven; /* it is not known enough to say */
} table[] = {
	{ .name = "one run of RAM",
	  .map = { { { RAM, 2 * PAGE } } },
	  .place = { { { RAM, 2 * PAGE } } },
	  .pages = 2 },
	{ .name = "pieces that are cut otherwise",
	  .map = { { { RAM, PAGE }, { RAM + PAGE, 2 * PAGE } } },
	  .place = { { { RAM, 2 * PAGE }, { RAM + 2 * PAGE, PAGE } } },
	  .pages = 3 },
	{ .name = "pieces in another order",
	  .map = { { { RAM + PAGE, PAGE }, { RAM, PAGE } } },
	  .place = { { { RAM, 2 * PAGE } } },
	  .pages = 2,
	  .refused = "page 0 is at 0x40000000, mapped as 0x40001000" },
	{ .name = "the second page of another's",
	  .map = { { { RAM, PAGE }, { RAM + 5 * PAGE, PAGE } } },
	  .place = { { { RAM, 2 * PAGE } } },
	  .pages = 2,
	  .refused = "page 1 is at 0x40001000, mapped as 0x40005000" },
	{ .name = "too little",
	  .map = { { { RAM, PAGE } } },
	  .place = { { { RAM, 2 * PAGE } } },
	  .pages = 2,
	  .refused = "4096 bytes in 1 pieces, must be 8192" },
	{ .name = "too much",
	  .map = { { { RAM, 3 * PAGE } } },
	  .place = { { { RAM, 3 * PAGE } } },
	  .pages = 2,
	  .refused = "12288 bytes in 1 pieces, must be 8192" },
	{ .name = "nothing", .pages = 1, .refused = "0 bytes in 0 pieces" },
	{ .name = "another address, translated",
	  .map = { { { IOVA, 2 * PAGE } } },
	  .place = { { { RAM, 2 * PAGE } } },
	  .pages = 2,
	  .engine = &below,
	  .iommu_type = "DMA",
	  .unproven = true },
	{ .name = "another address, in passthrough",
	  .map = { { { IOVA, PAGE } } },
	  .place = { { { RAM, PAGE } } },
	  .pages = 1,
	  .engine = &below,
	  .iommu_type = "identity",
	  .refused = "though nothing translates" },
	{ .name = "another address, without an IOMMU",
	  .map = { { { IOVA, PAGE } } },
	  .place = { { { RAM, PAGE } } },
	  .pages = 1,
	  .engine = &below,
	  .iommu_type = "DMA",
	  .no_groups = true,
	  .refused = "though nothing translates" },
	{ .name = "a BAR past the IOMMU",
	  .map = { { { BAR, 2 * PAGE } } },
	  .place = { { { BAR, 2 * PAGE } } },
	  .pages = 2,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below,
	  .iommu_type = "DMA" },
	{ .name = "two ranges of it",
	  .map = { { { BAR, PAGE }, { BAR + 4 * PAGE, PAGE } } },
	  .place = { { { BAR, PAGE }, { BAR + 4 * PAGE, PAGE } } },
	  .pages = 2,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below },
	{ .name = "the second of them elsewhere in the BAR",
	  .map = { { { BAR, PAGE }, { BAR + PAGE, PAGE } } },
	  .place = { { { BAR, PAGE }, { BAR + 4 * PAGE, PAGE } } },
	  .pages = 2,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below,
	  .refused = "through the host bridge, where bus-address was ruled" },
	{ .name = "a BAR translated, though the switch is to turn it back",
	  .map = { { { IOVA, PAGE } } },
	  .place = { { { BAR, PAGE } } },
	  .pages = 1,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below,
	  .iommu_type = "DMA",
	  .refused = "through the host bridge, where bus-address was ruled" },
	{ .name = "what is in no BAR",
	  .map = { { { RAM, PAGE } } },
	  .place = { { { RAM, PAGE } } },
	  .pages = 1,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below,
	  .refused = "lies in no BAR of 0000:04:00.0" },
	{ .name = "the end of a BAR and more",
	  .map = { { { BAR + (1 << 20) - PAGE, 2 * PAGE } } },
	  .place = { { { BAR + (1 << 20) - PAGE, 2 * PAGE } } },
	  .pages = 2,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &below,
	  .refused = "lies in no BAR" },
	{ .name = "a BAR for what the kernel must refuse",
	  .map = { { { BAR, PAGE } } },
	  .place = { { { BAR, PAGE } } },
	  .pages = 1,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &apart,
	  .iommu_type = "DMA",
	  .refused = "mapped for 0000:05:00.0, where not-supported was predicted" },
	{ .name = "a BAR for nobody known",
	  .map = { { { RAM, PAGE } } },
	  .place = { { { BAR, PAGE } } },
	  .pages = 1,
	  .kind = P2PCERT_PLACE_BAR,
	  .engine = &unknown,
	  .unproven = true },
};

struct bench {
	struct heard h;
	struct platform *platform;
	struct mr_memory memory;
	struct mr_importer importer;
	struct mr_case c;
};

#define RUN_BYTES 4096 /* more than enough for what mr_rig.c counts */

static void open_bench(struct bench *b, const struct row *row)
{
	static char memory[] = "memory", importer[] = "importer";

	b->platform = model_new(machine, ARRAY_LEN(machine));
	b->platform->iommu_groups = row->no_groups ? KNOWN_ABSENT : KNOWN_PRESENT;
	heard_begin(&b->h, NULL, b->platform);
	b->h.env.rules = p2p_rules_for(NULL);
	b->memory = (struct mr_memory){
		.name = memory,
		.fd = 7,
		.len = row->pages * PAGE,
		.owner = OWNER,
		.bar = beside,
		.has_bar = row->kind == P2PCERT_PLACE_BAR,
	};
	b->importer = (struct mr_importer){ .name = importer, .fd = IMPORTER };
	if (row->engine) {
		b->importer.channel[0] = 'c';
		b->importer.addr = *row->engine;
		b->importer.is_function = true;
	}
	if (row->iommu_type)
		for (size_t i = 0; i < b->platform->nr_functions; i++)
			b->platform->functions[i].iommu_type = xstrdup(row->iommu_type);
	b->c = (struct mr_case){
		.run = xcalloc(1, RUN_BYTES),
		.ctx = &b->h.ctx,
		.memory = &b->memory,
		.importer = &b->importer,
	};
	memset(&module, 0, sizeof(module));
	module.map.nr_segs = put_runs(module.map.segs, &row->map, true);
	module.place.place = row->kind;
	module.place.nr_segs = put_runs(module.place.segs, &row->place, false);
}

static void close_bench(struct bench *b)
{
	free(b->c.run);
	heard_end(&b->h);
	platform_free(b->platform);
}

static bool is_proven(const struct bench *b)
{
	const unsigned char *run = (const unsigned char *)b->c.run;

	for (size_t i = 0; i < RUN_BYTES; i++)
		if (run[i])
			return true;
	return false;
}

static bool is_said(const struct bench *b, const char *text)
{
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	rewind(b->h.file);
	while (getline(&line, &room, b->h.file) > 0)
		found |= strstr(line, text) != NULL;
	free(line);
	return found;
}

static void rows(attr_unused void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct row *row = &table[i];
		struct bench b;
		int ret;

		open_bench(&b, row);
		ret = mr_judge_path(&b.c);
		if (ret != !!row->refused || is_proven(&b) != (!row->refused && !row->unproven))
			fail_msg("%s: %d, %s", row->name, ret,
				 is_proven(&b) ? "proven" : "not proven");
		if (row->refused && !is_said(&b, row->refused))
			fail_msg("%s: '%s' is not said", row->name, row->refused);
		assert_int_equal(heard_count(&b.h, "evidence", "state", "refuted"), ret);
		close_bench(&b);
	}
}

/* --- what the module itself says wrong ---------------------------------------------------------- */

static void judged(const struct row *row, void (*spoil)(struct bench *b), int expected)
{
	struct bench b;

	open_bench(&b, row);
	spoil(&b);
	assert_int_equal(mr_judge_path(&b.c), expected);
	assert_false(is_proven(&b));
	close_bench(&b);
}

static void map_is_refused(attr_unused struct bench *b)
{
	module.map.result = -EREMOTEIO;
}

static void map_fails(attr_unused struct bench *b)
{
	module.map_error = -EIO;
}

static void too_many_pieces(attr_unused struct bench *b)
{
	module.map.nr_segs = P2PCERT_MAX_SEGS + 1;
}

static void place_fails(attr_unused struct bench *b)
{
	module.place_error = -EBADF;
}

static void place_is_short(attr_unused struct bench *b)
{
	module.place.nr_segs = 0;
	memset(module.place.segs, 0, sizeof(module.place.segs));
}

static void place_has_too_many(attr_unused struct bench *b)
{
	module.place.nr_segs = P2PCERT_MAX_SEGS + 1;
}

static void nobody_knows(struct bench *b)
{
	b->memory.owner = -1;
}

/* It registers, and says no addresses. */
static void importer_is_rdma(struct bench *b)
{
	b->importer.verbs = (struct mr_verbs *)b;
	module.map_error = -EIO;
}

static void failures(attr_unused void **state)
{
	judged(&table[0], map_is_refused, 1);
	judged(&table[0], map_fails, 1);
	judged(&table[0], too_many_pieces, 1);
	judged(&table[0], place_fails, -EBADF);
	judged(&table[0], place_is_short, -EPROTO);
	judged(&table[0], place_has_too_many, -EPROTO);
	judged(&table[0], nobody_knows, 0);
	judged(&table[0], importer_is_rdma, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
