"""Reflection and an ORM session of SQLAlchemy 2 over the common tables of tests/conformance, printed step by step.

WRITES=0 leaves out what writes, KEYS=0 what needs keys.
"""

import datetime
import decimal
import os

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

TABLES = ["groups", "items", "kids", "pairs", "parents", "sales", "things", "u", "v", "w"]


def show(step, value):
    print(f"{step}: {value!r}")


class Base(orm.DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str | None]
    grp: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("groups.gid"))
    qty: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger)
    price: orm.Mapped[decimal.Decimal | None]
    day: orm.Mapped[datetime.date | None]
    group: orm.Mapped["Group | None"] = orm.relationship(back_populates="items")


class Group(Base):
    __tablename__ = "groups"
    gid: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    label: orm.Mapped[str]
    items: orm.Mapped[list[Item]] = orm.relationship(back_populates="group", order_by=Item.id)


class Coded(Base):
    __tablename__ = "u"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    code: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    n: orm.Mapped[int | None]


def reflection(engine):
    inspector = sa.inspect(engine)
    show("tables", sorted(set(inspector.get_table_names()) & set(TABLES)))
    for name in TABLES:
        show(f"{name}: columns", [(c["name"], str(c["type"].compile(postgresql.dialect())), c["nullable"], c["default"]) for c in inspector.get_columns(name)])
        show(f"{name}: key", inspector.get_pk_constraint(name)["constrained_columns"])
        show(f"{name}: unique", [u["column_names"] for u in inspector.get_unique_constraints(name)])
        show(f"{name}: foreign", [(f["constrained_columns"], f["referred_table"], f["referred_columns"]) for f in inspector.get_foreign_keys(name)])
        show(f"{name}: comment", inspector.get_table_comment(name)["text"])
    metadata = sa.MetaData()
    metadata.reflect(engine, only=TABLES)
    show("reflected", [(t.name, len(t.columns)) for t in metadata.sorted_tables])
    with engine.connect() as conn:
        items = metadata.tables["items"]
        show("reflected rows", [tuple(r) for r in conn.execute(sa.select(items.c.id, items.c.name, items.c.price, items.c.at).order_by(items.c.id).limit(4))])


def reading(engine):
    with orm.Session(engine) as session:
        show("entities", [(i.id, i.name, i.price, i.day) for i in session.scalars(sa.select(Item).where(Item.qty > 10).order_by(Item.id).limit(5))])
        show("get", session.get(Item, 3).name)
        show("joined", [(i.id, i.group and i.group.label) for i in session.scalars(sa.select(Item).options(orm.joinedload(Item.group)).order_by(Item.id).limit(8))])
        show("selected in", [(g.gid, [i.id for i in g.items]) for g in session.scalars(sa.select(Group).options(orm.selectinload(Group.items)).order_by(Group.gid))])
        show("lazy", [i.id for i in session.get(Group, 5).items])
        show("grouped", [tuple(r) for r in session.execute(
            sa.select(Group.label, sa.func.count(Item.id), sa.func.sum(Item.price)).join(Item, isouter=True).group_by(Group.label).order_by(Group.label))])
        show("exists", session.scalars(sa.select(Group.gid).where(Group.items.any(Item.qty > 30)).order_by(Group.gid)).all())
        show("in", session.scalars(sa.select(Item.id).where(Item.name.in_(["bolt 03", "drum 05"]), Item.id < 100).order_by(Item.id)).all())
        show("paged", session.scalars(sa.select(Item.id).order_by(Item.price.desc().nulls_last(), Item.id).limit(5).offset(5)).all())
        show("window", [tuple(r) for r in session.execute(sa.select(Item.id, sa.func.row_number().over(partition_by=Item.grp, order_by=Item.id)).order_by(Item.id).limit(6))])
        for n in range(7):  # prepared after the fifth
            show(f"again {n}", session.execute(sa.select(Item.name).where(Item.id == n + 1)).scalar())


def writing(engine):
    with orm.Session(engine) as session:
        session.add_all([Coded(id=i, code=f"n{i}", n=None if i == 22 else i) for i in range(20, 24)])
        session.commit()
        show("added", [(c.id, c.code, c.n) for c in session.scalars(sa.select(Coded).order_by(Coded.id))])
        c = session.get(Coded, 21)
        c.n, c.code = 210, "élan"
        session.commit()
        session.expire_all()
        show("changed", (session.get(Coded, 21).n, session.get(Coded, 21).code))
        session.execute(sa.update(Coded).where(Coded.id >= 22).values(n=Coded.n * 2))
        session.execute(sa.delete(Coded).where(Coded.id == 20))
        session.commit()
        show("by statements", [tuple(r) for r in session.execute(sa.select(Coded.id, Coded.n).where(Coded.id >= 20).order_by(Coded.id))])
        session.add(Coded(id=30, code="gone", n=1))
        session.flush()
        show("flushed", session.scalar(sa.select(sa.func.count()).select_from(Coded)))
        session.rollback()
        show("rolled back", session.scalar(sa.select(sa.func.count()).select_from(Coded)))
        if os.environ.get("KEYS") != "0":
            session.add(Coded(id=1, code="twice", n=1))
            try:
                session.flush()
            except sa.exc.IntegrityError as e:
                show("integrity", e.orig.sqlstate)
            session.rollback()
            statement = postgresql.insert(Coded).values([{"id": 1, "code": "x", "n": 7}, {"id": 40, "code": "y", "n": 8}])
            statement = statement.on_conflict_do_update(index_elements=[Coded.id], set_={"n": statement.excluded.n}).returning(Coded.id, Coded.n)
            show("upserted", sorted(tuple(r) for r in session.execute(statement)))
            session.commit()
        session.delete(session.get(Coded, 23))
        session.commit()
        show("deleted", session.scalars(sa.select(Coded.id).order_by(Coded.id)).all())


def main():
    engine = sa.create_engine("postgresql+psycopg://")
    reflection(engine)
    reading(engine)
    if os.environ.get("WRITES") != "0":
        writing(engine)
    engine.dispose()


if __name__ == "__main__":
    main()
