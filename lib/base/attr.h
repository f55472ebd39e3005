/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiler attributes and scope-bound cleanup. What is marked autofree, autoclose or autojson is
 * released when its scope ends, on every path; take_ptr() and take_fd() hand it on instead.
 */
#ifndef P2PCERT_BASE_ATTR_H
#define P2PCERT_BASE_ATTR_H

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define attr_printf(fmt, first) __attribute__((format(printf, fmt, first)))
#define attr_must_check __attribute__((warn_unused_result))
#define attr_noreturn __attribute__((noreturn))
#define attr_unused __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void autofree_fn(void *p)
{
	free(*(void **)p);
}

/* Keeps errno: a cleanup never hides why a function failed. */
static inline void autoclose_fn(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void autofclose_fn(FILE **f)
{
	int saved = errno;

	if (*f)
		fclose(*f);
	errno = saved;
}

static inline void autojson_fn(json_t **j)
{
	json_decref(*j);
}

#define autofree __attribute__((cleanup(autofree_fn)))
#define autoclose __attribute__((cleanup(autoclose_fn)))
#define autofclose __attribute__((cleanup(autofclose_fn)))
#define autojson __attribute__((cleanup(autojson_fn)))

#define take_ptr(p) \
	({ \
		__typeof__(p) __taken = (p); \
		(p) = NULL; \
		__taken; \
	})

#define take_fd(fd) \
	({ \
		int __taken = (fd); \
		(fd) = -1; \
		__taken; \
	})

#endif
