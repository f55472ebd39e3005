#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs one test program, shows what went wrong, and keeps count: tests/tap.sh NAME CMD [ARG]...
# The program prints TAP on standard output. A program that dies, prints no plan, or runs another
# number of tests than planned has failed, whatever its lines say. Counts go to $TAP_DIR/totals, a
# line "passed failed skipped NAME SECONDS" each; the output is kept in $TAP_DIR/NAME.tap and .err. What
# took a minute or more is told.
set -u

name=$1
shift
: "${TAP_DIR:?the directory for results is not set}"
file=$TAP_DIR/${name//\//-}
"$@" >"$file.tap" 2>"$file.err" </dev/null
status=$?

awk -v name="$name" -v status="$status" -v seconds=$SECONDS -v totals="$TAP_DIR/totals" '
	/^1\.\.[0-9]+/ { plan += substr($1, 4); planned = 1 }
	# cmocka says "not ok" of what it skips, which TAP allows
	/^(not )?ok / && tolower($0) ~ /# skip/ { skipped++; print "  skip  " name ": " $0; next }
	/^ok / { passed++ }
	/^not ok / { failed++; bad = 1; print "  FAIL  " name ": " $0; next }
	bad && /^#/ { print "        " $0; next }
	{ bad = 0 }
	END {
		ran = passed + failed + skipped
		why = ""
		if (!planned) why = "printed no plan"
		else if (ran != plan) why = "planned " plan " tests, ran " ran
		else if (status && !failed) why = "ended with status " status
		if (why != "") { failed++; print "  FAIL  " name ": " why }
		printf "%d %d %d %s %d\n", passed, failed, skipped, name, seconds >>totals
		long = seconds < 60 ? "" : sprintf(", %d s", seconds)
		if (!failed) printf "  ok    %s (%d%s)\n", name, passed, long
		exit failed > 0
	}' "$file.tap"
result=$?
[ $result -eq 0 ] || tail -n 40 "$file.err" | sed 's/^/        /'
exit $result
