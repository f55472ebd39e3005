/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mr.dmabuf.*: what happens to a region whose memory moves, is taken away, or whose exporter ends. An
 * importer that is told must follow, and reach nothing where the memory was; one that pins keeps it where
 * it is.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "scenario/mr_rig.h"
#include "scenario/pattern.h"

/* --- moves -------------------------------------------------------------------------------------- */

static int notified(struct mr_case *c, uint64_t expected)
{
	struct p2pcert_dmabuf_counters count;
	int err;

	if (c->importer->verbs)
		return 0;
	err = mr_count(c->importer, &count);
	if (err)
		return err;
	if (count.notified != expected)
		return mr_refute(c, EVIDENCE_COUNTERS,
				 "the importer was told %" PRIu64 " times, must be %" PRIu64,
				 (uint64_t)count.notified, expected);
	mr_prove(c, EVIDENCE_COUNTERS);
	return 0;
}

static int placed(struct mr_case *c, uint32_t expected)
{
	struct p2pcert_dmabuf_place place;
	int err = mr_memory_look(c->memory, &place);

	if (err)
		return err;
	if (place.place != expected)
		return mr_refute(c, EVIDENCE_COUNTERS, "the memory is in place %u, must be in %u",
				 place.place, expected);
	return 0;
}

/* What is pinned cannot move. */
static int stays(struct mr_case *c)
{
	int ret;

	mr_stage(c, "a move of pinned memory");
	ret = mr_expect(c, "moving", mr_memory_move(c->memory, P2PCERT_PLACE_OTHER_RAM), -EBUSY);
	ret = ret ?: placed(c, P2PCERT_PLACE_RAM);
	ret = ret ?: mr_held(c, 1, 1);
	ret = ret ?: notified(c, 0);
	ret = ret ?: mr_use(c);
	ret = ret ?: mr_detach(c->importer);
	mr_stage(c, "a move of memory that is pinned no more");
	ret = ret ?: mr_expect(c, "moving", mr_memory_move(c->memory, P2PCERT_PLACE_OTHER_RAM), 0);
	return ret ?: mr_check(c);
}

static int follows(struct mr_case *c)
{
	const uint32_t places[] = {
		P2PCERT_PLACE_OTHER_RAM,
		P2PCERT_PLACE_RAM,
		c->memory->has_bar ? P2PCERT_PLACE_BAR : P2PCERT_PLACE_OTHER_RAM,
		P2PCERT_PLACE_RAM,
	};
	static const char *const names[] = { "memory", "other memory", "the BAR" };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(places) && !ret; i++) {
		mr_stage(c, "move %zu, to %s", i + 1, names[places[i]]);
		ret = mr_expect(c, "moving", mr_memory_move(c->memory, places[i]), 0);
		ret = ret ?: placed(c, places[i]);
		ret = ret ?: mr_use(c);
		ret = ret ?: mr_judge_path(c);
		ret = ret ?: mr_held(c, 1, 1);
		ret = ret ?: notified(c, i + 1);
	}
	return ret;
}

static int body_move_notify(struct mr_case *c)
{
	int ret;

	mr_stage(c, "before the first move");
	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	ret = ret ?: mr_use(c);
	if (ret)
		return ret;
	return mr_is_told(c->importer) ? follows(c) : stays(c);
}

/* --- revocation --------------------------------------------------------------------------------- */

/* Neither it nor another importer gets at the memory. */
static int taken_away(struct mr_case *c)
{
	struct p2pcert_dmabuf_map map;
	int ret = mr_held(c, 1, 0);

	if (!ret && !c->importer->verbs)
		ret = mr_expect(c, "mapping", mr_map(c->importer, &map), -ENODEV);
	return ret ?: mr_expect_refused(c, 0, 16, -ENODEV);
}

static int another(struct mr_case *c)
{
	struct mr_importer other;
	int ret = mr_importer_open(c->ctx, P2PCERT_ATTACH_NOTIFY | P2PCERT_ATTACH_PEER, &other);

	ret = ret ?: mr_expect(c, "attaching another", mr_attach(&other, c->memory->fd), -ENODEV);
	mr_importer_close(&other);
	return ret;
}

/* For good, by the module; VFIO gives it back as soon as the function decodes memory again. */
static int afterwards(struct mr_case *c)
{
	int ret;

	if (!c->memory->vfio)
		return mr_expect(c, "moving", mr_memory_move(c->memory, P2PCERT_PLACE_RAM), -ENODEV)
			       ?: mr_check(c);
	ret = mr_memory_restore(c->memory);
	mr_stage(c, "after it was given back");
	ret = ret ?: mr_check(c);
	return ret ?: mr_use(c);
}

static int body_revoke(struct mr_case *c)
{
	int ret;

	mr_stage(c, "before revocation");
	ret = mr_expect(c, "attaching", mr_attach(c->importer, c->memory->fd), 0);
	ret = ret ?: mr_use(c);
	ret = ret ?: mr_memory_revoke(c->memory);
	mr_stage(c, "after revocation");
	ret = ret ?: notified(c, 1);
	ret = ret ?: taken_away(c);
	ret = ret ?: another(c);
	ret = ret ?: afterwards(c);
	mr_stage(c, "after deregistration of what was revoked");
	ret = ret ?: mr_expect(c, "detaching", mr_detach(c->importer), 0);
	return ret ?: mr_held(c, 0, 0);
}

/* --- the exporter ends -------------------------------------------------------------------------- */

/* A byte, with room for a descriptor beside it. */
struct fd_message {
	char byte;
	struct iovec iov;
	struct msghdr msg;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
};

static void message_init(struct fd_message *m)
{
	memset(m, 0, sizeof(*m));
	m->iov = (struct iovec){ .iov_base = &m->byte, .iov_len = 1 };
	m->msg = (struct msghdr){
		.msg_iov = &m->iov,
		.msg_iovlen = 1,
		.msg_control = m->control.space,
		.msg_controllen = sizeof(m->control.space),
	};
}

static int send_fd(int socket, int fd)
{
	struct fd_message m;
	struct cmsghdr *c;

	message_init(&m);
	c = CMSG_FIRSTHDR(&m.msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &m.msg, 0) < 0 ? -errno : 0;
}

static int receive_fd(int socket)
{
	struct fd_message m;
	struct cmsghdr *c;
	int fd = -EPIPE;

	message_init(&m);
	if (recvmsg(socket, &m.msg, MSG_CMSG_CLOEXEC) <= 0)
		return -EPIPE;
	c = CMSG_FIRSTHDR(&m.msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* In a process that then ends: exports, fills, hands over. */
static int export_and_end(struct mr_case *c, uint64_t seed, int socket)
{
	struct mr_memory m;
	int err;

	if (c->memory->map)
		err = mr_memory_udmabuf(&m);
	else if (c->memory->has_bar)
		err = mr_memory_bar(c->ctx, c->memory->bar, 0, 1, &m);
	else
		err = mr_memory_module(c->ctx, &m);
	err = err ?: mr_memory_fill(&m, seed);
	return err ?: send_fd(socket, m.fd);
}

/* A dma-buf whose exporter is gone, and of which only this descriptor is left; or a negative errno. */
static int orphan(struct mr_case *c, uint64_t seed)
{
	int sockets[2], status = 0, fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		_exit(export_and_end(c, seed, sockets[1]) ? 1 : 0);
	close(sockets[1]);
	fd = pid < 0 ? -errno : receive_fd(sockets[0]);
	close(sockets[0]);
	if (pid > 0 && (waitpid(pid, &status, 0) < 0 || status) && fd >= 0) {
		close(fd);
		fd = -ECHILD;
	}
	return fd;
}

/* Only the importer can look at the memory now. */
static int use_orphan(struct mr_case *c)
{
	const size_t len = 64;
	size_t last = c->memory->len - len;
	unsigned char *known = c->memory->known;
	int ret = mr_read(c, 0, len) ?: mr_read(c, last, len);

	for (int i = 0; i < 2 && !ret; i++) {
		size_t at = i ? last : 0;
		int err;

		pattern_fill(known + at, len, mr_seed(c), 0);
		err = mr_access(c->importer, at, known + at, len, true);
		if (err)
			return mr_refute(c, EVIDENCE_DATA, "cannot be written: %s",
					 errno_text(err));
		ret = mr_read(c, at, len);
	}
	if (!ret)
		mr_prove(c, EVIDENCE_DATA);
	return ret;
}

static int body_exporter_exit(struct mr_case *c)
{
	uint64_t seed = mr_seed(c);
	int fd = orphan(c, seed);
	int ret;

	if (fd < 0)
		return fd;
	pattern_fill(c->memory->known, c->memory->len, seed, 0);
	mr_stage(c, "after the exporting process has ended");
	ret = mr_expect(c, "attaching", mr_attach(c->importer, fd), 0);
	ret = ret ?: use_orphan(c);
	close(fd);
	mr_stage(c, "after the last descriptor was closed, too");
	ret = ret ?: use_orphan(c);
	return ret ?: mr_expect(c, "detaching", mr_detach(c->importer), 0);
}

MR_SCENARIO(move_notify, "dmabuf.move-notify", "an importer follows memory that moves",
	    MR_PAGES_OF_MODULE | MR_BAR | MR_NOT_TOLD, EV(DATA) | EV(PATH) | EV(COUNTERS), 60,
	    "notify-lost", "stale-address");
MR_SCENARIO(revoke, "dmabuf.revoke", "memory that is taken away is reached no more",
	    MR_PAGES_OF_MODULE | MR_BAR | MR_VFIO, EV(DATA) | EV(ERRNO) | EV(COUNTERS), 60,
	    "notify-lost", "stale-address", "revoke-ignored");
MR_SCENARIO(exporter_exit, "dmabuf.exporter-exit", "a region outlives the process that exported",
	    MR_EVERYTHING & ~MR_VFIO, EV(DATA), 60);
