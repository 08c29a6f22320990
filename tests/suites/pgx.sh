#!/usr/bin/env bash
# The test suite of pgx, unchanged, directly and through the proxy; the results have to be the same. A test that differs is
# run once more on both sides before it counts, since some of the suite's tests depend on time.
. "$(dirname "$0")/lab.bash"
VERSION=v5.12.0
start_lab

go mod download "github.com/jackc/pgx/v5@$VERSION"
src=$ROOT/.cache/suites/pgx-$VERSION
if [ ! -d "$src" ]; then
  mkdir -p "$(dirname "$src")"
  cp -r "$(go env GOMODCACHE)/github.com/jackc/pgx/v5@$VERSION" "$src.part"
  chmod -R u+w "$src.part"
  mv "$src.part" "$src"
fi
# The suite runs in its own directory, where the repository's go.work or go.mod do not count.
export GOFLAGS=-mod=mod GOWORK=off

# run_suite PORT OUT [GO TEST FLAGS]: "package.test result" lines into OUT.
run_suite() {
  local port=$1 out=$2 database=pgx_test
  shift 2
  export PGPORT=$port
  psql -Xqc "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database" >/dev/null 2>&1
  psql -Xqd "$database" -f "$src/testsetup/postgresql_setup.sql" >"$out.setup" 2>&1 || true # the users are there the second time
  local url="host=127.0.0.1 port=$port dbname=$database sslmode=disable"
  (
    cd "$src"
    export PGX_TEST_DATABASE="$url user=postgres password=$PGPASSWORD" PGX_TEST_TCP_CONN_STRING="$url user=postgres password=$PGPASSWORD"
    export PGX_TEST_SCRAM_PASSWORD_CONN_STRING="$url user=pgx_scram password=secret" PGX_TEST_PLAIN_PASSWORD_CONN_STRING="$url user=pgx_pw password=secret"
    unset PGHOST PGUSER PGPORT PGSSLMODE PGDATABASE PGPASSWORD
    go test -p 1 -count=1 -json "$@" ./... >"$out.json" 2>"$out.err" || true
  )
  python3 - "$out.json" >"$out" <<'P'
import json, re, sys

names = {"pass": "ok", "fail": "failed", "skip": "skipped"}
for line in open(sys.argv[1]):
    event = json.loads(line) if line.startswith("{") else {}
    if event.get("Test") and event["Action"] in names:
        print(event["Package"].removeprefix("github.com/jackc/pgx/v5") + "." + re.sub(r"/tmp/[^/']*", "/tmp/DIR", event["Test"]).replace(" ", "_"), names[event["Action"]])
P
}

dir=$(work pgx)
run_suite "$DIRECT_PORT" "$dir/direct"
run_suite "$PROXY_PORT" "$dir/proxy"
differ=$(python3 - "$dir/direct" "$dir/proxy" <<'P'
import sys

direct, proxy = (dict(line.rsplit(" ", 1) for line in open(path).read().splitlines()) for path in sys.argv[1:3])
print("|".join(sorted({t.split(".", 1)[1].split("/")[0] for t in direct.keys() | proxy.keys() if direct.get(t) != proxy.get(t)})))
P
)
if [ -n "$differ" ]; then
  echo "once more: $differ"
  run_suite "$DIRECT_PORT" "$dir/direct.again" -run "^($differ)\$"
  run_suite "$PROXY_PORT" "$dir/proxy.again" -run "^($differ)\$"
  for side in direct proxy; do
    python3 - "$dir/$side" "$dir/$side.again" <<'P'
import sys

first, again = (dict(line.rsplit(" ", 1) for line in open(path).read().splitlines()) for path in sys.argv[1:3])
first.update(again)
open(sys.argv[1], "w").writelines(f"{name} {result}\n" for name, result in first.items())
P
  done
fi
outcome "$dir/direct" "$dir/proxy"
