-- Foreign keys.

--! writes kids parents

-- good
INSERT INTO kids VALUES (100, 3);

-- null
INSERT INTO kids VALUES (100, NULL);

-- missing-parent
INSERT INTO kids VALUES (100, 99);

-- update-to-missing
UPDATE kids SET pid = 99 WHERE kid = 1;

-- update-to-other
UPDATE kids SET pid = 3 WHERE kid = 1;

-- delete-unused-parent
DELETE FROM parents WHERE pid = 3;

-- delete-used-parent
DELETE FROM parents WHERE pid = 1;

-- update-used-parent
UPDATE parents SET pid = 50 WHERE pid = 1;

-- delete-both
BEGIN;
DELETE FROM kids WHERE pid = 1;
DELETE FROM parents WHERE pid = 1;
COMMIT;

-- join
SELECT k.kid, p.label FROM kids AS k LEFT JOIN parents AS p USING (pid);
