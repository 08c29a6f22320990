#!/usr/bin/env bash
# Runs every fuzz target for a while, one after another; the first that fails ends it, and go names the input it wrote.
#
#   TIME=10s scripts/fuzz.sh [package ...]     (all packages when none is named)
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- ./...

count=0
for package in $(go list "$@"); do
  directory=$(go list -f '{{.Dir}}' "$package")
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$directory"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u); do
    echo "=== $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${TIME:-10s}" "$package"
    count=$((count + 1))
  done
done
echo "$count fuzz targets ran for ${TIME:-10s} each; nothing found"
