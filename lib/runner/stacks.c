/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/task/TID, thread by thread (the kernel's Documentation/filesystems/proc.rst). */
#include "runner/stacks.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"

#define THREADS_MAX 64u
#define TEXT_MAX (256u * 1024) /* bytes, and what the last thread has */

/* The letters of a thread's state; the first is that of the thread to look at first. */
static const struct {
	char letter;
	const char *text;
} states[] = {
	{ 'D', "in an uninterruptible sleep" },
	{ 'R', "running" },
	{ 'T', "stopped" },
	{ 't', "stopped by a tracer" },
	{ 'S', "sleeping" },
	{ 'P', "parked" },
	{ 'I', "idle" },
	{ 'Z', "a zombie" },
	{ 'X', "dead" },
};

static size_t state_rank(char letter)
{
	size_t i = 0;

	while (i < ARRAY_LEN(states) && states[i].letter != letter)
		i++;
	return i;
}

static const char *state_text(char letter)
{
	size_t rank = state_rank(letter);

	return rank < ARRAY_LEN(states) ? states[rank].text : "in a state that is not known";
}

/* --- threads ------------------------------------------------------------------------------------- */

typedef void thread_fn(void *arg, int dir, const char *tid);

/*
 * Calls f for every thread, in the order of /proc. 0 or a negative errno: there is no such
 * process.
 */
static int for_each_thread(const char *proc, pid_t pid, thread_fn *f, void *arg)
{
	autofree char *path = xasprintf("%s/%d/task", proc, (int)pid);
	DIR *tasks = opendir(path);
	const struct dirent *entry;

	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		autoclose int dir = -1;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		dir = openat(dirfd(tasks), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0) /* else it has ended meanwhile */
			f(arg, dir, entry->d_name);
	}
	closedir(tasks);
	return 0;
}

/* "TID (NAME) STATE ...", where the name may hold anything. '?': it cannot be told. */
static char thread_state(int dir)
{
	autofree char *stat = NULL;
	const char *end;

	if (fs_read_attr(dir, "stat", &stat) < 0)
		return '?';
	end = strrchr(stat, ')');
	return end && end[1] == ' ' && end[2] ? end[2] : '?';
}

/* The function that it waits in, or NULL; the caller frees it. */
static char *thread_waits_in(int dir)
{
	autofree char *wchan = NULL;
	autofree char *stack = NULL;
	char *top;

	if (fs_read_attr(dir, "wchan", &wchan) == 0 && *wchan && strcmp(wchan, "0") != 0)
		return take_ptr(wchan);
	/* "[<0>] function+0x12/0x34" */
	if (fs_read_attr(dir, "stack", &stack) < 0)
		return NULL;
	stack[strcspn(stack, "+\n")] = '\0';
	top = strrchr(stack, ' ');
	return top ? xstrdup(top + 1) : NULL;
}

/* --- all of it ----------------------------------------------------------------------------------- */

struct text {
	char *s;
	size_t len;
	unsigned int threads, left_out;
};

static void add(struct text *t, const char *fmt, ...) attr_printf(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	autofree char *more = NULL;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	more = xvasprintf(fmt, ap);
	va_end(ap);
	len = strlen(more);
	t->s = xreallocarray(t->s, t->len + len + 1, 1);
	memcpy(t->s + t->len, more, len + 1);
	t->len += len;
}

static void add_file(struct text *t, int dir, const char *name)
{
	autofree char *value = NULL;
	int r = fs_read_attr(dir, name, &value);
	char *save, *line;

	if (r < 0) {
		add(t, "  %s: cannot be read: %s\n", name, strerror(-r));
		return;
	}
	if (!strchr(value, '\n')) {
		add(t, "  %s: %s\n", name, *value ? value : "empty");
		return;
	}
	add(t, "  %s:\n", name);
	for (line = strtok_r(value, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add(t, "    %s\n", line);
}

static void add_thread(void *arg, int dir, const char *tid)
{
	static const char *const files[] = { "wchan", "syscall", "stack" };
	struct text *t = arg;
	autofree char *name = NULL;

	if (t->threads >= THREADS_MAX || t->len >= TEXT_MAX) {
		t->left_out++;
		return;
	}
	t->threads++;
	if (fs_read_attr(dir, "comm", &name) == 0)
		name[strcspn(name, "\n")] = '\0';
	add(t, "thread %s '%s' is %s\n", tid, name ? name : "?", state_text(thread_state(dir)));
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		add_file(t, dir, files[i]);
}

char *stacks_of_process(const char *proc, pid_t pid)
{
	struct text t = { 0 };

	add(&t, "process %d\n", (int)pid);
	if (for_each_thread(proc, pid, add_thread, &t) < 0) {
		free(t.s);
		return NULL;
	}
	if (t.left_out)
		add(&t, "and %u more threads\n", t.left_out);
	return t.s;
}

/* --- one line ------------------------------------------------------------------------------------ */

struct top {
	bool any;
	char state;
	char *in;
};

static void take_worst(void *arg, int dir, const char *tid attr_unused)
{
	struct top *top = arg;
	char state = thread_state(dir);

	if (top->any && state_rank(state) >= state_rank(top->state))
		return;
	top->any = true;
	top->state = state;
	free(top->in);
	top->in = thread_waits_in(dir);
}

char *stack_top(const char *proc, pid_t pid)
{
	struct top top = { 0 };
	autofree char *in = NULL;
	int r = for_each_thread(proc, pid, take_worst, &top);

	in = top.in;
	if (r < 0 || !top.any)
		return NULL;
	return in ? xasprintf("%c in %s", top.state, in) : xasprintf("%c", top.state);
}
