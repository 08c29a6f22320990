"""What a program does with SQLAlchemy 2 over psycopg 3, printed step by step; see psycopg/main.py."""

import os
import re

import sqlalchemy as sa
from sqlalchemy import orm

SCHEMAS = os.environ.get("MODEL_SCHEMAS") == "1"


def show(step, value):
    print(f"{step}: {value!r}")


def text(statement):
    """The statement as this server takes it."""
    return sa.text(re.sub(r"predict\('(\w+)'", r"m_\1.predict('\1'", statement) if SCHEMAS else statement)


def predict(model, *args):
    """A call of a model in SQLAlchemy's own expressions; the model's name stands in the text as a literal."""
    function = getattr(sa.func, f"m_{model}").predict if SCHEMAS else sa.func.predict
    return function(sa.literal_column(f"'{model}'"), *args)


class Base(orm.DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "sa_note"
    __table_args__ = {"prefixes": ["TEMPORARY"]}
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    k: orm.Mapped[int]
    words: orm.Mapped[str | None]


def reflection(engine):
    inspector = sa.inspect(engine)
    show("tables", sorted(set(inspector.get_table_names()) & {"item", "tag", "empty", "Odd Table", "person"}))
    show("views", [v for v in inspector.get_view_names() if v == "cheap_item"])
    show("columns", [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns("item")])
    show("key", inspector.get_pk_constraint("item")["constrained_columns"])
    show("enums", [(e["name"], e["labels"]) for e in inspector.get_enums()])
    item = sa.Table("item", sa.MetaData(), autoload_with=engine)
    person = sa.Table("person", sa.MetaData(), autoload_with=engine)
    show("reflected", (len(item.c), repr(person.c.salary.type)))
    return item


def core(conn, item):
    p = predict("double", item.c.k)
    show("select", conn.execute(sa.select(item.c.id, p.label("p")).order_by(item.c.id).limit(5)).all())
    show("where", conn.execute(sa.select(item.c.id).where(predict("double", item.c.k) == 6, item.c.cheap == 3).order_by(item.c.id).limit(5)).all())
    show("bound", conn.execute(text("SELECT predict('double', :x), predict('shout', :s)"), {"x": 4, "s": "a"}).all())
    show("bound in the expression", conn.execute(sa.select(predict("add", item.c.k, 5)).where(item.c.id == 3)).scalar())
    show("typed", conn.execute(sa.select(sa.type_coerce(predict("id_numeric", item.c.n), sa.Numeric)).order_by(item.c.id).limit(3)).scalars().all())
    show("mappings", conn.execute(text("SELECT id, predict('bucket', k) AS bucket FROM item ORDER BY id LIMIT 2")).mappings().all())
    for i in range(7):
        show(f"again {i}", conn.execute(text("SELECT predict('double', :x) + :y"), {"x": i, "y": 1}).scalar())
    result = conn.execution_options(stream_results=True, yield_per=50).execute(sa.select(item.c.id).order_by(item.c.id))
    show("streamed", sum(r.id for r in result))


def mapped(engine):
    with orm.Session(engine) as session:
        Base.metadata.create_all(session.connection(), tables=[Note.__table__])
        session.add_all([Note(id=i, k=i % 3, words=None if i % 2 else f"w{i}") for i in range(1, 8)])
        session.flush()
        show("mapped", session.execute(sa.select(Note.id, predict("double", Note.k)).order_by(Note.id)).all())
        show("entities", [n.id for n in session.scalars(sa.select(Note).where(predict("double", Note.k) == 4).order_by(Note.id))])
        try:
            with session.begin_nested():
                session.add(Note(id=1, k=0))
                session.flush()
        except sa.exc.IntegrityError as e:
            show("integrity", e.orig.sqlstate)
        show("still there", session.scalar(sa.select(sa.func.count()).select_from(Note)))
        session.rollback()
        show("rolled back", session.scalar(text("SELECT predict('double', 7)")))


def main():
    engine = sa.create_engine("postgresql+psycopg://")
    item = reflection(engine)
    with engine.connect() as conn:
        core(conn, item)
    mapped(engine)
    with engine.begin() as conn:
        try:
            conn.execute(text("SELECT predict('double', nocolumn) FROM item"))
        except sa.exc.ProgrammingError as e:
            show("error", e.orig.sqlstate)
    engine.dispose()


if __name__ == "__main__":
    main()
