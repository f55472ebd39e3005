/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building the machine of a directory, and looking at what a run on it left. */
#include "machine.h"
#include "base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/journal.h"
#include "base/jx.h"
#include "runner/past.h"

/* The kernel's record counter, shared with the scenarios' processes. */
static uint64_t *next_seq;

/* --- files --------------------------------------------------------------------------------------- */

static void put_file(const char *dir, const char *name, const char *text, int flags)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

void machine_write(const char *dir, const char *name, const char *text)
{
	put_file(dir, name, text, O_TRUNC);
}

void machine_append(const char *dir, const char *name, const char *text)
{
	put_file(dir, name, text, O_APPEND);
}

char *machine_read(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	char *text;

	return fs_read(AT_FDCWD, path, 64u << 20, &text, NULL) < 0 ? NULL : text;
}

void machine_remove(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	unlink(path);
}

void machine_wait_for(const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);

	for (int i = 0; !fs_exists(AT_FDCWD, path); i++) {
		assert_true(i < 3000);
		poll(NULL, 0, 10);
	}
}

/* --- the kernel log ------------------------------------------------------------------------------ */

static struct sockaddr_un log_address(const char *dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/kmsg", dir);
	return addr;
}

void machine_log(const char *dir, unsigned int prefix, const char *text)
{
	struct sockaddr_un addr = log_address(dir);
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t seq = __atomic_fetch_add(next_seq, 1, __ATOMIC_SEQ_CST);
	autofree char *record =
		xasprintf("%u,%llu,%llu,-;%s\n SUBSYSTEM=test\n", prefix, (unsigned long long)seq,
			  (unsigned long long)(seq * 1000), text);

	sendto(fd, record, strlen(record), 0, (const struct sockaddr *)&addr, sizeof(addr));
}

void machine_log_after_gap(const char *dir, unsigned int prefix, const char *text)
{
	__atomic_fetch_add(next_seq, 7, __ATOMIC_SEQ_CST);
	machine_log(dir, prefix, text);
}

static int mark(void *arg, const char *text)
{
	machine_log(arg, 1 << 3 | 6, text);
	return 0;
}

static struct kmsg *make_log(const char *dir, const struct kmsg_patterns *patterns)
{
	struct sockaddr_un addr = log_address(dir);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return kmsg_new(fd, mark, (void *)dir, patterns);
}

/* --- changes ------------------------------------------------------------------------------------- */

/* dir/on-NAME is there while the change is; "changes" is the trace of all that was done. */
static char *state_of(const json_t *args)
{
	return xasprintf("on-%s", jx_get_str(args, "name"));
}

static bool is_on(const struct undo_env *env, const json_t *args)
{
	autofree char *state = state_of(args);
	autofree char *path = xasprintf("%s/%s", env->sysroot, state);

	return fs_exists(AT_FDCWD, path);
}

static void leave_trace(const struct undo_env *env, const char *what, const json_t *args)
{
	autofree char *line = xasprintf("%s%s\n", what, jx_get_str(args, "name"));

	machine_append(env->sysroot, "changes", line);
}

static void turn_on(const struct undo_env *env, const json_t *args)
{
	autofree char *state = state_of(args);

	machine_write(env->sysroot, state, "");
	leave_trace(env, "+", args);
}

static int trace_look(const struct undo_env *env, json_t *args, bool *there, struct unmet *why)
{
	if (!jx_get_str(args, "name")) {
		why->category = SKIP_DEPENDENCY;
		why->text = xstrdup("the change has no name");
		return -EINVAL;
	}
	*there = is_on(env, args);
	return 0;
}

/* A module whose name has "reject" in it is refused, one with "half" fails after it was loaded. */
static int module_apply(const struct undo_env *env, const json_t *args, json_t **facts,
			struct unmet *why)
{
	const char *name = jx_get_str(args, "name");

	if (strstr(name, "reject")) {
		why->category = SKIP_MODULE_REJECTED;
		why->text = xasprintf("module '%s': Key was rejected by service", name);
		return -EKEYREJECTED;
	}
	if (!is_on(env, args))
		turn_on(env, args);
	if (strstr(name, "half")) {
		why->category = SKIP_MODULE_REJECTED;
		why->text = xasprintf("module '%s' is not ours", name);
		return -EINVAL;
	}
	*facts = jx_object();
	jx_set_str(*facts, "name", name);
	jx_set_str(*facts, "file", "test.ko");
	jx_set_str(*facts, "version", "0");
	jx_set_str(*facts, "srcversion", "0");
	jx_set_bool(*facts, "verified", true);
	return 0;
}

static int trace_apply(const struct undo_env *env, const json_t *args, json_t **facts,
		       struct unmet *why attr_unused)
{
	if (!is_on(env, args))
		turn_on(env, args);
	*facts = jx_object();
	jx_set_str(*facts, "made", jx_get_str(args, "name"));
	return 0;
}

/* One that is "stubborn" cannot be undone while there is a file of that name. */
static enum undo_result trace_revert(const struct undo_env *env, const json_t *args, char **why)
{
	autofree char *state = state_of(args);
	autofree char *stubborn = machine_read(env->sysroot, jx_get_str(args, "name"));

	if (!is_on(env, args))
		return UNDO_GONE;
	if (stubborn) {
		*why = xstrdup("Device or resource busy");
		return UNDO_FAILED;
	}
	machine_remove(env->sysroot, state);
	leave_trace(env, "-", args);
	return UNDO_UNDONE;
}

static const struct undo_kind kinds[] = {
	{ .name = "module", .look = trace_look, .apply = module_apply, .revert = trace_revert },
	{ .name = "stock-module",
	  .look = trace_look,
	  .apply = trace_apply,
	  .revert = trace_revert },
	{ .name = "rdma-link", .look = trace_look, .apply = trace_apply, .revert = trace_revert },
	{ .name = "mark", .look = trace_look, .apply = trace_apply, .revert = trace_revert },
	{ .name = "unsafe-mark",
	  .unsafe = true,
	  .look = trace_look,
	  .apply = trace_apply,
	  .revert = trace_revert },
};

/* --- the machine --------------------------------------------------------------------------------- */

int machine_setup(void **state)
{
	autofree char *patterns =
		xasprintf("%s/../../configs/kmsg.json", getenv("P2PCERT_TEST_DATA"));
	struct machine *m = xcalloc(1, sizeof(*m));
	autofree char *why = NULL;
	void *dir;

	if (test_dir_setup(&dir) < 0)
		return -1;
	m->dir = dir;
	next_seq = mmap(NULL, sizeof(*next_seq), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	assert_ptr_not_equal(next_seq, MAP_FAILED);
	*next_seq = 100;
	machine_write(m->dir, "tainted", "12288\n"); /* our modules' own bits */
	machine_write(m->dir, "boot_id", "first-boot\n");
	machine_write(m->dir, "test_a.ko", "");
	machine_write(m->dir, "test_b.ko", "");
	machine_write(m->dir, "test_reject.ko", "");
	machine_write(m->dir, "test_half.ko", "");
	m->results = xasprintf("%s/results", m->dir);
	m->platform = platform_new("live", NULL);
	platform_finish(m->platform);
	if (kmsg_patterns_load(patterns, &m->patterns, &why) < 0) {
		print_error("%s\n", why);
		return -1;
	}
	m->profile = (struct profile){ .name = xstrdup("test"), .title = xstrdup("a test") };
	m->options = (struct run_options){
		.table = misbehaving,
		.table_len = misbehaving_len,
		.profile = &m->profile,
		.env = {
			.platform = m->platform,
			.module_dir = m->dir,
			.sysroot = m->dir,
			.seed = 0x1234,
		},
		.features = jx_array(),
		.results = m->results,
		.rounds.repeat = 1,
		.machine = {
			.deadline_factor = 1.0,
			.grace_ns = NS_PER_S / 2,
			.kmsg = make_log(m->dir, m->patterns),
			.lock_path = xasprintf("%s/lock", m->dir),
			.taint_path = xasprintf("%s/tainted", m->dir),
			.boot_id_path = xasprintf("%s/boot_id", m->dir),
			.undo_kinds = kinds,
			.nr_undo_kinds = ARRAY_LEN(kinds),
		},
	};
	*state = m;
	return 0;
}

int machine_teardown(void **state)
{
	struct machine *m = *state;
	void *dir = m->dir;

	kmsg_free(m->options.machine.kmsg);
	kmsg_patterns_free(m->patterns);
	platform_free(m->platform);
	json_decref(m->options.features);
	free((char *)m->options.machine.lock_path);
	free((char *)m->options.machine.taint_path);
	free((char *)m->options.machine.boot_id_path);
	free(m->profile.name);
	free(m->profile.title);
	free(m->results);
	free(m);
	munmap(next_seq, sizeof(*next_seq));
	return test_dir_teardown(&dir);
}

static int execute(struct machine *m, const char *first, va_list ap)
{
	char *ids[32];
	autofree char *dir = NULL;
	autoclose int dirfd = -1;
	size_t n = 0;

	for (const char *id = first; id; id = va_arg(ap, const char *))
		ids[n++] = (char *)id;
	m->options.ids = ids;
	m->options.nr_ids = n;
	return run_execute(&m->options, &dir, &dirfd);
}

int machine_run(struct machine *m, const char *id, ...)
{
	va_list ap;
	int status;

	va_start(ap, id);
	status = execute(m, id, ap);
	va_end(ap);
	return status;
}

pid_t machine_start(struct machine *m, const char *id, ...)
{
	va_list ap;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		va_start(ap, id);
		_exit(execute(m, id, ap));
	}
	return pid;
}

int machine_go_on(struct machine *m, bool restore_only)
{
	struct run_options options = m->options;
	autoclose int dirfd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct past *past autopast = NULL;
	autofree char *why = NULL;

	assert_true(dirfd >= 0);
	if (past_read(dirfd, options.table, options.table_len, &past, &why) < 0)
		fail_msg("%s", why);
	past_options(past, &options);
	return restore_only ? run_restore(&options, past, dirfd)
			    : run_resume(&options, past, dirfd);
}

json_t *machine_journal(const struct machine *m)
{
	autoclose int fd = open(m->results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofree char *why = NULL;
	json_t *records;
	bool torn;
	int r;

	assert_true(fd >= 0);
	r = journal_read(fd, &records, &torn, &why);
	if (r < 0)
		fail_msg("%s", why);
	assert_false(torn);
	return records;
}

static bool is_of(const json_t *record, const char *event, const char *scenario)
{
	const char *of = jx_get_str(record, "scenario");

	return strcmp(jx_get_str(record, "event"), event) == 0 &&
	       (!scenario || (of && strcmp(of, scenario) == 0));
}

const json_t *journal_find(const json_t *journal, const char *event, const char *scenario)
{
	const json_t *record;
	size_t i;

	json_array_foreach (journal, i, record)
		if (is_of(record, event, scenario))
			return record;
	return NULL;
}

size_t journal_count(const json_t *journal, const char *event, const char *scenario)
{
	const json_t *record;
	size_t i, n = 0;

	json_array_foreach (journal, i, record)
		n += is_of(record, event, scenario);
	return n;
}
