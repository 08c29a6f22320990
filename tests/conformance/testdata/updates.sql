-- UPDATE and DELETE.

--! writes w u v nothing

-- by-key
UPDATE w SET name = 'changed' WHERE id = 3;

-- by-key-missing
UPDATE w SET name = 'changed' WHERE id = 4711;

-- all-rows
UPDATE w SET qty = 0;

-- several-columns
UPDATE w SET name = 'x', qty = qty + 1, price = price * 2, flag = NOT flag WHERE id < 4;

-- from-itself
UPDATE w SET qty = id, price = qty WHERE qty IS NOT NULL;

-- swap
UPDATE w SET qty = id * 100, ratio = qty;

-- to-null
UPDATE w SET name = NULL, day = NULL, at = NULL WHERE id = 1;

-- to-default
UPDATE w SET name = DEFAULT WHERE id = 1;

-- row-assignment
UPDATE w SET (name, qty) = ('pair', 77) WHERE id = 2;

-- row-assignment-subquery
UPDATE w SET (name, qty) = (SELECT name, qty FROM items WHERE items.id = w.id) WHERE id < 5;

-- subquery-value
UPDATE w SET qty = (SELECT count(*) FROM sales WHERE item = w.id);

-- where-null
UPDATE w SET name = 'none' WHERE qty IS NULL;

-- where-or
UPDATE w SET name = 'some' WHERE id = 1 OR qty > 60;

-- where-in
UPDATE w SET name = 'some' WHERE id IN (1, 3, 5, 99);

-- where-text
UPDATE w SET qty = -1 WHERE name = 'one';

-- where-like
UPDATE w SET qty = -1 WHERE name LIKE 't%';

-- where-date
UPDATE w SET qty = -1 WHERE day >= '2024-04-01' AND at < '2024-01-06';

-- where-subquery
UPDATE w SET flag = NULL WHERE id IN (SELECT grp FROM items);

-- where-exists
UPDATE w SET flag = NULL WHERE EXISTS (SELECT 1 FROM groups WHERE gid = w.id AND label LIKE 'p%');

-- where-function
UPDATE w SET name = upper(name) WHERE length(name) = 3;

-- from
UPDATE w SET name = g.label FROM groups AS g WHERE g.gid = w.id;

-- from-two
UPDATE w SET name = g.label, qty = i.qty FROM groups AS g JOIN items AS i ON i.grp = g.gid WHERE i.id = w.id;

-- from-values
UPDATE w SET qty = v.q FROM (VALUES (1, 1000), (2, 2000), (99, 9)) AS v(i, q) WHERE v.i = w.id;

-- alias
UPDATE w AS t SET qty = t.qty + 1 WHERE t.id > 6;

-- returning
UPDATE w SET qty = qty + 1 WHERE id < 4 RETURNING id, qty;

-- returning-star
UPDATE w SET name = 'r' WHERE id = 5 RETURNING *;

-- returning-from
UPDATE w SET name = 'r' FROM groups AS g WHERE g.gid = w.id AND g.gid < 3 RETURNING w.id, g.label, w.name;

-- returning-none
UPDATE w SET name = 'r' WHERE false RETURNING id;

-- the-key
UPDATE w SET id = id + 100 WHERE id = 2;

-- the-key-to-a-taken-one
UPDATE w SET id = 1 WHERE id = 2;

-- the-key-to-null
UPDATE w SET id = NULL WHERE id = 2;

-- unique-taken
UPDATE u SET code = 'c1' WHERE id = 2;

-- unique-to-itself
UPDATE u SET code = code;

-- not-null
UPDATE u SET code = NULL WHERE id = 2;

-- key-of-two
UPDATE v SET n = 50 WHERE a = 2 AND b = 'p';

-- part-of-key-of-two
UPDATE v SET b = b || 'x' WHERE a = 1;

-- arithmetic
UPDATE w SET price = price / 3, ratio = ratio * 1.5, qty = qty % 7;

-- rounding
UPDATE w SET price = price * 1.015;

-- date-arithmetic
UPDATE w SET day = day + 30, at = at + interval '1 month';

-- concat
UPDATE w SET name = name || '-' || id;

-- case
UPDATE w SET name = CASE WHEN qty > 40 THEN 'big' WHEN qty > 0 THEN 'small' END;

-- division-by-zero
UPDATE w SET qty = qty / (id - 3);

-- overflow
UPDATE w SET price = price * 1000000000;

-- bigint-overflow
UPDATE w SET qty = 9223372036854775807 + qty;

-- unknown-column
UPDATE w SET nix = 1;

-- type-mismatch
UPDATE w SET day = 7;

-- parameters
--! $1 text = p
--! $2 numeric = 3.14
--! $3 int4 = 4
UPDATE w SET name = $1, price = $2 WHERE id = $3;

-- parameter-null
--! $1 text = NULL
--! $2 int4 = 4
UPDATE w SET name = $1 WHERE id = $2 RETURNING id, name;

-- with
WITH big AS (SELECT id FROM w WHERE qty > 50) UPDATE w SET name = 'big' WHERE id IN (SELECT id FROM big);

-- cte-returning
WITH x AS (UPDATE w SET qty = 1 WHERE id < 3 RETURNING id) SELECT count(*), sum(id) FROM x;

-- limit-by-subquery
UPDATE w SET flag = true WHERE id IN (SELECT id FROM w ORDER BY id DESC LIMIT 2);

-- empty-table
UPDATE nothing SET v = 'x';

-- update-twice-the-same-row
UPDATE w SET qty = g.gid FROM groups AS g WHERE w.id = 1 AND g.gid IN (5) RETURNING w.qty;

-- current-time
UPDATE w SET day = current_date, at = '2024-01-01' WHERE false;

-- delete-by-key
DELETE FROM w WHERE id = 3;

-- delete-missing
DELETE FROM w WHERE id = 4711;

-- delete-all
DELETE FROM w;

-- delete-condition
DELETE FROM w WHERE qty > 30 OR name IS NULL;

-- delete-returning
DELETE FROM w WHERE id > 6 RETURNING *;

-- delete-returning-expression
DELETE FROM w WHERE flag RETURNING id, name || '!' AS n;

-- delete-using
DELETE FROM w USING groups AS g WHERE g.gid = w.id AND g.parent = 1 RETURNING w.id, g.label;

-- delete-subquery
DELETE FROM w WHERE id IN (SELECT grp FROM items);

-- delete-not-exists
DELETE FROM w WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = w.id);

-- delete-key-of-two
DELETE FROM v WHERE a = 1;

-- delete-date
DELETE FROM w WHERE day < '2024-04-01';

-- delete-parameters
--! $1 int4 = 2
--! $2 int4 = 5
DELETE FROM w WHERE id BETWEEN $1 AND $2;

-- delete-in-with
WITH gone AS (DELETE FROM w WHERE id < 4 RETURNING *) SELECT count(*), sum(qty) FROM gone;

-- move-between-tables
WITH gone AS (DELETE FROM w WHERE id < 3 RETURNING id, name) INSERT INTO u (id, code) SELECT id + 100, name FROM gone RETURNING *;

-- delete-division-by-zero
DELETE FROM w WHERE 10 / (id - 3) > 1;

-- delete-nothing
DELETE FROM nothing;

-- delete-alias
DELETE FROM w AS t WHERE t.id = 1 RETURNING t.*;

-- truncate
TRUNCATE u;

-- truncate-two
TRUNCATE w, v;

-- only
UPDATE ONLY u SET n = 0 WHERE false;
