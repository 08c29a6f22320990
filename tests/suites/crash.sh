#!/usr/bin/env bash
# kill -9 at every statement of every change of a component, and 200 times at random.
set -euo pipefail
cd "$(dirname "$0")/../.."
CRASH_POINTS=0 CRASH_RUNS=200 scripts/test.sh crash
