-- Parameters of each type, in text and in binary; statements that are prepared.

-- smallint
--! $1 int2 = 7
SELECT k FROM numbers WHERE i2 = $1;

-- integer
--! $1 int4 = 16777217
SELECT k FROM numbers WHERE i4 = $1;

-- bigint
--! $1 int8 = 9007199254740993
SELECT k FROM numbers WHERE i8 = $1;

-- integer-for-bigint
--! $1 int4 = 3
SELECT k FROM numbers WHERE i8 = $1;

-- bigint-for-smallint
--! $1 int8 = 70000
SELECT k FROM numbers WHERE i2 < $1;

-- numeric
--! $1 numeric = 0.10
SELECT k FROM numbers WHERE n = $1;

-- numeric-for-integer
--! $1 numeric = 7.0
SELECT k FROM numbers WHERE i4 = $1;

-- float
--! $1 float8 = 0.1
SELECT k FROM numbers WHERE f8 = $1;

-- float-nan
--! $1 float8 = NaN
SELECT k FROM numbers WHERE f8 < $1;

-- real
--! $1 float4 = 2.5
SELECT k FROM numbers WHERE f8 = $1;

-- text
--! $1 text = Ä
SELECT k FROM texts WHERE s = $1;

-- text-empty
--! $1 text = 
SELECT k FROM texts WHERE s = $1;

-- text-quote
--! $1 text = '
SELECT k FROM texts WHERE s = $1;

-- text-backslash
--! $1 text = \
SELECT k FROM texts WHERE s = $1;

-- text-like
--! $1 text = a%
SELECT k FROM texts WHERE s LIKE $1;

-- varchar
--! $1 varchar = ab
SELECT k FROM texts WHERE s = $1;

-- char
--! $1 char(5) = a
SELECT k FROM texts WHERE s = $1;

-- boolean
--! $1 bool = true
SELECT id FROM items WHERE flag = $1;

-- boolean-alone
--! $1 bool = false
SELECT id FROM items WHERE $1 OR id < 3;

-- date
--! $1 date = 2024-02-29
SELECT k FROM moments WHERE d = $1;

-- time
--! $1 time = 12:00
SELECT k FROM moments WHERE t < $1;

-- timestamp
--! $1 timestamp = 2024-12-31 23:59:59.999999
SELECT k FROM moments WHERE ts = $1;

-- timestamptz
--! $1 timestamptz = 2024-03-31 03:30:00+02
SELECT k FROM moments WHERE tz = $1;

-- timestamptz-for-timestamp
--! $1 timestamptz = 2024-01-01 00:00:00+00
SELECT k FROM moments WHERE ts > $1;

-- interval
--! $1 interval = 1 day
SELECT k, d + $1 FROM moments WHERE iv >= $1;

-- uuid
--! $1 uuid = 0b9c7e5a-1f4d-4c3b-8a2e-6d5f4e3c2b1a
SELECT k FROM things WHERE u = $1;

-- bytea
--! $1 bytea = \xdeadbeef
SELECT k FROM things WHERE y = $1;

-- jsonb
--! $1 jsonb = {"a": 1}
SELECT k FROM things WHERE j @> $1;

-- integer-array
--! $1 int4[] = {4,6,NULL}
SELECT id FROM items WHERE grp = ANY ($1);

-- text-array
--! $1 text[] = {ann,李}
SELECT oid FROM sales WHERE who = ANY ($1);

-- null-integer
--! $1 int4 = NULL
SELECT id FROM items WHERE grp = $1;

-- null-is-distinct
--! $1 int4 = NULL
SELECT id FROM items WHERE grp IS NOT DISTINCT FROM $1;

-- two
--! $1 int4 = 5
--! $2 bool = true
SELECT id FROM items WHERE grp = $1 AND flag = $2;

-- out-of-order
--! $1 int4 = 20
--! $2 int4 = 10
SELECT id FROM items WHERE id > $2 AND id < $1;

-- twice
--! $1 int4 = 5
SELECT id, $1 AS x FROM items WHERE grp = $1 OR qty = $1;

-- limit-offset
--! $1 int8 = 3
--! $2 int8 = 5
SELECT id FROM items ORDER BY id LIMIT $1 OFFSET $2;

-- in-select-list
--! $1 text = x
SELECT id, $1 || name FROM items WHERE id < 3;

-- in-group
--! $1 int4 = 3
SELECT id % $1, count(*) FROM items GROUP BY 1;

-- in-join
--! $1 text = tools
SELECT i.id FROM items AS i JOIN groups AS g ON g.gid = i.grp AND g.label = $1;

-- in-subquery
--! $1 numeric = 20
SELECT gid FROM groups WHERE gid IN (SELECT grp FROM items WHERE price > $1);

-- in-having
--! $1 int8 = 6
SELECT grp FROM items GROUP BY grp HAVING count(*) > $1;

-- in-case
--! $1 int4 = 4
SELECT id, CASE grp WHEN $1 THEN 'hit' ELSE 'miss' END FROM items;

-- arithmetic
--! $1 int4 = 2
SELECT id, qty * $1, price / $1 FROM items WHERE id % $1 = 0;

-- too-few
SELECT id FROM items WHERE id = $1;

-- cast
--! $1 text = 12
SELECT id FROM items WHERE id = $1::int;

-- cast-fails
--! $1 text = twelve
SELECT id FROM items WHERE id = $1::int;

-- point-by-key
--! $1 int4 = 7
SELECT * FROM items WHERE id = $1;

-- point-by-two
--! $1 int4 = 2
--! $2 text = ÿ
SELECT * FROM pairs WHERE a = $1 AND b = $2;

-- in-list
--! $1 int4 = 1
--! $2 int4 = 5
--! $3 int4 = 99
SELECT id FROM items WHERE id IN ($1, $2, $3);

-- between
--! $1 date = 2024-01-01
--! $2 date = 2024-06-30
SELECT id, day FROM items WHERE day BETWEEN $1 AND $2 ORDER BY id;

-- prepare
PREPARE p(int) AS SELECT id, name FROM items WHERE id = $1;
EXECUTE p(3);
EXECUTE p(40);
EXECUTE p(NULL);
EXECUTE p(41);
DEALLOCATE p;

-- prepare-many-executions
PREPARE p(int, text) AS SELECT count(*) FROM items WHERE grp = $1 AND name > $2;
EXECUTE p(4, 'a');
EXECUTE p(5, 'a');
EXECUTE p(6, 'a');
EXECUTE p(7, 'a');
EXECUTE p(8, 'a');
EXECUTE p(4, 'b');
EXECUTE p(5, 'c');
EXECUTE p(6, 'Z');

-- prepare-generic-plan
SET plan_cache_mode = force_generic_plan;
PREPARE p(int, date) AS SELECT id, day FROM items WHERE id > $1 AND day >= $2 ORDER BY id;
EXECUTE p(3, '2024-06-01');
EXECUTE p(30, '2024-06-01');
EXECUTE p(NULL, '2024-06-01');

-- prepare-wrong-arguments
PREPARE p(int) AS SELECT id FROM items WHERE id = $1;
EXECUTE p(1, 2);

-- prepare-unknown
EXECUTE nix(1);

-- three-rows-at-a-time
--! portal
SELECT id, name, price FROM items;

-- three-ordered-rows-at-a-time
--! portal
SELECT o.oid, i.name FROM sales AS o JOIN items AS i ON i.id = o.item ORDER BY o.oid;
