/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How well functions are isolated from each other: what the kernel takes a function's ACS for,
 * which functions it would put into one IOMMU group, and what it writes into ACS control at boot.
 * Pure functions over the platform model by the rules of a kernel release, following
 * pci_acs_enabled() in drivers/pci/pci.c, drivers/pci/quirks.c and pci_device_group() in
 * drivers/iommu/iommu.c. What the model does not know is never taken to be off: it gives
 * P2P_CANNOT_TELL.
 */
#ifndef P2PCERT_P2P_ISOLATION_H
#define P2PCERT_P2P_ISOLATION_H

#include "p2p/p2p.h"

enum p2p_answer { P2P_CANNOT_TELL, P2P_NO, P2P_YES };

/* The ACS bits that the kernel asks for before it takes functions to be isolated. */
#define P2P_ISOLATION (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

/*
 * Does the function, as the kernel sees it, provide all of these ACS bits? Device quirks count,
 * where they presume an IOMMU there is taken to be one: without one nothing asks.
 */
enum p2p_answer p2p_acs_enabled(const struct platform *platform, const struct p2p_rules *rules,
				const struct function *f, unsigned int request);

/*
 * The name of the kernel's device quirk that answers for the function in place of its ACS
 * registers; NULL: none, or what was seen cannot tell.
 */
const char *p2p_acs_quirk(const struct platform *platform, const struct function *f);

/* AMD's IOMMU shows itself as a function. */
bool p2p_is_amd_iommu(const struct function *f);
/* Is the function one of those whose ACS control register is the dword at +8? */
bool p2p_acs_is_dword(const struct function *f);
/* Does the kernel have its own way to turn isolation on there, beside the ACS registers? */
bool p2p_acs_enables_itself(const struct function *f);
/* The ACS capability that the release's rules go by. */
uint16_t p2p_acs_capability(const struct p2p_rules *rules, const struct function *f);

/* Does the kernel's table say that a also sends requests as b, on the same bus? */
enum p2p_answer p2p_dma_alias(const struct function *a, const struct function *b);
/* Can the function have any alias on its bus? */
bool p2p_has_dma_alias(const struct function *f);

#define P2P_GROUP_CANNOT_TELL (-1)
#define P2P_GROUP_NONE (-2) /* the IOMMU's own function */

/*
 * The groups that the kernel forms where an IOMMU covers every function: config space does not show
 * which it covers, and drivers of some SoC IOMMUs group in their own way. Functions are placed in
 * the order of their addresses, virtual functions last.
 */
struct p2p_groups {
	int *of; /* for each function the index of its group's first member, or P2P_GROUP_* */
	int *because; /* where it cannot be told: the function that was not seen well enough */
};

void p2p_groups_predict(const struct platform *platform, const struct p2p_rules *rules,
			struct p2p_groups *groups);
void p2p_groups_release(struct p2p_groups *groups);
/*
 * For each function: is it in one group with others by the kernel's own account, and with other ones by
 * the prediction? False where either is not known. The caller frees it.
 */
bool *p2p_groups_differ(const struct platform *platform,
			const struct p2p_groups *groups) attr_must_check;
/* Why there is no label, one line which the caller frees; NULL where there is one. */
char *p2p_group_reason(const struct platform *platform, const struct p2p_groups *groups, int i);

/*
 * Adds acs.quirk, iommu_group_predicted and iommu_group_reason to the document's functions[], which
 * are those of the model in the same order.
 */
void p2p_isolation_to_json(const struct platform *platform, const struct p2p_rules *rules,
			   json_t *functions);

/* --- what the kernel writes at boot ----------------------------------------------------------- */

enum p2p_intel_iommu { P2P_INTEL_DEFAULT, P2P_INTEL_ON, P2P_INTEL_OFF };

/* Something on the command line that the kernel ignores, or that does not do what it says. */
enum p2p_boot_note_kind {
	P2P_BOOT_TOO_OLD, /* this release does not have the option */
	P2P_BOOT_NO_OPTION, /* no release has it */
	P2P_BOOT_COMMA, /* part of a list, cut off by a comma */
	P2P_BOOT_UNREADABLE, /* an item of a list */
	P2P_BOOT_NO_MATCH, /* an item that is the first match of no function */
	P2P_BOOT_NO_ACS, /* an item for functions without ACS */
	P2P_BOOT_ACS_STAYS, /* the IOMMU is turned off, and the ACS it asked for is not */
	P2P_BOOT_NO_BEARING, /* has nothing to do with ACS, as far as is known here */
};

struct p2p_boot_note {
	enum p2p_boot_note_kind kind;
	char *text; /* a line for a person */
};

/* "no-option": stable. */
const char *p2p_boot_note_name(enum p2p_boot_note_kind kind);

/* What a kernel command line says that bears on ACS. */
struct p2p_boot {
	bool tells_all; /* set by who wants to hear of words without bearing, too */
	char *disable_acs_redir; /* pci=disable_acs_redir=, the last one; NULL: not given */
	char *config_acs; /* pci=config_acs=, likewise */
	bool no_ats; /* pci=noats */
	bool no_iommu; /* iommu=off */
	enum p2p_intel_iommu intel;
	struct p2p_boot_note *notes; /* what the kernel ignores */
	size_t nr_notes;
};

/*
 * Adds what cmdline says, which is as in /proc/cmdline, to *boot: empty at first, later from words
 * that came before. NULL says nothing.
 */
void p2p_boot_parse(const char *cmdline, const struct p2p_rules *rules, struct p2p_boot *boot);
void p2p_boot_release(struct p2p_boot *boot);

/*
 * Would the kernel, booted so, turn ACS on by itself? It does where an IOMMU driver asks. running
 * is what the kernel that the model shows was booted with, NULL if that is not known. *why is a
 * line which the caller frees.
 */
enum p2p_answer p2p_acs_requested(const struct platform *platform, const struct p2p_rules *rules,
				  const struct p2p_boot *boot, const struct p2p_boot *running,
				  char **why);

/*
 * A copy of the model with ACS control as the kernel leaves it when it finds the model's, with
 * requested as p2p_acs_requested() says. Bits that cannot be told are in acs.unsure. Adds to
 * boot->notes the items that change nothing. The copy shares all but its functions with the model,
 * which has to outlive it.
 */
void p2p_acs_write(const struct platform *platform, const struct p2p_rules *rules,
		   struct p2p_boot *boot, enum p2p_answer requested, struct platform *after);
/*
 * The way back: ACS control as firmware left it, as far as what the kernel wrote does not hide it.
 */
void p2p_acs_unwrite(const struct platform *platform, const struct p2p_rules *rules,
		     const struct p2p_boot *running, enum p2p_answer requested,
		     struct platform *before);
void p2p_acs_release(struct platform *copy);

#endif
