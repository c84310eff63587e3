#!/bin/sh
# What udhcpc and dhclient run: sets the address, and says on the serial port what it was told.
export PATH=/sbin:/bin:/usr/sbin:/usr/bin
why=${reason:-$1}
address=${ip:-${new_ip_address:-}}
server=${serverid:-${new_dhcp_server_identifier:-}}

case $why in
deconfig | PREINIT) ip link set eth0 up ;;
bound | BOUND) ip addr add "$address/24" broadcast + dev eth0 ;;
renew | RENEW | REBIND) touch /renewal/renewed ;;
esac
[ -z "$address" ] || echo "told: $why $address by $server" >/dev/console
