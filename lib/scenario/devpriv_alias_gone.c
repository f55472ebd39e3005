/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * devpriv.p2p-alias: one side goes while memory is used in place. When the process ends nothing may stay
 * mapped; when the driver of the BAR goes the memory must be in the process again, whole, and the
 * consumer reach nothing.
 */
#include "scenario/devpriv_alias.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "scenario/pair.h"

#define PAGES 2

/* The first that reaches the memory, which it has in use when this returns; NULL after saying why. */
static struct consumer *use_in_place(struct area *a, const struct consumers *found)
{
	struct consumer *c = NULL;

	for (size_t i = 0; i < found->n; i++) {
		c = consumer_open(a, &found->list[i], 0);
		if (!c || consumer_due(c, P2PCERT_POLICY_ALLOW, true) == ANSWER_GRANTED)
			break;
		consumer_close(c);
		c = NULL;
	}
	if (!c || !consumer_allow(c, P2PCERT_POLICY_ALLOW))
		return c;
	area_fill(a, 0, a->pages);
	if (area_send(a, 0, a->pages) && consumer_write(c, 0, a->pages))
		consumer_look(c, 0, a->pages, USE_ALIAS, "written in place");
	return c;
}

/* --- the process -------------------------------------------------------------------------------- */

/* Uses memory, says so, and waits to be killed with all that is mapped. */
static void child(struct devmem *dev, const struct consumers *found, int said)
{
	struct area *a;

	devmem_in_child(dev);
	a = area_new(dev, AREA_PRIVATE, PAGES, "pages of a process that is killed");
	if (!a || !use_in_place(a, found) || dev->refuted || write(said, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* What a process had is given back a moment after it has gone. */
static bool is_left(struct devmem *dev)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	struct p2pcert_devpriv_counters now = { .aliases = 1 };

	for (int tries = 100; tries && devmem_counted(dev, &now); tries--) {
		if (!now.aliases && !now.pages_in_use)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

static void judge_killed(struct devmem *dev, bool used, uint64_t aliases)
{
	if (!used)
		devmem_refute(dev, EVIDENCE_PATH, "the child's memory was not used in place");
	else if (aliases != PAGES)
		devmem_refute(dev, EVIDENCE_COUNTERS,
			      "of a child that is alive %" PRIu64 " pages are mapped, not %d",
			      aliases, PAGES);
	else if (is_left(dev))
		devmem_prove(dev, EVIDENCE_LEAK,
			     "of a child that was killed nothing stayed mapped for a consumer");
	else
		devmem_refute(dev, EVIDENCE_LEAK,
			      "of a child that was killed pages stayed in the device or mapped");
}

static bool process_ends(struct devmem *dev, const struct consumers *found)
{
	struct p2pcert_devpriv_counters now = { 0 };
	int pipe_fds[2];
	bool used;
	pid_t pid;
	char byte;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		scn_error(dev->ctx, ERROR_SETUP, "no pipe: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		child(dev, found, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	used = pid > 0 && read(pipe_fds[0], &byte, 1) == 1 && devmem_counted(dev, &now);
	close(pipe_fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	judge_killed(dev, used, now.aliases);
	return true;
}

/* --- the driver --------------------------------------------------------------------------------- */

/* The device behind the file is a new one, which has counted nothing. False after scn_error(). */
static bool open_anew(struct devmem *dev)
{
	struct p2pcert_devpriv_select which = {
		.ram = P2PCERT_DEVPRIV_BAR,
		.bdf = pair_bdf(dev->addr),
	};
	int err = modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_SELECT, &which);

	if (!err)
		err = modfd_ioctl(dev->fd, P2PCERT_IOC_DEVPRIV_COUNTERS, &dev->before);
	if (err)
		scn_error(dev->ctx, ERROR_SETUP, "'%s' does not come back: %s", dev->name,
			  strerror(-err));
	return !err;
}

static void judge_gone(struct consumer *c)
{
	autofree unsigned char *buffer = xcalloc(PAGES, page_size());
	struct area *a = c->area;
	int err = consumer_access(c, false, 0, PAGES, buffer);

	if (err != -ENODEV)
		devmem_refute(a->dev, EVIDENCE_PATH,
			      "when the driver has gone %s reads with %s, not ENODEV", c->name,
			      err ? errno_text(err) : "no error");
	area_look(a, 0, PAGES, AREA_IN_RAM, "when the driver has gone");
	area_check(a, 0, PAGES, "when the driver has gone");
}

static bool driver_goes(struct consumer *c)
{
	struct devmem *dev = c->area->dev;
	const char *sysroot = scn_env(dev->ctx)->sysroot;
	int err = modfd_driver(sysroot, DEVMEM_MODULE, "unbind", dev->addr);

	if (!err)
		judge_gone(c);
	if (!err)
		err = modfd_driver(sysroot, DEVMEM_MODULE, "bind", dev->addr);
	if (err)
		scn_error(dev->ctx, ERROR_SETUP, "driver '%s' does not go and come: %s",
			  DEVMEM_MODULE, strerror(-err));
	return !err && open_anew(dev);
}

/* What is new has the memory again, and nothing is left of who used the old. */
static bool comes_back(struct area *a, const struct consumers *found)
{
	struct consumer *c = use_in_place(a, found);

	if (c)
		area_check(a, 0, a->pages, "used in place when the driver has come back");
	consumer_close(c);
	return c;
}

static bool driver_ends(struct devmem *dev, const struct consumers *found)
{
	struct area *a = area_new(dev, AREA_PRIVATE, PAGES, "pages whose driver goes");
	struct consumer *c = a ? use_in_place(a, found) : NULL;
	bool ok = c;

	if (c && !dev->refuted)
		ok = driver_goes(c);
	consumer_close(c);
	if (ok && !dev->refuted)
		ok = comes_back(a, found);
	area_end(a);
	return ok;
}

/* Does anybody reach the memory? */
static bool can_be_used(struct devmem *dev, const struct consumers *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (devmem_predict(dev, found->list[i].addr) != VERDICT_NOT_SUPPORTED)
			return true;
	return false;
}

bool alias_gone(struct devmem *dev, const struct consumers *found)
{
	if (!can_be_used(dev, found))
		return true;
	return process_ends(dev, found) && (dev->refuted || driver_ends(dev, found));
}
