#!/usr/bin/env bash
# A private ClickHouse on loopback, for tests: the engine of ClickHouse 26 as a Python package (chdb-core) behind the part
# of its HTTP interface that the proxy uses. Starting one that runs does nothing. It is a program beside the tests, and no
# part of the proxy. It runs one statement at a time.
#
#   PORT=8123 scripts/servers/chdb.sh [start|stop]
#
# PORT      where it listens (8123)
# CACHE     where its data lie (.cache)
# PROGRAMS  where its programs are, or are installed from the Python package index (.cache/chdb)
# It prints "ready PORT PID".
set -euo pipefail

VERSION=26.9.0
PORT=${PORT:-8123}
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)
PROGRAMS=${PROGRAMS:-$CACHE/chdb}
DIR=$CACHE/chdb-$PORT

pid() { cat "$DIR/pid" 2>/dev/null || echo 0; }
running() { [ "$(pid)" != 0 ] && kill -0 "$(pid)" 2>/dev/null && grep -qa chdb_http "/proc/$(pid)/cmdline"; }

case ${1:-start} in
stop)
  if running; then
    p=$(pid); kill "$p"
    for _ in $(seq 300); do kill -0 "$p" 2>/dev/null || exit 0; sleep 0.1; done
    echo "chdb.sh: process $p did not stop" >&2; exit 1
  fi
  ;;
start)
  if ! running; then
    mkdir -p "$DIR" "$PROGRAMS"
    (
      flock 9 # several test programs may begin at once
      [ -f "$PROGRAMS/complete-$VERSION" ] || {
        python3 -m venv "$PROGRAMS" && "$PROGRAMS/bin/pip" install -q --disable-pip-version-check --no-deps "chdb-core==$VERSION" &&
          touch "$PROGRAMS/complete-$VERSION"
      }
    ) 9>"$PROGRAMS/lock" || { echo "chdb.sh: chdb-core $VERSION cannot be installed" >&2; exit 1; }
    setsid "$PROGRAMS/bin/python" "$HERE/chdb_http.py" "$PORT" "$DIR/data" >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    for _ in $(seq 600); do
      if ! running || (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then break; fi
      sleep 0.1
    done
    running || { tail -20 "$DIR/log" >&2; exit 1; }
  fi
  echo "ready $PORT $(pid)"
  ;;
*) echo "usage: chdb.sh [start|stop]" >&2; exit 2 ;;
esac
