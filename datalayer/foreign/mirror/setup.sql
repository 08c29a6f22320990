-- What the proxy keeps in the local PostgreSQL beside the mirrored tables. Run by the superuser at every start; every
-- statement may be run again.
CREATE EXTENSION IF NOT EXISTS postgres_fdw WITH SCHEMA pg_catalog;
CREATE SCHEMA IF NOT EXISTS pinnacle_foreign;
GRANT USAGE ON SCHEMA pinnacle_foreign TO PUBLIC;

-- What is shown, and how it was shown: the relation that clients name, and the foreign table behind it.
CREATE TABLE IF NOT EXISTS pinnacle_foreign.mirrored (
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    relation    oid  NOT NULL,
    child       oid  NOT NULL,
    fingerprint text NOT NULL,
    shape       text NOT NULL,
    PRIMARY KEY (schema_name, table_name)
);
GRANT SELECT ON pinnacle_foreign.mirrored TO PUBLIC;
CREATE INDEX IF NOT EXISTS mirrored_relation ON pinnacle_foreign.mirrored (relation);
CREATE INDEX IF NOT EXISTS mirrored_child ON pinnacle_foreign.mirrored (child);

-- The databackend that is shown, without passwords; one row.
CREATE TABLE IF NOT EXISTS pinnacle_foreign.source (uri text NOT NULL);

-- The schemas that the mirror made, which it may remove.
CREATE TABLE IF NOT EXISTS pinnacle_foreign.made_schemas (schema_name text PRIMARY KEY);

-- route puts a row that was inserted into a parent into its foreign child: the statement is the trigger's argument. It
-- runs with the superuser's rights, since the writer's were looked at on the parent; so nobody else may make triggers of
-- it.
CREATE OR REPLACE FUNCTION pinnacle_foreign.route() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    EXECUTE TG_ARGV[0] USING NEW;
    RETURN NULL;
END
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.route() FROM PUBLIC;

-- engine_default is the default of columns that only the databackend has a value for, and whose type has no value to
-- spare that could stand for it.
CREATE OR REPLACE FUNCTION pinnacle_foreign.engine_default(anyelement, column_name text) RETURNS anyelement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = format('column %I needs a value', column_name),
        DETAIL = 'Its default is one of the databackend that PostgreSQL cannot compute.',
        HINT = 'Name the column in the INSERT, and give its value.';
END
$body$;

-- copy_rights gives the foreign tables and their schemas the owners and rights of what clients name, so that a statement may name
-- either. Roles that are named here are named by the original too, whose dependencies keep them.
CREATE OR REPLACE FUNCTION pinnacle_foreign.copy_rights() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    other record;
BEGIN
    FOR other IN SELECT c.oid::regclass AS child, p.relowner::regrole AS owner
                   FROM pinnacle_foreign.mirrored m JOIN pg_class p ON p.oid = m.relation JOIN pg_class c ON c.oid = m.child
                  WHERE c.relowner <> p.relowner LOOP
        EXECUTE format('ALTER FOREIGN TABLE %s OWNER TO %s', other.child, other.owner);
    END LOOP;
    UPDATE pg_class c SET relacl = p.relacl
      FROM pinnacle_foreign.mirrored m JOIN pg_class p ON p.oid = m.relation
     WHERE c.oid = m.child AND c.relacl IS DISTINCT FROM p.relacl;
    WITH given AS MATERIALIZED (SELECT attrelid, attname FROM pg_attribute WHERE attacl IS NOT NULL)
    UPDATE pg_attribute c SET attacl = p.attacl
      FROM (SELECT m.relation, m.child, g.attname FROM given g JOIN pinnacle_foreign.mirrored m ON m.relation = g.attrelid
            UNION
            SELECT m.relation, m.child, g.attname FROM given g JOIN pinnacle_foreign.mirrored m ON m.child = g.attrelid) x
      JOIN pg_attribute p ON p.attrelid = x.relation AND p.attname = x.attname
     WHERE c.attrelid = x.child AND c.attname = x.attname AND c.attacl IS DISTINCT FROM p.attacl;
    UPDATE pg_namespace c SET nspacl = r.acl
      FROM (SELECT k.relnamespace AS child,
                   (SELECT array_agg(makeaclitem(e.grantee, e.grantor, 'USAGE', e.is_grantable) ORDER BY e.grantee, e.grantor)
                      FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) e WHERE e.privilege_type = 'USAGE') AS acl
              FROM (SELECT DISTINCT p.relnamespace AS named, c.relnamespace
                      FROM pinnacle_foreign.mirrored m JOIN pg_class p ON p.oid = m.relation JOIN pg_class c ON c.oid = m.child) k
              JOIN pg_namespace n ON n.oid = k.named) r
     WHERE c.oid = r.child AND c.nspacl IS DISTINCT FROM r.acl;
END
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.copy_rights() FROM PUBLIC;

CREATE OR REPLACE FUNCTION pinnacle_foreign.rights_changed() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    PERFORM pinnacle_foreign.copy_rights();
END
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.rights_changed() FROM PUBLIC;
DROP EVENT TRIGGER IF EXISTS pinnacle_rights;
CREATE EVENT TRIGGER pinnacle_rights ON ddl_command_end
    WHEN TAG IN ('GRANT', 'REVOKE', 'DROP OWNED', 'ALTER TABLE', 'ALTER VIEW', 'ALTER SCHEMA')
    EXECUTE FUNCTION pinnacle_foreign.rights_changed();

-- rights_of gives the statements that grant the rights on a relation again, after it was made anew.
CREATE OR REPLACE FUNCTION pinnacle_foreign.rights_of(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    SELECT coalesce(string_agg(format('DO $do$ BEGIN GRANT %s%s ON %s TO %s%s; EXCEPTION WHEN undefined_column THEN NULL; END $do$;',
               e.privilege_type, ' (' || quote_ident(e.attname) || ')', relation::regclass,
               CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END,
               CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), E'\n'), '')
      FROM (SELECT NULL::name AS attname, a.*, c.relowner FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1
            UNION ALL
            SELECT t.attname, a.*, c.relowner FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a
             WHERE c.oid = $1) e
     WHERE e.grantee <> e.relowner
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.rights_of(oid) FROM PUBLIC;

-- checks_of gives the statements that make the CHECK constraints of a relation again, after it was made anew.
CREATE OR REPLACE FUNCTION pinnacle_foreign.checks_of(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    SELECT coalesce(string_agg(format('DO $do$ BEGIN ALTER TABLE %s ADD CONSTRAINT %I %s; EXCEPTION WHEN undefined_column THEN NULL; END $do$;',
               relation::regclass, conname, pg_get_constraintdef(oid)), E'\n'), '')
      FROM pg_constraint WHERE conrelid = $1 AND contype = 'c'
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.checks_of(oid) FROM PUBLIC;

-- comments_of gives the statements that make comments again that the databackend knows nothing of, after a relation was made anew.
CREATE OR REPLACE FUNCTION pinnacle_foreign.comments_of(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    SELECT coalesce(string_agg(format('DO $do$ BEGIN COMMENT ON %s IS %L; EXCEPTION WHEN undefined_column THEN NULL; END $do$;',
               CASE WHEN d.objsubid <> 0 THEN format('COLUMN %s.%I', $1::regclass, a.attname)
                    WHEN c.relkind = 'v' THEN 'VIEW ' || $1::regclass ELSE 'TABLE ' || $1::regclass END, d.description), E'\n'), '')
      FROM pg_description d JOIN pg_class c ON c.oid = d.objoid LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
     WHERE d.classoid = 'pg_class'::regclass AND d.objoid = $1
       AND NOT EXISTS (SELECT FROM pinnacle_foreign.mirrored m WHERE m.relation = $1 AND
               CASE d.objsubid WHEN 0 THEN m.shape::jsonb ? 'comment'
                    ELSE m.shape::jsonb -> 'columns' @> jsonb_build_array(jsonb_build_object('name', a.attname, 'comment', d.description)) END)
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.comments_of(oid) FROM PUBLIC;

-- rename gives a relation that is shown the name that it has in the databackend now: rights and views over it stay. What else is to
-- be changed for that name, the next refresh does.
CREATE OR REPLACE FUNCTION pinnacle_foreign.rename(in_schema text, was text, becomes text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    shown pinnacle_foreign.mirrored;
BEGIN
    SELECT m.* INTO STRICT shown FROM pinnacle_foreign.mirrored m WHERE m.schema_name = in_schema AND m.table_name = was;
    EXECUTE format('ALTER TABLE %s RENAME TO %I', shown.relation::regclass, becomes);
    EXECUTE format('ALTER FOREIGN TABLE %s RENAME TO %I', shown.child::regclass, becomes);
    EXECUTE format('ALTER FOREIGN TABLE %s OPTIONS (SET table_name %L)', shown.child::regclass, becomes);
    UPDATE pinnacle_foreign.mirrored m SET table_name = becomes, fingerprint = '', shape = jsonb_set(m.shape::jsonb, '{name}', to_jsonb(becomes))::text
     WHERE m.schema_name = in_schema AND m.table_name = was;
END
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.rename(text, text, text) FROM PUBLIC;

-- strip takes the constraints, indexes and the trigger off a parent, and the foreign keys that refer to it: all but its
-- columns. Parents are empty, so that all of it is cheap to make again.
CREATE OR REPLACE FUNCTION pinnacle_foreign.strip(relation oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    item record;
BEGIN
    FOR item IN SELECT conrelid::regclass AS of, conname FROM pg_constraint
                 WHERE (conrelid = $1 OR confrelid = $1 AND contype = 'f') AND contype IN ('p', 'u', 'f') AND conparentid = 0
                 ORDER BY contype = 'f' DESC LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', item.of, item.conname);
    END LOOP;
    FOR item IN SELECT indexrelid::regclass AS name FROM pg_index WHERE indrelid = $1 LOOP
        EXECUTE format('DROP INDEX %s', item.name);
    END LOOP;
    EXECUTE format('DROP TRIGGER IF EXISTS pinnacle_route ON %s', $1::regclass);
END
$body$;
REVOKE ALL ON FUNCTION pinnacle_foreign.strip(oid) FROM PUBLIC;
