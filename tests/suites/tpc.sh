#!/usr/bin/env bash
# TPC-H and TPC-DS at a small scale, with calls of models in place of columns, through the proxy and on PostgreSQL.
#   STATEMENTS  how many of each suite (500)
#   SEED        which (from the clock)
#   TARGETS     embedded,databackend
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/suites/tpc
if [ ! -f "$cache/data/made" ]; then
  mkdir -p "$cache"
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" -q install duckdb==1.5.5 duckdb-extension-tpch==1.5.5 duckdb-extension-tpcds==1.5.5
  "$cache/python/bin/python" tests/differential/tpc.py "$cache/data"
  touch "$cache/data/made"
fi
export PINNACLE_BIN=${PINNACLE_BIN:-$PWD/bin/pinnacle-proxy}
exec go test -count=1 -v -timeout 2h -run TPC ./tests/differential -tpc "$cache/data" -statements "${STATEMENTS:-500}" -seed "${SEED:-0}" \
  -targets "${TARGETS:-embedded,databackend}"
