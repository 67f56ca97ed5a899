# overhear: build and tests. `make help` lists the targets; V=1 shows the commands.

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := help

ifeq ($(V),1)
  Q :=
  say = @:
else
  Q := @
  say = @printf '  %-8s %s\n'
endif

BUN := build/tools/bun/package/bin/bun
FUZZ_SECONDS ?= 10
CALLS ?= 1000000
SOURCES := package.json bun.lock tsconfig.json $(shell find src ffi -name '*.ts' -o -name '*.json')
BPF_SOURCES := $(wildcard bpf/*.c bpf/*.h)
SHIM_SOURCES := $(wildcard ffi/*.c ffi/*.h ffi/*.map)

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

.PHONY: bpf
bpf: build/assets/overhear.bpf.o build/assets/tls.bpf.o build/assets/connections.bpf.o build/assets/files.bpf.o build/assets/libshim.so ## Build the kernel programs and the native shim

.PHONY: build
build: dist/overhear ## Build dist/overhear for this machine (x64)

.PHONY: build-arm64
build-arm64: dist/overhear-linux-arm64 ## Cross-build dist/overhear-linux-arm64

.PHONY: check
check: setup-check bpf ## Lint, types, formatting of C, generated files
	$(Q)scripts/check.sh

.PHONY: test
test: setup-test build build-arm64 traffic ## Run everything that one machine can; ends with the total
	$(Q)$(BUN) scripts/run-tests.ts

# The programs that make traffic for the kernel tests, and those that speak TLS; builds only what is older than its sources.
.PHONY: traffic
traffic: setup-test
	$(Q)test/traffic/build.sh
	$(Q)test/e2e/tls/build.sh

.PHONY: test-kernels
test-kernels: setup-test setup-kernels build build-arm64 traffic ## Run the kernel tests in guests of Debian's kernels
	$(Q)scripts/test-kernels.sh

.PHONY: bench
bench: setup-build setup-bench setup-kernels build ## Measure, and write test/bench/results.json
	$(Q)$(BUN) test/bench/run.ts

.PHONY: bench-store
bench-store: setup-build ## Fill a history with CALLS=1000000, and time what is asked of it
	$(Q)$(BUN) test/bench/store.ts $(CALLS)

.PHONY: fuzz
fuzz: setup-build ## Feed the parsers broken input (FUZZ_SECONDS=10)
	$(Q)$(BUN) test/fuzz/run.ts $(FUZZ_SECONDS)

.PHONY: demo
demo: setup-demo build ## Hear a real client and server talk, live
	$(Q)scripts/demo.sh

.PHONY: generate
generate: setup-build ## Write the files in docs/ that come from the sources
	$(Q)$(BUN) scripts/generate-docs.ts

.PHONY: clean
clean: ## Remove what the build made; downloads stay (rm -rf build for those)
	$(Q)rm -rf dist build/assets build/kernels build/commit build/x64 build/arm64 coverage

.PHONY: setup-build setup-arm64 setup-bench setup-check setup-test setup-kernels setup-demo
setup-build setup-arm64 setup-bench setup-check setup-test setup-kernels setup-demo: setup-%:
	$(Q)scripts/setup.sh $*

build/%/libbpf.a: scripts/build-bpf.sh scripts/debian.sh | setup-build setup-arm64-for-%
	$(say) LIBBPF $@
	$(Q)scripts/build-bpf.sh libbpf $*

build/%/overhear.bpf.o build/%/tls.bpf.o build/%/connections.bpf.o build/%/files.bpf.o: build/%/libbpf.a $(BPF_SOURCES) scripts/build-bpf.sh
	$(say) BPF $@
	$(Q)scripts/build-bpf.sh object $*

build/%/libshim.so: build/%/libbpf.a $(SHIM_SOURCES)
	$(say) SHIM $@
	$(Q)scripts/build-bpf.sh shim $*

# Only the arm64 parts need the cross compiler.
.PHONY: setup-arm64-for-x64 setup-arm64-for-arm64
setup-arm64-for-x64:
setup-arm64-for-arm64: setup-arm64

# Runs from the sources (bun src/main.ts) find this machine's parts here.
build/assets/%: build/x64/%
	@mkdir -p build/assets
	$(Q)cp $< $@

# The commit is part of the input: it changes this file only when it changes itself.
.PHONY: always
build/commit: always
	@mkdir -p build
	@git rev-parse HEAD >build/commit.new 2>/dev/null || echo unknown >build/commit.new
	@cmp -s build/commit.new $@ || cp build/commit.new $@; rm build/commit.new

dist/overhear: build/x64/overhear.bpf.o build/x64/tls.bpf.o build/x64/connections.bpf.o build/x64/files.bpf.o build/x64/libshim.so build/assets/overhear.bpf.o build/assets/tls.bpf.o build/assets/connections.bpf.o build/assets/files.bpf.o build/assets/libshim.so $(SOURCES) build/commit scripts/build-binary.sh
	$(say) BUN $@
	$(Q)scripts/build-binary.sh x64 $@

dist/overhear-linux-arm64: build/arm64/overhear.bpf.o build/arm64/tls.bpf.o build/arm64/connections.bpf.o build/arm64/files.bpf.o build/arm64/libshim.so $(SOURCES) build/commit scripts/build-binary.sh | setup-arm64
	$(say) BUN $@
	$(Q)scripts/build-binary.sh arm64 $@
