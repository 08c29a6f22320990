#!/usr/bin/env bash
# Installs the clients that the integration tests drive, at pinned versions, into .cache/clients of the repository. Running
# it again does nothing. What is missing from the machine itself (python3, node, java) is said, not installed.
#
#   tests/clients/install.sh [python] [sklearn] [django] [node] [java]      (all when none is named)
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/clients
mkdir -p "$cache"

die() { echo "install: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || die "$1 is not on this machine"; }

# once NAME VERSIONS: false when NAME is installed with these versions already.
once() { [ "$(cat "$cache/$1.done" 2>/dev/null)" != "$2" ]; }
# done_with NAME VERSIONS: notes that it is now.
done_with() { echo "$2" >"$cache/$1.done"; }

python_packages=(psycopg==3.3.9 psycopg-binary==3.3.9 sqlalchemy==2.0.58)
sklearn_packages=(scikit-learn==1.9.0)
django_packages=(django==5.2.7 psycopg==3.3.9 psycopg-binary==3.3.9)
node_packages=(pg@8.23.1 pg-cursor@2.22.0)
pgjdbc=42.7.7

install_python() {
  once python "${python_packages[*]}" || return 0
  need python3
  rm -rf "$cache/python"
  python3 -m venv "$cache/python" || die "python3 cannot make a virtual environment (python3-venv)"
  "$cache/python/bin/pip" install -q --disable-pip-version-check "${python_packages[@]}"
  done_with python "${python_packages[*]}"
}

install_sklearn() {
  once sklearn "${sklearn_packages[*]}" || return 0
  need python3
  rm -rf "$cache/sklearn"
  python3 -m venv "$cache/sklearn" || die "python3 cannot make a virtual environment (python3-venv)"
  "$cache/sklearn/bin/pip" install -q --disable-pip-version-check "${sklearn_packages[@]}"
  done_with sklearn "${sklearn_packages[*]}"
}

install_django() {
  once django "${django_packages[*]}" || return 0
  need python3
  rm -rf "$cache/django"
  python3 -m venv "$cache/django" || die "python3 cannot make a virtual environment (python3-venv)"
  "$cache/django/bin/pip" install -q --disable-pip-version-check "${django_packages[@]}"
  done_with django "${django_packages[*]}"
}

install_node() {
  once node "${node_packages[*]}" || return 0
  need node
  need npm
  rm -rf "$cache/node"
  mkdir -p "$cache/node"
  echo '{"private": true}' >"$cache/node/package.json"
  (cd "$cache/node" && npm install --silent --no-audit --no-fund --save-exact "${node_packages[@]}")
  done_with node "${node_packages[*]}"
}

install_java() {
  once java "$pgjdbc" || return 0
  need java
  need mvn
  rm -rf "$cache/java"
  mkdir -p "$cache/java"
  mvn -q -B dependency:copy -Dartifact="org.postgresql:postgresql:$pgjdbc" -DoutputDirectory="$cache/java" -Dmdep.stripVersion=true
  [ -f "$cache/java/postgresql.jar" ] || die "Maven has not brought pgjdbc $pgjdbc"
  done_with java "$pgjdbc"
}

[ $# -gt 0 ] || set -- python sklearn django node java
for name in "$@"; do
  case $name in
  python | sklearn | django | node | java) "install_$name" ;;
  *) die "no client $name; there are python, sklearn, django, node and java" ;;
  esac
done
