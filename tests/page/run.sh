#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The page of `p2pcert topo --format=html` in a browser without a screen, as TAP: tests/page/run.sh
# [BUILD]. Skipped as a whole where there is no browser.
set -u

cd "$(dirname "$0")/../.." || exit 3
export P2PCERT=$PWD/${1:-build}/p2pcert
export P2PCERT_DATADIR=$PWD/configs LC_ALL=C.UTF-8
for tool in chromium chromedriver; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is not installed"; exit 0; }
done
# Debian's own Python is the one that its packages are for.
/usr/bin/python3 -c 'import selenium' 2>/dev/null ||
	{ echo "1..0 # SKIP python3-selenium is not installed"; exit 0; }
T=$(mktemp -d) || exit 3
trap 'rm -rf "$T"' EXIT
/usr/bin/python3 tests/page/test_page.py "$T"
