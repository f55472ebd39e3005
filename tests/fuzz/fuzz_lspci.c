/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds the readers of captured machines with anything: lspci text, and what is recognised as an archive.
 * Whatever they make of it, the model keeps its promises.
 */
#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_platform(data, size, size % 16 == 0);
	return 0;
}
