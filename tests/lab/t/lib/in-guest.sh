#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# in-guest.sh PLATFORM SCRIPT [OPTION]...: boots the platform, with options of 'lab run', and runs the
# test script in it, once for all of its steps. What the script prints, TAP, and its exit status become those of this program. In the guest
# it finds p2pcert installed, the modules built, and the helpers of the command tests and of guest.sh
# beside it; 'in_guest' is set there, and 'parts' to $PARTS: steps to run instead of all.
set -u

platform=$1
script=$2
shift 2
t=$(cd "$(dirname "$0")/.." && pwd -P)
name=$(basename "$script" .sh)

if [[ $EUID != 0 ]]; then
	printf 'ok 1 - %s # SKIP not root\n1..1\n' "$name"
	exit 0
fi
kernel=$("$t/../lab" list | awk -v platform="$platform" '$1 == platform { print $2 }')
"$t/../lab" build --kernel "$kernel" || exit 3
command="in_guest=yes P2PCERT=p2pcert parts='${PARTS:-}'"
for file in "$t/../../cli/lib/cli.sh" "$t/lib/guest.sh" "$script"; do
	command+=$'\n'$(< "$file")
done
exec "$t/../lab" run --platform "$platform" --as "test-$name" --command "$command" "$@"
