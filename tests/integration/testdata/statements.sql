Several statements in one Query, SQL-level prepared statements, transactions.

-- case: a call between others
-- only: simple
SELECT 1 AS a; SELECT predict('double', k) FROM tag ORDER BY label; SELECT 2 AS b

-- case: two calls' statements
-- only: simple
SELECT predict('double', 1); SELECT predict('bucket', 1), 'x' AS y;

-- case: empty statements between
-- only: simple
;; SELECT predict('double', 1) ;; /* nothing */ ; SELECT 2 ;

-- case: only blanks and comments
-- only: simple
  /* predict('double', 1) */ -- nothing

-- case: an error in the third undoes the first
-- fails: 22012
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
INSERT INTO w VALUES (1); SELECT predict('double', 1); SELECT 1/0; SELECT 4

-- case: an error behind a call undoes what stands before
-- fails: 42P01
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
INSERT INTO w VALUES (1); INSERT INTO w VALUES (2); SELECT id, predict('double', id) FROM w ORDER BY id; INSERT INTO nowhere VALUES (1)

-- case: a call reads what was written before it in the same Query
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
INSERT INTO w VALUES (1), (2); SELECT id, predict('double', id) FROM w ORDER BY id; DELETE FROM w; SELECT predict('double', id) FROM w

-- case: an error in the second's plain part
-- fails: 42703
-- only: simple
SELECT predict('double', 1); SELECT nocolumn; SELECT predict('double', 2)

-- case: a syntax error anywhere runs nothing
-- fails: 42601
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
INSERT INTO w VALUES (1); SELECT predict('double', 1); SELEC 1

-- case: BEGIN and COMMIT inside
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
BEGIN; INSERT INTO w VALUES (1); SELECT predict('double', id) FROM w; COMMIT; SELECT count(*) FROM w

-- case: BEGIN without an end
-- only: simple
-- after: SELECT predict('double', 2)
-- after: ROLLBACK
BEGIN; SELECT predict('double', 1)

-- case: ROLLBACK inside
-- only: simple
-- setup: CREATE TEMP TABLE w (id int)
-- after: SELECT count(*) FROM w
BEGIN; INSERT INTO w VALUES (1); SELECT predict('double', id) FROM w; ROLLBACK; SELECT predict('double', 3)

-- case: an open transaction that fails
-- fails: 22012
-- only: simple
-- setup: BEGIN
-- after: SELECT predict('double', 1)
-- after: ROLLBACK
-- after: SELECT predict('double', 1)
SELECT predict('double', 1), 1/0

-- case: savepoints
-- fails: 42703
-- only: simple
-- setup: BEGIN
-- setup: SAVEPOINT a
-- after: SELECT predict('double', 5)
-- after: ROLLBACK TO a
-- after: SELECT predict('double', 5)
-- after: COMMIT
SELECT predict('double', nocolumn) FROM item

-- case: PREPARE and EXECUTE
-- only: simple
-- after: EXECUTE p (5)
-- after: EXECUTE p (NULL)
-- after: EXECUTE p ('7')
-- after: DEALLOCATE p
PREPARE p (int) AS SELECT predict('double', $1)

-- case: PREPARE without types
-- only: simple
-- after: EXECUTE p (3, 'x')
-- after: EXECUTE p (4, 'y')
-- after: DEALLOCATE ALL
PREPARE p AS SELECT id, predict('double', k), $2::text FROM item WHERE k = $1 AND predict('high', cheap) ORDER BY id LIMIT 3

-- case: EXECUTE with expressions and too few parameters
-- fails: 42601
-- only: simple
-- expect: code
-- setup: PREPARE p (int, int) AS SELECT predict('add', $1, $2)
-- after: EXECUTE p (1 + 2, halve(9))
-- after: EXECUTE p (1, 2, 3)
EXECUTE p (1)

-- case: PREPARE of a name that is taken
-- fails: 42P05
-- only: simple
-- expect: code
-- setup: PREPARE p (int) AS SELECT predict('double', $1)
-- after: EXECUTE p (5)
PREPARE p (int) AS SELECT predict('double', $1 + 1)

-- case: a plain PREPARE beside, of the same name after DEALLOCATE
-- only: simple
-- setup: PREPARE p (int) AS SELECT predict('double', $1)
-- setup: DEALLOCATE p
-- setup: PREPARE p AS SELECT 1 AS plain
-- after: SELECT predict('double', 1)
EXECUTE p

-- case: EXECUTE of what is not there
-- fails: 26000
-- only: simple
-- expect: code
-- setup: PREPARE p (int) AS SELECT predict('double', $1)
-- setup: DEALLOCATE PREPARE p
EXECUTE p (1)

-- case: DEALLOCATE of what is not there
-- fails: 26000
-- only: simple
-- expect: code
DEALLOCATE nothing

-- case: DISCARD ALL forgets what was prepared
-- fails: 26000
-- only: simple
-- expect: code
-- setup: PREPARE p (int) AS SELECT predict('double', $1)
-- setup: DISCARD ALL
EXECUTE p (1)

-- case: a quoted prepared name
-- fails: 26000
-- only: simple
-- after: EXECUTE "My P" (5)
-- after: EXECUTE my (5)
PREPARE "My P" (int) AS SELECT predict('double', $1)

-- case: PREPARE of several types
-- only: simple
-- after: EXECUTE p (1.5, 'abc', true)
-- after: EXECUTE p (NULL, 'abc', false)
PREPARE p (float8, text, bool) AS SELECT predict('weigh', $1, $2, $3), predict('shout', $2)

-- case: a prepared statement in a failed transaction
-- fails: 22012
-- only: simple
-- expect: code
-- setup: PREPARE p (int) AS SELECT predict('double', $1)
-- setup: BEGIN
-- after: EXECUTE p (1)
-- after: ROLLBACK
-- after: EXECUTE p (1)
SELECT 1/0

-- case: a read-only transaction
-- only: simple
-- setup: BEGIN READ ONLY
-- after: COMMIT
SELECT predict('double', k) FROM tag WHERE predict('high', k) ORDER BY label

-- case: a serializable transaction
-- only: simple
-- setup: BEGIN ISOLATION LEVEL SERIALIZABLE
-- after: COMMIT
SELECT predict('double', k) FROM tag WHERE predict('high', k) ORDER BY label

-- case: a search path
-- setup: CREATE TEMP TABLE item (k int)
-- setup: INSERT INTO item VALUES (77)
SELECT predict('double', k) FROM item

-- case: SET between
-- only: simple
SET TimeZone = 'Asia/Tokyo'; SELECT predict('id_timestamptz', timestamptz '2024-01-01 00:00:00+00'); SHOW TimeZone; RESET TimeZone

-- case: a notice behind a call
-- only: simple
SELECT predict('double', 1); DROP TABLE IF EXISTS nowhere_at_all; SELECT 1
