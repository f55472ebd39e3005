/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The changes "driver-override", "pci-remove" and "pci-config": which driver a PCI function is bound to,
 * whether the kernel knows it at all, and bits of its config space. See undo.h.
 */
#ifndef P2PCERT_RUNNER_UNDO_PCI_H
#define P2PCERT_RUNNER_UNDO_PCI_H

#include "runner/undo.h"

int undo_driver_look(const struct undo_env *env, json_t *args, bool *there,
		     struct unmet *why) attr_must_check;
int undo_driver_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		      struct unmet *why) attr_must_check;
enum undo_result undo_driver_revert(const struct undo_env *env, const json_t *args,
				    char **why) attr_must_check;

int undo_pci_remove_look(const struct undo_env *env, json_t *args, bool *there,
			 struct unmet *why) attr_must_check;
int undo_pci_remove_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			  struct unmet *why) attr_must_check;
enum undo_result undo_pci_remove_revert(const struct undo_env *env, const json_t *args,
					char **why) attr_must_check;

int undo_pci_config_look(const struct undo_env *env, json_t *args, bool *there,
			 struct unmet *why) attr_must_check;
int undo_pci_config_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			  struct unmet *why) attr_must_check;
enum undo_result undo_pci_config_revert(const struct undo_env *env, const json_t *args,
					char **why) attr_must_check;

#endif
