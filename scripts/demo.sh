#!/bin/bash
# demo.sh: a client by the official SDK and the official "everything" server talk, over stdio, then over HTTP, where
# curl says hello, too; overhear, started as on any host, shows them live, then its summary. Ends by itself within
# seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
overhear=${OVERHEAR:-dist/overhear}
e2e=test/e2e
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)

said=$(mktemp) served=$(mktemp) server=''
# shellcheck disable=SC2317 # run by the trap
clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -f "$said" "$served"
}
trap clean_up EXIT
"${sudo[@]}" true # asks for the password now, not in the background

echo "\$ ${sudo[*]}${sudo:+ }$overhear"
# Ends by itself even when this script is killed.
"${sudo[@]}" "$overhear" --format console --duration 30s 2>"$said" &
listener=$!
# until_listening FILE PID: until the file says so, or the process is gone.
until_listening() {
  for _ in $(seq 200); do
    grep -q listening "$1" && break
    kill -0 "$2" 2>/dev/null || break
    sleep 0.05
  done
}
until_listening "$said" "$listener"
cat "$said" >&2
kill -0 "$listener" 2>/dev/null || wait "$listener"

everything=$e2e/node_modules/@modelcontextprotocol/server-everything/dist/index.js
node "$e2e/clients/demo.mjs" node "$everything" stdio

port=$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
PORT=$port node "$everything" streamableHttp >"$served" 2>&1 &
server=$!
until_listening "$served" "$server"
node "$e2e/clients/demo.mjs" "http://127.0.0.1:$port/mcp"
curl -sS -o /dev/null "http://127.0.0.1:$port/mcp" -H 'Content-Type: application/json' \
  -H 'Accept: application/json, text/event-stream' -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":
  {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}'

"${sudo[@]}" kill -INT "$listener"
wait "$listener"
echo
echo "Your own MCP programs: ${sudo[*]}${sudo:+ }$overhear"
