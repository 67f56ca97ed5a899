#!/bin/bash
# test-build.sh: builds dist/overhear again, from a copy of the sources in another place, and compares the bytes.
# The last line says "N passed, N failed, N skipped".
set -euo pipefail
cd "$(dirname "$0")/.."
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT

# What a build takes; downloads and the kernel's parts are not made again.
cp -r package.json tsconfig.json src ffi scripts "$again/"
mkdir -p "$again/build/x64"
cp build/x64/*.bpf.o build/x64/libshim.so "$again/build/x64/"
cp build/commit "$again/build/"
ln -s "$PWD/build/tools" "$again/build/tools"
ln -s "$PWD/node_modules" "$again/node_modules"
"$again/scripts/build-binary.sh" x64 dist/overhear

title='build-binary.sh gives the same bytes in another place'
if cmp dist/overhear "$again/dist/overhear"; then
  echo "(pass) $title"
  echo '1 passed, 0 failed, 0 skipped'
else
  echo "(fail) $title"
  echo '0 passed, 1 failed, 0 skipped'
  exit 1
fi
