/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The address of a PCI function, its text form, and order. Domains above ffff exist (VMD,
 * conventional 32-bit domains), so a domain has 32 bits and at least four digits.
 */
#ifndef P2PCERT_BASE_PCIADDR_H
#define P2PCERT_BASE_PCIADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct pci_addr {
	uint32_t domain;
	uint8_t bus;
	uint8_t dev; /* 0-31 */
	uint8_t fn; /* 0-7 */
};

#define PCI_ADDR_TEXT_MAX 17 /* "ffffffff:ff:1f.7" and NUL */

/* Writes "0000:3b:00.0" into buf and returns buf. */
const char *pci_addr_format(struct pci_addr a, char buf[PCI_ADDR_TEXT_MAX]);
/* A compound literal buffer for one call: printf("%s", pci_addr_str(a)). */
#define pci_addr_str(a) pci_addr_format((a), (char[PCI_ADDR_TEXT_MAX]){ 0 })

/* The whole of s, with or without domain (then 0), hexadecimal. 0 or -EINVAL. */
int pci_addr_parse(const char *s, struct pci_addr *a) attr_must_check;

/* <0, 0, >0, by domain, bus, device, function. */
int pci_addr_cmp(struct pci_addr a, struct pci_addr b);
bool pci_addr_eq(struct pci_addr a, struct pci_addr b);

#endif
