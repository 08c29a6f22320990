Spellings: comments, quotes, blanks and case.

-- case: comments everywhere
-- oracle: SELECT m_double.predict('double', k) AS x FROM item ORDER BY id LIMIT 3
/* predict */ SELECT /* a */ predict /* b */ ( /* c */ 'double' /* d */ , /* e */ k /* f */ ) /* g */ AS -- predict('x')
  x FROM item -- tail
  ORDER BY id LIMIT 3 /* end */

-- case: nested comments
SELECT /* outer /* predict('inner', 1) */ still */ predict('double', k) FROM item ORDER BY id LIMIT 3

-- case: a line comment at the end
SELECT predict('double', k) FROM item ORDER BY id LIMIT 3 -- the end

-- case: upper and mixed case
SELECT PREDICT('double', k), Predict('double', k) FROM item ORDER BY id LIMIT 3

-- case: a quoted function name
SELECT "predict"('double', k) FROM item ORDER BY id LIMIT 3

-- case: qualified by the schema
-- oracle: SELECT m_double.predict('double', k) FROM item ORDER BY id LIMIT 3
SELECT pinnacle.predict('double', k) FROM item ORDER BY id LIMIT 3

-- case: lines and tabs
SELECT
	predict(
		'double',
		k
	)
		AS
			x
FROM
	item
ORDER BY
	id
LIMIT
	3

-- case: no blanks
SELECT predict('double',k)+predict('double',cheap)FROM item ORDER BY id LIMIT 3;

-- case: a trailing semicolon and blanks
SELECT predict('double', k) FROM item ORDER BY id LIMIT 3 ;  

-- case: a dollar-quoted argument
SELECT predict('shout', $$it's$$), predict('shout', $q$a $$ b$q$)

-- case: an escape string argument
SELECT predict('shout', E'it\'s \u00e9\n'), predict('shout', 'a''b'), predict('shout', U&'d\0061t')

-- case: a dollar-quoted model name
-- oracle: SELECT m_double.predict('double', 4)
SELECT predict($$double$$, 4)

-- case: an escape string as the model name
-- oracle: SELECT m_double.predict('double', 4)
SELECT predict(E'd\157uble', 4)

-- case: adjacent strings over two lines
SELECT predict('shout', 'one '
	'two')

-- case: predict inside a string is no call
-- oracle: SELECT 'predict(''double'', 1)', $$ predict('double', 1) $$, m_double.predict('double', 1)
SELECT 'predict(''double'', 1)', $$ predict('double', 1) $$, predict('double', 1)

-- case: predict inside a string alone
-- oracle: SELECT E'predict(\'double\', 1)' AS x
SELECT E'predict(\'double\', 1)' AS x

-- case: predict as the name of a column
SELECT predict FROM (SELECT 1 AS predict) x

-- case: predict as the name of a column beside a call
SELECT x.predict, predict('double', x.predict) FROM (SELECT 1 AS predict) x

-- case: predict as the name of a table
-- setup: CREATE TEMP TABLE predict (id int)
-- setup: INSERT INTO predict VALUES (4)
SELECT predict('double', predict.id), predict.* FROM predict

-- case: predict as a quoted identifier of another case
-- fails: 42883
-- expect: code
SELECT "Predict"('double', 1)

-- case: names of many bytes
SELECT predict('double', "ключ") AS "двойной" FROM (SELECT 4 AS "ключ") "таблица"

-- case: text of many bytes before and behind
SELECT 'é漢字🙂' AS a, predict('shout', 'ü🙂') AS b, '漢' AS c

-- case: the model's name as an alias
SELECT predict('double', k) AS double FROM item ORDER BY id LIMIT 2

-- case: parentheses around
SELECT ((predict('double', (k)))) FROM item ORDER BY id LIMIT 3

-- case: parentheses around the statement
(SELECT predict('double', k) FROM item ORDER BY id LIMIT 3)

-- case: ALL in the select
SELECT ALL predict('double', k) FROM item ORDER BY id LIMIT 3

-- case: a version
SELECT predict('double@1', k) FROM item ORDER BY id LIMIT 3

-- case: an operator in OPERATOR form
SELECT predict('double', k) OPERATOR(pg_catalog.+) 1 FROM item ORDER BY id LIMIT 3

-- case: a type in front of a string
SELECT predict('id_date', date '2020-01-01'), predict('id_interval', interval '1' day)

-- case: a query of one line of two thousand terms
SELECT predict('double', 1) + 1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1 AS s
