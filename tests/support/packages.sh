# shellcheck shell=sh
# To be sourced by the scripts that bring Debian packages.
#
# What starts a service when it is installed is not installed: its package is fetched and its files
# are unpacked into a folder of ours, without running any of its scripts.

# Whether a command, or a file given with its whole path, is there.
present() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# Runs a command as root; why that is not possible is said and ends the script.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "Neither root nor sudo: run this as root and try again." >&2
        exit 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -q "$@"
}

# unpack FOLDER PACKAGE: the package's files below the folder.
unpack() {
    scratch=$(mktemp -d)
    chmod 755 "$scratch"
    (cd "$scratch" && apt -o APT::Sandbox::User=root download "$2") || return
    mkdir -p "$1"
    dpkg-deb -x "$scratch/$2"_*.deb "$1" || return
    rm -rf "$scratch"
}
