-- INSERT … ON CONFLICT, MERGE.

--! writes w u v

-- nothing
INSERT INTO u VALUES (1, 'new', 0), (100, 'new', 0) ON CONFLICT DO NOTHING;

-- nothing-returning
INSERT INTO u VALUES (1, 'new', 0), (100, 'new', 0) ON CONFLICT DO NOTHING RETURNING id;

-- nothing-on-key
INSERT INTO u VALUES (1, 'new', 0) ON CONFLICT (id) DO NOTHING;

-- nothing-on-key-unique-fails
INSERT INTO u VALUES (100, 'c1', 0) ON CONFLICT (id) DO NOTHING;

-- nothing-on-unique
INSERT INTO u VALUES (100, 'c1', 0) ON CONFLICT (code) DO NOTHING;

-- nothing-on-unique-key-fails
INSERT INTO u VALUES (1, 'new', 0) ON CONFLICT (code) DO NOTHING;

-- update
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = excluded.n;

-- update-inserts
INSERT INTO u VALUES (100, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = excluded.n;

-- update-both
INSERT INTO u VALUES (1, 'x', 50), (100, 'y', 60) ON CONFLICT (id) DO UPDATE SET code = excluded.code, n = u.n + excluded.n;

-- update-of-null
INSERT INTO u VALUES (3, 'x', 5) ON CONFLICT (id) DO UPDATE SET n = u.n + excluded.n;

-- update-on-unique
INSERT INTO u VALUES (100, 'c2', 7) ON CONFLICT (code) DO UPDATE SET n = excluded.n, id = excluded.id;

-- update-returning
INSERT INTO u VALUES (1, 'x', 50), (100, 'y', 60) ON CONFLICT (id) DO UPDATE SET n = 0 RETURNING *;

-- update-where
INSERT INTO u VALUES (1, 'x', 50), (2, 'y', 60) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE u.n > 2;

-- update-where-returning
INSERT INTO u VALUES (1, 'x', 50), (2, 'y', 60), (100, 'z', 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE u.n > 2 RETURNING id, n;

-- update-alias
INSERT INTO u AS t VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = t.n * 2;

-- update-expression
INSERT INTO u VALUES (2, 'x', 50) ON CONFLICT (id) DO UPDATE SET code = u.code || '-' || excluded.code, n = coalesce(u.n, 0) + 1;

-- update-subquery
INSERT INTO u VALUES (2, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = (SELECT count(*) FROM groups);

-- update-twice
INSERT INTO u VALUES (1, 'x', 50), (1, 'y', 60) ON CONFLICT (id) DO UPDATE SET n = excluded.n;

-- update-twice-where-neither
INSERT INTO u VALUES (1, 'x', 5), (1, 'y', 6) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE u.n > 1000;

-- update-twice-where-last
INSERT INTO u VALUES (1, 'x', 5), (1, 'y', 6) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 5 RETURNING *;

-- update-twice-where-first
INSERT INTO u VALUES (1, 'x', 6), (1, 'y', 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 5;

-- update-new-twice-where
INSERT INTO u VALUES (100, 'x', 6), (100, 'y', 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE excluded.n > 1000;

-- update-new-twice
INSERT INTO u VALUES (100, 'x', 50), (100, 'y', 60) ON CONFLICT (id) DO UPDATE SET n = excluded.n;

-- update-select
INSERT INTO u SELECT gid, label, gid FROM groups ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING id;

-- update-fails-unique
INSERT INTO u VALUES (1, 'c2', 50) ON CONFLICT (id) DO UPDATE SET code = excluded.code;

-- update-fails-null
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET code = NULL;

-- update-row
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET (code, n) = (excluded.code, excluded.n);

-- update-default
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = DEFAULT;

-- update-key-of-two
INSERT INTO v VALUES (1, 'p', 90), (9, 'p', 91) ON CONFLICT (a, b) DO UPDATE SET n = excluded.n;

-- update-key-of-two-reversed
INSERT INTO v VALUES (1, 'p', 90) ON CONFLICT (b, a) DO UPDATE SET n = excluded.n;

-- update-constraint
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT ON CONSTRAINT u_pkey DO UPDATE SET n = excluded.n;

-- no-such-constraint
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT ON CONSTRAINT nix DO NOTHING;

-- no-such-arbiter
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (n) DO NOTHING;

-- update-without-target
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT DO UPDATE SET n = 1;

-- parameters
--! $1 int4 = 1
--! $2 text = x
--! $3 int4 = 9
INSERT INTO u VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET n = excluded.n + $3 RETURNING n;

-- many
INSERT INTO w (id, qty) SELECT i, i FROM generate_series(1, 200) AS i ON CONFLICT (id) DO UPDATE SET qty = w.qty + 1000;
SELECT count(*), sum(qty) FROM w;

-- in-transaction
BEGIN;
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = 1;
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = u.n + 1 RETURNING n;
ROLLBACK;

-- in-with
WITH x AS (INSERT INTO u VALUES (1, 'x', 50), (100, 'y', 5) ON CONFLICT (id) DO UPDATE SET n = 0 RETURNING id) SELECT count(*) FROM x;

-- merge-update-insert
MERGE INTO u USING groups AS g ON u.id = g.gid WHEN MATCHED THEN UPDATE SET n = g.gid WHEN NOT MATCHED THEN INSERT VALUES (g.gid, g.label, g.parent);

-- merge-delete
MERGE INTO u USING groups AS g ON u.id = g.gid WHEN MATCHED AND g.parent = 1 THEN DELETE WHEN MATCHED THEN DO NOTHING;

-- merge-conditions
MERGE INTO u USING (VALUES (1, 'a'), (2, 'b'), (100, 'c')) AS s(i, t) ON u.id = s.i WHEN MATCHED AND u.n < 2 THEN UPDATE SET code = s.t WHEN NOT MATCHED AND s.i > 50 THEN INSERT (id, code) VALUES (s.i, s.t);

-- merge-nothing
MERGE INTO u USING (SELECT 1 AS i WHERE false) AS s ON u.id = s.i WHEN MATCHED THEN DELETE;

-- merge-twice
MERGE INTO u USING (VALUES (1), (1)) AS s(i) ON u.id = s.i WHEN MATCHED THEN UPDATE SET n = 1;

-- merge-insert-taken
MERGE INTO u USING (VALUES ('c1')) AS s(t) ON u.code = 'nix' WHEN NOT MATCHED THEN INSERT VALUES (100, s.t, 1);
