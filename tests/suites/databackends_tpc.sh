#!/usr/bin/env bash
# All texts of TPC-H and TPC-DS before each databackend, compared with PostgreSQL, and how long each took.
#   ENGINES   sqlite,duckdb,mariadb,clickhouse,pandas
#   SUITES    tpch=0.1,tpcds=0.01
#   PATIENCE  how long one text may take (3m)
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/build.sh
PINNACLE_BIN=${PINNACLE_BIN:-$PWD/bin/pinnacle-proxy} exec go test -count=1 -v -timeout 5h -run TestTPC ./tests/conformance \
  -engines "${ENGINES:-sqlite,duckdb,mariadb,clickhouse,pandas}" -tpc "${SUITES:-tpch=0.1,tpcds=0.01}" -tpc-patience "${PATIENCE:-3m}"
