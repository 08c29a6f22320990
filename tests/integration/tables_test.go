package integration

// tablesSQL makes the tables that the differential tests read. Nothing in it depends on time, locale or chance, so that
// every target holds the same. item has 1,000 rows with 10 distinct k; tag joins 5 of them; empty is empty.
const tablesSQL = `
SET client_min_messages = warning;
CREATE TABLE item (
	id int PRIMARY KEY,
	k int NOT NULL,
	cheap int NOT NULL,
	odd int,
	name text NOT NULL,
	secret text NOT NULL,
	small smallint NOT NULL,
	big bigint NOT NULL,
	r real,
	f double precision,
	n numeric,
	yes boolean,
	d date,
	ti time,
	ts timestamp,
	tz timestamptz,
	iv interval,
	u uuid,
	by bytea,
	js json,
	jb jsonb,
	ai int[],
	al bigint[],
	ar real[],
	af double precision[],
	at text[],
	ab boolean[]
);
INSERT INTO item
SELECT i, i % 10, (i / 10) % 10, CASE WHEN i % 7 <> 0 THEN i % 5 END, 'item ' || i % 20, md5(i::text), i % 100, i * 10000000000,
	i / 8.0, CASE WHEN i % 11 <> 0 THEN i / 4.0 END, CASE WHEN i % 13 <> 0 THEN i / 100.0 END, CASE WHEN i % 3 <> 2 THEN i % 2 = 0 END,
	date '2020-02-27' + i, time '00:00' + i * interval '61 seconds 5 microseconds', timestamp '1999-12-31 23:59:59.5' + i * interval '1 hour',
	timestamptz '2024-03-31 00:30:00+00' + i * interval '1 minute', i * interval '1 day 1 hour 2.5 seconds' - interval '3 mons',
	('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, decode(lpad(to_hex(i), 6, '0'), 'hex'),
	json_build_object('a', i, 'b', 'x "y"'), jsonb_build_object('b', i, 'a', jsonb_build_array(i, NULL, 'é')),
	ARRAY[i, i % 10], ARRAY[i, i * 10000000000], ARRAY[i / 8.0, 0.5]::real[], ARRAY[i / 4.0, -i], ARRAY['a ' || i, '"q"', 'NULL', '', 'é,{}'],
	ARRAY[i % 2 = 0, true]
FROM generate_series(1, 1000) i;
CREATE TABLE tag (k int, label text);
INSERT INTO tag VALUES (3, 'three'), (3, 'drei'), (7, 'seven'), (11, 'none'), (NULL, 'null');
CREATE TABLE empty (id int, k int, f double precision, name text);
CREATE TABLE "Odd Table" ("Key ""x""" int, "select" text);
INSERT INTO "Odd Table" VALUES (1, 'one'), (2, 'two');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE person (id int PRIMARY KEY, feels mood, salary numeric(10, 2));
INSERT INTO person VALUES (1, 'ok', 10.50), (2, 'sad', NULL), (3, 'happy', 3);
CREATE VIEW cheap_item AS SELECT id, k, name FROM item WHERE cheap = 3;
CREATE FUNCTION halve(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i / 2';
ANALYZE item; ANALYZE tag;
`
