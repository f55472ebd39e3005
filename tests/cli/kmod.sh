#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# p2pcert kmod and the modules' makefile: usage, what is missing, and probes that must not be believed.
# The kernel here is a directory whose makefile compiles what it is told to.
set -u
# shellcheck source=tests/cli/lib/cli.sh
. "$(dirname "$0")/lib/cli.sh"

tree=$(cd "$(dirname "$0")/../.." && pwd)
kmods=$tree/kmods
unset P2PCERT_KMODS_BUILD P2PCERT_KMODS_DIR

# --- usage ---------------------------------------------------------------------------------------
gives 2 "no subcommand" "$P2PCERT" kmod
one_message "no subcommand is one message"
gives 2 "an unknown subcommand" "$P2PCERT" kmod fly
err_has "the subcommand is quoted" "'fly'"
gives 2 "load of a module that is not ours" "$P2PCERT" kmod load ext4
err_has "the module is quoted" "'ext4'"
gives 2 "an option of another subcommand" "$P2PCERT" kmod load --output /tmp
one_message "it is one message"
gives 2 "an argument that build does not take" "$P2PCERT" kmod build p2pcert_p2p
gives 2 "an option without its value" "$P2PCERT" kmod build --kernel
gives 0 "help of a subcommand" "$P2PCERT" kmod status --help

# --- what is missing -----------------------------------------------------------------------------
gives 3 "build for a kernel without headers" \
	"$P2PCERT" kmod build --source "$kmods" --kernel 0.0.0-none --output "$T/out1"
err_has "the package is named" "linux-headers-0.0.0-none"
one_message "it is one message"
gives 3 "build without sources" "$P2PCERT" kmod build --source "$T" --output "$T/out1"
err_has "the option and the variable are named" "--source" "P2PCERT_KMODS_DIR"
ok "nothing was made" [ ! -e "$T/out1" ]
gives 3 "build, with --json" \
	"$P2PCERT" kmod build --json --source "$kmods" --kernel 0.0.0-none --output "$T/out1"
out_has "the reason is in the document" '"schema": "p2pcert.kmod/1"' '"reason": "module-missing"'
gives 0 "status with nothing built" "$P2PCERT" kmod status --dir "$T"
out_has "every module is listed" p2pcert_p2p p2pcert_devpriv p2pcert_dmabuf p2pcert_iova \
	p2pcert_edu missing

# --- the makefile and its probes -----------------------------------------------------------------
# kernel DIR RULE: headers of a kernel whose makefile answers with RULE for every object.
kernel() {
	mkdir -p "$1/include/config"
	cat >"$1/Makefile" <<EOF
.DEFAULT_GOAL := all
all modules: ;
%.o:
	@$2
EOF
	echo "CONFIG_CC_VERSION_TEXT=\"$(cc --version | head -n 1)\"" >"$1/include/config/auto.conf"
	printf '0x0\tmemremap_pages\tvmlinux\tEXPORT_SYMBOL_GPL\t\n' >"$1/Module.symvers"
}

build() {
	make -C "$kmods" KDIR="$1" OUT="$1/out" P2PCERT_VERSION=1 "${@:2}"
}

# shellcheck disable=SC2016 # make's own variables
truthful='case $* in *self_pass|page_pgmap) touch $(M)/$@;; *) exit 1;; esac'
kernel "$T/good" "$truthful"
gives 0 "make with probes that can be believed" build "$T/good"
features=$T/good/out/features.txt
ok "a probe that compiled" grep -qx 'page_pgmap 1 compile' "$features"
ok "a probe that did not" grep -qx 'dma_iova 0 compile' "$features"
ok "a symbol that is exported" grep -qx 'export_memremap_pages 1 export' "$features"
ok "a symbol that is not" grep -qx 'export_hmm_range_fault 0 export' "$features"
ok "the probes of the run itself are no features" sh -c "! grep -q self_ '$features'"
ok "the header says the same" \
	grep -q '^#define HAVE_PAGE_PGMAP 1 ' "$T/good/out/p2pcert_features.h"
ok "as many definitions as features" [ "$(wc -l <"$features")" -eq \
	"$(grep -c '^#define' "$T/good/out/p2pcert_features.h")" ]
ok "every probe has its line" [ "$(grep -cv ' export$' "$features")" -eq \
	"$(find "$kmods/probes" -name '*.c' ! -name 'self_*' | wc -l)" ]
times() {
	find "$T/good/out" -type f -printf '%p %T@\n' | sort
}
before=$(times)
gives 0 "make with nothing to do" build "$T/good"
ok "nothing is written then" [ "$(times)" = "$before" ]

# shellcheck disable=SC2016
kernel "$T/yes" 'touch $(M)/$@'
gives 2 "make where everything compiles" build "$T/yes"
err_has "the run is void" "void" "must not compile and did"
ok "no features are claimed" [ ! -e "$T/yes/out/features.txt" ]
kernel "$T/no" 'echo no such compiler; exit 1'
gives 2 "make where nothing compiles" build "$T/no"
err_has "the run is void, and the log's end is shown" "void" "must compile and did not" \
	"no such compiler"
ok "no features are claimed" [ ! -e "$T/no/out/features.txt" ]
kernel "$T/empty" "$truthful"
: >"$T/empty/Module.symvers"
gives 2 "make for a kernel that exports nothing" build "$T/empty"
err_has "the run is void" "lists no symbols"

gives 2 "make without headers" build "$T/nowhere"
err_has "the package is named" "install linux-headers-"
gives 2 "make with a compiler that is not there" build "$T/good" CC=no-such-cc
err_has "the compiler is named" "no-such-cc"
sed -i 's/"\(.*\)"/"some-cc 99"/' "$T/good/include/config/auto.conf"
gives 0 "make with another compiler than the kernel's" build "$T/good"
err_has "the difference is told" "the kernel was built by 'some-cc 99'"
gives 2 "make clean of a directory that is not its own" build "$T" OUT="$T/no/include" clean
ok "it is still there" [ -d "$T/no/include" ]
gives 0 "make clean" build "$T/good" clean
ok "it is gone" [ ! -e "$T/good/out" ]

# --- packaging -----------------------------------------------------------------------------------
gives 0 "sources for DKMS" make -C "$kmods" dkms_install DESTDIR="$T/pkg" P2PCERT_VERSION=1.2
dkms=$T/pkg/usr/src/p2pcert-1.2
ok "they have their version" grep -qx 'PACKAGE_VERSION="1.2"' "$dkms/dkms.conf"
cp -R "$T/no" "$T/again" && kernel "$T/again" "$truthful"
gives 0 "they build by themselves" \
	make -C "$dkms" KDIR="$T/again" OUT="$T/again/out" P2PCERT_VERSION=1.2
done_testing
