/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening the test modules' devices, and the names of the faults they commit. */
#include "scenario/modfd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/version.h"

static const struct {
	const char *name;
	uint32_t bit;
} faults[] = {
	{ "skip-copy", P2PCERT_FAULT_SKIP_COPY },
	{ "corrupt-copy", P2PCERT_FAULT_CORRUPT_COPY },
	{ "short-copy", P2PCERT_FAULT_SHORT_COPY },
	{ "no-migrate", P2PCERT_FAULT_NO_MIGRATE },
	{ "wrong-verdict", P2PCERT_FAULT_WRONG_VERDICT },
	{ "leak", P2PCERT_FAULT_LEAK },
	{ "warn", P2PCERT_FAULT_WARN },
	{ "hang", P2PCERT_FAULT_HANG },
	{ "stuck", P2PCERT_FAULT_STUCK },
	{ "lockdep", P2PCERT_FAULT_LOCKDEP },
	{ "oops", P2PCERT_FAULT_OOPS },
	{ "no-device-memory", P2PCERT_FAULT_NO_DEVICE_MEMORY },
	{ "no-memory", P2PCERT_FAULT_NO_MEMORY },
	{ "delay", P2PCERT_FAULT_DELAY },
	{ "abort", P2PCERT_FAULT_ABORT },
	{ "invalidated", P2PCERT_FAULT_INVALIDATED },
	{ "part-of-hole", P2PCERT_FAULT_PART_OF_HOLE },
	{ "engine-refuses", P2PCERT_FAULT_ENGINE_REFUSES },
	{ "engine-hangs", P2PCERT_FAULT_ENGINE_HANGS },
	{ "map-fails", P2PCERT_FAULT_MAP_FAILS },
	{ "notify-lost", P2PCERT_FAULT_NOTIFY_LOST },
	{ "stale-address", P2PCERT_FAULT_STALE_ADDRESS },
	{ "revoke-ignored", P2PCERT_FAULT_REVOKE_IGNORED },
	{ "policy-ignored", P2PCERT_FAULT_POLICY_IGNORED },
	{ "wrong-offset", P2PCERT_FAULT_WRONG_OFFSET },
	{ "flush-each", P2PCERT_FAULT_FLUSH_EACH },
	{ "free-less", P2PCERT_FAULT_FREE_LESS },
	{ "free-late", P2PCERT_FAULT_FREE_LATE },
};

uint32_t modfd_fault(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (strcmp(faults[i].name, name) == 0)
			return faults[i].bit;
	return 0;
}

uint32_t modfd_injected(const struct scenario_ctx *ctx, uint32_t mask)
{
	uint32_t wanted = 0;

	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (scn_injected(ctx, faults[i].name))
			wanted |= faults[i].bit;
	return wanted & mask;
}

char *modfd_refuse(const struct p2pcert_version *v, const char *module)
{
	if (v->abi != P2PCERT_ABI_VERSION)
		return xasprintf("module '%s' speaks interface version %u, this p2pcert %d", module,
				 v->abi, P2PCERT_ABI_VERSION);
	if (strnlen(v->module, sizeof(v->module)) == sizeof(v->module) ||
	    strcmp(v->module, module) != 0)
		return xasprintf("the device of module '%s' says that it belongs to '%.*s'", module,
				 (int)sizeof(v->module), v->module);
	if (strnlen(v->version, sizeof(v->version)) == sizeof(v->version) ||
	    strcmp(v->version, p2pcert_version()) != 0)
		return xasprintf("module '%s' has version '%.*s', this p2pcert '%s'", module,
				 (int)sizeof(v->version), v->version, p2pcert_version());
	return NULL;
}

int modfd_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int modfd_driver(const char *sysroot, const char *module, const char *verb, struct pci_addr addr)
{
	autofree char *path = fs_under(sysroot, "/sys/bus/pci/drivers/%s/%s", module, verb);
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
	const char *text = pci_addr_str(addr);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int modfd_open(struct scenario_ctx *ctx, const char *module, uint32_t mask, uint64_t *refcnt)
{
	struct p2pcert_faults f = { .mask = mask };
	struct p2pcert_version v = { 0 };
	autofree char *path = xasprintf("/dev/%s", module);
	autofree char *refused = NULL;
	autoclose int fd = -1;
	int err = refcnt ? modfd_refcnt(scn_env(ctx)->sysroot, module, refcnt) : 0;

	if (err) {
		scn_error(ctx, ERROR_SETUP, "the use count of module '%s' cannot be read: %s",
			  module, err == -ENOENT ? "it is not loaded" : strerror(-err));
		return -1;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		scn_error(ctx, ERROR_SETUP, "cannot open '%s': %s", path, strerror(errno));
		return -1;
	}
	err = modfd_ioctl(fd, P2PCERT_IOC_VERSION, &v);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "'%s' does not tell its version: %s", path,
			  strerror(-err));
		return -1;
	}
	refused = modfd_refuse(&v, module);
	if (refused) {
		scn_error(ctx, ERROR_SETUP, "%s", refused);
		return -1;
	}
	err = modfd_ioctl(fd, P2PCERT_IOC_SET_FAULTS, &f);
	if (err) {
		scn_error(ctx, ERROR_SETUP, "'%s' refuses faults 0x%x: %s", path, mask,
			  strerror(-err));
		return -1;
	}
	return take_fd(fd);
}

int modfd_refcnt(const char *sysroot, const char *module, uint64_t *count)
{
	autofree char *path = fs_under(sysroot, "/sys/module/%s/refcnt", module);

	return fs_read_u64(AT_FDCWD, path, count);
}

bool modfd_judge_refcnt(struct scenario_ctx *ctx, const char *module, uint64_t before)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	const int tries = 50;
	uint64_t now = 0;
	int err = 0;

	for (int i = 0; i < tries; i++) {
		err = modfd_refcnt(scn_env(ctx)->sysroot, module, &now);
		if (err || now == before)
			break;
		nanosleep(&moment, NULL);
	}
	if (err)
		scn_evidence(ctx, EVIDENCE_LEAK, EVIDENCE_MISSING,
			     "the use count of module '%s' cannot be read: %s", module,
			     strerror(-err));
	else
		scn_evidence(ctx, EVIDENCE_LEAK, now == before ? EVIDENCE_PROVEN : EVIDENCE_REFUTED,
			     "use count of module '%s': %llu before, %llu after", module,
			     (unsigned long long)before, (unsigned long long)now);
	return err || now == before;
}

int modfd_held(struct scenario_ctx *ctx, const char *module, int fd, struct p2pcert_held *held)
{
	int err = modfd_ioctl(fd, P2PCERT_IOC_HELD, held);

	if (!err)
		return 0;
	scn_error(ctx, ERROR_SETUP, "module '%s' does not tell what it holds: %s", module,
		  strerror(-err));
	return -1;
}

bool modfd_held_more(const struct p2pcert_held *before, const struct p2pcert_held *now)
{
	return now->pages > before->pages || now->mappings > before->mappings ||
	       now->functions > before->functions;
}

bool modfd_judge_held(struct scenario_ctx *ctx, const char *module, int fd,
		      const struct p2pcert_held *before)
{
	struct p2pcert_held now = { 0 };
	int err = modfd_ioctl(fd, P2PCERT_IOC_HELD, &now);
	bool more = !err && modfd_held_more(before, &now);

	if (err)
		scn_evidence(ctx, EVIDENCE_LEAK, EVIDENCE_MISSING,
			     "module '%s' does not tell what it holds: %s", module, strerror(-err));
	else
		scn_evidence(ctx, EVIDENCE_LEAK, more ? EVIDENCE_REFUTED : EVIDENCE_PROVEN,
			     "module '%s' held %llu pages, %llu mappings, %llu functions before, "
			     "and holds %llu, %llu, %llu after",
			     module, (unsigned long long)before->pages,
			     (unsigned long long)before->mappings,
			     (unsigned long long)before->functions, (unsigned long long)now.pages,
			     (unsigned long long)now.mappings, (unsigned long long)now.functions);
	return !more;
}

const char *errno_text(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	return name ? name : "an unknown errno";
}
