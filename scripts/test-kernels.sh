#!/bin/bash
# test-kernels.sh [NAME[/ARCH]:FRONT_END...]: runs test/kernel/in-guest.sh in a guest of each Debian kernel, under
# each front end that kernel is to work with, two guests at a time. Writes build/kernels.json and the table
# build/kernels.md; logs are in build/kernels. Ends with the totals.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

runs=("$@")
[ $# -gt 0 ] || runs=(
  5.10:fexit 6.1:fexit 6.12:fexit latest:fexit
  5.10:tracepoint 6.12:tracepoint
  6.1/arm64:tracepoint
  6.12/arm64:fexit 6.12/arm64:tracepoint
)
logs=build/kernels
rm -rf "$logs"
mkdir -p "$logs"
# Copies, so that a build meanwhile does not change what the guests run.
cp dist/overhear dist/overhear-linux-arm64 "$logs"/

# run_one RUN: boots the guest; the log's last lines are the totals, the exit code and the seconds taken.
run_one() {
  local kernel=${1%:*} front_end=${1##*:} log=$logs/${1//[\/:]/-}.log binary=$logs/overhear
  case $kernel in */arm64) binary=$logs/overhear-linux-arm64 ;; esac
  test/vm/run-in-kernel -t 1800 "$kernel" -- env "OVERHEAR=$PWD/$binary" \
    bash test/kernel/in-guest.sh "$front_end" >"$log" 2>&1
  echo "exit $? after $SECONDS s" >>"$log"
}

# The downloads first: they share one lock.
printf '%s\n' "${runs[@]%:*}" | sort -u | xargs test/vm/get-kernel || exit 1
for run in "${runs[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  (SECONDS=0; run_one "$run") &
done
wait

passed=0 failed=0 skipped=0 separator=''
json=build/kernels.json table=build/kernels.md
echo '[' >"$json"
printf '| kernel | architecture | front end | passed | failed | skipped |\n|---|---|---|---|---|---|\n' >"$table"
for run in "${runs[@]}"; do
  kernel=${run%:*} front_end=${run##*:} arch=amd64 log=$logs/${run//[\/:]/-}.log
  case $kernel in */arm64) arch=arm64 ;; esac
  release=$(cat "build/vm/kernels/${kernel%/*}-$arch/version")
  arch=${arch/amd64/x64}
  read -r p f s < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log" | tail -1)
  read -r _ code _ seconds _ < <(tail -1 "$log")
  : "${p:=0}" "${f:=0}" "${s:=0}"
  # A guest that died, or said nothing, has failed even when nothing was counted.
  [ "$code" = 0 ] || [ "$f" -gt 0 ] || f=1
  printf '%-18s %-11s %3d passed, %d failed, %d skipped  (%s, %s s)\n' "$kernel" "$front_end" "$p" "$f" "$s" "$release" "$seconds"
  [ "$f" = 0 ] || tail -30 "$log" | sed 's/^/    /'
  printf '%s  {"kernel":"%s","release":"%s","arch":"%s","frontEnd":"%s","passed":%d,"failed":%d,"skipped":%d,"seconds":%d}' \
    "$separator" "${kernel%/*}" "$release" "$arch" "$front_end" "$p" "$f" "$s" "$seconds" >>"$json"
  separator=$',\n'
  echo "| $release | $arch | $front_end | $p | $f | $s |" >>"$table"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  unset p f s
done
printf '\n]\n' >>"$json"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
