SET search_path = pg_catalog
SET timezone = 'GMT'
SET datestyle = ISO
SET intervalstyle = postgres
SET extra_float_digits = 3
START TRANSACTION ISOLATION LEVEL REPEATABLE READ
SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'public'
SELECT relname,   attname,   format_type(atttypid, atttypmod),   attnotnull,   pg_get_expr(adbin, adrelid),   attgenerated,   collname,   collnsp.nspname FROM pg_class c   JOIN pg_namespace n ON     relnamespace = n.oid   LEFT JOIN pg_attribute a ON     attrelid = c.oid AND attnum > 0       AND NOT attisdropped   LEFT JOIN pg_attrdef ad ON     adrelid = c.oid AND adnum = attnum   LEFT JOIN pg_collation coll ON     coll.oid = attcollation   LEFT JOIN pg_namespace collnsp ON     collnsp.oid = collnamespace WHERE c.relkind IN ('r','v','f','m','p')   AND n.nspname = 'public' AND NOT c.relispartition  ORDER BY c.relname, a.attnum
COMMIT TRANSACTION
SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'Odd Schema'
SELECT relname,   attname,   format_type(atttypid, atttypmod),   attnotnull,   pg_get_expr(adbin, adrelid),   attgenerated,   collname,   collnsp.nspname FROM pg_class c   JOIN pg_namespace n ON     relnamespace = n.oid   LEFT JOIN pg_attribute a ON     attrelid = c.oid AND attnum > 0       AND NOT attisdropped   LEFT JOIN pg_attrdef ad ON     adrelid = c.oid AND adnum = attnum   LEFT JOIN pg_collation coll ON     coll.oid = attcollation   LEFT JOIN pg_namespace collnsp ON     collnsp.oid = collnamespace WHERE c.relkind IN ('r','v','f','m','p')   AND n.nspname = 'Odd Schema' AND NOT c.relispartition  ORDER BY c.relname, a.attnum
DECLARE c1 CURSOR FOR SELECT id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta FROM public.t
FETCH 100 FROM c1
CLOSE c1
DECLARE c1 CURSOR FOR SELECT NULL FROM public.t
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((k > 3)) AND ((x ~~ 'n1%')) ORDER BY id ASC NULLS LAST
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE (((k = 5) OR (s < 3) OR (n = 5::numeric) OR (n > 1.5) OR (m <> 10000000000::numeric) OR (r > 1.5::double precision) OR (d <= (-2.5)::double precision) OR b OR (NOT b)))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((k <> (-5000000000)::bigint)) AND ((k = 5000000000::bigint)) AND ((s = 3::smallint)) AND ((id = (-3)))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((v = 'abc')) AND ((c = 'abc')) AND ((x = E'it''s \\ a ''"'))
DECLARE c1 CURSOR FOR SELECT id, x FROM public.t WHERE (((v || x) = 'abc'::text))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((da < '1996-01-01 00:00:00'::timestamp without time zone)) AND ((ts > '2020-01-01 00:00:00')) AND ((da = '2020-01-01')) AND (((da - 3) > '2020-01-01'::date))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((tz > '2020-01-01 00:00:00+00')) AND ((ti < '12:00:00')) AND ((iv > '1 day 02:00:00')) AND ((u = 'c5d1e7b0-8a41-4b6f-9d27-031847031847'))
DECLARE c1 CURSOR FOR SELECT id, j FROM public.t WHERE ((j @> '{"a": 1}')) AND ((ta && '{a,b}')) AND ((by = E'\\x0102')) AND (((ia[1]) = 3)) AND ((3 = ANY (ia)))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((x <> ALL ('{q,r}'::text[]))) AND ((n = ANY ('{1,2.5}'::numeric[]))) AND ((id = ANY ('{1,2,3}'::integer[]))) AND ((x = ANY ('{a,b,NULL}'::text[])))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((x IS NULL)) AND ((v IS NOT NULL)) AND ((k IS DISTINCT FROM 3)) AND ((NOT (k IS DISTINCT FROM 5)))
DECLARE c1 CURSOR FOR SELECT id, s FROM public.t WHERE (((CASE WHEN (k > 3) THEN x ELSE v END) = 'a'::text))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((length(x) > 3)) AND (("position"(x, 'a'::text) > 0)) AND ((abs(k) = 3)) AND ((lower(x) = 'a'::text)) AND ((btrim(x) = 'a'::text)) AND (("substring"(x, 2, 3) = 'abc'::text)) AND ((round(n, 1) = 1.5)) AND ((upper(v) = 'A'::text)) AND ((mod(k, 3::bigint) = 1))
DECLARE c1 CURSOR FOR SELECT id, da, ts FROM public.t
DECLARE c1 CURSOR FOR SELECT id, k FROM public.t WHERE ((d::real > 3::double precision)) AND (((- k) < 3)) AND ((n::integer = 3)) AND ((x::character varying(3) = 'abc'::text)) AND ((id::numeric(10,3) = 3.5)) AND ((((k + (s * 2)) - ((id / 3) % 5)) > 3))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((d < 'Infinity'::double precision)) AND ((da < 'infinity')) AND ((d = 'NaN'::double precision)) AND ((n = 'NaN'::numeric))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((x ~ '^a.*')) AND ((x ~~* 'A%')) AND ((x !~~ '%b_')) AND ((x !~ 'c'))
DECLARE c1 CURSOR FOR SELECT id, k, b FROM public.t
DECLARE c1 CURSOR FOR SELECT id, k, x FROM public.t
DECLARE c1 CURSOR FOR SELECT count(*) FROM public.t
DECLARE c1 CURSOR FOR SELECT count(*), count(k), count(DISTINCT x), sum(k), sum(id), sum(n), avg(n), min(x), max(da), avg(id), stddev(d), bool_and(b) FROM public.t
DECLARE c1 CURSOR FOR SELECT s, count(*) FILTER (WHERE (k > 3)), sum(n) FROM public.t GROUP BY 1 HAVING ((count(*) > 1))
DECLARE c1 CURSOR FOR SELECT s, v, x FROM public.t ORDER BY s ASC NULLS LAST, x ASC NULLS LAST
DECLARE c1 CURSOR FOR SELECT array_agg(id ORDER BY k ASC NULLS LAST), percentile_disc(0.5::double precision) WITHIN GROUP (ORDER BY k ASC NULLS LAST) FROM public.t
DECLARE c1 CURSOR FOR SELECT s FROM public.t
DECLARE c1 CURSOR FOR SELECT (s + 1), count(*) FROM public.t GROUP BY 1
DECLARE c1 CURSOR FOR SELECT 5, count(*) FROM public.t GROUP BY 1
DECLARE c1 CURSOR FOR SELECT id, k, x FROM public.t ORDER BY x DESC NULLS FIRST, k ASC NULLS FIRST LIMIT 10::bigint OFFSET 5::bigint
DECLARE c1 CURSOR FOR SELECT id, x FROM public.t ORDER BY x USING ~>~ NULLS FIRST LIMIT 3::bigint
EXPLAIN SELECT id FROM public.t WHERE ((((SELECT null::integer)::integer) = id))
EXPLAIN SELECT t_id, name FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id)) AND ((amount > 5::numeric))
DECLARE c1 CURSOR FOR SELECT r1.id, r2.name FROM (public.t r1 INNER JOIN public.u r2 ON (((r1.id = r2.t_id)) AND ((r2.amount > 5::numeric))))
DECLARE c1 CURSOR FOR SELECT r1.id, r2.name FROM (public.t r1 LEFT JOIN public.u r2 ON (((r1.id = r2.t_id)) AND ((r2.amount > 5::numeric)))) ORDER BY r1.id ASC NULLS LAST LIMIT 5::bigint
DECLARE c1 CURSOR FOR SELECT r1.id, r2.name FROM (public.t r1 FULL JOIN public.u r2 ON (((r1.id = r2.t_id)))) WHERE (((r1.k > 3) OR (r2.id IS NULL)))
DECLARE c1 CURSOR FOR SELECT s4.c1, s5.c1 FROM ((SELECT id FROM public.t WHERE ((k > 3))) s4(c1) FULL JOIN (SELECT name, t_id FROM public.u WHERE ((amount > 3::numeric))) s5(c1, c2) ON (((s4.c1 = s5.c2))))
EXPLAIN SELECT t_id FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id))
DECLARE c1 CURSOR FOR SELECT r1.x, r1.u FROM (public.t r1 LEFT JOIN public.u r2 ON (((r1.id = r2.t_id))))
EXPLAIN SELECT t_id, ctid FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id))
DECLARE c1 CURSOR FOR SELECT CASE WHEN (r1.*)::text IS NOT NULL THEN ROW(r1.id, r1.k, r1.s, r1.n, r1.m, r1.r, r1.d, r1.b, r1.v, r1.c, r1.x, r1.da, r1.ts, r1.tz, r1.ti, r1.iv, r1.u, r1.j, r1.by, r1.ia, r1.ta) END, r2.ctid, CASE WHEN (r2.*)::text IS NOT NULL THEN 16702 END FROM (public.t r1 LEFT JOIN public.u r2 ON (((r1.id = r2.t_id))))
EXPLAIN SELECT id, s FROM public.t WHERE ((((SELECT null::integer)::integer) = id))
EXPLAIN SELECT t_id, amount FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id))
DECLARE c1 CURSOR FOR SELECT r1.s, sum(r2.amount) FROM (public.t r1 INNER JOIN public.u r2 ON (((r1.id = r2.t_id)))) GROUP BY 1 HAVING ((sum(r2.amount) > 10::numeric)) ORDER BY r1.s ASC NULLS LAST
EXPLAIN SELECT id, k, s FROM public.t WHERE ((s < ((SELECT null::smallint)::smallint))) AND ((((SELECT null::integer)::integer) = k))
EXPLAIN SELECT id, s FROM public.t WHERE ((((SELECT null::smallint)::smallint) < s)) AND ((((SELECT null::bigint)::bigint) = id))
EXPLAIN SELECT t_id, name FROM public.u WHERE ((t_id = ((SELECT null::integer)::integer)))
DECLARE c1 CURSOR FOR SELECT r1.id, r2.id, r4.name FROM ((public.t r1 INNER JOIN public.t r2 ON (((r1.s < r2.s)) AND ((r1.k = r2.id)))) LEFT JOIN public.u r4 ON (((r4.t_id = r2.id))))
EXPLAIN SELECT t_id FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id)) AND ((amount > 3::numeric))
DECLARE c1 CURSOR FOR SELECT id FROM public.t
DECLARE c2 CURSOR FOR SELECT t_id FROM public.u WHERE ((amount > 3::numeric))
FETCH 100 FROM c2
CLOSE c2
EXPLAIN SELECT t_id FROM public.u WHERE ((t_id = ((SELECT null::integer)::integer)))
DECLARE c2 CURSOR FOR SELECT t_id FROM public.u
EXPLAIN SELECT t_id FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id)) AND ((name = 'a'))
DECLARE c1 CURSOR FOR SELECT t_id FROM public.u WHERE ((name = 'a'))
DECLARE c1 CURSOR FOR SELECT x FROM public.t
DECLARE c2 CURSOR FOR SELECT name FROM public.u
DECLARE c1 CURSOR FOR SELECT "Id", "select", "a""b" FROM "Odd Schema"."My Table" WHERE (("select" = 'a')) ORDER BY "Id" ASC NULLS LAST
DECLARE c1 CURSOR FOR SELECT id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta FROM public.t WHERE ((id = 3)) FOR UPDATE
EXPLAIN SELECT id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta FROM public.t WHERE ((((SELECT null::integer)::integer) = id)) FOR UPDATE
EXPLAIN SELECT id, t_id, name, amount, at FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id))
DECLARE c1 CURSOR FOR SELECT r1.id, CASE WHEN (r1.*)::text IS NOT NULL THEN ROW(r1.id, r1.k, r1.s, r1.n, r1.m, r1.r, r1.d, r1.b, r1.v, r1.c, r1.x, r1.da, r1.ts, r1.tz, r1.ti, r1.iv, r1.u, r1.j, r1.by, r1.ia, r1.ta) END, CASE WHEN (r2.*)::text IS NOT NULL THEN ROW(r2.id, r2.t_id, r2.name, r2.amount, r2.at) END FROM (public.t r1 INNER JOIN public.u r2 ON (((r1.id = r2.t_id)))) FOR UPDATE OF r1
EXPLAIN SELECT name FROM public.u WHERE ((t_id = ((SELECT null::integer)::integer)))
DECLARE c2 CURSOR FOR SELECT id FROM public.t
DECLARE c1 CURSOR FOR SELECT name FROM public.u WHERE ((t_id = $1::integer))
EXPLAIN SELECT id FROM public.t WHERE ((k > ((SELECT null::numeric)::numeric)))
DECLARE c1 CURSOR FOR SELECT avg(amount) FROM public.u
DECLARE c2 CURSOR FOR SELECT id FROM public.t WHERE ((k > $1::numeric))
INSERT INTO public.t(id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
ABORT TRANSACTION
DEALLOCATE ALL
INSERT INTO public.u(id, t_id, name, amount, at) VALUES ($1, $2, $3, $4, $5)
DEALLOCATE pgsql_fdw_prep_2
INSERT INTO public.u(id, t_id, name, amount, at) VALUES ($1, $2, $3, $4, $5) RETURNING id, name
DEALLOCATE pgsql_fdw_prep_3
INSERT INTO public.u(id, t_id, name, amount, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
DEALLOCATE pgsql_fdw_prep_4
UPDATE public.u SET name = 'b'::text, amount = (amount + 1::numeric) WHERE ((id = 2))
UPDATE public.u SET name = 'b'::text WHERE ((id = 2)) RETURNING id, amount
EXPLAIN SELECT id, t_id, name, amount, at, ctid FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id)) FOR UPDATE
EXPLAIN SELECT id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta FROM public.t WHERE ((((SELECT null::integer)::integer) = id))
UPDATE public.u r1 SET name = r2.x FROM public.t r2 WHERE ((r1.t_id = r2.id))
UPDATE public.u r1 SET name = r2.x FROM public.t r2 WHERE ((r1.t_id = r2.id)) RETURNING r1.id, r2.x
DECLARE c1 CURSOR FOR SELECT id, t_id, name, amount, at, ctid FROM public.u WHERE ((id = 2)) FOR UPDATE
UPDATE public.u SET name = $2 WHERE ctid = $1
DEALLOCATE pgsql_fdw_prep_5
EXPLAIN SELECT n, x FROM public.t WHERE ((id = ((SELECT null::integer)::integer)))
DECLARE c2 CURSOR FOR SELECT id, t_id, name, amount, at, ctid FROM public.u WHERE ((id = 2)) FOR UPDATE
DECLARE c1 CURSOR FOR SELECT n, x FROM public.t WHERE ((id = $1::integer))
UPDATE public.u SET name = $2, amount = $3 WHERE ctid = $1
DEALLOCATE pgsql_fdw_prep_6
DELETE FROM public.u WHERE ((id = 2))
DECLARE c1 CURSOR FOR SELECT name, ctid FROM public.u FOR UPDATE
EXPLAIN SELECT t_id, ctid FROM public.u WHERE ((((SELECT null::integer)::integer) = t_id)) FOR UPDATE
EXPLAIN SELECT id, k, s, n, m, r, d, b, v, c, x, da, ts, tz, ti, iv, u, j, by, ia, ta FROM public.t WHERE ((((SELECT null::integer)::integer) = id)) AND ((k = 5))
DELETE FROM public.u r1 USING public.t r2 WHERE ((r1.t_id = r2.id)) AND ((r2.k = 5))
DELETE FROM public.u r1 USING public.t r2 WHERE ((r1.t_id = r2.id)) RETURNING r1.id, r2.x
DELETE FROM public.u WHERE ((id = 7)) RETURNING id, t_id, name, amount, at
INSERT INTO public.u(id, t_id, name, amount, at) VALUES ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10), ($11, $12, $13, $14, $15)
DEALLOCATE pgsql_fdw_prep_7
DEALLOCATE pgsql_fdw_prep_8
TRUNCATE public.u CONTINUE IDENTITY RESTRICT
SELECT pg_catalog.pg_relation_size('public.u'::pg_catalog.regclass) / 8192
DECLARE c1 CURSOR FOR SELECT id, t_id, name, amount, at FROM public.u
SELECT pg_catalog.pg_relation_size('public.t'::pg_catalog.regclass) / 8192
EXPLAIN SELECT id FROM public.t WHERE ((k = ((SELECT null::integer)::integer))) AND ((x = ((SELECT null::text)::text)))
DECLARE c1 CURSOR FOR SELECT id FROM public.t WHERE ((k = $1::integer)) AND ((x = $2::text))
EXPLAIN SELECT k, x FROM public.t WHERE ((((SELECT null::integer)::integer) = k)) AND ((((SELECT null::text)::text) = x))
DECLARE c1 CURSOR FOR SELECT k, x FROM public.t WHERE (($1::integer = k)) AND (($2::text = x))
TRUNCATE public.t, public.u RESTART IDENTITY CASCADE
DECLARE c1 CURSOR FOR SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), sum((l_extendedprice * (1::numeric - l_discount))), sum(((l_extendedprice * (1::numeric - l_discount)) * (1::numeric + l_tax))), avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*) FROM public.lineitem WHERE ((l_shipdate <= '1998-09-02')) GROUP BY 1, 2 ORDER BY l_returnflag ASC NULLS LAST, l_linestatus ASC NULLS LAST
EXPLAIN SELECT ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_partkey)) ORDER BY ps_suppkey ASC NULLS LAST
EXPLAIN SELECT ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey)) AND ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT s_suppkey, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_suppkey))
EXPLAIN SELECT s_suppkey, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_nationkey))
EXPLAIN SELECT n_nationkey, n_regionkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey))
EXPLAIN SELECT n_nationkey, n_regionkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_regionkey))
EXPLAIN SELECT r_regionkey FROM public.region WHERE ((((SELECT null::integer)::integer) = r_regionkey)) AND ((r_name = 'EUROPE'))
EXPLAIN SELECT r1.ps_supplycost, r2.s_nationkey FROM (public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey))))
EXPLAIN SELECT r1.ps_supplycost, r2.s_nationkey FROM (public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey)))) ORDER BY r2.s_nationkey ASC NULLS LAST
EXPLAIN SELECT r1.ps_supplycost, r3.n_regionkey FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey))))
EXPLAIN SELECT r1.ps_supplycost, r3.n_regionkey FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)))) ORDER BY r3.n_regionkey ASC NULLS LAST
EXPLAIN SELECT r1.ps_supplycost FROM (((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)))) INNER JOIN public.region r4 ON (((r3.n_regionkey = r4.r_regionkey)) AND ((r4.r_name = 'EUROPE'))))
EXPLAIN SELECT min(r1.ps_supplycost) FROM (((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)) AND ((((SELECT null::integer)::integer) = r1.ps_partkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)))) INNER JOIN public.region r4 ON (((r3.n_regionkey = r4.r_regionkey)) AND ((r4.r_name = 'EUROPE'))))
EXPLAIN SELECT p_partkey, p_mfgr FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_type ~~ '%BRASS')) AND ((p_size = 15))
EXPLAIN SELECT s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, s_comment FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_suppkey))
EXPLAIN SELECT s_suppkey, s_name, s_address, s_nationkey, s_phone, s_acctbal, s_comment FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_nationkey))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey))
EXPLAIN SELECT n_nationkey, n_name, n_regionkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey))
EXPLAIN SELECT n_nationkey, n_name, n_regionkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_regionkey))
DECLARE c2 CURSOR FOR SELECT p_partkey, p_mfgr FROM public.part WHERE ((p_type ~~ '%BRASS')) AND ((p_size = 15)) ORDER BY p_partkey ASC NULLS LAST
EXPLAIN SELECT c_custkey FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_custkey)) AND ((c_mktsegment = 'BUILDING'))
EXPLAIN SELECT o_orderkey, o_custkey, o_orderdate, o_shippriority FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey)) AND ((o_orderdate < '1995-03-15'))
EXPLAIN SELECT o_orderkey, o_custkey, o_orderdate, o_shippriority FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderdate < '1995-03-15'))
EXPLAIN SELECT l_orderkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_shipdate > '1995-03-15'))
DECLARE c1 CURSOR FOR SELECT r3.l_orderkey, sum((r3.l_extendedprice * (1::numeric - r3.l_discount))), r2.o_orderdate, r2.o_shippriority FROM ((public.customer r1 INNER JOIN public.orders r2 ON (((r1.c_custkey = r2.o_custkey)) AND ((r2.o_orderdate < '1995-03-15')) AND ((r1.c_mktsegment = 'BUILDING')))) INNER JOIN public.lineitem r3 ON (((r2.o_orderkey = r3.l_orderkey)) AND ((r3.l_shipdate > '1995-03-15')))) GROUP BY 1, 3, 4 ORDER BY sum((r3.l_extendedprice * (1::numeric - r3.l_discount))) DESC NULLS FIRST, r2.o_orderdate ASC NULLS LAST
EXPLAIN SELECT o_orderkey, o_orderpriority FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderdate >= '1993-07-01')) AND ((o_orderdate < '1993-10-01'))
EXPLAIN SELECT l_orderkey FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_commitdate < l_receiptdate))
DECLARE c1 CURSOR FOR SELECT o_orderkey, o_orderpriority FROM public.orders WHERE ((o_orderdate >= '1993-07-01')) AND ((o_orderdate < '1993-10-01')) ORDER BY o_orderpriority ASC NULLS LAST
EXPLAIN SELECT c_custkey, c_nationkey FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_custkey))
EXPLAIN SELECT c_custkey, c_nationkey FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_nationkey))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey)) AND ((o_orderdate >= '1994-01-01')) AND ((o_orderdate < '1995-01-01'))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderdate >= '1994-01-01')) AND ((o_orderdate < '1995-01-01'))
EXPLAIN SELECT l_orderkey, l_suppkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey))
EXPLAIN SELECT l_orderkey, l_suppkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey))
EXPLAIN SELECT r_regionkey FROM public.region WHERE ((((SELECT null::integer)::integer) = r_regionkey)) AND ((r_name = 'ASIA'))
DECLARE c1 CURSOR FOR SELECT r5.n_name, sum((r3.l_extendedprice * (1::numeric - r3.l_discount))) FROM (((((public.customer r1 INNER JOIN public.orders r2 ON (((r1.c_custkey = r2.o_custkey)) AND ((r2.o_orderdate >= '1994-01-01')) AND ((r2.o_orderdate < '1995-01-01')))) INNER JOIN public.lineitem r3 ON (((r2.o_orderkey = r3.l_orderkey)))) INNER JOIN public.supplier r4 ON (((r3.l_suppkey = r4.s_suppkey)) AND ((r1.c_nationkey = r4.s_nationkey)))) INNER JOIN public.nation r5 ON (((r1.c_nationkey = r5.n_nationkey)))) INNER JOIN public.region r6 ON (((r5.n_regionkey = r6.r_regionkey)) AND ((r6.r_name = 'ASIA')))) GROUP BY 1 ORDER BY sum((r3.l_extendedprice * (1::numeric - r3.l_discount))) DESC NULLS FIRST
DECLARE c1 CURSOR FOR SELECT l_extendedprice, l_discount FROM public.lineitem WHERE ((l_shipdate >= '1994-01-01')) AND ((l_shipdate < '1995-01-01')) AND ((l_discount >= 0.05)) AND ((l_discount <= 0.07)) AND ((l_quantity < 24::numeric))
EXPLAIN SELECT l_orderkey, l_suppkey, l_extendedprice, l_discount, l_shipdate FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey)) AND ((l_shipdate >= '1995-01-01')) AND ((l_shipdate <= '1996-12-31'))
EXPLAIN SELECT l_orderkey, l_suppkey, l_extendedprice, l_discount, l_shipdate FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_shipdate >= '1995-01-01')) AND ((l_shipdate <= '1996-12-31'))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey))
EXPLAIN SELECT n_nationkey, n_name FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey)) AND (((n_name = 'FRANCE') OR (n_name = 'GERMANY')))
EXPLAIN SELECT n_nationkey, n_name FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey)) AND (((n_name = 'GERMANY') OR (n_name = 'FRANCE')))
DECLARE c1 CURSOR FOR SELECT r6.n_name, r7.n_name, r3.l_shipdate, r3.l_extendedprice, r3.l_discount FROM (((((public.supplier r2 INNER JOIN public.lineitem r3 ON (((r2.s_suppkey = r3.l_suppkey)) AND ((r3.l_shipdate >= '1995-01-01')) AND ((r3.l_shipdate <= '1996-12-31')))) INNER JOIN public.orders r4 ON (((r3.l_orderkey = r4.o_orderkey)))) INNER JOIN public.customer r5 ON (((r4.o_custkey = r5.c_custkey)))) INNER JOIN public.nation r6 ON (((r2.s_nationkey = r6.n_nationkey)) AND (((r6.n_name = 'FRANCE') OR (r6.n_name = 'GERMANY'))))) INNER JOIN public.nation r7 ON (((((r6.n_name = 'FRANCE') AND (r7.n_name = 'GERMANY')) OR ((r6.n_name = 'GERMANY') AND (r7.n_name = 'FRANCE')))) AND ((r5.c_nationkey = r7.n_nationkey)) AND (((r7.n_name = 'GERMANY') OR (r7.n_name = 'FRANCE')))))
EXPLAIN SELECT p_partkey FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_type = 'ECONOMY ANODIZED STEEL'))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_partkey))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey))
EXPLAIN SELECT o_orderkey, o_custkey, o_orderdate FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderdate >= '1995-01-01')) AND ((o_orderdate <= '1996-12-31'))
EXPLAIN SELECT o_orderkey, o_custkey, o_orderdate FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey)) AND ((o_orderdate >= '1995-01-01')) AND ((o_orderdate <= '1996-12-31'))
EXPLAIN SELECT n_nationkey, n_name FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey))
EXPLAIN SELECT r_regionkey FROM public.region WHERE ((((SELECT null::integer)::integer) = r_regionkey)) AND ((r_name = 'AMERICA'))
DECLARE c1 CURSOR FOR SELECT r5.o_orderdate, r8.n_name, r4.l_extendedprice, r4.l_discount FROM (((((((public.part r2 INNER JOIN public.lineitem r4 ON (((r2.p_partkey = r4.l_partkey)) AND ((r2.p_type = 'ECONOMY ANODIZED STEEL')))) INNER JOIN public.supplier r3 ON (((r4.l_suppkey = r3.s_suppkey)))) INNER JOIN public.orders r5 ON (((r4.l_orderkey = r5.o_orderkey)) AND ((r5.o_orderdate >= '1995-01-01')) AND ((r5.o_orderdate <= '1996-12-31')))) INNER JOIN public.customer r6 ON (((r5.o_custkey = r6.c_custkey)))) INNER JOIN public.nation r7 ON (((r6.c_nationkey = r7.n_nationkey)))) INNER JOIN public.nation r8 ON (((r3.s_nationkey = r8.n_nationkey)))) INNER JOIN public.region r9 ON (((r7.n_regionkey = r9.r_regionkey)) AND ((r9.r_name = 'AMERICA'))))
EXPLAIN SELECT p_partkey FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_name ~~ '%green%'))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_quantity, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_quantity, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey)) AND ((((SELECT null::integer)::integer) = l_partkey))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_quantity, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_partkey))
EXPLAIN SELECT l_orderkey, l_partkey, l_suppkey, l_quantity, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey)) AND ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT o_orderkey, o_orderdate FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey))
DECLARE c1 CURSOR FOR SELECT r7.n_name, r6.o_orderdate, r4.l_extendedprice, r4.l_discount, r5.ps_supplycost, r4.l_quantity FROM (((((public.part r2 INNER JOIN public.lineitem r4 ON (((r2.p_partkey = r4.l_partkey)) AND ((r2.p_name ~~ '%green%')))) INNER JOIN public.supplier r3 ON (((r4.l_suppkey = r3.s_suppkey)))) INNER JOIN public.partsupp r5 ON (((r3.s_suppkey = r5.ps_suppkey)) AND ((r4.l_partkey = r5.ps_partkey)))) INNER JOIN public.orders r6 ON (((r4.l_orderkey = r6.o_orderkey)))) INNER JOIN public.nation r7 ON (((r3.s_nationkey = r7.n_nationkey))))
EXPLAIN SELECT c_custkey, c_name, c_address, c_nationkey, c_phone, c_acctbal, c_comment FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_custkey))
EXPLAIN SELECT c_custkey, c_name, c_address, c_nationkey, c_phone, c_acctbal, c_comment FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_nationkey))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey)) AND ((o_orderdate >= '1993-10-01')) AND ((o_orderdate < '1994-01-01'))
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderdate >= '1993-10-01')) AND ((o_orderdate < '1994-01-01'))
EXPLAIN SELECT l_orderkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_returnflag = 'R'))
DECLARE c1 CURSOR FOR SELECT r1.c_custkey, r1.c_name, sum((r3.l_extendedprice * (1::numeric - r3.l_discount))), r1.c_acctbal, r4.n_name, r1.c_address, r1.c_phone, r1.c_comment FROM (((public.customer r1 INNER JOIN public.orders r2 ON (((r1.c_custkey = r2.o_custkey)) AND ((r2.o_orderdate >= '1993-10-01')) AND ((r2.o_orderdate < '1994-01-01')))) INNER JOIN public.lineitem r3 ON (((r2.o_orderkey = r3.l_orderkey)) AND ((r3.l_returnflag = 'R')))) INNER JOIN public.nation r4 ON (((r1.c_nationkey = r4.n_nationkey)))) GROUP BY 1, 2, 4, 7, 5, 6, 8 ORDER BY sum((r3.l_extendedprice * (1::numeric - r3.l_discount))) DESC NULLS FIRST
EXPLAIN SELECT ps_suppkey, ps_availqty, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey))
EXPLAIN SELECT n_nationkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey)) AND ((n_name = 'GERMANY'))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_availqty, ps_supplycost FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey))
EXPLAIN SELECT r1.ps_partkey, sum((r1.ps_supplycost * r1.ps_availqty)) FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)) AND ((r3.n_name = 'GERMANY')))) GROUP BY 1 HAVING ((sum((r1.ps_supplycost * r1.ps_availqty)) > ((SELECT null::numeric)::numeric)))
EXPLAIN SELECT r1.ps_partkey, sum((r1.ps_supplycost * r1.ps_availqty)) FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)) AND ((r3.n_name = 'GERMANY')))) GROUP BY 1 HAVING ((sum((r1.ps_supplycost * r1.ps_availqty)) > ((SELECT null::numeric)::numeric))) ORDER BY sum((r1.ps_supplycost * r1.ps_availqty)) DESC NULLS FIRST
DECLARE c1 CURSOR FOR SELECT (sum((r1.ps_supplycost * r1.ps_availqty)) * 0.0001000000) FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)) AND ((r3.n_name = 'GERMANY'))))
DECLARE c2 CURSOR FOR SELECT r1.ps_partkey, sum((r1.ps_supplycost * r1.ps_availqty)) FROM ((public.partsupp r1 INNER JOIN public.supplier r2 ON (((r1.ps_suppkey = r2.s_suppkey)))) INNER JOIN public.nation r3 ON (((r2.s_nationkey = r3.n_nationkey)) AND ((r3.n_name = 'GERMANY')))) GROUP BY 1 HAVING ((sum((r1.ps_supplycost * r1.ps_availqty)) > $1::numeric)) ORDER BY sum((r1.ps_supplycost * r1.ps_availqty)) DESC NULLS FIRST
EXPLAIN SELECT o_orderkey, o_orderpriority FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey))
EXPLAIN SELECT l_orderkey, l_shipmode FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_shipmode = ANY ('{MAIL,SHIP}'::bpchar[]))) AND ((l_commitdate < l_receiptdate)) AND ((l_shipdate < l_commitdate)) AND ((l_receiptdate >= '1994-01-01')) AND ((l_receiptdate < '1995-01-01'))
DECLARE c1 CURSOR FOR SELECT r2.l_shipmode, r1.o_orderpriority FROM (public.orders r1 INNER JOIN public.lineitem r2 ON (((r1.o_orderkey = r2.l_orderkey)) AND ((r2.l_shipmode = ANY ('{MAIL,SHIP}'::bpchar[]))) AND ((r2.l_commitdate < r2.l_receiptdate)) AND ((r2.l_shipdate < r2.l_commitdate)) AND ((r2.l_receiptdate >= '1994-01-01')) AND ((r2.l_receiptdate < '1995-01-01')))) ORDER BY r2.l_shipmode ASC NULLS LAST
EXPLAIN SELECT o_orderkey, o_custkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey)) AND ((o_comment !~~ '%special%requests%'))
DECLARE c1 CURSOR FOR SELECT r1.c_custkey, r2.o_orderkey FROM (public.customer r1 LEFT JOIN public.orders r2 ON (((r1.c_custkey = r2.o_custkey)) AND ((r2.o_comment !~~ '%special%requests%')))) ORDER BY r1.c_custkey ASC NULLS LAST
EXPLAIN SELECT l_partkey, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_partkey)) AND ((l_shipdate >= '1995-09-01')) AND ((l_shipdate < '1995-10-01'))
EXPLAIN SELECT p_partkey, p_type FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey))
DECLARE c1 CURSOR FOR SELECT r2.p_type, r1.l_extendedprice, r1.l_discount FROM (public.lineitem r1 INNER JOIN public.part r2 ON (((r1.l_partkey = r2.p_partkey)) AND ((r1.l_shipdate >= '1995-09-01')) AND ((r1.l_shipdate < '1995-10-01'))))
EXPLAIN SELECT s_suppkey, s_name, s_address, s_phone FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_suppkey))
DECLARE c2 CURSOR FOR SELECT s_suppkey, s_name, s_address, s_phone FROM public.supplier ORDER BY s_suppkey ASC NULLS LAST
EXPLAIN SELECT ps_partkey, ps_suppkey FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT p_partkey, p_brand, p_type, p_size FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_brand <> 'Brand#45')) AND ((p_type !~~ 'MEDIUM POLISHED%')) AND ((p_size = ANY ('{49,14,23,45,19,3,36,9}'::integer[])))
DECLARE c2 CURSOR FOR SELECT p_partkey, p_brand, p_type, p_size FROM public.part WHERE ((p_brand <> 'Brand#45')) AND ((p_type !~~ 'MEDIUM POLISHED%')) AND ((p_size = ANY ('{49,14,23,45,19,3,36,9}'::integer[]))) ORDER BY p_brand ASC NULLS LAST, p_type ASC NULLS LAST, p_size ASC NULLS LAST
EXPLAIN SELECT l_quantity FROM public.lineitem WHERE ((l_partkey = ((SELECT null::integer)::integer)))
EXPLAIN SELECT (0.2 * avg(l_quantity)) FROM public.lineitem WHERE ((l_partkey = ((SELECT null::integer)::integer)))
EXPLAIN SELECT l_partkey, l_quantity, l_extendedprice FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_partkey))
EXPLAIN SELECT p_partkey FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_brand = 'Brand#23')) AND ((p_container = 'MED BOX'))
DECLARE c2 CURSOR FOR SELECT r1.l_extendedprice, r1.l_quantity, r2.p_partkey FROM (public.lineitem r1 INNER JOIN public.part r2 ON (((r1.l_partkey = r2.p_partkey)) AND ((r2.p_brand = 'Brand#23')) AND ((r2.p_container = 'MED BOX'))))
EXPLAIN SELECT c_custkey, c_name FROM public.customer WHERE ((((SELECT null::integer)::integer) = c_custkey))
EXPLAIN SELECT o_orderkey, o_custkey, o_totalprice, o_orderdate FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_custkey))
EXPLAIN SELECT o_orderkey, o_custkey, o_totalprice, o_orderdate FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey))
EXPLAIN SELECT l_orderkey, l_quantity FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey))
DECLARE c1 CURSOR FOR SELECT r1.c_name, r1.c_custkey, r2.o_orderkey, r2.o_orderdate, r2.o_totalprice, r3.l_quantity, r3.l_orderkey FROM ((public.customer r1 INNER JOIN public.orders r2 ON (((r1.c_custkey = r2.o_custkey)))) INNER JOIN public.lineitem r3 ON (((r2.o_orderkey = r3.l_orderkey)))) ORDER BY r2.o_totalprice DESC NULLS FIRST, r2.o_orderdate ASC NULLS LAST, r1.c_name ASC NULLS LAST, r1.c_custkey ASC NULLS LAST, r2.o_orderkey ASC NULLS LAST
EXPLAIN SELECT l_partkey, l_quantity, l_extendedprice, l_discount FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_partkey)) AND ((l_shipmode = ANY ('{AIR,"AIR REG"}'::bpchar[]))) AND ((l_shipinstruct = 'DELIVER IN PERSON')) AND ((((l_quantity >= 1::numeric) AND (l_quantity <= 11::numeric)) OR ((l_quantity >= 10::numeric) AND (l_quantity <= 20::numeric)) OR ((l_quantity >= 20::numeric) AND (l_quantity <= 30::numeric))))
EXPLAIN SELECT p_partkey, p_brand, p_size, p_container FROM public.part WHERE ((((p_brand = 'Brand#12') AND (p_container = ANY ('{"SM CASE","SM BOX","SM PACK","SM PKG"}'::bpchar[])) AND (((SELECT null::numeric(15,2))::numeric(15,2)) >= 1::numeric) AND (((SELECT null::numeric(15,2))::numeric(15,2)) <= 11::numeric) AND (p_size <= 5)) OR ((p_brand = 'Brand#23') AND (p_container = ANY ('{"MED BAG","MED BOX","MED PKG","MED PACK"}'::bpchar[])) AND (((SELECT null::numeric(15,2))::numeric(15,2)) >= 10::numeric) AND (((SELECT null::numeric(15,2))::numeric(15,2)) <= 20::numeric) AND (p_size <= 10)) OR ((p_brand = 'Brand#34') AND (p_container = ANY ('{"LG CASE","LG BOX","LG PACK","LG PKG"}'::bpchar[])) AND (((SELECT null::numeric(15,2))::numeric(15,2)) >= 20::numeric) AND (((SELECT null::numeric(15,2))::numeric(15,2)) <= 30::numeric) AND (p_size <= 15)))) AND ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_size >= 1)) AND ((((p_brand = 'Brand#12') AND (p_container = ANY ('{"SM CASE","SM BOX","SM PACK","SM PKG"}'::bpchar[])) AND (p_size <= 5)) OR ((p_brand = 'Brand#23') AND (p_container = ANY ('{"MED BAG","MED BOX","MED PKG","MED PACK"}'::bpchar[])) AND (p_size <= 10)) OR ((p_brand = 'Brand#34') AND (p_container = ANY ('{"LG CASE","LG BOX","LG PACK","LG PKG"}'::bpchar[])) AND (p_size <= 15))))
DECLARE c1 CURSOR FOR SELECT sum((r1.l_extendedprice * (1::numeric - r1.l_discount))) FROM (public.lineitem r1 INNER JOIN public.part r2 ON (((((r2.p_brand = 'Brand#12') AND (r2.p_container = ANY ('{"SM CASE","SM BOX","SM PACK","SM PKG"}'::bpchar[])) AND (r1.l_quantity >= 1::numeric) AND (r1.l_quantity <= 11::numeric) AND (r2.p_size <= 5)) OR ((r2.p_brand = 'Brand#23') AND (r2.p_container = ANY ('{"MED BAG","MED BOX","MED PKG","MED PACK"}'::bpchar[])) AND (r1.l_quantity >= 10::numeric) AND (r1.l_quantity <= 20::numeric) AND (r2.p_size <= 10)) OR ((r2.p_brand = 'Brand#34') AND (r2.p_container = ANY ('{"LG CASE","LG BOX","LG PACK","LG PKG"}'::bpchar[])) AND (r1.l_quantity >= 20::numeric) AND (r1.l_quantity <= 30::numeric) AND (r2.p_size <= 15)))) AND ((r1.l_partkey = r2.p_partkey)) AND ((r2.p_size >= 1)) AND ((((r2.p_brand = 'Brand#12') AND (r2.p_container = ANY ('{"SM CASE","SM BOX","SM PACK","SM PKG"}'::bpchar[])) AND (r2.p_size <= 5)) OR ((r2.p_brand = 'Brand#23') AND (r2.p_container = ANY ('{"MED BAG","MED BOX","MED PKG","MED PACK"}'::bpchar[])) AND (r2.p_size <= 10)) OR ((r2.p_brand = 'Brand#34') AND (r2.p_container = ANY ('{"LG CASE","LG BOX","LG PACK","LG PKG"}'::bpchar[])) AND (r2.p_size <= 15)))) AND ((r1.l_shipmode = ANY ('{AIR,"AIR REG"}'::bpchar[]))) AND ((r1.l_shipinstruct = 'DELIVER IN PERSON')) AND ((((r1.l_quantity >= 1::numeric) AND (r1.l_quantity <= 11::numeric)) OR ((r1.l_quantity >= 10::numeric) AND (r1.l_quantity <= 20::numeric)) OR ((r1.l_quantity >= 20::numeric) AND (r1.l_quantity <= 30::numeric))))))
EXPLAIN SELECT l_quantity FROM public.lineitem WHERE ((l_shipdate >= '1994-01-01')) AND ((l_shipdate < '1995-01-01')) AND ((l_partkey = ((SELECT null::integer)::integer))) AND ((l_suppkey = ((SELECT null::integer)::integer)))
EXPLAIN SELECT (0.5 * sum(l_quantity)) FROM public.lineitem WHERE ((l_shipdate >= '1994-01-01')) AND ((l_shipdate < '1995-01-01')) AND ((l_partkey = ((SELECT null::integer)::integer))) AND ((l_suppkey = ((SELECT null::integer)::integer)))
EXPLAIN SELECT s_suppkey, s_name, s_address, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_nationkey))
EXPLAIN SELECT s_suppkey, s_name, s_address, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_suppkey))
EXPLAIN SELECT n_nationkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey)) AND ((n_name = 'CANADA'))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_availqty FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_partkey))
EXPLAIN SELECT ps_partkey, ps_suppkey, ps_availqty FROM public.partsupp WHERE ((((SELECT null::integer)::integer) = ps_suppkey))
EXPLAIN SELECT p_partkey FROM public.part WHERE ((((SELECT null::integer)::integer) = p_partkey)) AND ((p_name ~~ 'forest%'))
DECLARE c2 CURSOR FOR SELECT r1.s_name, r1.s_address, r1.s_suppkey FROM (public.supplier r1 INNER JOIN public.nation r2 ON (((r1.s_nationkey = r2.n_nationkey)) AND ((r2.n_name = 'CANADA')))) ORDER BY r1.s_name ASC NULLS LAST
EXPLAIN SELECT s_suppkey, s_name, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_suppkey))
EXPLAIN SELECT s_suppkey, s_name, s_nationkey FROM public.supplier WHERE ((((SELECT null::integer)::integer) = s_nationkey))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((((SELECT null::integer)::integer) <> l_suppkey)) AND ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_receiptdate > l_commitdate))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_suppkey)) AND ((l_receiptdate > l_commitdate))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey)) AND ((l_receiptdate > l_commitdate))
EXPLAIN SELECT o_orderkey FROM public.orders WHERE ((((SELECT null::integer)::integer) = o_orderkey)) AND ((o_orderstatus = 'F'))
EXPLAIN SELECT n_nationkey FROM public.nation WHERE ((((SELECT null::integer)::integer) = n_nationkey)) AND ((n_name = 'SAUDI ARABIA'))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((l_suppkey <> ((SELECT null::integer)::integer))) AND ((((SELECT null::integer)::integer) = l_orderkey))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((((SELECT null::integer)::integer) = l_orderkey))
EXPLAIN SELECT l_orderkey, l_suppkey FROM public.lineitem WHERE ((l_suppkey <> ((SELECT null::integer)::integer))) AND ((l_orderkey = ((SELECT null::integer)::integer))) AND ((l_receiptdate > l_commitdate))
DECLARE c1 CURSOR FOR SELECT r1.s_name, r2.l_suppkey, r2.l_orderkey, r3.o_orderkey FROM (((public.supplier r1 INNER JOIN public.lineitem r2 ON (((r1.s_suppkey = r2.l_suppkey)) AND ((r2.l_receiptdate > r2.l_commitdate)))) INNER JOIN public.orders r3 ON (((r2.l_orderkey = r3.o_orderkey)) AND ((r3.o_orderstatus = 'F')))) INNER JOIN public.nation r4 ON (((r1.s_nationkey = r4.n_nationkey)) AND ((r4.n_name = 'SAUDI ARABIA')))) ORDER BY r1.s_name ASC NULLS LAST
EXPLAIN SELECT c_custkey, c_phone, c_acctbal FROM public.customer WHERE (("substring"(c_phone, 1, 2) = ANY ('{13,31,23,29,30,18,17}'::text[]))) AND ((c_acctbal > ((SELECT null::numeric)::numeric)))
EXPLAIN SELECT c_custkey, c_phone, c_acctbal FROM public.customer WHERE (("substring"(c_phone, 1, 2) = ANY ('{13,31,23,29,30,18,17}'::text[]))) AND ((c_acctbal > ((SELECT null::numeric)::numeric))) ORDER BY "substring"(c_phone, 1, 2) ASC NULLS LAST
EXPLAIN SELECT c_custkey, c_phone, c_acctbal FROM public.customer WHERE (("substring"(c_phone, 1, 2) = ANY ('{13,31,23,29,30,18,17}'::text[]))) AND ((c_acctbal > ((SELECT null::numeric)::numeric))) ORDER BY c_custkey ASC NULLS LAST
EXPLAIN SELECT o_custkey FROM public.orders WHERE ((o_custkey = ((SELECT null::integer)::integer)))
DECLARE c1 CURSOR FOR SELECT avg(c_acctbal) FROM public.customer WHERE ((c_acctbal > 0.00)) AND (("substring"(c_phone, 1, 2) = ANY ('{13,31,23,29,30,18,17}'::text[])))
DECLARE c2 CURSOR FOR SELECT c_custkey, c_phone, c_acctbal FROM public.customer WHERE ((c_acctbal > $1::numeric)) AND (("substring"(c_phone, 1, 2) = ANY ('{13,31,23,29,30,18,17}'::text[]))) ORDER BY "substring"(c_phone, 1, 2) ASC NULLS LAST
