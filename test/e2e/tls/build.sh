#!/bin/bash
# build.sh: builds the programs of these tests into build/test/tls, those that are older than their sources.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=test/e2e/tls out=$PWD/build/test/tls
mkdir -p "$out"

# is_old FILE SOURCE...: whether FILE is to be built.
is_old() {
  [ -e "$1" ] || return 0
  local source
  for source in "${@:2}"; do [ ! "$source" -nt "$1" ] || return 0; done
  return 1
}

# go_program NAME LDFLAGS: Go's linker leaves its own table of functions in both.
go_program() {
  is_old "$out/$1" $here/go/*.go $here/go/go.mod || return 0
  echo "  GO       build/test/tls/$1"
  (cd $here/go && GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0 go build -trimpath -ldflags "$2" -o "$out/$1" .)
}

go_program mcp-go ''
go_program mcp-go-stripped '-s -w'

if is_old "$out/curl-gnutls" $here/curl-gnutls.c; then
  echo "  CC       build/test/tls/curl-gnutls"
  gcc -O2 -Wall -Wextra -o "$out/curl-gnutls" $here/curl-gnutls.c -l:libcurl-gnutls.so.4
fi
if is_old "$out/deaf" $here/deaf.c; then
  echo "  CC       build/test/tls/deaf"
  gcc -O2 -Wall -Wextra -s -pthread -o "$out/deaf" $here/deaf.c -l:libssl.a -l:libcrypto.a -ldl
fi
if is_old "$out/mcp-bun" $here/clients/compiled.mjs test/e2e/clients/*.mjs test/e2e/http/record.mjs test/e2e/bun.lock; then
  echo "  BUN      build/test/tls/mcp-bun"
  bun=$(scripts/get-bun.sh linux-x64)
  "$bun" build --compile $here/clients/compiled.mjs --outfile "$out/mcp-bun" >/dev/null
fi
