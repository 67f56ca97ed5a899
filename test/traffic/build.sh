#!/bin/sh
# Builds build/test/traffic, traffic32 (a 32-bit one) and traffic-arm64, each where its compiler is there.
# Debian packages: gcc, libc6-dev; libc6-dev-i386 and lib32gcc-12-dev; gcc-aarch64-linux-gnu and libc6-dev-arm64-cross.
set -eu
cd "$(dirname "$0")"
out=../../build/test
mkdir -p "$out"
sources="traffic.c talk.c http.c channel.c calls.c uring.c truth.c text.c"
flags="-std=gnu11 -O2 -g0 -static -pthread -Wall -Wextra -Wno-missing-field-initializers -Werror -D_FILE_OFFSET_BITS=64"

build() { # NAME COMPILER [FLAG...]
  name=$1; shift
  # shellcheck disable=SC2012 # names of ours
  newest=$(ls -t "$out/$name" ./*.c ./*.h build.sh 2>/dev/null | head -n 1)
  if [ "$newest" = "$out/$name" ]; then return; fi
  if ! echo 'int main(void) { return 0; }' | "$@" -static -x c -o "$out/.probe" - 2>/dev/null; then
    echo "  SKIP     $name (no compiler or no static C library for it)"
    return
  fi
  rm -f "$out/.probe"
  echo "  CC       $name"
  case $name in shift*) files=shift.c ;; rush*) files=rush.c ;; *) files=$sources ;; esac
  # shellcheck disable=SC2086
  "$@" $flags $files -o "$out/$name"
}

build traffic gcc
# Debian keeps the kernel headers of both word sizes under the 64-bit name.
build traffic32 gcc -m32 -D_TIME_BITS=64 -idirafter "/usr/include/$(gcc -print-multiarch)"
build traffic-arm64 aarch64-linux-gnu-gcc
build shift gcc
build rush gcc
