Calls in the outermost target list: alone, inside expressions, named and unnamed.

-- case: a call without an alias is named predict
SELECT predict('double', k) FROM item ORDER BY id

-- case: an alias
SELECT id, predict('double', k) AS twice FROM item ORDER BY id

-- case: an alias without AS
SELECT predict('double', k) twice FROM item ORDER BY id LIMIT 3

-- case: a quoted alias
SELECT predict('double', k) AS "Twice "" it" FROM item ORDER BY id LIMIT 3

-- case: arithmetic around a call
SELECT predict('double', k) + 1, 10 - predict('double', k) * 2 FROM item ORDER BY id LIMIT 30

-- case: two calls in one expression
SELECT predict('double', k) - predict('add', id, cheap) FROM item ORDER BY id LIMIT 30

-- case: the same call twice
SELECT predict('double', k), predict('double', k) + 1 FROM item ORDER BY id LIMIT 30

-- case: calls between plain columns
SELECT id, predict('double', k), name, predict('bucket', k), f FROM item ORDER BY id LIMIT 30

-- case: cast with two colons
SELECT predict('double', k)::text FROM item ORDER BY id LIMIT 20

-- case: cast to text and to numeric with CAST
SELECT CAST(predict('double', k) AS numeric(6,2)), CAST(predict('half', f) AS text) FROM item ORDER BY id LIMIT 20

-- case: a function around a call
SELECT round(predict('half', f)), abs(-predict('double', k)), upper(predict('bucket', k)) FROM item ORDER BY id LIMIT 50

-- case: round to digits after a cast
SELECT round(predict('half', f)::numeric, 1) FROM item ORDER BY id LIMIT 50

-- case: CASE over a call
SELECT CASE WHEN predict('double', k) = 6 THEN 'six' ELSE name END FROM item ORDER BY id LIMIT 30

-- case: CASE with a call as its subject
SELECT CASE predict('bucket', k) WHEN 'even' THEN 0 ELSE 1 END FROM item ORDER BY id LIMIT 30

-- case: coalesce around a call that is always made
SELECT coalesce(predict('maybe', k), 0) FROM item ORDER BY id LIMIT 30

-- case: nullif, greatest and least
SELECT nullif(predict('double', k), 4), greatest(predict('double', k), 7), least(predict('half', f), 3) FROM item ORDER BY id LIMIT 30

-- case: comparison in the target list
SELECT predict('double', k) > 5, predict('high', k), NOT predict('high', k), predict('maybe', k) IS NULL FROM item ORDER BY id LIMIT 30

-- case: boolean operators over calls
-- expect: either
-- names: OR
SELECT predict('high', k) AND cheap = 3, predict('high', k) OR predict('unsure', k) FROM item ORDER BY id LIMIT 120

-- case: IN, BETWEEN and LIKE over a call
SELECT predict('double', k) IN (2, 4, 6), predict('double', k) BETWEEN 3 AND 9, predict('bucket', k) LIKE 'e%' FROM item ORDER BY id LIMIT 30

-- case: concatenation
SELECT name || ': ' || predict('bucket', k) || '.' FROM item ORDER BY id LIMIT 30

-- case: nested calls
SELECT predict('double', predict('double', k)) FROM item ORDER BY id LIMIT 30

-- case: nested calls of different types
SELECT predict('size', predict('shout', predict('bucket', predict('double', k) + id))) FROM item ORDER BY id LIMIT 30

-- case: an inner call given too
SELECT predict('double', predict('add', k, 1)), predict('add', k, 1) FROM item ORDER BY id LIMIT 30

-- case: a nested call with an inner NULL
SELECT predict('double', predict('maybe', k)) FROM item ORDER BY id LIMIT 30

-- case: a constant argument
SELECT predict('double', 21) FROM item LIMIT 7

-- case: without FROM
SELECT predict('double', 21), predict('bucket', 3) AS b

-- case: a model without arguments
SELECT predict('answer'), id FROM item ORDER BY id LIMIT 3

-- case: expressions as arguments
SELECT predict('double', k * 3 + cheap % 4), predict('shout', name || '-' || id), predict('half', sqrt(id)) FROM item ORDER BY id LIMIT 30

-- case: CASE and coalesce as arguments
SELECT predict('double', CASE WHEN odd IS NULL THEN -1 ELSE odd END), predict('double', coalesce(odd, 99)) FROM item ORDER BY id LIMIT 30

-- case: NULL arguments are not called
SELECT id, predict('double', odd) FROM item ORDER BY id LIMIT 50

-- case: a literal NULL argument
SELECT predict('double', NULL), predict('double', NULL::int)

-- case: a model that is called on NULL
SELECT odd, predict('zero', odd) FROM item ORDER BY id LIMIT 50

-- case: one NULL of several arguments
SELECT predict('add', k, odd), predict('weigh', f, name, yes) FROM item ORDER BY id

-- case: answers that are NULL
SELECT k, predict('maybe', k), predict('unsure', k) FROM item ORDER BY id LIMIT 30

-- case: a star beside a call
SELECT *, predict('double', k) FROM tag ORDER BY label

-- case: a qualified star and a call
SELECT predict('double', t.k), t.* FROM tag t ORDER BY label

-- case: a whole-row reference beside a call
SELECT t, predict('double', t.k) FROM tag t ORDER BY label

-- case: two columns of one name
SELECT k AS x, predict('double', k) AS x FROM item ORDER BY id LIMIT 3

-- case: a window function beside a call
SELECT id, row_number() OVER (ORDER BY id DESC), predict('double', k) FROM item ORDER BY id LIMIT 20

-- case: a window function as an argument
SELECT id, predict('wide', row_number() OVER (ORDER BY id DESC)), predict('wide', sum(k) OVER (PARTITION BY cheap)) FROM item ORDER BY id LIMIT 40

-- case: an aggregate as an argument
SELECT predict('wide', count(*)), predict('wide', sum(k)) FROM item

-- case: grouped columns as arguments
SELECT k, count(*), predict('double', k), predict('wide', count(*)) FROM item GROUP BY k ORDER BY k

-- case: grouped columns with HAVING
SELECT k, predict('double', k) FROM item GROUP BY k HAVING count(*) > 5 ORDER BY k

-- case: grouped by expression
SELECT k % 3, predict('double', k % 3) FROM item GROUP BY k % 3 ORDER BY 1

-- case: grouping sets
SELECT k, cheap, predict('zero', k), count(*) FROM item WHERE k < 2 GROUP BY GROUPING SETS ((k), (cheap), ()) ORDER BY k, cheap

-- case: a scalar subquery beside a call
SELECT predict('double', k), (SELECT max(id) FROM item) FROM tag ORDER BY label

-- case: a scalar subquery as an argument
SELECT predict('double', (SELECT max(k) FROM item)), predict('double', (SELECT i.cheap FROM item i WHERE i.id = tag.k)) FROM tag ORDER BY label

-- case: a user's own function around and inside
SELECT halve(predict('double', k)), predict('double', halve(id)) FROM item ORDER BY id LIMIT 20

-- case: an array built of calls
SELECT ARRAY[predict('double', k), k], ARRAY[predict('bucket', k)] FROM item ORDER BY id LIMIT 20

-- case: a row built of calls
SELECT ROW(predict('double', k), name) FROM item ORDER BY id LIMIT 20

-- case: a subscript of an answer
SELECT (predict('pair', k))[2], predict('pair', k) FROM item ORDER BY id LIMIT 20

-- case: jsonb of an answer
SELECT predict('id_jsonb', jb) -> 'a' -> 2, predict('id_jsonb', jb) ->> 'b', to_jsonb(predict('double', k)) FROM item ORDER BY id LIMIT 20

-- case: collation and operators of text
SELECT predict('shout', name) COLLATE "C" < 'item 5', predict('shout', name) ~ '^item 1' FROM item ORDER BY id LIMIT 20

-- case: at time zone over an answer
SELECT predict('id_timestamptz', tz) AT TIME ZONE 'Europe/Oslo', extract(year FROM predict('id_date', d)) FROM item ORDER BY id LIMIT 20

-- case: a domain of a cast with a type modifier
SELECT predict('shout', name)::varchar(4), predict('half', f)::numeric(8,3) FROM item ORDER BY id LIMIT 20

-- case: an enum and a numeric with modifier pass through
SELECT feels, salary, predict('double', id) FROM person ORDER BY id

-- case: an implicit cast to the argument's type
SELECT predict('half', k), predict('half', n::real), predict('wide', k), predict('half', 1), predict('wide', small) FROM item ORDER BY id LIMIT 20

-- case: an unknown literal as an argument
SELECT predict('double', '21'), predict('shout', 'abc'), predict('half', '1.5'), predict('id_date', '2020-02-29'), predict('total', '{1,2,3}')

-- case: an unknown literal of another type's form
-- fails: 22P02
-- expect: code
SELECT predict('double', 'abc')

-- case: values as the source
SELECT predict('double', v), w FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'c')) AS x (v, w)

-- case: a set-returning function as the source
SELECT g, predict('double', g) FROM generate_series(1, 20) g

-- case: a set-returning function beside a call
SELECT predict('double', 4), generate_series(1, 3)

-- case: a set-returning function as an argument
SELECT predict('double', generate_series(1, 3))

-- case: unnest in FROM
SELECT predict('double', e), o FROM unnest(ARRAY[5, 6, 7]) WITH ORDINALITY AS u (e, o)

-- case: lateral
SELECT t.label, predict('double', l.id) FROM tag t, LATERAL (SELECT id FROM item WHERE k = t.k ORDER BY id LIMIT 2) l ORDER BY t.label, l.id

-- case: order by the position of a plain column
SELECT id, predict('double', k) FROM item WHERE id < 30 ORDER BY 1 DESC

-- case: order by an expression of plain columns
SELECT id, predict('double', k) FROM item WHERE id < 40 ORDER BY k % 3, -id

-- case: order by a column that is not given
SELECT predict('double', k) FROM item WHERE id < 40 ORDER BY name COLLATE "C", id DESC

-- case: order by nulls first
SELECT odd, predict('double', odd) FROM item WHERE id < 40 ORDER BY odd DESC NULLS FIRST, id

-- case: order by an alias of a plain column
SELECT id AS n, predict('double', k) FROM item WHERE id < 40 ORDER BY n DESC

-- case: empty result
SELECT id, predict('double', k), predict('bucket', k) FROM empty

-- case: empty by its condition
SELECT predict('half', f), name FROM item WHERE id < 0

-- case: one row
SELECT predict('half', f), name FROM item WHERE id = 77

-- case: ten thousand rows
SELECT i, predict('double', i), predict('bucket', i % 7) FROM generate_series(1, 10000) i

-- case: wide rows
SELECT *, predict('double', k) FROM item ORDER BY id LIMIT 100

-- case: FOR UPDATE without a filter
SELECT predict('double', k) FROM tag WHERE label = 'three' FOR UPDATE

-- case: a table with odd names
SELECT "Key ""x""", "select", predict('double', "Key ""x""") FROM "Odd Table" ORDER BY 1

-- case: a field of a composite value
SELECT (t).label, predict('double', (t).k) FROM tag t ORDER BY 1

-- case: calls over a view
SELECT id, predict('double', k) FROM cheap_item ORDER BY id

-- case: table sample and only
SELECT predict('double', k) FROM ONLY tag ORDER BY label

-- case: named and mixed arguments of other functions
SELECT make_interval(days => predict('double', k)) FROM item ORDER BY id LIMIT 5

-- case: system columns
SELECT tableoid > 0, ctid, predict('double', k) FROM tag ORDER BY label

-- case: volatile function beside a call
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value FROM s
SELECT nextval('s'), predict('double', k) FROM tag

-- case: volatile function as an argument
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value FROM s
SELECT predict('wide', nextval('s')) FROM tag

-- case: volatile function as an argument, twice
-- setup: CREATE TEMP SEQUENCE s
-- after: SELECT last_value FROM s
SELECT predict('wide', nextval('s')), predict('wide', nextval('s')) FROM tag

-- case: DISTINCT ON beside plain columns is not changed by a call
-- expect: either
-- names: DISTINCT
SELECT DISTINCT ON (k) k, predict('double', id) FROM item ORDER BY k, id
