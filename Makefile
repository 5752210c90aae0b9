# SPDX-License-Identifier: GPL-2.0-only
#
#   make              the module and the command
#   make demo         a SYN flood in a QEMU guest, drawn live, with a verdict
#   make test         static checks and every test, those of the module in the guest, and
#                     some of them on an older and a newer kernel; KERNELS='6.1 7.3':
#                     all of those of the module on each of these, and on no other
#   make test-vm FILE=vm/exact NAME='all reset'   one file, or one test, of the module; KERNELS=7.3
#   make lab CMD='…'  run a command in the guest        make lab-shell  a shell there
#   make test-matrix  the tests of the module on other kernels, for hours; KERNELS='5.10 6.12'
#   make test-model   the count of a half-open in all interleavings, by spin (part of make test)
#   make test-cost    what the module costs, in instructions, against bench/bounds (part of make test)
#   make bench        every measurement of bench/README.md, for hours, into bench/results; ROUNDS=3
#   make test-arm64   tests of the module on an emulated arm64 machine; KERNELS=6.1
#   make test-debug   tests on kernels that watch themselves, for hours; DEBUG='kasan kcsan'
#   make test-install module and package installed in the guest, and taken away
#   make test-unit    the command's tests alone; make test-lab: those of the module alone, on the
#                     lab's kernel
#   make results      results of the guest's runs into docs/results.tsv and docs/kernels.md
#   make lint         static checks of the module, the command, the scripts and the docs; one of
#                     these alone: lint-module, lint-command, lint-scripts, lint-docs
#   make install      the module for the running kernel, the command under PREFIX
#   make uninstall    both taken away, the module from every kernel
#   make package      tcpsynq-VERSION.tgz, for npm install --global
#   make pictures     those of the README, drawn anew
#   make lab-debug-kernel  the kernels of test-debug alone
#   make clean        what was built; what was fetched is in ~/.cache/tcpsynq
#
# KDIR=    build tree to build the module against (default: the running kernel's,
#          or the lab's if there is none)
# KERNEL=  bzImage for the lab, with its KDIR=; see lab/run for the lab's options

SHELL := /bin/bash
PREFIX ?= /usr/local

# Node 20 and Prometheus come with the machine, or lab/deps puts them here.
CACHE := $(or $(TCPSYNQ_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tcpsynq)
export PATH := $(CACHE)/node/node_modules/node/bin:$(CACHE)/prometheus/usr/bin:$(PATH)
export CMD ONLY FLOOD JOBS

running_kdir := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR ?= $(running_kdir)

.PHONY: all help module command install install-module install-command \
	uninstall uninstall-module package demo pictures test test-unit test-lab test-vm test-all test-model test-cost test-matrix test-debug test-install test-arm64 results bench lint \
	lint-module lint-command lint-scripts lint-docs lab lab-shell lab-module lab-debug-kernel lab-tools clean

all: module command

# lab/jobs runs jobs beside each other; targets that install something are in each other's way.
.NOTPARALLEL:

help:
	@sed -n '/^#   make/,/^$$/s/^# \?//p' Makefile

# ---- Building ----

# Objects of another kernel are no good: kmod/.kdir remembers whose these are.
define build_module
	@lab/deps build
	@kdir=$(or $(1),$$(lab/kernel build)) && \
	if [ "$$(cat kmod/.kdir 2>/dev/null)" != "$$kdir" ]; then \
		$(MAKE) -s -C $$kdir M=$(CURDIR)/kmod clean && echo $$kdir >kmod/.kdir; \
	fi && $(MAKE) -s -j$$(nproc) -C $$kdir M=$(CURDIR)/kmod $$($(compiler_of)) $(2) modules
endef

# A kernel of clang wants modules of the same clang; its build tree does not say so to make.
compiler_of = sed -n 's/^CONFIG_CLANG_VERSION=\([0-9]*\)[0-9]\{4\}$$/\1/p' $$kdir/include/config/auto.conf | \
	while read -r n; do command -v clang-$$n >/dev/null && echo LLVM=-$$n || echo LLVM=1; done

module:
	$(call build_module,$(KDIR))

# BTF would be made from it.
no_debug_info := KCFLAGS=-g0 CONFIG_DEBUG_INFO_BTF_MODULES=

# lab/hostile has the kernel faults that tests of the module ask for. Debugging
# information would be 9 of 9.4 MB, which each of a hundred insmods reads.
lab-module:
	$(call build_module,$(filter-out $(running_kdir),$(KDIR)),$(no_debug_info))
	@kdir=$$(cat kmod/.kdir) && \
		$(MAKE) -s -C $$kdir M=$(CURDIR)/lab/hostile $$($(compiler_of)) $(no_debug_info) modules

lab-debug-kernel:
	@for kernel in $(or $(DEBUG),kasan); do lab/debug-kernel $$kernel >/dev/null || exit; done

lab-tools:
	@lab/deps build
	@$(MAKE) -s -C lab/tools

node_modules/.package-lock.json: package-lock.json
	@lab/deps node
	npm ci --no-audit --no-fund
	@touch $@

command: node_modules/.package-lock.json
	npm run --silent build

# ---- Installing ----

install: install-module install-command

install-module: module
	$(MAKE) -C $(or $(running_kdir),$(error no build tree of the running kernel: install linux-headers-$(shell uname -r))) \
		M=$(CURDIR)/kmod INSTALL_MOD_DIR=updates modules_install
	depmod

version := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
tarball := tcpsynq-$(version).tgz

package: node_modules/.package-lock.json
	npm pack --silent

install-command: package
	npm install --global --prefix $(PREFIX) ./$(tarball)

uninstall: uninstall-module
	npm uninstall --global --prefix $(PREFIX) tcpsynq

uninstall-module:
	@for file in $(wildcard /lib/modules/*/updates/tcpsynq.ko*); do \
		dir=$$(dirname $$file) && rm $$file || exit; \
		rmdir --ignore-fail-on-non-empty $$dir; \
		depmod $$(basename $$(dirname $$dir)) || exit; \
	done

# ---- The lab ----

lab: lab-module lab-tools
	@$(if $(CMD),,$(error say what to run: make lab CMD='…'))lab/run "$$CMD"

lab-shell: lab-module lab-tools command
	@lab/run

demo: lab-module lab-tools command
	@lab/deps guest
	@lab/demo

# Those of the README, drawn from captures of the lab.
pictures: lab-module lab-tools command
	@lab/deps guest host-tests
	@lab/pictures

# ---- Checking ----

# The quickest first.
lint: lint-scripts lint-docs lint-command lint-module

lint-scripts:
	@lab/deps check
	@lab/lint-scripts

lint-docs: node_modules/.package-lock.json
	@npm run --silent lint:links && echo "docs: links and anchors resolve"
	@lab/lint-words

lint-module:
	@lab/deps build check
	@lab/lint-module

lint-command: node_modules/.package-lock.json
	@npm run --silent lint
	@npm run --silent schema check && echo "schema: what is generated is up to date"
	@npm run --silent typecheck && echo "command: types clean"
	@lab/results check

test-unit: command
	@lab/deps host-tests fleet
	npm run --silent test

# All that guests need is fetched before the first one starts: jobs run beside each other.
prepare_lab = lab/deps boot guest fleet && lab/qemu >/dev/null && lab/accel "$$(lab/kernel image)" >/dev/null

test-lab: lab-module lab-tools command
	@$(prepare_lab)
	@lab/test own

# An environment may have a NAME of its own.
test-vm: lab-module lab-tools command
	@$(prepare_lab)
	@$(if $(word 2,$(KERNELS)),$(error KERNELS='$(KERNELS)': name one))\
		$(if $(filter environment,$(origin NAME)),unset NAME;) lab/vm $(or $(KERNELS),own) $(FILE)

# The count of a half-open, in all interleavings of what can happen to it.
test-model:
	@lab/deps model
	@lab/model

# In instructions, which come out the same whatever else the machine does.
test-cost: lab-module lab-tools command
	@lab/deps guest
	@ICOUNT=1 LIMIT=$${LIMIT:-1800} lab/run bash bench/guard

test: $(if $(KERNELS),lint test-unit test-matrix,test-all)

test-all: lab-module lab-tools command
	@lab/deps build check host-tests suite model && $(prepare_lab)
	@for kernel in 5.10 7.3; do lab/suite $$kernel module >/dev/null || exit; done
	@lab/test all

test-matrix: lab-tools command
	@lab/deps suite && $(prepare_lab)
	@lab/test on $(or $(KERNELS),5.10 6.1 6.12 7.3)

test-debug: lab-tools command
	@lab/deps guest fleet
	@lab/debug-tests $(or $(DEBUG),kasan)

# Not the command's tests. One of drops wants dropwatch, which that machine lacks.
test-arm64: command
	@LIMIT=$${LIMIT:-7200} lab/arm64 $(or $(KERNELS),6.12) 'FLOOD=$(or $(FLOOD),100000) vitest run --project vm \
		$(or $(ONLY),$(patsubst %,test/vm/%.test.ts,exact races limits samples events drops closes))'

# Installed by hand, by npm and by DKMS in the guest, used, taken away again.
test-install: lab-module lab-tools package
	@lab/deps guest install
	@LIMIT=$${LIMIT:-3600} lab/run test/install $(tarball)

# Newest per kernel and test file, of the commits of this branch.
results:
	@lab/results update

bench:
	bench/parse
	for what in half-opens queued load segments reading cpus start watch; do bench/cost $$what $(ROUNDS) || exit; done
	bench/samples $(ROUNDS)
	bench/chart

clean:
	@for module in kmod lab/hostile; do \
		[ ! -s kmod/.kdir ] || $(MAKE) -s -C "$$(cat kmod/.kdir)" M=$(CURDIR)/$$module clean || exit; \
	done
	@$(MAKE) -s -C lab/tools clean
	rm -rf build dist kmod/.kdir $(tarball)
