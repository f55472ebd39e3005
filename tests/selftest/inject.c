/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library for LD_PRELOAD that makes calls fail, or ends the process at one of them, to see what
 * becomes of the files that were being written. What it does is said in the environment,
 * INJECT="WORD...", with these words:
 *
 *	calls=NAME+NAME	what is counted: see calls[]; "alloc" is malloc, calloc and realloc, "files" the
 *			others
 *	at=N		the N-th of them is struck; "N-" that one and all after it; not given: none
 *	do=WHAT		what happens: an errno's name ("ENOSPC"), "short" (a write does half of what it
 *			was asked), "kill-before", "kill-after" (SIGKILL to the process itself),
 *			"panic-before", "panic-after" (the whole kernel)
 *	path=TEXT	counts only calls on paths that contain TEXT and on files that were opened so
 *	from=N:TEXT	counts from the N-th open of a path that contains TEXT on
 *	count=FILE	writes to FILE how many were counted, when the process exits
 *	children	the same in forked children and what they execute, each with a count of its own
 *
 * The calls are made directly: what stdio does inside the C library is not seen, use /dev/full there.
 */
/* both names of a call are defined here, and must not be turned into each other */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call {
	CALL_MALLOC,
	CALL_CALLOC,
	CALL_REALLOC,
	CALL_OPEN,
	CALL_WRITE,
	CALL_FSYNC,
	CALL_FDATASYNC,
	CALL_RENAME,
	CALL_MKDIR,
	CALL_FTRUNCATE,
	NR_CALLS,
};

#define ALLOC (1u << CALL_MALLOC | 1u << CALL_CALLOC | 1u << CALL_REALLOC)
#define FILES (((1u << NR_CALLS) - 1) & ~ALLOC)

static const struct {
	const char *name;
	unsigned int calls;
} call_names[] = {
	{ "malloc", 1u << CALL_MALLOC },
	{ "calloc", 1u << CALL_CALLOC },
	{ "realloc", 1u << CALL_REALLOC },
	{ "open", 1u << CALL_OPEN },
	{ "write", 1u << CALL_WRITE },
	{ "fsync", 1u << CALL_FSYNC },
	{ "fdatasync", 1u << CALL_FDATASYNC },
	{ "rename", 1u << CALL_RENAME },
	{ "mkdir", 1u << CALL_MKDIR },
	{ "ftruncate", 1u << CALL_FTRUNCATE },
	{ "alloc", ALLOC },
	{ "files", FILES },
};

enum action { DO_NOTHING, DO_FAIL, DO_SHORT, DO_KILL, DO_PANIC };

#define NR_FDS 1024

static struct {
	unsigned int calls;
	unsigned long at; /* from 1; 0: never */
	bool onwards; /* and at all after it */
	enum action action;
	bool after; /* the call is made first */
	int err;
	const char *path, *from, *count_file; /* NULL: not given */
	unsigned long from_nth;
	bool children;
	pid_t pid; /* 0: nothing was asked for */
	atomic_bool counting;
	atomic_ulong n, from_n;
	atomic_bool on_path[NR_FDS]; /* files that were opened by a path that is asked for */
} plan;

/* --- what the environment asks for --------------------------------------------------------------- */

static void refuse(const char *word)
{
	dprintf(STDERR_FILENO, "inject: cannot understand '%s'\n", word);
	_exit(2);
}

static void take_calls(char *value)
{
	for (char *name = strsep(&value, "+"); name; name = strsep(&value, "+")) {
		size_t i = 0;

		while (i < sizeof(call_names) / sizeof(*call_names) &&
		       strcmp(call_names[i].name, name) != 0)
			i++;
		if (i == sizeof(call_names) / sizeof(*call_names))
			refuse(name);
		plan.calls |= call_names[i].calls;
	}
}

static void take_at(char *value)
{
	char *end;

	plan.at = strtoul(value, &end, 10);
	plan.onwards = *end == '-';
	if (end == value || end[plan.onwards])
		refuse(value);
}

static void take_do(char *value)
{
	static const struct {
		const char *name;
		enum action action;
		bool after;
	} actions[] = {
		{ "short", DO_SHORT, false },      { "kill-before", DO_KILL, false },
		{ "kill-after", DO_KILL, true },   { "panic-before", DO_PANIC, false },
		{ "panic-after", DO_PANIC, true },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(actions[i].name, value) == 0) {
			plan.action = actions[i].action;
			plan.after = actions[i].after;
			return;
		}
	}
	for (int err = 1; err < 4096; err++) {
		const char *name = strerrorname_np(err);

		if (name && strcmp(name, value) == 0) {
			plan.action = DO_FAIL;
			plan.err = err;
			return;
		}
	}
	refuse(value);
}

static void take_path(char *value)
{
	plan.path = value;
}

static void take_from(char *value)
{
	char *end;

	plan.from_nth = strtoul(value, &end, 10);
	if (!plan.from_nth || end[0] != ':' || !end[1])
		refuse(value);
	plan.from = end + 1;
}

static void take_count(char *value)
{
	plan.count_file = value;
}

static void take_word(char *word)
{
	static const struct {
		const char *name;
		void (*take)(char *value);
	} words[] = {
		{ "calls=", take_calls }, { "at=", take_at },     { "do=", take_do },
		{ "path=", take_path },   { "from=", take_from }, { "count=", take_count },
	};

	if (strcmp(word, "children") == 0) {
		plan.children = true;
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = strlen(words[i].name);

		if (strncmp(words[i].name, word, len) == 0 && word[len]) {
			words[i].take(word + len);
			return;
		}
	}
	refuse(word);
}

static void __attribute__((constructor)) take_plan(void)
{
	static char text[4096];
	const char *asked = getenv("INJECT");
	char *rest = text;

	if (!asked)
		return;
	if (strlen(asked) >= sizeof(text))
		refuse(asked);
	strcpy(text, asked);
	for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
		if (*word)
			take_word(word);
	if (plan.at && !plan.action)
		refuse(asked);
	if (!plan.children)
		unsetenv("INJECT"); /* what this process executes is not asked for */
	plan.counting = !plan.from;
	plan.pid = getpid();
}

static void __attribute__((destructor)) say_count(void)
{
	char text[32];
	int len, fd;

	if (!plan.count_file || getpid() != plan.pid)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, plan.count_file,
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	len = snprintf(text, sizeof(text), "%lu\n", plan.n);
	if (fd < 0 || syscall(SYS_write, fd, text, len) != len)
		dprintf(STDERR_FILENO, "inject: cannot write '%s'\n", plan.count_file);
}

/* --- striking ------------------------------------------------------------------------------------ */

static void end_it(void)
{
	if (plan.action == DO_PANIC) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/sysrq-trigger",
				      O_WRONLY | O_CLOEXEC);

		syscall(SYS_write, fd, "c", 1);
	}
	kill(getpid(), SIGKILL);
}

/* Counts the call; what is to be done with it. */
static enum action strike(enum call call, bool concerned)
{
	unsigned long n;

	if (!plan.pid || !(plan.calls & 1u << call) || !concerned || !plan.counting ||
	    (!plan.children && getpid() != plan.pid))
		return DO_NOTHING;
	n = ++plan.n;
	if (!plan.at || n < plan.at || (n > plan.at && !plan.onwards))
		return DO_NOTHING;
	if (plan.action >= DO_KILL && !plan.after)
		end_it();
	return plan.action;
}

static long fail(void)
{
	errno = plan.err;
	return -1;
}

/* The result of a call that returns -1 and errno, and what is made of it. */
#define INJECTED(call, concerned, real) \
	({ \
		enum action action_ = strike(call, concerned); \
		long result_ = action_ == DO_FAIL ? fail() : (real); \
		if (action_ >= DO_KILL) \
			end_it(); \
		result_; \
	})

static bool is_path(const char *path)
{
	return !plan.path || strstr(path, plan.path);
}

static bool is_fd(int fd)
{
	return !plan.path || (fd >= 0 && fd < NR_FDS && plan.on_path[fd]);
}

/* --- the calls ----------------------------------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

#define ALLOCATED(call, real) (strike(call, true) == DO_NOTHING ? (real) : (errno = ENOMEM, NULL))

void *malloc(size_t size)
{
	return ALLOCATED(CALL_MALLOC, __libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return ALLOCATED(CALL_CALLOC, __libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	return ALLOCATED(CALL_REALLOC, __libc_realloc(p, size));
}

static int open_at(int dirfd, const char *path, int flags, va_list ap)
{
	bool creates = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = creates ? va_arg(ap, mode_t) : 0;
	int fd;

	if (plan.from && strstr(path, plan.from) && ++plan.from_n == plan.from_nth)
		plan.counting = true;
	fd = (int)INJECTED(CALL_OPEN, is_path(path), syscall(SYS_openat, dirfd, path, flags, mode));
	if (fd >= 0 && fd < NR_FDS)
		plan.on_path[fd] = is_path(path);
	return fd;
}

#define DEFINE_OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list ap; \
		int fd; \
\
		va_start(ap, flags); \
		fd = open_at(AT_FDCWD, path, flags, ap); \
		va_end(ap); \
		return fd; \
	}

#define DEFINE_OPENAT(name) \
	int name(int dirfd, const char *path, int flags, ...) \
	{ \
		va_list ap; \
		int fd; \
\
		va_start(ap, flags); \
		fd = open_at(dirfd, path, flags, ap); \
		va_end(ap); \
		return fd; \
	}

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int close(int fd)
{
	if (fd >= 0 && fd < NR_FDS)
		plan.on_path[fd] = false;
	return (int)syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *buf, size_t len, const off64_t *pos)
{
	enum action action = strike(CALL_WRITE, is_fd(fd));
	ssize_t n;

	if (action == DO_FAIL)
		return fail();
	if (action == DO_SHORT && len > 1)
		len /= 2;
	n = pos ? syscall(SYS_pwrite64, fd, buf, len, *pos) : syscall(SYS_write, fd, buf, len);
	if (action >= DO_KILL)
		end_it();
	return n;
}

ssize_t write(int fd, const void *buf, size_t len)
{
	return write_at(fd, buf, len, NULL);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t pos)
{
	const off64_t at = pos;

	return write_at(fd, buf, len, &at);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t pos)
{
	return write_at(fd, buf, len, &pos);
}

int fsync(int fd)
{
	return (int)INJECTED(CALL_FSYNC, is_fd(fd), syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	return (int)INJECTED(CALL_FDATASYNC, is_fd(fd), syscall(SYS_fdatasync, fd));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return (int)INJECTED(CALL_RENAME, is_path(from) || is_path(to),
			     syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
	return (int)INJECTED(CALL_MKDIR, is_path(path), syscall(SYS_mkdirat, dirfd, path, mode));
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int ftruncate(int fd, off_t size)
{
	return (int)INJECTED(CALL_FTRUNCATE, is_fd(fd), syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off64_t size)
{
	return (int)INJECTED(CALL_FTRUNCATE, is_fd(fd), syscall(SYS_ftruncate, fd, size));
}
