-- What clients read of the catalogs about the tables.

-- columns
SELECT table_name, column_name, ordinal_position, data_type, is_nullable FROM information_schema.columns WHERE table_schema = current_schema() AND table_name IN ('items', 'pairs', 'u') ORDER BY 1, 3;

-- tables
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = current_schema() AND table_name IN ('items', 'groups', 'sales') ORDER BY 1;

-- keys
SELECT tc.table_name, kcu.column_name, tc.constraint_type FROM information_schema.table_constraints AS tc JOIN information_schema.key_column_usage AS kcu USING (constraint_schema, constraint_name, table_name) WHERE tc.table_schema = current_schema() AND tc.table_name IN ('items', 'pairs', 'u', 'kids') ORDER BY 1, 3, 2;

-- attributes
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;

-- primary-key-by-index
SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'pairs'::regclass AND i.indisprimary ORDER BY 1;

-- relation-kind
SELECT relname, relkind FROM pg_class WHERE oid IN ('items'::regclass, 'groups'::regclass) ORDER BY 1;

-- visible
SELECT pg_table_is_visible('items'::regclass), 'items'::regclass::text;

-- privileges
SELECT has_table_privilege('items', 'SELECT'), has_table_privilege('items', 'INSERT'), has_column_privilege('items', 'id', 'UPDATE');

-- to-regclass
SELECT to_regclass('items') IS NOT NULL, to_regclass('nix') IS NULL;

-- typeof
SELECT pg_typeof(id), pg_typeof(price), pg_typeof(day), pg_typeof(at), pg_typeof(flag), pg_typeof(name) FROM items WHERE id = 1;

-- foreign-keys
SELECT conname, confrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'kids'::regclass AND contype = 'f';

-- unique-keys
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'u'::regclass AND contype = 'u';

-- comments
SELECT obj_description('items'::regclass, 'pg_class') IS NULL, col_description('items'::regclass, 1) IS NULL;

-- settings
SELECT current_setting('server_encoding'), current_setting('client_encoding'), current_setting('standard_conforming_strings'), current_setting('integer_datetimes');

-- collation
SELECT datcollate, datctype FROM pg_database WHERE datname = current_database();

-- transaction-isolation
SHOW transaction_isolation;

-- schemas
SELECT current_schema() = ANY (current_schemas(false));
