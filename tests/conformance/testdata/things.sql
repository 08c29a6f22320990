-- Booleans, UUIDs, bytes, jsonb, arrays.

-- all
SELECT * FROM things;

-- booleans
SELECT k, b, NOT b, b AND true, b OR NULL, b IS TRUE, b::int, b::text FROM things;

-- boolean-where
SELECT k FROM things WHERE b;

-- boolean-compare
SELECT k FROM things WHERE b > false;

-- boolean-order
SELECT k, b FROM things ORDER BY b DESC NULLS LAST, k;

-- boolean-group
SELECT b, count(*), bool_and(b) FROM things GROUP BY b;

-- uuid-equal
SELECT k FROM things WHERE u = '0b9c7e5a-1f4d-4c3b-8a2e-6d5f4e3c2b1a';

-- uuid-equal-upper
SELECT k FROM things WHERE u = '{0B9C7E5A1F4D4C3B8A2E6D5F4E3C2B1A}'::uuid;

-- uuid-order
SELECT k, u FROM things ORDER BY u, k;

-- uuid-greater
SELECT k FROM things WHERE u > 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';

-- uuid-in
SELECT k FROM things WHERE u IN ('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff');

-- uuid-text
SELECT k, u::text, upper(u::text) FROM things;

-- uuid-bad
SELECT k FROM things WHERE u = 'nix';

-- bytes-equal
SELECT k FROM things WHERE y = '\xdeadbeef';

-- bytes-empty
SELECT k FROM things WHERE y = '';

-- bytes-order
SELECT k, y FROM things ORDER BY y, k;

-- bytes-length
SELECT k, length(y), octet_length(y), encode(y, 'base64'), encode(y, 'escape') FROM things;

-- bytes-length-where
SELECT k FROM things WHERE length(y) = 3;

-- bytes-functions
SELECT k, md5(y), sha256(y), substring(y from 1 for 2), y || '\x01', position('\xff'::bytea in y) FROM things;

-- bytes-escape-output
SET bytea_output = 'escape';
SELECT k, y FROM things;

-- json-field
SELECT k, j -> 'a', j ->> 'a', j -> 'a' -> 'b' ->> 0 FROM things;

-- json-element
SELECT k, j -> 1, j ->> 1, j -> -1 FROM things;

-- json-path
SELECT k, j #> '{a,b}', j #>> '{a,b,2,c}' FROM things;

-- json-contains
SELECT k FROM things WHERE j @> '{"a": 1}';

-- json-has-key
SELECT k FROM things WHERE j ? 'a';

-- json-has-any
SELECT k FROM things WHERE j ?| ARRAY['k', 'x'];

-- json-equal
SELECT k FROM things WHERE j = '{"a":1}';

-- json-text-where
SELECT k FROM things WHERE j ->> 'k' = 'Ünïcode';

-- json-number-where
SELECT k FROM things WHERE (j ->> 'n')::bigint = 9007199254740993;

-- json-typeof
SELECT k, jsonb_typeof(j) FROM things;

-- json-order
SELECT k, j FROM things ORDER BY j, k;

-- json-each
SELECT k, e.key, e.value FROM things, jsonb_each(j) AS e WHERE jsonb_typeof(j) = 'object';

-- json-elements
SELECT k, e FROM things, jsonb_array_elements(j) AS e WHERE jsonb_typeof(j) = 'array';

-- json-path-query
SELECT k, jsonb_path_query_array(j, '$.a.b[*]') FROM things;

-- json-path-exists
SELECT k FROM things WHERE j @? '$.a.b[*] ? (@ > 1)';

-- json-set
SELECT k, jsonb_set(j, '{a}', '"new"') FROM things WHERE jsonb_typeof(j) = 'object';

-- json-concat-and-remove
SELECT k, j || '{"z": 0}', j - 'a' FROM things WHERE jsonb_typeof(j) = 'object';

-- json-build
SELECT jsonb_build_object('id', id, 'name', name, 'price', price, 'day', day) FROM items WHERE id < 5;

-- json-of-row
SELECT to_jsonb(g) FROM groups AS g;

-- json-row-to-json
SELECT row_to_json(x) FROM (SELECT id, name, at FROM items WHERE id < 4) AS x;

-- json-bad
SELECT '{'::jsonb FROM things;

-- json-pretty
SELECT jsonb_pretty(j) FROM things WHERE k < 5;

-- json-cast-scalar
SELECT k, j::numeric FROM things WHERE jsonb_typeof(j) = 'number';

-- json-group
SELECT j, count(*) FROM things GROUP BY j;

-- array-equal
SELECT k FROM things WHERE a = '{1,2,3}';

-- array-element
SELECT k, a[1], a[2], a[99] FROM things;

-- array-element-where
SELECT k FROM things WHERE a[1] = 3;

-- array-slice
SELECT k, a[2:3], ta[1:2] FROM things;

-- array-any
SELECT k FROM things WHERE 2 = ANY (a);

-- array-all
SELECT k FROM things WHERE 0 <= ALL (a);

-- array-contains
SELECT k FROM things WHERE a @> '{1}';

-- array-overlap
SELECT k FROM things WHERE a && ARRAY[0, 3];

-- array-length
SELECT k, array_length(a, 1), cardinality(a), array_ndims(a), cardinality(ta) FROM things;

-- array-functions
SELECT k, a || 5, array_append(a, 6), array_position(a, 2), array_remove(a, 1), array_to_string(ta, ',', '*') FROM things;

-- array-order
SELECT k, a FROM things ORDER BY a, k;

-- array-unnest
SELECT k, x FROM things, unnest(a) AS x;

-- array-texts
SELECT k FROM things WHERE 'two words' = ANY (ta);

-- array-of-column-values
SELECT id FROM items WHERE id = ANY ((SELECT array_agg(x) FROM things, unnest(a) AS x)::int[]);

-- array-null-element
SELECT k, ta FROM things WHERE array_position(ta, NULL) IS NOT NULL;

-- count-distinct
SELECT count(DISTINCT u), count(DISTINCT y), count(DISTINCT j), count(DISTINCT a) FROM things;

-- min-max-array
SELECT min(a), max(a) FROM things;

-- hash-functions
SELECT k, hashtext(ta::text) IS NOT NULL FROM things;

-- coalesce-things
SELECT k, coalesce(b, true), coalesce(a, '{9}'), coalesce(j, '0') FROM things;

-- enum-like-cast
SELECT k, CASE WHEN b THEN 'yes' ELSE 'no' END FROM things;

-- xml
SELECT xmlelement(name n, label) FROM groups WHERE gid < 3;

-- full-text
SELECT gid FROM groups WHERE to_tsvector('simple', label) @@ to_tsquery('simple', 'tools');

-- ranges
SELECT id FROM items WHERE int4range(5, 8) @> id;

-- inet
SELECT ('10.0.0.' || gid)::inet << '10.0.0.0/24' FROM groups;

-- geometry
SELECT point(gid, gid) <-> point(0, 0) FROM groups WHERE gid < 4;
