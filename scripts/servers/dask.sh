#!/usr/bin/env bash
# A Dask cluster on loopback: one scheduler and two workers, with ONNX Runtime on them. Starting one that runs does nothing.
#
#   PORT=8786 scripts/servers/dask.sh [start|stop|install]
#
# PORT      where the scheduler listens (8786)
# CACHE     where its Python environment and its files lie (.cache)
# install makes the environment and prints its directory; start prints "ready PORT PID".
set -euo pipefail

PORT=${PORT:-8786}
mkdir -p "${CACHE:-.cache}"
CACHE=$(cd "${CACHE:-.cache}" && pwd)
VENV=$CACHE/venv-dask
DIR=$CACHE/dask-$PORT

install() {
  [ -f "$VENV/complete" ] && return
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install -q --disable-pip-version-check 'dask[distributed]==2026.8.0' pyarrow==26.0.1 onnxruntime==1.31.1
  touch "$VENV/complete"
}

# alive FILE: whether the process of a pid file runs.
alive() { [ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

case ${1:-start} in
install)
  install
  echo "$VENV"
  ;;
stop)
  for name in worker-1 worker-2 scheduler; do
    if alive "$DIR/$name.pid"; then kill "$(cat "$DIR/$name.pid")"; fi
    rm -f "$DIR/$name.pid"
  done
  ;;
start)
  install
  mkdir -p "$DIR"
  if ! alive "$DIR/scheduler.pid"; then
    "$VENV/bin/dask" scheduler --host 127.0.0.1 --port "$PORT" --no-dashboard >"$DIR/scheduler.log" 2>&1 &
    echo $! >"$DIR/scheduler.pid"
  fi
  for n in 1 2; do
    if alive "$DIR/worker-$n.pid"; then continue; fi
    "$VENV/bin/dask" worker "tcp://127.0.0.1:$PORT" --host 127.0.0.1 --nthreads 1 --no-dashboard \
      --local-directory "$DIR/worker-$n" >"$DIR/worker-$n.log" 2>&1 &
    echo $! >"$DIR/worker-$n.pid"
  done
  "$VENV/bin/python" - "$PORT" <<'PY'
import sys
from distributed import Client
with Client("tcp://127.0.0.1:" + sys.argv[1], timeout="60s") as client:
    client.wait_for_workers(2, timeout=120)
PY
  echo "ready $PORT $(cat "$DIR/scheduler.pid")"
  ;;
*) echo "dask.sh: start, stop or install, not $1" >&2; exit 2 ;;
esac
