#!/bin/bash
# Runs every test and says at the end how many passed, and which were left out and why.
#
# As root it first installs what the laboratory needs. As a plain user it installs nothing and asks
# for nothing: tests that need root leave themselves out with a line `LEFT OUT (why): name`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log=target/test.log
# These wait for clocks on the wire, and compute next to nothing.
waiting=(doctor leasing probing)
result=0

main() {
    if [ "$(id -u)" = 0 ]; then
        tests/support/setup.sh
    fi
    mkdir -p target
    : >"$log"
    if [ $# -gt 0 ]; then
        run 2 "$@"
    else
        everything
    fi
    left_out
    summary
    return "$result"
}

everything() {
    local busy=() idle=() file name
    for file in tests/*.rs tests/*/main.rs; do
        name=${file#tests/}
        name=${name%/main.rs}
        name=${name%.rs}
        case " ${waiting[*]} " in
        *" $name "*) idle+=(--test "$name") ;;
        *) busy+=(--test "$name") ;;
        esac
    done
    run 2 --lib --bins "${busy[@]}"
    run 6 "${idle[@]}"
    run 2 --doc
}

# Runs tests, so many at a time for each processor: machines that boot wait half their time.
run() {
    local threads=$(($1 * $(nproc)))
    shift
    RUST_TEST_THREADS=$threads cargo test --locked --no-fail-fast "$@" 2>&1 | tee -a "$log" || result=$?
}

# The lines that tests left out have written, each with its reason.
lines_left_out() { sed -n 's/^.*LEFT OUT (/(/p' "$log" | sort -u; }

left_out() {
    [ -n "$(lines_left_out)" ] || return 0
    printf '\nLeft out:\n'
    lines_left_out | sed 's/^/  /'
    if [ "$(id -u)" != 0 ]; then
        echo "What needs root runs with: sudo env PATH=\"\$PATH\" make test"
    fi
}

# A test that leaves itself out counts as passed for cargo; it does not here.
summary() {
    awk -v left_out="$(lines_left_out | wc -l)" '
        /^test result:/ { passed += $4; failed += $6 }
        END { printf "\ntest: %d passed, %d failed, %d left out\n", passed - left_out, failed, left_out }
    ' "$log"
}

main "$@"
