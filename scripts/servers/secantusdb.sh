#!/usr/bin/env bash
# A private SecantusDB on loopback, for tests: it speaks MongoDB's protocol, with transactions and GridFS, as a replica
# set of one. Starting one that runs does nothing. It is a program beside the tests (GPL), and no part of the proxy.
#
#   PORT=27217 scripts/servers/secantusdb.sh [start|stop]
#
# PORT      where it listens (27217)
# CACHE     where its data lie (.cache)
# PROGRAMS  where its programs are, or are installed from the Python package index (.cache/secantusdb)
# It prints "ready PORT PID".
set -euo pipefail

VERSION=0.7.0b3
PORT=${PORT:-27217}
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)
PROGRAMS=${PROGRAMS:-$CACHE/secantusdb}
DIR=$CACHE/secantusdb-$PORT

pid() { cat "$DIR/pid" 2>/dev/null || echo 0; }
running() { [ "$(pid)" != 0 ] && kill -0 "$(pid)" 2>/dev/null && grep -qa secantusd "/proc/$(pid)/cmdline"; }

case ${1:-start} in
stop)
  if running; then
    p=$(pid); kill "$p"
    for _ in $(seq 300); do kill -0 "$p" 2>/dev/null || exit 0; sleep 0.1; done
    echo "secantusdb.sh: process $p did not stop" >&2; exit 1
  fi
  ;;
start)
  if ! running; then
    mkdir -p "$DIR" "$PROGRAMS"
    (
      flock 9 # several test programs may begin at once
      [ -f "$PROGRAMS/complete-$VERSION" ] || {
        python3 -m venv "$PROGRAMS" && "$PROGRAMS/bin/pip" install -q --disable-pip-version-check "SecantusDB==$VERSION" &&
          touch "$PROGRAMS/complete-$VERSION"
      }
    ) 9>"$PROGRAMS/lock" || { echo "secantusdb.sh: SecantusDB $VERSION cannot be installed" >&2; exit 1; }
    setsid "$PROGRAMS/bin/secantusd-py" --host 127.0.0.1 --port "$PORT" --storage-path "$DIR/data" --log-level WARNING \
      >"$DIR/log" 2>&1 </dev/null &
    echo $! >"$DIR/pid"
    for _ in $(seq 400); do
      if ! running || (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then break; fi
      sleep 0.1
    done
    running || { tail -20 "$DIR/log" >&2; exit 1; }
  fi
  echo "ready $PORT $(pid)"
  ;;
*) echo "usage: secantusdb.sh [start|stop]" >&2; exit 2 ;;
esac
