# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For tests that plant defects in p2pcert_devpriv: building it with each of them. The host does that,
# which is faster than its guest, and beside what is built already.

# build_defects LAB DEFECT...: the modules with each defect go to /lab/defects/DEFECT.
build_defects() {
	local lab=$1 script defect
	shift
	# shellcheck disable=SC2016 # the variables are those of the shell in there
	script='set -e
		release=$(sed -n "s/^backports //p" /usr/lib/p2pcert-lab/kernels)
		rm -rf /lab/defects
		mkdir /lab/defects
		cd /lab/defects
		cp -a "/lab/kmods/$release" build
		plant() {
			make -s -C /src/kmods KVER="$release" OUT="$PWD/build" P2PCERT_DEFECT="$1" >&2
			mkdir "$1"
			cp build/*.ko "$1"
		}'
	for defect; do
		script+=$'\n'"plant $defect"
	done
	"$lab" enter "$script"
}
