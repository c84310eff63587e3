#!/bin/bash
# Brings what `make bench` needs beside the Rust toolchain, and says what and why first.
#
# The peers tftpd-hpa and nginx would start a service when they are installed, so they are not:
# their packages are fetched and unpacked into target/bench/. What starts nothing is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=target/bench
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh

# package, the command that proves it, why
installed() {
    cat <<'LIST'
iproute2 ip network namespaces: the private LAN
util-linux taskset one processor for the server, one for its clients
dnsmasq-base dnsmasq the peer of ProxyDHCP (no service)
libpcre2-8-0 /usr/lib/x86_64-linux-gnu/libpcre2-8.so.0 nginx is linked with it
LIST
}

# package, a file of it, why
unpacked() {
    cat <<'LIST'
tftpd-hpa usr/sbin/in.tftpd the peer of TFTP
libwrap0 usr/share/doc/libwrap0 tftpd-hpa is linked with it
nginx usr/sbin/nginx the peer of HTTP
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
    local package proof why
    while read -r package proof why; do
        present "$proof" || echo "  $package: $why (is installed)"
    done < <(installed)
    while read -r package proof why; do
        [ -e "$folder/$proof" ] || echo "  $package: $why (is unpacked into $folder/, starts nothing)"
    done < <(unpacked)
}

bring() {
    local package proof why wanted=()
    while read -r package proof why; do
        present "$proof" || wanted+=("$package")
    done < <(installed)
    [ ${#wanted[@]} = 0 ] || apt install -y --no-install-recommends "${wanted[@]}"
    while read -r package proof why; do
        [ -e "$folder/$proof" ] || unpack "$folder" "$package"
    done < <(unpacked)
}

main
