#!/usr/bin/env bash
# make test: unit tests with the race detector, the integration tests against the built binary, random statements with
# predict and every databackend compared with PostgreSQL, then a summary.
#
#   scripts/test.sh [unit] [proofs] [integration] [crash] [differential] [conformance]      (all when none is named)
#
# DIFFERENTIAL_STATEMENTS (5000) and DIFFERENTIAL_SEED (1; 0 takes one from the clock) are for random statements with
# predict; CONFORMANCE_STATEMENTS (500 an engine) and CONFORMANCE_SEED (1; 0 likewise) for those before each databackend.
# Their counts are printed. PROOF_ENTRIES (40) and PROOF_SEED (1) pick what is proven of each SQL databackend's table of what
# goes down to it; make test-suites proves all. CRASH_POINTS, CRASH_RUNS and CRASH_SEED are said in tests/crash/README.md.
#
# Fuzz targets run their seeds as part of the unit tests. Every suite runs even when one before it fails; the last line
# is "N passed, N failed, N skipped", and the exit status is not 0 when something failed. What the tests printed stays in
# .cache/test/*.json.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- unit proofs integration crash differential conformance

scripts/install.sh test
export PINNACLE_ONNXRUNTIME=$PWD/.cache/onnxruntime
mkdir -p .cache/test
report=()

# suite NAME PACKAGES-AND-FLAGS...: one go test; its exit status is in what the summary reads.
suite() {
  local name=$1; shift
  echo "=== $name"
  go test -json "$@" 2>&1 | python3 scripts/summary.py follow "$name" ".cache/test/$name.json" || true
  report+=("$name=.cache/test/$name.json")
}

for name in "$@"; do
  case $name in
  unit)
    mapfile -t packages < <(go list ./... | grep -v /tests/)
    # The proofs of the databackends' tables are a suite.
    suite unit -race -skip '^(TestProof|TestProven)$' -timeout 20m "${packages[@]}"
    # The runtime for tests is no part of a build without its tag.
    suite tagged -race -timeout 5m -tags testruntime ./udf/testruntime
    ;;
  proofs)
    PROOF_ENTRIES=${PROOF_ENTRIES:-40} suite proofs -count=1 -timeout 60m -run '^(TestProof|TestProven)$' ./datalayer/backend/...
    ;;
  integration)
    echo "=== build"
    scripts/build.sh
    PINNACLE_BIN=$PWD/bin/pinnacle-proxy suite integration -count=1 -timeout 30m ./tests/integration/...
    ;;
  crash)
    echo "=== build"
    scripts/build.sh
    PINNACLE_TEST_CRASH_POINTS=${CRASH_POINTS:-} PINNACLE_TEST_CRASH_RUNS=${CRASH_RUNS:-} PINNACLE_TEST_CRASH_SEED=${CRASH_SEED:-} \
      PINNACLE_BIN=$PWD/bin/pinnacle-proxy suite crash -count=1 -timeout "$((20 + ${CRASH_RUNS:-10} / 2))m" -parallel 3 ./tests/crash
    ;;
  differential)
    echo "=== build"
    scripts/build.sh
    # About 100 statements a second; a busy machine takes longer.
    PINNACLE_BIN=$PWD/bin/pinnacle-proxy suite differential -count=1 -timeout "$((30 + ${DIFFERENTIAL_STATEMENTS:-5000} / 500))m" -run Differential ./tests/differential \
      -targets embedded,databackend -oracle immutable,stable -statements "$((${DIFFERENTIAL_STATEMENTS:-5000} / 2))" -seed "${DIFFERENTIAL_SEED:-1}"
    ;;
  conformance)
    echo "=== build"
    scripts/build.sh
    PINNACLE_BIN=$PWD/bin/pinnacle-proxy suite conformance -count=1 -timeout "$((30 + ${CONFORMANCE_STATEMENTS:-500} / 20))m" -run Conformance ./tests/conformance
    ;;
  *) echo "test.sh: no suite $name; there are unit, proofs, integration, crash, differential and conformance" >&2; exit 2 ;;
  esac
done

echo
exec python3 scripts/summary.py report "${report[@]}"
