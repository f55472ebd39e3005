/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Libraries that few commands need are loaded by the first call into them, so that every other start
 * of the program does not pay for theirs and for all that they depend on: two thirds of the time that
 * it took. For each function called there is one of the same name that finds and calls it. Its type is
 * held against the library's header by the compiler, its library is the one that the linker would have
 * recorded (sonames.h, made by the build).
 */
#ifndef P2PCERT_BASE_LAZY_H
#define P2PCERT_BASE_LAZY_H

/*
 * The symbol of a library, which is loaded and stays. One that is missing ends the process with a
 * message and EXIT_ENVIRONMENT, as the dynamic linker would have done before main().
 */
void *lazy_symbol(const char *soname, const char *name);

#define LAZY(soname, type, name, parameters, arguments) \
	type name parameters \
	{ \
		static __typeof__(name) *function; \
\
		if (!function) \
			*(void **)&function = lazy_symbol(soname, #name); \
		return function arguments; \
	}

#endif
