//! The `bootjack` command: parse, run, error → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    bootjack::cli::main()
}
