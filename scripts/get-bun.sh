#!/bin/bash
# get-bun.sh PLATFORM: fetches the pinned Bun for PLATFORM (linux-x64, linux-aarch64) from npm once,
# checks it against its pinned integrity hash, and prints the path of the program.
# A new version: change `version`, and the hashes to what `npm view @oven/bun-PLATFORM@VERSION
# dist.integrity` says.
set -euo pipefail
repo_root=$(cd "$(dirname "$0")/.." && pwd)
version=1.4.5
case $1 in
  linux-x64)
    dir=$repo_root/build/tools/bun
    integrity=IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==
    ;;
  linux-aarch64)
    dir=$repo_root/build/tools/bun-$1
    integrity=4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==
    ;;
  *) echo "get-bun.sh: unknown platform \"$1\": want linux-x64 or linux-aarch64" >&2; exit 2 ;;
esac

program=$dir/package/bin/bun
if ! grep -qs "\"version\": \"$version\"" "$dir/package/package.json" || [ ! -x "$program" ]; then
  echo "  BUN      $version $1" >&2
  rm -rf "$dir"
  mkdir -p "$dir"
  archive=$dir/$(npm pack --silent --pack-destination "$dir" "@oven/bun-$1@$version")
  found=$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)
  [ "$found" = "$integrity" ] || {
    echo "Cannot trust \"@oven/bun-$1@$version\": its sha512 is $found, wanted $integrity" >&2
    exit 1
  }
  tar -xzf "$archive" -C "$dir"
  rm "$archive"
  chmod +x "$program"
fi
echo "$program"
