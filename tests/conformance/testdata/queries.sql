-- WITH, subqueries, set operations.

-- with
WITH x AS (SELECT grp, count(*) AS n FROM items GROUP BY grp) SELECT g.label, x.n FROM x JOIN groups AS g ON g.gid = x.grp;

-- with-twice-used
WITH x AS (SELECT id, grp FROM items WHERE flag) SELECT a.id, b.id FROM x AS a JOIN x AS b ON a.grp = b.grp AND a.id < b.id;

-- with-materialized
WITH x AS MATERIALIZED (SELECT * FROM items) SELECT count(*) FROM x WHERE id < 10;

-- with-not-materialized
WITH x AS NOT MATERIALIZED (SELECT * FROM items) SELECT a.id FROM x AS a JOIN x AS b USING (id) WHERE a.id < 3;

-- with-chain
WITH a AS (SELECT id, qty FROM items WHERE qty > 5), b AS (SELECT id, qty * 2 AS d FROM a WHERE id < 20) SELECT sum(d) FROM b;

-- with-unused
WITH x AS (SELECT * FROM items) SELECT 1 AS one;

-- with-column-names
WITH x(a, b) AS (SELECT gid, label FROM groups) SELECT b, a FROM x WHERE a > 7;

-- recursive-count
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i, name FROM n JOIN items ON id = i;

-- recursive-tree
WITH RECURSIVE t AS (SELECT gid, label, 1 AS depth FROM groups WHERE parent IS NULL UNION ALL SELECT g.gid, g.label, t.depth + 1 FROM groups AS g JOIN t ON g.parent = t.gid) SELECT * FROM t;

-- recursive-path
WITH RECURSIVE t AS (SELECT gid, label AS path FROM groups WHERE gid = 1 UNION ALL SELECT g.gid, t.path || '/' || g.label FROM groups AS g JOIN t ON g.parent = t.gid) SELECT path FROM t ORDER BY path;

-- recursive-union-distinct
WITH RECURSIVE up AS (SELECT gid, parent FROM groups WHERE gid IN (4, 5) UNION SELECT g.gid, g.parent FROM groups AS g JOIN up ON up.parent = g.gid) SELECT gid FROM up;

-- recursive-search
WITH RECURSIVE t AS (SELECT gid, parent FROM groups WHERE gid = 1 UNION ALL SELECT g.gid, g.parent FROM groups AS g JOIN t ON g.parent = t.gid) SEARCH DEPTH FIRST BY gid SET o SELECT gid FROM t ORDER BY o;

-- recursive-cycle
WITH RECURSIVE t(a) AS (SELECT 1 UNION ALL SELECT (a % 3) + 1 FROM t) CYCLE a SET c USING p SELECT a, c FROM t;

-- recursive-aggregate
WITH RECURSIVE t AS (SELECT gid, gid AS root FROM groups WHERE parent IS NULL UNION ALL SELECT g.gid, t.root FROM groups AS g JOIN t ON g.parent = t.gid) SELECT root, count(*), count(i.id) FROM t LEFT JOIN items AS i ON i.grp = t.gid GROUP BY root;

-- scalar-subquery
SELECT id, (SELECT label FROM groups WHERE gid = grp) FROM items;

-- scalar-subquery-aggregate
SELECT gid, (SELECT count(*) FROM items WHERE grp = gid) AS n FROM groups;

-- scalar-subquery-in-where
SELECT id FROM items WHERE price > (SELECT avg(price) FROM items);

-- scalar-subquery-correlated-max
SELECT id, grp, price FROM items AS i WHERE price = (SELECT max(price) FROM items AS j WHERE j.grp = i.grp);

-- scalar-subquery-empty
SELECT (SELECT k FROM nothing) AS x;

-- scalar-subquery-too-many
SELECT (SELECT gid FROM groups) AS x;

-- scalar-subquery-order-by
SELECT gid FROM groups ORDER BY (SELECT count(*) FROM items WHERE grp = gid) DESC, gid;

-- exists-constant
SELECT EXISTS (SELECT 1 FROM items WHERE id = 1), EXISTS (SELECT 1 FROM nothing);

-- exists-in-select
SELECT gid, EXISTS (SELECT 1 FROM items WHERE grp = gid) FROM groups;

-- in-select-list
SELECT gid, gid IN (SELECT grp FROM items) FROM groups;

-- subquery-of-two-levels
SELECT gid FROM groups AS g WHERE (SELECT count(*) FROM items AS i WHERE i.grp = g.gid AND EXISTS (SELECT 1 FROM sales AS o WHERE o.item = i.id AND o.amount > g.gid)) > 2;

-- array-subquery
SELECT gid, ARRAY(SELECT id FROM items WHERE grp = gid ORDER BY id) FROM groups;

-- row-subquery
SELECT id FROM items WHERE (grp, qty) = (SELECT grp, qty FROM items WHERE id = 3);

-- from-subquery
SELECT x.m, count(*) FROM (SELECT id % 4 AS m FROM items WHERE flag) AS x GROUP BY x.m;

-- from-subquery-limit
SELECT sum(id) FROM (SELECT id FROM items ORDER BY id DESC LIMIT 10) AS x;

-- from-subquery-order-offset
SELECT * FROM (SELECT id, name FROM items ORDER BY id LIMIT 10) AS x ORDER BY id OFFSET 7;

-- from-subquery-nested
SELECT * FROM (SELECT * FROM (SELECT id, grp FROM items WHERE id < 10) AS a WHERE grp > 4) AS b WHERE id > 3;

-- union
SELECT grp FROM items UNION SELECT gid FROM groups;

-- union-all
SELECT id FROM items WHERE id < 3 UNION ALL SELECT gid FROM groups WHERE gid < 3;

-- union-types
SELECT id, price FROM items WHERE id < 3 UNION ALL SELECT 5, 2 UNION ALL SELECT NULL, NULL;

-- union-texts
SELECT s FROM texts UNION SELECT name FROM items UNION SELECT label FROM groups;

-- union-order-limit
SELECT id AS n, name AS t FROM items UNION ALL SELECT gid, label FROM groups ORDER BY n, t LIMIT 8;

-- intersect
SELECT id FROM items INTERSECT SELECT gid FROM groups;

-- intersect-all
SELECT grp FROM items INTERSECT ALL SELECT grp FROM items WHERE id < 20;

-- except
SELECT id FROM items EXCEPT SELECT item FROM sales;

-- except-all
SELECT grp FROM items EXCEPT ALL SELECT gid FROM groups;

-- nested-set-operations
(SELECT id FROM items WHERE id < 9 EXCEPT SELECT gid FROM groups WHERE gid > 4) UNION (SELECT 100 INTERSECT SELECT 100);

-- union-of-aggregates
SELECT 'items' AS t, count(*) FROM items UNION ALL SELECT 'groups', count(*) FROM groups ORDER BY t;

-- union-mismatch
SELECT id, name FROM items UNION SELECT id FROM items;

-- union-type-mismatch
SELECT id FROM items UNION SELECT label FROM groups;

-- with-and-union
WITH a AS (SELECT id FROM items WHERE flag), b AS (SELECT id FROM items WHERE NOT flag) SELECT count(*) FROM (SELECT * FROM a UNION ALL SELECT * FROM b) AS x;

-- values-join-union
SELECT x FROM (VALUES (1), (2)) AS v(x) UNION SELECT gid FROM groups WHERE gid < 2;

-- case-simple
SELECT id, CASE grp WHEN 4 THEN 'four' WHEN 5 THEN 'five' END FROM items;

-- case-searched
SELECT id, CASE WHEN qty IS NULL THEN -1 WHEN qty < 0 THEN 0 ELSE qty END FROM items;

-- case-guards-division
SELECT id, CASE WHEN grp - 4 = 0 THEN NULL ELSE qty / (grp - 4) END FROM items;

-- case-in-where
SELECT id FROM items WHERE CASE WHEN flag THEN qty > 10 ELSE id < 10 END;

-- case-mixed-types
SELECT id, CASE WHEN id < 3 THEN 1 WHEN id < 5 THEN 2.5 ELSE price END FROM items WHERE id < 8;

-- coalesce
SELECT id, coalesce(note, name), coalesce(qty, grp, 0) FROM items;

-- nullif
SELECT id, nullif(qty, id), nullif(note, '') FROM items;

-- greatest-least
SELECT id, greatest(qty, grp, 5), least(qty, grp, 5) FROM items;

-- coalesce-in-where
SELECT id FROM items WHERE coalesce(qty, 0) = 0;

-- nullif-in-where
SELECT id FROM items WHERE nullif(grp, 5) IS NULL;

-- greatest-in-where
SELECT id FROM items WHERE greatest(qty, grp) = grp;

-- correlated-update-like-select
SELECT i.id, i.qty - (SELECT coalesce(sum(oid), 0) FROM sales AS o WHERE o.item = i.id) FROM items AS i;

-- correlated-limit
SELECT g.gid, (SELECT i.name FROM items AS i WHERE i.grp = g.gid ORDER BY i.id LIMIT 1 OFFSET 1) FROM groups AS g;

-- generate-series-join-count
SELECT s, count(i.id) FROM generate_series(0, 60, 20) AS s LEFT JOIN items AS i ON i.id > s AND i.id <= s + 20 GROUP BY s;

-- unnest
SELECT g.gid, u FROM groups AS g, unnest(ARRAY[g.gid, g.parent]) AS u WHERE g.gid < 4;

-- with-ordinality
SELECT g.gid, u.* FROM groups AS g, unnest(string_to_array(g.label, ' ')) WITH ORDINALITY AS u(word, n);

-- rows-from
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b'])) AS r(i, t);
