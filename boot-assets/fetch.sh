#!/bin/bash
# Brings the boot loaders of assets.yaml out of Debian's packages into out/, for build.rs to embed.
#
# Needs no root: packages are downloaded and unpacked in a temporary folder, nothing is installed. Those
# of other architectures than this machine's come by package lists of our own, with apt's signatures
# checked as for any other; dpkg's architectures stay as they are.
# What is there already is kept; a second run uses no network. Files are renamed into place and the
# manifest comes last, so that a broken run leaves no half-written set that would build.
#
#   fetch.sh            brings what is missing
#   fetch.sh --update   asks Debian again for every package (security updates)
#   fetch.sh --record   the same, and puts the versions and digests found on record in assets.yaml
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/assets.yaml
out=$here/out
work=

# The columns of list.tsv; manifest.tsv has one more, `verified`.
columns="name about package version path sha256 source source_version licence"

say() { printf 'assets: %s\n' "$*"; }
die() {
    printf 'assets: %s\n' "$@" >&2
    exit 1
}

main() {
    parse_arguments "$@"
    require_tools
    take_lock
    parse_list >"$work/list.tsv"
    if [ "$refresh" = no ] && is_complete; then
        say "complete: $(wc -l <"$work/list.tsv") files in ${out#"$PWD"/}"
        return
    fi
    list_packages_to_fetch >"$work/packages"
    if [ -s "$work/packages" ]; then
        bring_packages
    fi
    collect >"$work/manifest.tsv"
    remove_unlisted
    commit
    if [ "$record" = yes ]; then
        put_on_record
    fi
    say "$(wc -l <"$work/list.tsv") files are in ${out#"$PWD"/}"
}

parse_arguments() {
    refresh=no record=no
    case ${1-} in
    "") ;;
    --update) refresh=yes ;;
    --record) refresh=yes record=yes ;;
    *) die "unknown argument $1; known are --update and --record" ;;
    esac
}

require_tools() {
    local tool
    for tool in apt-get dpkg-deb; do
        command -v "$tool" >/dev/null || die \
            "$tool is missing: the loaders come out of Debian 12's packages" \
            "run 'make assets' on Debian 12 (a container will do) and copy boot-assets/out here"
    done
    for tool in awk sha256sum flock; do
        command -v "$tool" >/dev/null || die "$tool is missing; try: apt-get install mawk coreutils util-linux"
    done
}

take_lock() {
    mkdir -p "$out/files"
    exec 9>"$out/.lock"
    flock 9
    work=$(mktemp -d "${TMPDIR:-/tmp}/boot-assets.XXXXXX")
    trap 'rm -rf "$work"' EXIT
}

# assets.yaml → one line an asset, columns parted by tabs. Refuses what it does not understand.
parse_list() {
    awk -v file="${list##*/}" -v columns="$columns" '
        function fail(text) { print "assets: " file ":" NR ": " text > "/dev/stderr"; failed = 1; exit 1 }
        function flush(   i, line) {
            if (!open) return
            for (i = 1; i <= n; i++) {
                if (!(key[i] in value)) fail("the asset above has no `" key[i] "`")
                line = line (i > 1 ? "\t" : "") value[key[i]]
            }
            print line
            split("", value)
        }
        BEGIN { n = split(columns, key, " "); for (i = 1; i <= n; i++) known[key[i]] = 1 }
        /^ *(#.*)?$/ { next }
        !/^(- name|  [a-z_0-9]+): "[^"\t\\]+"$/ { fail("expected `key: \"value\"`, one a line, `- name` first") }
        /^- / { flush(); open = 1 }
        {
            text = substr($0, 3)
            k = substr(text, 1, index(text, ":") - 1)
            if (!(k in known) || k in value) fail("`" k "` is unknown or there twice")
            value[k] = substr(text, length(k) + 4, length(text) - length(k) - 4)
        }
        END { if (!failed) flush() }
    ' "$list"
}

# Whether out/ is what a run with this very list left, every byte of it.
is_complete() {
    cmp -s "$list" "$out/assets.yaml" && [ -s "$out/manifest.tsv" ] &&
        cmp -s <(cut -f1 "$work/list.tsv" | sort) <(ls -A "$out/files") &&
        cut -f1,6 "$out/manifest.tsv" | tail -n +2 | (cd "$out/files" && check_digests)
}

# Lines of name, tab, digest on stdin: whether the files here have these digests.
check_digests() { awk -F'\t' '{ print $2 "  " $1 }' | sha256sum --check --strict --status 2>/dev/null; }

# The packages of which a file is not here as it is on record.
list_packages_to_fetch() {
    local name package sha256 _
    while IFS=$'\t' read -r name _ package _ _ sha256 _; do
        if [ "$refresh" = yes ] || ! on_record "$out/files/$name" "$sha256"; then
            printf '%s\n' "$package"
        fi
    done <"$work/list.tsv" | sort -u
}

on_record() { [ -f "$1" ] && [ "$(digest "$1")" = "$2" ]; }

digest() { sha256sum <"$1" | cut -d' ' -f1; }

# Downloads and unpacks the packages, each into $work/PACKAGE.
bring_packages() {
    local packages package
    mapfile -t packages <"$work/packages"
    say "downloading ${packages[*]} (Debian packages; nothing is installed)"
    if ! has_lists_for "${packages[@]}" || ! download_with_host_lists "${packages[@]}"; then
        download_with_fresh_lists "${packages[@]}" || explain_failure "${packages[@]}"
    fi
    for package in "${packages[@]}"; do
        dpkg-deb -x "$(deb "$package")" "$work/$package"
    done
}

# The file of a package, of its own architecture or of none: the same name may be there for several.
deb() {
    local file
    for file in "$work/debs/${1%%:*}"_*_"$(architecture_of "$1")".deb "$work/debs/${1%%:*}"_*_all.deb; do
        [ ! -f "$file" ] || printf '%s\n' "$file"
    done
}

architecture_of() {
    case $1 in
    *:*) printf '%s\n' "${1#*:}" ;;
    *) echo amd64 ;;
    esac
}

# Packages → each of their architectures once.
architectures_of() {
    local package
    for package in "$@"; do architecture_of "$package"; done | sort -u
}

# Whether this machine's own package lists can name all of them.
has_lists_for() {
    [ "$(dpkg --print-architecture)" = amd64 ] && [ "$(architectures_of "$@")" = amd64 ]
}

# With the package lists this machine has. Fails when it has none, or old ones.
download_with_host_lists() { download "$@" 2>"$work/apt.log"; }

# With package lists of our own, from this machine's sources: needs no root either.
download_with_fresh_lists() {
    local architecture architectures
    mapfile -t architectures < <(architectures_of "$@")
    say "reading package lists for ${architectures[*]}, for this run alone"
    local own=(-o "Dir::State=$work/apt" -o "Dir::State::lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
        -o "Dir::Cache=$work/apt/cache" -o APT::Architecture=amd64 -o Acquire::Languages=none)
    for architecture in "${architectures[@]}"; do
        own+=(-o "APT::Architectures::=$architecture")
    done
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    : >"$work/apt/status"
    as_apt "${own[@]}" update >"$work/apt.log" 2>&1 || true
    download "${own[@]}" "$@" 2>>"$work/apt.log"
}

# apt-get's own options, then packages → their .deb files in $work/debs, none older than on record.
download() {
    rm -rf "$work/debs"
    mkdir "$work/debs"
    local options=() package
    while [ "$1" = -o ]; do
        options+=("$1" "$2")
        shift 2
    done
    (cd "$work/debs" && as_apt "${options[@]}" -q download "$@" >&2) || return 1
    for package in "$@"; do
        [ -f "$(deb "$package")" ] || return 1
        is_recent_enough "$package" || return 1
    done
}

# As root, apt would hand the download to the user _apt, who cannot write to our folder.
as_apt() { apt-get -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"; }

is_recent_enough() {
    local have want
    have=$(version_of "$1")
    want=$(awk -F'\t' -v package="$1" '$3 == package { print $4; exit }' "$work/list.tsv")
    dpkg --compare-versions "$have" ge "$want" && return
    echo "E: $1 $have is older than $want, which is on record in assets.yaml" >&2
    return 1
}

version_of() { dpkg-deb -f "$(deb "$1")" Version; }

explain_failure() {
    grep -E '^(E|Err|W):' "$work/apt.log" | sort -u | sed 's/^/assets: apt: /' >&2 || true
    die "cannot download $*" \
        "is there a network, and do this machine's apt sources name Debian 12 (bookworm, bookworm-security)," \
        "without an 'Architectures:' or '[arch=…]' that leaves out $(architectures_of "$@" | paste -sd ' ')?" \
        "where they do not, run 'make assets' on a machine where they do and copy boot-assets/out here"
}

# Puts every file into $work/new or finds it in out/, and writes the manifest.
collect() {
    mkdir "$work/new"
    printf '%s\tverified\n' "${columns// /$'\t'}"
    local name about package version path sha256 source source_version licence verified
    while IFS=$'\t' read -r name about package version path sha256 source source_version licence; do
        verified=record
        if [ -d "$work/$package" ]; then
            take "$name"
        fi
        printf '%s\t' "$name" "$about" "$package" "$version" "$path" "$sha256" "$source" "$source_version" "$licence"
        printf '%s\n' "$verified"
    done <"$work/list.tsv"
}

# One asset out of its unpacked package; reads and corrects the variables of collect.
take() {
    local found=$work/$package/$path got have
    if [ ! -f "$found" ] || [ -L "$found" ]; then
        die "$package $(version_of "$package") has no file $path for $1" \
            "its place has changed: correct 'path' in boot-assets/assets.yaml"
    fi
    got=$(version_of "$package") have=$(digest "$found")
    if [ "$have" != "$sha256" ]; then
        [ "$got" != "$version" ] || die \
            "$1 of $package $version has sha256 $have, on record is $sha256" \
            "the package is not what it was: look why before anything else"
    fi
    if [ "$got" != "$version" ]; then
        say "$1: $package $got is newer than $version on record; taken on apt's signature" >&2
        verified=apt version=$got sha256=$have source_version=$(source_version_of "$package" "$source")
    fi
    install -m 644 "$found" "$work/new/$1"
}

# The version of the source package that a binary package's code is from.
source_version_of() {
    local deb found
    deb=$(deb "$1")
    found=$(dpkg-deb -f "$deb" Built-Using | tr ',' '\n' | sed -n "s/^ *$2 (= \(.*\))\$/\1/p" | head -n 1)
    [ -n "$found" ] || found=$(dpkg-deb -f "$deb" Source | sed -n 's/.*(\(.*\))$/\1/p')
    printf '%s\n' "${found:-$(dpkg-deb -f "$deb" Version)}"
}

# Files of assets that have left the list.
remove_unlisted() {
    local file
    for file in "$out/files"/*; do
        [ -e "$file" ] || continue
        cut -f1 "$work/list.tsv" | grep -Fxq -- "${file##*/}" || rm -f "$file"
    done
}

# Renames everything into place; the manifest last.
commit() {
    local file
    for file in "$work/new"/*; do
        [ -e "$file" ] || continue
        put "$file" "$out/files/${file##*/}"
    done
    put "$list" "$out/assets.yaml"
    put "$work/manifest.tsv" "$out/manifest.tsv"
}

# $work may be on another file system: copy beside the target, then rename.
put() {
    local beside
    beside=$out/.new.${2##*/}
    install -m 644 "$1" "$beside"
    mv -f "$beside" "$2"
}

put_on_record() {
    awk -F'\t' '
        NR == FNR { version[$1] = $4; sha256[$1] = $6; source_version[$1] = $8; next }
        /^- name:/ { name = $0; gsub(/^- name: "|"$/, "", name) }
        /^  version:/ { $0 = "  version: \"" version[name] "\"" }
        /^  sha256:/ { $0 = "  sha256: \"" sha256[name] "\"" }
        /^  source_version:/ { $0 = "  source_version: \"" source_version[name] "\"" }
        { print }
    ' "$out/manifest.tsv" "$list" >"$work/assets.yaml"
    cat "$work/assets.yaml" >"$list"
    sed -i 's/\tapt$/\trecord/' "$out/manifest.tsv"
    put "$list" "$out/assets.yaml"
    say "the versions and digests found are on record in ${list##*/}"
}

main "$@"
