#!/bin/bash
# test-arm64.sh: runs the arm64 build's --version and doctor by qemu-user, which has no BPF: what must work is
# the start, the shim out of its memfd, and a doctor that says what is missing. Ends with the totals.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

overhear() {
  timeout 60 qemu-aarch64-static -L /usr/aarch64-linux-gnu dist/overhear-linux-arm64 "$@" \
    >"$work/out" 2>"$work/err"
}

# expect TITLE WANTED: passes when the last output holds a match of WANTED and no stack trace.
expect() {
  if grep -qE "$2" "$work/out" && ! grep -qE '^ +at .*[:/]' "$work/out" "$work/err"; then
    passed=$((passed + 1))
    echo "(pass) $1"
  else
    failed=$((failed + 1))
    echo "(fail) $1: no \"$2\" in:"
    cat "$work/out" "$work/err"
  fi
}

overhear --version
expect "overhear-linux-arm64 --version names the version" '^overhear [0-9]+\.[0-9]+\.[0-9]+'
overhear doctor --json
expect "overhear-linux-arm64 doctor --json reports the architecture it runs on" 'arm64|aarch64'
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
