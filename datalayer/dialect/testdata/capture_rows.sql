-- A few rows for the tables of capture_schema.sql, so that postgres_fdw plans as it does over real ones.
INSERT INTO t (id, k, s, n, x, v) SELECT i, i % 97, i % 7, i / 3.0, 'n' || i, 'v' || i % 13 FROM generate_series(1, 2000) i;
INSERT INTO u SELECT i, i % 1000, 'u' || i, i / 7.0, date '2020-01-01' + i FROM generate_series(10, 1500) i;
ANALYZE;
