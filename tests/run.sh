#!/bin/bash
# Runs every test and says at the end how many passed, and which were left out and why.
#
# As root it first installs what the laboratory needs. As a plain user it installs nothing and asks
# for nothing: tests that need root leave themselves out with a line `LEFT OUT (why): name`.
# With --all (`make test-all`) those marked #[ignore = "…: make test-all"] run too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log=target/test.log
# These boot machines, which takes as long as all the others: they run beside them.
booting=(boot boot_http boot_menus boot_secure)
# These wait for clocks on the wire, and compute next to nothing: they run beside both.
waiting=(doctor leasing escalation probing)
all=()
started=() # process groups in the background

main() {
    local result=0
    if [ "${1:-}" = --all ]; then
        all=(all)
        shift
    fi
    if [ "$(id -u)" = 0 ]; then
        tests/support/setup.sh "${all[@]}"
    fi
    mkdir -p target
    : >"$log"
    if [ $# -gt 0 ]; then
        run 2 "$@" | tee -a "$log" || result=1
    else
        cargo test --locked --no-run
        beside_each_other
    fi
    left_out
    summary
    return "$result"
}

# Two groups run in the background; what they have to say comes when the others are done.
beside_each_other() {
    local group groups=(boots waiting)
    trap 'kill -- "${started[@]/#/-}" 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM HUP
    set -m # each in a process group of its own, which ends with us
    for group in "${groups[@]}"; do
        "the_$group" >"target/test-$group.log" &
        started+=($!)
    done
    set +m
    the_others | tee -a "$log" || result=1
    for group in "${!groups[@]}"; do
        printf '\nBeside the tests above, since the start: %s\n' "${groups[group]}"
        tail --pid="${started[group]}" -n +1 -f "target/test-${groups[group]}.log"
        wait "${started[group]}" || result=1
        cat "target/test-${groups[group]}.log" >>"$log"
    done
}

the_boots() {
    local failed=0
    run 2 "${booting[@]/#/--test=}" || failed=1
    [ ${#all[@]} = 0 ] || slow_ones || failed=1
    return "$failed"
}

the_waiting() {
    run 6 "${waiting[@]/#/--test=}"
}

the_others() {
    local busy=() file name failed=0
    for file in tests/*.rs tests/*/main.rs; do
        name=${file#tests/}
        name=${name%/main.rs}
        name=${name%.rs}
        case " ${booting[*]} ${waiting[*]} " in
        *" $name "*) ;;
        *) busy+=("--test=$name") ;;
        esac
    done
    run 2 --lib --bins "${busy[@]}" || failed=1
    run 2 --doc || failed=1
    return "$failed"
}

# Those that are too slow for every day, by their names. Other ignored tests are no tests by themselves.
slow_ones() {
    local mark='#\[ignore = ".*make test-all"\]' file name targets=() names=()
    while read -r file; do
        name=${file#tests/}
        name=${name%%/*}
        targets+=(--test "${name%.rs}")
    done < <(grep -rl --include='*.rs' "$mark" tests)
    while read -r name; do
        names+=("$name")
    done < <(grep -rhA3 --include='*.rs' "$mark" tests | sed -n 's/^fn \([a-z0-9_]*\)(.*/\1/p')
    run 2 "${targets[@]}" -- --ignored "${names[@]}"
}

# Runs tests, so many at a time for each processor: machines that boot wait half their time.
run() {
    local threads=$(($1 * $(nproc)))
    shift
    RUST_TEST_THREADS=$threads cargo test --locked --no-fail-fast "$@" 2>&1
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
