#!/bin/bash
# Says what a step needs and this machine lacks, and why; then installs it. Silent when all is there.
#
#   setup.sh build    what cargo needs to compile and link
#   setup.sh check    the same, and the checkers
#   setup.sh deb      the same, and what makes a Debian package
#   setup.sh fuzz     the same, and the fuzzer
#
# Debian packages come by apt-get (by sudo for a plain user), cargo's tools are built into
# target/tools: nothing lands in the user's own ~/.cargo/bin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo_deny=0.20.2
cargo_deb=3.8.0
cargo_fuzz=0.13.2

missing=()

main() {
    require_rust
    case ${1-} in
    build) need_build ;;
    check) need_build && need_check ;;
    deb) need_build && need_deb ;;
    fuzz) need_build && need c++ g++ "the fuzzer's engine is C++" ;;
    *) die "usage: setup.sh build|check|deb|fuzz" ;;
    esac
    if [ ${#missing[@]} -gt 0 ]; then
        install_packages
    fi
    case $1 in
    check)
        need_component rustfmt fmt
        need_component clippy clippy
        need_tool cargo-deny "$cargo_deny" "checks licences, sources and advisories of the dependencies"
        ;;
    deb) need_tool cargo-deb "$cargo_deb" "makes the .deb" ;;
    fuzz) need_tool cargo-fuzz "$cargo_fuzz" "runs the fuzz targets" ;;
    esac
}

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

require_rust() {
    command -v cargo >/dev/null || die "cargo is missing: install Rust by https://rustup.rs and try again"
}

need_build() {
    need cc "gcc libc6-dev" "cargo links with it"
    if [ -z "${SSL_CERT_FILE-}" ] && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
        want ca-certificates "cargo fetches crates over https"
    fi
}

need_check() {
    need shellcheck shellcheck "reads our scripts"
    need git git "fetches the advisory database"
}

need_deb() { need dpkg-shlibdeps dpkg-dev "finds out which libraries the .deb depends on"; }

# A command, the packages that bring it, what for.
need() { command -v "$1" >/dev/null || want "$2" "$3"; }

want() {
    say "$1 is missing: $2"
    read -ra packages <<<"$1"
    missing+=("${packages[@]}")
}

install_packages() {
    command -v apt-get >/dev/null || die "no apt-get here: install the above by hand and try again"
    say "installing ${missing[*]}"
    if ! has_package_lists || ! apt install "${missing[@]}"; then
        apt update
        apt install "${missing[@]}" || die "apt-get could not install ${missing[*]}: see above"
    fi
}

# A fresh machine or container may never have asked its archive what there is.
has_package_lists() { compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; }

# apt-get as root, quiet, waiting for another apt's lock instead of failing.
apt() {
    local as_root=() options=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "no sudo here: as root, run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    [ "$1" = update ] || options=(-y --no-install-recommends)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 \
        "$1" "${options[@]}" "${@:2}" >&2
}

# A rustup component, and the cargo command it brings.
need_component() {
    cargo "$2" --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null || die "cargo $2 is missing: install the $1 of your Rust toolchain"
    say "$1 is missing: 'cargo $2' is part of the check"
    rustup component add "$1"
}

# A tool of crates.io, its version, what for.
need_tool() {
    if [ "$(target/tools/bin/"$1" --version 2>/dev/null | awk '{ print $NF }')" = "$2" ]; then
        return
    fi
    say "$1 $2 is missing: it $3; building it into target/tools, once, for some minutes"
    cargo install --quiet --locked --root target/tools "$1@$2"
}

main "$@"
