#!/bin/sh
# The first program of the system in renews.rs: it takes a lease with udhcpc and keeps it until it
# is renewed, then the same with dhclient, and switches the machine off. What they are told, ./told
# prints. The installer's initrd has the tools; dhclient and its libraries are in this folder.
export PATH=/sbin:/bin:/usr/sbin:/usr/bin

main() {
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    dmesg -n 1 # the kernel's lines would cut ours in two
    modprobe virtio_pci
    modprobe virtio_net
    until [ -e /sys/class/net/eth0 ]; do sleep 1; done
    # -C: known by its MAC, as firmware and dhclient are; a client identifier would be another client.
    lease udhcpc -f -C -i eth0 -T 10 -s /renewal/told
    lease /renewal/ld.so --library-path /renewal/lib /renewal/dhclient \
        -d -cf /renewal/dhclient.conf -lf /renewal/leases -pf /renewal/pid -sf /renewal/told eth0
    poweroff -f
}

# Runs a client until its lease is renewed, then ends it; it gives nothing back.
lease() {
    "$@" 2>&1 &
    until [ -e /renewal/renewed ] || ! kill -0 $!; do sleep 1; done
    kill $!
    wait $!
    rm /renewal/renewed
    ip addr flush dev eth0
}

main
