-- Joins of every kind.

-- inner-on
SELECT i.id, g.label FROM items AS i JOIN groups AS g ON i.grp = g.gid;

-- inner-where
SELECT i.id, g.label FROM items AS i, groups AS g WHERE i.grp = g.gid AND g.label LIKE 'p%';

-- left
SELECT i.id, g.label FROM items AS i LEFT JOIN groups AS g ON i.grp = g.gid;

-- left-condition-in-on
SELECT i.id, g.label FROM items AS i LEFT JOIN groups AS g ON i.grp = g.gid AND g.label > 'h' AND i.id > 3;

-- left-condition-in-where
SELECT i.id, g.label FROM items AS i LEFT JOIN groups AS g ON i.grp = g.gid WHERE g.label IS NULL;

-- left-constant-in-on
SELECT i.id, g.gid FROM items AS i LEFT JOIN groups AS g ON false WHERE i.id < 4;

-- right
SELECT i.id, g.label FROM items AS i RIGHT JOIN groups AS g ON i.grp = g.gid;

-- full
SELECT i.id, g.gid FROM items AS i FULL JOIN groups AS g ON i.grp = g.gid;

-- full-conditions
SELECT i.id, g.gid FROM (SELECT * FROM items WHERE id < 10) AS i FULL JOIN (SELECT * FROM groups WHERE gid > 4) AS g ON i.grp = g.gid;

-- cross
SELECT count(*) FROM items CROSS JOIN groups;

-- cross-empty
SELECT count(*) FROM items CROSS JOIN nothing;

-- left-empty
SELECT i.id, n.v FROM items AS i LEFT JOIN nothing AS n ON n.k = i.id WHERE i.id < 5;

-- using
SELECT gid, a.label, b.label FROM groups AS a JOIN groups AS b USING (gid);

-- left-using
SELECT * FROM (SELECT id AS gid, name FROM items WHERE id < 14) AS x LEFT JOIN groups USING (gid);

-- full-using-merges
SELECT gid, name, label FROM (SELECT id AS gid, name FROM items WHERE id BETWEEN 8 AND 14) AS x FULL JOIN groups USING (gid);

-- natural
SELECT * FROM groups NATURAL JOIN (SELECT gid, label FROM groups WHERE gid < 4) AS x;

-- self
SELECT a.label AS child, b.label AS parent FROM groups AS a JOIN groups AS b ON a.parent = b.gid;

-- self-left-of-three
SELECT a.gid, b.gid, c.gid FROM groups AS a LEFT JOIN groups AS b ON a.parent = b.gid LEFT JOIN groups AS c ON b.parent = c.gid;

-- three-tables
SELECT o.oid, i.name, g.label FROM sales AS o JOIN items AS i ON o.item = i.id JOIN groups AS g ON i.grp = g.gid WHERE o.amount > 20;

-- inner-of-left
SELECT o.oid, i.id, g.gid FROM sales AS o LEFT JOIN (items AS i JOIN groups AS g ON i.grp = g.gid) ON o.item = i.id WHERE o.oid < 40;

-- left-then-inner
SELECT o.oid, g.label FROM sales AS o LEFT JOIN items AS i ON o.item = i.id JOIN groups AS g ON g.gid = coalesce(i.grp, 1) WHERE o.oid < 40;

-- unequal
SELECT a.gid, b.gid FROM groups AS a JOIN groups AS b ON a.gid < b.gid AND a.parent = b.parent;

-- range-join
SELECT i.id, g.gid FROM items AS i JOIN groups AS g ON i.qty BETWEEN g.gid AND g.gid * 2;

-- on-expression
SELECT i.id, g.gid FROM items AS i JOIN groups AS g ON i.id % 10 = g.gid - 1 WHERE i.id < 20;

-- on-different-types
SELECT i.id, n.k FROM items AS i JOIN numbers AS n ON i.qty = n.i2;

-- on-numeric-and-integer
SELECT i.id, n.k FROM items AS i JOIN numbers AS n ON n.n = i.id;

-- on-float-and-integer
SELECT i.id, n.k FROM items AS i JOIN numbers AS n ON n.f8 = i.id;

-- on-text
SELECT a.k, b.k FROM texts AS a JOIN texts AS b ON a.s = b.s;

-- on-text-lower
SELECT a.k, b.k FROM texts AS a JOIN texts AS b ON lower(a.s) = lower(b.s) WHERE a.k < b.k;

-- on-date
SELECT i.id, m.k FROM items AS i JOIN moments AS m ON i.day > m.d WHERE m.k < 3 AND i.id < 10;

-- on-null-safe
SELECT a.id, b.id FROM items AS a JOIN items AS b ON a.grp IS NOT DISTINCT FROM b.grp WHERE a.id < 9 AND b.id < 9;

-- null-keys-do-not-join
SELECT count(*) FROM items AS a JOIN items AS b ON a.grp = b.grp;

-- on-or
SELECT i.id, g.gid FROM items AS i JOIN groups AS g ON i.grp = g.gid OR i.id = g.gid;

-- on-true
SELECT count(*) FROM groups AS a JOIN groups AS b ON true;

-- semi-in
SELECT gid, label FROM groups WHERE gid IN (SELECT grp FROM items);

-- semi-exists
SELECT gid, label FROM groups AS g WHERE EXISTS (SELECT 1 FROM items AS i WHERE i.grp = g.gid AND i.flag);

-- semi-any
SELECT gid FROM groups WHERE gid = ANY (SELECT grp FROM items WHERE id > 20);

-- semi-two-columns
SELECT id FROM items WHERE (grp, flag) IN (SELECT grp, flag FROM items WHERE id < 6);

-- anti-not-exists
SELECT gid, label FROM groups AS g WHERE NOT EXISTS (SELECT 1 FROM items AS i WHERE i.grp = g.gid);

-- anti-not-in
SELECT gid FROM groups WHERE gid NOT IN (SELECT grp FROM items WHERE grp IS NOT NULL);

-- anti-not-in-with-null
SELECT gid FROM groups WHERE gid NOT IN (SELECT grp FROM items);

-- anti-not-in-empty
SELECT count(*) FROM groups WHERE gid NOT IN (SELECT k FROM nothing);

-- anti-except
SELECT gid FROM groups EXCEPT SELECT grp FROM items;

-- anti-left-null
SELECT o.oid, o.item FROM sales AS o LEFT JOIN items AS i ON o.item = i.id WHERE i.id IS NULL;

-- semi-nested
SELECT gid FROM groups WHERE gid IN (SELECT grp FROM items WHERE id IN (SELECT item FROM sales WHERE who = 'ann'));

-- all-greater
SELECT id FROM items WHERE qty > ALL (SELECT k FROM texts WHERE k < 20);

-- all-empty
SELECT count(*) FROM items WHERE id > ALL (SELECT k FROM nothing);

-- join-order-limit
SELECT o.oid, i.name FROM sales AS o JOIN items AS i ON o.item = i.id ORDER BY o.oid LIMIT 7;

-- join-order-by-both
SELECT g.label, i.id FROM items AS i JOIN groups AS g ON i.grp = g.gid ORDER BY g.label, i.id DESC;

-- join-group
SELECT g.label, count(*), sum(i.qty) FROM groups AS g JOIN items AS i ON i.grp = g.gid GROUP BY g.label;

-- left-join-group-counts-none
SELECT g.gid, count(i.id), count(*) FROM groups AS g LEFT JOIN items AS i ON i.grp = g.gid GROUP BY g.gid;

-- join-distinct
SELECT DISTINCT o.who, i.grp FROM sales AS o JOIN items AS i ON o.item = i.id;

-- join-of-subqueries
SELECT x.grp, x.n, y.total FROM (SELECT grp, count(*) AS n FROM items GROUP BY grp) AS x JOIN (SELECT gid, sum(amount) AS total FROM sales, groups WHERE item = gid GROUP BY gid) AS y ON x.grp = y.gid;

-- join-values
SELECT i.id, v.word FROM items AS i JOIN (VALUES (1, 'one'), (3, 'three'), (NULL, 'none')) AS v(n, word) ON i.id = v.n;

-- join-function
SELECT i.id, s FROM items AS i JOIN generate_series(1, 50, 9) AS s ON i.id = s;

-- join-catalog
SELECT c.relname, count(*) FROM pg_class AS c JOIN groups AS g ON c.relname = 'groups' AND c.relkind <> 'f' GROUP BY c.relname;

-- lateral
SELECT g.gid, x.id FROM groups AS g CROSS JOIN LATERAL (SELECT id FROM items AS i WHERE i.grp = g.gid ORDER BY id LIMIT 2) AS x;

-- left-lateral
SELECT g.gid, x.id, x.qty FROM groups AS g LEFT JOIN LATERAL (SELECT id, qty FROM items AS i WHERE i.grp = g.gid ORDER BY qty DESC NULLS LAST, id LIMIT 1) AS x ON true;

-- lateral-aggregate
SELECT g.gid, x.n FROM groups AS g, LATERAL (SELECT count(*) AS n FROM items AS i WHERE i.grp = g.gid) AS x;

-- lateral-function
SELECT g.gid, s FROM groups AS g, LATERAL generate_series(1, g.gid % 3) AS s;

-- lateral-two-levels
SELECT g.gid, x.id, y.oid FROM groups AS g, LATERAL (SELECT id FROM items AS i WHERE i.grp = g.gid) AS x, LATERAL (SELECT oid FROM sales AS o WHERE o.item = x.id ORDER BY oid LIMIT 1) AS y;

-- parenthesised
SELECT count(*) FROM (items AS i CROSS JOIN groups AS g) JOIN sales AS o ON o.item = i.id AND o.oid = g.gid;

-- five-tables
SELECT a.gid, b.gid, i.id, o.oid, p.v FROM groups AS a JOIN groups AS b ON a.parent = b.gid JOIN items AS i ON i.grp = a.gid JOIN sales AS o ON o.item = i.id LEFT JOIN pairs AS p ON p.a = b.gid AND p.b = 'x' WHERE o.oid < 60;

-- join-missing-column
SELECT * FROM items JOIN groups USING (id);

-- invalid-reference
SELECT * FROM items AS i JOIN (SELECT * FROM groups AS g WHERE g.gid = i.grp) AS x ON true;
