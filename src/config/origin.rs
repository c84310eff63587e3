//! Where each setting's value came from, for `bootjack config`.
//!
//! What is no flag ([`LIVE`]) can come from the config file alone.

use std::fmt;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _};

use super::{ConfigFile, LIVE, Settings};

/// Who gave a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The config file.
    File(PathBuf),
    /// A `BOOTJACK_…` variable.
    Environment,
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Where each setting's value came from, in the order of the flags; what is no flag last.
pub fn origins(matches: &ArgMatches, file: &ConfigFile) -> Vec<(String, Origin)> {
    let command = Settings::augment_args(clap::Command::new("settings"));
    let in_file = |key: &str| {
        let said = file.settings.as_ref().filter(|said| said.gives(key));
        said.map_or(Origin::Default, |_| Origin::File(file.path.clone()))
    };
    let of = |arg: &clap::Arg| {
        let id = arg.get_id().as_str();
        let key = id.replace('_', "-");
        let origin = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ => in_file(&key),
        };
        (key, origin)
    };
    let flags = command.get_arguments().map(of);
    flags
        .chain(LIVE.map(|key| (key.to_owned(), in_file(key))))
        .collect()
}
