//! The command line as a user has typed it, and what is said of a wrong one.
//!
//! clap draws the usage line of an error from the arguments that were given, and takes those of the
//! environment for such: as if `--state` had to be there. The command's own usage is said instead.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command};

/// Parses the arguments; what is wrong with them ends the process.
pub(super) fn matches(command: Command) -> ArgMatches {
    let words: Vec<OsString> = std::env::args_os().collect();
    parse(command, &words).unwrap_or_else(|error| error.exit())
}

fn parse(mut command: Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    command
        .try_get_matches_from_mut(words)
        .map_err(|mut error| {
            if error.get(ContextKind::Usage).is_some() {
                let usage = named(&command, words).render_usage();
                error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
            }
            error
        })
}

/// The command that the words name, subcommand by subcommand.
fn named(command: &Command, words: &[OsString]) -> Command {
    let mut named = command;
    for word in words.iter().skip(1) {
        named = named.find_subcommand(word).unwrap_or(named);
    }
    named.clone()
}
