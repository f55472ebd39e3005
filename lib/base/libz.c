/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is called of zlib, which is loaded when it is. */
#include <zlib.h>

#include "base/lazy.h"
#include "sonames.h"

#define ZLIB(type, name, parameters, arguments) LAZY(SONAME_z, type, name, parameters, arguments)

ZLIB(uLong, crc32_z, (uLong crc, const Bytef *buf, z_size_t len), (crc, buf, len))
ZLIB(int, uncompress2, (Bytef * dest, uLongf *dest_len, const Bytef *source, uLong *source_len),
     (dest, dest_len, source, source_len))
ZLIB(int, inflateInit2_, (z_streamp stream, int bits, const char *version, int size),
     (stream, bits, version, size))
ZLIB(int, inflate, (z_streamp stream, int flush), (stream, flush))
ZLIB(int, inflateEnd, (z_streamp stream), (stream))
ZLIB(gzFile, gzopen, (const char *path, const char *mode), (path, mode))
ZLIB(int, gzread, (gzFile file, voidp buf, unsigned int len), (file, buf, len))
ZLIB(int, gzclose, (gzFile file), (file))
