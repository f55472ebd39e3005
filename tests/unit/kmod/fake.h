/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for the tests of lib/kmod: a directory that stands for /, and a kernel that takes modules
 * by writing what sysfs would show into it. Errors are set in advance.
 */
#ifndef P2PCERT_TEST_KMOD_FAKE_H
#define P2PCERT_TEST_KMOD_FAKE_H

#include "kmod/backend.h"

struct fake {
	const char *root;
	int insert_error;
	int remove_error;
	int stock_error;
	int ask_error;
	int dependencies_error;
	int nr_inserts;
	int nr_removes;
	const char *const *dependencies; /* of any stock module, NULL-terminated; NULL: none */
	const char *stubborn; /* the one module that does not go */
	char removed[256]; /* "a b ", in the order in which they went */
	const char *file_version; /* what the files' .modinfo says; NULL: nothing */
	const char *file_srcversion;
	const char *file_vermagic;
	const char *taint; /* what sysfs shows once it is loaded */
	const char *version;
	const char *srcversion;
	struct p2pcert_version answer;
	char inserted[256]; /* path and parameters of the last insertion */
};

extern struct fake fake;

/* A machine of kernel release "6.66", all well, with nothing loaded and no files. */
struct kmod_env fake_reset(const char *root);

/* Writes a file below the root, with the directories above it. */
void fake_write(const char *path, const char *text);

/* What sysfs shows of a loaded module. */
void fake_show_loaded(const char *name);

/* One loaded module depends on another. */
void fake_hold(const char *name, const char *holder);

#endif
