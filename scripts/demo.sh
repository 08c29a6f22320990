#!/usr/bin/env bash
# The demo: installs what is missing, builds, starts the proxy on its embedded defaults, loads real data, creates real
# models, runs examples/tour.sql through psql, checks the answers and stops.
#
#   make demo          (KEEP=1 leaves the proxy running and prints how to connect; PORT=6432; DATA_DIR=.pinnacle)
#
# Running it again works: tables are loaded anew, models that are there are the same. When anything fails, the end of the
# proxy's log is printed and the exit status is not 0.
set -euo pipefail
cd "$(dirname "$0")/.."

KEEP=${KEEP:-} PORT=${PORT:-6432} DATA_DIR=${DATA_DIR:-.pinnacle}
LOG=.cache/demo.log PIDFILE=.cache/demo.pid
pid= finished=

say() { printf '\n--- %s\n' "$*"; }

# alive PID: whether the process is there and is the proxy.
alive() { [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null || ps -o comm= -p "$1" 2>/dev/null)" = pinnacle-proxy ]; }

# stop PID: SIGTERM, and up to 60 seconds for the proxy to end by itself.
stop() {
  kill -TERM "$1" 2>/dev/null || return 0
  for _ in $(seq 600); do alive "$1" || return 0; sleep 0.1; done
  echo "the proxy (process $1) did not end within 60 seconds of SIGTERM" >&2
  return 1
}

# ended runs at every exit: a demo that failed shows the log and leaves no process behind.
ended() {
  local status=$?
  trap - EXIT INT TERM
  [ -n "$finished" ] && exit 0
  [ "$status" != 0 ] || status=1
  if [ -n "$pid" ]; then
    printf '\nThe demo failed. The end of the proxy'\''s log (%s):\n' "$LOG" >&2
    tail -40 "$LOG" >&2 || true
    stop "$pid" || true
    rm -f "$PIDFILE"
  else
    printf '\nThe demo failed.\n' >&2
  fi
  exit "$status"
}
trap ended EXIT
trap 'exit 130' INT TERM

# The demo shows the defaults: no setting of the environment, of psql or of the proxy, changes them.
for name in $(compgen -e | grep -E '^(PG|PINNACLE_)' || true); do unset "$name"; done
export PGHOST=127.0.0.1 PGPORT=$PORT PGUSER=pinnacle PGDATABASE=pinnacle PGPASSFILE=$PWD/$DATA_DIR/pgpass PGCONNECT_TIMEOUT=5
[ "${DATA_DIR#/}" = "$DATA_DIR" ] || PGPASSFILE=$DATA_DIR/pgpass
ask() { psql -X -w -q -At -v ON_ERROR_STOP=1 -c "$1"; }

say "Installing what is missing"
scripts/install.sh demo
say "Building bin/pinnacle-proxy"
scripts/build.sh

if alive "$(cat $PIDFILE 2>/dev/null || true)"; then
  say "Stopping the proxy that an earlier demo left running"
  stop "$(cat $PIDFILE)"
fi

say "Starting the proxy: its own PostgreSQL, metadata and artifacts are in $DATA_DIR"
mkdir -p "$DATA_DIR/lib"
cp -f .cache/onnxruntime/libonnxruntime.so.* "$DATA_DIR/lib/"
bin/pinnacle-proxy serve --listen "127.0.0.1:$PORT" --data-dir "$DATA_DIR" --artifact-import-dirs examples,.cache/data >"$LOG" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$PIDFILE"
for _ in $(seq 1200); do
  kill -0 "$pid" 2>/dev/null || { echo "the proxy ended while it started" >&2; exit 1; }
  ! ask 'SELECT 1' >/dev/null 2>&1 || { ready=yes; break; }
  sleep 0.1
done
[ -n "${ready:-}" ] || { echo "the proxy was not ready after two minutes" >&2; exit 1; }

say "Loading 336,776 flights and 569 tumours through the proxy"
psql -X -w -q -f examples/load.sql
ask "SELECT count(*) || ' flights, of which ' || count(dep_delay) || ' departed' FROM flights"

say "The tour: examples/tour.sql"
psql -X -w -f examples/tour.sql

say "Checking the answers over all flights against examples/flights/expected.json"
python3 scripts/check_demo.py

if [ -n "$KEEP" ]; then
  finished=yes
  disown "$pid"
  say "The proxy is running (process $pid). Connect with"
  echo "PGPASSFILE=$PGPASSFILE psql 'host=127.0.0.1 port=$PORT user=pinnacle dbname=pinnacle'"
  echo "and stop it with: kill $pid"
  exit 0
fi

say "Stopping the proxy"
kill -TERM "$pid"
wait "$pid" || { echo "the proxy ended with status $?" >&2; exit 1; }
rm -f "$PIDFILE"
finished=yes
say "Done. The data stay in $DATA_DIR; 'make demo KEEP=1' leaves the proxy running."
