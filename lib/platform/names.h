/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PCI id database both ways: names of ids as lspci prints them, and ids of names, which libpci
 * does not offer. Nothing but the file is read, when something is asked, and of it only what is asked:
 * libpci takes all of it apart for the first name, which is a large part of the time that it takes to
 * read a machine.
 */
#ifndef P2PCERT_PLATFORM_NAMES_H
#define P2PCERT_PLATFORM_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct pci_names;

struct pci_names *pci_names_open(void) attr_must_check;
void pci_names_close(struct pci_names *names);

static inline void autonames_fn(struct pci_names **names)
{
	pci_names_close(*names);
}
#define autonames __attribute__((cleanup(autonames_fn)))

/*
 * As lspci names it: "Vendor Device", or "Vendor Device 0d57" if only the vendor is known; NULL if
 * not even that. The caller frees it.
 */
char *pci_names_of(struct pci_names *names, uint16_t vendor, uint16_t device) attr_must_check;

/*
 * The ids of "Vendor Device" or "Vendor Device 0d57". False if there are none, or if several have
 * this name: then it does not tell.
 */
bool pci_names_find_device(struct pci_names *names, const char *name, uint16_t *vendor,
			   uint16_t *device);

/* Class and subclass of "PCI bridge", likewise. */
bool pci_names_find_class(struct pci_names *names, const char *name, uint16_t *class);

#endif
