-- predict() in several positions.

-- select-list
SELECT id, predict('twice', qty) FROM items;

-- constant
SELECT id, predict('twice', 21) FROM items WHERE id < 3;

-- where
SELECT id FROM items WHERE predict('twice', grp) = 10;

-- where-and
SELECT id FROM items WHERE predict('twice', qty) > 40 AND flag AND id < 30;

-- expression
SELECT id, predict('twice', qty + 1) + id, predict('shout', name) || '?' FROM items;

-- text
SELECT k, predict('shout', s) FROM texts;

-- floats
SELECT id, predict('plus', ratio, 0.5) FROM items;

-- casts-of-arguments
SELECT id, predict('plus', qty, price) FROM items;

-- limit
SELECT id, predict('twice', qty) FROM items ORDER BY id LIMIT 3;

-- order-by
SELECT id FROM items ORDER BY predict('twice', qty) DESC NULLS LAST, id;

-- group-by
SELECT predict('twice', grp), count(*) FROM items GROUP BY 1;

-- having
SELECT grp FROM items GROUP BY grp HAVING predict('twice', count(*)) > 12;

-- aggregate
SELECT sum(predict('twice', qty)), max(predict('shout', name)) FROM items;

-- filter
SELECT count(*) FILTER (WHERE predict('twice', grp) > 10) FROM items;

-- distinct
SELECT DISTINCT predict('twice', grp) FROM items;

-- join-condition
SELECT i.id, g.gid FROM items AS i JOIN groups AS g ON predict('twice', g.gid) = i.grp;

-- left-join
SELECT i.id, predict('shout', g.label) FROM items AS i LEFT JOIN groups AS g ON g.gid = i.grp;

-- case
SELECT id, CASE WHEN flag THEN predict('twice', qty) ELSE -1 END FROM items;

-- subquery
SELECT gid FROM groups WHERE gid IN (SELECT predict('twice', grp) FROM items);

-- exists
SELECT gid FROM groups AS g WHERE EXISTS (SELECT 1 FROM items AS i WHERE i.grp = g.gid AND predict('twice', i.qty) > 50);

-- with
WITH x AS (SELECT id, predict('twice', qty) AS p FROM items) SELECT count(*), sum(p) FROM x WHERE p > 10;

-- window
SELECT id, sum(predict('twice', qty)) OVER (PARTITION BY grp ORDER BY id) FROM items;

-- union
SELECT predict('twice', gid) FROM groups UNION SELECT id FROM items WHERE id < 5;

-- nested
SELECT id, predict('twice', predict('twice', grp)) FROM items;

-- parameter
--! $1 int4 = 5
SELECT id, predict('twice', $1) FROM items WHERE predict('twice', grp) = $1 * 2;

-- prepared
PREPARE p(int) AS SELECT id, predict('twice', qty) FROM items WHERE grp = $1;
EXECUTE p(4);
EXECUTE p(5);

-- cursor
BEGIN;
DECLARE c CURSOR FOR SELECT id, predict('shout', name) FROM items ORDER BY id;
FETCH 3 FROM c;
FETCH 3 FROM c;
COMMIT;

-- copy
COPY (SELECT id, predict('twice', id) FROM items WHERE id < 4 ORDER BY id) TO STDOUT;

-- lateral
SELECT g.gid, x.p FROM groups AS g, LATERAL (SELECT predict('twice', g.gid) AS p) AS x;

-- null-argument
SELECT predict('twice', NULL::int4) FROM items WHERE id = 1;

-- empty
SELECT predict('shout', v) FROM nothing;
