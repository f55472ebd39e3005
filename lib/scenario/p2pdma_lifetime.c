/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p2pdma.mmap-lifetime: published memory that is mapped stays what it is until the last of those that use it
 * lets go, in whatever way: the file is closed, a part is unmapped, the process forks, is killed, moves the
 * mapping, changes what may be done with it, or a driver has the pages pinned. From then on it is free again,
 * to the byte, as p2pmem/available in sysfs says.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "scenario/access.h"
#include "scenario/modfd.h"
#include "scenario/pattern.h"
#include "scenario/provider.h"

#define LIFE_FAULTS (P2PCERT_FAULT_LEAK | P2PCERT_FAULT_WRONG_VERDICT | P2PCERT_FAULTS_ENTER)

#define PAGES 6

/* A mapping, and what it holds. */
struct life {
	struct provider *p;
	const char *step;
	struct p2pmem_map map;
	size_t len;
	uint64_t seed;
};

/* --- what is seen of it ------------------------------------------------------------------------- */

/* Is in [at, at + len) what was written there? */
static bool is_right(const struct life *l, size_t at, size_t len)
{
	autofree unsigned char *image = xcalloc(1, len);

	p2pmem_read(image, l->map.addr + at, len);
	return pattern_verify(image, len, l->seed, at, NULL);
}

static void write_all(struct life *l)
{
	autofree unsigned char *image = xcalloc(1, l->len);

	l->seed = provider_seed(l->p);
	pattern_fill(image, l->len, l->seed, 0);
	p2pmem_write(l->map.addr, image, l->len);
}

static bool refute(struct life *l, enum evidence_kind kind, const char *text)
{
	provider_say(l->p, kind, EVIDENCE_REFUTED, "%s: %s", l->step, text);
	return false;
}

static bool broken(struct life *l, const char *what)
{
	provider_say(l->p, EVIDENCE_DATA, EVIDENCE_MISSING, "%s: %s: %s", l->step, what,
		     strerror(errno));
	return false;
}

static bool holds(struct life *l, size_t at, size_t len)
{
	return is_right(l, at, len) ||
	       refute(l, EVIDENCE_DATA, "the memory does not hold what was written to it");
}

static bool taken(struct life *l, size_t bytes)
{
	return provider_taken(l->p, l->step, bytes);
}

/* An access at this address ends with that signal, or with none (0). */
static bool ends(struct life *l, void *at, bool write, int signal)
{
	int came = access_fate(at, write);
	autofree char *text = NULL;

	if (came == signal)
		return true;
	if (came < 0)
		return broken(l, "no process can be started");
	text = xasprintf("%s there ends with %s, not with %s", write ? "a write" : "a read",
			 came ? strsignal(came) : "success",
			 signal ? strsignal(signal) : "success");
	return refute(l, EVIDENCE_ERRNO, text);
}

/* --- another process that has the mapping ----------------------------------------------------------- */

struct witness {
	pid_t pid; /* whom to wait for */
	int ask, answer;
};

/* Looks whenever asked, until nobody can ask any more. */
static void attr_noreturn attend(const struct life *l, int asked, int tell)
{
	char c;

	while (read(asked, &c, 1) == 1) {
		c = is_right(l, 0, l->len) ? 'y' : 'n';
		if (write(tell, &c, 1) != 1)
			break;
	}
	_exit(0);
}

/* A process of its own, or the child of one that does nothing. */
static bool witness_open(struct life *l, bool by_parent, struct witness *w)
{
	int asked[2], told[2];

	if (pipe2(asked, O_CLOEXEC) < 0)
		return broken(l, "pipe2()");
	if (pipe2(told, O_CLOEXEC) < 0) {
		close(asked[0]);
		close(asked[1]);
		return broken(l, "pipe2()");
	}
	*w = (struct witness){ .pid = fork(), .ask = asked[1], .answer = told[0] };
	if (w->pid == 0) {
		close(asked[1]);
		close(told[0]);
		if (!by_parent || fork() == 0)
			attend(l, asked[0], told[1]);
		close(asked[0]);
		close(told[1]);
		for (;;)
			pause();
	}
	close(asked[0]);
	close(told[1]);
	return w->pid > 0 || broken(l, "fork()");
}

static bool witness_sees(struct life *l, const struct witness *w)
{
	char c = '?';

	if (write(w->ask, &c, 1) != 1 || read(w->answer, &c, 1) != 1)
		return broken(l, "the other process does not answer");
	return c == 'y' ||
	       refute(l, EVIDENCE_DATA, "another process does not see what was written");
}

/* Ends it, and waits until it has let go. */
static void witness_close(struct witness *w)
{
	char c;

	close(w->ask);
	while (read(w->answer, &c, 1) > 0)
		;
	close(w->answer);
	waitpid(w->pid, NULL, 0);
}

/* --- the steps ------------------------------------------------------------------------------------ */

/* Each begins with all pages mapped and filled, through a file that has been closed since. */

static bool closed(struct life *l)
{
	bool good = taken(l, l->len) && holds(l, 0, l->len);

	write_all(l);
	return good && holds(l, 0, l->len);
}

static bool part(struct life *l)
{
	const size_t page = page_size(), at = 2 * page, len = 2 * page;

	if (munmap(l->map.addr + at, len) < 0)
		return broken(l, "munmap()");
	return taken(l, l->len - len) && holds(l, 0, at) && holds(l, at + len, l->len - at - len) &&
	       ends(l, l->map.addr + at, false, SIGSEGV);
}

static bool forked(struct life *l)
{
	struct witness w;
	bool good;

	if (!witness_open(l, false, &w))
		return false;
	good = witness_sees(l, &w) && taken(l, l->len);
	p2pmem_unmap(&l->map);
	good = good && taken(l, l->len) && witness_sees(l, &w);
	witness_close(&w);
	return good;
}

static bool written_by_child(struct life *l)
{
	pid_t pid;
	int status;

	l->seed = provider_seed(l->p);
	pid = fork();
	if (pid == 0) {
		autofree unsigned char *image = xcalloc(1, l->len);

		pattern_fill(image, l->len, l->seed, 0);
		p2pmem_write(l->map.addr, image, l->len);
		p2pmem_read(image, l->map.addr, l->len);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return broken(l, "fork()");
	return taken(l, l->len) && holds(l, 0, l->len);
}

static bool killed(struct life *l)
{
	struct witness w;
	bool good;

	if (!witness_open(l, true, &w))
		return false;
	good = witness_sees(l, &w);
	p2pmem_unmap(&l->map);
	kill(w.pid, SIGKILL);
	waitpid(w.pid, NULL, 0);
	good = good && taken(l, l->len) && witness_sees(l, &w);
	witness_close(&w);
	return good;
}

static bool moved(struct life *l)
{
	unsigned char *old = l->map.addr;
	void *room = mmap(NULL, l->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return broken(l, "mmap()");
	if (mremap(old, l->len, l->len, MREMAP_MAYMOVE | MREMAP_FIXED, room) == MAP_FAILED)
		return broken(l, "mremap()");
	l->map.addr = room;
	return taken(l, l->len) && holds(l, 0, l->len) && ends(l, old, false, SIGSEGV);
}

static bool protect(struct life *l, int prot)
{
	return mprotect(l->map.addr, l->len, prot) == 0 || broken(l, "mprotect()");
}

static bool protected(struct life *l)
{
	return protect(l, PROT_READ) && holds(l, 0, l->len) &&
	       ends(l, l->map.addr, true, SIGSEGV) && protect(l, PROT_NONE) &&
	       ends(l, l->map.addr, false, SIGSEGV) && protect(l, PROT_READ | PROT_WRITE) &&
	       holds(l, 0, l->len) && ends(l, l->map.addr, true, 0) && taken(l, l->len);
}

/* The mapping is still there, with nothing behind it. */
static bool given_up(struct life *l)
{
	if (madvise(l->map.addr, l->len, MADV_DONTNEED) < 0)
		return broken(l, "madvise()");
	return taken(l, 0) && ends(l, l->map.addr, false, SIGBUS);
}

static bool pin(struct life *l, int fd)
{
	struct provider by = *l->p;
	struct p2pcert_pin pin;
	int err;

	by.fd = fd;
	err = provider_pin(
		&by, l->map.addr, l->len,
		P2PCERT_PIN_P2P | P2PCERT_PIN_WRITE | P2PCERT_PIN_FAST | P2PCERT_PIN_HOLD, &pin);
	if (err) {
		errno = -err;
		return broken(l, "the module does not pin");
	}
	return pin.result == 0 || refute(l, EVIDENCE_ERRNO, "it cannot be pinned");
}

static bool pinned(struct life *l)
{
	bool good = pin(l, l->p->fd);

	p2pmem_unmap(&l->map);
	good = good && taken(l, l->len);
	if (modfd_ioctl(l->p->fd, P2PCERT_IOC_UNPIN, NULL) < 0 && good)
		return broken(l, "the module does not unpin");
	return good;
}

/* The driver's file closes first. */
static bool pinned_till_close(struct life *l)
{
	autoclose int fd = modfd_open(l->p->ctx, P2PCERT_DEV_P2P, 0, NULL);

	return fd >= 0 && pin(l, fd) && taken(l, l->len);
}

static const struct step {
	const char *name;
	bool (*run)(struct life *l);
} steps[] = {
	{ "after the file was closed", closed },
	{ "after a part was unmapped", part },
	{ "after fork(), the parent having let go", forked },
	{ "written to by a child", written_by_child },
	{ "after the process was killed that had mapped it, its child living on", killed },
	{ "after mremap()", moved },
	{ "after mprotect()", protected },
	{ "after MADV_DONTNEED", given_up },
	{ "unmapped while it is pinned", pinned },
	{ "pinned until the driver's file closes", pinned_till_close },
};

static void take_step(struct provider *p, const struct step *s)
{
	struct life l = { .p = p, .step = s->name };
	bool good;

	if (!provider_map(p, PAGES, &l.map))
		return;
	l.len = l.map.len;
	write_all(&l);
	if (scn_injected(p->ctx, "corrupt-copy"))
		*(volatile uint64_t *)l.map.addr ^= 1;
	good = s->run(&l);
	p2pmem_unmap(&l.map);
	good &= taken(&l, 0);
	if (!good)
		return;
	provider_say(p, EVIDENCE_DATA, EVIDENCE_PROVEN, "%s: the memory is right", s->name);
	provider_say(p, EVIDENCE_COUNTERS, EVIDENCE_PROVEN,
		     "%s: %zu bytes are taken as long as they are used", s->name, l.len);
}

static void body(struct provider *p)
{
	p->exercised++;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		take_step(p, &steps[i]);
}

static enum outcome run(struct scenario_ctx *ctx)
{
	return provider_each(ctx, LIFE_FAULTS, body, SKIP_HW_ABSENT,
			     "nothing publishes peer-to-peer memory");
}

const struct scenario scenario_p2pdma_mmap_lifetime = {
	.id = "p2pdma.mmap-lifetime",
	.title = "published memory lasts as long as anybody has it, and then is free again",
	.NEEDS({ NEED_ROOT, NULL }, { NEED_CAPABILITY, "CAP_SYS_ADMIN" },
	       { NEED_KCONFIG, "CONFIG_PCI_P2PDMA && CONFIG_MODULE_UNLOAD" },
	       { NEED_FEATURE, "p2pmem_mmap" }, { NEED_MODULE, P2PCERT_DEV_P2P },
	       { NEED_ROLE, "p2pmem-provider" }),
	.evidence = EV(DATA) | EV(COUNTERS) | EV(LEAK),
	.safety = SAFETY_SAFE,
	.level = LEVEL_QUICK,
	.seconds = 60,
	.FAULTS("corrupt-copy", "wrong-verdict", "leak", MODFD_FAULTS_ENTER),
	.run = run,
};
