#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs what building and testing need and is not there: the packages of tests/packages.txt.
# Says what is missing where it cannot install.
set -u

cd "$(dirname "$0")" || exit 3
mapfile -t wanted < <(sed 's/#.*//' packages.txt | grep -v '^ *$')
missing=()
for package in "${wanted[@]}"; do
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' ||
		missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing packages: ${missing[*]}" >&2
	echo "deps: run as root, or: apt-get install ${missing[*]}" >&2
	exit 3
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() {
	apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
# an old package list is the usual reason to fail: refresh it once
install 2>/dev/null || { apt-get update -qq && install; } || {
	echo "deps: cannot install ${missing[*]}" >&2
	exit 3
}
