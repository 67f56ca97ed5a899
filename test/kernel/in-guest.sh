#!/bin/bash
# in-guest.sh fexit|tracepoint: runs the kernel tests under this front end, as root, in a virtual machine
# (scripts/test-kernels.sh boots it; this repository is at its usual path), then sessions of real clients and
# servers. Fewer messages per row: emulation is 30 to 60 times slower at system calls.
# The last line says "N passed, N failed, N skipped"; titles of skipped tests are on "(skip) TITLE" lines.
set -uo pipefail
front_end=${1:?fexit or tracepoint}
cd "$(dirname "$0")/../.." || exit

bun=build/tools/bun/package/bin/bun
[ "$(uname -m)" = x86_64 ] || bun=/usr/local/bin/bun
: "${OVERHEAR:=$PWD/dist/overhear}"
export OVERHEAR OVERHEAR_ATTACH=$front_end OVERHEAR_EMULATED=1

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# suite NAME ARGUMENT...: one `bun test`; its totals are the last numbers before "pass", "skip" and "fail".
suite() {
  local name=$1 code started=$SECONDS pass fail skip
  shift
  echo "== $name on $(uname -r) under $front_end"
  "$bun" test "$@" >"$log" 2>&1
  code=$?
  grep -vE '^\(pass\)|^\(skip\).*filtered' "$log"
  count() { sed -nE "s/^ *([0-9]+) $1\$/\1/p" "$log" | tail -n 1; }
  pass=$(count pass) fail=$(count fail) skip=$(count skip)
  : "${pass:=0}" "${fail:=0}" "${skip:=0}"
  # A runner that died without naming a failed test has failed.
  if [ "$code" != 0 ] && [ "$fail" = 0 ]; then fail=1; fi
  echo "$name: $pass passed, $fail failed, $skip skipped in $((SECONDS - started)) s"
  passed=$((passed + pass)) failed=$((failed + fail)) skipped=$((skipped + skip))
}

for name in matrix loss entries twin; do
  suite "$name" "./test/kernel/$name.test.ts"
done
# Without the tests that no kernel can change: exit codes of commands, output files, readers that go away.
suite filters ./test/kernel/filters.test.ts -t " hears | hear "
suite "life cycle and outputs" ./test/kernel/lifecycle.test.ts ./test/kernel/outputs.test.ts \
  -t "drains|holds nobody up|leaves no program|through exec|asks for 0 bytes|pids that come again|without privilege|doctor"
if command -v node >/dev/null; then
  # One conversation each; all pairs of runtimes run natively.
  suite "node and bun sessions" ./test/e2e/pairs.test.ts \
    -t "v1 client under (node and the everything server under node|bun and the everything server under bun) "
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
