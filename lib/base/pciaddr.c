/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI function addresses as text. */
#include "base/pciaddr.h"

#include <ctype.h>
#include <string.h>

const char *pci_addr_format(struct pci_addr a, char buf[PCI_ADDR_TEXT_MAX])
{
	snprintf(buf, PCI_ADDR_TEXT_MAX, "%04x:%02x:%02x.%x", a.domain, a.bus, a.dev & 0x1f,
		 a.fn & 0x7);
	return buf;
}

/* Reads one to max_digits hexadecimal digits that end at the character end. */
static bool hex_field(const char **s, char end, int max_digits, uint32_t max, uint32_t *value)
{
	uint32_t v = 0;
	int n = 0;

	for (; isxdigit((unsigned char)**s); (*s)++, n++) {
		int c = tolower((unsigned char)**s);

		if (n == max_digits)
			return false;
		v = v << 4 | (uint32_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	if (!n || **s != end || v > max)
		return false;
	if (end)
		(*s)++;
	*value = v;
	return true;
}

int pci_addr_parse(const char *s, struct pci_addr *a)
{
	uint32_t domain = 0, bus, dev, fn;
	const char *colon = strchr(s, ':');
	bool with_domain = colon && strchr(colon + 1, ':');

	if (with_domain && !hex_field(&s, ':', 8, UINT32_MAX, &domain))
		return -EINVAL;
	if (!hex_field(&s, ':', 2, 0xff, &bus) || !hex_field(&s, '.', 2, 0x1f, &dev) ||
	    !hex_field(&s, '\0', 1, 0x7, &fn))
		return -EINVAL;
	*a = (struct pci_addr){ domain, (uint8_t)bus, (uint8_t)dev, (uint8_t)fn };
	return 0;
}

int pci_addr_cmp(struct pci_addr a, struct pci_addr b)
{
	uint64_t x = (uint64_t)a.domain << 32 | (uint32_t)a.bus << 16 | (uint32_t)a.dev << 8 | a.fn;
	uint64_t y = (uint64_t)b.domain << 32 | (uint32_t)b.bus << 16 | (uint32_t)b.dev << 8 | b.fn;

	return (x > y) - (x < y);
}

bool pci_addr_eq(struct pci_addr a, struct pci_addr b)
{
	return pci_addr_cmp(a, b) == 0;
}
