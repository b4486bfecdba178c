# make lists the targets. Everything that is built goes to bin/, what the demo makes to demo/.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Pinned, and kept outside the tree.
LINT_VERSION := v2.15.0
TOOLS        ?= $(shell go env GOPATH)/check-ingest-tools
LINT         := $(TOOLS)/golangci-lint-$(LINT_VERSION)
VULN_VERSION := v1.9.0
VULN         := $(TOOLS)/govulncheck-$(VULN_VERSION)
GORELEASER   := $(TOOLS)/goreleaser-v2.15.1
CYCLONEDX    := $(TOOLS)/cyclonedx-gomod-v1.10.0

STATIC := check_ingest_lock check_ingest_disk check_ingest_csv
LINKED := check_ingest_db check_ingest_log ingest-aggtrades
# What --version tells: VERSION= and the commit, which the Go command cannot stamp where -buildvcs=false is set.
INFO    := github.com/check-ingest/check-ingest/internal/buildinfo
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE    ?= $(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
LDFLAGS := -s -w -X $(INFO).version=$(VERSION) -X $(INFO).commit=$(COMMIT) -X $(INFO).date=$(DATE)
# What links DuckDB is static, as in the packages, and starts in three quarters of the time; but not where there is no C or C++ library for it.
STATICALLY = -static -Wl,--no-warnings
LINKING    = $(shell echo 'int main() {}' | $(CXX) $(STATICALLY) -x c++ -o /dev/null - 2>/dev/null && echo '-extldflags "$(STATICALLY)"')

FUZZTIME ?= 2s
KILLS    ?= 1000
SOAKTIME ?= 12h
# What the demo loads, and where to; it makes its own files where DATA_DIR is empty.
DATA_DIR ?=
DEMO     ?= demo

.PHONY: help all build demo test integration race fuzz bench lint fmt vet vuln deps check packages soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

all: build test ## build and test

build: ## build the six binaries into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags='$(LDFLAGS)' -o bin/ $(STATIC:%=./cmd/%)
	CGO_ENABLED=1 go build -trimpath -tags netgo,osusergo -ldflags='$(LDFLAGS) $(LINKING)' -o bin/ $(LINKED:%=./cmd/%)

demo: build ## build, load files (DATA_DIR=..., or made-up ones) and run the five checks
	@DATA_DIR='$(DATA_DIR)' DEMO='$(DEMO)' ./contrib/demo.sh

test: ## the tests
	go test -timeout 30m ./...

integration: build ## contrib against the real monitoring systems, as far as they are installed
	go test -tags integration -count=1 -timeout 20m ./internal/integration

race: ## the tests with the race detector, without the long ones, those that only run what is built without it, and those of code without goroutines
	go test -race -short -timeout 30m $$(go list ./... | grep -vE '/internal/(conformance|packaging|inflate)$$|/ingest/aggtrades$$')

# Once more where it fails: go test may call it a failure that its time ran out. A real one is found again, as its input is kept in testdata.
fuzz: ## fuzz every target for FUZZTIME each
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -rhoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | sed 's/^func //' | sort -u); do \
			echo "== $$dir $$target"; \
			try() { go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$dir | grep -vE 'elapsed: .*(gathering|execs: 0 )'; }; \
			try || try; \
		done; \
	done

bench: build ## compare with the scripts' SQL and the best plain SQL; QUICK=1 for three minutes
	go run ./internal/bench $(if $(QUICK),-quick) $(BENCHFLAGS)

vet: ## go vet
	go vet ./...

lint: $(LINT) ## golangci-lint, with the layer rules
	$(LINT) run ./...

vuln: $(VULN) ## known vulnerabilities in what the binaries call
	@GOVULNCHECK=$(VULN) ./contrib/vuln.sh

fmt: $(LINT) ## format
	$(LINT) fmt ./...

deps: build ## the small checks do not link DuckDB, are static and below 8 MB
	@for b in $(STATIC); do \
		if go list -deps ./cmd/$$b | grep -q duckdb; then echo "$$b links DuckDB"; exit 1; fi; \
		size=$$(stat -c %s bin/$$b); \
		if [ $$size -gt 8000000 ]; then echo "$$b has $$size bytes"; exit 1; fi; \
		if ldd bin/$$b >/dev/null 2>&1; then echo "$$b is not static"; exit 1; fi; \
		echo "$$b: $$size bytes, static, no DuckDB"; \
	done

check: build vet lint vuln deps test race integration fuzz ## all that a commit has to pass

packages: $(GORELEASER) $(CYCLONEDX) ## archives, deb and rpm for amd64 and arm64 into dist/, tested
	$(GORELEASER) check
	TOOLS='$(TOOLS)' $(GORELEASER) release --snapshot --clean
	CHECK_INGEST_DIST='$(CURDIR)/dist' GORELEASER='$(GORELEASER)' go test -count=1 -timeout 30m -run Package ./internal/packaging
	CHECK_INGEST_DIST='$(CURDIR)/dist' go test -tags integration -count=1 -timeout 30m -run Guides ./internal/integration

soak: ## the long tests: KILLS kills within SOAKTIME, FUZZTIME a target
	CHECK_INGEST_KILLS=$(KILLS) go test -count=1 -v -timeout $(SOAKTIME) -run 'TestKilled|TestDiskFull' ./internal/e2e | grep -vE '^=== '
	CHECK_INGEST_STORM=1 go test -count=1 -timeout $(SOAKTIME) -run Storm -v ./internal/conformance
	$(MAKE) fuzz FUZZTIME=$(FUZZTIME)

clean: ## remove what was built
	rm -rf bin build dist demo

$(LINT):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/$(LINT_VERSION) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(TOOLS)/$(LINT_VERSION)/golangci-lint $@

$(VULN):
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS)/vuln-$(VULN_VERSION) go install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)
	@mv $(TOOLS)/vuln-$(VULN_VERSION)/govulncheck $@
$(GORELEASER):
	@mkdir -p $(TOOLS)
	GOBIN=$@.d go install github.com/goreleaser/goreleaser/v2@$(@:$(TOOLS)/goreleaser-%=%)
	@mv $@.d/goreleaser $@

$(CYCLONEDX):
	@mkdir -p $(TOOLS)
	GOBIN=$@.d go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(@:$(TOOLS)/cyclonedx-gomod-%=%)
	@mv $@.d/cyclonedx-gomod $@
