#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The one line over everything in $TAP_DIR/totals. Fails if a test failed or none passed.
exec awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed > 0 || passed == 0
	}' "${TAP_DIR:?}/totals"
