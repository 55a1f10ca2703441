# Shared by ./quickstart and ./check (sourced, bash): packages, room on the disk, the build.
# Every function ends the script with one clear sentence where it cannot go on.

die() {
  echo "error: $*" >&2
  exit 1
}

# The packages of the named sections of packages.txt.
packages_of() {
  awk -v wanted=" $* " '
    /^\[/ { section = substr($0, 2, length($0) - 2); next }
    /^[^#]/ && index(wanted, " " section " ") { print $1 }' packages.txt
}

need_disk() { # MB, folder
  local free
  free=$(df -Pm "$2" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge "$1" ] || die "this needs $1 MB of free disk space in $2, and there are $free MB"
}

install_packages() { # sections…
  local missing=() package as_root=()
  for package in $(packages_of "$@"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "these packages are missing and there is no apt-get to install them: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "installing packages needs root or sudo; as root run: apt-get install ${missing[*]}"
    sudo -v || die "sudo was refused; as root run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  need_disk 3000 /usr
  need_disk 1000 "$PWD"
  mkdir -p build
  echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
  # Update may fail for one source and yet list enough; the installation below decides.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >build/apt.log 2>&1 || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >>build/apt.log 2>&1 || die "apt-get could not install packages (no network, or not Debian 12? see build/apt.log): ${missing[*]}"
}

build() { # preset, targets…
  local preset=$1
  shift
  need_disk 1000 "$PWD"
  mkdir -p build
  cmake --preset "$preset" >build/configure.log 2>&1 || {
    tail -20 build/configure.log >&2
    die "cmake could not configure the build; see build/configure.log"
  }
  cmake --build --preset "$preset" ${1:+--target "$@"} || die "the build failed"
}
