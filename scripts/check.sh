#!/bin/bash
# check.sh: lint and types of TypeScript, formatting of C, lint of shell, and generated files that differ
# from what their generators write today. Needs no privilege; changes nothing but the generated files.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
failed=0
step() {
  local name=$1 log
  shift
  printf '  CHECK    %s\n' "$name"
  [ "${V:-}" != 1 ] || echo "$*"
  log=$("$@" 2>&1) || { echo "$log"; failed=1; }
}

mapfile -t c_files < <(git ls-files 'bpf/*.[ch]' 'ffi/*.[ch]')
mapfile -t shell_files < <(git ls-files 'scripts/*.sh' 'test/*.sh' .ci/run test/vm | while read -r file; do
  head -1 "$file" | grep -qE '^#!/bin/(ba)?sh|^# shellcheck shell' && echo "$file"
done)

# shellcheck disable=SC2317 # called through step
generated() {
  make -s --no-print-directory generate || return 1
  git --no-pager diff --exit-code --stat -- docs/cli.md docs/overhear.1 || {
    echo 'These generated files differ from the committed ones; they are now as they should be.'
    return 1
  }
}

step biome node_modules/.bin/biome check src ffi test scripts package.json tsconfig.json biome.json
step tsc node_modules/.bin/tsc -p .
step clang-format clang-format-19 --dry-run --Werror --ferror-limit=1 "${c_files[@]}"
step shellcheck shellcheck -x "${shell_files[@]}"
step generated generated
exit "$failed"
