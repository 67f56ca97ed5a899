# shellcheck shell=bash
# Sourced by the build and the kernel tests: Debian packages of any suite and architecture, without
# touching /etc/apt or /var/lib/apt.

# shellcheck disable=SC2034 # apt_options is read by the sourcing script
apt_options=()

# debian_mirror REPO: prints the address of REPO (debian or debian-security) on the mirror that this
# machine's own apt uses. A mirror that carries only one of the two is assumed to hold its sibling.
debian_mirror() {
  local sites site
  # shellcheck disable=SC2016 # apt's own placeholder
  sites=$(apt-get indextargets --format '$(SITE)' | sort -u)
  # Empty before the first `apt-get update`; the addresses it would fetch say the same.
  [ -n "$sites" ] || sites=$(apt-get update --print-uris | sed -n "s#^'\(.*\)/dists/.*#\1#p" | sort -u)
  site=$(grep -E "/$1/?\$" <<<"$sites" | head -1)
  [ -n "$site" ] || site=$(sed -nE "s#/debian(-security)?/?\$#/$1#p" <<<"$sites" | head -1)
  [ -n "$site" ] || {
    echo "Cannot find a Debian mirror: 0 Debian entries in this machine's apt sources, 1 needed" >&2
    return 1
  }
  echo "${site%/}"
}

# debian_apt REPO SUITE ARCH STATE_DIR [deb|deb-src]: sets the array apt_options for apt-get and
# apt-cache, and fetches the index of that suite when the one in STATE_DIR is older than a day.
debian_apt() {
  local repo=$1 suite=$2 arch=$3 dir=$4/$2-$3-${5:-deb} type=${5:-deb} mirror
  mirror=$(debian_mirror "$repo") || return 1
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  echo "$type [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
    >"$dir/sources.list"
  apt_options=(
    -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::status=/dev/null
    -o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache"
    -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch"
    -o APT::Sandbox::User=root -o APT::Default-Release=
  )
  if [ -z "$(find "$dir/lists" -maxdepth 1 -type f \( -name '*Packages*' -o -name '*Sources*' \) -mmin -1440)" ]; then
    apt-get "${apt_options[@]}" update -qq
  fi
}
