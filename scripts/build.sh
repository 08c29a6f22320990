#!/usr/bin/env bash
# Builds bin/pinnacle-proxy, with the version that git gives.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)
exec go build -trimpath -ldflags "-X main.version=$version" -o bin/pinnacle-proxy ./cmd/pinnacle-proxy
