/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/runner/stacks.c: on a /proc that is made up, and on this process. */
#include "runner/stacks.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"

static void put(const char *root, int pid, int tid, const char *name, const char *text)
{
	autofree char *dir = xasprintf("%s/%d/task/%d", root, pid, tid);
	autofree char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_mkdir_p(dir, 0755), 0);
	assert_int_equal(fs_publish(AT_FDCWD, path, text, strlen(text), 0600), 0);
}

static void put_thread(const char *root, int pid, int tid, const char *name, char state,
		       const char *wchan)
{
	autofree char *comm = xasprintf("%s\n", name);
	autofree char *stat = xasprintf("%d (%s) %c 1 2 3\n", tid, name, state);

	put(root, pid, tid, "comm", comm);
	put(root, pid, tid, "stat", stat);
	put(root, pid, tid, "wchan", wchan);
	put(root, pid, tid, "syscall", "16 0x3 0x1\n");
}

static void one_thread(void **state)
{
	autofree char *all = NULL;
	autofree char *top = NULL;

	put_thread(*state, 7, 7, "p2pcert", 'D', "p2pcert_fault_stuck");
	put(*state, 7, 7, "stack", "[<0>] p2pcert_fault_stuck+0x1/0x2\n[<0>] vfs_ioctl+0x3/0x4\n");
	all = stacks_of_process(*state, 7);
	top = stack_top(*state, 7);
	assert_string_equal(all, "process 7\n"
				 "thread 7 'p2pcert' is in an uninterruptible sleep\n"
				 "  wchan: p2pcert_fault_stuck\n"
				 "  syscall: 16 0x3 0x1\n"
				 "  stack:\n"
				 "    [<0>] p2pcert_fault_stuck+0x1/0x2\n"
				 "    [<0>] vfs_ioctl+0x3/0x4\n");
	assert_string_equal(top, "D in p2pcert_fault_stuck");
}

/* The one that no signal ends is the one to tell of, whatever its place. */
static void worst_thread(void **state)
{
	autofree char *top = NULL;
	autofree char *without_wchan = NULL;
	autofree char *alone = NULL;

	put_thread(*state, 7, 7, "main", 'S', "futex_wait_queue");
	put_thread(*state, 7, 8, "odd ) D (", 'R', "0");
	put_thread(*state, 7, 9, "worker", 'D', "folio_wait_bit_common");
	put_thread(*state, 7, 10, "last", 'S', "do_poll");
	top = stack_top(*state, 7);
	assert_string_equal(top, "D in folio_wait_bit_common");

	/* without wchan (CONFIG_KALLSYMS, rights) the stack tells, if it can be read */
	put_thread(*state, 9, 9, "p2pcert", 'D', "0");
	alone = stack_top(*state, 9);
	assert_string_equal(alone, "D");
	put(*state, 9, 9, "stack", "[<0>] migrate_vma_setup+0x1/0x2\n");
	without_wchan = stack_top(*state, 9);
	assert_string_equal(without_wchan, "D in migrate_vma_setup");
}

static void strange_threads(void **state)
{
	autofree char *empty = xasprintf("%s/5/task", (char *)*state);
	autofree char *all = NULL;
	autofree char *top = NULL;

	put(*state, 7, 7, "comm", "two\nlines\x01\n");
	put(*state, 7, 7, "stat", "7 (no end");
	put(*state, 7, 7, "wchan", "");
	all = stacks_of_process(*state, 7);
	top = stack_top(*state, 7);
	assert_string_equal(all, "process 7\n"
				 "thread 7 'two' is in a state that is not known\n"
				 "  wchan: empty\n"
				 "  syscall: cannot be read: No such file or directory\n"
				 "  stack: cannot be read: No such file or directory\n");
	assert_string_equal(top, "?");
	assert_null(stacks_of_process(*state, 6));
	assert_null(stack_top(*state, 6));
	assert_int_equal(fs_mkdir_p(empty, 0755), 0);
	assert_null(stack_top(*state, 5));
}

static void many_threads(void **state)
{
	char stack[20000];
	autofree char *all = NULL;

	memset(stack, 'x', sizeof(stack) - 1);
	stack[sizeof(stack) - 1] = '\0';
	for (int tid = 100; tid < 200; tid++) {
		put_thread(*state, 100, tid, "p2pcert", 'S', "do_poll");
		if (tid < 110)
			put(*state, 100, tid, "stack", stack);
	}
	all = stacks_of_process(*state, 100);
	assert_non_null(strstr(all, "\nand 36 more threads\n"));
	free(take_ptr(all));
	/* few, and large ones */
	for (int tid = 110; tid < 130; tid++)
		put(*state, 100, tid, "stack", stack);
	all = stacks_of_process(*state, 100);
	assert_true(strlen(all) < 300000);
	assert_non_null(strstr(all, " more threads\n"));
}

/* --- a live one ---------------------------------------------------------------------------------- */

static void *sleep_forever(void *arg attr_unused)
{
	prctl(PR_SET_NAME, "second");
	for (;;)
		pause();
	return NULL;
}

static void live(void **state attr_unused)
{
	autofree char *all = NULL;
	autofree char *top = NULL;
	pthread_t thread;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, sleep_forever, NULL) == 0)
			sleep_forever(NULL);
		_exit(1);
	}
	/* both threads come to rest at some time */
	for (int i = 0; i < 500 && !(top && top[0] == 'S' && strstr(all, "'second' is sleeping"));
	     i++) {
		usleep(10000);
		free(take_ptr(all));
		free(take_ptr(top));
		all = stacks_of_process("/proc", child);
		top = stack_top("/proc", child);
		assert_non_null(all);
	}
	assert_non_null(strstr(all, "'second' is sleeping"));
	assert_non_null(strstr(all, "  syscall: "));
	assert_non_null(strstr(all, "  stack:")); /* or that it cannot be read */
	assert_int_equal(top[0], 'S');
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_null(stacks_of_process("/proc", child));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(one_thread),   test_in_dir(worst_thread), test_in_dir(strange_threads),
		test_in_dir(many_threads), cmocka_unit_test(live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
