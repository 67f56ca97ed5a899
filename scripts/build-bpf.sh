#!/bin/bash
# build-bpf.sh libbpf|object|shim ARCH: builds one native part of overhear for ARCH (x64 or arm64).
#   libbpf  build/ARCH/libbpf.a, build/ARCH/include   static libbpf from Debian's source package
#   object  build/ARCH/{overhear,tls,connections,files}.bpf.o  the kernel programs, BTF kept, debug information not
#   shim    build/ARCH/libshim.so                ffi/*.c with libbpf, libelf and zlib linked in
# The same input gives the same bytes. docs/building.md tells how to move the pins.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
# shellcheck source=scripts/debian.sh
. scripts/debian.sh

# libbpf >= 1.5 is needed for uprobe_multi by offsets; Debian 12 has 1.1. This one is in trixie.
libbpf_version=1.5.0
libbpf_sha256=53492aff6dd47e4da04ef5e672d753b9743848bdb38e9d90eafbe190b7983c44

part=$1 arch=$2
case $arch in
  x64) triplet=x86_64-linux-gnu debian_arch=amd64 bpf_target=x86 ;;
  arm64) triplet=aarch64-linux-gnu debian_arch=arm64 bpf_target=arm64 ;;
  *) echo "build-bpf.sh: unknown architecture \"$arch\": want x64 or arm64" >&2; exit 2 ;;
esac
out=build/$arch
mkdir -p "$out"

# sysroot: prints the directory that holds Debian's libelf and zlib for this architecture: / when it is
# this machine's own (printed as nothing), else one with the packages unpacked.
sysroot() {
  local dir=build/sysroot/$arch
  if [ "$(dpkg --print-architecture)" = "$debian_arch" ]; then
    return
  fi
  if [ ! -e "$dir/usr/include/libelf.h" ]; then
    rm -rf "$dir" "$dir.debs"
    mkdir -p "$dir.debs"
    debian_apt debian bookworm "$debian_arch" "$PWD/build/apt"
    (cd "$dir.debs" && apt-get "${apt_options[@]}" download -qq libelf-dev zlib1g-dev)
    for package in "$dir".debs/*.deb; do dpkg -x "$package" "$dir"; done
  fi
  echo "$dir"
}

build_libbpf() {
  local archive=build/libbpf_$libbpf_version.orig.tar.gz source=$out/libbpf root mirror
  root=$(sysroot)
  mirror=$(debian_mirror debian)
  /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file \
    "$mirror/pool/main/libb/libbpf/${archive#build/}" "$archive" "SHA256:$libbpf_sha256" || {
    echo "Cannot fetch libbpf $libbpf_version: Debian's mirror does not hold the pinned source" >&2
    echo 'hint: docs/building.md, "Refreshing the libbpf pin"' >&2
    exit 1
  }
  rm -rf "$source"
  mkdir -p "$source"
  tar -xzf "$archive" -C "$source" --strip-components=1
  # -fPIC: Debian's own libbpf.a cannot go into a shared library.
  make -s -C "$source/src" BUILD_STATIC_ONLY=y NO_PKG_CONFIG=1 OBJDIR="$PWD/$source/objects" \
    CC="$triplet-gcc" AR="$triplet-ar" \
    CFLAGS="-O2 -g0 -fPIC -ffunction-sections -fdata-sections -ffile-prefix-map=$PWD/=" \
    EXTRA_CFLAGS="${root:+-idirafter $PWD/$root/usr/include}" >/dev/null
  make -s -C "$source/src" install_headers NO_PKG_CONFIG=1 DESTDIR= PREFIX="$PWD/$out/prefix" >/dev/null
  rm -rf "$out/include"
  mv "$out/prefix/include" "$out/include"
  cp "$source/objects/libbpf.a" "$out/libbpf.a"
  rm -rf "$source" "$out/prefix"
}

build_object() {
  local name
  for name in overhear tls connections files; do
    clang-19 -O2 -g -target bpf -mcpu=v3 "-D__TARGET_ARCH_$bpf_target" \
      -Wall -Wextra -Wno-unused-parameter -Wpadded -Werror -ffile-prefix-map="$PWD=." \
      -isystem "$out/include" -isystem "/usr/include/$(dpkg-architecture -qDEB_HOST_MULTIARCH)" \
      -c "bpf/$name.bpf.c" -o "$out/$name.bpf.o"
    check_atomics "$out/$name.bpf.o"
    llvm-strip-19 -g "$out/$name.bpf.o"
  done
}

# check_atomics FILE: names the atomic operations that 5.10 refuses; it knows XADD only. clang turns an
# addition of a known 0 into an OR: hide the number with barrier_var().
check_atomics() {
  local found
  found=$(llvm-objdump-19 -d -l --no-show-raw-insn "$1" | awk '
    /^; .*:[0-9]+/ { line = $2 }
    /lock .* [|&^]= |atomic_fetch|xchg/ { print "  " line }' | sort | uniq -c)
  [ -z "$found" ] || printf 'warning: "%s" has atomics that 5.10 refuses, from:\n%s\n' "$1" "$found" >&2
}

build_shim() {
  local root lib
  root=$(sysroot)
  lib=$root/usr/lib/$triplet
  # libelf.a's error state is thread-local in a way that a shared library cannot link: ffi/portable.c
  # stands in for it, and for the functions whose newest versions would need a newer C library.
  cp "$lib/libelf.a" "$out/libelf.a"
  "$triplet-ar" d "$out/libelf.a" elf_error.o
  for archive in libelf libbpf; do
    "$triplet-objcopy" --redefine-sym fstat=portable_fstat --redefine-sym stat=portable_stat \
      --redefine-sym fcntl64=portable_fcntl64 --redefine-sym fcntl=portable_fcntl \
      "$out/$archive.a" "$out/$archive-portable.a"
  done
  "$triplet-gcc" -O2 -g0 -std=gnu11 -fPIC -shared -pthread -ffunction-sections -fdata-sections -fno-math-errno \
    -Wall -Wextra -Wno-unused-parameter -Wpadded -Werror -fstack-protector-strong -ffile-prefix-map="$PWD=." \
    -isystem "$out/include" ${root:+-idirafter "$root/usr/include"} -include ffi/portable.h \
    -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs \
    -Wl,--version-script=ffi/shim.map -s \
    ffi/shim.c ffi/ring.c ffi/outline.c ffi/portable.c "$out/libbpf-portable.a" "$out/libelf-portable.a" "$lib/libz.a" -o "$out/libshim.so"
  rm "$out/libelf.a" "$out"/*-portable.a
  check_glibc "$out/libshim.so"
}

# check_glibc FILE: fails when FILE needs a C library newer than 2.22 (2015).
check_glibc() {
  local needs
  needs=$("$triplet-objdump" -T "$1" | grep -oE 'GLIBC_[0-9.]+\) +\w+' | sed 's/GLIBC_//; s/)//' | sort -V)
  if [ "$(tail -1 <<<"$needs" | cut -d. -f2 | cut -d' ' -f1)" -gt 22 ]; then
    echo "Cannot ship \"$1\": it needs a C library newer than 2.22 for:" >&2
    awk '{ split($1, v, "."); if (v[2] > 22) print "  " $2 " (" $1 ")" }' <<<"$needs" >&2
    rm "$1"
    exit 1
  fi
}

"build_$part"
