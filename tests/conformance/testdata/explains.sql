-- EXPLAIN is answered.

-- plain
--! accepted
EXPLAIN SELECT * FROM items WHERE id = 3;

-- verbose
--! accepted
EXPLAIN (VERBOSE) SELECT grp, count(*) FROM items GROUP BY grp;

-- analyze
--! accepted
EXPLAIN (ANALYZE) SELECT i.id FROM items AS i JOIN groups AS g ON g.gid = i.grp;

-- json
--! accepted
EXPLAIN (FORMAT JSON) SELECT id FROM items ORDER BY id LIMIT 3;

-- analyze-verbose-json
--! accepted
EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT count(*) FROM sales WHERE who = 'ann';

-- update
--! accepted
EXPLAIN (VERBOSE) UPDATE w SET qty = 1 WHERE id = 1;

-- insert
--! accepted
EXPLAIN INSERT INTO w (id) VALUES (100);

-- delete
--! accepted
EXPLAIN DELETE FROM w WHERE name = 'x';

-- parameter
--! accepted
--! $1 int4 = 3
EXPLAIN SELECT * FROM items WHERE id = $1;

-- execute
--! accepted
PREPARE p(int) AS SELECT id FROM items WHERE id = $1;
EXPLAIN EXECUTE p(3);

-- predict
--! accepted
EXPLAIN SELECT predict('twice', qty) FROM items;

-- analyze-predict
--! accepted
EXPLAIN (ANALYZE) SELECT predict('twice', qty) FROM items;

-- settings
--! accepted
EXPLAIN (COSTS OFF, SETTINGS, SUMMARY) SELECT 1;

-- error
EXPLAIN SELECT nix FROM items;

-- analyze-is-rolled-back
--! accepted
BEGIN;
EXPLAIN (ANALYZE) DELETE FROM w;
ROLLBACK;

-- analyze-the-statistics
ANALYZE items;
SELECT count(*) FROM items;

-- vacuum
VACUUM items;
