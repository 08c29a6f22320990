Calls as terms of the outermost WHERE, joined by AND.

-- case: equal
SELECT id, name FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: equal, sides changed
SELECT id, name FROM item WHERE 6 = predict('double', k) ORDER BY id

-- case: not equal
SELECT id FROM item WHERE predict('double', k) <> 6 ORDER BY id

-- case: less
SELECT id FROM item WHERE predict('half', f) < 20.5 ORDER BY id

-- case: IN
SELECT id FROM item WHERE predict('double', k) IN (2, 4, 100) ORDER BY id

-- case: NOT IN with NULL
SELECT id FROM item WHERE predict('double', k) NOT IN (2, NULL) ORDER BY id

-- case: BETWEEN
SELECT id FROM item WHERE predict('double', k) BETWEEN 3 AND 9 ORDER BY id

-- case: IS NULL
SELECT id, odd FROM item WHERE predict('double', odd) IS NULL ORDER BY id

-- case: IS NOT NULL
SELECT id, odd FROM item WHERE predict('maybe', k) IS NOT NULL ORDER BY id

-- case: IS DISTINCT FROM
SELECT id FROM item WHERE predict('maybe', k) IS DISTINCT FROM 4 ORDER BY id

-- case: NOT
SELECT id FROM item WHERE NOT predict('high', k) ORDER BY id

-- case: NOT with an unknown answer
SELECT id, k FROM item WHERE NOT predict('unsure', k) ORDER BY id

-- case: a boolean model alone
SELECT id FROM item WHERE predict('high', k) ORDER BY id

-- case: a boolean model that is unsure
SELECT id FROM item WHERE predict('unsure', k) ORDER BY id

-- case: IS TRUE and IS NOT TRUE
SELECT id FROM item WHERE predict('unsure', k) IS NOT TRUE AND predict('high', cheap) IS TRUE ORDER BY id

-- case: LIKE over text
SELECT id FROM item WHERE predict('shout', name) LIKE '%7!' ORDER BY id

-- case: an expression around the call
SELECT id FROM item WHERE predict('double', k) * 2 + 1 > predict('double', cheap) ORDER BY id

-- case: a cheap term before
SELECT id FROM item WHERE cheap = 3 AND predict('double', k) = 6 ORDER BY id

-- case: a cheap term behind
SELECT id FROM item WHERE predict('double', k) = 6 AND cheap = 3 ORDER BY id

-- case: cheap terms on both sides and in parentheses
SELECT id FROM item WHERE (cheap = 3 OR cheap = 4) AND (predict('double', k) = 6) AND NOT (id > 500) ORDER BY id

-- case: nested ANDs
SELECT id FROM item WHERE cheap > 2 AND (cheap < 6 AND (predict('double', k) = 6 AND id < 700)) ORDER BY id

-- case: two models
SELECT id FROM item WHERE predict('double', k) = 6 AND predict('bucket', cheap) = 'odd' ORDER BY id

-- case: two models in one term
SELECT id FROM item WHERE predict('double', k) = predict('double', cheap) ORDER BY id

-- case: OR inside one term
-- expect: either
-- names: OR
SELECT id FROM item WHERE (predict('double', k) = 6 OR predict('bucket', cheap) = 'odd') AND id < 300 ORDER BY id

-- case: OR with a cheap operand
SELECT id FROM item WHERE predict('double', k) = 6 OR cheap = 3 ORDER BY id

-- case: in the target list too
SELECT id, predict('double', k) FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: another call in the target list
SELECT id, predict('bucket', cheap) AS b, predict('half', f) FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: nested in a filter
SELECT id FROM item WHERE predict('double', predict('add', k, cheap)) = 20 ORDER BY id

-- case: star
SELECT * FROM tag WHERE predict('double', k) = 6 ORDER BY label

-- case: a whole-row reference
SELECT tag FROM tag WHERE predict('double', k) = 6 ORDER BY label

-- case: nothing passes
SELECT id FROM item WHERE predict('double', k) = -1 ORDER BY id

-- case: no rows come
SELECT id FROM empty WHERE predict('double', k) = 2

-- case: a constant filter that is true
SELECT id FROM item WHERE predict('double', 3) = 6 ORDER BY id LIMIT 5

-- case: a constant filter that is false
SELECT id FROM item WHERE predict('double', 3) = 7 ORDER BY id LIMIT 5

-- case: without FROM
SELECT 1 AS one WHERE predict('double', 3) = 6

-- case: ORDER BY a column that is not given
SELECT name FROM item WHERE predict('double', k) = 6 AND id < 200 ORDER BY cheap DESC, id

-- case: ORDER BY a position and an alias of an expression
-- expect: either
-- names: ORDER BY
SELECT id % 7 AS rest, id FROM item WHERE predict('double', k) = 6 ORDER BY rest DESC, 2

-- case: a join
SELECT i.id, t.label FROM item i JOIN tag t ON t.k = i.k WHERE predict('double', i.k) = 6 ORDER BY 1, 2

-- case: a left join
SELECT t.label, i.id FROM tag t LEFT JOIN item i ON i.k = t.k AND i.id < 20 WHERE predict('zero', i.k) < 5 ORDER BY 1, 2

-- case: a join without JOIN
SELECT i.id, t.label FROM item i, tag t WHERE t.k = i.k AND predict('high', t.k) AND i.id < 100 ORDER BY 1, 2

-- case: arguments of both sides of a join
SELECT i.id, t.label FROM item i JOIN tag t USING (k) WHERE predict('add', i.cheap, t.k) = 10 ORDER BY 1, 2

-- case: a subquery in FROM
SELECT s.n FROM (SELECT id AS n, k FROM item WHERE cheap = 2 ORDER BY id LIMIT 50) s WHERE predict('double', s.k) > 10 ORDER BY 1

-- case: an IN subquery as a cheap term
SELECT id FROM item WHERE k IN (SELECT k FROM tag) AND predict('high', k) ORDER BY id

-- case: an EXISTS subquery as a cheap term
SELECT id FROM item i WHERE EXISTS (SELECT FROM tag t WHERE t.k = i.k) AND predict('double', i.cheap) = 8 ORDER BY id

-- case: a scalar subquery in the filter's other side
SELECT id FROM item WHERE predict('double', k) = (SELECT max(k) * 2 - 2 FROM tag WHERE k < 10) AND cheap = 1 ORDER BY id

-- case: a CTE beside
WITH few AS (SELECT * FROM item WHERE cheap = 5) SELECT id FROM few WHERE predict('double', k) = 4 ORDER BY id

-- case: a window function beside a filter
-- expect: either
SELECT id, row_number() OVER (ORDER BY id) FROM item WHERE predict('double', k) = 6 AND id < 200 ORDER BY id

-- case: an aggregate above a filter
-- expect: either
SELECT count(*), sum(id) FROM item WHERE predict('double', k) = 6

-- case: GROUP BY above a filter
-- expect: either
SELECT cheap, count(*) FROM item WHERE predict('double', k) = 6 GROUP BY cheap ORDER BY cheap

-- case: DISTINCT above a filter
-- expect: either
-- unordered
SELECT DISTINCT cheap % 3 FROM item WHERE predict('double', k) = 6

-- case: a set-returning function above a filter
-- expect: either
SELECT id, generate_series(1, 2) FROM item WHERE predict('double', k) = 6 AND id < 50 ORDER BY id

-- case: nextval runs for rows that pass only
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value, is_called FROM s
SELECT id, nextval('s') FROM item WHERE predict('double', k) = 6 AND id < 100

-- case: nextval inside an expression runs for rows that pass only
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value, is_called FROM s
SELECT id + 0 * nextval('s') FROM item WHERE predict('double', k) = 6 AND id < 100

-- case: an error is raised for rows that pass only
SELECT id, 100 / (k - 4) FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: an error for a row that passes
-- fails: 22012
-- expect: code
SELECT id, 100 / (k - 3) FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: an error is raised in a call's argument for rows that pass only
SELECT id, predict('double', 100 / (k - 4)) FROM item WHERE predict('double', k) = 6 ORDER BY id

-- case: FOR UPDATE with a filter
-- expect: either
-- names: FOR UPDATE
SELECT label FROM tag WHERE predict('double', k) = 6 ORDER BY label FOR UPDATE

-- case: FOR SHARE OF with a filter
-- expect: either
-- names: FOR SHARE
SELECT label FROM tag t WHERE predict('double', k) = 6 ORDER BY label FOR SHARE OF t

-- case: NULL as the condition
SELECT id FROM item WHERE predict('high', NULL)

-- case: an untyped NULL compared
SELECT id FROM item WHERE predict('double', k) = NULL

-- case: ANY of an array
SELECT id FROM item WHERE predict('double', k) = ANY (ARRAY[2, 6]) AND cheap = 1 ORDER BY id

-- case: array answers
SELECT id FROM item WHERE 4 = ANY (predict('pair', k)) ORDER BY id LIMIT 40

-- case: a filter on a view
SELECT id FROM cheap_item WHERE predict('double', k) = 8 ORDER BY id

-- case: CASE as a term with a call that is always made
SELECT id FROM item WHERE CASE predict('double', k) WHEN 6 THEN true WHEN 8 THEN NULL ELSE false END ORDER BY id

-- case: a row comparison
SELECT id FROM item WHERE (predict('double', k), cheap) = (6, 3) ORDER BY id

-- case: a filter that is not boolean
-- fails: 42804
-- expect: code
SELECT id FROM item WHERE predict('double', k)

-- case: no columns
SELECT FROM item WHERE predict('double', k) = 6 AND id < 30

-- case: TABLESAMPLE of everything
SELECT id FROM item TABLESAMPLE SYSTEM (100) WHERE predict('double', k) = 6 ORDER BY id LIMIT 3
