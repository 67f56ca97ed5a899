#!/bin/bash
# build-binary.sh ARCH OUT: compiles src/main.ts, the thread that writes histories, the shim and the kernel object of
# ARCH (x64, arm64) with the pinned Bun into the one file OUT. The same input gives the same bytes, wherever the checkout lies.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
arch=$1 out=$2
bun=$(scripts/get-bun.sh linux-x64)
case $arch in
  x64) runtime=$bun ;;
  arm64) runtime=$(scripts/get-bun.sh linux-aarch64) ;;
  *) echo "build-binary.sh: unknown architecture \"$arch\": want x64 or arm64" >&2; exit 2 ;;
esac
libbpf=$(sed -n 's/^libbpf_version=//p' scripts/build-bpf.sh)

# A tree of its own per architecture: the sources import build/assets by one relative path, and a build
# for arm64 must not put arm64's parts where a run from the sources looks for this machine's.
tree=build/$arch/tree
rm -rf "$tree"
mkdir -p "$tree/build/assets" "$tree/ffi" "${out%/*}"
cp -r package.json tsconfig.json src "$tree/"
cp ffi/*.ts "$tree/ffi/"
cp "build/$arch/overhear.bpf.o" "build/$arch/tls.bpf.o" "build/$arch/connections.bpf.o" "build/$arch/files.bpf.o" "build/$arch/libshim.so" "$tree/build/assets/"
ln -s ../../../node_modules "$tree/node_modules"

# --target decides what process.arch is compiled to; the runtime comes from our own pinned copy all the same.
# Without the two --no-compile-autoload flags the binary would run what a bunfig.toml or .env in the current
# directory says, as root.
(cd "$tree" && "$bun" build --compile --minify --bytecode --format=esm \
  --target="bun-linux-$arch" --compile-executable-path="$runtime" \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --define OVERHEAR_COMMIT="\"$(cat ../../commit)\"" --define OVERHEAR_LIBBPF="\"$libbpf\"" \
  src/main.ts src/store-worker.ts --outfile "${out##*/}" >bun.log 2>&1) || {
  cat "$tree/bun.log" >&2
  exit 1
}
mv "$tree/${out##*/}" "$out"
rm -rf "$tree"
