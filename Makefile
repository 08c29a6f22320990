# Every target installs what it needs and is missing; none asks anything.

.PHONY: help build demo test test-unit test-proofs test-integration test-crash test-differential test-conformance test-suites bench bench-vectors bench-databackends bench-dask fuzz lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/pinnacle-proxy
	@scripts/build.sh

demo: ## start, load real data, create real models, run a tour of SQL, stop (KEEP=1: leave it running)
	@KEEP='$(KEEP)' scripts/demo.sh

test: ## unit tests with the race detector, integration tests against the built binary, crashes, random statements and every databackend compared with PostgreSQL
	@scripts/test.sh unit proofs integration crash differential conformance

test-unit: ## unit tests with the race detector
	@scripts/test.sh unit

test-proofs: ## what goes down to databackends, entry by entry, beside PostgreSQL (PROOF_ENTRIES, PROOF_SEED)
	@scripts/test.sh proofs

test-integration: ## the integration tests against the built binary
	@scripts/test.sh integration

test-crash: ## proxies killed while components change (CRASH_POINTS, CRASH_RUNS, CRASH_SEED)
	@scripts/test.sh crash

test-differential: ## random statements compared with PostgreSQL (DIFFERENTIAL_STATEMENTS, DIFFERENTIAL_SEED)
	@scripts/test.sh differential

test-conformance: ## every databackend compared with PostgreSQL (CONFORMANCE_STATEMENTS, CONFORMANCE_SEED)
	@scripts/test.sh conformance

test-suites: build ## long: other projects' test suites, run through the proxy
	@set -e; for suite in tests/suites/*.sh; do echo "=== $$suite"; $$suite; done

bench: ## the proxy beside PgBouncer and no proxy at all; predict beside the bare model
	@scripts/bench.sh

bench-databackends: build ## statements through the proxy beside the same ones by the engine's own driver (BENCH_FLAGS)
	@go build -trimpath -o .cache/bench-databackends ./bench/databackends
	@.cache/bench-databackends $(BENCH_FLAGS)

bench-vectors: ## long: vector search over 100,000 real sentence embeddings, beside hnswlib and numpy
	@scripts/bench_vectors.sh

bench-dask: ## where a Dask cluster pays: models of several costs in the proxy and on two workers of this machine
	@scripts/install.sh demo
	@lscpu | sed -n 's/^Model name: */processor: /p; s/^CPU(s): */processors: /p'
	@go test ./udf/dask -run '^$$' -bench 'Compute' -benchtime 1x -timeout 30m | python3 scripts/dask_table.py

fuzz: ## every fuzz target for TIME (10s) each
	@TIME='$(or $(TIME),10s)' scripts/fuzz.sh

lint: ## gofmt and go vet
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	@go vet ./...
	@go vet -tags testruntime . ./udf/testruntime

clean: ## removes what was built; downloads (.cache) and data (.pinnacle) stay
	@rm -rf bin .cache/test
