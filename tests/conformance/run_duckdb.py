"""Runs statements on a DuckDB file: python3 run_duckdb.py FILE, with a JSON array of texts on standard input."""

import json
import sys

import duckdb

if __name__ == "__main__":
    with duckdb.connect(sys.argv[1]) as db:
        for statement in json.load(sys.stdin):
            db.execute(statement)
