# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # from ../lab and the platform files
#
# The lab's root: one Debian system that is at once the build environment, the place QEMU runs from
# and the guests' root file system. Made once by mmdebstrap and root-hook, found by a key over all
# it is made of, and read-only ever after.

root_suite=trixie
root_backports=trixie-backports
root_packages=(
	# the compiler, and what p2pcert is built with
	gcc libc6-dev make pkg-config
	libarchive-dev libbpf-dev libcmocka-dev libelf-dev libibverbs-dev libjansson-dev
	libkmod-dev libpci-dev librdmacm-dev libudev-dev zlib1g-dev
	dwarves perl sparse
	# what p2pcert and a person use in a guest
	ibverbs-providers ibverbs-utils iproute2 jq kmod nvme-cli pciutils procps rdma-core strace udev
)

root_keep=14	# days without use after which another root goes

root_arch() {
	dpkg --print-architecture
}

root_key() {
	{
		root_arch
		printf '%s\n' "$root_suite" "$root_backports" "${root_packages[@]}" \
			${P2PCERT_LAB_KERNELS:+"$P2PCERT_LAB_KERNELS"}
		declare -f root_debootstrap
		cat "$here/lib/root-hook"
	} | sha256sum | cut -c 1-16
}

root_path() {
	printf '%s/root-%s\n' "$cache" "$(root_key)"
}

# root_mirror: the archive that this machine's apt takes Debian from.
root_mirror() {
	local uri=${P2PCERT_LAB_MIRROR:-}
	if [[ -z $uri ]]; then
		# shellcheck disable=SC2016 # the format is apt's
		uri=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
			sed -n 's/^Debian //p' | head -n 1) || true
	fi
	[[ -n $uri ]] ||
		die "apt on this machine knows no Debian mirror: set P2PCERT_LAB_MIRROR to one"
	printf '%s\n' "$uri"
}

# root_make [--rebuild]: makes the root unless it is there; sets root to its path.
# shellcheck disable=SC2120 # the option comes from the command line
root_make() {
	root=$(root_path)
	if [[ ! -d $root || ${1:-} == --rebuild ]]; then
		deps_check
		[[ $(root_arch) == amd64 ]] ||
			die "the lab knows amd64 only, and this machine is '$(root_arch)'"
		mkdir -p "$cache"
		contained root_build "$root" "${1:-}" || exit $?
	fi
	touch "$root.used" 2> /dev/null || true
}

# root_build PATH [--rebuild]: in the container, one at a time. What an earlier build left when it
# was killed has another name and is removed; a root that is replaced stays usable until then.
root_build() {
	local root=$1 new log=$1.log mirror lock
	exec {lock}> "$cache/lock"
	if ! flock -n "$lock"; then
		say 'another build of the root is under way, waiting for it'
		flock "$lock"
	fi
	[[ ! -d $root || ${2:-} == --rebuild ]] || return 0
	rm -rf --one-file-system "$cache"/.new.*
	root_prune
	new=$(mktemp -d "$cache/.new.XXXXXX")
	mirror=$(root_mirror)
	say "building the root from $mirror: this takes about a minute (log: $log)"
	SECONDS=0
	if ! root_debootstrap "$new/root" "$mirror" > "$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -rf --one-file-system "$new"
		! grep -q NO_PUBKEY "$log" ||
			die "the keyring does not know the key of '$root_suite': install a newer" \
				'debian-archive-keyring or set P2PCERT_LAB_KEYRING'
		die "the root could not be built: see '$log'"
	fi
	[[ ! -d $root ]] || mv "$root" "$new/old"
	mv -T "$new/root" "$root"
	rm -rf --one-file-system "$new"
	say "root built in $SECONDS s, $(du -xsm "$root" | cut -f 1) MiB:" \
		"$(paste -s -d , "$root/usr/lib/p2pcert-lab/kernels")"
}

# root_prune: removes the roots that nobody has used for long; a change of what a root is made of
# leaves one behind.
root_prune() {
	local used
	while IFS= read -r used; do
		used=${used%.used}
		[[ $used == "$root" ]] || rm -rf --one-file-system "$used" "$used.log" "$used.used"
	done < <(find "$cache" -maxdepth 1 -name 'root-*.used' -mtime "+$root_keep")
}

# root_debootstrap PATH MIRROR
root_debootstrap() {
	local options=() line
	# A proxy, and clocks that are off, are this machine's business and known to its apt.
	while IFS= read -r line; do
		options+=(--aptopt="$line")
	done < <(apt-config dump | grep -iE '^Acquire::(Check-|[a-z]+::Proxy)' || true)
	mmdebstrap --mode=root --variant=minbase "${options[@]}" \
		--keyring="${P2PCERT_LAB_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt=force-unsafe-io \
		--include="${root_packages[*]}" \
		--customize-hook="copy-in '$here/lib/root-hook' /tmp" \
		--customize-hook="chroot \"\$1\" sh /tmp/root-hook $root_suite $root_backports \
${P2PCERT_LAB_KERNELS:-}" \
		--customize-hook="rm \"\$1/tmp/root-hook\"" \
		"$root_suite" "$1" \
		"deb $2 $root_suite main" "deb $2 $root_backports main"
}

# root_enter ROOT: in the container: makes ROOT a place to change root into. It stays read-only;
# /mnt/root shows it bare, as the guests see it, /lab the folder of builds and runs, /src the tree.
root_enter() {
	local root=$1 dir
	mkdir -p "$out"
	mount --make-rprivate /
	mount --bind "$root" "$root"
	mount --bind "$root" "$root/mnt/root"
	mount -o remount,bind,ro "$root/mnt/root"
	mount -o remount,bind,ro "$root"
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	mount -t sysfs -o ro sysfs "$root/sys"
	for dir in tmp run var/tmp; do
		mount -t tmpfs tmpfs "$root/$dir"
	done
	mount --bind "$out" "$root/lab"
	mount --bind "$tree" "$root/src"
	mount -o remount,bind,ro "$root/src"
}

# root_kernel ROOT FLAVOUR: the kernel release of the flavour.
root_kernel() {
	local release
	release=$(sed -n "s/^$2 //p" "$1/usr/lib/p2pcert-lab/kernels")
	[[ -n $release ]] || die "the root has no kernel of flavour '$2'"
	printf '%s\n' "$release"
}

# lab_build FLAVOUR: p2pcert into /lab/prefix, the test modules into /lab/kmods/RELEASE, those of the lab
# alone into /lab/lab-kmods/RELEASE.
lab_build() {
	# Who runs several guests at a time builds once, before all of them.
	[[ -z ${P2PCERT_LAB_BUILT:-} ]] || return 0
	deps_check
	[[ -f $tree/Makefile ]] || die "there is no Makefile in '$tree'"
	# shellcheck disable=SC2119
	root_make
	mkdir -p "$out"
	contained build_inside "$root" "$(root_kernel "$root" "$1")"
}

# in_root ROOT CMD...: in the container, after root_enter.
in_root() {
	local root=$1
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 chroot "$root" "$@"
}

# lab_enter COMMAND: runs the shell command in the root, the tree at /src, out/lab at /lab.
lab_enter() {
	deps_check
	# shellcheck disable=SC2119
	root_make
	contained enter_inside "$root" "$1"
}

enter_inside() {
	root_enter "$1"
	in_root "$1" sh -c "$2"
}

# build_inside ROOT RELEASE: in the container, one at a time.
build_inside() {
	local root=$1 release=$2 lock commit
	exec {lock}> "$out/.build.lock"
	flock "$lock"
	root_enter "$root"
	commit=$(git -C "$tree" describe --always --dirty --abbrev=12 2> /dev/null) || commit=unknown
	in_root "$root" make -C /src -j "$(nproc)" --no-print-directory COMMIT="$commit" \
		BUILD=/lab/build PREFIX=/lab/prefix all install selftest >&2 || die 'p2pcert could not be built'
	mkdir -p "$out/kmods"
	in_root "$root" /lab/prefix/bin/p2pcert kmod build --kernel "$release" \
		--output "/lab/kmods/$release" >&2 ||
		die "the test modules could not be built for '$release'"
	# shellcheck disable=SC2016 # expanded in the root
	in_root "$root" sh -ec 'mkdir -p "$2"; cp -pu /src/tests/lab/kmods/* "$2"
		make -s -C "/lib/modules/$1/build" M="$2"' sh "$release" "/lab/lab-kmods/$release" >&2 ||
		die "the lab's own modules could not be built for '$release'"
}
