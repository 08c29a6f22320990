-- INSERT, and values of each type at their edges on their way in.

--! writes w u v kinds nothing

-- one-row
INSERT INTO w VALUES (100, 'new', 5, 1.25, 0.5, true, '2024-05-06', '2024-05-06 07:08:09.5');

-- columns
INSERT INTO w (id, name) VALUES (100, 'new');

-- columns-in-another-order
INSERT INTO w (flag, price, id) VALUES (false, 9.99, 100);

-- several-rows
INSERT INTO w (id, name) VALUES (100, 'a'), (101, 'b'), (102, NULL);

-- default-keyword
INSERT INTO w (id, name) VALUES (100, DEFAULT);

-- default-values-fail
INSERT INTO w DEFAULT VALUES;

-- returning
INSERT INTO w (id, name) VALUES (100, 'a') RETURNING id, name, qty;

-- returning-star
INSERT INTO w (id, name, price) VALUES (100, 'a', 1) RETURNING *;

-- returning-expression
INSERT INTO w (id, name) VALUES (100, 'a'), (101, 'b') RETURNING id * 2 AS d, upper(name);

-- select
INSERT INTO w (id, name) SELECT gid + 100, label FROM groups;

-- select-of-itself
INSERT INTO w SELECT id + 100, name, qty, price, ratio, flag, day, at FROM w;

-- select-returning
INSERT INTO w (id, name) SELECT gid + 100, label FROM groups WHERE gid < 4 RETURNING id;

-- select-none
INSERT INTO w (id, name) SELECT gid, label FROM groups WHERE false;

-- values-with-types
INSERT INTO w (id, qty, price) VALUES (100, 1 + 1, 10 / 4.0), (101, '7', '1e1');

-- subquery-value
INSERT INTO w (id, qty) VALUES (100, (SELECT max(qty) FROM items));

-- with
WITH x AS (SELECT gid FROM groups WHERE gid > 8) INSERT INTO w (id) SELECT gid + 100 FROM x;

-- rounding-on-the-way-in
INSERT INTO w (id, price, qty) VALUES (100, 1.005, 2.5), (101, 1.995, 3.5), (102, -1.005, -2.5);

-- float-values
INSERT INTO w (id, ratio) VALUES (100, 0.1), (101, 1e-300), (102, 1.7976931348623157e308), (103, 1.0 / 3);

-- float-special
INSERT INTO w (id, ratio) VALUES (100, 'NaN'), (101, 'Infinity'), (102, '-Infinity');

-- float-negative-zero
INSERT INTO w (id, ratio) VALUES (100, '-0');

-- texts
INSERT INTO w (id, name) VALUES (100, ''), (101, ' '), (102, 'it''s'), (103, '\'), (104, E'tab\tnew\nline'), (105, 'ÄÖ日本😀'), (106, '"q"'), (107, '%_'), (108, 'NULL');

-- long-text
INSERT INTO w (id, name) VALUES (100, repeat('Ä', 10000));

-- compare-long-text
INSERT INTO w (id, name) VALUES (100, repeat('x', 100000)) RETURNING length(name);

-- unicode-parameter
--! $1 int4 = 100
--! $2 text = Ünïcode 日本 😀
INSERT INTO w (id, name) VALUES ($1, $2);

-- null-parameters
--! $1 int4 = 100
--! $2 text = NULL
--! $3 int8 = NULL
INSERT INTO w (id, name, qty) VALUES ($1, $2, $3) RETURNING *;

-- parameters-of-each-type
--! $1 int4 = 100
--! $2 text = x
--! $3 int8 = 9223372036854775807
--! $4 numeric = 12345.67
--! $5 float8 = 0.1
--! $6 bool = true
--! $7 date = 2024-02-29
--! $8 timestamp = 2024-02-29 23:59:59.999999
INSERT INTO w VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- key-taken
INSERT INTO w (id) VALUES (1);

-- key-taken-in-the-middle
INSERT INTO w (id) VALUES (100), (1), (101);

-- key-twice-in-one
INSERT INTO w (id) VALUES (100), (100);

-- key-null
INSERT INTO w (id, name) VALUES (NULL, 'x');

-- unique-taken
INSERT INTO u VALUES (100, 'c1', 0);

-- unique-null
INSERT INTO u VALUES (100, NULL, 0);

-- unique-case
INSERT INTO u VALUES (100, 'C1', 0);

-- key-of-two-taken
INSERT INTO v VALUES (1, 'p', 9);

-- key-of-two-half
INSERT INTO v VALUES (1, 'z', 9);

-- numeric-overflow
INSERT INTO w (id, price) VALUES (100, 99999999999);

-- bigint-overflow
INSERT INTO w (id, qty) VALUES (100, 9223372036854775808);

-- integer-overflow
INSERT INTO w (id) VALUES (3000000000);

-- integer-overflow-parameter
--! $1 int8 = 3000000000
INSERT INTO w (id) VALUES ($1::int8);

-- bad-text-for-number
INSERT INTO w (id, qty) VALUES (100, 'seven');

-- bad-date
INSERT INTO w (id, day) VALUES (100, '2024-02-30');

-- wrong-type
INSERT INTO w (id, day) VALUES (100, 5);

-- too-many-values
INSERT INTO w (id) VALUES (100, 5);

-- unknown-column
INSERT INTO w (id, nix) VALUES (100, 5);

-- into-empty-table
INSERT INTO nothing VALUES (1, 'x'), (2, NULL) RETURNING *;

-- division-by-zero
INSERT INTO w (id, qty) VALUES (100, 1 / 0);

-- division-by-zero-in-select
INSERT INTO w (id, qty) SELECT 100 + id, 1 / (id - 3) FROM w;

-- kinds-zero
INSERT INTO kinds VALUES (1, false, 0, 0, 0, 0, 0, 0, '', '1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00+00', '0', '00000000-0000-0000-0000-000000000000', '', '{}', '{}');

-- kinds-null
INSERT INTO kinds (k) VALUES (1);

-- kinds-low
INSERT INTO kinds VALUES (1, false, -32768, -2147483648, -9223372036854775808, -1.7976931348623157e308, -9999999999.99, -9999999999999999999999999999.9999999999, ' ', '1900-01-01', '00:00', '1900-01-01', '1900-01-01 00:00+00', '-100 years', '00000000-0000-0000-0000-000000000001', '\x00', 'null', '{-2147483648}');

-- kinds-high
INSERT INTO kinds VALUES (1, true, 32767, 2147483647, 9223372036854775807, 1.7976931348623157e308, 9999999999.99, 9999999999999999999999999999.9999999999, '￿', '2199-12-31', '23:59:59.999999', '2199-12-31 23:59:59.999999', '2199-12-31 23:59:59.999999+00', '100 years', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\xff', '[1]', '{2147483647}');

-- kinds-back
INSERT INTO kinds SELECT n.k, b, i2, i4, i8, f8, n, long, s, d, t, ts, tz, iv, u, y, j, a FROM numbers AS n JOIN moments AS m ON m.k = n.k LEFT JOIN things AS x ON x.k = n.k JOIN texts AS s ON s.k = n.k;

-- kinds-read-again
INSERT INTO kinds (k, i8, f8, n, s, ts) VALUES (1, 9007199254740993, 0.1, 0.10, 'Ä', '2024-12-31 23:59:59.999999');
SELECT i8, f8, n, s, ts FROM kinds WHERE i8 = 9007199254740993 AND f8 = 0.1 AND n = 0.1 AND s = 'Ä' AND ts = '2024-12-31 23:59:59.999999';
SELECT k FROM kinds WHERE i8 = 9007199254740992 OR f8 = 0.1000001 OR s = 'ä';

-- kinds-dates-far
INSERT INTO kinds (k, d, ts) VALUES (1, '0001-01-01', '0001-01-01'), (2, '9999-12-31', '9999-12-31 23:59:59.999999');

-- kinds-date-before-christ
INSERT INTO kinds (k, d) VALUES (1, '0044-03-15 BC');

-- kinds-date-infinity
INSERT INTO kinds (k, d, ts, tz) VALUES (1, 'infinity', '-infinity', 'infinity');

-- kinds-zone
SET timezone = 'Asia/Tokyo';
INSERT INTO kinds (k, tz, ts) VALUES (1, '2024-06-01 12:00', '2024-06-01 12:00');
SELECT k, tz, ts FROM kinds;

-- kinds-intervals
INSERT INTO kinds (k, iv) VALUES (1, '1 year 2 mons -3 days 04:05:06.789'), (2, '-1 mons'), (3, '36:00:00'), (4, '1 day -00:00:00.000001');

-- kinds-json
INSERT INTO kinds (k, j) VALUES (1, '{"b": 1, "a": [1.50, "x", null, true], "ä": "日本"}'), (2, '"text"'), (3, '1e2'), (4, '{"a": 1, "a": 2}');

-- kinds-bytes
INSERT INTO kinds (k, y) SELECT i, decode(repeat(lpad(to_hex(i * 17), 2, '0'), 20), 'hex') FROM generate_series(0, 15) AS i;

-- kinds-arrays
INSERT INTO kinds (k, a) VALUES (1, '{1,NULL,3}'), (2, '{}'), (3, ARRAY[[1, 2], [3, 4]]), (4, '[2:3]={5,6}');

-- kinds-numeric-nan
INSERT INTO kinds (k, long) VALUES (1, 'NaN');

-- kinds-smallint-overflow
INSERT INTO kinds (k, i2) VALUES (1, 32768);

-- thousand-rows
INSERT INTO w (id, name, qty) SELECT i, 'n' || i, i % 7 FROM generate_series(1000, 1999) AS i;
SELECT count(*), sum(qty), min(id), max(name) FROM w;
