#!/bin/sh
# Three attempts at one task, each in a sandbox of its own over the same project. Usage: several-at-once.sh COMMAND [ARG…]
set -eu

for attempt in 1 2 3; do
  airlock run --name "attempt-$attempt" --on-exit keep -- "$@" >"attempt-$attempt.log" 2>&1 </dev/null &
done
wait

airlock ls
echo "look at one:  airlock diff --session ID"
echo "throw away:   airlock discard ID"
