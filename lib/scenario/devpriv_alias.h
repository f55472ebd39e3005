/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of devpriv.p2p-alias that have files of their own; each returns false after scn_error(). */
#ifndef P2PCERT_SCENARIO_DEVPRIV_ALIAS_H
#define P2PCERT_SCENARIO_DEVPRIV_ALIAS_H

#include <stdbool.h>

#include "base/attr.h"
#include "scenario/consumer.h"

/* Memory that goes elsewhere while a consumer copies from or to it. */
bool alias_during(struct devmem *dev, const struct consumers *found,
		  enum area_kind kind) attr_must_check;
/* The process, or the driver of the BAR, ends while pages are in use. */
bool alias_gone(struct devmem *dev, const struct consumers *found) attr_must_check;
/* The owner changes its mind about what a consumer has in use. */
bool alias_recalled(struct devmem *dev, const struct consumers *found) attr_must_check;
/* Several consumers of the same pages at once, each with an answer of its own. */
bool alias_at_once(struct devmem *dev, const struct consumers *found) attr_must_check;

/* The owner takes all pages of the area back; evidence path if one stays. */
void alias_evict(struct area *a);

#endif
