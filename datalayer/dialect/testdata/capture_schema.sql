-- The tables of capture.sh, and of the tests that read what it kept.
CREATE TABLE public.t (id integer PRIMARY KEY, k bigint, s smallint, n numeric(12,2), m numeric, r real, d double precision,
  b boolean, v character varying(20), c character(5), x text, da date, ts timestamp(3) without time zone,
  tz timestamp with time zone, ti time without time zone, iv interval, u uuid, j jsonb, by bytea, ia integer[], ta text[]);
CREATE TABLE public.u (id integer PRIMARY KEY, t_id integer, name text, amount numeric(12,2), at date);
CREATE TABLE "Odd Schema"."My Table" ("Id" integer PRIMARY KEY, "select" text, "a""b" bigint);
CREATE TABLE public.nation (n_nationkey integer PRIMARY KEY, n_name character(25), n_regionkey integer, n_comment character varying(152));
CREATE TABLE public.region (r_regionkey integer PRIMARY KEY, r_name character(25), r_comment character varying(152));
CREATE TABLE public.part (p_partkey integer PRIMARY KEY, p_name character varying(55), p_mfgr character(25), p_brand character(10),
  p_type character varying(25), p_size integer, p_container character(10), p_retailprice numeric(15,2), p_comment character varying(23));
CREATE TABLE public.supplier (s_suppkey integer PRIMARY KEY, s_name character(25), s_address character varying(40), s_nationkey integer,
  s_phone character(15), s_acctbal numeric(15,2), s_comment character varying(101));
CREATE TABLE public.partsupp (ps_partkey integer, ps_suppkey integer, ps_availqty integer, ps_supplycost numeric(15,2),
  ps_comment character varying(199));
CREATE TABLE public.customer (c_custkey integer PRIMARY KEY, c_name character varying(25), c_address character varying(40),
  c_nationkey integer, c_phone character(15), c_acctbal numeric(15,2), c_mktsegment character(10), c_comment character varying(117));
CREATE TABLE public.orders (o_orderkey integer PRIMARY KEY, o_custkey integer, o_orderstatus character(1), o_totalprice numeric(15,2),
  o_orderdate date, o_orderpriority character(15), o_clerk character(15), o_shippriority integer, o_comment character varying(79));
CREATE TABLE public.lineitem (l_orderkey integer, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity numeric(15,2),
  l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag character(1), l_linestatus character(1),
  l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct character(25), l_shipmode character(10),
  l_comment character varying(44));
