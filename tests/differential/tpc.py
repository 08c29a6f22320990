"""Writes a suite of TPC as PostgreSQL reads it.

    python3 tpc.py DIRECTORY SUITE SCALE

SUITE is tpch or tpcds; below a scale of 0.01 the generator of tpcds takes for ever. There are afterwards
DIRECTORY/SUITE/schema.sql, <table>.csv (NULL is an empty field) and <number>.sql, one for each of its texts.
"""

import glob
import importlib
import os
import sys

import duckdb


def extension(module, name: str) -> str:
    """The path of an extension inside its package."""
    found = glob.glob(os.path.join(os.path.dirname(module.__file__), "extensions", "**", name + ".duckdb_extension"), recursive=True)
    return found[0]


def write(directory: str, suite: str, generate: str, scale: str) -> None:
    """Makes the suite's files."""
    db = duckdb.connect()
    db.execute(f"LOAD '{extension(importlib.import_module('duckdb_extension_' + suite), suite)}'")
    db.execute(f"CALL {generate}(sf={scale})")
    target = os.path.join(directory, suite)
    os.makedirs(target, exist_ok=True)
    schema = []
    for name, sql in db.execute("SELECT table_name, sql FROM duckdb_tables() ORDER BY table_name").fetchall():
        db.execute(f"COPY {name} TO '{target}/{name}.csv' (HEADER false)")
        schema.append(sql)
    with open(os.path.join(target, "schema.sql"), "w", encoding="utf-8") as f:
        f.write("\n".join(schema) + "\n")
    for number, sql in db.execute(f"SELECT query_nr, query FROM {suite}_queries()").fetchall():
        with open(os.path.join(target, f"{number:02}.sql"), "w", encoding="utf-8") as f:
            f.write(sql)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], {"tpch": "dbgen", "tpcds": "dsdgen"}[sys.argv[2]], sys.argv[3])
