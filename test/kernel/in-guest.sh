#!/bin/bash
# in-guest.sh fexit|tracepoint [SUITE...]: runs the kernel tests (or these suites of them) under this front end, as
# root, in a virtual machine (scripts/test-kernels.sh boots it; this repository is at its usual path), then sessions of
# real clients and servers. Fewer messages per row: emulation is 30 to 60 times slower at system calls.
# The last line says "N passed, N failed, N skipped"; titles of skipped tests are on "(skip) TITLE" lines.
set -uo pipefail
front_end=${1:?fexit or tracepoint}
shift
cd "$(dirname "$0")/../.." || exit

bun=build/tools/bun/package/bin/bun
[ "$(uname -m)" = x86_64 ] || bun=/usr/local/bin/bun
: "${OVERHEAR:=$PWD/dist/overhear}"
export OVERHEAR OVERHEAR_ATTACH=$front_end OVERHEAR_EMULATED=1
# Of one suite; the slowest needs some 5 minutes.
limit_seconds=600

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# bun_test NAME ARGUMENT...: one `bun test`; its totals are the last numbers before "pass", "skip" and "fail".
bun_test() {
  local name=$1 code started=$SECONDS pass fail skip
  shift
  # first, so that a guest that dies names the suite
  echo "== $name on $(uname -r) under $front_end"
  timeout -k 10 "$limit_seconds" "$bun" test "$@" >"$log" 2>&1
  code=$?
  # Once in some 40 suites one stood still before its first test, and no cause was found: said here, and tried once more.
  # One that fails, or stands still after a test, is not.
  if { [ "$code" = 124 ] || [ "$code" = 137 ]; } && ! grep -qE '^\((pass|fail)\)' "$log"; then
    echo "$name: no test ended within $limit_seconds s; once more"
    timeout -k 10 "$limit_seconds" "$bun" test "$@" >"$log" 2>&1
    code=$?
  fi
  grep -vE '^\(pass\)|^\(skip\).*filtered' "$log"
  count() { sed -nE "s/^ *([0-9]+) $1\$/\1/p" "$log" | tail -n 1; }
  pass=$(count pass) fail=$(count fail) skip=$(count skip)
  : "${pass:=0}" "${fail:=0}" "${skip:=0}"
  if [ "$code" = 124 ] || [ "$code" = 137 ]; then
    echo "(fail) $name: did not end within $limit_seconds s; the last tests that did:"
    grep -E '^\((pass|fail|skip)\)' "$log" | tail -n 3
  fi
  # A runner that died without naming a failed test has failed.
  if [ "$code" != 0 ] && [ "$fail" = 0 ]; then fail=1; fi
  echo "$name: $pass passed, $fail failed, $skip skipped in $((SECONDS - started)) s"
  passed=$((passed + pass)) failed=$((failed + fail)) skipped=$((skipped + skip))
}

run_suite() {
  case $1 in
    http) bun_test http ./test/kernel/http.test.ts ./test/kernel/http-other.test.ts ./test/kernel/http-dull.test.ts ;;
    # All kinds of programs under one overhear, and how it ends; tls.test.ts and tls-discovery.test.ts start it more often.
    tls) bun_test tls ./test/kernel/tls-pairs.test.ts ./test/kernel/tls-stop.test.ts ;;
    tls-one-by-one) bun_test tls-one-by-one ./test/kernel/tls.test.ts ;;
    matrix | tcp | tls-discovery | network | connections | loss | entries | twin | clock | connection-outcomes | hops) bun_test "$1" "./test/kernel/$1.test.ts" ;;
    # What the kernel's programs have a part in.
    noise) bun_test noise ./test/kernel/noise.test.ts -t "over pipes (a server that was set aside|what a server logs on)" ;;
    # Without the tests that no kernel can change: exit codes of commands, output files, readers that go away.
    filters) bun_test filters ./test/kernel/filters.test.ts -t " hears | hear " ;;
    lifecycle)
      bun_test "life cycle and outputs" ./test/kernel/lifecycle.test.ts ./test/kernel/outputs.test.ts \
        -t "drains|holds nobody up|leaves no program|through exec|asks for 0 bytes|pids that come again|without privilege|doctor"
      ;;
    # One conversation each; all pairs of runtimes run natively.
    sessions)
      command -v node >/dev/null || {
        echo "(skip) node and bun sessions (skipped: no node)"
        skipped=$((skipped + 1))
        return
      }
      bun_test "node and bun sessions" ./test/e2e/pairs.test.ts \
        -t "v1 client under (node and the everything server under node|bun and the everything server under bun) "
      ;;
    *)
      echo "unknown suite $1" >&2
      exit 2
      ;;
  esac
}

[ $# -gt 0 ] || set -- matrix tcp http network connections connection-outcomes hops loss entries twin clock noise filters lifecycle sessions tls
for name in "$@"; do run_suite "$name"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
