/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a function is built for, as far as that makes a peer-to-peer transfer with it likely. */
#ifndef P2PCERT_CHECK_ROLE_H
#define P2PCERT_CHECK_ROLE_H

#include "platform/platform.h"

enum role {
	ROLE_OTHER,
	ROLE_ACCELERATOR, /* GPUs and other processors with memory of their own */
	ROLE_NIC, /* network and InfiniBand, VFs included */
	ROLE_NVME,
	NR_ROLES,
};

enum role role_of(const struct platform *platform, const struct function *f);
const char *role_name(enum role role); /* "accelerator"; for a person */

/* Is a transfer that initiator starts to or from memory of target one that machines are built for? */
bool role_is_likely(const struct platform *platform, const struct function *initiator,
		    const struct function *target);

#endif
