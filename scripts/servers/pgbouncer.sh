#!/usr/bin/env bash
# PgBouncer on loopback before a PostgreSQL on loopback: what the benchmark compares the proxy with.
#
#   PORT=6543 MODE=session BACKEND_PORT=5518 scripts/servers/pgbouncer.sh [start|stop]
#
# PORT          where it listens (6543)
# BACKEND_PORT  the PostgreSQL behind; it must trust loopback (5518)
# MODE          session (default) or transaction
# CACHE         where its files lie (.cache); as root, a directory under /tmp when the user postgres cannot reach CACHE
# It prints "ready PORT PID". As root it runs as the user postgres, for PgBouncer refuses root.
set -euo pipefail

PORT=${PORT:-6543} MODE=${MODE:-session} BACKEND_PORT=${BACKEND_PORT:-5518}
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)
BIN=$(command -v pgbouncer || echo /usr/sbin/pgbouncer)

as_server() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups env -C / HOME=/tmp "$@"; else "$@"; fi
}

if [ "$(id -u)" = 0 ]; then
  as_server test -x "$CACHE" || { CACHE=/tmp/pinnacle-test-postgres && mkdir -p "$CACHE"; }
fi
DIR=$CACHE/pgbouncer-$PORT
pid() { cat "$DIR/pid" 2>/dev/null || echo 0; }
running() { [ "$(pid)" != 0 ] && [ "$(cat "/proc/$(pid)/comm" 2>/dev/null)" = pgbouncer ]; }

case ${1:-start} in
stop)
  if running; then
    p=$(pid); kill -INT "$p"
    for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || exit 0; sleep 0.1; done
    echo "pgbouncer.sh: process $p did not stop" >&2; exit 1
  fi
  ;;
start)
  [ -x "$BIN" ] || { echo "pgbouncer.sh: PgBouncer is not installed; install the Debian package pgbouncer" >&2; exit 1; }
  if ! running; then
    mkdir -p "$DIR"
    echo '"postgres" ""' >"$DIR/users"
    cat >"$DIR/ini" <<INI
[databases]
* = host=127.0.0.1 port=$BACKEND_PORT
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PORT
unix_socket_dir =
auth_type = trust
auth_file = $DIR/users
pool_mode = $MODE
default_pool_size = 64
max_client_conn = 2000
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
logfile = $DIR/log
pidfile = $DIR/pid
INI
    [ "$(id -u)" != 0 ] || chown -R postgres: "$DIR"
    as_server "$BIN" -q -d "$DIR/ini"
    for _ in $(seq 100); do
      if running && (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then break; fi
      sleep 0.05
    done
    running || { tail -20 "$DIR/log" >&2; exit 1; }
  fi
  echo "ready $PORT $(pid)"
  ;;
*) echo "usage: pgbouncer.sh [start|stop]" >&2; exit 2 ;;
esac
