How a call may be written: whole rows, named arguments, arguments in several types; and what may be done with an answer.

-- case: a whole row
-- oracle: SELECT m_add.predict('add', r.a, r.b) FROM (VALUES (1, 2), (3, NULL)) AS r(a, b) ORDER BY 1
SELECT predict('add', r) FROM (VALUES (1, 2), (3, NULL)) AS r(a, b) ORDER BY 1

-- case: a whole row with a star
-- oracle: SELECT max(m_add.predict('add', r.a, r.b)) FROM (VALUES (1, 2), (3, 4)) AS r(b, a)
SELECT max(predict('add', r.*)) FROM (VALUES (1, 2), (3, 4)) AS r(b, a)

-- case: a whole row with more columns than the model has
-- oracle: SELECT r.c, m_add.predict('add', r.a, r.b) FROM (VALUES (1, 'x', 2)) AS r(b, c, a) GROUP BY r.c, r.a, r.b
SELECT r.c, predict('add', r) FROM (VALUES (1, 'x', 2)) AS r(b, c, a) GROUP BY r.c, r.a, r.b

-- case: a whole row of a table, by its alias and in a join's condition
-- oracle: SELECT x.a FROM (SELECT id AS a, k AS b FROM item WHERE id < 20) AS x JOIN (VALUES (3), (9)) AS v(n) ON m_add.predict('add', x.a, x.b) = v.n ORDER BY 1
SELECT x.a FROM (SELECT id AS a, k AS b FROM item WHERE id < 20) AS x JOIN (VALUES (3), (9)) AS v(n) ON predict('add', x) = v.n ORDER BY 1

-- case: a whole row of NULLs
-- oracle: SELECT count(m_add.predict('add', r.a, r.b)), count(*) FROM (SELECT NULL::int4 AS a, NULL::int4 AS b) AS r
SELECT count(predict('add', r)), count(*) FROM (SELECT NULL::int4 AS a, NULL::int4 AS b) AS r

-- case: a whole row without a column of the model's
-- expect: code
-- fails: 42703
-- oracle: SELECT max(m_add.predict('add', r.a, r.b)) FROM (VALUES (1, 2)) AS r(a, c)
SELECT max(predict('add', r)) FROM (VALUES (1, 2)) AS r(a, c)

-- case: named arguments in another order
SELECT max(predict('add', b => id, a => k)), min(predict('add', a => id, b => 1)) FROM item

-- case: named arguments behind one without a name
SELECT predict('weigh', 2, c => true, b => 'two') ORDER BY 1

-- case: named arguments with :=
SELECT count(predict('add', b := k, a := k)) FROM item

-- case: implicit casts of arguments
SELECT max(predict('half', k)), max(predict('half', 1.5)), max(predict('wide', k)), max(predict('shout', 'x'::varchar)) FROM item

-- case: an argument without an implicit cast
-- expect: code
-- fails: 42883
SELECT max(predict('double', 1.5)) FROM item

-- case: a literal that is no value of the type
-- expect: code
-- fails: 22P02
SELECT max(predict('double', 'x')) FROM item

-- case: a parameter as an argument
-- param: - 4
SELECT max(predict('add', k, $1)) FROM item

-- case: an array in and out
SELECT max((predict('pair', k))[2]), max(predict('total', ARRAY[k, 0.5])) FROM item

-- case: a slice, a cast and a concatenation
SELECT (predict('pair', k))[1:1] || k, max(predict('bucket', k)::varchar(1)) FROM item WHERE id < 10 GROUP BY 1 ORDER BY 1

-- case: a collation behind a call
SELECT DISTINCT predict('bucket', k) COLLATE "C" AS b FROM item WHERE k IS NOT NULL ORDER BY b DESC

-- case: a call in a row and in a comparison of rows
SELECT count(*) FROM item WHERE (predict('double', k), id) > (4, 10)

-- case: a call as an argument of itself
SELECT max(predict('double', predict('double', predict('double', k)))) FROM item

-- case: no arguments
SELECT predict('answer') + max(predict('answer')) FROM item GROUP BY predict('answer')

-- case: called on NULL
SELECT max(predict('zero', NULL)), sum(predict('zero', nullif(k, 2))) FROM item

-- case: jsonb in and out
SELECT max((predict('id_jsonb', jsonb_build_object('a', k))->>'a')::int) FROM item

-- case: FETCH_COUNT's way of reading
-- setup: BEGIN
-- setup: DECLARE _psql_cursor NO SCROLL CURSOR FOR SELECT predict('bucket', k), count(*) FROM item GROUP BY 1 ORDER BY 1
-- after: CLOSE _psql_cursor
-- after: COMMIT
FETCH FORWARD 2 FROM _psql_cursor
