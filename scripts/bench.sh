#!/usr/bin/env bash
# make bench: starts a PostgreSQL, PgBouncer before it and the proxy before it, all on loopback, runs bench/ against
# them, and stops what it started. Arguments go to the program: scripts/bench.sh -only tps -rounds 9
#
#   PORT=5528      the PostgreSQL's port; the next three are PgBouncer's (session, transaction) and the proxy's
set -euo pipefail
cd "$(dirname "$0")/.."

SERVER=${PORT:-5528}
SESSION=$((SERVER + 1)) TRANSACTION=$((SERVER + 2)) PROXY=$((SERVER + 3))
DIR=.cache/bench LOG=.cache/bench/proxy.log
proxy=

stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$proxy" ] && kill -TERM "$proxy" 2>/dev/null; then wait "$proxy" || true; fi
  PORT=$SESSION scripts/servers/pgbouncer.sh stop || true
  PORT=$TRANSACTION scripts/servers/pgbouncer.sh stop || true
  PORT=$SERVER scripts/servers/postgres.sh stop || true
  if [ $status != 0 ] && [ -f "$LOG" ]; then
    echo "The end of the proxy's log ($LOG):" >&2
    tail -20 "$LOG" >&2
  fi
  exit $status
}

for name in $(compgen -e | grep -E '^(PG|PINNACLE_)' || true); do unset "$name"; done
scripts/install.sh bench
scripts/build.sh
mkdir -p "$DIR"
go build -trimpath -o "$DIR/bench" ./bench
trap stop EXIT
trap 'exit 130' INT TERM

# pid OUTPUT: the process of a server, from its line "ready PORT PID".
pid() { set -- $1; echo "$3"; }
export PGHOST=127.0.0.1 PGUSER=postgres
postgres=$(pid "$(PORT=$SERVER SETTINGS='max_connections=1200 shared_buffers=512MB' scripts/servers/postgres.sh)")
[ "$(psql -X -p "$SERVER" -d postgres -Atc "SELECT count(*) FROM pg_database WHERE datname = 'bench'")" = 1 ] ||
  psql -X -q -p "$SERVER" -d postgres -c 'CREATE DATABASE bench'
psql -X -q -p "$SERVER" -d bench -f examples/load.sql
session=$(pid "$(PORT=$SESSION MODE=session BACKEND_PORT=$SERVER scripts/servers/pgbouncer.sh)")
transaction=$(pid "$(PORT=$TRANSACTION MODE=transaction BACKEND_PORT=$SERVER scripts/servers/pgbouncer.sh)")

rm -rf "$DIR/data" && mkdir -p "$DIR/data/lib"
cp .cache/onnxruntime/libonnxruntime.so.* "$DIR/data/lib/"
# In a session of its own, as PgBouncer and PostgreSQL are, which make themselves daemons: Linux's scheduler gives each
# session the same share of a processor (autogroup, man 7 sched), and the proxy would have to share the benchmark's.
setsid bin/pinnacle-proxy serve --listen "127.0.0.1:$PROXY" --data-dir "$DIR/data" --artifact-import-dirs examples --max-connections 1100 \
  --databackend "postgres://postgres@127.0.0.1:$SERVER/bench?sslmode=disable" >"$LOG" 2>&1 </dev/null &
proxy=$!
for _ in $(seq 300); do
  kill -0 "$proxy" 2>/dev/null || { echo "the proxy ended while it started" >&2; exit 1; }
  ! psql -X -w -p "$PROXY" -d bench -Atc 'SELECT 1' >/dev/null 2>&1 || { ready=yes; break; }
  sleep 0.1
done
[ -n "${ready:-}" ] || { echo "the proxy was not ready after 30 seconds" >&2; exit 1; }

lscpu | sed -n 's/^Model name: */processor: /p; s/^CPU(s): */processors: /p'
psql -X -p "$SERVER" -d bench -Atc 'SHOW server_version' | sed 's/^/PostgreSQL /'
pgbouncer --version 2>/dev/null | head -1 || /usr/sbin/pgbouncer --version | head -1
bin/pinnacle-proxy version | head -1
echo "command: make bench $*"
# What a writing statement takes longer by listeners on its table, how late their outputs are, and backfills; with arguments, which are
# the program's, only that runs.
[ $# -gt 0 ] || TMPDIR=/tmp go test -run '^$' -bench '^(BenchmarkWriting|BenchmarkLag|BenchmarkBackfill)$' ./datalayer/listener | grep '^Benchmark'
"$DIR/bench" -direct "$SERVER:$postgres" -session "$SESSION:$session" -transaction "$TRANSACTION:$transaction" \
  -proxy "$PROXY:$proxy" -onnxruntime "$(ls "$PWD"/.cache/onnxruntime/libonnxruntime.so.*)" "$@"
