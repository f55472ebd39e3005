/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The test modules: building them for a kernel, loading and unloading them, and being sure that what
 * is loaded is what was built. Loads modules of the distribution, too, where a scenario needs one.
 *
 * Unless said otherwise functions return 0 or a negative errno, and then say in *why what is wrong,
 * in words for the user; kmod_why_release() frees these.
 */
#ifndef P2PCERT_KMOD_KMOD_H
#define P2PCERT_KMOD_KMOD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct kmod_backend; /* backend.h: what is asked of the kernel, replaced in tests */

/* Where things are. All may be NULL, and are borrowed. */
struct kmod_env {
	const char
		*sysroot; /* before /sys, /proc, /dev and /lib/modules; NULL: the machine's own */
	const char *release; /* of the kernel; NULL: the running one */
	const char *dir; /* where the built modules are; NULL: as kmod_dir() says */
	const struct kmod_backend *backend;
};

/* What kind of trouble: decides what a skipped scenario is counted as. */
enum kmod_reason {
	KMOD_FAILED, /* anything else: memory, input and output, a bug */
	KMOD_MISSING, /* not built, or not built for this kernel; no headers, no compiler */
	KMOD_REJECTED, /* the kernel refuses it, or what is loaded is not ours */
	KMOD_UNSUPPORTED, /* the kernel lacks what the module needs */
	KMOD_PERMISSION,
	KMOD_BUSY,
	NR_KMOD_REASONS,
};

/* "module-missing": the skip category's name; "failed" for KMOD_FAILED. */
const char *kmod_reason_name(enum kmod_reason reason);

struct kmod_why {
	enum kmod_reason reason;
	char *text;
};

void kmod_why_release(struct kmod_why *why);

/* --- the modules --------------------------------------------------------------------------------- */

struct kmod_info {
	const char *name; /* "p2pcert_p2p" */
	const char *device; /* its node in /dev that answers P2PCERT_IOC_VERSION, or NULL */
	const char *summary;
};

extern const struct kmod_info kmod_modules[];
extern const size_t kmod_modules_len;

/* NULL if none of the test modules is called that. */
const struct kmod_info *kmod_find(const char *name);

/* --- building ------------------------------------------------------------------------------------ */

struct kmod_build_options {
	const char *source; /* NULL: $P2PCERT_KMODS_DIR, else where p2pcert was installed */
	const char *output; /* made if it is not there; NULL: kmod_build_dir() */
	bool verbose; /* show the compiler's commands in the log */
};

/*
 * Runs make on the modules' sources for env->release. All that make says goes to the file build.log
 * in the output directory, whose path is in *log (the caller frees it) whenever it was opened. Trouble
 * that make would only stumble over (no sources, headers or make) is found before.
 */
int kmod_build(const struct kmod_env *env, const struct kmod_build_options *o, char **log,
	       struct kmod_why *why) attr_must_check;

/* $P2PCERT_KMODS_BUILD, else /var/cache/p2pcert/kmods/RELEASE; the caller frees it. */
char *kmod_build_dir(const struct kmod_env *env) attr_must_check;

/*
 * Where built modules are looked for: env->dir; else the first of /lib/modules/RELEASE/updates/p2pcert
 * (`make modules_install`, DKMS) and kmod_build_dir() that holds one of them. NULL if none does; the
 * caller frees it.
 */
char *kmod_dir(const struct kmod_env *env) attr_must_check;

/* DIR/NAME.ko, or what a compressing installation made of it; NULL: not there. The caller frees it. */
char *kmod_file(const char *dir, const char *name) attr_must_check;

/* --- what is loaded ------------------------------------------------------------------------------ */

/* All strings are owned, and NULL if unknown. */
struct kmod_state {
	const struct kmod_info *info;
	char *file; /* the one built for this kernel */
	char *file_version;
	char *file_srcversion;
	char *file_vermagic;
	bool loaded;
	char *version; /* of what is loaded, from sysfs, as the following */
	char *srcversion;
	char *taint;
	uint64_t use_count;
	bool verified; /* what is loaded is provably `file`, and speaks our interface */
	char *problem; /* why it is loaded and not verified, or why it could not be loaded */
	enum kmod_reason reason; /* what kind of problem */
};

/*
 * What is known of a module. Verified means: it was loaded from outside the kernel tree (taint O),
 * its version and srcversion are those of the file, the file's version is this p2pcert's, and its
 * device answers with the name, version and interface version that this p2pcert knows. Fails only
 * for names that are no test module's.
 */
int kmod_state_read(const struct kmod_env *env, const char *name,
		    struct kmod_state *state) attr_must_check;
void kmod_state_release(struct kmod_state *state);

/* As kmod_state_read(), and an error unless the module is loaded and verified. state may be NULL. */
int kmod_verify(const struct kmod_env *env, const char *name, struct kmod_state *state,
		struct kmod_why *why) attr_must_check;

/*
 * Loads a test module and verifies it; what then does not verify is unloaded again. One that is
 * loaded already is verified and left alone. *changed says whether this call loaded it. parameters
 * are the module's, "a=1 b=2", or NULL.
 */
int kmod_load(const struct kmod_env *env, const char *name, const char *parameters, bool *changed,
	      struct kmod_why *why) attr_must_check;

/* Unloads a module, ours or another. One that is not loaded is no error: *changed is false. */
int kmod_unload(const struct kmod_env *env, const char *name, bool *changed,
		struct kmod_why *why) attr_must_check;

/*
 * Loads a module of the distribution by name or alias, with what it depends on. *changed is false if
 * it was there or is built in.
 */
int kmod_load_stock(const struct kmod_env *env, const char *name, bool *changed,
		    struct kmod_why *why) attr_must_check;

bool kmod_is_loaded(const struct kmod_env *env, const char *name);

/*
 * The modules that one of the distribution depends on and that are not loaded: what
 * kmod_load_stock() would load with it. *absent is a new array of their names.
 */
int kmod_stock_absent(const struct kmod_env *env, const char *name, json_t **absent,
		      struct kmod_why *why) attr_must_check;

/*
 * Unloads what has come with a module that is no longer loaded: those of absent, an array of names, and
 * what has come to depend on them since. What is in use stays, and so do drivers of devices, whose use
 * count does not tell. *changed says whether anything was unloaded, *left names those of absent that
 * stay, or is NULL; the caller frees it.
 */
void kmod_unload_stock(const struct kmod_env *env, const json_t *absent, bool *changed,
		       char **left);

#endif
