-- Numbers at their edges: arithmetic, division, rounding, overflow, comparison across types.

-- all
SELECT * FROM numbers;

-- edges-equal
SELECT k FROM numbers WHERE i8 = 9223372036854775807 OR i8 = -9223372036854775808;

-- behind-double
SELECT k FROM numbers WHERE i8 = 9007199254740993;

-- behind-double-less
SELECT k FROM numbers WHERE i8 > 9007199254740992;

-- behind-float
SELECT k FROM numbers WHERE i4 = 16777217;

-- smallint-against-wide
SELECT k FROM numbers WHERE i2 = 32767::bigint;

-- smallint-behind-its-range
SELECT k FROM numbers WHERE i2 < 40000;

-- integer-against-numeric
SELECT k FROM numbers WHERE i4 > 1.5;

-- integer-against-float
SELECT k FROM numbers WHERE i4 > 1.5::float8;

-- bigint-against-float
SELECT k FROM numbers WHERE i8 = 9007199254740992::float8;

-- numeric-equal
SELECT k FROM numbers WHERE n = 0.1;

-- numeric-equal-scale
SELECT k FROM numbers WHERE n = 2.500000;

-- numeric-finer
SELECT k FROM numbers WHERE n > 0.009 AND n < 0.011;

-- long-equal
SELECT k FROM numbers WHERE long = 12345678901234567890.123456789;

-- long-less
SELECT k FROM numbers WHERE long < 0.0000000002 AND long > 0;

-- long-edge
SELECT k FROM numbers WHERE long >= 9999999999999999999999999999.9999999999;

-- float-equal
SELECT k FROM numbers WHERE f8 = 0.1;

-- float-equal-cast
SELECT k FROM numbers WHERE f8 = 0.1::float4;

-- float-edge
SELECT k FROM numbers WHERE f8 > 1e307;

-- float-tiny
SELECT k FROM numbers WHERE f8 > 0 AND f8 < 1e-100;

-- order-float
SELECT k, f8 FROM numbers ORDER BY f8, k;

-- order-numeric
SELECT k, n FROM numbers ORDER BY n DESC NULLS LAST, k;

-- order-long
SELECT k, long FROM numbers ORDER BY long, k;

-- order-bigint
SELECT k, i8 FROM numbers ORDER BY i8 DESC, k;

-- add
SELECT k, i2 + 1::int2, i4::int8 + 1, n + 0.001, f8 + 1 FROM numbers WHERE k <> 4;

-- add-smallint-overflow
SELECT i2 + 1::int2 FROM numbers;

-- add-integer-overflow
SELECT i4 + 1 FROM numbers;

-- add-bigint-overflow
SELECT i8 + 1 FROM numbers;

-- subtract-overflow
SELECT i8 - 1 FROM numbers;

-- multiply-overflow
SELECT i4 * i4 FROM numbers;

-- negate-overflow
SELECT - i4 FROM numbers;

-- abs-overflow
SELECT abs(i8) FROM numbers;

-- overflow-in-where
SELECT k FROM numbers WHERE i4 + 1 > 0;

-- overflow-in-bigint-where
SELECT k FROM numbers WHERE i8 * 2 > 0;

-- float-overflow
SELECT f8 * 10 FROM numbers;

-- float-underflow
SELECT f8 / 1e300 FROM numbers WHERE k = 10;

-- divide-integers
SELECT k, i4 / 2, i4 % 2, i8 / 3, i2 / 2::int2 FROM numbers;

-- divide-negative
SELECT k, i2 / 2, i2 % 2, mod(i4, 3), div(n, 2) FROM numbers;

-- divide-numeric
SELECT k, n / 3, n / 7::int, long / 3 FROM numbers;

-- divide-float
SELECT k, f8 / 3 FROM numbers;

-- divide-by-zero
SELECT 1 / i4 FROM numbers;

-- divide-by-zero-numeric
SELECT 1 / n FROM numbers;

-- divide-by-zero-float
SELECT 1 / f8 FROM numbers;

-- divide-by-zero-in-where
SELECT k FROM numbers WHERE 10 / i4 > 1;

-- modulo-zero
SELECT 5 % i4 FROM numbers;

-- divide-minimum
SELECT i4 / -1 FROM numbers WHERE k = 5;

-- divide-in-where
SELECT k FROM numbers WHERE i4 / 2 = 3;

-- numeric-division-in-where
SELECT k FROM numbers WHERE n / 3 > 0.8 AND n / 3 < 0.9;

-- multiply-numeric
SELECT k, n * n, n * 1.5, n * 2 FROM numbers;

-- numeric-plus-integer
SELECT k, n + i4 FROM numbers;

-- numeric-plus-float
SELECT k, n + f8 FROM numbers WHERE k NOT IN (4, 5);

-- power
SELECT k, i2 ^ 2, power(n, 2), power(2, 10), sqrt(abs(n)) FROM numbers WHERE k NOT IN (4, 5);

-- round
SELECT k, round(n, 1), round(n), round(n, -2), trunc(n, 1), ceil(n), floor(n) FROM numbers;

-- round-half
SELECT k, round(n), round(f8), n::int8, f8::int8 FROM numbers WHERE k IN (9, 11, 8);

-- round-half-where
SELECT k FROM numbers WHERE round(f8) = 2;

-- round-numeric-where
SELECT k FROM numbers WHERE round(n) = 3;

-- ceil-floor-float
SELECT k, ceil(f8), floor(f8), trunc(f8), sign(f8), abs(f8) FROM numbers;

-- abs-sign
SELECT k, abs(i2), abs(n), sign(n) FROM numbers;

-- abs-where
SELECT k FROM numbers WHERE abs(i4) = 7;

-- cast-to-smallint
SELECT k, i4::int2 FROM numbers WHERE abs(i4) < 30000;

-- cast-to-smallint-overflow
SELECT i4::int2 FROM numbers;

-- cast-to-integer-overflow
SELECT i8::int4 FROM numbers;

-- cast-float-to-integer-overflow
SELECT f8::int4 FROM numbers;

-- cast-in-where
SELECT k FROM numbers WHERE n::int4 = 3;

-- cast-float-to-numeric
SELECT k, f8::numeric, f8::numeric(20,3) FROM numbers WHERE abs(f8) < 1e10;

-- cast-numeric-to-float
SELECT k, n::float8, long::float8 FROM numbers;

-- cast-numeric-narrower
SELECT k, n::numeric(6,1) FROM numbers WHERE n < 1000 AND n > -1000;

-- cast-numeric-overflow
SELECT n::numeric(5,2) FROM numbers;

-- cast-to-text
SELECT k, i2::text, i4::text, i8::text, f8::text, n::text, long::text FROM numbers;

-- cast-to-boolean
SELECT k, i4::boolean FROM numbers;

-- cast-to-float4
SELECT k, i4::float4, n::float4 FROM numbers;

-- text-in-where
SELECT k FROM numbers WHERE i4::text LIKE '%7';

-- bits
SELECT k, i4 & 7, i4 | 8, i4 # 3, ~i4, i4 << 1, i4 >> 1 FROM numbers;

-- bits-where
SELECT k FROM numbers WHERE i4 & 1 = 1;

-- greatest
SELECT k, greatest(i2, i4, i8), least(n, f8) FROM numbers;

-- scale
SELECT k, scale(n), trim_scale(n), min_scale(long), scale(long) FROM numbers;

-- to-char
SELECT k, to_char(n, 'FM999,999,990.00'), to_char(i4, '9999') FROM numbers WHERE k < 4;

-- width-bucket
SELECT id, width_bucket(price, 0, 100, 5) FROM items;

-- exponents
SELECT k, exp(i2), ln(n) FROM numbers WHERE k IN (2, 9, 11);

-- ln-of-zero
SELECT ln(n) FROM numbers WHERE k = 1;

-- sqrt-negative
SELECT sqrt(n) FROM numbers WHERE k = 3;

-- gcd
SELECT id, gcd(id, 12), lcm(id, 4) FROM items WHERE id < 10;

-- nan-and-infinity
SELECT 'NaN'::float8 > f8, 'Infinity'::float8 > f8 FROM numbers;

-- compare-with-nan
SELECT k FROM numbers WHERE f8 < 'NaN'::float8;

-- compare-with-infinity
SELECT k FROM numbers WHERE f8 > '-Infinity';

-- numeric-nan
SELECT k FROM numbers WHERE n < 'NaN'::numeric;

-- huge-constant
SELECT k FROM numbers WHERE i8 < 99999999999999999999;

-- tiny-constant
SELECT k FROM numbers WHERE n > 0.000000000000000000000000001;

-- in-mixed
SELECT k FROM numbers WHERE i4 IN (1, 7, 3000000000);

-- sums
SELECT sum(n), avg(n), sum(f8) FROM numbers WHERE k NOT IN (4, 5, 10, 12);

-- sum-float-overflow
SELECT sum(f8) FROM numbers WHERE f8 > 0;

-- avg-numeric-digits
SELECT avg(n), avg(long), avg(i4), avg(i2) FROM numbers;

-- stddev
SELECT stddev(i2), variance(n) FROM numbers WHERE k NOT IN (4, 5);

-- group-round
SELECT round(price / 10), count(*) FROM items GROUP BY 1;

-- order-by-arithmetic
SELECT k FROM numbers WHERE k NOT IN (4, 5) ORDER BY n * -1, k;

-- factorial-and-pi
SELECT factorial(5), round(pi()::numeric, 5), cbrt(27), degrees(pi()) FROM numbers WHERE k = 1;

-- random-is-random
SELECT count(*) FROM items WHERE random() >= 0;

-- numeric-modulo
SELECT k, n % 0.3, mod(long, 7) FROM numbers;

-- unary-minus
SELECT k, -n, -f8, +i4 FROM numbers WHERE k <> 5;

-- bit-length-of-casts
SELECT k, i2::numeric(7,2), i4::numeric FROM numbers;
