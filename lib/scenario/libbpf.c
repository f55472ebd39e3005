/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called of libbpf, which is loaded when it is. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/lazy.h"
#include "sonames.h"

#define BPF(type, name, parameters, arguments) LAZY(SONAME_bpf, type, name, parameters, arguments)

BPF(libbpf_print_fn_t, libbpf_set_print, (libbpf_print_fn_t fn), (fn))
BPF(void, btf__free, (struct btf * btf), (btf))
BPF(struct btf *, btf__parse, (const char *path, struct btf_ext **btf_ext), (path, btf_ext))
BPF(struct btf *, btf__parse_split, (const char *path, struct btf *base_btf), (path, base_btf))
BPF(__u32, btf__type_cnt, (const struct btf *btf), (btf))
BPF(const struct btf *, btf__base_btf, (const struct btf *btf), (btf))
BPF(const struct btf_type *, btf__type_by_id, (const struct btf *btf, __u32 id), (btf, id))
BPF(const char *, btf__name_by_offset, (const struct btf *btf, __u32 offset), (btf, offset))
