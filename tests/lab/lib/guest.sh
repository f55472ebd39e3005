# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2054 # variables from elsewhere, QEMU's commas
#
# Running a guest: the folder of the run, the two shared file systems, QEMU's command line, showing
# what the guest prints, and telling a guest that ended from one that died, hangs or takes too long.
# What happens inside the guest is in ../init.

guest_boot_limit=${P2PCERT_LAB_BOOT_LIMIT:-600}	# seconds until the init has reported
guest_hang_limit=${P2PCERT_LAB_HANG_LIMIT:-120}	# seconds without a sign of life after that

lab_run() {
	guest_prepare
	local command=$opt_command
	if [[ -z $command ]]; then
		[[ $opt_build == no ]] || lab_build "$flavour"
		[[ -x $out/prefix/bin/p2pcert ]] || die "p2pcert is not built: run 'lab build'"
		command="p2pcert-in-lab $profile ${run_options[*]}"
	fi
	contained guest_run "$opt_as" "$platform" "$flavour" "$accel" "$opt_timeout" run "$command" \
		"$opt_disk" "$opt_power_loss"
}

lab_shell() {
	[[ -t 0 && -t 1 ]] || die_usage 'a shell needs a terminal'
	guest_prepare
	contained guest_run "$opt_as" "$platform" "$flavour" "$accel" 0 shell '' "$opt_disk" ''
}

# guest_prepare: what has to be there before any guest, from opt_*.
guest_prepare() {
	platform_load "${opt_platform:-reference}"
	flavour=${opt_kernel:-$kernel}
	: "${opt_as:=$platform}"
	deps_check
	# shellcheck disable=SC2119
	root_make
	guest_accel
}

# guest_accel: sets accel. /dev/kvm may be there and yet not run a guest: it is trusted on this
# machine only after one has booted with it.
guest_accel() {
	local known
	known=$cache/accel-$(uname -r)-$(root_kernel "$root" backports)
	accel=${P2PCERT_LAB_ACCEL:-}
	if [[ -z $accel && -r $known ]]; then
		accel=$(< "$known")
	elif [[ -z $accel ]]; then
		accel=tcg
		if [[ -w /dev/kvm ]]; then
			say 'seeing whether KVM can boot a guest here'
			if contained guest_run ".kvm-$$" reference backports kvm 20 run true '' '' \
				> /dev/null 2>&1; then
				accel=kvm
			fi
			rm -rf "$out/.kvm-$$" "$out/..kvm-$$.lock"
		fi
		printf '%s\n' "$accel" > "$known"
		say "guests run with '$accel'"
	fi
	[[ $accel == kvm || $accel == tcg ]] ||
		die_usage "P2PCERT_LAB_ACCEL is '$accel': it is 'kvm' or 'tcg'"
}

# guest_run NAME PLATFORM FLAVOUR ACCEL SECONDS MODE COMMAND DISK POWER_LOSS: in the container: one
# guest from its first to its last moment. Returns the status of COMMAND.
guest_run() {
	local name=$1 flavour=$3 accel=$4 limit=$5 mode=$6 command=$7 disk=$8 power_loss=$9
	local run=$out/$name root release lock
	root=$(root_path)
	release=$(root_kernel "$root" "$flavour")
	platform_load "$2"
	mkdir -p "$out"
	exec {lock}> "$out/.$name.lock"
	flock -n "$lock" ||
		die "a run named '$name' is under way: wait for it, or name this one with --as"
	rm -rf --one-file-system "$run"
	mkdir -p "$run/guest"

	root_enter "$root"
	guest_files
	guest_share root /mnt/root always --readonly
	guest_share lab /lab auto
	guest_qemu
	guest_watch
}

# guest_files: what the guest's init reads, and the drives.
guest_files() {
	cp "$here/init" "$here/fstab" "$run/guest"
	printf '%s\n' "$mode" > "$run/guest/mode"
	printf '%s\n' "$command" > "$run/guest/command"
	{
		declare -p coldplug
		declare -f guest_setup guest_setup_more
	} > "$run/guest/setup"
	if [[ $mode == shell ]]; then
		printf 'stty %s; export TERM=%q\n' \
			"$(stty size | sed 's/\(.*\) \(.*\)/rows \1 cols \2/')" "${TERM:-vt100}" \
			> "$run/guest/terminal"
	fi
	: > "$run/stdout"
	: > "$run/stderr"
	: > "$run/console.log"
	[[ -z $power_loss ]] || : > "$run/${power_loss%:*}"
	((${#initramfs[@]} == 0)) || guest_initramfs "$run/guest/initramfs"
	((scratch == 0)) || guest_disk "$run/guest/scratch" "$scratch"
	if [[ -n $disk ]]; then
		guest_disk "$out/$disk.disk" 64
		touch "$run/guest/disk"
	fi
}

# guest_initramfs FILE: what loads the platform's modules while there is no root file system, and then
# does what the kernel would have done.
guest_initramfs() {
	local dir=$root/tmp/initramfs modules programs
	programs=(/bin/{bash,kmod,mount,sleep,umount} /sbin/switch_root)
	mapfile -t modules < <(in_root "$root" modprobe --set-version "$release" --show-depends \
		"${initramfs[@]}" | sed -n 's/^insmod \([^ ]*\).*/\1/p')
	mkdir -p "$dir"/{dev,proc,root,run,sbin,sys}
	{
		printf '%s\n' "${programs[@]}" "${modules[@]}"
		in_root "$root" ldd "${programs[@]}" | sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (.*/\2/p'
	} | sort -u | (cd "$root" && xargs -I '{}' cp --parents -L '.{}' "$dir")
	ln -s ../bin/kmod "$dir/sbin/insmod"
	cat > "$dir/init" <<EOF
#!/bin/bash
PATH=/bin:/sbin
mount -t devtmpfs dev /dev
mount -t sysfs sys /sys # where insmod sees that the kernel unpacks modules itself
for module in ${modules[*]}; do
	insmod \$module
done
until mount -t virtiofs -o ro root /root 2> /dev/null; do
	sleep 0.1
done
umount /sys
exec switch_root /root /usr/lib/p2pcert-lab/init "\$1"
EOF
	chmod 755 "$dir/init"
	(cd "$dir" && find . | cpio --quiet -o -H newc) > "$1"
	rm -rf "$dir"
}

# guest_disk FILE MIB: an empty file system, unless it is there. Under another name until it is whole.
guest_disk() {
	[[ ! -e $1 ]] || return 0
	rm -f "$1.new"
	truncate -s "$2M" "$1.new"
	# in blocks as large as a page, as persistent memory needs them
	mkfs.ext4 -q -F -b 4096 "$1.new" || die "cannot make the disk '$1'"
	mv "$1.new" "$1"
}

# guest_share TAG FOLDER CACHE [OPTION]...: starts the daemon that shows a folder to the guest.
guest_share() {
	local tag=$1 folder=$2 policy=$3 tries
	shift 3
	chroot "$root" /usr/libexec/virtiofsd --socket-path "/run/$tag.sock" --shared-dir "$folder" \
		--cache "$policy" --sandbox none "$@" >> "$run/guest/virtiofsd.log" 2>&1 < /dev/null &
	for tries in {1..100}; do
		[[ ! -S $root/run/$tag.sock ]] || return 0
		sleep 0.05
	done
	die "virtiofsd did not start: see '$run/guest/virtiofsd.log' ($tries tries)"
}

# guest_qemu: starts QEMU; sets qemu to its process.
guest_qemu() {
	local args device drive number=0 node words=()
	args=(-nodefaults -no-user-config -display none -no-reboot -cpu "$cpu" -smp "$cpus"
		-machine q35,sata=off,smbus=off,i8042=off,vmport=off
		-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
	case $accel in
	kvm) args+=(-accel kvm -machine kernel-irqchip=split) ;;
	tcg)
		args+=(-accel tcg,thread=multi)
		# On a busy host the kernel takes a timer that is late for one that does not work. And
		# what QEMU has made of a page with code it drops when the guest writes there, but not
		# when virtiofsd does, reading a program: so the guest clears each page before. What
		# mitigates flaws of processors that are not there makes entering the kernel five to
		# nine times as slow where page tables are kept apart, and every return dear.
		words+=(no_timer_check init_on_alloc=1 mitigations=off)
		;;
	esac
	args+=(-m "$memory")
	for ((node = 0; node < nodes; node++)); do
		args+=(
			-object "memory-backend-memfd,id=ram$node,size=$((memory / nodes))M,share=on"
			-numa "node,nodeid=$node,memdev=ram$node"
		)
	done
	args+=(
		-kernel "/boot/vmlinuz-$release"
		-append "root=root rootfstype=virtiofs ro console=ttyS0 quiet panic=-1 \
init=/usr/lib/p2pcert-lab/init ${words[*]} ${iommu_cmdline[*]} ${cmdline[*]} -- $name"
		-chardev "file,id=console,path=/lab/$name/console.log,append=on" -serial chardev:console
	)
	((${#initramfs[@]} == 0)) || args+=(-initrd "/lab/$name/guest/initramfs")
	[[ $mode != shell ]] ||
		args+=(-chardev stdio,id=terminal,signal=off -serial chardev:terminal)
	args+=("${machine[@]}")
	for device in "${iommu[@]}"; do
		args+=(-device "$device")
	done
	args+=(
		-chardev socket,id=root,path=/run/root.sock
		-device vhost-user-fs-pci,chardev=root,tag=root,bus=pcie.0,addr=1d.0
		-chardev socket,id=lab,path=/run/lab.sock
		-device vhost-user-fs-pci,chardev=lab,tag=lab,bus=pcie.0,addr=1e.0
	)
	[[ -z $disk ]] || args+=(
		-drive "if=none,id=disk,format=raw,file=/lab/$disk.disk"
		-device virtio-blk-pci,bus=pcie.0,addr=1c.0,drive=disk,serial=p2pcert-lab
	)
	for device in "${devices[@]}"; do
		if [[ $device == *,drive=* ]]; then
			drive=${device##*,drive=}
			drive=${drive%%,*}
			cp --sparse=always "$root/usr/lib/p2pcert-lab/drive$number.raw" \
				"$run/guest/$drive.raw"
			args+=(-drive "if=none,id=$drive,format=raw,file=/lab/$name/guest/$drive.raw")
			number=$((number + 1))
		fi
		args+=(-device "$device")
	done
	printf '%q ' "${args[@]}" > "$run/guest/qemu.args"
	if [[ $mode == shell ]]; then
		chroot "$root" qemu-system-x86_64 "${args[@]}" <&0 2> "$run/guest/qemu.log" &
	else
		chroot "$root" qemu-system-x86_64 "${args[@]}" < /dev/null > "$run/guest/qemu.log" 2>&1 &
	fi
	qemu=$!
}

# guest_watch: shows what the guest prints as it comes, and sees the guest to its end.
guest_watch() {
	local followers=() start=$SECONDS beat=0 last='' now='' why='' status=3
	if [[ $mode != shell ]]; then
		tail -q -n +1 -s 0.1 -f --pid="$qemu" "$run/stdout" &
		followers+=($!)
		tail -q -n +1 -s 0.1 -f --pid="$qemu" "$run/stderr" >&2 &
		followers+=($!)
	fi
	[[ -z $power_loss ]] || guest_power_loss "${power_loss%:*}" "${power_loss#*:}" &
	# The shell must not tell of a guest whose power is cut: this is not the news that it takes it for.
	while [[ -z $why ]] && kill -0 "$qemu"; do
		sleep 0.1
		now=$(cat "$run/guest/alive") || true
		# While the guest writes it, it is empty for a moment.
		if [[ -n $now && $now != "$last" ]]; then
			last=$now
			beat=$SECONDS
		fi
		if ((limit && SECONDS - start >= limit)); then
			why="not done after $limit s (see --timeout)"
			status=124
		elif [[ -z $last ]] && ((SECONDS - start >= guest_boot_limit)); then
			why="the guest did not come up in $guest_boot_limit s"
		elif [[ -n $last ]] && ((SECONDS - beat >= guest_hang_limit)); then
			why="the guest hangs: no sign of life for $guest_hang_limit s"
		fi
	done 2> /dev/null
	if [[ -n $why ]]; then
		guest_kill
		guest_console
		say "platform '$platform': $why"
		return "$status"
	fi
	wait "$qemu" 2> /dev/null || true
	((${#followers[@]} == 0)) || wait "${followers[@]}" || true
	if [[ -e $run/guest/power-loss ]]; then
		say "platform '$platform': the power was cut"
		return 137
	fi
	if [[ ! -s $run/guest/status ]]; then
		guest_console
		grep -v -e "doesn't support requested feature" -e 'has no peer' "$run/guest/qemu.log" |
			sed 's/^/qemu: /' >&2 || true
		die "platform '$platform': the guest died before its command was done"
	fi
	return "$(< "$run/guest/status")"
}

# guest_power_loss FILE LINES: ends the guest at once when the file has as many lines.
guest_power_loss() {
	local left=$2
	while ((left)) && read -r; do
		left=$((left - 1))
	done < <(exec tail -q -n +1 -s 0.02 -f --pid="$qemu" "$run/$1")
	if ((left == 0)); then
		touch "$run/guest/power-loss"
		kill -KILL "$qemu" 2> /dev/null || true
	fi
}

guest_kill() {
	kill -KILL "$qemu" 2> /dev/null || true
	wait "$qemu" 2> /dev/null || true
	((${#followers[@]} == 0)) || wait "${followers[@]}" || true
}

# guest_console: of the console log what a person who asks why wants: all from the first complaint on,
# or the end where there is none.
guest_console() {
	local first
	first=$(grep -nE -m 1 'Kernel panic|BUG: |Oops: |cut here' "$run/console.log" |
		cut -d : -f 1) || true
	say "from '$run/console.log':"
	if [[ -n $first ]]; then
		sed -n "$first,$((first + 99))p" "$run/console.log"
	else
		tail -n 30 "$run/console.log"
	fi | tr -d '\r' | sed 's/^/console: /' >&2
}
