#!/usr/bin/env bash
# The data and texts of TPC-H or TPC-DS at a scale, made by DuckDB's generators if they are not there yet.
#
#   scripts/tpc_data.sh tpch|tpcds SCALE
#
# It prints the directory: schema.sql, <table>.csv and <number>.sql, below .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 2 ] || { echo "usage: tpc_data.sh tpch|tpcds SCALE" >&2; exit 2; }

python=$PWD/.cache/tpc/python target=$PWD/.cache/tpc/$2
mkdir -p "$target"
(
  flock 9 # several test programs may begin at once
  [ -f "$python/complete" ] || {
    python3 -m venv "$python" &&
      "$python/bin/pip" install -q --disable-pip-version-check duckdb==1.5.5 duckdb-extension-tpch==1.5.5 duckdb-extension-tpcds==1.5.5 &&
      touch "$python/complete"
  } >&2
  [ -f "$target/$1.made" ] || { "$python/bin/python" tests/differential/tpc.py "$target" "$1" "$2" >&2 && touch "$target/$1.made"; }
) 9>.cache/tpc/lock
echo "$target/$1"
