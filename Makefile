# A thin front: what is built and how stands in CMakeLists.txt and CMakePresets.json.
JOBS ?= $(shell nproc)
RUNS := results/runs/quick
SWEEPS := index_frontier var256
FIGURES := $(RUNS)/figures
VERIFY := results/runs/verify-quick
KVFRONTIER := build/kvfrontier
SOURCES = $(shell git ls-files 'src/*.cpp' 'src/*.hpp' 'experiments/*.cpp' 'tests/*.cpp' 'tests/*.hpp')

# $(call configure,PRESET,DIRECTORY): a fresh build directory uses ninja where there is one.
configure = cmake --preset $(1) $(if $(wildcard $(2)/CMakeCache.txt),,$(if $(shell command -v ninja),-G Ninja)) --log-level=WARNING

.PHONY: help dependencies build test test-external frontier verify figures asan clang perf format lint clean

help:
	@echo 'make frontier   install what is missing, build, run the quick sweeps, audit them, draw the figures'
	@echo 'make verify     build, measure every claim at quick size, print the verdicts'
	@echo 'make test       install what is missing, build, run the whole test suite'
	@echo 'make test-external  install into a temporary prefix, build and run the schemes of experiments/external_scheme'
	@echo 'make build      the program alone, build/kvfrontier'
	@echo 'make figures    draw the figures again from the rows in $(RUNS)'
	@echo 'make asan       the test suite under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make clang      build everything with Clang, warnings are errors'
	@echo 'make perf       tokens a second that every scheme absorbs on one core'
	@echo 'make format     clang-format over all sources;  make lint: clang-tidy over src and experiments'
	@echo 'make clean      remove the build directories; rows and figures stay'

dependencies:
	@.ci/install-dependencies

build: dependencies
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS) --target kvfrontier-cli

test: dependencies
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS)
	@ctest --test-dir build -j$(JOBS) --output-on-failure

test-external: build
	@.ci/test-external build

frontier: build
	@for sweep in $(SWEEPS); do \
	  $(KVFRONTIER) run configs/quick/$$sweep.json --out $(RUNS)/$$sweep && \
	  $(KVFRONTIER) table $(RUNS)/$$sweep && $(KVFRONTIER) audit $(RUNS)/$$sweep || exit; \
	done
	@$(MAKE) --no-print-directory figures

verify: build
	@$(KVFRONTIER) verify --size quick --out $(VERIFY)

figures:
	@python=$$(.ci/python) && $$python experiments/figures/index_frontier.py $(KVFRONTIER) $(SWEEPS:%=$(RUNS)/%) --out $(FIGURES)

asan: dependencies
	@$(call configure,asan,build-asan)
	@cmake --build build-asan -j$(JOBS)
	@ctest --test-dir build-asan -j$(JOBS) --output-on-failure

clang:
	@.ci/install-dependencies clang
	@$(call configure,clang,build-clang)
	@cmake --build build-clang -j$(JOBS)

perf: dependencies
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS) --target kvfrontier-perf-absorb-rate
	@build/kvfrontier-perf-absorb-rate

format:
	@clang-format -i $(SOURCES)

lint: build
	@clang-tidy -p build --quiet $(filter-out tests/% experiments/external_scheme/%,$(filter %.cpp,$(SOURCES)))

clean:
	rm -rf build build-asan build-clang
