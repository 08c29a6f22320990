#!/usr/bin/env bash
# TPC-H and TPC-DS at a small scale, with calls of models in place of columns, through the proxy and on PostgreSQL.
#   STATEMENTS  how many of each suite (500)
#   SEED        which (from the clock)
#   TARGETS     embedded,databackend
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/suites/tpc
mkdir -p "$cache/data"
# The test reads both below one directory.
ln -sfn "$(scripts/tpc_data.sh tpch 0.002)" "$cache/data/tpch"
ln -sfn "$(scripts/tpc_data.sh tpcds 0.01)" "$cache/data/tpcds"
export PINNACLE_BIN=${PINNACLE_BIN:-$PWD/bin/pinnacle-proxy}
exec go test -count=1 -v -timeout 2h -run TPC ./tests/differential -tpc "$cache/data" -statements "${STATEMENTS:-500}" -seed "${SEED:-0}" \
  -targets "${TARGETS:-embedded,databackend}"
