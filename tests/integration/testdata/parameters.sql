Parameters of prepared statements, inside calls and outside.

-- case: inside a call, declared
-- param: int4 40
SELECT predict('double', $1)

-- case: inside a call, undeclared
-- param: - 40
SELECT predict('double', $1)

-- case: inside calls of several types, undeclared
-- param: - 1.5
-- param: - abc
-- param: - t
SELECT predict('weigh', $1, $2, $3), predict('shout', $2)

-- case: inside an expression in a call
-- param: - 3
SELECT id, predict('double', k + $1) FROM item ORDER BY id LIMIT 20

-- case: outside of calls
-- param: int4 30
-- param: text x
SELECT predict('double', k), $2::text FROM item WHERE id < $1 ORDER BY id

-- case: outside of calls, undeclared
-- param: - 30
SELECT predict('double', k) FROM item WHERE id < $1 ORDER BY id

-- case: compared with a call
-- param: - 6
SELECT id FROM item WHERE predict('double', k) = $1 ORDER BY id

-- case: compared with a call, declared
-- param: int4 6
SELECT id FROM item WHERE predict('double', k) = $1 ORDER BY id

-- case: compared with a call of text
-- param: - odd
SELECT id FROM item WHERE predict('bucket', k) = $1 AND id < 50 ORDER BY id

-- case: added to a call
-- param: - 100
SELECT predict('double', k) + $1 FROM item ORDER BY id LIMIT 20

-- case: both sides, out of order
-- param: - 6
-- param: - 3
-- param: - 700
SELECT id, predict('add', k, $2) FROM item WHERE id < $3 AND predict('double', k) = $1 AND cheap = $2 ORDER BY id

-- case: a NULL parameter in a call
-- param: int4 NULL
SELECT predict('double', $1), predict('zero', $1)

-- case: a NULL parameter compared with a call
-- param: int4 NULL
SELECT id FROM item WHERE predict('double', k) = $1

-- case: the same parameter many times
-- param: int4 4
SELECT predict('double', $1), $1 + 1, predict('add', $1, $1) FROM item WHERE k = $1 AND id < 50 ORDER BY id

-- case: in an IN list
-- param: - 2
-- param: - 6
SELECT id FROM item WHERE predict('double', k) IN ($1, $2) AND id < 50 ORDER BY id

-- case: an array parameter
-- param: - {2,6}
SELECT id FROM item WHERE predict('double', k) = ANY ($1) AND id < 50 ORDER BY id

-- case: an array parameter in a call
-- param: - {1.5,2.5}
SELECT predict('total', $1)

-- case: cast in the statement
-- param: - 7
SELECT predict('double', $1::int), predict('shout', $1::text)

-- case: a parameter of another declared type that casts
-- param: int2 7
SELECT predict('double', $1), predict('wide', $1), predict('half', $1)

-- case: a parameter in a subquery beside
-- param: - 5
SELECT predict('double', k), (SELECT count(*) FROM item WHERE cheap = $1) FROM tag ORDER BY label

-- case: nested calls
-- param: - 5
SELECT predict('double', predict('add', $1, 1))

-- case: a malformed value
-- fails: 22P02
-- expect: code
-- param: int4 abc
SELECT predict('double', $1)

-- case: a value out of range
-- fails: 22003
-- expect: code
-- param: int2 99999
SELECT predict('double', $1)

-- case: a parameter that is used by no call and nothing else
-- param: int4 5
-- param: int4 6
SELECT predict('double', $2)

-- case: a timestamptz parameter
-- param: - 2024-05-01 10:00:00+02
SELECT predict('id_timestamptz', $1)

-- case: a cast around a call with a parameter
-- param: - 1
SELECT (predict('double', k) * $1)::text FROM item ORDER BY id LIMIT 5

-- case: a parameter as the model's name
-- expect: either
-- oracle: SELECT m_double.predict($1, 4)
-- param: text double
SELECT predict($1, 4)
