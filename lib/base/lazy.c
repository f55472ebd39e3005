/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading libraries and finding functions in them, through the dynamic linker. */
#include "base/lazy.h"

#include <dlfcn.h>

#include "base/exit.h"
#include "base/log.h"

void *lazy_symbol(const char *soname, const char *name)
{
	void *library = dlopen(soname, RTLD_NOW);
	void *symbol = library ? dlsym(library, name) : NULL;

	if (!symbol)
		die(EXIT_ENVIRONMENT, "cannot load '%s': %s", soname, dlerror());
	return symbol;
}
