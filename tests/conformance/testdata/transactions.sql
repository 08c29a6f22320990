-- Transactions, savepoints, cursors; what is read of what was written.

--! writes w u

-- commit
BEGIN;
INSERT INTO w (id, name) VALUES (100, 'a');
UPDATE w SET qty = 1 WHERE id = 100;
COMMIT;

-- rollback
BEGIN;
INSERT INTO w (id, name) VALUES (100, 'a');
DELETE FROM w WHERE id < 5;
ROLLBACK;

-- reads-own-writes
BEGIN;
INSERT INTO w (id, name) VALUES (100, 'a');
SELECT count(*) FROM w;
SELECT name FROM w WHERE id = 100;
UPDATE w SET name = 'b' WHERE id = 100;
SELECT name FROM w WHERE id = 100;
SELECT w.name, g.label FROM w LEFT JOIN groups AS g ON g.gid = w.id WHERE id > 7;
DELETE FROM w WHERE id = 100;
SELECT count(*) FROM w WHERE id = 100;
COMMIT;

-- error-ends-it
BEGIN;
INSERT INTO w (id) VALUES (100);
INSERT INTO w (id) VALUES (1);
SELECT 1;
COMMIT;

-- error-outside-does-not
INSERT INTO w (id) VALUES (1);
INSERT INTO w (id) VALUES (100);

-- savepoint-rollback
BEGIN;
INSERT INTO w (id) VALUES (100);
SAVEPOINT a;
INSERT INTO w (id) VALUES (101);
ROLLBACK TO a;
INSERT INTO w (id) VALUES (102);
COMMIT;

-- savepoint-release
BEGIN;
SAVEPOINT a;
INSERT INTO w (id) VALUES (100);
RELEASE a;
COMMIT;

-- savepoint-after-error
BEGIN;
INSERT INTO w (id) VALUES (100);
SAVEPOINT a;
INSERT INTO w (id) VALUES (1);
ROLLBACK TO a;
INSERT INTO w (id) VALUES (101);
COMMIT;

-- savepoints-nested
BEGIN;
SAVEPOINT a;
INSERT INTO w (id) VALUES (100);
SAVEPOINT b;
INSERT INTO w (id) VALUES (101);
SAVEPOINT c;
INSERT INTO w (id) VALUES (102);
ROLLBACK TO b;
RELEASE a;
SELECT id FROM w WHERE id >= 100;
COMMIT;

-- savepoint-same-name
BEGIN;
SAVEPOINT a;
INSERT INTO w (id) VALUES (100);
SAVEPOINT a;
INSERT INTO w (id) VALUES (101);
ROLLBACK TO a;
RELEASE a;
ROLLBACK TO a;
COMMIT;

-- savepoint-unknown
BEGIN;
ROLLBACK TO nix;
ROLLBACK;

-- division-by-zero-in-transaction
BEGIN;
UPDATE w SET qty = 0 WHERE id = 1;
SELECT 1 / qty FROM w;
COMMIT;
SELECT qty FROM w WHERE id = 1;

-- read-only
BEGIN READ ONLY;
SELECT count(*) FROM w;
INSERT INTO w (id) VALUES (100);
ROLLBACK;

-- repeatable-read
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM w;
UPDATE w SET name = 'r' WHERE id = 1;
SELECT name FROM w WHERE id = 1;
COMMIT;

-- serializable
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE w SET qty = (SELECT count(*) FROM w) WHERE id = 1;
COMMIT;

-- chain
BEGIN;
INSERT INTO w (id) VALUES (100);
COMMIT AND CHAIN;
INSERT INTO w (id) VALUES (101);
ROLLBACK;

-- several-in-one-query
INSERT INTO w (id) VALUES (100); INSERT INTO w (id) VALUES (1);

-- several-in-one-query-good
INSERT INTO w (id) VALUES (100); UPDATE w SET name = 'x' WHERE id = 100; SELECT name FROM w WHERE id = 100;

-- local-setting
BEGIN;
SET LOCAL timezone = 'Asia/Tokyo';
SELECT tz FROM moments WHERE k = 1;
ROLLBACK;
SELECT tz FROM moments WHERE k = 1;

-- temporary-table
CREATE TEMPORARY TABLE tmp AS SELECT id, name FROM items WHERE id < 5;
SELECT count(*) FROM tmp;
INSERT INTO w (id, name) SELECT id + 100, name FROM tmp;
SELECT t.id, w.name FROM tmp AS t JOIN w ON w.id = t.id + 100;
DROP TABLE tmp;

-- cursor
BEGIN;
DECLARE c CURSOR FOR SELECT id, name FROM items ORDER BY id;
FETCH 3 FROM c;
FETCH 3 FROM c;
MOVE 30 FROM c;
FETCH ALL FROM c;
FETCH 1 FROM c;
CLOSE c;
COMMIT;

-- cursor-scroll
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM items ORDER BY id;
FETCH LAST FROM c;
FETCH PRIOR FROM c;
FETCH FIRST FROM c;
FETCH ABSOLUTE 10 FROM c;
FETCH RELATIVE -2 FROM c;
FETCH BACKWARD 3 FROM c;
COMMIT;

-- two-cursors
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM items ORDER BY id;
DECLARE b CURSOR FOR SELECT gid FROM groups ORDER BY gid;
FETCH 2 FROM a;
FETCH 2 FROM b;
FETCH 2 FROM a;
FETCH 2 FROM b;
COMMIT;

-- cursor-with-hold
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM items WHERE id < 5 ORDER BY id;
FETCH 2 FROM c;
UPDATE w SET qty = 5 WHERE id = 1;
FETCH ALL FROM c;
CLOSE c;

-- cursor-over-join
BEGIN;
DECLARE c CURSOR FOR SELECT o.oid, i.name FROM sales AS o LEFT JOIN items AS i ON i.id = o.item ORDER BY o.oid;
FETCH 5 FROM c;
FETCH FORWARD 5 FROM c;
ROLLBACK;

-- cursor-sees-no-later-writes
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM w ORDER BY id;
FETCH 1 FROM c;
INSERT INTO w (id) VALUES (100);
FETCH ALL FROM c;
COMMIT;

-- cursor-rolled-back-with-savepoint
BEGIN;
SAVEPOINT a;
DECLARE c CURSOR FOR SELECT id FROM w ORDER BY id;
FETCH 1 FROM c;
ROLLBACK TO a;
FETCH 1 FROM c;
ROLLBACK;

-- cursor-survives-savepoint
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM w ORDER BY id;
FETCH 1 FROM c;
SAVEPOINT a;
FETCH 1 FROM c;
INSERT INTO w (id) VALUES (100);
ROLLBACK TO a;
FETCH 1 FROM c;
COMMIT;

-- cursor-where-current-of
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM w ORDER BY id FOR UPDATE;
FETCH 2 FROM c;
UPDATE w SET name = 'current' WHERE CURRENT OF c;
COMMIT;

-- cursor-unknown
FETCH 1 FROM nix;

-- select-for-update-then-update
BEGIN;
SELECT qty FROM w WHERE id = 2 FOR UPDATE;
UPDATE w SET qty = qty + 1 WHERE id = 2 RETURNING qty;
COMMIT;

-- do-block
DO $$ BEGIN UPDATE w SET name = 'done' WHERE id = 1; INSERT INTO w (id) VALUES (100); END $$;

-- do-block-loop
DO $$ DECLARE r record; BEGIN FOR r IN SELECT gid FROM groups ORDER BY gid LOOP INSERT INTO w (id, qty) VALUES (100 + r.gid, r.gid); END LOOP; END $$;

-- do-block-error-is-caught
DO $$ BEGIN INSERT INTO w (id) VALUES (100); BEGIN INSERT INTO w (id) VALUES (1); EXCEPTION WHEN unique_violation THEN NULL; END; INSERT INTO w (id) VALUES (101); END $$;

-- function-that-reads
CREATE FUNCTION pg_temp.n() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM w';
SELECT pg_temp.n();
BEGIN;
DELETE FROM w WHERE id > 4;
SELECT pg_temp.n();
ROLLBACK;
SELECT pg_temp.n();

-- empty-transaction
BEGIN;
COMMIT;

-- begin-twice
BEGIN;
BEGIN;
COMMIT;

-- prepared-statement-in-transaction
BEGIN;
PREPARE p(int) AS UPDATE w SET qty = $1 WHERE id = $1;
EXECUTE p(1);
EXECUTE p(2);
ROLLBACK;

-- locks
BEGIN;
LOCK TABLE w IN SHARE MODE;
SELECT count(*) FROM w;
COMMIT;

-- unique-checked-at-once
BEGIN;
INSERT INTO u VALUES (100, 'c1', 1);
ROLLBACK;
