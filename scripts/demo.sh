#!/bin/bash
# demo.sh: a client by the official SDK and the official "everything" server talk; overhear shows them live.
set -euo pipefail
cd "$(dirname "$0")/.."
e2e=test/e2e
sudo=''
[ "$(id -u)" = 0 ] || sudo=sudo

echo "+ ${sudo:+sudo }dist/overhear run -- node $e2e/clients/demo.mjs node .../server-everything stdio"
$sudo dist/overhear run --format console -- node "$e2e/clients/demo.mjs" \
  node "$e2e/node_modules/@modelcontextprotocol/server-everything/dist/index.js" stdio
echo
echo "Your own MCP programs: ${sudo:+sudo }dist/overhear"
