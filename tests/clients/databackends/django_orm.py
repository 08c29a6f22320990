"""inspectdb and models of Django over the common tables of tests/conformance, printed step by step.

WRITES=0 leaves out what writes, KEYS=0 what needs keys.
"""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"],
                           "PASSWORD": os.environ["PGPASSWORD"], "NAME": os.environ["PGDATABASE"]}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connection, models, transaction  # noqa: E402 (after the set-up)
from django.db.models import Avg, Count, F, Max, OuterRef, Q, Subquery, Sum, Value  # noqa: E402
from django.db.models.functions import Coalesce, Concat, Length, TruncMonth  # noqa: E402


def show(step, value):
    print(f"{step}: {value!r}")


class Group(models.Model):
    gid = models.IntegerField(primary_key=True)
    label = models.TextField()
    parent = models.IntegerField(null=True)

    class Meta:
        app_label, db_table, managed = "common", "groups", False


class Item(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField(null=True)
    group = models.ForeignKey(Group, models.DO_NOTHING, null=True, db_column="grp", db_constraint=False)
    qty = models.BigIntegerField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    ratio = models.FloatField(null=True)
    flag = models.BooleanField(null=True)
    day = models.DateField(null=True)

    class Meta:
        app_label, db_table, managed = "common", "items", False


class Coded(models.Model):
    id = models.IntegerField(primary_key=True)
    code = models.CharField(max_length=20)
    n = models.IntegerField(null=True)

    class Meta:
        app_label, db_table, managed = "common", "u", False


def inspection():
    tables = connection.introspection.table_names()
    show("tables", sorted(set(tables) & {"groups", "items", "kids", "parents", "sales", "things", "u", "w"}))
    call_command("inspectdb", "groups", "items", "kids", "pairs", "parents", "sales", "things", "u", "w", stdout=sys.stdout)
    with connection.cursor() as cursor:
        for table in ["u", "kids", "pairs"]:
            constraints = connection.introspection.get_constraints(cursor, table)
            show(f"{table}: constraints", sorted((c["columns"], c["primary_key"], c["unique"], c["foreign_key"]) for c in constraints.values()
                                                 if c["primary_key"] or c["unique"] or c["foreign_key"]))


def reading():
    show("all", list(Item.objects.order_by("id").values_list("id", "name", "qty", "price", "ratio", "flag", "day")[:6]))
    show("filter", list(Item.objects.filter(Q(qty__gt=20) | Q(name__startswith="apple"), id__lt=30).exclude(price=None).order_by("-id").values_list("id", flat=True)))
    show("icontains", list(Item.objects.filter(name__icontains="APP").order_by("id").values_list("name", flat=True)[:4]))
    show("related", [(i.id, i.group and i.group.label) for i in Item.objects.select_related("group").order_by("id")[:6]])
    show("spanned", list(Item.objects.filter(group__label__contains="tools").order_by("id").values_list("id", flat=True)))
    show("aggregate", Item.objects.aggregate(Count("id"), Sum("qty"), Sum("price"), Max("day"), n=Avg("qty")))
    show("annotated", list(Item.objects.values("group__label").annotate(n=Count("id"), most=Max("price")).order_by("group__label")))
    show("having", list(Item.objects.values("group").annotate(n=Count("id")).filter(n__gt=6).order_by("group")))
    show("functions", list(Item.objects.annotate(l=Length("name"), c=Concat("name", Value("-"), Coalesce("group_id", 0), output_field=models.TextField()))
                           .order_by("id").values_list("l", "c")[:3]))
    show("by month", list(Item.objects.exclude(day=None).annotate(m=TruncMonth("day")).values("m").annotate(n=Count("id")).order_by("m").values_list("m", "n")[:4]))
    newest = Item.objects.filter(group=OuterRef("gid")).order_by("-id").values("id")[:1]
    show("subquery", list(Group.objects.annotate(last=Subquery(newest)).order_by("gid").values_list("gid", "last")))
    show("exists", Item.objects.filter(price__gt=99).exists())
    show("in bulk", sorted(Item.objects.in_bulk([1, 2, 99])))
    show("iterated", sum(i.id for i in Item.objects.order_by("id").iterator(chunk_size=7)))


def writing():
    Coded.objects.bulk_create([Coded(id=i, code=f"d{i}", n=i) for i in range(50, 54)])
    show("created", list(Coded.objects.order_by("id").values_list("id", "code", "n")))
    one = Coded.objects.get(pk=50)
    one.n = None
    one.save()
    show("updated", Coded.objects.filter(id__gte=51).update(n=F("n") + 1))
    show("values", list(Coded.objects.filter(id__gte=50).order_by("id").values_list("n", flat=True)))
    try:
        with transaction.atomic():
            Coded.objects.filter(id=50).update(n=5)
            raise KeyError
    except KeyError:
        show("rolled back", Coded.objects.get(pk=50).n)
    if os.environ.get("KEYS") != "0":
        try:
            Coded.objects.create(id=50, code="again")
        except IntegrityError as e:
            show("integrity", e.__cause__.sqlstate)
        show("got", Coded.objects.update_or_create(id=51, defaults={"code": "new"})[1])
    show("deleted", Coded.objects.filter(id__in=[52, 53]).delete())
    show("left", list(Coded.objects.order_by("id").values_list("id", "code", "n")))


if __name__ == "__main__":
    inspection()
    reading()
    if os.environ.get("WRITES") != "0":
        writing()
