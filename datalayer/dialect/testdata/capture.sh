#!/usr/bin/env bash
# Writes down what postgres_fdw sends: usage capture.sh <connection parameters> <statements.sql>… > canonical-N.sql, where the
# parameters are for psql, without a database ("host=127.0.0.1 port=5432 user=postgres"), and of a superuser. Two databases
# of the same server are made and dropped again: the one logs what the other's foreign tables ask of it. Rows come from
# capture_rows.sql.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) base=$1
shift
sql() { psql "$base dbname=$1" -XqAt "${@:2}"; }
for db in capture_far capture_near; do
  sql postgres -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
done
trap 'for db in capture_near capture_far; do sql postgres -c "DROP DATABASE $db"; done' EXIT
sql capture_far -c 'CREATE SCHEMA "Odd Schema"' -f "$here/capture_schema.sql" -f "$here/capture_rows.sql"
sql capture_far -c "ALTER DATABASE capture_far SET log_statement = 'all'" -c "ALTER SYSTEM SET log_line_prefix = '%d='" -c "SELECT pg_reload_conf()" >/dev/null
log=${CAPTURE_LOG:?the file that the server logs to}
from=$(wc -l <"$log")
params=$(sed -E "s/ *user=[^ ]*//; s/ +/, /g; s/([a-z]+)=([^ ,]+)/\1 '\2'/g" <<<"$base")
sql capture_near -c "CREATE EXTENSION IF NOT EXISTS postgres_fdw" \
  -c "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS ($params, dbname 'capture_far', use_remote_estimate 'true')" \
  -c "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'postgres', password_required 'false')" \
  -c 'CREATE SCHEMA "Odd Schema"' -c "IMPORT FOREIGN SCHEMA public FROM SERVER far INTO public" \
  -c 'IMPORT FOREIGN SCHEMA "Odd Schema" FROM SERVER far INTO "Odd Schema"' \
  -c "CREATE TABLE local_rows AS SELECT i AS id, 'n' || i AS name FROM generate_series(1, 3) i" -c "ANALYZE local_rows"
for f; do sql capture_near -f "$f" >/dev/null 2>&1 || true; done
sleep 1
tail -n "+$((from + 1))" "$log" | python3 "$here/capture.py"
