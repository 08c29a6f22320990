-- COPY to and from.

--! writes w v

-- to
COPY w TO STDOUT;

-- to-csv
COPY items TO STDOUT (FORMAT csv, HEADER);

-- to-columns
COPY items (id, name, price) TO STDOUT;

-- to-query
COPY (SELECT id, name FROM items WHERE id < 5 ORDER BY id) TO STDOUT;

-- to-binary
COPY (SELECT id, price, day FROM items WHERE id < 5 ORDER BY id) TO STDOUT (FORMAT binary);

-- to-texts
COPY texts TO STDOUT;

-- to-texts-csv
COPY texts TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL 'nix');

-- from
--! input "100\tnew\t5\t1.25\t0.5\tt\t2024-05-06\t2024-05-06 07:08:09.5\n101\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n"
COPY w FROM STDIN;

-- from-columns
--! input "100\ta\n101\tb\\tc\n102\t\\\\\n"
COPY w (id, name) FROM STDIN;

-- from-csv
--! input "id,name,price\n100,\"a,b\",1.5\n101,,\n102,\"\",3\n"
COPY w (id, name, price) FROM STDIN (FORMAT csv, HEADER);

-- from-where
--! input "100\n200\n300\n"
COPY w (id) FROM STDIN WHERE id > 150;

-- from-taken
--! input "100\n1\n101\n"
COPY w (id) FROM STDIN;

-- from-bad
--! input "100\nx\n"
COPY w (id) FROM STDIN;

-- from-too-many-columns
--! input "100\t1\t2\n"
COPY w (id, name) FROM STDIN;

-- from-nothing
--! input ""
COPY w FROM STDIN;

-- from-broken-off
COPY v FROM STDIN;

-- from-unicode
--! input "100\tÄ日本😀\n101\t'\"\n"
COPY w (id, name) FROM STDIN;

-- from-in-transaction
--! input "100\n101\n"
BEGIN;
COPY w (id) FROM STDIN;
SELECT count(*) FROM w;
ROLLBACK;

-- write-then-to
BEGIN;
INSERT INTO w (id, name) VALUES (100, 'x');
COPY (SELECT id, name FROM w WHERE id > 6) TO STDOUT;
ROLLBACK;
