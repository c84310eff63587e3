#!/bin/bash
# What keeps the tree clean: format, lints, dependencies, scripts. `make check` runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

main() {
    step "format" cargo fmt --check
    step "lints" cargo clippy --locked --all-targets -- -D warnings
    step "dependencies" deny check --hide-inclusion-graph bans licenses sources
    advisories
    step "scripts" shellcheck_all
    echo "check: all clean"
}

# The name of a step, and the command that does it.
step() {
    echo "check: $1"
    "${@:2}"
}

deny() { target/tools/bin/cargo-deny --config packaging/deny.toml --locked "$@"; }

# The advisory database is at github.com, which not every machine reaches.
advisories() {
    echo "check: advisories"
    if deny fetch db >target/tools/advisories.log 2>&1; then
        deny check --hide-inclusion-graph advisories
    else
        echo "check: LEFT OUT: advisories: the database could not be fetched (see target/tools/advisories.log)"
    fi
}

shellcheck_all() { git ls-files -z -- '*.sh' .ci/run | xargs -0 shellcheck; }

main
