#!/bin/bash
# Brings what `make bench` needs beside the Rust toolchain, the laboratory included, and says what and
# why first.
#
# The peers would start a service when they are installed, so they are not: their packages are
# fetched and unpacked into target/bench/. What starts nothing is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=target/bench
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh

# package, the command that proves it, why
installed() {
    cat <<'LIST'
libpcre2-8-0 /usr/lib/x86_64-linux-gnu/libpcre2-8.so.0 nginx and atftpd are linked with it
LIST
}

# package, the folder below target/bench, a file of it, why; tftpd-hpa and atftpd have a file of the
# same name
unpacked() {
    cat <<'LIST'
tftpd-hpa . usr/sbin/in.tftpd the peer of TFTP, without windows
atftpd atftpd usr/sbin/atftpd the peer of TFTP, with windows
libwrap0 . usr/share/doc/libwrap0 tftpd-hpa and atftpd are linked with it
nginx . usr/sbin/nginx the peer of HTTP and HTTPS
LIST
}

main() {
    tests/support/setup.sh # machines to boot, DHCP servers beside them
    local absent
    absent=$(missing)
    if [ -n "$absent" ]; then
        printf 'The benchmarks need these Debian packages:\n%s\n' "$absent"
        command -v apt-get >/dev/null || die "there is no apt-get here: run them on Debian 12"
        apt update || echo "apt-get update had trouble; trying with what is known." >&2
        bring
    fi
}

die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

missing() {
    local package place proof why
    while read -r package proof why; do
        present "$proof" || echo "  $package: $why (is installed)"
    done < <(installed)
    while read -r package place proof why; do
        [ -e "$folder/$place/$proof" ] || echo "  $package: $why (is unpacked into $folder/, starts nothing)"
    done < <(unpacked)
}

bring() {
    local package place proof why wanted=()
    while read -r package proof why; do
        present "$proof" || wanted+=("$package")
    done < <(installed)
    [ ${#wanted[@]} = 0 ] || apt install -y --no-install-recommends "${wanted[@]}"
    while read -r package place proof why; do
        [ -e "$folder/$place/$proof" ] || unpack "$folder/$place" "$package"
    done < <(unpacked)
}

main
