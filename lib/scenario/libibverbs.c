/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is called of libibverbs, directly and by the inline functions of its header, which is loaded
 * when it is.
 */
#include <infiniband/verbs.h>

#include "base/lazy.h"
#include "sonames.h"

#undef ibv_query_port
#undef ibv_reg_mr
#undef ibv_reg_mr_iova

#define VERBS(type, name, parameters, arguments) \
	LAZY(SONAME_ibverbs, type, name, parameters, arguments)

VERBS(struct ibv_device **, ibv_get_device_list, (int *num_devices), (num_devices))
VERBS(void, ibv_free_device_list, (struct ibv_device * *list), (list))
VERBS(const char *, ibv_get_device_name, (struct ibv_device * device), (device))
VERBS(struct ibv_context *, ibv_open_device, (struct ibv_device * device), (device))
VERBS(int, ibv_close_device, (struct ibv_context * context), (context))
VERBS(int, ibv_query_device, (struct ibv_context * context, struct ibv_device_attr *attr),
      (context, attr))
VERBS(int, ibv_query_port,
      (struct ibv_context * context, uint8_t port_num, struct _compat_ibv_port_attr *attr),
      (context, port_num, attr))
VERBS(ssize_t, _ibv_query_gid_table,
      (struct ibv_context * context, struct ibv_gid_entry *entries, size_t max_entries,
       uint32_t flags, size_t entry_size),
      (context, entries, max_entries, flags, entry_size))
VERBS(struct ibv_pd *, ibv_alloc_pd, (struct ibv_context * context), (context))
VERBS(int, ibv_dealloc_pd, (struct ibv_pd * pd), (pd))
VERBS(struct ibv_mr *, ibv_reg_mr, (struct ibv_pd * pd, void *addr, size_t length, int access),
      (pd, addr, length, access))
VERBS(struct ibv_mr *, ibv_reg_mr_iova,
      (struct ibv_pd * pd, void *addr, size_t length, uint64_t iova, int access),
      (pd, addr, length, iova, access))
VERBS(struct ibv_mr *, ibv_reg_mr_iova2,
      (struct ibv_pd * pd, void *addr, size_t length, uint64_t iova, unsigned int access),
      (pd, addr, length, iova, access))
VERBS(struct ibv_mr *, ibv_reg_dmabuf_mr,
      (struct ibv_pd * pd, uint64_t offset, size_t length, uint64_t iova, int fd, int access),
      (pd, offset, length, iova, fd, access))
VERBS(int, ibv_dereg_mr, (struct ibv_mr * mr), (mr))
VERBS(struct ibv_cq *, ibv_create_cq,
      (struct ibv_context * context, int cqe, void *cq_context, struct ibv_comp_channel *channel,
       int comp_vector),
      (context, cqe, cq_context, channel, comp_vector))
VERBS(int, ibv_destroy_cq, (struct ibv_cq * cq), (cq))
VERBS(struct ibv_qp *, ibv_create_qp, (struct ibv_pd * pd, struct ibv_qp_init_attr *init),
      (pd, init))
VERBS(int, ibv_modify_qp, (struct ibv_qp * qp, struct ibv_qp_attr *attr, int attr_mask),
      (qp, attr, attr_mask))
VERBS(int, ibv_destroy_qp, (struct ibv_qp * qp), (qp))
VERBS(struct ibv_srq *, ibv_create_srq, (struct ibv_pd * pd, struct ibv_srq_init_attr *init),
      (pd, init))
VERBS(int, ibv_destroy_srq, (struct ibv_srq * srq), (srq))
VERBS(struct ibv_ah *, ibv_create_ah, (struct ibv_pd * pd, struct ibv_ah_attr *attr), (pd, attr))
VERBS(int, ibv_destroy_ah, (struct ibv_ah * ah), (ah))
VERBS(struct ibv_qp_ex *, ibv_qp_to_qp_ex, (struct ibv_qp * qp), (qp))
VERBS(int, ibv_get_async_event, (struct ibv_context * context, struct ibv_async_event *event),
      (context, event))
VERBS(void, ibv_ack_async_event, (struct ibv_async_event * event), (event))
VERBS(const char *, ibv_event_type_str, (enum ibv_event_type event), (event))
VERBS(const char *, ibv_wc_status_str, (enum ibv_wc_status status), (status))
