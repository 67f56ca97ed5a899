#!/bin/bash
# demo.sh: a client by the official SDK and the official "everything" server talk; overhear, started as on any
# host, shows them live, then its summary. Ends by itself within seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
overhear=${OVERHEAR:-dist/overhear}
e2e=test/e2e
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)

said=$(mktemp)
trap 'rm -f "$said"' EXIT
"${sudo[@]}" true # asks for the password now, not in the background

echo "\$ ${sudo[*]}${sudo:+ }$overhear"
# Ends by itself even when this script is killed.
"${sudo[@]}" "$overhear" --format console --duration 30s 2>"$said" &
listener=$!
for _ in $(seq 200); do
  grep -q listening "$said" && break
  kill -0 "$listener" 2>/dev/null || break
  sleep 0.05
done
cat "$said" >&2
kill -0 "$listener" 2>/dev/null || wait "$listener"

node "$e2e/clients/demo.mjs" node "$e2e/node_modules/@modelcontextprotocol/server-everything/dist/index.js" stdio
"${sudo[@]}" kill -INT "$listener"
wait "$listener"
echo
echo "Your own MCP programs: ${sudo[*]}${sudo:+ }$overhear"
