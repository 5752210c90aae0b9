# SPDX-License-Identifier: GPL-2.0-only
#
#   make              build the module and the command
#   make demo         draw a SYN flood in a QEMU guest live, then check the count
#   make test         run static checks and all tests; the guest runs those of the module, some
#                     of them on an older and a newer kernel too. With KERNELS='6.1 7.3', the
#                     guest runs all tests of the module on these kernels only
#   make test-vm FILE=vm/exact NAME='all reset'   run one file or test of the module; KERNELS=7.3
#   make lab CMD='…'  run a command in the guest        make lab-shell  open a shell there
#   make test-matrix  run the tests of the module on other kernels (hours); KERNELS='5.10 6.12'
#   make test-model   check the count of a half-open in all interleavings with spin (part of test)
#   make test-cost    compare the cost in instructions with bench/bounds (part of test)
#   make bench        take all measurements of bench/README.md, into bench/results (hours); ROUNDS=3
#   make test-arm64   run tests of the module on an emulated arm64 machine; KERNELS=6.1
#   make test-debug   run tests on kernels with sanitizers (hours); DEBUG='kasan kcsan'
#   make test-install install the module and the package in the guest, use and uninstall them
#   make test-unit    run only the tests of the command; make test-lab: only those of the module,
#                     on the lab's kernel
#   make results      add results of the guest's runs to docs/results.tsv and docs/kernels.md
#   make lint         run static checks of the module, the command, the scripts and the docs; for
#                     one of these: lint-module, lint-command, lint-scripts, lint-docs
#   make install      install the module for the running kernel, the command under PREFIX
#   make uninstall    remove both, the module from every kernel
#   make package      pack tcpsynq-VERSION.tgz, for npm install --global
#   make pictures     draw the pictures of the README again
#   make lab-debug-kernel  build only the kernels of test-debug
#   make clean        remove built files; downloads stay in ~/.cache/tcpsynq
#
# KDIR=    build tree to build the module against (default: the running kernel's,
#          or the lab's if there is none)
# KERNEL=  bzImage for the lab, with its KDIR=; see lab/run for the lab's options

SHELL := /bin/bash
PREFIX ?= /usr/local

# lab/deps puts Node 20 and Prometheus here if the machine lacks them.
CACHE := $(or $(TCPSYNQ_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tcpsynq)
export PATH := $(CACHE)/node/node_modules/node/bin:$(CACHE)/prometheus/usr/bin:$(PATH)
export CMD ONLY FLOOD JOBS

running_kdir := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR ?= $(running_kdir)

.PHONY: all help module command install install-module install-command \
	uninstall uninstall-module package demo pictures test test-unit test-lab test-vm test-all test-model test-cost test-matrix test-debug test-install test-arm64 results bench lint \
	lint-module lint-command lint-scripts lint-docs lab lab-shell lab-module lab-debug-kernel lab-tools clean

all: module command

# Targets that install packages would block each other. lab/jobs runs jobs in parallel.
.NOTPARALLEL:

help:
	@sed -n '/^#   make/,/^$$/s/^# \?//p' Makefile

# ---- Building ----

# Objects of another kernel cannot be used: kmod/.kdir names the build tree of these.
define build_module
	@lab/deps build
	@kdir=$(or $(1),$$(lab/kernel build)) && \
	if [ "$$(cat kmod/.kdir 2>/dev/null)" != "$$kdir" ]; then \
		$(MAKE) -s -C $$kdir M=$(CURDIR)/kmod clean && echo $$kdir >kmod/.kdir; \
	fi && $(MAKE) -s -j$$(nproc) -C $$kdir M=$(CURDIR)/kmod $$($(compiler_of)) $(2) modules
endef

# A kernel built by clang needs modules of the same clang, but its build tree does not set LLVM=.
compiler_of = sed -n 's/^CONFIG_CLANG_VERSION=\([0-9]*\)[0-9]\{4\}$$/\1/p' $$kdir/include/config/auto.conf | \
	while read -r n; do command -v clang-$$n >/dev/null && echo LLVM=-$$n || echo LLVM=1; done

module:
	$(call build_module,$(KDIR))

# BTF is made from debugging information, so turn it off too.
no_debug_info := KCFLAGS=-g0 CONFIG_DEBUG_INFO_BTF_MODULES=

# lab/hostile causes the kernel faults that tests of the module need. Debugging
# information would be 9 of the module's 9.4 MB, and each of a hundred insmods reads it.
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
	@$(if $(CMD),,$(error CMD is missing: make lab CMD='…'))lab/run "$$CMD"

lab-shell: lab-module lab-tools command
	@lab/run

demo: lab-module lab-tools command
	@lab/deps guest
	@lab/demo

# Draw the pictures of the README from captures taken in the lab.
pictures: lab-module lab-tools command
	@lab/deps guest host-tests
	@lab/pictures

# ---- Checking ----

# The quickest check comes first.
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
	@npm run --silent schema check && echo "schema: generated files are up to date"
	@npm run --silent typecheck && echo "command: types clean"
	@lab/results check

test-unit: command
	@lab/deps host-tests fleet
	npm run --silent test

# Fetch everything that guests need before the first one starts: jobs run in parallel.
prepare_lab = lab/deps boot guest fleet && lab/qemu >/dev/null && lab/accel "$$(lab/kernel image)" >/dev/null

test-lab: lab-module lab-tools command
	@$(prepare_lab)
	@lab/test own

# Ignore a NAME in the environment: it has another meaning there.
test-vm: lab-module lab-tools command
	@$(prepare_lab)
	@$(if $(word 2,$(KERNELS)),$(error KERNELS='$(KERNELS)': name only one))\
		$(if $(filter environment,$(origin NAME)),unset NAME;) lab/vm $(or $(KERNELS),own) $(FILE)

# Check the count of a half-open in all interleavings of its events.
test-model:
	@lab/deps model
	@lab/model

# Measure in instructions: their number does not depend on the load of the machine.
test-cost: lab-module lab-tools command
	@lab/deps guest
	@ICOUNT=1 LIMIT=$${LIMIT:-1800} lab/run bash bench/guard

test: $(if $(KERNELS),lint test-unit test-matrix,test-all)

test-all: lab-module lab-tools command
	@lab/deps build check host-tests suite model && $(prepare_lab)
	@for kernel in 5.10 7.3; do lab/suite $$kernel >/dev/null || exit; done
	@lab/test all

test-matrix: lab-tools command
	@lab/deps suite && $(prepare_lab)
	@lab/test on $(or $(KERNELS),5.10 6.1 6.12 7.3)

test-debug: lab-tools command
	@lab/deps guest fleet
	@lab/debug-tests $(or $(DEBUG),kasan)

# Run no tests of the command. One test of drops needs dropwatch, which that machine lacks.
test-arm64: command
	@LIMIT=$${LIMIT:-7200} lab/arm64 $(or $(KERNELS),6.12) 'FLOOD=$(or $(FLOOD),100000) vitest run --project vm \
		$(or $(ONLY),$(patsubst %,test/vm/%.test.ts,exact races limits samples events drops closes))'

# Install by hand, by npm and by DKMS in the guest, use, and uninstall.
test-install: lab-module lab-tools package
	@lab/deps guest install
	@LIMIT=$${LIMIT:-3600} lab/run test/install $(tarball)

# Keep the newest result per kernel and test file, from commits of this branch.
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
