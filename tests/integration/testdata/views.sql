# Views over predict. They are temporary, so that cases stand beside each other; TestViews has views that are not.

-- case: all of a view
-- setup: CREATE TEMP VIEW v_all AS SELECT id, k, predict('double', k) AS p, predict('shout', name) FROM item
SELECT * FROM v_all ORDER BY id LIMIT 20

-- case: the column of a call is named after it
-- setup: CREATE TEMP VIEW v_name AS SELECT predict('double', k), predict('double', k)::text AS t FROM item WHERE id < 4
SELECT predict, t FROM v_name ORDER BY predict

-- case: conditions, order and groups on a view's columns
-- setup: CREATE TEMP VIEW v_cond AS SELECT id, k, predict('bucket', k) AS b, predict('double', k) AS d FROM item
SELECT b, count(*), sum(d) FROM v_cond WHERE d > 4 GROUP BY b HAVING count(*) > 1 ORDER BY b

-- case: only columns without calls
-- setup: CREATE TEMP VIEW v_plain AS SELECT id, predict('double', k) AS p FROM item
SELECT id FROM v_plain ORDER BY id LIMIT 3

-- case: count of a view
-- setup: CREATE TEMP VIEW v_count AS SELECT id, predict('double', k) AS p FROM item
SELECT count(*) FROM v_count

-- case: a view with a condition on a call
-- setup: CREATE TEMP VIEW v_where AS SELECT id FROM item WHERE predict('high', k)
SELECT * FROM v_where ORDER BY 1

-- case: alias and column aliases
-- setup: CREATE TEMP VIEW v_alias AS SELECT id, predict('double', k) AS p FROM item
SELECT x.a, b FROM v_alias AS x(a, b) WHERE b = 8 ORDER BY 1

-- case: an alias without AS, and a star behind the name
-- setup: CREATE TEMP VIEW v_star AS SELECT id, predict('double', k) AS p FROM item
SELECT x.* FROM v_star * x WHERE p = 8 ORDER BY id

-- case: ONLY
-- setup: CREATE TEMP VIEW v_only AS SELECT id, predict('double', k) AS p FROM item
SELECT a.p, b.id FROM ONLY v_only a JOIN ONLY (v_only) b USING (id) WHERE a.p = 8 ORDER BY 2

-- case: qualified by its schema
-- setup: CREATE TEMP VIEW v_schema AS SELECT id, predict('double', k) AS p FROM item
SELECT v_schema.id, v_schema.p FROM pg_temp.v_schema WHERE v_schema.p = 8 ORDER BY 1

-- case: TABLE
-- setup: CREATE TEMP VIEW v_table AS SELECT id, predict('double', k) AS p FROM item WHERE id < 5 ORDER BY id
TABLE v_table

-- case: the whole row
-- setup: CREATE TEMP VIEW v_row AS SELECT id, predict('shout', name) AS p FROM item WHERE id < 5
SELECT v_row, row_to_json(v_row) FROM v_row ORDER BY id

-- case: a quoted name
-- setup: CREATE TEMP VIEW "V odd.""name" AS SELECT id, predict('double', k) AS "P" FROM item
SELECT "P", "V odd.""name".id FROM "V odd.""name" WHERE id < 5 ORDER BY id

-- case: a name in other case
-- setup: CREATE TEMP VIEW v_Case AS SELECT id, predict('double', k) AS p FROM item
SELECT V_CASE.P FROM v_cASE WHERE ID < 5 ORDER BY Id

-- case: a view over a view
-- setup: CREATE TEMP VIEW v_over1 AS SELECT id, predict('double', k) AS p FROM item
-- setup: CREATE TEMP VIEW v_over2 AS SELECT id, p + 1 AS q FROM v_over1 WHERE p > 2
-- setup: CREATE TEMP VIEW v_over3 AS SELECT q, predict('shout', a.q::text) AS s, count(*) FROM v_over2 a JOIN v_over1 USING (id) GROUP BY q
SELECT * FROM v_over3 ORDER BY q

-- case: a CTE of the name hides the view
-- setup: CREATE TEMP VIEW v_cte AS SELECT id, predict('double', k) AS p FROM item
WITH v_cte AS (SELECT 1 AS id, 'one' AS p) SELECT * FROM v_cte

-- case: a CTE of the name over the view
-- setup: CREATE TEMP VIEW v_cte2 AS SELECT id, predict('double', k) AS p FROM item
WITH v_cte2 AS (SELECT p FROM v_cte2 WHERE id < 4) SELECT * FROM v_cte2 ORDER BY p

-- case: a CTE of the name of the view's table
-- setup: CREATE TEMP VIEW v_hidden AS SELECT id, predict('double', k) AS p FROM item
WITH item AS (SELECT 'hidden' AS id, 1 AS k) SELECT v_hidden.p, item.id FROM v_hidden, item WHERE v_hidden.id < 4 ORDER BY 1

-- case: a recursive CTE
-- setup: CREATE TEMP VIEW v_rec AS SELECT id, predict('double', k) AS p FROM item
WITH RECURSIVE r(n) AS (SELECT min(id) FROM v_rec WHERE p = 8 UNION SELECT v_rec.id FROM r JOIN v_rec ON v_rec.id = r.n + 1 WHERE r.n < 20) SELECT * FROM r ORDER BY n

-- case: subqueries
-- setup: CREATE TEMP VIEW v_sub AS SELECT id, predict('double', k) AS p FROM item
SELECT id, (SELECT max(p) FROM v_sub WHERE v_sub.id <= item.id) FROM item WHERE id < 5 AND EXISTS (SELECT FROM v_sub v WHERE v.id = item.id AND p > 0) ORDER BY id

-- case: LATERAL and a set operation
-- setup: CREATE TEMP VIEW v_lat AS SELECT id, predict('double', k) AS p FROM item WHERE id < 9
SELECT a.id, b.p FROM v_lat a, LATERAL (SELECT p FROM v_lat WHERE v_lat.id = a.id + 1) b UNION SELECT id, p FROM v_lat ORDER BY 1, 2

-- case: beside a call
-- setup: CREATE TEMP VIEW v_beside AS SELECT id, predict('double', k) AS p FROM item
SELECT id, predict('shout', p::text), predict('double', p) FROM v_beside WHERE id < 5 ORDER BY id

-- case: arguments by name, a nested call, literals
-- setup: CREATE TEMP VIEW v_named AS SELECT id, predict('weigh', c => true, a => predict('half', id), b => 'it''s') AS w, predict('id_date', '2020-02-03') AS d FROM item
SELECT * FROM v_named WHERE id < 5 ORDER BY id

-- case: NULL and no arguments
-- setup: CREATE TEMP VIEW v_null AS SELECT predict('zero', NULL) AS z, predict('answer') AS a, predict('double', NULL::int) AS n
SELECT * FROM v_null

-- case: arrays, CASE and a cast
-- setup: CREATE TEMP VIEW v_expr AS SELECT id, (predict('pair', k))[2] AS two, CASE WHEN predict('high', k) THEN predict('bucket', k) ELSE 'low' END AS c, predict('id_numeric', k::numeric)::numeric(6,2) AS n FROM item
SELECT * FROM v_expr WHERE id < 9 ORDER BY id

-- case: aggregates, windows, DISTINCT and LIMIT in a view
-- setup: CREATE TEMP VIEW v_agg AS SELECT DISTINCT predict('bucket', k) AS b, sum(predict('double', k)) OVER (PARTITION BY predict('bucket', k)) AS s FROM item ORDER BY 1 LIMIT 5
SELECT * FROM v_agg ORDER BY b

-- case: GROUP BY a call in a view
-- setup: CREATE TEMP VIEW v_group AS SELECT predict('bucket', k), count(*) AS n FROM item GROUP BY predict('bucket', k) ORDER BY predict('bucket', k)
SELECT * FROM v_group

-- case: a view's own CTE and subquery
-- setup: CREATE TEMP VIEW v_own AS WITH item AS (SELECT k, predict('double', k) AS p FROM item WHERE id < 9) SELECT p, (SELECT count(*) FROM item i WHERE i.k = item.k) AS n FROM item
SELECT * FROM v_own ORDER BY p, n

-- case: a recursive view
-- setup: CREATE TEMP RECURSIVE VIEW v_recursive (n) AS SELECT 1 UNION ALL SELECT predict('add', n, 1) FROM v_recursive WHERE n < 5
SELECT * FROM v_recursive ORDER BY n

-- case: a view with named columns
-- setup: CREATE TEMP VIEW v_cols (a, b) AS SELECT id, predict('double', k) FROM item
SELECT b, a FROM v_cols WHERE a < 5 ORDER BY a

-- case: a column is renamed
-- setup: CREATE TEMP VIEW v_ren AS SELECT id, predict('double', k) FROM item
-- setup: ALTER VIEW v_ren RENAME COLUMN predict TO renamed
SELECT renamed FROM v_ren WHERE id < 5 ORDER BY 1

-- case: a view is renamed
-- setup: CREATE TEMP VIEW v_ren1 AS SELECT id, predict('double', k) AS p FROM item
-- setup: ALTER VIEW v_ren1 RENAME TO v_ren2
SELECT p FROM v_ren2 WHERE id < 5 ORDER BY 1

-- case: a view is replaced
-- setup: CREATE TEMP VIEW v_rep AS SELECT id, predict('double', k) AS p FROM item
-- setup: CREATE OR REPLACE TEMP VIEW v_rep AS SELECT id, predict('add', k, 1) AS p, predict('shout', name) AS s FROM item
SELECT * FROM v_rep WHERE id < 5 ORDER BY 1

-- case: a view is replaced by another type
-- fails: 42P16
-- setup: CREATE TEMP VIEW v_rep2 AS SELECT id, predict('double', k) AS p FROM item
CREATE OR REPLACE TEMP VIEW v_rep2 AS SELECT id, predict('shout', name) AS p FROM item

-- case: a view is dropped
-- fails: 42P01
-- setup: CREATE TEMP VIEW v_gone AS SELECT id, predict('double', k) AS p FROM item
-- setup: DROP VIEW v_gone
SELECT * FROM v_gone

-- case: a view that others need
-- fails: 2BP01
-- expect: code
-- setup: CREATE TEMP VIEW v_need AS SELECT id, predict('double', k) AS p FROM item
-- setup: CREATE TEMP VIEW v_needs AS SELECT * FROM v_need
DROP VIEW v_need

-- case: a view in a transaction
-- setup: BEGIN
-- setup: CREATE TEMP VIEW v_tx AS SELECT id, predict('double', k) AS p FROM item
-- only: simple
-- after: ROLLBACK
-- after: SELECT to_regclass('v_tx')
SELECT p FROM v_tx WHERE id < 5 ORDER BY 1

-- case: a column that is not there
-- fails: 42703
-- setup: CREATE TEMP VIEW v_col AS SELECT id, predict('double', k) AS p FROM item
SELECT id, nope FROM v_col

-- case: a column of the view's table
-- fails: 42P01
-- setup: CREATE TEMP VIEW v_inner AS SELECT id, predict('double', k) AS p FROM item
SELECT id, item.k FROM v_inner

-- case: an argument of the wrong type
-- expect: code
-- fails: 42883
CREATE TEMP VIEW v_wrong AS SELECT predict('double', name) FROM item

-- case: no such column in a view's query
-- fails: 42703
CREATE TEMP VIEW v_wrong AS SELECT predict('double', nope) FROM item

-- case: an error behind a call
-- fails: 42883
CREATE TEMP VIEW v_wrong AS SELECT predict('double', k), name + 1 FROM item

-- case: the type of a column
-- setup: CREATE TEMP VIEW v_type AS SELECT predict('half', 1) AS a, predict('id_timestamptz', now()) AS b, predict('pair', 1) AS c, predict('shout', 'x') AS d, predict('id_uuid', NULL) AS e
SELECT column_name, data_type, is_nullable, udt_name FROM information_schema.columns WHERE table_name = 'v_type' ORDER BY ordinal_position

-- case: parameters
-- setup: CREATE TEMP VIEW v_par AS SELECT id, predict('double', k) AS p FROM item
-- param: - 8
-- param: int4 20
SELECT id, p FROM v_par WHERE p = $1 AND id < $2 ORDER BY id

-- case: PREPARE and EXECUTE
-- only: simple
-- setup: CREATE TEMP VIEW v_prep AS SELECT id, predict('double', k) AS p FROM item
-- setup: PREPARE over_view(int) AS SELECT id, p + 1 AS p FROM v_prep WHERE p = $1 ORDER BY id
EXECUTE over_view(8)

-- case: PREPARE, and the view is replaced
-- only: simple
-- setup: CREATE TEMP VIEW v_prep2 AS SELECT id, predict('double', k) AS p FROM item
-- setup: PREPARE over_replaced(int) AS SELECT id, p + 1 AS p FROM v_prep2 WHERE id = $1
-- setup: EXECUTE over_replaced(1)
-- setup: CREATE OR REPLACE TEMP VIEW v_prep2 AS SELECT id, predict('add', k, 100) AS p FROM item
EXECUTE over_replaced(4)

-- case: PREPARE, and a column of the table is renamed
-- only: simple
-- setup: CREATE TEMP TABLE t_renamed AS SELECT id, k FROM item
-- setup: CREATE TEMP VIEW v_prep3 AS SELECT id, predict('double', k) AS p FROM t_renamed
-- setup: PREPARE over_renamed(int) AS SELECT id, p + 1 AS p FROM v_prep3 WHERE id = $1
-- setup: EXECUTE over_renamed(1)
-- setup: ALTER TABLE t_renamed RENAME COLUMN k TO kk
-- setup: ALTER TABLE t_renamed RENAME TO t_renamed2
EXECUTE over_renamed(4)

-- case: DECLARE and FETCH
-- only: simple
-- setup: CREATE TEMP VIEW v_cur AS SELECT id, predict('double', k) AS p FROM item
-- setup: BEGIN
-- setup: DECLARE c CURSOR FOR SELECT id, p + 1 AS p FROM v_cur ORDER BY id
FETCH 3 FROM c

-- case: COPY of a query
-- only: simple
-- setup: CREATE TEMP VIEW v_copy AS SELECT id, predict('double', k) AS p FROM item
COPY (SELECT id, p FROM v_copy ORDER BY id LIMIT 4) TO STDOUT

-- case: COPY of a view
-- only: simple
-- fails: 42809
-- setup: CREATE TEMP VIEW v_copy2 AS SELECT id, predict('double', k) AS p FROM item
COPY v_copy2 TO STDOUT

-- case: TABLESAMPLE
-- fails: 0A000
-- setup: CREATE TEMP VIEW v_sample AS SELECT id, predict('double', k) AS p FROM item
SELECT * FROM v_sample TABLESAMPLE system (10)

-- case: CREATE TABLE AS
-- only: simple
-- setup: CREATE TEMP VIEW v_ctas AS SELECT id, predict('double', k) AS p FROM item
-- after: SELECT * FROM t_made ORDER BY id LIMIT 3
CREATE TEMP TABLE t_made AS SELECT * FROM v_ctas

-- case: INSERT, UPDATE and DELETE that read a view
-- only: simple
-- setup: CREATE TEMP VIEW v_dml AS SELECT id, predict('double', k) AS p FROM item
-- setup: CREATE TEMP TABLE t_dml (id int, p int)
-- setup: INSERT INTO t_dml SELECT * FROM v_dml WHERE p < 9
-- setup: UPDATE t_dml SET p = v_dml.p + 1 FROM v_dml WHERE v_dml.id = t_dml.id AND v_dml.p = 8
-- setup: DELETE FROM t_dml USING v_dml AS v WHERE v.id = t_dml.id AND v.p = 4
SELECT * FROM t_dml ORDER BY id

-- case: a row is written through a view
-- only: simple
-- setup: CREATE TEMP TABLE t_through (id int, k int)
-- setup: CREATE TEMP VIEW v_through AS SELECT id, k, predict('double', k) AS p FROM t_through
-- setup: INSERT INTO v_through (id, k) VALUES (1, 2), (2, 3)
-- setup: UPDATE v_through SET k = 5 WHERE id = 1
-- setup: DELETE FROM v_through WHERE id = 2
SELECT * FROM v_through

-- case: the column of a call is written
-- only: simple
-- fails: 0A000
-- setup: CREATE TEMP TABLE t_through2 (id int, k int)
-- setup: CREATE TEMP VIEW v_through2 AS SELECT id, k, predict('double', k) AS p FROM t_through2
-- expect: code
INSERT INTO v_through2 (id, p) VALUES (1, 2)

-- case: FOR UPDATE of a view
-- setup: CREATE TEMP VIEW v_lock AS SELECT id, predict('double', k) AS p FROM item
SELECT * FROM v_lock WHERE id < 4 ORDER BY id FOR UPDATE OF v_lock

-- case: several statements
-- only: simple
CREATE TEMP VIEW v_several AS SELECT id, predict('double', k) AS p FROM item; SELECT * FROM v_several WHERE id < 3 ORDER BY id; DROP VIEW v_several
