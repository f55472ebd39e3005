/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All families of checks, in the order in which they run and are listed. */
#include "check/check.h"

#include "base/attr.h"

extern const struct check_family check_family_redirect;
extern const struct check_family check_family_pair;
extern const struct check_family check_family_isolation;
extern const struct check_family check_family_boot;
extern const struct check_family check_family_bar;
extern const struct check_family check_family_window;
extern const struct check_family check_family_link;
extern const struct check_family check_family_tlp;
extern const struct check_family check_family_atomic;
extern const struct check_family check_family_device;
extern const struct check_family check_family_error;
extern const struct check_family check_family_errata;
extern const struct check_family check_family_iommu;
extern const struct check_family check_family_cpu;
extern const struct check_family check_family_kernel;

const struct check_family *const check_families[] = {
	&check_family_redirect, &check_family_pair,   &check_family_isolation, &check_family_boot,
	&check_family_bar,      &check_family_window, &check_family_link,      &check_family_tlp,
	&check_family_atomic,   &check_family_device, &check_family_error,     &check_family_errata,
	&check_family_iommu,    &check_family_cpu,    &check_family_kernel,
};
const size_t nr_check_families = ARRAY_LEN(check_families);
