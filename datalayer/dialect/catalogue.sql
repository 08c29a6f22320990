-- What Parse knows of PostgreSQL's own types, casts, operators, functions and aggregates. Run on a new database of PostgreSQL 18
-- as: psql -XAtq -F ' ' -f catalogue.sql > catalogue.txt
WITH kept AS (
  SELECT t.* FROM pg_type t
  WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typname !~ '^(_?reg|_?pg_|_?gts|_?txid|_?aclitem|_?refcursor|_?cid|_?xid|_?int2vector|_?oidvector|_?xml|_?jsonpath|_?tsvector|_?tsquery|_?lseg|_?path|_?polygon|_?line|_?circle|_?box$|_?point|_?macaddr|_?cstring|_?refcursor)'
), pseudo AS (
  SELECT oid FROM pg_type WHERE typname IN ('any', 'anyelement', 'anyarray', 'anynonarray', 'anyenum', 'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray')
), usable AS (SELECT oid FROM kept UNION SELECT oid FROM pseudo)
SELECT line FROM (
  SELECT 1 AS part, concat_ws(' ', 'T', oid, typname, typcategory, typispreferred, CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END, typarray, format_type(oid, NULL)) AS line, oid::bigint AS o1, 0::bigint AS o2, '' AS o3 FROM kept
  UNION ALL
  SELECT 2, concat_ws(' ', 'C', castsource::bigint, casttarget::bigint, castcontext, castmethod), castsource, casttarget, '' FROM pg_cast
  WHERE castsource IN (SELECT oid FROM usable) AND casttarget IN (SELECT oid FROM usable)
  UNION ALL
  SELECT 3, concat_ws(' ', 'O', oprname, oprleft::bigint, oprright::bigint, oprresult::bigint), oprleft, oprright, oprname COLLATE "C" FROM pg_operator
  WHERE oprnamespace = 'pg_catalog'::regnamespace AND (oprleft = 0 OR oprleft IN (SELECT oid FROM usable)) AND oprright IN (SELECT oid FROM usable) AND oprresult IN (SELECT oid FROM usable)
  UNION ALL
  SELECT CASE prokind WHEN 'a' THEN 5 ELSE 4 END, concat_ws(' ', CASE prokind WHEN 'a' THEN 'A' ELSE 'F' END, proname, prorettype::bigint,
    CASE WHEN prokind = 'a' THEN (SELECT aggkind FROM pg_aggregate WHERE aggfnoid = p.oid) ELSE provolatile END, pronargdefaults, provariadic::bigint, nullif(array_to_string(proargtypes, ' '), '')),
    0, 0, proname COLLATE "C" || ' ' || array_to_string(proargtypes, ' ')
  FROM pg_proc p
  WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a') AND NOT proretset AND proname !~ '^(pg_|ts_|binary_upgrade|lo_|has_|inet_|txid|gin|gist|brin|spg|hash|bt(int|float|oid|char|name|text|bpchar|array|record|_|equal|var)|array_subscript|current_|to_reg|xml|nextval|setval|currval|lastval)'
    AND proname !~ '(send|recv|_in|_out|_(sortsupport|support|sel|joinsel|transfn|finalfn|accum|combine|serialize|deserialize|serial|typanalyze|typmodin|typmodout|canonical|subdiff|handler))$'
    AND prorettype IN (SELECT oid FROM usable) AND NOT EXISTS (SELECT FROM unnest(proargtypes) a WHERE a NOT IN (SELECT oid FROM usable))
    AND (prokind = 'a' OR NOT EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid AND oprname IN ('=', '<>', '<', '>', '<=', '>=')))
) AS lines ORDER BY part, o1, o2, o3;
