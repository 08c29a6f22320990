#!/usr/bin/env bash
# pgbench through the proxy in its three modes with 8 clients: every transaction has to succeed.
#   TIME  seconds a mode (10)
. "$(dirname "$0")/lab.bash"
command -v pgbench >/dev/null || { echo "pgbench is not on this machine" >&2; exit 1; }
start_lab
export PGPORT=$PROXY_PORT
pgbench -q -i -s 2 postgres 2>&1 | tail -1
failed=0 passed=0
for script in tpcb-like select-only simple-update; do
  for mode in simple extended prepared; do
    out=$(pgbench -n -b $script -M $mode -c 8 -j 2 -T "${TIME:-10}" postgres 2>&1) && status=0 || status=$?
    failures=$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' <<<"$out")
    done_=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$out")
    echo "$script, $mode: ${done_:-0} transactions, ${failures:-?} failed, $(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$out") tps"
    if [ "$status" = 0 ] && [ "${failures:-1}" = 0 ] && [ "${done_:-0}" -gt 0 ] && ! grep -qiE '(error|FATAL):' <<<"$out"; then
      passed=$((passed + 1))
    else
      echo "$out"
      failed=$((failed + 1))
    fi
  done
done
sum=$(psql -XAtc 'SELECT (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches)')
[ "$sum" = t ] || { echo "the balances do not add up"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
