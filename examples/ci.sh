#!/bin/sh
# An agent step in CI. The sandbox never writes the checkout; the change set is kept as a patch, which a person looks at.
# Usage: ci.sh COMMAND [ARG…]
set -eu

summary=$(mktemp)
trap 'rm -f "$summary"' EXIT

code=0
airlock run --on-exit keep --timeout 30m --summary "$summary" -- "$@" </dev/null || code=$?
if [ ! -s "$summary" ]; then
  echo "the sandbox did not start" >&2
  exit "$code"
fi

session=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1], "utf8")).session' "$summary")
airlock diff --session "$session" --stat
airlock diff --session "$session" --json >changes.json
airlock diff --session "$session" --patch >changes.patch
airlock discard "$session"
exit "$code"
