#!/bin/bash
# Runs a command as root, asking for sudo where needed; the settings BOOTJACK_… go along.
set -euo pipefail

if [ "$(id -u)" = 0 ]; then
    exec "$@"
fi
if ! command -v sudo >/dev/null; then
    echo "$1 needs root and there is no sudo here; as root, run: $*" >&2
    exit 1
fi
echo "root is needed (ports 67, 69, 4011, network namespaces): asking sudo for $*"
settings=$(compgen -e BOOTJACK_ | paste -sd,) || true
exec sudo ${settings:+--preserve-env="$settings"} "$@"
