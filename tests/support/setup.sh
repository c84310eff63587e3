#!/bin/sh
# Brings the Debian packages that the laboratory needs: real firmware, real clients, DHCP servers
# that are not ours. Says what and why first; does nothing when all is there. None of them starts a
# service: those that would are unpacked into target/lab/ instead of being installed, and tests run
# them from there. `setup.sh all` brings what `make test-all` and `make captures` need beside it;
# `--check` behind it only says what is missing (exit status 1).
set -eu
cd "$(dirname "$0")/../.."
folder=target/lab
scope=usual
if [ "${1:-}" = all ]; then
    scope=all
    shift
fi
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh

# package, the file that proves it (or what it brings), why
list() {
    cat <<'LIST'
iproute2 ip network namespaces: the private LAN
ethtool ethtool cables that carry frames as real ones do
nftables nft packet loss and firewalls on that LAN
iptables iptables firewalls of the older kind
util-linux setpriv programs that end with their test
bsdutils script a terminal for programs that look for one
qemu-system-x86 qemu-system-x86_64 PCs under software emulation
seabios /usr/share/seabios/bios-256k.bin BIOS firmware
ovmf /usr/share/OVMF/OVMF_CODE_4M.ms.fd UEFI firmware, with Secure Boot and without
qemu-system-arm qemu-system-aarch64 64-bit ARM machines under software emulation
qemu-efi-aarch64 /usr/share/AAVMF/AAVMF_VARS.ms.fd UEFI firmware of 64-bit ARM
ovmf-ia32 /usr/share/OVMF/OVMF32_CODE_4M.secboot.fd UEFI firmware of 32-bit x86
u-boot-qemu /usr/lib/u-boot/qemu_arm64/u-boot.bin U-Boot, the firmware of ARM boards
ipxe-qemu /usr/lib/ipxe/qemu/pxe-e1000.rom the network card's boot ROM
debian-installer-12-netboot-amd64 /usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux the installer to boot
dnsmasq-base dnsmasq a DHCP server that is not ours (no service)
udhcpc udhcpc a plain DHCP client
busybox busybox a DHCP server as home routers have it (udhcpd)
isc-dhcp-client dhclient another plain DHCP client
dhcpcd-base dhcpcd a third one (no service)
tftp-hpa tftp a TFTP client
atftp atftp another TFTP client
libfaketime /usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 a wall clock that is set for one program alone
curl curl an HTTP and TFTP client
sbsigntool sbsign an EFI program that is signed with such a key
openssl openssl certificates for HTTPS, keys of one's own, and a TLS client
gnutls-bin gnutls-cli another TLS client, which names the groups of its key exchange
mtools mcopy images of disks, to boot from
xorriso xorriso images of CDs, to boot from
grub-common grub-script-check GRUB's own parser, for the menus made for it; images with it
grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/net.mod GRUB for images, and one that asks for an address by itself
liblog4cplus-2.0.5 /usr/lib/x86_64-linux-gnu/liblog4cplus-2.0.so.3 Kea is linked with it
libmariadb3 /usr/lib/x86_64-linux-gnu/libmariadb.so.3 Kea is linked with it
libpq5 /usr/lib/x86_64-linux-gnu/libpq.so.5 Kea is linked with it
LIST
    [ "$scope" != all ] || cat <<'LIST'
tcpdump tcpdump what firmware says is written down (make captures)
LIST
}

# package, a file of it, why; unpacked, for each would start a service or belongs to one that would
unpacked() {
    cat <<'LIST'
isc-dhcp-server usr/sbin/dhcpd another DHCP server
isc-dhcp-relay usr/sbin/dhcrelay a DHCP relay
kea-dhcp4-server usr/sbin/kea-dhcp4 a third DHCP server
kea-common usr/sbin/kea-lfc its libraries
kea-admin usr/sbin/perfdhcp its DHCP load generator
LIST
}

missing=$(list | while read -r package proof why; do
    present "$proof" || echo "$package"
done)
absent=$(unpacked | while read -r package proof why; do
    [ -e "$folder/$proof" ] || echo "$package"
done)
[ -n "$missing$absent" ] || exit 0

echo "The test laboratory needs these Debian packages:"
list | while read -r package proof why; do
    present "$proof" || echo "  $package: $why"
done
unpacked | while read -r package proof why; do
    [ -e "$folder/$proof" ] || echo "  $package: $why (is unpacked into $folder/, starts nothing)"
done
[ "${1:-}" != --check ] || exit 1

if ! command -v apt-get >/dev/null 2>&1; then
    echo "There is no apt-get here: install them by hand, or run the tests on Debian 12." >&2
    exit 1
fi

# Where qemu-utils is from bookworm-backports, the rest of QEMU has to come from there too: the
# packages of bookworm break with it.
sources=/etc/apt/sources.list.d/bootjack-lab-backports.sources
from_backports() {
    dpkg-query -W -f '${Package} ${Version}\n' 'qemu-*' 2>/dev/null | grep -q '~bpo12'
}
add_backports() {
    apt-cache policy | grep -q 'bookworm-backports' && return
    echo "QEMU is from bookworm-backports here: adding that suite as $sources."
    as_root tee "$sources" >/dev/null <<'SOURCE'
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
}
# The package as apt-get is to be told, and with it those that must be of the same version.
named() {
    case $1 in
    qemu-system-x86)
        for part in qemu-system-x86 qemu-system-common qemu-system-data seabios; do
            echo "$part/bookworm-backports"
        done
        ;;
    seabios | qemu-system-arm) echo "$1/bookworm-backports" ;;
    *) echo "$1" ;;
    esac
}

wanted=$missing
if from_backports; then
    add_backports
    wanted=$(for package in $missing; do named "$package"; done | sort -u)
fi
apt update || echo "apt-get update had trouble; trying with what is known." >&2
# shellcheck disable=SC2086 # one word a package
[ -z "$wanted" ] || apt install -y --no-install-recommends $wanted
for package in $absent; do
    unpack "$folder" "$package"
done
