-- Scans, conditions on single columns, LIMIT and OFFSET.

-- all-columns
SELECT * FROM items;

-- all-rows-of-each-table
SELECT count(*) FROM groups;
SELECT count(*) FROM items;
SELECT count(*) FROM sales;
SELECT count(*) FROM texts;
SELECT count(*) FROM numbers;
SELECT count(*) FROM moments;
SELECT count(*) FROM things;
SELECT count(*) FROM pairs;
SELECT count(*) FROM nothing;

-- no-columns
SELECT FROM items;

-- column-twice
SELECT id, id, name AS id FROM items WHERE id < 4;

-- empty-table
SELECT * FROM nothing;

-- point-query
SELECT * FROM items WHERE id = 7;

-- point-query-missing
SELECT * FROM items WHERE id = 4711;

-- key-of-two-columns
SELECT * FROM pairs WHERE a = 2 AND b = 'y';

-- key-of-two-as-row
SELECT * FROM pairs WHERE (a, b) = (2, 'y');

-- key-of-two-in-rows
SELECT * FROM pairs WHERE (a, b) IN ((1, 'x'), (3, 'ÿ'), (9, 'z')) ORDER BY a, b;

-- row-comparison
SELECT a, b FROM pairs WHERE (a, b) > (2, 'x') ORDER BY a, b;

-- range
SELECT id, name FROM items WHERE id > 5 AND id <= 12;

-- between
SELECT id FROM items WHERE qty BETWEEN 0 AND 20;

-- not-between
SELECT id FROM items WHERE qty NOT BETWEEN 0 AND 20;

-- between-symmetric
SELECT id FROM items WHERE qty BETWEEN SYMMETRIC 20 AND 0;

-- in-list
SELECT id FROM items WHERE grp IN (4, 6, 99);

-- in-list-with-null
SELECT id FROM items WHERE grp IN (4, NULL);

-- not-in-list
SELECT id FROM items WHERE grp NOT IN (4, 6);

-- not-in-list-with-null
SELECT id FROM items WHERE grp NOT IN (4, NULL);

-- any-array
SELECT id FROM items WHERE grp = ANY (ARRAY[5, 7]);

-- all-array
SELECT id FROM items WHERE grp <> ALL (ARRAY[5, 7]);

-- is-null
SELECT id FROM items WHERE note IS NULL;

-- is-not-null
SELECT id FROM items WHERE note IS NOT NULL;

-- is-true
SELECT id FROM items WHERE flag IS TRUE;

-- is-not-true
SELECT id FROM items WHERE flag IS NOT TRUE;

-- is-unknown
SELECT id FROM items WHERE flag IS UNKNOWN;

-- boolean-column
SELECT id FROM items WHERE flag;

-- not-boolean-column
SELECT id FROM items WHERE NOT flag;

-- boolean-equals
SELECT id FROM items WHERE flag = false;

-- is-distinct-from
SELECT id FROM items WHERE grp IS DISTINCT FROM 5;

-- is-not-distinct-from-null
SELECT id FROM items WHERE grp IS NOT DISTINCT FROM NULL;

-- equals-null
SELECT id FROM items WHERE grp = NULL;

-- not-equal
SELECT id FROM items WHERE name <> 'apple 07';

-- or
SELECT id FROM items WHERE grp = 4 OR qty < 0 OR note = 'x';

-- and-or-null
SELECT id FROM items WHERE (grp = 4 AND flag) OR (qty IS NULL AND NOT flag);

-- not-of-null
SELECT id FROM items WHERE NOT (grp = 4 AND flag);

-- constant-true
SELECT count(*) FROM items WHERE true;

-- constant-false
SELECT * FROM items WHERE false;

-- constant-null
SELECT id FROM items WHERE NULL;

-- two-columns
SELECT id FROM items WHERE qty > price;

-- arithmetic-condition
SELECT id FROM items WHERE id % 3 = 1 AND qty * 2 > id + 10;

-- integer-division-condition
SELECT id FROM items WHERE id / 7 = 2;

-- negative-modulo
SELECT id, qty, qty % 3 AS m FROM items WHERE qty < 0;

-- limit
SELECT id, name FROM items ORDER BY id LIMIT 5;

-- limit-offset
SELECT id, name FROM items ORDER BY id LIMIT 5 OFFSET 38;

-- offset-alone
SELECT id FROM items ORDER BY id OFFSET 35;

-- offset-behind-the-end
SELECT id FROM items ORDER BY id OFFSET 100;

-- limit-zero
SELECT id FROM items LIMIT 0;

-- limit-null
SELECT count(*) FROM (SELECT id FROM items LIMIT NULL) AS x;

-- limit-all
SELECT count(*) FROM (SELECT id FROM items LIMIT ALL) AS x;

-- limit-expression
SELECT id FROM items ORDER BY id LIMIT 2 + 1 OFFSET 1 + 1;

-- limit-negative
SELECT id FROM items LIMIT -1;

-- offset-negative
SELECT id FROM items OFFSET -1;

-- fetch-first
SELECT id FROM items ORDER BY id FETCH FIRST 3 ROWS ONLY;

-- fetch-with-ties
SELECT grp FROM items WHERE grp IS NOT NULL ORDER BY grp FETCH FIRST 3 ROWS WITH TIES;

-- limit-with-condition
SELECT id FROM items WHERE flag ORDER BY id DESC LIMIT 4;

-- limit-without-order
SELECT count(*) FROM (SELECT * FROM items LIMIT 7) AS x;

-- order-desc
SELECT id FROM items ORDER BY id DESC;

-- order-by-two
SELECT grp, id FROM items ORDER BY grp, id DESC;

-- order-nulls-default
SELECT qty, id FROM items ORDER BY qty, id;

-- order-nulls-first
SELECT qty, id FROM items ORDER BY qty NULLS FIRST, id;

-- order-desc-default
SELECT qty, id FROM items ORDER BY qty DESC, id;

-- order-desc-nulls-last
SELECT qty, id FROM items ORDER BY qty DESC NULLS LAST, id;

-- order-by-ordinal
SELECT name, id FROM items ORDER BY 2 LIMIT 3;

-- order-by-alias
SELECT id, qty + 1 AS more FROM items ORDER BY more, id;

-- order-by-expression
SELECT id FROM items ORDER BY id % 5, id;

-- order-by-unselected
SELECT name FROM items ORDER BY id;

-- order-by-float
SELECT ratio, id FROM items ORDER BY ratio, id;

-- order-by-numeric
SELECT price, id FROM items ORDER BY price DESC, id;

-- order-by-date
SELECT day, id FROM items ORDER BY day, id;

-- order-by-timestamp
SELECT at, id FROM items ORDER BY at DESC, id;

-- order-by-boolean
SELECT flag, id FROM items ORDER BY flag, id;

-- order-by-using
SELECT id FROM items ORDER BY id USING > LIMIT 3;

-- whole-row
SELECT items FROM items WHERE id = 3;

-- whole-row-condition
SELECT id FROM items WHERE items IS NULL;

-- row-constructor
SELECT ROW(id, name, flag) FROM items WHERE id < 4;

-- star-of-alias
SELECT i.*, 1 AS one FROM items AS i WHERE i.id = 1;

-- column-aliases
SELECT a, b FROM groups AS g(a, b) WHERE a < 3 ORDER BY a;

-- table-statement
TABLE groups;

-- values-alone
VALUES (1, 'a'), (2, 'b') ORDER BY 1;

-- tablesample-of-a-table
SELECT count(*) FROM items TABLESAMPLE BERNOULLI (100);

-- only
SELECT count(*) >= 0 FROM ONLY groups;

-- schema-of-the-table
SELECT count(*) FROM pg_class WHERE oid = 'items'::regclass;

-- missing-column
SELECT nix FROM items;

-- missing-table
SELECT * FROM nix;

-- ambiguous-column
SELECT id FROM items, items AS i;

-- type-mismatch
SELECT * FROM items WHERE name = 1;

-- for-update
SELECT id FROM items WHERE id < 3 FOR UPDATE;

-- for-share-of
SELECT i.id FROM items AS i WHERE id < 3 FOR SHARE OF i;
