#!/usr/bin/env bash
# PostgreSQL's own regression suite, directly and through the proxy; the results have to be the same. Its files come from the
# Debian source package of the server that is installed, through the apt sources of this machine.
. "$(dirname "$0")/lab.bash"

major=$(ls /usr/lib/postgresql | sort -V | tail -1)
lib=/usr/lib/postgresql/$major/lib
runner=$lib/pgxs/src/test/regress/pg_regress
[ -x "$runner" ] || { echo "$runner is not on this machine; it is in the Debian package postgresql-$major or postgresql-server-dev-$major" >&2; exit 1; }
version=$(dpkg-query -W -f '${Version}' "postgresql-$major")

# The source, once: this machine's sources as deb-src, with lists of their own so that the machine's stay as they are.
cache=$ROOT/.cache/suites/postgresql-$version
if [ ! -f "$cache/complete" ]; then
  rm -rf "$cache"
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/parts"
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -f "$list" ]; then sed -n 's/^deb /deb-src /p' "$list"; fi
  done >"$cache/apt/sources.list"
  for list in /etc/apt/sources.list.d/*.sources; do
    if [ -f "$list" ]; then sed 's/^Types:.*/Types: deb-src/' "$list" >"$cache/apt/parts/$(basename "$list")"; fi
  done
  options=(-o "Dir::Etc::sourcelist=$cache/apt/sources.list" -o "Dir::Etc::sourceparts=$cache/apt/parts" -o "Dir::State::lists=$cache/apt/lists"
    -o "Dir::Cache=$cache/apt" -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=0)
  apt-get "${options[@]}" -qq update >"$cache/apt/log" 2>&1 || { tail -5 "$cache/apt/log" >&2; exit 1; }
  (cd "$cache" && apt-get "${options[@]}" -qq --download-only source "postgresql-$major=$version") >"$cache/apt/log" 2>&1 ||
    { tail -5 "$cache/apt/log" >&2; exit 1; }
  mkdir "$cache/source"
  tar xf "$cache"/postgresql-"$major"_*.orig.tar.* -C "$cache/source" --strip-components=1
  # Only headers and one shared object are built; what the server was built with beyond that does not matter to them.
  (
    cd "$cache/source"
    ./configure --without-readline --without-zlib --quiet
    make -s -C src/backend generated-headers
    cc -O1 -fPIC -shared -Isrc/include -Isrc/port -o src/test/regress/regress.so src/test/regress/regress.c
  ) >"$cache/build.log" 2>&1 || { tail -20 "$cache/build.log" >&2; exit 1; }
  rm -rf "$cache/apt"
  touch "$cache/complete"
fi

start_lab

# run_suite PORT OUT: "test result" lines into OUT. The server reads and writes files of the suite, so these lie where its user
# can reach them.
run_suite() {
  local port=$1 out=$2 dir
  export PGPORT=$port
  dir=$(work "regress-$port")
  cp -r "$cache/source/src/test/regress" "$dir/input"
  mkdir -p "$dir/lib" "$dir/output"
  cp "$cache/source/src/test/regress/regress.so" "$lib/autoinc.so" "$lib/refint.so" "$dir/lib"
  chmod -R a+rwX "$dir"
  psql -Xqd postgres <<'S'
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression;
CREATE DATABASE regression TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
ALTER DATABASE regression SET lc_messages = 'C';
ALTER DATABASE regression SET lc_monetary = 'C';
ALTER DATABASE regression SET lc_numeric = 'C';
ALTER DATABASE regression SET lc_time = 'C';
ALTER DATABASE regression SET bytea_output = 'hex';
ALTER DATABASE regression SET timezone_abbreviations = 'Default';
S
  (cd "$dir/output" && umask 000 && "$runner" --use-existing --dbname=regression --host=127.0.0.1 --port="$port" --user=postgres --inputdir="$dir/input" \
    --outputdir="$dir/output" --dlpath="$dir/lib" --bindir="/usr/lib/postgresql/$major/bin" --max-concurrent-tests=20 \
    --schedule="$dir/input/parallel_schedule" >"$dir/log" 2>&1) || true
  sed -nE 's/^(test)? +([a-z0-9_.]+) +\.\.\. (ok|FAILED).*/\2 \3/p' "$dir/log" >"$out"
  if grep -q FAILED "$out" && [ -f "$dir/output/regression.diffs" ]; then head -c 20000 "$dir/output/regression.diffs"; fi
  psql -Xqd postgres -c 'DROP DATABASE regression' >/dev/null
  # Roles and tablespaces that the suite leaves behind would be in the way of its second run.
  psql -XAtd postgres -c "SELECT format('DROP TABLESPACE %I', spcname) FROM pg_tablespace WHERE spcname LIKE 'regress%'" \
    -c "SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname LIKE 'regress%'" | psql -Xqd postgres >/dev/null 2>&1 || true
}

dir=$(work regress)
run_suite "$DIRECT_PORT" "$dir/direct"
run_suite "$PROXY_PORT" "$dir/proxy"
outcome "$dir/direct" "$dir/proxy"
