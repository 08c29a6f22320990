#!/usr/bin/env bash
# Builds bin/pinnacle-proxy. Its version is git's nearest tag; without one it is what the source says.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=()
version=$(git describe --tags --dirty 2>/dev/null || true)
[ -z "$version" ] || flags=(-ldflags "-X main.version=${version#v}")
exec go build -trimpath "${flags[@]}" -o bin/pinnacle-proxy ./cmd/pinnacle-proxy
