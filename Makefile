# A thin front: what is built and how stands in CMakeLists.txt and CMakePresets.json.
JOBS ?= $(shell nproc)
RUNS := results/runs/quick
SWEEPS := index_frontier var256
VERIFY := results/runs/verify-quick
SIZE ?= paper
KVFRONTIER := build/kvfrontier
SOURCES = $(shell git ls-files 'src/*.cpp' 'src/*.hpp' 'experiments/*.cpp' 'tests/*.cpp' 'tests/*.hpp')

# $(call configure,PRESET,DIRECTORY): a fresh build directory uses ninja where there is one.
configure = cmake --preset $(1) $(if $(wildcard $(2)/CMakeCache.txt),,$(if $(shell command -v ninja),-G Ninja)) $(if $(ARCH),-DKVFRONTIER_ARCH=$(ARCH)) --log-level=WARNING

# The first Python that can draw.
PY = $$(.ci/python)

.PHONY: help dependencies build test test-cluster test-report test-external frontier verify paper figures asan clang perf format lint clean

help:
	@echo 'make frontier   install what is missing, build, run the quick sweeps, audit them, draw the figures'
	@echo 'make verify     build, measure every claim at quick size, print the verdicts'
	@echo 'make test       install what is missing, build, run the whole test suite'
	@echo 'make test-report  install npm and Chromium, build, try the page of kvfrontier report in the browser'
	@echo 'make test-external  install into a temporary prefix, build and run the schemes of experiments/external_scheme'
	@echo 'make build      the program alone, build/kvfrontier'
	@echo 'make paper      measure every sweep and claim, draw everything, write results/paper.md; SIZE=quick takes the quick'
	@echo '                configs, DRY_RUN=1 tells how long it takes; stopped, the same command goes on'
	@echo 'make figures    draw results/figures and results/paper.md again from the rows in results/reference'
	@echo 'make asan       the test suite under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make clang      build everything with Clang, warnings are errors'
	@echo 'make test-cluster   a sweep as a job array of a real Slurm, against one process; needs root'
	@echo 'make perf       every kernel against its oracle, its goal and its rivals; ARGS=--smoke times nothing'
	@echo 'make format     clang-format over all sources;  make lint: clang-tidy over src and experiments'
	@echo 'make clean      remove the build directories; rows and figures stay'
	@echo 'ARCH=x86-64-v4 with any of them builds for another instruction set than x86-64-v3; baseline runs everywhere'

dependencies:
	@.ci/install-dependencies

build: dependencies
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS) --target kvfrontier-cli

test: dependencies
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS)
	@ctest --test-dir build -j$(JOBS) --output-on-failure

test-cluster: build
	@if [ "$$(id -u)" != 0 ]; then echo "make test-cluster starts Slurm's daemons and needs root: run it as root, or in a container" >&2; exit 2; fi
	@.ci/install-dependencies slurm
	@python3 tests/cluster/slurm_array.py $(KVFRONTIER)

test-report: dependencies
	@.ci/install-dependencies report
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS) --target kvfrontier-cli --target kvfrontier-made-up-rows
	@tests/browser/run build

test-external: build
	@.ci/test-external build

frontier: build
	@for sweep in $(SWEEPS); do \
	  $(KVFRONTIER) run configs/quick/$$sweep.json --out $(RUNS)/$$sweep && \
	  $(KVFRONTIER) table $(RUNS)/$$sweep && $(KVFRONTIER) audit $(RUNS)/$$sweep || exit; \
	done
	@python=$(PY) && $$python experiments/figures/index_frontier.py $(KVFRONTIER) $(SWEEPS:%=$(RUNS)/%) --out $(RUNS)/figures

verify: build
	@$(KVFRONTIER) verify --size quick --out $(VERIFY)

paper: build
	@python=$(PY) && $$python experiments/paper.py $(KVFRONTIER) --size $(SIZE) $(if $(DRY_RUN),--dry-run)

figures: build
	@python=$(PY) && $$python experiments/paper.py $(KVFRONTIER) --from results/reference

asan: dependencies
	@$(call configure,asan,build-asan)
	@cmake --build build-asan -j$(JOBS)
	@ctest --test-dir build-asan -j$(JOBS) --output-on-failure

clang:
	@.ci/install-dependencies clang
	@$(call configure,clang,build-clang)
	@cmake --build build-clang -j$(JOBS)

# make perf ARGS='--filter attention --clock cpu'
perf: dependencies
	@.ci/install-dependencies perf
	@$(call configure,release,build)
	@cmake --build build -j$(JOBS) --target kvfrontier-perf
	@python=$$(.ci/python) && $$python experiments/rivals/rivals.py build/kvfrontier-perf $(ARGS)

format:
	@clang-format -i $(SOURCES)

lint: build
	@clang-tidy -p build --quiet $(filter-out tests/% experiments/external_scheme/%,$(filter %.cpp,$(SOURCES)))

clean:
	rm -rf build build-asan build-clang
