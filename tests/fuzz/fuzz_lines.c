/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target for the parsers of single lines: kernel log records, PCI addresses, numbers, and
 * the sanitiser that all text from outside passes.
 */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/pciaddr.h"
#include "base/text.h"
#include "runner/kmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was made clean once stays as it is, and what was parsed comes back from its own text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *line = xstrndup((const char *)data, size);
	autofree char *clean = text_sanitize((const char *)data, size);
	autofree char *twice = text_sanitize(clean, strlen(clean));
	struct kmsg_record record;
	struct pci_addr a, b;
	uint64_t value;

	if (strcmp(clean, twice) != 0)
		BUG("sanitising '%s' again gives '%s'", clean, twice);
	if (pci_addr_parse(line, &a) == 0 &&
	    (pci_addr_parse(pci_addr_str(a), &b) < 0 || !pci_addr_eq(a, b)))
		BUG("address '%s' does not survive its own text", line);
	if (text_to_u64(line, 0, UINT64_MAX, &value) == 0 && !*line)
		BUG("nothing is a number");
	if (kmsg_parse(line, &record) == 0 &&
	    (record.level > 7 || !memchr(record.text, '\0', size + 1)))
		BUG("kernel log record is wrong: level %u", record.level);
	return 0;
}
