LIMIT, OFFSET and FETCH over calls in the target list and over filters.

-- case: LIMIT over a call
SELECT id, predict('double', k) FROM item ORDER BY id LIMIT 5

-- case: LIMIT over a filter
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 5

-- case: LIMIT and OFFSET over a filter
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 5 OFFSET 3

-- case: OFFSET alone over a filter
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id OFFSET 95

-- case: OFFSET before LIMIT
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id OFFSET 2 LIMIT 4

-- case: OFFSET ROWS FETCH
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id OFFSET 2 ROWS FETCH FIRST 3 ROWS ONLY

-- case: FETCH FIRST ROW ONLY
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id FETCH FIRST ROW ONLY

-- case: FETCH WITH TIES over a filter
-- expect: either
SELECT id, cheap FROM item WHERE predict('double', k) = 6 ORDER BY cheap FETCH FIRST 3 ROWS WITH TIES

-- case: LIMIT 0
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 0

-- case: LIMIT ALL
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT ALL

-- case: LIMIT NULL and OFFSET NULL
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT NULL OFFSET NULL

-- case: LIMIT of an expression
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 2 + 3 OFFSET 10 / 5

-- case: LIMIT of a fraction is rounded
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 2.5

-- case: LIMIT of a string
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT '4'

-- case: LIMIT of a subquery
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT (SELECT count(*) FROM tag WHERE k = 3)

-- case: LIMIT beyond the end
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 1000000 OFFSET 98

-- case: OFFSET beyond the end
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 5 OFFSET 5000

-- case: a huge LIMIT
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT 9223372036854775807 OFFSET 97

-- case: negative LIMIT over a filter
-- fails: 2201W
-- expect: code
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT -1

-- case: negative OFFSET over a filter
-- fails: 2201X
-- expect: code
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id OFFSET -1

-- case: negative LIMIT over a call
-- fails: 2201W
-- expect: code
SELECT predict('double', k) FROM item LIMIT -1

-- case: LIMIT of a column
-- fails: 42P10
-- expect: code
SELECT id FROM item WHERE predict('double', k) = 6 LIMIT id

-- case: LIMIT as a parameter
-- param: int8 4
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1

-- case: LIMIT and OFFSET as undeclared parameters
-- param: - 4
-- param: - 2
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1 OFFSET $2

-- case: LIMIT as a NULL parameter
-- param: int8 NULL
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1

-- case: LIMIT as a negative parameter
-- fails: 2201W
-- expect: code
-- param: int8 -4
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1

-- case: LIMIT as an expression of a parameter
-- param: int4 2
SELECT id FROM item WHERE predict('double', k) = 6 ORDER BY id LIMIT $1 * 2

-- case: LIMIT over two filters with cheap terms
SELECT id FROM item WHERE cheap > 2 AND predict('double', k) = 6 AND predict('bucket', cheap) = 'odd' ORDER BY id LIMIT 5 OFFSET 1

-- case: LIMIT 1 where the last row passes
SELECT id FROM item WHERE predict('double', id) = 2000 LIMIT 1

-- case: LIMIT over a large source
SELECT i FROM generate_series(1, 100000) i WHERE predict('double', i % 1000) = 1998 LIMIT 3

-- case: LIMIT over a call of volatile arguments
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value FROM s
SELECT predict('wide', nextval('s')) FROM item LIMIT 5
