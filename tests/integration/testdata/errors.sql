Errors that are not the model's: PostgreSQL's words, code and position in the client's own text.

-- case: no such column beside a call
-- fails: 42703
SELECT predict('double', k), nocolumn FROM item

-- case: no such column in an argument
-- fails: 42703
SELECT predict('double', nocolumn) FROM item

-- case: no such column behind two calls
-- fails: 42703
SELECT predict('double', k), predict('bucket', cheap) || 'x', item.nocolumn FROM item WHERE predict('double', k) = 6

-- case: a FULL JOIN ON a call that is compared otherwise than by equality
-- fails: 0A000
SELECT count(*) FROM item a FULL JOIN item b ON predict('double', a.k) > b.k

-- case: a FULL JOIN ON a call that joins nothing
-- fails: 0A000
SELECT count(*) FROM item a FULL JOIN item b ON predict('double', a.k) = 6

-- case: no such table
-- fails: 42P01
SELECT predict('double', k) FROM nowhere

-- case: no such function around a call
-- fails: 42883
SELECT nofunction(predict('double', k)) FROM item

-- case: no such function behind a call
-- fails: 42883
SELECT predict('double', k), nofunction(k) FROM item

-- case: no such column in a filter behind a call
-- fails: 42703
SELECT id FROM item WHERE predict('double', k) = 6 AND nocolumn = 3

-- case: a column of a table that is not in FROM
-- fails: 42P01
SELECT predict('double', item.k), tag.label FROM item

-- case: an ambiguous column
-- fails: 42702
SELECT predict('double', k) FROM item, tag

-- case: a syntax error behind a call
-- fails: 42601
SELECT predict('double', k) FROM item WHERE

-- case: a syntax error in a call
-- fails: 42601
SELECT predict('double', k +) FROM item

-- case: a parenthesis too few
-- fails: 42601
SELECT predict('double', k FROM item

-- case: a string without an end
-- fails: 42601
SELECT predict('double', 'k) FROM item

-- case: an operator that is not there
-- fails: 42883
SELECT predict('bucket', k) + 1 FROM item

-- case: types that cannot be compared
-- fails: 42883
SELECT id FROM item WHERE predict('double', k) = 'abc'::text

-- case: a malformed literal compared with a call
-- fails: 22P02
-- expect: code
SELECT id FROM item WHERE predict('double', k) = 'abc'

-- case: an ungrouped column beside a call
-- fails: 42803
SELECT k, name, predict('double', k) FROM item GROUP BY k

-- case: an aggregate in WHERE beside a call
-- fails: 42803
SELECT id FROM item WHERE predict('double', k) = 6 AND sum(id) > 3

-- case: positions behind text of many bytes
-- fails: 42703
SELECT 'é漢字🙂', predict('shout', 'ü🙂'), nocolumn FROM item

-- case: division by zero in an argument
-- fails: 22012
SELECT predict('double', 1 / (k - k)) FROM item

-- case: division by zero around a call
-- fails: 22012
SELECT 1 / (predict('double', k) - 6) FROM item ORDER BY id

-- case: division by zero beside a call
-- fails: 22012
SELECT predict('double', k), 1 / (k - 5) FROM item ORDER BY id

-- case: a cast that fails around a call
-- fails: 22P02
SELECT predict('bucket', k)::int FROM item

-- case: a cast that fails in an argument
-- fails: 22P02
SELECT predict('double', name::int) FROM item

-- case: a text that is not valid in the second statement
-- fails: 42703
-- only: simple
SELECT predict('double', 1); SELECT predict('double', nocolumn) FROM item

-- case: two statements in one Parse
-- fails: 42601
-- only: extended
SELECT predict('double', 1); SELECT 2

-- case: an invalid position in ORDER BY
-- fails: 42P10
SELECT predict('double', k) FROM item ORDER BY 3

-- case: a parameter in a simple Query
-- fails: 42P02
-- only: simple
SELECT predict('double', $1)

-- case: permission denied
-- fails: 42501
-- expect: code
SELECT predict('double', 1), rolpassword FROM pg_authid
