# Sourced by the suites: a PostgreSQL of their own, a proxy before it in the mode --databackend, and both gone at exit.
#
#   start_lab              sets DIRECT_PORT and PROXY_PORT; user postgres, password $PGPASSWORD, on 127.0.0.1
#                          PINNACLE_BIN names another proxy than bin/pinnacle-proxy
#   work NAME              makes and prints a scratch directory that the server's own user can read
#   outcome DIRECT PROXY   compares two files of lines "name result", prints what differs, and fails if anything that is
#                          ok directly is not ok through the proxy
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
export PGPASSWORD=suites-only PGHOST=127.0.0.1 PGUSER=postgres PGSSLMODE=disable PGDATABASE=postgres
unset PGSERVICE PGPASSFILE PGOPTIONS

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# A directory outside of the repository, as the server runs as another user when we are root.
LAB=$(mktemp -d /tmp/pinnacle-suite-XXXXXX)
chmod 755 "$LAB"
proxy_pid=

stop_lab() {
  local status=$?
  if [ -n "$proxy_pid" ] && kill "$proxy_pid" 2>/dev/null; then
    wait "$proxy_pid" || true
  fi
  [ -z "${DIRECT_PORT:-}" ] || CACHE=$LAB PORT=$DIRECT_PORT "$ROOT/scripts/servers/postgres.sh" stop || true
  if [ "$status" != 0 ] && [ -f "$LAB/proxy.log" ]; then
    echo "--- the proxy's log ends with"
    tail -20 "$LAB/proxy.log"
  fi
  [ "${KEEP:-}" = 1 ] || rm -rf "$LAB"
  return "$status"
}
trap stop_lab EXIT

start_lab() {
  DIRECT_PORT=$(free_port)
  CACHE=$LAB PORT=$DIRECT_PORT AUTH=scram-sha-256 PASSWORD=$PGPASSWORD "$ROOT/scripts/servers/postgres.sh" start
  PROXY_PORT=$(free_port)
  env -u PINNACLE_BIN "${PINNACLE_BIN:-$ROOT/bin/pinnacle-proxy}" serve --listen "127.0.0.1:$PROXY_PORT" --data-dir "$LAB/proxy" \
    --databackend "postgres://$PGUSER:$PGPASSWORD@127.0.0.1:$DIRECT_PORT/postgres?sslmode=disable" >"$LAB/proxy.log" 2>&1 &
  proxy_pid=$!
  local i
  for i in $(seq 300); do
    if PGPORT=$PROXY_PORT psql -Xqc 'SELECT 1' >/dev/null 2>&1; then return 0; fi
    kill -0 "$proxy_pid" 2>/dev/null || { echo "the proxy ended at start" >&2; return 1; }
    sleep 0.1
  done
  echo "the proxy is not ready" >&2
  return 1
}

work() {
  mkdir -p "$LAB/$1"
  chmod 777 "$LAB/$1"
  echo "$LAB/$1"
}

outcome() {
  python3 - "$1" "$2" <<'P'
import collections, sys

direct, proxy = (dict(line.rsplit(" ", 1) for line in open(path).read().splitlines()) for path in sys.argv[1:3])
for name, results in (("direct", direct), ("through the proxy", proxy)):
    counts = collections.Counter(results.values())
    print(f"{name}: " + ", ".join(f"{counts[k]} {k}" for k in sorted(counts)))
worse = 0
for test in sorted(direct.keys() | proxy.keys()):
    a, b = direct.get(test, "missing"), proxy.get(test, "missing")
    if a != b:
        print(f"differs: {test}: {a} directly, {b} through the proxy")
        worse += a == "ok"
good = sum(1 for r in proxy.values() if r == "ok")
print(f"{good} passed, {worse} failed")
sys.exit(1 if worse or not good else 0)
P
}
