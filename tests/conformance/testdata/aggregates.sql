-- Aggregates, GROUP BY, HAVING, grouping sets, DISTINCT.

-- count-star
SELECT count(*) FROM items;

-- count-column
SELECT count(note), count(grp), count(flag) FROM items;

-- count-distinct
SELECT count(DISTINCT grp), count(DISTINCT flag), count(DISTINCT note) FROM items;

-- count-empty
SELECT count(*), sum(k), min(k), max(v) FROM nothing;

-- group-empty
SELECT k, count(*) FROM nothing GROUP BY k;

-- sum-types
SELECT sum(id), sum(qty), sum(price), sum(ratio) FROM items;

-- avg-types
SELECT avg(id), avg(qty), avg(price), avg(ratio) FROM items;

-- min-max
SELECT min(id), max(qty), min(price), max(ratio), min(day), max(at), min(name), max(note) FROM items;

-- min-max-of-texts
SELECT min(s), max(s) FROM texts;

-- bool-aggregates
SELECT bool_and(flag), bool_or(flag), every(id > 0) FROM items;

-- sum-of-bigint-is-numeric
SELECT sum(i8) FROM numbers;

-- avg-of-bigint
SELECT avg(i8) FROM numbers WHERE k IN (2, 3, 7);

-- sum-of-integers-wide
SELECT sum(i4), sum(i2) FROM numbers;

-- sum-of-long-numeric
SELECT sum(long), min(long), max(long) FROM numbers;

-- sum-integer-type
SELECT pg_typeof(sum(id)), pg_typeof(sum(qty)), pg_typeof(sum(price)), pg_typeof(avg(id)), pg_typeof(count(*)) FROM items;

-- sum-distinct
SELECT sum(DISTINCT grp), avg(DISTINCT grp) FROM items;

-- group
SELECT grp, count(*) FROM items GROUP BY grp;

-- group-null-is-a-group
SELECT flag, count(*), count(flag) FROM items GROUP BY flag;

-- group-two
SELECT grp, flag, count(*), sum(qty) FROM items GROUP BY grp, flag;

-- group-expression
SELECT id % 4 AS m, min(name) FROM items GROUP BY id % 4;

-- group-ordinal
SELECT qty / 10, count(*) FROM items GROUP BY 1;

-- group-alias
SELECT length(note) AS l, count(*) FROM items GROUP BY l;

-- group-key-brings-columns
SELECT id, name, count(*) FROM items GROUP BY id;

-- group-text
SELECT s, count(*) FROM texts GROUP BY s;

-- group-lower-text
SELECT lower(s), count(*) FROM texts GROUP BY lower(s);

-- group-folded-text
SELECT s, count(*) FROM folded GROUP BY s;

-- group-date
SELECT day, count(*) FROM items GROUP BY day;

-- group-month
SELECT date_trunc('month', at) AS m, count(*) FROM items GROUP BY 1;

-- group-extract
SELECT extract(year FROM day) AS y, count(*) FROM items GROUP BY 1;

-- group-numeric
SELECT n, count(*) FROM numbers GROUP BY n;

-- group-float
SELECT ratio, count(*) FROM items GROUP BY ratio;

-- group-boolean-expression
SELECT qty > 10, count(*) FROM items GROUP BY qty > 10;

-- group-case
SELECT CASE WHEN qty < 10 THEN 'few' WHEN qty < 30 THEN 'some' ELSE 'many' END AS c, count(*) FROM items GROUP BY c;

-- group-without-selecting
SELECT count(*) FROM items GROUP BY grp;

-- group-nothing
SELECT sum(qty) FROM items GROUP BY ();

-- having
SELECT grp, count(*) FROM items GROUP BY grp HAVING count(*) > 6;

-- having-unselected
SELECT grp FROM items GROUP BY grp HAVING max(qty) > 30 AND grp IS NOT NULL;

-- having-alone
SELECT count(*) FROM items HAVING count(*) > 1000;

-- having-key
SELECT grp, sum(price) FROM items GROUP BY grp HAVING grp > 5;

-- order-by-aggregate
SELECT grp, count(*) FROM items GROUP BY grp ORDER BY count(*) DESC, grp;

-- order-by-aggregate-limit
SELECT who, sum(amount) FROM sales GROUP BY who ORDER BY sum(amount) DESC, who LIMIT 3;

-- group-order-offset
SELECT item, count(*) FROM sales GROUP BY item ORDER BY item OFFSET 30;

-- filter
SELECT count(*) FILTER (WHERE flag), sum(qty) FILTER (WHERE grp = 5), max(name) FILTER (WHERE id > 100) FROM items;

-- filter-grouped
SELECT grp, count(*) FILTER (WHERE flag) AS t, count(*) FILTER (WHERE NOT flag) AS f FROM items GROUP BY grp;

-- aggregate-of-expression
SELECT sum(qty * 2 + 1), sum(CASE WHEN flag THEN 1 ELSE 0 END), max(length(name)) FROM items;

-- expression-of-aggregates
SELECT max(qty) - min(qty), sum(price) / count(price), round(avg(price), 3) FROM items;

-- string-agg
SELECT string_agg(label, ', ' ORDER BY label) FROM groups;

-- string-agg-grouped
SELECT parent, string_agg(label, '|' ORDER BY gid DESC) FROM groups GROUP BY parent;

-- string-agg-nulls
SELECT string_agg(note, ',' ORDER BY id) FROM items WHERE id < 12;

-- string-agg-distinct
SELECT string_agg(DISTINCT who, ',' ORDER BY who) FROM sales;

-- array-agg
SELECT parent, array_agg(gid ORDER BY gid) FROM groups GROUP BY parent;

-- array-agg-nulls
SELECT array_agg(grp ORDER BY id) FROM items WHERE id < 16;

-- json-agg
SELECT json_agg(label ORDER BY gid) FROM groups WHERE gid < 4;

-- jsonb-object-agg
SELECT jsonb_object_agg(label, gid) FROM groups;

-- percentile-cont
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) FROM items;

-- percentile-disc
SELECT percentile_disc(0.25) WITHIN GROUP (ORDER BY qty) FROM items;

-- mode
SELECT mode() WITHIN GROUP (ORDER BY flag) FROM items;

-- hypothetical-rank
SELECT rank(10) WITHIN GROUP (ORDER BY qty) FROM items;

-- variance-exact
SELECT var_pop(id), stddev_samp(id), var_samp(grp) FROM items;

-- bit-aggregates
SELECT bit_and(grp), bit_or(grp), bit_xor(id) FROM items;

-- corr
SELECT regr_count(ratio, id), regr_sxx(id, id) FROM items;

-- any-of-group-distinct
SELECT grp, count(DISTINCT flag) FROM items GROUP BY grp;

-- two-distincts
SELECT count(DISTINCT grp), count(DISTINCT name), sum(DISTINCT qty) FROM items WHERE flag;

-- rollup
SELECT grp, flag, count(*) FROM items GROUP BY ROLLUP (grp, flag);

-- cube
SELECT flag, grp % 2 AS odd, count(*) FROM items GROUP BY CUBE (flag, grp % 2);

-- grouping-sets
SELECT grp, flag, count(*), grouping(grp, flag) FROM items GROUP BY GROUPING SETS ((grp), (flag), ());

-- grouping-in-having
SELECT grp, sum(qty) FROM items GROUP BY ROLLUP (grp) HAVING grouping(grp) = 1 OR sum(qty) > 50;

-- group-distinct-sets
SELECT grp, count(*) FROM items GROUP BY DISTINCT ROLLUP (grp), ROLLUP (grp);

-- distinct
SELECT DISTINCT grp FROM items;

-- distinct-two
SELECT DISTINCT grp, flag FROM items;

-- distinct-order
SELECT DISTINCT who FROM sales ORDER BY who;

-- distinct-order-desc-limit
SELECT DISTINCT grp FROM items ORDER BY grp DESC LIMIT 3;

-- distinct-text
SELECT DISTINCT s FROM texts;

-- distinct-folded-text
SELECT DISTINCT s FROM folded;

-- distinct-expression
SELECT DISTINCT qty % 5 FROM items;

-- distinct-numeric
SELECT DISTINCT price FROM items WHERE price > 50;

-- distinct-on
SELECT DISTINCT ON (grp) grp, id, name FROM items ORDER BY grp, id;

-- distinct-on-desc
SELECT DISTINCT ON (who) who, oid, amount FROM sales ORDER BY who, amount DESC, oid;

-- distinct-on-two
SELECT DISTINCT ON (grp, flag) grp, flag, id FROM items ORDER BY grp, flag, id DESC;

-- distinct-star
SELECT count(*) FROM (SELECT DISTINCT * FROM groups) AS x;

-- aggregate-of-aggregate
SELECT max(n), sum(n) FROM (SELECT count(*) AS n FROM items GROUP BY grp) AS x;

-- aggregate-in-where-fails
SELECT id FROM items WHERE count(*) > 1;

-- nested-aggregate-fails
SELECT sum(count(*)) FROM items;

-- ungrouped-column-fails
SELECT name, count(*) FROM items;

-- sum-overflow-of-cast
SELECT sum(i8)::int8 FROM numbers WHERE k IN (4, 2);

-- avg-of-null-only
SELECT avg(qty), sum(qty) FROM items WHERE qty IS NULL;

-- group-of-constants
SELECT 'x' AS c, count(*) FROM items GROUP BY 'x'::text;

-- count-of-rows
SELECT count(items) FROM items;

-- range-agg
SELECT range_agg(int4range(id, id + 2)) FROM items WHERE id < 6;

-- filter-of-each-sum
SELECT grp, sum(id) FILTER (WHERE id > 10), sum(qty) FILTER (WHERE id > 10), sum(price) FILTER (WHERE id > 10), avg(id) FILTER (WHERE id > 10), min(id) FILTER (WHERE id > 10), count(*) FILTER (WHERE id > 10), count(note) FILTER (WHERE id > 10), count(DISTINCT grp) FILTER (WHERE id > 10), bool_or(flag) FILTER (WHERE id > 10) FROM items GROUP BY grp;

-- filter-of-nothing
SELECT sum(id) FILTER (WHERE id > 1000), count(*) FILTER (WHERE id > 1000), max(name) FILTER (WHERE id > 1000) FROM items;
