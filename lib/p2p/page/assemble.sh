#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Puts the page's template together: assemble.sh DIR >page.html. Styles and scripts go into page.html, and
# their digests into its content security policy, so that nothing else in the page is ever run.
set -eu -o pipefail

dir=$1
scripts=(model measured tree routes matrix panel main)

# The text as it will stand between its tags.
styles() {
	cat "$dir/page.css"
}
code() {
	local name
	for name in "${scripts[@]}"; do
		cat "$dir/$name.js"
	done
}

# sha256 in base64, of standard input
digest() {
	sha256sum | cut -c1-64 | tr a-f A-F | basenc --base16 -d | base64 -w 0
}

style_digest=$(styles | digest)
script_digest=$(code | digest)
while IFS= read -r line; do
	case $line in
	*@STYLES@*)
		printf '<style>'
		styles
		echo '</style>'
		;;
	*@SCRIPTS@*)
		printf '<script>'
		code
		echo '</script>'
		;;
	*)
		line=${line/@STYLE_DIGEST@/sha256-$style_digest}
		printf '%s\n' "${line/@SCRIPT_DIGEST@/sha256-$script_digest}"
		;;
	esac
done <"$dir/page.html"
