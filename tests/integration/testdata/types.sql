Every type of argument and answer, in text and binary, at its edges.

-- case: boolean
SELECT yes, predict('id_bool', yes) FROM item ORDER BY id LIMIT 30

-- case: smallint
SELECT predict('id_int2', small), predict('id_int2', (-32768)::int2), predict('id_int2', 32767::int2) FROM item ORDER BY id LIMIT 10

-- case: integer
SELECT predict('id_int4', id), predict('id_int4', -2147483648), predict('id_int4', 2147483647) FROM item ORDER BY id LIMIT 10

-- case: bigint
SELECT predict('id_int8', big), predict('id_int8', -9223372036854775808), predict('id_int8', 9223372036854775807) FROM item ORDER BY id LIMIT 10

-- case: real
SELECT predict('id_float4', r), predict('id_float4', 0.1::real), predict('id_float4', 3.4028235e38::real), predict('id_float4', 1e-45::real), predict('id_float4', 16777216::real) FROM item ORDER BY id LIMIT 10

-- case: double precision
SELECT predict('id_float8', f), predict('id_float8', 0.1), predict('id_float8', 1e308), predict('id_float8', 5e-324), predict('id_float8', 1e15::float8), predict('id_float8', 1e16::float8), predict('id_float8', 123456789012345680) FROM item ORDER BY id LIMIT 10

-- case: NaN, infinities and minus zero
SELECT predict('id_float8', v), predict('id_float4', v::real), predict('half', v) FROM unnest('{NaN,Infinity,-Infinity,-0,0}'::float8[]) v

-- case: numeric
SELECT predict('id_numeric', n), predict('id_numeric', 1.50), predict('id_numeric', -0.00001), predict('id_numeric', 123456789012345678901234567890), predict('id_numeric', 100), predict('id_numeric', 1e20), predict('id_numeric', 'NaN') FROM item ORDER BY id LIMIT 20

-- case: numerics that are equal and print differently
SELECT predict('shout', v::text), predict('id_numeric', v) FROM (VALUES (1.0::numeric), (1.00), (1), (1.000)) x (v)

-- case: numeric infinity
SELECT predict('id_numeric', v) FROM (VALUES ('Infinity'::numeric), ('-Infinity')) x (v)

-- case: text
SELECT predict('id_text', name), predict('id_text', ''), predict('id_text', 'é ü 漢字 🙂'), predict('id_text', E'a\tb\n\\c"''') FROM item ORDER BY id LIMIT 10

-- case: long text
SELECT length(v), predict('id_text', v) = v, predict('size', v) FROM (SELECT repeat('xyz ', 50000) AS v) x

-- case: long text as the answer
SELECT predict('id_text', repeat('xyz ', 20000))

-- case: varchar, char and name arguments
SELECT predict('shout', name::varchar(5)), predict('shout', 'ab'::char(4)), predict('shout', 'n'::name) FROM item ORDER BY id LIMIT 3

-- case: bytea
SELECT predict('id_bytea', by), predict('id_bytea', ''), predict('id_bytea', '\x00ff5c27') FROM item ORDER BY id LIMIT 10

-- case: bytea in the escape format
-- setup: SET bytea_output = escape
SELECT predict('id_bytea', by), predict('id_bytea', '\x00ff5c27') FROM item ORDER BY id LIMIT 10

-- case: date
SELECT predict('id_date', d), predict('id_date', '0044-03-15 BC'), predict('id_date', 'infinity'), predict('id_date', '-infinity'), predict('id_date', '5874897-12-31') FROM item ORDER BY id LIMIT 10

-- case: time
SELECT predict('id_time', ti), predict('id_time', '24:00'), predict('id_time', '00:00:00.000001') FROM item ORDER BY id LIMIT 10

-- case: timestamp
SELECT predict('id_timestamp', ts), predict('id_timestamp', '0001-01-01 00:00:00.1 BC'), predict('id_timestamp', 'infinity'), predict('id_timestamp', '1999-12-31 23:59:59.999999') FROM item ORDER BY id LIMIT 10

-- case: timestamptz
SELECT predict('id_timestamptz', tz), predict('id_timestamptz', '-infinity'), predict('id_timestamptz', '1883-11-18 12:03:57-04:56') FROM item ORDER BY id LIMIT 10

-- case: timestamptz in another zone
-- setup: SET TimeZone = 'Europe/Oslo'
SELECT tz, predict('id_timestamptz', tz), predict('id_timestamptz', '1890-01-01 00:00:00+00'), predict('id_timestamptz', ts) FROM item ORDER BY id LIMIT 100

-- case: timestamptz in a zone of half hours
-- setup: SET TimeZone = 'Asia/Kolkata'
SELECT predict('id_timestamptz', tz) FROM item ORDER BY id LIMIT 10

-- case: dates in another style
-- setup: SET DateStyle = 'German'
SELECT d, predict('id_date', d), ts, predict('id_timestamp', ts), predict('id_timestamptz', tz) FROM item ORDER BY id LIMIT 10

-- case: dates in the SQL style, day first
-- setup: SET DateStyle = 'SQL, DMY'
SELECT d, predict('id_date', d), predict('id_timestamp', ts), predict('id_timestamptz', tz) FROM item ORDER BY id LIMIT 10

-- case: dates in the Postgres style
-- setup: SET DateStyle = 'Postgres, MDY'
SELECT predict('id_date', d), predict('id_timestamp', ts), predict('id_timestamptz', tz) FROM item ORDER BY id LIMIT 10

-- case: interval
SELECT predict('id_interval', iv), predict('id_interval', '1 year -2 mons 3 days -04:05:06.789'), predict('id_interval', '0') FROM item ORDER BY id LIMIT 10

-- case: interval in another style
-- setup: SET IntervalStyle = iso_8601
SELECT iv, predict('id_interval', iv) FROM item ORDER BY id LIMIT 10

-- case: uuid
SELECT predict('id_uuid', u), predict('id_uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11') FROM item ORDER BY id LIMIT 10

-- case: json
SELECT predict('id_json', js), predict('id_json', '{ "a" : 1,"b":[1, 2.5,null] }'), predict('id_json', '"x"') FROM item ORDER BY id LIMIT 10

-- case: jsonb
SELECT predict('id_jsonb', jb), predict('id_jsonb', '{"b":1,"a":[1, 2.5,null,"é"]}') FROM item ORDER BY id LIMIT 10

-- case: array of boolean
SELECT predict('id_bools', ab), predict('id_bools', '{}') FROM item ORDER BY id LIMIT 10

-- case: array of integer
SELECT predict('id_int4s', ai), predict('id_int4s', '{}'), predict('pair', id) FROM item ORDER BY id LIMIT 10

-- case: array of bigint
SELECT predict('id_int8s', al), predict('id_int8s', ARRAY[-9223372036854775808, 9223372036854775807]) FROM item ORDER BY id LIMIT 10

-- case: array of real
SELECT predict('id_float4s', ar), predict('id_float4s', '{NaN,0.1,-Infinity}') FROM item ORDER BY id LIMIT 10

-- case: array of double precision
SELECT predict('id_float8s', af), predict('total', af), predict('total', '{}'), predict('total', ARRAY[0.1, 0.2]) FROM item ORDER BY id LIMIT 10

-- case: array of text
SELECT predict('id_texts', at), predict('id_texts', '{}') FROM item ORDER BY id LIMIT 10

-- case: NULL of every type
SELECT predict('id_bool', NULL), predict('id_int2', NULL), predict('id_float4', NULL), predict('id_numeric', NULL), predict('id_bytea', NULL), predict('id_date', NULL), predict('id_uuid', NULL), predict('id_json', NULL), predict('id_texts', NULL)

-- case: extra_float_digits
-- setup: SET extra_float_digits = 0
SELECT predict('id_float8', 0.1 + 0.2), predict('id_float4', 0.1::real), predict('id_float8s', ARRAY[1/3.0])

-- case: another client encoding
-- setup: SET client_encoding = LATIN1
-- expect: either
-- only: extended
-- param: text abc
SELECT predict('shout', chr(233) || $1), predict('size', chr(233)), chr(233), predict('id_texts', ARRAY[chr(233)])

-- case: filters over each type
SELECT id FROM item WHERE predict('id_date', d) > '2021-01-01' AND predict('id_numeric', n) < 5 AND predict('id_uuid', u) <> '00000000-0000-4000-8000-000000000400' AND predict('id_timestamptz', tz) IS NOT NULL AND predict('id_bytea', by) > '\x000150' ORDER BY id

-- case: three arguments
SELECT id, predict('weigh', f, name, yes) FROM item ORDER BY id LIMIT 100

-- case: an answer out of range
-- fails: 22003
-- expect: code
SELECT predict('double', i) FROM generate_series(2000000000, 2000000001) i
