"""Writes TPC-H and TPC-DS as PostgreSQL reads them.

    python3 tpc.py DIRECTORY

For each suite (tpch, tpcds) there are afterwards <suite>/schema.sql, <suite>/<table>.csv (NULL is an empty field) and
<suite>/<number>.sql, one for each of its texts.
"""

import glob
import os
import sys

import duckdb
import duckdb_extension_tpcds
import duckdb_extension_tpch


def extension(module, name: str) -> str:
    """The path of an extension inside its package."""
    found = glob.glob(os.path.join(os.path.dirname(module.__file__), "extensions", "**", name + ".duckdb_extension"), recursive=True)
    return found[0]


def write(directory: str, suite: str, module, generate: str, scale: str) -> None:
    """Makes one suite's files."""
    db = duckdb.connect()
    db.execute(f"LOAD '{extension(module, suite)}'")
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


# Below 0.01 the generator of TPC-DS takes for ever.
SCALES = {"tpch": "0.002", "tpcds": "0.01"}

if __name__ == "__main__":
    write(sys.argv[1], "tpch", duckdb_extension_tpch, "dbgen", SCALES["tpch"])
    write(sys.argv[1], "tpcds", duckdb_extension_tpcds, "dsdgen", SCALES["tpcds"])
