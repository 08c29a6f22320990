#!/usr/bin/env bash
# Installs what a target needs and is missing, and says what it does. Running it again does nothing.
#
#   scripts/install.sh demo|test|bench ...
#
# Debian packages come through apt-get, as root or with sudo where it asks no password; Python packages through pip, and
# Go modules through go, as they are set up on the machine. Everything but Debian packages lands in .cache.
set -euo pipefail
cd "$(dirname "$0")/.."

ONNXRUNTIME=1.31.1
say() { echo "install: $*"; }
die() { echo "install: $*" >&2; exit 1; }

# debian COMMAND PACKAGE...: the packages, when the command is not on the machine.
debian() {
  local command=$1; shift
  command -v "$command" >/dev/null || [ -x "/usr/sbin/$command" ] || debian_install "$command is missing" "$@"
}

debian_install() {
  local reason=$1 root=(); shift
  command -v apt-get >/dev/null || die "$reason, and there is no apt-get here; install: $*"
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "$reason; as root, run: apt-get install $*"
    root=(sudo -n)
  fi
  say "$reason; apt-get install $*"
  # A database that is installed for its programs starts no service.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod +x $policy
    made=yes
  fi
  local outcome=0
  { "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
    >.cache/apt.log 2>&1 || outcome=$?
  [ -z "$made" ] || "${root[@]}" rm -f $policy
  [ $outcome = 0 ] || { tail -20 .cache/apt.log >&2; die "apt-get failed"; }
}

# server_found tells whether the programs of a PostgreSQL server are on the machine.
server_found() { compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null; }

need_go() {
  command -v go >/dev/null || die "Go is missing; version $(sed -n 's/^go //p' go.mod) or newer is needed"
  command -v gcc >/dev/null || debian_install "the C compiler that cgo needs is missing" gcc g++ libc6-dev make
}

need_psql() { debian psql postgresql-client; }

need_server() {
  server_found || debian_install "a PostgreSQL server is missing" postgresql postgresql-contrib
  debian pgbench postgresql-contrib
}

need_pip() {
  command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null ||
    debian_install "Python 3 with pip and venv is missing" python3 python3-pip python3-venv
}

# need_onnxruntime takes the shared library out of the Python package; no Python code of it is installed.
need_onnxruntime() {
  local dir=.cache/onnxruntime file=libonnxruntime.so.$ONNXRUNTIME
  [ ! -f "$dir/$file" ] || return 0
  need_pip
  say "ONNX Runtime $ONNXRUNTIME: the shared library of the Python package, into $dir"
  rm -rf "$dir" && mkdir -p "$dir/wheel"
  python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version=3.11 \
    -d "$dir/wheel" "onnxruntime==$ONNXRUNTIME"
  python3 - "$dir" "$file" <<'PY'
import pathlib, sys, zipfile
directory, name = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = (directory / "wheel").glob("*.whl")
(directory / "part").write_bytes(zipfile.ZipFile(wheel).read(f"onnxruntime/capi/{name}"))
(directory / "part").rename(directory / name)
(directory / "libonnxruntime.so").symlink_to(name)
PY
  rm -rf "$dir/wheel"
}

# need_data FILE...: the example data; examples/data.py says what there is.
need_data() {
  local file
  for file in "$@"; do
    [ -f ".cache/data/$file" ] || { need_pip; say "the example data, into .cache/data"; break; }
  done
  python3 examples/data.py .cache/data "$@"
}

# need_clients brings the clients that the integration tests drive, with what they run on.
need_clients() {
  need_pip
  debian node nodejs npm
  debian npm npm
  debian java default-jdk-headless
  debian javac default-jdk-headless
  debian mvn maven
  tests/clients/install.sh
}

tables="flights.csv airports.csv breast_cancer.csv"
mkdir -p .cache
[ $# -gt 0 ] || { echo "usage: install.sh demo|test|bench ..." >&2; exit 2; }
for target in "$@"; do
  case $target in
  demo) need_go; need_psql; need_onnxruntime; need_data $tables minilm.zip ;;
  test) need_go; need_psql; need_server; need_onnxruntime; need_data $tables; need_clients ;;
  bench) need_go; need_psql; need_server; need_onnxruntime; need_data $tables; debian pgbouncer pgbouncer ;;
  *) die "unknown target $target; one of demo, test, bench" ;;
  esac
done
