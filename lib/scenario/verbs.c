// SPDX-License-Identifier: LGPL-2.1-or-later
/* The loopback over libibverbs: its device, its memory, and what is posted on its queue pairs. */
#include "scenario/verbs_qp.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fs.h"

#define CQ_ENTRIES 4
#define GID_PAUSE_NS 50000000
#define MAX_GIDS 256

static int error_of(int r)
{
	return verbs_error(r);
}

static int error_of_null(void)
{
	return verbs_error(-1);
}

static int fail(int err, char **why, const char *what)
{
	*why = xasprintf("cannot %s: %s", what, strerror(-err));
	return err;
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* --- devices ------------------------------------------------------------------------------------ */

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int verbs_names(char ***names)
{
	int n = 0;
	struct ibv_device **list = ibv_get_device_list(&n);

	if (!list)
		return error_of_null();
	*names = xcalloc((size_t)n + 1, sizeof(**names));
	for (int i = 0; i < n; i++)
		(*names)[i] = xstrdup(ibv_get_device_name(list[i]));
	qsort(*names, (size_t)n, sizeof(**names), name_cmp);
	ibv_free_device_list(list);
	return 0;
}

void verbs_names_free(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

bool verbs_pci_addr(const char *sysroot, const char *name, struct pci_addr *addr)
{
	autofree char *path = fs_under(sysroot, "/sys/class/infiniband/%s/device", name);
	autofree char *target = NULL;

	return fs_read_link_name(AT_FDCWD, path, &target) == 0 && pci_addr_parse(target, addr) == 0;
}

static int context_open(struct verbs *v)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int err = -ENODEV;

	if (!list)
		return error_of_null();
	for (struct ibv_device **d = list; *d; d++) {
		if (strcmp(ibv_get_device_name(*d), v->name) != 0)
			continue;
		v->context = ibv_open_device(*d);
		err = v->context ? 0 : error_of_null();
	}
	ibv_free_device_list(list);
	return err;
}

int verbs_open(struct verbs *v, const char *name, char **why)
{
	int err;

	*v = (struct verbs){ .name = xstrdup(name), .service = IBV_QPT_RC };
	err = context_open(v);
	if (err)
		return fail(err, why, "open it");
	err = verbs_events_open(v);
	if (err)
		return fail(err, why, "read its events");
	err = error_of(ibv_query_device_ex(v->context, NULL, &v->attr));
	if (err)
		return fail(err, why, "query it");
	for (unsigned int port = 1; port <= v->attr.orig_attr.phys_port_cnt; port++) {
		err = error_of(ibv_query_port(v->context, (uint8_t)port, &v->port_attr));
		if (err)
			return fail(err, why, "query a port");
		if (v->port_attr.state == IBV_PORT_ACTIVE) {
			v->port = (uint8_t)port;
			return 0;
		}
	}
	*why = xstrdup("no port is active");
	return -ENETDOWN;
}

/* --- connection --------------------------------------------------------------------------------- */

/* The first RoCE v2 GID of the port, one of IPv4 or global IPv6 if there is one. */
static bool gid_find(struct verbs *v)
{
	struct ibv_gid_entry gids[MAX_GIDS];
	ssize_t n = ibv_query_gid_table(v->context, gids, MAX_GIDS, 0);

	for (ssize_t i = 0; i < n; i++) {
		bool link_local = gids[i].gid.raw[0] == 0xfe && gids[i].gid.raw[1] == 0x80;

		if (gids[i].port_num != v->port || gids[i].gid_type != IBV_GID_TYPE_ROCE_V2 ||
		    gids[i].gid_index > UINT8_MAX || (v->has_gid && link_local))
			continue;
		v->gid = gids[i].gid;
		v->gid_index = (uint8_t)gids[i].gid_index;
		v->has_gid = true;
		if (!link_local)
			break;
	}
	return v->has_gid;
}

static int gid_wait(struct verbs *v, unsigned int wait_ms)
{
	int64_t deadline = clock_ns() + wait_ms * NS_PER_MS;

	while (!gid_find(v)) {
		if (clock_ns() >= deadline)
			return -EADDRNOTAVAIL;
		pause_ns(GID_PAUSE_NS);
	}
	return 0;
}

int verbs_connect(struct verbs *v, unsigned int wait_ms, char **why)
{
	int err;

	if (v->port_attr.link_layer == IBV_LINK_LAYER_ETHERNET) {
		err = gid_wait(v, wait_ms);
		if (err) {
			*why = xasprintf("port %u has no RoCE v2 GID: its network device needs an "
					 "address",
					 v->port);
			return err;
		}
	}
	v->pd = ibv_alloc_pd(v->context);
	if (!v->pd)
		return fail(error_of_null(), why, "allocate a protection domain");
	for (size_t i = 0; i < ARRAY_LEN(v->cq); i++) {
		v->cq[i] = ibv_create_cq(v->context, CQ_ENTRIES, NULL, NULL, 0);
		if (!v->cq[i])
			return fail(error_of_null(), why, "create a completion queue");
	}
	err = verbs_set_mtu(v, v->port_attr.active_mtu);
	return err ? fail(err, why, "connect the queue pairs") : 0;
}

/* --- memory ------------------------------------------------------------------------------------- */

int verbs_register_iova(struct verbs *v, void *addr, size_t len, uint64_t iova, int access,
			struct ibv_mr **mr)
{
	if (v->nr_mrs == ARRAY_LEN(v->mrs))
		return -ENOSPC;
	*mr = ibv_reg_mr_iova(v->pd, addr, len, iova, access);
	if (!*mr)
		return error_of_null();
	v->mrs[v->nr_mrs++] = *mr;
	return 0;
}

int verbs_register(struct verbs *v, void *addr, size_t len, int access, struct ibv_mr **mr)
{
	return verbs_register_iova(v, addr, len, (uintptr_t)addr, access, mr);
}

int verbs_register_dmabuf(struct verbs *v, int dmabuf, uint64_t offset, size_t len, uint64_t iova,
			  int access, struct ibv_mr **mr)
{
	if (v->nr_mrs == ARRAY_LEN(v->mrs))
		return -ENOSPC;
	*mr = ibv_reg_dmabuf_mr(v->pd, offset, len, iova, dmabuf, access);
	if (!*mr)
		return error_of_null();
	v->mrs[v->nr_mrs++] = *mr;
	return 0;
}

int verbs_deregister(struct verbs *v, struct ibv_mr *mr)
{
	for (size_t i = 0; i < v->nr_mrs; i++) {
		if (v->mrs[i] == mr) {
			v->mrs[i] = v->mrs[--v->nr_mrs];
			return error_of(ibv_dereg_mr(mr));
		}
	}
	return -ENOENT;
}

void verbs_deregister_all(struct verbs *v)
{
	verbs_qps_destroy(v);
	while (v->nr_mrs)
		ibv_dereg_mr(v->mrs[--v->nr_mrs]);
	v->grh_mr = NULL;
}

void verbs_close(struct verbs *v)
{
	verbs_deregister_all(v);
	verbs_queues_destroy(v);
	for (size_t i = 0; i < ARRAY_LEN(v->cq); i++)
		if (v->cq[i])
			ibv_destroy_cq(v->cq[i]);
	if (v->pd)
		ibv_dealloc_pd(v->pd);
	if (v->context)
		ibv_close_device(v->context);
	verbs_upset_free(v);
	free(v->name);
	*v = (struct verbs){ 0 };
}
