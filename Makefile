# A thin front: CMakeLists.txt and CMakePresets.json say what is built and how.
JOBS ?= $(shell nproc)
# Where builds and results go; other places let the source tree be read-only.
BUILD := build
RESULTS := results
RUNS := $(RESULTS)/runs/quick
VERIFY := $(RESULTS)/runs/verify-quick
SWEEPS := index_frontier var256
SIZE ?= paper
# Of make fuzz: how long each target runs, and which (all without a name).
SECONDS := 60
TARGETS :=
KVFRONTIER = "$(BUILD)/kvfrontier"

# $(call configure,PRESET,DIRECTORY): a fresh build directory uses ninja where there is one.
configure = cmake --preset $(1) -B "$(2)" \
  $$(test -e "$(2)/CMakeCache.txt" || ! command -v ninja >/dev/null || echo -G Ninja) \
  $(if $(ARCH),-DKVFRONTIER_ARCH=$(ARCH)) $(if $(WERROR),-DKVFRONTIER_WERROR=$(WERROR)) --log-level=WARNING >/dev/null

# The first Python that can draw.
PY = $$(.ci/python)

.PHONY: help dependencies build test test-cluster test-report test-external frontier verify paper figures asan clang \
  fuzz syntax perf format format-check lint clean

help:
	@echo 'make frontier   install what is missing, build, run the quick sweeps, audit them, draw the figures'
	@echo 'make verify     build, measure every claim at quick size, print the verdicts'
	@echo 'make test       install what is missing, build, run the whole test suite'
	@echo 'make test-report  install npm and Chromium, build, try the page of kvfrontier report in the browser'
	@echo 'make test-external  install into a temporary prefix, build and run the schemes of experiments/external_scheme'
	@echo 'make build      the program alone, build/kvfrontier'
	@echo 'make paper      measure every sweep and claim, draw everything, write results/paper.md; SIZE=quick takes the'
	@echo '                quick configs, DRY_RUN=1 tells how long it takes; stopped, the same command goes on'
	@echo 'make figures    draw results/figures and results/paper.md again from the records in results/reference'
	@echo 'make asan       the test suite under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make clang      build everything with Clang, warnings are errors'
	@echo 'make fuzz       search for inputs that break the readers; SECONDS=60 a target, TARGETS="config store" only two'
	@echo 'make syntax     Clang reads every source and compiles none, which is quicker; warnings are errors'
	@echo 'make test-cluster   a sweep as a job array of a real Slurm, against one process; needs root'
	@echo 'make perf       every kernel against its oracle, its goal and its rivals; ARGS=--smoke times nothing'
	@echo 'make format     lay out all sources: clang-format, black, prettier;  make format-check: fail where one is not'
	@echo 'make lint       clang-tidy over src and experiments'
	@echo 'make clean      remove the build directories; records and figures stay'
	@echo 'BUILD=DIR and RESULTS=DIR with any of them take the place of build and results; WERROR=ON makes warnings errors'
	@echo 'ARCH=x86-64-v4 with any of them builds for another instruction set than x86-64-v3; baseline runs everywhere'

dependencies:
	@.ci/install-dependencies

build: dependencies
	@$(call configure,release,$(BUILD))
	@cmake --build "$(BUILD)" -j$(JOBS) --target kvfrontier-cli

test: dependencies
	@.ci/install-dependencies test
	@$(call configure,release,$(BUILD))
	@cmake --build "$(BUILD)" -j$(JOBS) --target all --target kvfrontier-tests
	@ctest --test-dir "$(BUILD)" -j$(JOBS) --output-on-failure --no-tests=error

test-cluster: build
	@if [ "$$(id -u)" != 0 ]; then \
	  echo "make test-cluster starts Slurm's daemons and needs root: run it as root, or in a container" >&2; exit 2; \
	fi
	@.ci/install-dependencies slurm
	@python3 tests/cluster/slurm_array.py $(KVFRONTIER)

test-report: dependencies
	@.ci/install-dependencies report test
	@$(call configure,release,$(BUILD))
	@cmake --build "$(BUILD)" -j$(JOBS) --target kvfrontier-cli --target kvfrontier-made-up-records
	@tests/browser/run "$(BUILD)"

test-external: build
	@.ci/install-dependencies test
	@.ci/test-external "$(BUILD)"

# Prints what matters of each sweep; its whole table goes to a file.
frontier: build
	@.ci/install-dependencies figures
	@mkdir -p "$(RUNS)/tables"
	@for sweep in $(SWEEPS); do \
	  $(KVFRONTIER) run configs/quick/$$sweep.json --out "$(RUNS)/$$sweep" $$(test -t 2 || echo --quiet) && \
	  $(KVFRONTIER) table "$(RUNS)/$$sweep" >"$(RUNS)/tables/$$sweep.txt" && \
	  $(KVFRONTIER) audit "$(RUNS)/$$sweep" && \
	  $(KVFRONTIER) gap "$(RUNS)/$$sweep" --target-error 0.1 --best 6 || exit; \
	done
	@python=$(PY) && for script in error_rate bits_by_size; do \
	  $$python experiments/figures/$$script.py $(KVFRONTIER) $(SWEEPS:%="$(RUNS)/%") --out "$(RUNS)/figures" || exit; \
	done
	@echo 'every point: $(RUNS)/tables; figures with captions: $(RUNS)/figures'

verify: build
	@$(KVFRONTIER) verify --size quick --out "$(VERIFY)"

paper: build
	@.ci/install-dependencies figures
	@python=$(PY) && $$python experiments/paper.py $(KVFRONTIER) --size $(SIZE) --runs "$(RESULTS)/runs/$(SIZE)" \
	  --out "$(RESULTS)" $(if $(DRY_RUN),--dry-run)

figures: build
	@.ci/install-dependencies figures
	@python=$(PY) && $$python experiments/paper.py $(KVFRONTIER) --from results/reference --out "$(RESULTS)"

asan: dependencies
	@.ci/install-dependencies test
	@$(call configure,asan,$(BUILD)-asan)
	@cmake --build "$(BUILD)-asan" -j$(JOBS) --target all --target kvfrontier-tests
	@ctest --test-dir "$(BUILD)-asan" -j$(JOBS) --output-on-failure --no-tests=error

clang: dependencies
	@.ci/install-dependencies clang test
	@$(call configure,clang,$(BUILD)-clang)
	@cmake --build "$(BUILD)-clang" -j$(JOBS) --target all --target kvfrontier-tests --target kvfrontier-perf \
	  --target kvfrontier-made-up-records

fuzz: dependencies
	@.ci/install-dependencies fuzz
	@$(call configure,fuzz,$(BUILD)-fuzz)
	@cmake --build "$(BUILD)-fuzz" -j$(JOBS) --target kvfrontier-fuzz
	@JOBS=$(JOBS) tests/fuzz/run "$(BUILD)-fuzz" "$(SECONDS)" $(TARGETS)

syntax: dependencies
	@.ci/install-dependencies clang test
	@.ci/syntax "$(BUILD)-syntax"

# make perf ARGS='--filter attention --clock cpu'
perf: dependencies
	@.ci/install-dependencies perf figures
	@$(call configure,release,$(BUILD))
	@cmake --build "$(BUILD)" -j$(JOBS) --target kvfrontier-perf
	@python=$(PY) && $$python experiments/rivals/rivals.py "$(BUILD)/kvfrontier-perf" $(ARGS)

format:
	@.ci/format

format-check:
	@.ci/format --check

lint: build
	@find src experiments -name '*.cpp' -not -path 'experiments/external_scheme/*' -print0 | \
	  xargs -0 -n 4 -P $(JOBS) clang-tidy -p "$(BUILD)" --quiet

clean:
	rm -rf "$(BUILD)" "$(BUILD)-asan" "$(BUILD)-clang" "$(BUILD)-fuzz" "$(BUILD)-syntax"
