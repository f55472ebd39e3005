# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Builds p2pcert, its tests and, through `p2pcert kmod build` or the lab, its test modules.
#
#   make                    build ./build/p2pcert
#   make install            PREFIX=/usr/local, DESTDIR= for packaging
#   make unit               build and run the unit and command tests
#   make selftest           build p2pcert-selftest, with scenarios that misbehave
#   sudo make check         both compilers, sanitizers, valgrind, the lab; a sample of the faults that are
#                           committed and of the deaths that are died on purpose: half an hour
#   sudo make check-all     all of these: hours
#   sudo make lab           boot a kernel under QEMU and certify it; PLATFORM=name KERNEL=flavour
#   sudo make lab SUITE=devpriv   the same on a platform, held against what must come there, as TAP
#   make lab-list           the lab's platforms; lab-shell: a shell in one
#   make lint               clang-format, clang-tidy, shellcheck, mandoc
#   make fuzz               build the fuzz targets (clang)
#
# DEVELOPER=1 turns warnings into errors; SANITIZE=address,undefined instruments; BUILD=dir builds
# there; V=1 shows the commands.

VERSION := 0.1.0
COMMIT ?= $(shell git -C $(CURDIR) describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share/p2pcert
MANDIR ?= $(PREFIX)/share/man
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
PLATFORM ?= reference
KERNEL ?=

PKG_CONFIG ?= pkg-config
PACKAGES := jansson
# Few commands need these: they are loaded when something of them is called, see lib/base/lazy.h.
LAZY_PACKAGES := libkmod libudev libarchive libbpf libibverbs zlib
LAZY_LIBS := kmod udev archive bpf ibverbs z
OBJDUMP ?= objdump
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	    -Wpointer-arith -Wwrite-strings -Wvla
ifdef DEVELOPER
WARNINGS += -Werror
endif
ifneq ($(SANITIZE),)
SANITIZERS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

ALL_CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -I$(BUILD) -Ikmods/include -Icmd/p2pcert \
	$(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(SANITIZERS) $(CFLAGS)
ALL_LDFLAGS = $(SANITIZERS) $(LDFLAGS)
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LAZY_PACKAGES))
PKG_LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES))
# tests call more of them than the program
TEST_LIBS = $(shell $(PKG_CONFIG) --libs cmocka $(LAZY_PACKAGES))
# asked once per make, and only by recipes that compile
ifneq ($(filter-out clean lab lab-% check deps help,$(or $(MAKECMDGOALS),all)),)
PKG_CFLAGS := $(PKG_CFLAGS)
PKG_LIBS := $(PKG_LIBS)
endif

Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

LIB_SRC := $(wildcard lib/*/*.c)
CMD_SRC := $(wildcard cmd/p2pcert/*.c)
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*/*.c))
INJECT_SRC := tests/selftest/inject.c
SELFTEST_SRC := $(filter-out $(INJECT_SRC),$(wildcard tests/selftest/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
HEADERS := $(wildcard lib/*/*.h cmd/p2pcert/*.h)
MAN := $(wildcard man/*.[1-8])
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/lib/p2p/page.data.o
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)
UNIT_HELP_OBJ := $(UNIT_HELP_SRC:%.c=$(BUILD)/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
UNIT_OBJ := $(UNIT_SRC:%.c=$(BUILD)/%.o)
SELFTEST_OBJ := $(SELFTEST_SRC:%.c=$(BUILD)/%.o)
STRESS_OBJ := $(BUILD)/tests/stress/devpriv_stress.o
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)

.PHONY: all install uninstall unit unit-programs selftest headers check check-all lab lab-list lab-shell lint \
	fuzz clean deps help
.SECONDARY: $(UNIT_OBJ) $(UNIT_HELP_OBJ)
.DELETE_ON_ERROR:

all: $(BUILD)/p2pcert

help:
	@sed -n 's/^#  //p' Makefile

$(BUILD)/p2pcert: $(CMD_OBJ) $(BUILD)/libp2pcert.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/libp2pcert.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Built anew when the flags change, so that one build directory never mixes two kinds of objects.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))' >$@.new
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@

# What differs from build to build is in few objects only, so that a commit or another PREFIX does
# not rebuild the rest.
$(BUILD)/config: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(COMMIT) $(VERSION) $(DATADIR)' >$@.new
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@
CONFIGURED := $(BUILD)/lib/base/version.o $(BUILD)/lib/base/datadir.o \
	$(BUILD)/tests/selftest/version.o
$(CONFIGURED): $(BUILD)/config
$(CONFIGURED): EXTRA_CPPFLAGS = -DP2PCERT_COMMIT='"$(COMMIT)"' -DP2PCERT_VERSION='"$(VERSION)"' \
	-DP2PCERT_DATADIR='"$(DATADIR)"'

# The names by which the linker would have recorded the libraries.
$(BUILD)/sonames.h: $(BUILD)/flags Makefile
	$(Q)for l in $(LAZY_LIBS); do \
		soname=$$($(OBJDUMP) -p "$$($(CC) $(LDFLAGS) -print-file-name=lib$$l.so)" | \
			sed -n 's/^ *SONAME *//p'); \
		[ -n "$$soname" ] || { echo "lib$$l.so has no name to load it by" >&2; exit 1; }; \
		echo "#define SONAME_$$l \"$$soname\""; \
	done >$@
$(BUILD)/lib/platform/libarchive.o $(BUILD)/lib/kmod/libkmod.o $(BUILD)/lib/scenario/libbpf.o \
	$(BUILD)/lib/scenario/libibverbs.o $(BUILD)/lib/runner/libudev.o \
	$(BUILD)/lib/base/libz.o: $(BUILD)/sonames.h

# What not every libibverbs has.
define USES_FLUSH
#include <infiniband/verbs.h>
void f(struct ibv_qp_ex *qp) { ibv_wr_flush(qp, 0, 0, 0, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE); }
void g(struct ibv_qp_ex *qp) { ibv_wr_atomic_write(qp, 0, 0, 0); }
endef
export USES_FLUSH
$(BUILD)/have_verbs.h: $(BUILD)/flags Makefile
	$(Q)echo "$$USES_FLUSH" | $(CC) $(ALL_CPPFLAGS) -xc -fsyntax-only - 2>$@.log && \
		echo '#define HAVE_IBV_WR_FLUSH 1' >$@ || echo '/* no HAVE_IBV_WR_FLUSH */' >$@
$(BUILD)/lib/scenario/verbs_post.o: $(BUILD)/have_verbs.h

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(EXTRA_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The page of `p2pcert topo --format=html`, one file in which the library finds it.
PAGE_SRC := $(wildcard lib/p2p/page/*)
$(BUILD)/lib/p2p/page.html: $(PAGE_SRC)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)lib/p2p/page/assemble.sh lib/p2p/page >$@

$(BUILD)/lib/p2p/page.data.o: lib/p2p/page.S $(BUILD)/lib/p2p/page.html $(BUILD)/flags
	$(call say,AS,$<)
	$(Q)$(CC) $(CFLAGS) -Wa,-I,$(BUILD)/lib/p2p -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(UNIT_HELP_OBJ) $(BUILD)/libp2pcert.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS)

# The same commands over another table of scenarios: it takes the place of the library's.
$(BUILD)/p2pcert-selftest: $(CMD_OBJ) $(SELFTEST_OBJ) $(BUILD)/libp2pcert.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Loaded before everything else, it cannot be instrumented, nor be loaded into what is.
$(BUILD)/inject.so: $(INJECT_SRC) $(BUILD)/flags
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

$(BUILD)/devpriv-stress: $(STRESS_OBJ) $(BUILD)/libp2pcert.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

selftest: $(BUILD)/p2pcert-selftest $(BUILD)/devpriv-stress $(if $(SANITIZE),,$(BUILD)/inject.so)

# libFuzzer brings its own main(); run one with e.g. build-fuzz/tests/fuzz/fuzz_config CORPUS. One of
# them packs what it makes up.
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/libp2pcert.a
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lz

fuzz:
	$(Q)$(MAKE) --no-print-directory CC=clang BUILD=build-fuzz \
		SANITIZE=address,undefined,fuzzer-no-link fuzz-programs
fuzz-programs: $(FUZZ_BIN)

unit-programs: $(UNIT_BIN)

unit: all unit-programs selftest
	$(Q)tests/unit.sh $(BUILD)

# Every header compiles alone.
headers:
	$(Q)for h in $(HEADERS); do \
		$(CC) $(ALL_CPPFLAGS) -std=gnu11 $(WARNINGS) -fsyntax-only -include $$h -x c /dev/null \
		|| exit 1; \
	done

install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 \
		$(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(DATADIR)/profiles \
		$(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(COMPDIR)
	$(Q)install -m 755 $(BUILD)/p2pcert $(DESTDIR)$(BINDIR)/p2pcert
	$(Q)for m in $(MAN); do install -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/ || exit 1; done
	$(Q)install -m 644 $(wildcard configs/profiles/*.json) $(DESTDIR)$(DATADIR)/profiles
	$(Q)install -m 644 $(wildcard configs/schema/*.json) $(DESTDIR)$(DATADIR)/schema
	$(Q)install -m 644 $(wildcard configs/*.json) $(DESTDIR)$(DATADIR)
	$(Q)install -m 644 configs/p2pcert.bash-completion $(DESTDIR)$(COMPDIR)/p2pcert
	$(Q)rm -rf $(DESTDIR)$(DATADIR)/kmods && cp -R kmods $(DESTDIR)$(DATADIR)/kmods
	$(Q)chmod -R u=rwX,go=rX $(DESTDIR)$(DATADIR)/kmods

uninstall:
	$(Q)rm -f $(DESTDIR)$(BINDIR)/p2pcert $(DESTDIR)$(COMPDIR)/p2pcert
	$(Q)for m in $(MAN); do rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done
	$(Q)rm -rf $(DESTDIR)$(DATADIR)

deps:
	$(Q)tests/deps.sh

check:
	$(Q)tests/check.sh

check-all:
	$(Q)tests/check.sh --all

# make turns every failure into its own status 2; `tests/lab/lab run` exits with p2pcert's.
lab:
	$(Q)tests/lab/lab deps
	$(Q)tests/lab/lab $(if $(SUITE),check '$(SUITE)',run --platform '$(PLATFORM)' \
		$(if $(KERNEL),--kernel '$(KERNEL)'))

lab-list:
	$(Q)tests/lab/lab list

lab-shell:
	$(Q)tests/lab/lab deps
	$(Q)tests/lab/lab shell --platform '$(PLATFORM)' $(if $(KERNEL),--kernel '$(KERNEL)')

lint:
	$(Q)tests/lint.sh

clean:
	$(Q)rm -rf build build-*

FORCE:
.PHONY: FORCE fuzz-programs

-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(SELFTEST_OBJ:.o=.d) $(STRESS_OBJ:.o=.d) $(UNIT_OBJ:.o=.d) \
	$(UNIT_HELP_OBJ:.o=.d)
