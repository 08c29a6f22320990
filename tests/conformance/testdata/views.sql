-- Views and functions of a session's own over the tables.

-- view
CREATE TEMPORARY VIEW tv AS SELECT id, name, qty FROM items WHERE flag;
SELECT count(*), sum(qty) FROM tv;
SELECT * FROM tv WHERE id < 10;
DROP VIEW tv;

-- view-of-join
CREATE TEMPORARY VIEW tv AS SELECT i.id, g.label FROM items AS i LEFT JOIN groups AS g ON g.gid = i.grp;
SELECT label, count(*) FROM tv GROUP BY label;
DROP VIEW tv;

-- function-with-parameters
CREATE FUNCTION pg_temp.f(n int) RETURNS TABLE (id int, name text) LANGUAGE sql STABLE AS 'SELECT id, name FROM items WHERE id < n';
SELECT * FROM pg_temp.f(4);
SELECT g.gid, f.name FROM groups AS g, pg_temp.f(g.gid) AS f WHERE g.gid < 4;

-- function-in-where
CREATE FUNCTION pg_temp.odd(n int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT n % 2 = 1';
SELECT id FROM items WHERE pg_temp.odd(id);

-- function-in-plpgsql
CREATE FUNCTION pg_temp.total(g int) RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE s numeric; BEGIN SELECT sum(price) INTO s FROM items WHERE grp = g; RETURN s; END $$;
SELECT gid, pg_temp.total(gid) FROM groups;

-- temporary-table-joins
CREATE TEMPORARY TABLE tt (id int PRIMARY KEY, word text);
INSERT INTO tt VALUES (1, 'a'), (2, 'b'), (100, 'c');
SELECT tt.word, i.name FROM tt LEFT JOIN items AS i USING (id);
SELECT id FROM tt EXCEPT SELECT id FROM items;
DROP TABLE tt;

-- create-table-as
CREATE TEMPORARY TABLE ct AS SELECT grp, count(*) AS n FROM items GROUP BY grp;
SELECT * FROM ct;
DROP TABLE ct;

-- select-into
SELECT id, name INTO TEMPORARY ci FROM items WHERE id < 3;
SELECT * FROM ci;
DROP TABLE ci;
