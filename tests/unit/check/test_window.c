/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_window.c */
#include "../test.h"

#include "rig.h"

#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

static void healthy(void **state attr_unused)
{
	rig_passes("window.bar");
	rig_passes("window.dma-mask");
}

static void outside_window(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct window *w = rig_at(p, "01:00.0")->windows;

	/* one byte short, at the second bridge above */
	w[WINDOW_PREFETCHABLE].end = rig_at(p, "05:00.0")->bars[0].start + GIB(16) - 2;
	rig_found(p, "window.bar", "BAR-OUTSIDE-WINDOW", SEVERITY_MAJOR, "05:00.0 01:00.0 05:00.1");
	rig_says(p, "window.bar", "BAR-OUTSIDE-WINDOW", "memory closed");
	/* the other window serves as well */
	w[WINDOW_MEMORY] = (struct window){ true, 0, UINT64_MAX };
	rig_not_found(p, "window.bar", "BAR-OUTSIDE-WINDOW");
	w[WINDOW_MEMORY].known = false;
	rig_not_found(p, "window.bar", "BAR-OUTSIDE-WINDOW");
	rig_unseen(p, "window.bar", "01:00.0");
	w[WINDOW_MEMORY] = (struct window){ .known = true, .start = 1 };
	rig_at(p, "01:00.0")->class = 0x060401; /* subtractive decode */
	rig_not_found(p, "window.bar", "BAR-OUTSIDE-WINDOW");
}

/* BARs as processor addresses and windows as bus addresses: none fits, and nothing is said. */
static void not_comparable(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].bars[0].start += p->functions[i].is_bridge ? 0 : GIB(1) << 16;
	rig_not_found(p, "window.bar", "BAR-OUTSIDE-WINDOW");
	rig_unseen(p, "window.bar", NULL);
}

static void dma_mask(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *gpu = rig_at(p, "03:00.0");

	gpu->dma_bits = 46;
	rig_not_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK");
	gpu->dma_bits = 45;
	rig_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK", SEVERITY_MAJOR,
		  "03:00.0 04:00.0 05:00.0 05:00.1 81:00.0");
	/* through the host bridge a translating IOMMU gives it addresses that it can form */
	rig_string(&gpu->iommu_type, "DMA-FQ");
	rig_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK", SEVERITY_MAJOR,
		  "03:00.0 04:00.0 05:00.0 05:00.1");
	gpu->dma_bits = 0;
	rig_unseen(p, "window.dma-mask", "03:00.0");
	rig_not_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK");
}

/* The last byte that a mask allows is a byte. */
static void dma_mask_to_the_byte(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	for (size_t i = 0; i < p->nr_functions; i++) {
		p->functions[i].bars[0].start = GIB(32768) - GIB(16);
		p->functions[i].bars[0].size = GIB(16);
	}
	rig_at(p, "03:00.0")->dma_bits = 45;
	rig_not_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK");
	rig_at(p, "04:00.0")->bars[0].start++;
	rig_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK", SEVERITY_MAJOR, "03:00.0 04:00.0");
}

static void mask_of_32_bits(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	rig_at(p, "06:00.0")->dma_bits = 32;
	rig_at(p, "03:00.0")->bars[0].start = 0xc0000000;
	rig_at(p, "03:00.0")->bars[0].size = MIB(256);
	for (size_t i = 0; i < p->nr_functions; i++)
		p->functions[i].bars[0] = rig_at(p, "03:00.0")->bars[0];
	rig_found(p, "window.dma-mask", "DMA-MASK-32BIT", SEVERITY_MINOR, "06:00.0");
	rig_not_found(p, "window.dma-mask", "BAR-ABOVE-DMA-MASK");
	rig_at(p, "06:00.0")->dma_bits = 33;
	rig_not_found(p, "window.dma-mask", "DMA-MASK-32BIT");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy),
		cmocka_unit_test(outside_window),
		cmocka_unit_test(not_comparable),
		cmocka_unit_test(dma_mask),
		cmocka_unit_test(dma_mask_to_the_byte),
		cmocka_unit_test(mask_of_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
