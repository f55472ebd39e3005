#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Arguments: PROBES OBJECTS SYMVERS OUT. Turns a run of the feature probes into OUT/features.txt
# and OUT/p2pcert_features.h. A probe whose object is there has passed; the self_* probes show that
# compiling told the two apart, else the whole run is void and nothing is written.
set -eu

probes=$1
objects=$2
symvers=$3
out=$4

void() {
	echo >&2 "feature probes are void: $1; see $objects/log, which ends with:"
	tail -n 5 "$objects/log" >&2
	exit 1
}

[ -s "$symvers" ] || void "'$symvers' lists no symbols"
for source in "$probes"/self_*.c; do
	name=$(basename "$source" .c)
	case $name in
	self_pass*) [ -e "$objects/$name.o" ] || void "'$name' must compile and did not" ;;
	*) [ ! -e "$objects/$name.o" ] || void "'$name' must not compile and did" ;;
	esac
done

features() {
	for source in "$probes"/*.c; do
		name=$(basename "$source" .c)
		case $name in
		self_*) continue ;;
		config_*) how=config ;;
		*) how=compile ;;
		esac
		if [ -e "$objects/$name.o" ]; then value=1; else value=0; fi
		echo "$name $value $how"
	done
	# Module.symvers: checksum, symbol, module, kind of export, namespace
	awk '
		FNR == NR { exported[$2] = 1; next }
		/^#/ || NF == 0 { next }
		{ print "export_" $1, ($1 in exported) ? 1 : 0, "export" }
	' "$symvers" "$probes/exports"
}

features >"$out/features.txt.new"
{
	echo '/* SPDX-License-Identifier: GPL-2.0-only */'
	echo '/* Written by features.sh from what this kernel compiles and exports. */'
	while read -r name value how; do
		echo "#define HAVE_$(echo "$name" | tr '[:lower:]' '[:upper:]') $value /* $how */"
	done <"$out/features.txt.new"
} >"$out/p2pcert_features.h.new"

# The header keeps its time if it says the same, so that nothing is compiled again for nothing.
if cmp -s "$out/p2pcert_features.h.new" "$out/p2pcert_features.h"; then
	rm "$out/p2pcert_features.h.new"
else
	mv "$out/p2pcert_features.h.new" "$out/p2pcert_features.h"
fi
mv "$out/features.txt.new" "$out/features.txt"
