/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RDMA devices as importers: a dma-buf is a memory region, which the device reads and writes over a
 * connection with itself, from and to ordinary memory. Whatever it cannot reach ends in a completion with
 * an error, which is -EREMOTEIO here.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "scenario/mr_rig.h"
#include "scenario/verbs.h"

#define GID_WAIT_MS 5000
#define RIGHTS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE)

struct mr_verbs {
	struct verbs v;
	struct ibv_mr *mr; /* NULL: none */
	struct ibv_mr last; /* a copy of the last one, whose key may be used after its end */
	unsigned char *own; /* memory at the other end */
	size_t own_len;
	struct ibv_mr *own_mr;
};

/* Is there any device? libibverbs is not even loaded for nothing. */
static bool has_class(const char *sysroot)
{
	autofree char *path = fs_under(sysroot, "/sys/class/infiniband");
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir(path);

	while (dir && !found && (e = readdir(dir)))
		found = e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

char **mr_verbs_names(const struct scenario_env *env)
{
	char **names = NULL;

	if (!has_class(env->sysroot) || verbs_names(&names) < 0)
		return NULL;
	return names;
}

static int own_memory(struct mr_verbs *r)
{
	void *own;

	r->own_len = MR_PAGES * page_size();
	own = mmap(NULL, r->own_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own == MAP_FAILED)
		return -errno;
	r->own = own;
	return verbs_register(&r->v, r->own, r->own_len, RIGHTS, &r->own_mr);
}

int mr_verbs_open(const char *sysroot, const char *name, struct mr_importer *im, char **why)
{
	struct mr_verbs *r = xcalloc(1, sizeof(*r));
	int err;

	im->verbs = r;
	err = verbs_open(&r->v, name, why);
	err = err ?: verbs_connect(&r->v, GID_WAIT_MS, why);
	err = err ?: own_memory(r);
	im->is_function = !err && verbs_pci_addr(sysroot, name, &im->addr);
	return err;
}

void mr_verbs_close(struct mr_verbs *r)
{
	if (!r)
		return;
	verbs_close(&r->v);
	if (r->own)
		munmap(r->own, r->own_len);
	free(r);
}

bool mr_verbs_is_gone(struct mr_verbs *r)
{
	return verbs_is_gone(&r->v);
}

const char *mr_verbs_wrong(struct mr_verbs *r)
{
	r->mr = NULL;
	r->own_mr = NULL;
	verbs_deregister_all(&r->v);
	return r->v.wrong;
}

int mr_verbs_register(struct mr_verbs *r, int dmabuf)
{
	off_t len = lseek(dmabuf, 0, SEEK_END);
	int err;

	/* What is no dma-buf is for the kernel to refuse. */
	err = verbs_register_dmabuf(&r->v, dmabuf, 0, len > 0 ? (size_t)len : page_size(), 0,
				    RIGHTS, &r->mr);
	if (!err)
		r->last = *r->mr;
	return err;
}

int mr_verbs_deregister(struct mr_verbs *r)
{
	int err = r->mr ? verbs_deregister(&r->v, r->mr) : -EINVAL;

	r->mr = NULL;
	return err;
}

int mr_verbs_access(struct mr_verbs *r, size_t offset, void *data, size_t len, bool write)
{
	const struct verbs_transfer t = {
		.opcode = write ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
		.local = r->own_mr,
		.remote = &r->last,
		.remote_offset = offset,
		.len = len,
	};
	enum ibv_wc_status status;
	int err;

	if (len > r->own_len)
		return -EMSGSIZE;
	if (write)
		memcpy(r->own, data, len);
	err = verbs_transfer(&r->v, &t, MR_TIMEOUT_MS, &status);
	if (!err && status != IBV_WC_SUCCESS)
		err = -EREMOTEIO;
	/* Whatever did not end well may not arrive later. */
	if (err)
		err = verbs_reconnect(&r->v) ?: err;
	if (!err && !write)
		memcpy(data, r->own, len);
	return err;
}
