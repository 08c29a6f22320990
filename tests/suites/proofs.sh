#!/usr/bin/env bash
# The whole of what goes down to the SQL databackends, entry by entry, beside PostgreSQL.
set -euo pipefail
cd "$(dirname "$0")/../.."
PROOF_ENTRIES=1000000 scripts/test.sh proofs
