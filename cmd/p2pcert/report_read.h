/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where commands that take a report get it from. */
#ifndef P2PCERT_CMD_REPORT_READ_H
#define P2PCERT_CMD_REPORT_READ_H

#include <jansson.h>

#include "base/attr.h"

/* Of a results directory or of a file. 0, or the exit status after a message. */
int report_read(const char *path, json_t **report) attr_must_check;

#endif
