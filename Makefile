# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            build crossroot and its pages into $(O)
# make demo       GNU hello in an arm64 hybrid root, start to end (root)
# make check      every test but check-long and check-portage (root);
#                 CROSSROOT_MUST_RUN=all: a skip is a failure (but for "toolchains", see
#                 tests/stage/make-gentoo-stage; name it too)
# make check-unit | check-cli | check-root | check-storage | check-layers | check-docs |
#                 check-repo: parts of it
# make check-unit | check-cli | check-mirror | check-root | check-layers | check-docs | check-repo
#                 parts of it
# make check-portage  real Portage in roots, and crossdev where CROSSDEV names its source:
#                 a quarter of an hour (root)
# make check-long whole packages, emulated and native, compared, and kills before each
#                 step: two hours (root)
# make analyze    cppcheck and gcc -fanalyzer
# make bench      the measured table (root)
# make install    DESTDIR= PREFIX=/usr; uninstall removes what it put there
# make installcheck   both, to and from a directory in $(O)
#
# Knobs: O=build  CFLAGS  LDFLAGS  WERROR=1  SAN=address,undefined  V=1

O ?= build
PREFIX ?= /usr
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
CFLAGS ?= -O2 -g
INSTALL ?= install
PKG_CONFIG ?= pkg-config
CLANG ?= clang
AR ?= ar
-include config.mk

VERSION := $(shell cat VERSION)
Q := $(if $(V),,@)
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

lib_src := $(sort $(wildcard src/base/*.c src/os/*.c src/mech/*.c src/core/*.c))
bin_src := $(sort $(wildcard src/cli/*.c))

unit_src := $(wildcard tests/unit/test_*.c)

pkgs := libarchive libelf jansson libcurl libgcrypt ext2fs com_err mount blkid
pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(pkgs) 2>/dev/null)
pkg_libs := $(shell $(PKG_CONFIG) --libs $(pkgs) 2>/dev/null) -liniparser

san_flags := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
cr_cppflags := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' -DDATADIR='"$(DATADIR)"' -Isrc $(pkg_cflags) $(CPPFLAGS)
cr_cflags := -std=gnu11 -Wall -Wextra -Wshadow -Wmissing-prototypes $(if $(WERROR),-Werror) \
	-ffile-prefix-map=$(CURDIR)=. $(san_flags) $(CFLAGS)
cr_ldflags := $(san_flags) $(LDFLAGS)

# The pages need scdoc; without it a program is built and installed without pages.
pages := $(if $(shell command -v scdoc),crossroot.1 crossroot.conf.5)

# What crossroot shows inside a root.
helpers := crossroot-driver crossroot-lift crossroot-qemu crossroot-view
page_path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(1)

all: $(O)/share/stamp $(O)/libcrossroot.a $(O)/crossroot $(helpers:%=$(O)/%) \
	$(pages:%=$(O)/%)

# A changed compiler or flag rebuilds everything; an unchanged one touches nothing.
# Checked here and not above: "make demo" installs what is missing.
$(O)/flags: FORCE
	@for p in $(pkgs); do $(PKG_CONFIG) --exists $$p && continue; \
		echo "make: pkg-config does not find $$p: run tests/install-deps" >&2; exit 1; done
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(CC) $(subst ','\'',$(cr_cppflags)) $(cr_cflags) $(cr_ldflags)' | cmp -s - $@ || \
		echo '$(CC) $(subst ','\'',$(cr_cppflags)) $(cr_cflags) $(cr_ldflags)' > $@
FORCE:

$(O)/%.o: %.c $(O)/flags
	$(Q)mkdir -p $(@D)
	@$(if $(V),,echo '  CC      $<')
	$(Q)$(CC) $(cr_cppflags) $(cr_cflags) -MMD -MP -c -o $@ $<

$(O)/libcrossroot.a: $(lib_src:%.c=$(O)/%.o)
	$(Q)rm -f $@
	$(Q)$(AR) rcD $@ $^

$(O)/crossroot: $(bin_src:%.c=$(O)/%.o) $(O)/libcrossroot.a
	@$(if $(V),,echo '  LD      $@')
	$(Q)$(CC) $(cr_ldflags) -o $@ $^ $(pkg_libs)

# What runs inside a root: static, no library but libc, and never sanitized.
wrapper_flags := $(filter-out -fsanitize%,-D_GNU_SOURCE -Isrc $(CPPFLAGS) -std=gnu11 -Wall -Wextra \
	$(if $(WERROR),-Werror) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS) -static $(LDFLAGS))

$(O)/crossroot-%: src/wrapper/%.c src/wrapper/chroot.h $(O)/flags
	$(Q)mkdir -p $(@D)
	@$(if $(V),,echo '  CC      $@')
	$(Q)$(CC) $(wrapper_flags) -o $@ $<

# What goes into roots: an ebuild repository and the files of "crossroot setup".
share_src := $(shell find portage/root portage/repo profiles eclass -type f)
put_share = rm -rf $(1)/repo $(1)/root && $(INSTALL) -d $(1) && \
	cp -RP portage/repo portage/root $(1)/ && cp -RP profiles eclass $(1)/repo/ && \
	chmod -R u=rwX,go=rX $(1)/repo $(1)/root

$(O)/share/stamp: $(share_src) $(O)/flags
	$(Q)$(call put_share,$(O)/share)
	$(Q)touch $@

$(O)/%: doc/%.scd
	$(Q)mkdir -p $(@D)
	$(Q)scdoc < $< > $@

$(O)/tests/%: $(O)/tests/unit/%.o $(O)/libcrossroot.a
	$(Q)$(CC) $(cr_ldflags) -o $@ $^ $(pkg_libs) -lcmocka

unit_bins := $(patsubst tests/unit/%.c,$(O)/tests/%,$(unit_src))

check: check-layers check-docs check-repo check-unit check-san check-fuzz check-cli check-mirror check-root \
	check-storage

check-unit: $(unit_bins)
	$(Q)for t in $(unit_bins); do echo "== $$t"; $$t || exit 1; done

# Built by one make, whichever of the two asks: side by side they would write the same
# files.
sanitized:
	$(Q)$(MAKE) O=$(O)/san SAN=address,undefined test-programs

check-san: sanitized
	$(Q)$(MAKE) O=$(O)/san SAN=address,undefined check-unit

# Each harness replays its corpus under the sanitizers; "make fuzz FUZZ=elf" looks
# for more with clang.
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(O)/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(O)/libcrossroot.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(cr_ldflags) -o $@ $^ $(pkg_libs)

test-programs: $(unit_bins) $(fuzz_names:%=$(O)/fuzz/%)

replay: $(fuzz_names:%=$(O)/fuzz/%)
	$(Q)for f in $(fuzz_names); do printf '== fuzz %s: ' $$f; \
		$(O)/fuzz/$$f tests/fuzz/corpus/$$f/* || exit 1; done

check-fuzz: sanitized
	$(Q)$(MAKE) O=$(O)/san SAN=address,undefined replay

FUZZ ?= elf
FUZZ_SECONDS ?= 60
fuzz:
	$(Q)mkdir -p $(O)/fuzzing/$(FUZZ)
	$(Q)$(CLANG) $(cr_cppflags) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
		-o $(O)/fuzzing/$(FUZZ).bin tests/fuzz/fuzz_$(FUZZ).c $(lib_src) $(pkg_libs)
	$(Q)$(O)/fuzzing/$(FUZZ).bin -max_total_time=$(FUZZ_SECONDS) $(O)/fuzzing/$(FUZZ) tests/fuzz/corpus/$(FUZZ)

check-layers:
	$(Q)tests/check-layers

check-docs: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) tests/check-docs

check-repo:
	$(Q)tests/portage/check-repo

check-cli: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) bats tests/cli

check-mirror: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) bats tests/mirror

check-root: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) bats tests/root

check-storage: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) bats tests/storage

check-long: all
	$(Q)CROSSROOT_LONG=1 CROSSROOT=$(abspath $(O)/crossroot) bats tests/long \
		tests/storage/kill.bats tests/portage/packages.bats tests/portage/identical.bats

check-portage: all
	$(Q)CROSSROOT=$(abspath $(O)/crossroot) bats tests/portage tests/crossdev

analyze:
	$(Q)tests/analyze

demo: 
	$(Q)tests/install-deps
	$(Q)$(MAKE) all
	$(Q)tests/demo

bench: all
	$(Q)bench/bench

# Portage applies what is there when crossdev is built.
crossdev_patch = $(DESTDIR)$(SYSCONFDIR)/portage/patches/sys-devel/crossdev/crossroot-container.patch

install: all install-data
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR)/crossroot $(DESTDIR)$(COMPDIR)
	$(INSTALL) -m755 $(O)/crossroot $(DESTDIR)$(BINDIR)/crossroot
	$(INSTALL) -m755 $(helpers:%=$(O)/%) $(DESTDIR)$(LIBEXECDIR)/crossroot/
	$(INSTALL) -m644 doc/crossroot.bash $(DESTDIR)$(COMPDIR)/crossroot
	$(foreach p,$(pages),$(INSTALL) -D -m644 $(O)/$(p) $(DESTDIR)$(call page_path,$(p)) &&) :

install-data:
	$(call put_share,$(DESTDIR)$(DATADIR)/crossroot)
	$(INSTALL) -D -m644 portage/crossdev/env $(DESTDIR)$(DATADIR)/crossroot/crossdev/env
	$(INSTALL) -D -m644 portage/crossdev/crossroot-container.patch $(crossdev_patch)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/crossroot $(DESTDIR)$(COMPDIR)/crossroot \
		$(helpers:%=$(DESTDIR)$(LIBEXECDIR)/crossroot/%) \
		$(foreach p,crossroot.1 crossroot.conf.5,$(DESTDIR)$(call page_path,$(p)))
	rm -f $(crossdev_patch)
	rm -rf $(DESTDIR)$(DATADIR)/crossroot/repo $(DESTDIR)$(DATADIR)/crossroot/root \
		$(DESTDIR)$(DATADIR)/crossroot/crossdev
	rmdir $(DESTDIR)$(LIBEXECDIR)/crossroot $(DESTDIR)$(DATADIR)/crossroot 2>/dev/null || :

# Built for a prefix in $(O), installed there and run from there, and removed again.
installcheck:
	$(Q)rm -rf $(O)/installed
	$(Q)$(MAKE) O=$(O)/installed/build PREFIX=$(abspath $(O))/installed/usr SYSCONFDIR=$(abspath $(O))/installed/usr/etc DESTDIR= install
	$(Q)cd $(O)/installed/usr && bin/crossroot --version && \
		grep -q -a "$$PWD/libexec/crossroot" bin/crossroot && \
		grep -q -a "$$PWD/share" bin/crossroot && [ -d share/crossroot/repo/profiles ] && \
		libexec/crossroot/crossroot-qemu 2>&1 | grep -q '^crossroot: start qemu' && \
		for h in $(helpers); do [ -x libexec/crossroot/$$h ] || exit 1; done
	$(Q)$(MAKE) O=$(O)/installed/build PREFIX=$(abspath $(O))/installed/usr SYSCONFDIR=$(abspath $(O))/installed/usr/etc DESTDIR= uninstall
	$(Q)left=$$(find $(O)/installed/usr ! -type d); [ -z "$$left" ] || \
		{ echo "uninstall left: $$left" >&2; exit 1; }

clean:
	rm -rf $(O)

.PHONY: all install install-data uninstall installcheck clean FORCE demo bench analyze sanitized test-programs
.PHONY: check check-unit check-san check-fuzz replay fuzz check-layers check-docs
.PHONY: check-repo check-cli check-mirror check-root check-storage check-long check-portage
-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
