Positions other than the outermost target list and the AND terms of its WHERE: the right answer, or 0A000 with a message
that names the clause. Never a wrong answer.

-- case: ORDER BY a call
-- expect: either
-- names: ORDER BY
SELECT id FROM item WHERE id < 50 ORDER BY predict('double', k) DESC, id

-- case: ORDER BY the alias of a call
-- expect: either
-- names: ORDER BY
SELECT id, predict('double', k) AS p FROM item WHERE id < 50 ORDER BY p DESC, id

-- case: ORDER BY the position of a call
-- expect: either
-- names: ORDER BY
SELECT predict('double', k), id FROM item WHERE id < 50 ORDER BY 1 DESC, 2

-- case: ORDER BY the name predict
-- expect: either
-- names: ORDER BY
SELECT predict('double', k), id FROM item WHERE id < 50 ORDER BY predict DESC, id

-- case: ORDER BY a call with LIMIT
-- expect: either
-- names: ORDER BY
SELECT id FROM item ORDER BY predict('double', k) DESC, id LIMIT 3

-- case: GROUP BY a call
-- expect: either
-- names: GROUP BY
SELECT predict('bucket', k), count(*) FROM item GROUP BY predict('bucket', k) ORDER BY 2, 1

-- case: GROUP BY the position of a call
-- expect: either
-- names: GROUP BY
-- unordered
SELECT predict('bucket', k), count(*) FROM item GROUP BY 1

-- case: GROUP BY the alias of a call
-- expect: either
-- names: GROUP BY
-- unordered
SELECT predict('bucket', k) AS b, count(*) FROM item GROUP BY b

-- case: HAVING
-- expect: either
-- names: HAVING
SELECT k, count(*) FROM item GROUP BY k HAVING predict('double', k) > 6 ORDER BY k

-- case: an aggregate over a call
-- expect: either
-- names: aggregate
SELECT sum(predict('double', k)), count(predict('maybe', k)), max(predict('bucket', k)) FROM item

-- case: FILTER of an aggregate
-- expect: either
-- names: aggregate
SELECT count(*) FILTER (WHERE predict('high', k)) FROM item

-- case: ORDER BY inside an aggregate
-- expect: either
-- names: aggregate
SELECT string_agg(k::text, ',' ORDER BY predict('double', k), id) FROM item WHERE id < 20

-- case: a window function over a call
-- expect: either
-- names: window
SELECT id, sum(predict('double', k)) OVER (ORDER BY id) FROM item WHERE id < 30 ORDER BY id

-- case: a window ordered by a call
-- expect: either
-- names: window
SELECT id, rank() OVER (ORDER BY predict('double', k)) FROM item WHERE id < 30 ORDER BY id

-- case: a window partitioned by a call
-- expect: either
-- names: window
SELECT id, count(*) OVER w FROM item WHERE id < 30 WINDOW w AS (PARTITION BY predict('bucket', k)) ORDER BY id

-- case: DISTINCT
-- expect: either
-- names: DISTINCT
-- unordered
SELECT DISTINCT predict('bucket', k) FROM item

-- case: DISTINCT ON a call
-- expect: either
-- names: DISTINCT
SELECT DISTINCT ON (predict('bucket', k)) id FROM item WHERE id < 20 ORDER BY predict('bucket', k), id

-- case: UNION
-- expect: either
-- names: UNION
-- unordered
SELECT predict('double', k) FROM item UNION SELECT 3

-- case: UNION ALL
-- expect: either
-- names: UNION
-- unordered
SELECT predict('double', k) FROM tag UNION ALL SELECT predict('double', cheap) FROM item WHERE id < 10

-- case: INTERSECT
-- expect: either
-- names: INTERSECT
-- unordered
SELECT k FROM item INTERSECT SELECT predict('double', k) FROM item

-- case: EXCEPT in a filter
-- expect: either
-- names: EXCEPT
-- unordered
SELECT k FROM item EXCEPT SELECT k FROM item WHERE predict('high', k)

-- case: a subquery in FROM
-- expect: either
SELECT s.id FROM (SELECT id, predict('double', k) AS p FROM item) s WHERE s.p = 6 AND s.id < 100 ORDER BY s.id

-- case: a subquery in the target list
-- expect: either
SELECT id, (SELECT max(predict('double', t.k)) FROM tag t WHERE t.k = i.k) FROM item i WHERE id < 20 ORDER BY id

-- case: an IN subquery
-- expect: either
SELECT id FROM item WHERE k IN (SELECT predict('double', k) FROM tag) AND id < 50 ORDER BY id

-- case: an EXISTS subquery
-- expect: either
SELECT id FROM item i WHERE EXISTS (SELECT FROM tag t WHERE predict('double', t.k) = i.k) AND id < 50 ORDER BY id

-- case: an ANY subquery
-- expect: either
SELECT id FROM item WHERE k = ANY (SELECT predict('double', k) FROM tag) AND id < 50 ORDER BY id

-- case: an ARRAY subquery
-- expect: either
SELECT ARRAY(SELECT predict('double', k) FROM tag ORDER BY label)

-- case: a call on the left of an IN subquery
-- expect: either
SELECT id FROM item WHERE predict('double', k) IN (SELECT k FROM tag) AND id < 50 ORDER BY id

-- case: a CTE
-- expect: either
WITH p AS (SELECT id, predict('double', k) AS p FROM item) SELECT id FROM p WHERE p.p = 6 AND id < 100 ORDER BY id

-- case: a recursive CTE
-- expect: either
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT predict('double', n) FROM r WHERE n < 100) SELECT n FROM r

-- case: JOIN ON
-- expect: either
-- names: FROM
SELECT t.label, i.id FROM tag t JOIN item i ON predict('double', t.k) = i.k AND i.id < 50 ORDER BY 1, 2

-- case: LEFT JOIN ON
-- expect: either
-- names: FROM
SELECT t.label, i.id FROM tag t LEFT JOIN item i ON t.k = i.k AND predict('high', i.k) AND i.id < 50 ORDER BY 1, 2

-- case: a function in FROM
-- expect: either
SELECT * FROM generate_series(1, predict('double', 2))

-- case: a call in FROM
-- expect: either
SELECT * FROM predict('double', 2)

-- case: LATERAL
-- expect: either
SELECT t.label, l.p FROM tag t, LATERAL (SELECT predict('double', t.k) AS p) l ORDER BY 1, 2

-- case: VALUES
-- expect: either
-- names: VALUES
VALUES (predict('double', 2)), (3)

-- case: LIMIT
-- expect: either
-- names: LIMIT
SELECT id FROM item ORDER BY id LIMIT predict('double', 2)

-- case: OFFSET
-- expect: either
-- names: OFFSET
SELECT id FROM item ORDER BY id OFFSET predict('double', 495)

-- case: INSERT VALUES
-- expect: either
-- names: INSERT
-- setup: BEGIN
-- setup: CREATE TEMP TABLE w (id int, p int) ON COMMIT DROP
-- only: simple
INSERT INTO w VALUES (1, predict('double', 4)) RETURNING id, p

-- case: INSERT SELECT
-- expect: either
-- names: INSERT
-- setup: CREATE TEMP TABLE w (id int, p int)
-- after: SELECT count(*), sum(p) FROM w
INSERT INTO w SELECT id, predict('double', k) FROM item

-- case: INSERT RETURNING
-- expect: either
-- names: INSERT
-- setup: CREATE TEMP TABLE w (id int, p int)
-- after: SELECT count(*), sum(p) FROM w
INSERT INTO w VALUES (1, 2) RETURNING predict('double', id)

-- case: INSERT ON CONFLICT
-- expect: either
-- setup: CREATE TEMP TABLE w (id int PRIMARY KEY, p int)
-- setup: INSERT INTO w VALUES (1, 1)
-- after: SELECT * FROM w
INSERT INTO w VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET p = predict('double', excluded.p)

-- case: UPDATE SET
-- expect: either
-- names: UPDATE
-- setup: CREATE TEMP TABLE w AS SELECT id, k, 0 AS p FROM item
-- after: SELECT sum(p) FROM w
UPDATE w SET p = predict('double', k)

-- case: UPDATE WHERE
-- expect: either
-- names: UPDATE
-- setup: CREATE TEMP TABLE w AS SELECT id, k, 0 AS p FROM item
-- after: SELECT sum(p) FROM w
UPDATE w SET p = 1 WHERE predict('double', k) = 6

-- case: DELETE
-- expect: either
-- names: DELETE
-- setup: CREATE TEMP TABLE w AS SELECT id, k FROM item
-- after: SELECT count(*) FROM w
DELETE FROM w WHERE predict('double', k) = 6

-- case: MERGE
-- expect: either
-- names: MERGE
-- setup: CREATE TEMP TABLE w AS SELECT id, k FROM item WHERE id < 10
-- after: SELECT id, k FROM w ORDER BY id
MERGE INTO w USING tag t ON w.k = t.k WHEN NOT MATCHED THEN INSERT VALUES (predict('double', t.k), t.k)

-- case: CREATE TABLE AS
-- expect: either
-- names: CREATE TABLE
-- after: SELECT count(*) FROM pg_class WHERE relname = 'w_made'
CREATE TEMP TABLE w_made AS SELECT id, predict('double', k) AS p FROM item

-- case: SELECT INTO
-- expect: either
-- names: INTO
SELECT id, predict('double', k) AS p INTO TEMP w_into FROM item

-- case: CREATE VIEW
-- expect: either
-- names: VIEW
-- setup: BEGIN
-- only: simple
CREATE VIEW v_made AS SELECT id, predict('double', k) AS p FROM item

-- case: CREATE MATERIALIZED VIEW
-- expect: either
-- names: VIEW
-- setup: BEGIN
-- only: simple
CREATE MATERIALIZED VIEW mv_made AS SELECT id, predict('double', k) AS p FROM item

-- case: COPY of a query
-- expect: either
-- names: COPY
-- only: simple
COPY (SELECT id, predict('double', k) FROM item ORDER BY id LIMIT 5) TO STDOUT

-- case: DECLARE CURSOR
-- expect: either
-- names: CURSOR
-- setup: BEGIN
-- only: simple
DECLARE c CURSOR FOR SELECT id, predict('double', k) FROM item ORDER BY id

-- case: a CASE branch that is not always taken
-- expect: either
-- names: CASE
SELECT CASE WHEN cheap = 3 THEN predict('double', k) ELSE 0 END FROM item ORDER BY id LIMIT 50

-- case: a CASE condition behind another
-- expect: either
-- names: CASE
SELECT CASE WHEN cheap = 3 THEN 1 WHEN predict('double', k) = 6 THEN 2 END FROM item ORDER BY id LIMIT 50

-- case: a CASE that guards against an error
-- expect: either
-- names: CASE
SELECT CASE WHEN k <> 0 THEN predict('double', 100 / k) END FROM item ORDER BY id LIMIT 50

-- case: coalesce with a call behind another operand
-- expect: either
-- names: COALESCE
SELECT coalesce(odd, predict('double', k)) FROM item ORDER BY id LIMIT 50

-- case: a default for a column
-- expect: either
-- names: DEFAULT
-- setup: BEGIN
-- only: simple
CREATE TABLE w_default (id int DEFAULT predict('double', 1))

-- case: a check constraint
-- expect: either
-- setup: CREATE TEMP TABLE w (id int)
-- only: simple
ALTER TABLE w ADD CHECK (predict('double', id) > 0)

-- case: CALL of a procedure
-- expect: either
-- names: CALL
-- setup: CREATE PROCEDURE pg_temp.nothing(i int) LANGUAGE sql AS 'SELECT 1'
-- only: simple
CALL pg_temp.nothing(predict('double', 1))

-- case: DO block
-- fails: 42883
-- expect: code
-- only: simple
-- oracle: DO $$ BEGIN PERFORM no_such_function('double', 1); END $$
DO $$ BEGIN PERFORM predict('double', 1); END $$

-- case: a set-returning function around a call
-- expect: either
SELECT generate_series(1, predict('double', 2))

-- case: an aggregate beside a call of grouped columns, ordered by the aggregate
SELECT k, sum(id), predict('double', k) FROM item GROUP BY k ORDER BY sum(id) DESC

-- case: AND with a cheap operand in the target list
-- expect: either
SELECT cheap = 3 AND predict('high', 100 / (k - cheap)) FROM item WHERE k <> cheap ORDER BY id LIMIT 20
