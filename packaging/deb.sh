#!/bin/bash
# Makes the .deb of a binary that is built already, and prints its path.
#
#   deb.sh BINARY [cargo deb's options]
#
# Man page and completions come from the binary itself, the copyright file from the manifest of the
# boot loaders it embeds. What the package is made of is listed in Cargo.toml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

binary=$1
shift
made=target/packaging

main() {
    mkdir -p "$made"
    install -m 755 "$binary" "$made/bootjack"
    generate "$made/bootjack.1" "$binary" man
    generate "$made/bootjack.bash" "$binary" completions bash
    generate "$made/_bootjack" "$binary" completions zsh
    generate "$made/bootjack.fish" "$binary" completions fish
    generate "$made/copyright" copyright
    target/tools/bin/cargo-deb --locked --no-build "$@"
}

# A file, the command whose output it becomes; a broken command leaves no file.
generate() {
    "${@:2}" >"$1.new"
    mv "$1.new" "$1"
}

# Debian's copyright format, version 1.0.
copyright() {
    cat <<'HEAD'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: bootjack
Comment:
 The binary embeds boot loaders from Debian. Each keeps its own licence and is
 passed on unchanged; its complete source is kept at the address given.

Files: *
Copyright: the bootjack authors
License: MIT or Apache-2.0
 The texts are in /usr/share/doc/bootjack/LICENSE.
HEAD
    awk -F'\t' '
        NR == 1 { next }
        {
            url = $7 "/" $8
            gsub(/\+/, "%2B", url)
            gsub(/:/, "%3A", url)
            printf "\nFiles: %s\nCopyright: the authors of %s, see the debian/copyright of its source\n", $1, $7
            printf "License: %s\nComment: from Debian package %s %s, sha256\n %s\n", $9, $3, $4, $6
            printf " Source: https://snapshot.debian.org/package/%s/\n", url
        }
    ' boot-assets/out/manifest.tsv
    cat <<'TAIL'

License: GPL-2.0-only
 On Debian systems: /usr/share/common-licenses/GPL-2

License: GPL-2.0-or-later
 On Debian systems: /usr/share/common-licenses/GPL-2

License: GPL-3.0-or-later
 On Debian systems: /usr/share/common-licenses/GPL-3
TAIL
}

main "$@"
