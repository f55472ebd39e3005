/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What devices ask of their IOMMU against what the unit can do, and addresses that an IOVA and a peer's
 * BAR could share. Isolation and translation modes are for the families that look at paths.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "check/aid.h"

/* Extended capability register of an Intel unit (VT-d architecture specification). */
#define ECAP_COHERENT (UINT64_C(1) << 0)
#define ECAP_DEVICE_TLB (UINT64_C(1) << 2)
#define ECAP_PAGE_REQUEST (UINT64_C(1) << 29)
#define ECAP_PASID (UINT64_C(1) << 40)

/* What a device has enabled, and the unit has to have. */
static const struct service {
	const char *name, *unit_bit;
	uint64_t extended;
	uint32_t enable;
	size_t has, control; /* offsets into struct function */
} services[] = {
	{ "ATS", "Device-TLB support (bit 2)", ECAP_DEVICE_TLB, ATS_ENABLE,
	  offsetof(struct function, has_ats), offsetof(struct function, ats_control) },
	{ "PRI", "Page Request Support (bit 29)", ECAP_PAGE_REQUEST, PRI_ENABLE,
	  offsetof(struct function, has_pri), offsetof(struct function, pri_control) },
	{ "PASID", "Process Address Space ID Support (bit 40)", ECAP_PASID, PASID_ENABLE,
	  offsetof(struct function, has_pasid), offsetof(struct function, pasid_control) },
};

static bool has_service(const struct function *f, const struct service *s)
{
	return *(const bool *)((const char *)f + s->has);
}

static struct reg service_control(const struct function *f, const struct service *s)
{
	return *(const struct reg *)((const char *)f + s->control);
}

static const struct iommu_unit *unit_of(const struct platform *p, const struct function *f)
{
	for (size_t k = 0; f->iommu_unit && k < p->nr_iommu_units; k++)
		if (strcmp(p->iommu_units[k].name, f->iommu_unit) == 0)
			return &p->iommu_units[k];
	return NULL;
}

static void look_at_enabled(const struct check_input *in, struct check_sink *sink, int i,
			    const struct service *s)
{
	const struct iommu_unit *unit = unit_of(in->platform, check_function(in, i));

	if (in->platform->iommu_groups == KNOWN_ABSENT) {
		check_looked(sink, 1);
		check_found_as(sink, "IOMMU-SERVICE-WITHOUT-UNIT",
			       check_severity(in, i, SEVERITY_MAJOR), &i, 1, NULL,
			       "%s is enabled in %s, and no IOMMU is in use", s->name,
			       check_addr(in, i));
		return;
	}
	if (!unit || !unit->extended) {
		check_unseen(sink, i, "what the IOMMU unit can do was not seen");
		return;
	}
	check_looked(sink, 1);
	if (!(unit->extended & s->extended))
		check_found_as(sink, "IOMMU-UNIT-LACKS", check_severity(in, i, SEVERITY_MAJOR), &i,
			       1, NULL,
			       "%s is enabled in %s, and its unit %s lacks %s: ECAP is %#" PRIx64,
			       s->name, check_addr(in, i), unit->name, s->unit_bit, unit->extended);
}

static void look_at_service(const struct check_input *in, struct check_sink *sink, int i,
			    const struct service *s)
{
	const struct function *f = check_function(in, i);
	struct reg control = service_control(f, s);

	/* VFs share their PF's page requests, and have ATS of their own */
	if (!has_service(f, s))
		return;
	if (!reg_seen(control, s->enable))
		check_unseen(sink, i, "%s Control was not seen", s->name);
	else if (reg_is_set(control, s->enable))
		look_at_enabled(in, sink, i, s);
	else
		check_looked(sink, 1);
}

static void run_services(const struct check_input *in, struct check_sink *sink)
{
	for (int i = 0; i < (int)in->platform->nr_functions; i++)
		for (size_t k = 0; k < ARRAY_LEN(services); k++)
			look_at_service(in, sink, i, &services[k]);
}

static void run_coherent(const struct check_input *in, struct check_sink *sink)
{
	for (size_t k = 0; k < in->platform->nr_iommu_units; k++) {
		const struct iommu_unit *unit = &in->platform->iommu_units[k];

		/* only Intel's show this */
		if (!unit->extended)
			continue;
		check_looked(sink, 1);
		if (!(unit->extended & ECAP_COHERENT))
			check_found(sink, "IOMMU-NOT-COHERENT", NULL, 0, NULL,
				    "page walks of %s are not coherent: ECAP is %#" PRIx64
				    ", bit 0 clear",
				    unit->name, unit->extended);
	}
}

/* --- addresses ----------------------------------------------------------------------------------- */

static bool knows_reserved(const struct platform *p, int group)
{
	for (size_t k = 0; k < p->nr_reserved; k++)
		if (p->reserved[k].iommu_group == group)
			return true;
	return false;
}

static bool is_reserved(const struct platform *p, int group, uint64_t start, uint64_t end)
{
	for (size_t k = 0; k < p->nr_reserved; k++) {
		const struct reserved_range *r = &p->reserved[k];

		if (r->iommu_group == group && r->start <= start && end <= r->end)
			return true;
	}
	return false;
}

/* The memory BAR that the group's IOVAs may cover; -1: none. */
static int free_bar(const struct platform *p, int group, const struct function *target)
{
	for (int b = 0; b < PCI_BARS; b++) {
		const struct bar *bar = &target->bars[b];

		if ((bar->kind == BAR_MEM32 || bar->kind == BAR_MEM64) && bar->start && bar->size &&
		    !is_reserved(p, group, bar->start, bar->start + bar->size - 1))
			return b;
	}
	return -1;
}

/*
 * Below one switch without redirect a request goes to whoever decodes its address, before any IOMMU.
 * The kernel's own DMA mapping never hands out addresses in the host bridge's windows (Linux
 * drivers/iommu/dma-iommu.c, iova_reserve_pci_windows); users of VFIO choose theirs, and are told the
 * group's reserved regions only.
 */
static void run_iova(const struct check_input *in, struct check_sink *sink)
{
	for (size_t k = 0; k < in->nr_paths; k++) {
		const struct p2p_pair *pair = &in->paths[k].pair;
		const struct function *f = check_function(in, pair->initiator);
		int functions[] = { pair->initiator, pair->target };
		int bar;

		if (pair->verdict != VERDICT_BUS_ADDRESS || !f->driver ||
		    strcmp(f->driver, "vfio-pci") != 0)
			continue;
		if (f->iommu_group == GROUP_UNKNOWN ||
		    !knows_reserved(in->platform, f->iommu_group)) {
			check_unseen(sink, pair->initiator,
				     "the reserved regions of the IOMMU group were not seen");
			continue;
		}
		check_looked(sink, 1);
		bar = free_bar(in->platform, f->iommu_group, check_function(in, pair->target));
		if (bar >= 0)
			check_found_as(
				sink, "IOVA-PEER-BAR",
				check_severity(in, pair->initiator, SEVERITY_MAJOR), functions,
				ARRAY_LEN(functions), NULL,
				"%s is bound to vfio-pci and reaches %s without the IOMMU, whose "
				"BAR %d is not among the reserved regions of the IOMMU group",
				check_addr(in, pair->initiator), check_addr(in, pair->target), bar);
	}
}

static const struct check checks[] = {
	{ "iommu.services", "IOMMU units can do what the devices below them have enabled",
	  "ATS, PRI and PASID control; sysfs intel-iommu", run_services },
	{ "iommu.coherent", "page walks of IOMMU units are coherent", "sysfs intel-iommu",
	  run_coherent },
	{ "iommu.iova",
	  "no address that VFIO may use as IOVA is a BAR of a peer below the same switch",
	  "drivers, sysfs reserved_regions", run_iova },
};

const struct check_family check_family_iommu = { "iommu", checks, ARRAY_LEN(checks) };
