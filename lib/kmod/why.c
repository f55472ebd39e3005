/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What kind of trouble there is with a module, and its words. */
#include <stdarg.h>

#include "base/alloc.h"
#include "kmod/backend.h"

const char *kmod_reason_name(enum kmod_reason reason)
{
	static const char *const names[NR_KMOD_REASONS] = {
		[KMOD_FAILED] = "failed",
		[KMOD_MISSING] = "module-missing",
		[KMOD_REJECTED] = "module-rejected",
		[KMOD_UNSUPPORTED] = "kernel-config",
		[KMOD_PERMISSION] = "permission",
		[KMOD_BUSY] = "resource-busy",
	};

	return names[reason];
}

void kmod_why_release(struct kmod_why *why)
{
	free(why->text);
	*why = (struct kmod_why){ 0 };
}

int kmod_fail(struct kmod_why *why, int err, enum kmod_reason reason, const char *fmt, ...)
{
	va_list ap;

	why->reason = reason;
	va_start(ap, fmt);
	why->text = xvasprintf(fmt, ap);
	va_end(ap);
	return err;
}
