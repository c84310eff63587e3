#!/bin/bash
# Fuzzes every target for so many seconds: run.sh SECONDS [TARGET …]
#
# Without sanitizers, which need a nightly toolchain: the targets are safe Rust, in which panics,
# wrong answers, endless loops and memory without bound are what can go wrong, and those are caught.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=$1
targets=("${@:2}")
if [ ${#targets[@]} = 0 ]; then
    targets=(dhcp tftp profile network path signed)
fi
export RUSTC_BOOTSTRAP=1 # libfuzzer's instrumentation is not stable yet
fuzz() { ../../target/tools/bin/cargo-fuzz fuzz "$1" --fuzz-dir . -s none "${@:2}"; }

for target in "${targets[@]}"; do
    echo "fuzz: $target for $seconds seconds"
    fuzz run "$target" -- -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -verbosity=0
done
echo "fuzz: ${targets[*]}: nothing found"
