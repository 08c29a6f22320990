-- Window functions.

-- row-number
SELECT id, row_number() OVER (ORDER BY id) FROM items;

-- row-number-partition
SELECT id, grp, row_number() OVER (PARTITION BY grp ORDER BY id DESC) FROM items;

-- rank
SELECT id, rank() OVER (ORDER BY grp), dense_rank() OVER (ORDER BY grp) FROM items;

-- percent-rank
SELECT gid, percent_rank() OVER (ORDER BY parent), cume_dist() OVER (ORDER BY parent) FROM groups;

-- ntile
SELECT id, ntile(4) OVER (ORDER BY id) FROM items;

-- lag-lead
SELECT id, lag(qty) OVER (ORDER BY id), lead(qty, 2, -1) OVER (ORDER BY id) FROM items;

-- first-last-nth
SELECT id, first_value(name) OVER w, last_value(name) OVER w, nth_value(name, 2) OVER w FROM items WINDOW w AS (PARTITION BY grp ORDER BY id);

-- running-sum
SELECT oid, sum(amount) OVER (ORDER BY oid) FROM sales;

-- partition-sum
SELECT oid, who, sum(amount) OVER (PARTITION BY who), count(*) OVER (PARTITION BY who) FROM sales;

-- rows-frame
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) FROM items;

-- range-frame
SELECT id, count(*) OVER (ORDER BY qty RANGE BETWEEN 5 PRECEDING AND CURRENT ROW) FROM items;

-- groups-frame
SELECT id, sum(id) OVER (ORDER BY grp GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM items;

-- exclude
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM items WHERE id < 9;

-- range-interval
SELECT oid, count(*) OVER (ORDER BY placed RANGE BETWEEN '1 day' PRECEDING AND CURRENT ROW) FROM sales;

-- filter
SELECT id, count(*) FILTER (WHERE flag) OVER (ORDER BY id) FROM items;

-- over-whole
SELECT id, max(id) OVER () FROM items WHERE id < 5;

-- of-aggregate
SELECT grp, count(*), sum(count(*)) OVER (ORDER BY grp) FROM items GROUP BY grp;

-- share-of-total
SELECT who, round(sum(amount) / sum(sum(amount)) OVER () * 100, 4) FROM sales GROUP BY who;

-- top-of-group
SELECT id, grp FROM (SELECT id, grp, row_number() OVER (PARTITION BY grp ORDER BY qty DESC NULLS LAST, id) AS r FROM items) AS x WHERE r <= 2;

-- order-by-window
SELECT id FROM items ORDER BY rank() OVER (ORDER BY grp), id;

-- named-window-extended
SELECT id, count(*) OVER (w ORDER BY id) FROM items WINDOW w AS (PARTITION BY flag);

-- string-agg
SELECT gid, string_agg(label, '/') OVER (ORDER BY gid) FROM groups;

-- partition-by-expression
SELECT id, min(id) OVER (PARTITION BY id % 3) FROM items;

-- distinct-of-window
SELECT DISTINCT count(*) OVER (PARTITION BY grp) FROM items;

-- window-with-limit
SELECT id, sum(qty) OVER (ORDER BY id) FROM items ORDER BY id LIMIT 5;

-- window-over-join
SELECT o.oid, i.grp, row_number() OVER (PARTITION BY i.grp ORDER BY o.oid) FROM sales AS o JOIN items AS i ON o.item = i.id;

-- window-in-where-fails
SELECT id FROM items WHERE row_number() OVER () = 1;

-- running-average
SELECT id, avg(grp) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM items;
