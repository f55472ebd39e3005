#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes a second cache for the lab, whose root has in the place of the newest stock kernel one of the
# same source that complains early: KASAN, the lock validator, kmemleak and checks of the memory
# manager (debug.config). Prints where it is, so that whatever the lab can do is done with it:
#
#   P2PCERT_LAB_CACHE=$(tests/lab/debug-kernel.sh) tests/lab/debug/suite.sh
#
# Making it takes half an hour of two processors and 6 GiB; one that was interrupted goes on where
# it was. It is made once for a root and a debug.config; P2PCERT_LAB_CACHE says, as for the lab, where.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cache=$(realpath -m "${P2PCERT_LAB_CACHE:-/var/cache/p2pcert-lab}")

# shellcheck source=lib/common.sh
. "$here/lib/common.sh"

source=/usr/src/linux-debug	# in the root
packages=(bc bison flex libssl-dev xz-utils)

# within ROOT CMD...: in the namespaces of build_inside, ROOT being writable.
within() {
	local root=$1
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

# stock_kernel ROOT: the release of its newest kernel.
stock_kernel() {
	sed -n 's/^backports //p' "$1/usr/lib/p2pcert-lab/kernels"
}

# unpack ROOT: the compiler's company and the kernel's source, from where the root's kernel came.
unpack() {
	local root=$1 version package tarball
	[[ ! -e $root$source/.unpacked ]] || return 0
	[[ $(stock_kernel "$root") =~ ^([0-9]+\.[0-9]+)\. ]] ||
		die "the root's kernel '$(stock_kernel "$root")' has no version"
	version=${BASH_REMATCH[1]}
	package=linux-source-$version
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	within "$root" apt-get update -q
	within "$root" apt-get install -y -q --no-install-recommends "${packages[@]}" "$package"
	rm "$root/etc/resolv.conf"
	tarball=$root/usr/src/$package.tar.xz
	rm -rf "${root:?}$source"
	mkdir "$root$source"
	within "$root" tar -C "$source" --strip-components=1 -xf "${tarball#"$root"}"
	rm "$tarball"
	touch "$root$source/.unpacked"
}

# configure ROOT: nothing but what debug.config says, all of which must have been heard.
configure() {
	local root=$1 unheard
	cp "$here/debug.config" "$root$source/debug.config"
	within "$root" env KCONFIG_ALLCONFIG=debug.config make -s -C "$source" allnoconfig
	unheard=$(grep '^CONFIG_' "$root$source/debug.config" | grep -vxFf "$root$source/.config") || true
	[[ -z $unheard ]] || die "this kernel's configuration does not take: ${unheard//$'\n'/ }"
}

# install_kernel ROOT: and of the source what modules are built with.
install_kernel() {
	local root=$1 release
	release=$(< "$root$source/include/config/kernel.release")
	cp "$root$source/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
	cp "$root$source/.config" "$root/boot/config-$release"
	within "$root" make -s -C "$source" LOCALVERSION=-debug modules_install
	sed -i "s/^backports .*/backports $release/" "$root/usr/lib/p2pcert-lab/kernels"
	rm -f "$root$source/vmlinux.o"
	find "$root$source" \( -name '*.[oac]' -o -name '.*.cmd' \) \
		-not -path "$root$source/scripts/*" -not -path "$root$source/tools/*" -delete
}

# build_inside FROM ROOT: in its own namespaces, where nothing of it outlasts this program.
build_inside() {
	local from=$1 root=$2
	mount --make-rprivate /
	if [[ ! -e $root.copied ]]; then
		rm -rf --one-file-system "$root"
		cp -a "$from" "$root"
		touch "$root.copied"
	fi
	mount --bind "$root" "$root"
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/tmp"
	unpack "$root"
	configure "$root"
	within "$root" make -s -C "$source" -j "$(nproc)" LOCALVERSION=-debug
	install_kernel "$root"
}

main() {
	local root key made lock
	((EUID == 0)) || die 'root is needed: a root is changed to and file systems are mounted'
	root=$("$here/lab" root)
	key=$(cat "$here/debug.config" - <<< "${root##*/}" | sha256sum | cut -c 1-16)
	made=$cache/debug-$key
	exec {lock}> "$cache/debug.lock"
	flock "$lock"
	if [[ ! -d $made ]]; then
		mkdir -p "$made.new"
		say "building a debug kernel: this takes half an hour (log: $made.log)"
		setpriv --pdeathsig KILL -- unshare --mount --pid --fork --kill-child --mount-proc -- \
			"$0" --inside "$root" "$made.new/${root##*/}" > "$made.log" 2>&1 ||
			die "the debug kernel could not be built: see '$made.log'"
		rm "$made.new/${root##*/}.copied"
		mv -T "$made.new" "$made"
	fi
	printf '%s\n' "$made"
}

if [[ ${1:-} == --inside ]]; then
	build_inside "$2" "$3"
elif (($#)); then
	die "unexpected argument '$1': it takes none"
else
	main
fi
