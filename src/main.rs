//! The `bootjack` command: parse, run, error → exit code.

fn main() {}
