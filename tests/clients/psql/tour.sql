-- What a person does with psql. The integration tests run it through the proxy and against plain PostgreSQL and compare what psql
-- prints.
\pset pager off
\set ON_ERROR_STOP 0
SELECT id, predict('double', k) AS p, name FROM item ORDER BY id LIMIT 3;
\x
SELECT id, predict('double', k), tz FROM item ORDER BY id LIMIT 2;
\x
\a
SELECT predict('bucket', k) FROM tag ORDER BY label;
\a
SELECT predict('double', k), nocolumn FROM item;
SELECT predict('double', k) FROM item
 WHERE nocolumn = 3;
SELECT 1 AS a \; SELECT predict('double', 4) \; SELECT 2 AS b;
SELECT predict('double', k), predict('half', f) FROM item \gdesc
SELECT predict('double', k) AS doubled FROM item WHERE id = 3 \gset
\echo :doubled
SELECT $q$SELECT predict('double', 8) AS made$q$ \gexec
PREPARE p (int) AS SELECT predict('double', $1), predict('shout', $1::text);
EXECUTE p (21);
EXECUTE p (NULL);
DEALLOCATE p;
EXECUTE p (1);
BEGIN;
SELECT predict('double', 1);
SELECT predict('double', 1/0);
SELECT predict('double', 1);
ROLLBACK;
SELECT predict('double', 1);
\set AUTOCOMMIT off
SELECT predict('double', 2);
COMMIT;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT predict('double', nocolumn) FROM item;
SELECT predict('double', 5);
COMMIT;
\set ON_ERROR_ROLLBACK off
\set FETCH_COUNT 100
SELECT id, name FROM item ORDER BY id LIMIT 3;
\unset FETCH_COUNT
CREATE TEMP TABLE copied (id int, name text);
COPY copied FROM STDIN;
1	one
2	two
\.
\copy copied FROM PROGRAM 'printf "3\tthree\n4\t\\\\N\n"'
COPY copied TO STDOUT;
\copy (SELECT id FROM copied ORDER BY id DESC) TO STDOUT
SELECT id, predict('double', id), predict('shout', name) FROM copied ORDER BY id;
SELECT cheap % 2 AS r, k % 2 AS c, predict('double', k % 2) AS v FROM item WHERE id < 5 ORDER BY id \crosstabview
\d item
\d tag
\d "Odd Table"
\d cheap_item
\dt public.*
\dv
\dT
\df halve
\dn public
\sv cheap_item
\sf halve
\l+ nothing_of_this_name
\du nothing_of_this_name
\encoding
SET client_encoding = LATIN1;
\encoding
RESET client_encoding;
DO $$ BEGIN RAISE NOTICE 'predict noted'; RAISE WARNING 'warned'; END $$;
\set VERBOSITY verbose
SELECT predict('bucket', k)::int FROM item;
\set VERBOSITY sqlstate
SELECT 1/0;
\errverbose
