"""What a program does with psycopg 3, printed step by step.

The integration tests run it through the proxy and against plain PostgreSQL and compare the two outputs. It is told where to
connect by libpq's environment; with MODEL_SCHEMAS=1 the models are SQL functions, each in a schema of its own.
"""

import os
import re
import sys

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

SCHEMAS = os.environ.get("MODEL_SCHEMAS") == "1"


def q(text):
    """The statement as this server takes it."""
    return re.sub(r"predict\('(\w+)'", r"m_\1.predict('\1'", text) if SCHEMAS else text


def show(step, value):
    print(f"{step}: {value!r}")


def columns(cursor):
    return [(c.name, c.type_code, c.internal_size) for c in cursor.description]


def basics(conn):
    show("status", conn.info.transaction_status.name)
    show("parameters", [conn.info.parameter_status(n) for n in ("server_version", "client_encoding", "integer_datetimes")])
    cur = conn.execute(q("SELECT id, predict('double', k) AS p, name FROM item ORDER BY id LIMIT 5"))
    show("columns", columns(cur))
    show("rows", cur.fetchall())
    show("rowcount", cur.rowcount)
    show("server binding", conn.execute(q("SELECT predict('double', %s), predict('shout', %s)"), (21, "é")).fetchall())
    show("named", conn.execute(q("SELECT id FROM item WHERE predict('double', k) = %(p)s AND id < %(i)s ORDER BY id"),
                               {"p": 6, "i": 40}).fetchall())
    show("null", conn.execute(q("SELECT predict('double', %s::int)"), (None,)).fetchone())
    with conn.cursor(row_factory=dict_row) as cur:
        show("dict", cur.execute(q("SELECT predict('bucket', k) AS b, k FROM tag ORDER BY label")).fetchall())


def formats(conn):
    text = q("SELECT predict('id_numeric', n), predict('id_timestamptz', tz), predict('id_uuid', u), predict('id_bytea', by),"
             " predict('id_jsonb', jb), predict('id_float8s', af), predict('id_texts', at), predict('id_bool', yes), predict('id_date', d),"
             " predict('id_interval', iv) FROM item ORDER BY id LIMIT 3")
    for binary in (False, True):
        with conn.cursor(binary=binary) as cur:
            show(f"types binary={binary}", cur.execute(text).fetchall())
    show("binary parameters", conn.execute(q("SELECT predict('id_jsonb', %s), predict('total', %b), predict('half', %b)"),
                                           (Jsonb({"a": [1, None]}), [1.5, 2.5], 3.0)).fetchone())
    with psycopg.ClientCursor(conn) as cur:
        show("client binding", cur.execute(q("SELECT predict('shout', %s), predict('double', %s), predict('id_date', %s::date)"),
                                           ("it's", 4, "2020-02-29")).fetchone())


def prepared(conn):
    for i in range(8):
        show(f"prepared {i}", conn.execute(q("SELECT predict('add', k, %s), name FROM item WHERE id = %s"), (i, i + 1), prepare=True).fetchone())
    with conn.cursor() as cur:
        cur.executemany(q("SELECT predict('double', %s)"), [(1,), (2,), (3,)], returning=True)
        answers = []
        while True:
            answers.append(cur.fetchone())
            if not cur.nextset():
                break
        show("executemany", answers)


def transactions(conn):
    with conn.transaction():
        conn.execute("CREATE TEMP TABLE work (id int PRIMARY KEY, p int)")
        conn.execute("INSERT INTO work VALUES (1, 10)")
        show("inside", conn.execute(q("SELECT id, predict('double', p) FROM work")).fetchall())
        try:
            with conn.transaction():
                conn.execute("INSERT INTO work VALUES (2, 20)")
                conn.execute(q("SELECT predict('double', 1 / (p - 10)) FROM work"))
        except psycopg.errors.DivisionByZero as e:
            show("error", (e.sqlstate, e.diag.message_primary))
        show("after the savepoint", conn.execute(q("SELECT id, predict('double', p) FROM work")).fetchall())
    conn.autocommit = False
    try:
        conn.execute(q("SELECT predict('double', nocolumn) FROM item"))
    except psycopg.errors.UndefinedColumn as e:
        show("undefined", (e.sqlstate, e.diag.message_primary))
    try:
        conn.execute(q("SELECT predict('double', 1)"))
    except psycopg.errors.InFailedSqlTransaction as e:
        show("failed transaction", e.sqlstate)
    conn.rollback()
    show("after the rollback", conn.execute(q("SELECT predict('double', 1)")).fetchone())
    conn.commit()
    conn.autocommit = True


def pipeline(conn):
    with conn.pipeline():
        one = conn.execute("SELECT %s::int + 1", (1,))
        two = conn.execute(q("SELECT predict('double', %s)"), (2,))
        three = conn.execute("SELECT 'plain'")
        four = conn.execute(q("SELECT id FROM item WHERE predict('double', k) = %s AND id < 30 ORDER BY id"), (6,))
    show("pipeline", [c.fetchall() for c in (one, two, three, four)])
    try:
        with conn.pipeline() as p:
            conn.execute(q("SELECT predict('double', 1)"))
            conn.execute(q("SELECT predict('double', 1 / 0)"))
            conn.execute("SELECT 1")
            p.sync()
    except psycopg.Error as e:
        show("pipeline error", type(e).__name__)
    show("after the pipeline", conn.execute(q("SELECT predict('double', 5)")).fetchone())


def copies(conn):
    conn.execute("CREATE TEMP TABLE copied (id int, name text, f float8)")
    with conn.cursor() as cur:
        with cur.copy("COPY copied FROM STDIN") as copy:
            for i in range(1000):
                copy.write_row((i, f"é\t{i}", i / 8))
        show("copied", cur.rowcount)
        with cur.copy("COPY copied (id, name, f) FROM STDIN WITH (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "float8"])
            copy.write_row((1000, "binary", None))
        with cur.copy("COPY (SELECT * FROM copied ORDER BY id LIMIT 3) TO STDOUT") as copy:
            show("copy out", [bytes(d) for d in copy])
    show("predict over copied", conn.execute(q("SELECT count(*), min(id) FROM copied")).fetchone())
    show("filter", conn.execute(q("SELECT id FROM copied WHERE predict('half', f) > 62 AND predict('high', id) ORDER BY id LIMIT 4")).fetchall())


def cursors(conn):
    with conn.transaction(), conn.cursor(name="served") as cur:
        cur.itersize = 100
        cur.execute("SELECT id, name FROM item ORDER BY id")
        show("server cursor", (cur.fetchmany(2), sum(1 for _ in cur)))
    streamed = conn.cursor().stream(q("SELECT id, predict('double', k) FROM item ORDER BY id"))
    show("stream", sum(p for _, p in streamed))


def notices(conn):
    conn.execute("LISTEN spoken")
    conn.execute("NOTIFY spoken, 'hello'")
    show("notify", [n.payload for n in conn.notifies(timeout=5, stop_after=1)])
    heard = []
    conn.add_notice_handler(lambda d: heard.append(d.message_primary))
    conn.execute("DO $$ BEGIN RAISE NOTICE 'noted'; END $$")
    show("notice", heard)
    show("composed", conn.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1 LIMIT 1").format(sql.Identifier("k"), sql.Identifier("item"))).fetchall())


def main():
    with psycopg.connect("", autocommit=True) as conn:
        for step in (basics, formats, prepared, transactions, pipeline, copies, cursors, notices):
            print(f"--- {step.__name__}")
            step(conn)


if __name__ == "__main__":
    sys.exit(main())
