/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/check/check_iommu.c */
#include "../test.h"

#include "rig.h"

#include "base/alloc.h"

#define ECAP_ALL (UINT64_C(1) << 0 | UINT64_C(1) << 2 | UINT64_C(1) << 29 | UINT64_C(1) << 40)

static void add_unit(struct platform *p, const char *name, uint64_t extended)
{
	p->iommu_units = xcalloc(1, sizeof(*p->iommu_units));
	p->nr_iommu_units = 1;
	p->iommu_units[0] = (struct iommu_unit){ .name = xstrdup(name), .extended = extended };
	p->iommu_groups = KNOWN_PRESENT;
}

static void services(void **state attr_unused)
{
	static const uint64_t bits[] = { UINT64_C(1) << 2, UINT64_C(1) << 29, UINT64_C(1) << 40 };
	static const char *const words[] = { "ATS is enabled", "PRI is enabled",
					     "PASID is enabled" };
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "03:00.0");
	struct reg *controls[] = { &f->ats_control, &f->pri_control, &f->pasid_control };

	f->has_ats = f->has_pri = f->has_pasid = true;
	rig_unseen(p, "iommu.services", "03:00.0");
	rig_clear(&f->ats_control, ATS_ENABLE);
	rig_clear(&f->pri_control, PRI_ENABLE);
	rig_clear(&f->pasid_control, PASID_ENABLE);
	rig_not_found(p, "iommu.services", "IOMMU-SERVICE-WITHOUT-UNIT");
	add_unit(p, "dmar0", ECAP_ALL);
	for (size_t i = 0; i < ARRAY_LEN(controls); i++) {
		controls[i]->value = i ? 1 : ATS_ENABLE;
		rig_string(&f->iommu_unit, NULL);
		rig_unseen(p, "iommu.services", "03:00.0");
		rig_string(&f->iommu_unit, "dmar0");
		rig_not_found(p, "iommu.services", "IOMMU-UNIT-LACKS");
		p->iommu_units[0].extended = ECAP_ALL & ~bits[i];
		rig_found(p, "iommu.services", "IOMMU-UNIT-LACKS", SEVERITY_MAJOR, "03:00.0");
		rig_says(p, "iommu.services", "IOMMU-UNIT-LACKS", words[i]);
		p->iommu_units[0].extended = 0;
		rig_not_found(p, "iommu.services", "IOMMU-UNIT-LACKS");
		rig_unseen(p, "iommu.services", "03:00.0");
		p->iommu_units[0].extended = ECAP_ALL;
		p->iommu_groups = KNOWN_ABSENT;
		rig_found(p, "iommu.services", "IOMMU-SERVICE-WITHOUT-UNIT", SEVERITY_MAJOR,
			  "03:00.0");
		p->iommu_groups = KNOWN_PRESENT;
		controls[i]->value = 0;
	}
}

static void coherent(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();

	add_unit(p, "dmar0", ECAP_ALL);
	rig_not_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT");
	p->iommu_units[0].extended = ECAP_ALL & ~UINT64_C(1);
	rig_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT", SEVERITY_INFO, "");
	p->iommu_units[0].extended = 0;
	rig_not_found(p, "iommu.coherent", "IOMMU-NOT-COHERENT");
}

static void iova(void **state attr_unused)
{
	autoplatform struct platform *p = rig_new();
	struct function *f = rig_at(p, "05:00.0");
	const struct bar *bar = &rig_at(p, "03:00.0")->bars[0];

	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
	rig_string(&f->driver, "vfio-pci");
	rig_unseen(p, "iommu.iova", "05:00.0");
	f->iommu_group = 7;
	rig_unseen(p, "iommu.iova", "05:00.0");
	p->reserved = xcalloc(2, sizeof(*p->reserved));
	p->nr_reserved = 2;
	p->reserved[0] = (struct reserved_range){ 7, 0xfee00000, 0xfeefffff, xstrdup("msi") };
	p->reserved[1] = (struct reserved_range){ 8, 0, UINT64_MAX, xstrdup("direct") };
	rig_found(p, "iommu.iova", "IOVA-PEER-BAR", SEVERITY_MAJOR, "05:00.0 03:00.0 04:00.0");
	p->reserved[0].start = bar->start;
	p->reserved[0].end = rig_at(p, "04:00.0")->bars[0].start + bar->size - 1;
	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
	/* one byte is enough */
	p->reserved[0].end--;
	rig_found(p, "iommu.iova", "IOVA-PEER-BAR", SEVERITY_MAJOR, "05:00.0 04:00.0");
	/* redirected, every request meets the IOMMU first */
	rig_at(p, "02:02.0")->acs.control = ACS_RR;
	rig_not_found(p, "iommu.iova", "IOVA-PEER-BAR");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(services),
		cmocka_unit_test(coherent),
		cmocka_unit_test(iova),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
