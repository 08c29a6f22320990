#!/usr/bin/env bash
# A private MariaDB on loopback, for tests. Starting one that runs does nothing. The user root has no password.
#
#   PORT=3307 scripts/servers/mariadb.sh [start|stop]
#
# PORT      where it listens (3307)
# CACHE     where its data lie (.cache)
# SETTINGS  more options of the server: "--name=value --name=value"
# It prints "ready PORT PID". The data are scratch: the log is not synced at each commit.
set -euo pipefail

PORT=${PORT:-3307} SETTINGS=${SETTINGS:-}
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)
DIR=$CACHE/mariadb-$PORT
SERVER=$(command -v mariadbd || command -v mysqld || true)

pid() { cat "$DIR/pid" 2>/dev/null || echo 0; }
running() { [ "$(pid)" != 0 ] && [[ "$(readlink "/proc/$(pid)/exe" 2>/dev/null)" == */m*d ]]; }

case ${1:-start} in
stop)
  if running; then
    p=$(pid); kill "$p"
    for _ in $(seq 300); do kill -0 "$p" 2>/dev/null || exit 0; sleep 0.1; done
    echo "mariadb.sh: process $p did not stop" >&2; exit 1
  fi
  ;;
start)
  [ -n "$SERVER" ] || { echo "mariadb.sh: no MariaDB server found; install the Debian package mariadb-server" >&2; exit 1; }
  if ! running; then
    mkdir -p "$DIR"
    if [ ! -d "$DIR/data/mysql" ]; then
      mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$DIR/data" --auth-root-authentication-method=normal \
        --skip-test-db >"$DIR/install.log" 2>&1 || { tail -20 "$DIR/install.log" >&2; exit 1; }
    fi
    # shellcheck disable=SC2086 # SETTINGS are several words
    setsid "$SERVER" --no-defaults --user="$(id -un)" --datadir="$DIR/data" --port="$PORT" --bind-address=127.0.0.1 \
      --socket="$DIR/sock" --pid-file="$DIR/pid" --innodb-buffer-pool-size=64M --max-allowed-packet=64M --skip-log-bin \
      --innodb-flush-log-at-trx-commit=0 $SETTINGS >"$DIR/log" 2>&1 </dev/null &
    for _ in $(seq 300); do
      if running && mariadb-admin --no-defaults -h127.0.0.1 -P"$PORT" -uroot ping >/dev/null 2>&1; then break; fi
      sleep 0.1
    done
    running || { tail -20 "$DIR/log" >&2; exit 1; }
  fi
  echo "ready $PORT $(pid)"
  ;;
*) echo "usage: mariadb.sh [start|stop]" >&2; exit 2 ;;
esac
