-- predict() in statements that write.

--! writes w u

-- insert-values
INSERT INTO w (id, qty) VALUES (100, predict('twice', 21));

-- insert-select
INSERT INTO w (id, name, qty) SELECT id + 100, predict('shout', name), predict('twice', qty) FROM items WHERE id < 6;

-- update-set
UPDATE w SET qty = predict('twice', qty) WHERE id < 5;

-- update-where
UPDATE w SET name = 'hit' WHERE predict('twice', qty) > 100;

-- delete-where
DELETE FROM w WHERE predict('twice', qty) = 60;

-- returning
UPDATE w SET qty = qty + 1 RETURNING id, predict('twice', qty);

-- upsert
INSERT INTO u VALUES (1, 'x', 50) ON CONFLICT (id) DO UPDATE SET n = predict('twice', excluded.n);

-- merge
MERGE INTO u USING groups AS g ON u.id = g.gid WHEN MATCHED THEN UPDATE SET n = predict('twice', g.gid);

-- in-transaction
BEGIN;
UPDATE w SET qty = predict('twice', qty);
SELECT id, predict('twice', qty) FROM w;
ROLLBACK;
