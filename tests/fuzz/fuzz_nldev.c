/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One datagram of the kernel's RDMA netlink, asked all three questions. */
#include "scenario/nldev.h"

#define SEQ 1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nldev_counters c;
	uint32_t number;

	if (nldev_parse_device(data, size, SEQ, "mlx5_0", &number) > 1 ||
	    nldev_parse_mr(data, size, SEQ, 0x1234, &number) > 1 ||
	    nldev_parse_counters(data, size, SEQ, &c) > 1 || nldev_parse_done(data, size, SEQ) > 1)
		__builtin_trap();
	return 0;
}
