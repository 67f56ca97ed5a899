#!/bin/bash
# setup.sh build|arm64|bench|check|demo|test|kernels...: installs what the named parts of the work need and this
# machine lacks. Debian packages (as root, or by sudo), the pinned Bun and JavaScript packages from npm, for
# the tests a Python environment from PyPI. Asks nothing; says what it installs; done at once when all is there.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

packages=() want_npm_tree='' want_arm64='' want_e2e='' want_python='' want_unpacked=''
need() { packages+=("$@"); }
for part in "$@"; do
  case $part in
    build)
      need ca-certificates clang-19 dpkg-dev gcc libc6-dev libelf-dev llvm-19 make openssl xz-utils zlib1g-dev
      want_npm_tree=1
      ;;
    arm64)
      need gcc-aarch64-linux-gnu libc6-dev-arm64-cross
      want_arm64=1
      ;;
    bench)
      # The generators of loads, one of them inside TLS.
      need gcc libc6-dev libssl-dev
      want_npm_tree=1
      ;;
    check)
      need clang-format-19 shellcheck
      want_npm_tree=1
      ;;
    demo)
      need curl
      want_npm_tree=1 want_e2e=1
      ;;
    test)
      # 32-bit processes are tested with gcc -m32 (gcc-multilib would exclude the cross compiler);
      # qemu-user runs the arm64 build; one guest is x64.
      need bpftool curl iproute2 lib32gcc-12-dev libc6-dev-i386 libpcre2-8-0 nftables procps python3-venv qemu-user-static strace
      need busybox-static cpio kmod lz4 python3 qemu-system-x86 util-linux zstd
      # Programs that speak TLS by GnuTLS, one into which OpenSSL is linked, and Go's.
      need libcurl3-gnutls libssl-dev wget
      command -v go >/dev/null || need golang-go
      want_npm_tree=1 want_e2e=1 want_python=1 want_unpacked=1
      ;;
    kernels)
      need busybox-static cpio kmod lz4 mmdebstrap python3 qemu-system-arm qemu-system-x86 util-linux zstd
      ;;
    *) echo "setup.sh: unknown part \"$part\": want build, arm64, bench, check, demo, test or kernels" >&2; exit 2 ;;
  esac
done
# Node and npm may come from elsewhere than Debian, so the commands decide.
command -v node >/dev/null || need nodejs
command -v npm >/dev/null || need npm

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local present missing
  # shellcheck disable=SC2016 # dpkg-query's own placeholder
  present=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/ installed$//p' || true)
  missing=$(printf '%s\n' "${packages[@]}" | sort -u | grep -vxF -e "$present" || true)
  [ -n "$missing" ] || return 0
  echo "  APT      ${missing//$'\n'/ }"
  as_root apt-get update -qq
  # shellcheck disable=SC2086 # one word per package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 $missing >/dev/null
}

# install_npm_tree DIR: the packages that DIR/bun.lock names, when they are not those already there.
install_npm_tree() {
  local stamp=$1/node_modules/.lock-installed
  ! cmp -s "$1/bun.lock" "$stamp" || return 0
  echo "  NPM      $1/node_modules"
  (cd "$1" && "$bun" install --frozen-lockfile --silent)
  cp "$1/bun.lock" "$stamp"
}

# install_python VENV PIN...: a Python environment that holds exactly what these pins ask for.
install_python() {
  local venv=$1 pins=${*:2}
  [ "$(cat "$venv/pin" 2>/dev/null)" != "$pins" ] || return 0
  echo "  PYPI     $pins"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
  echo "$pins" >"$venv/pin"
}

# unpack NAME PROGRAM PACKAGE...: into build/test/NAME, where PROGRAM then is. Not installed: nginx would start a service on
# port 80.
unpack() {
  local dir=build/test/$1 program=$2 package
  shift 2
  [ ! -x "$dir/$program" ] || return 0
  echo "  APT      $* (unpacked only)"
  rm -rf "$dir"
  mkdir -p "$dir"
  for package in "$@"; do [ -n "$(apt-cache policy "${package%%=*}")" ] || as_root apt-get update -qq; done
  (
    cd "$dir"
    apt-get -o APT::Sandbox::User=root download -qq "$@"
    for package in *.deb; do dpkg -x "$package" .; done
  )
}

install_packages
if [ -n "$want_npm_tree" ]; then
  bun=$(scripts/get-bun.sh linux-x64)
  install_npm_tree .
  [ -z "$want_e2e" ] || install_npm_tree test/e2e
fi
[ -z "$want_arm64" ] || scripts/get-bun.sh linux-aarch64 >/dev/null
if [ -n "$want_python" ]; then
  # pyOpenSSL: a Python whose OpenSSL is linked into a module.
  # uv: a program whose TLS is rustls.
  install_python build/test/venv mcp==2.3.0 fastmcp==4.2.3 pyopenssl==26.4.0 uv==0.13.9
  # Wants the first generation of the SDK.
  install_python build/test/venv-mcp-proxy mcp-proxy==0.13.0
fi
if [ -n "$want_unpacked" ]; then
  unpack nginx usr/sbin/nginx nginx
  # What many read our lines with. The machine's own may be a later one, which takes more.
  unpack jq usr/bin/jq 'jq=1.6-*' 'libjq1=1.6-*' libonig5
  # Programs that speak TLS by NSS.
  unpack nss usr/bin/tstclnt libnss3-tools libnss3 libnspr4
fi
