\pset null '<null>'
\dt items
\d items
\d u
\d kids
\d parents
\d things
\d+ groups
\dt public.pair*
\d pairs
\dv public.*
\dm
\dT
\df public.no_such_*
\dp items
SELECT id, name, price FROM items ORDER BY id LIMIT 3;
\gdesc
SELECT oid, amount FROM sales WHERE oid = 3 \gx
SELECT item AS i, who AS w, count(*) FROM sales WHERE item < 8 GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
\set FETCH_COUNT 5
SELECT oid, who FROM sales ORDER BY oid LIMIT 12;
\copy (SELECT id, name FROM items ORDER BY id LIMIT 4) TO STDOUT WITH (FORMAT csv, HEADER)
