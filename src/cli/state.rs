//! What a running server, or an earlier one, keeps in its state folder, for the commands that show
//! it: which folder, the way to the server, and what to do where it is another user's.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use clap::Args;
use nix::unistd::Uid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{self, Effective, Settings, SettingsArgs};
use crate::doctor::shell_word;
use crate::error::Error;
use crate::service::control::{self, Answer};
use crate::service::privilege;

/// The settings that say where.
#[derive(Debug, Clone, Default, Args)]
pub struct Folder {
    /// Config file, which may name the state folder [default: /etc/bootjack/bootjack.yaml if it exists]
    #[arg(long, env = "BOOTJACK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// State folder of the running bootjack [default: /var/lib/bootjack/state]
    #[arg(long, env = "BOOTJACK_STATE", value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Folder {
    /// Those, with what the config file says.
    pub(super) fn settings(self) -> Result<Effective, Error> {
        config::effective(SettingsArgs {
            config: self.config,
            settings: Settings {
                state: self.state,
                ..Settings::default()
            },
        })
    }
}

/// Asks the server that has this state folder, where there is one.
pub(super) fn asked<T: DeserializeOwned>(
    folder: &Path,
    socket: &str,
    ask: &impl Serialize,
) -> Result<Option<Answer<T>>, Error> {
    let socket = folder.join(socket);
    control::ask(&socket, ask).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => denied(folder, &socket),
        _ => unanswered(&socket, &e),
    })
}

/// The same, also where the folder takes no socket. What is learnt in memory alone is told so.
pub(super) fn asked_anyhow<T: DeserializeOwned>(
    settings: &Effective,
    socket: &str,
    ask: &impl Serialize,
) -> Result<Option<Answer<T>>, Error> {
    let folder = &settings.state;
    if let Some(answer) = asked(folder, socket, ask)? {
        return Ok(Some(answer));
    }
    let runs_as = privilege::find(settings.user.as_deref()).ok();
    let owner = fs::metadata(folder).ok().map(|found| found.uid());
    let trusted = |uid: Uid| {
        uid.is_root()
            || uid == Uid::effective()
            || runs_as.as_ref().is_some_and(|user| user.uid == uid)
            || owner == Some(uid.as_raw())
    };
    let trusted = |uid: Option<Uid>| {
        let trusted = uid.is_some_and(trusted);
        if !trusted {
            SAID.call_once(|| passed_over(folder, uid));
        }
        trusted
    };
    control::ask_stand_in(folder, socket, trusted, ask)
        .map_err(|e| unanswered(&folder.join(socket), &e))
}

/// Somebody else has the name that stands in for the socket.
static SAID: Once = Once::new();

fn passed_over(folder: &Path, uid: Option<Uid>) {
    say(&format!(
        "{} has the name of bootjack's socket for {}, and is not asked; what the folder has kept counts",
        uid.map_or_else(
            || "somebody who takes no connection".to_owned(),
            |uid| format!("user {}", privilege::name_of(uid))
        ),
        folder.display()
    ));
}

fn unanswered(socket: &Path, why: &io::Error) -> Error {
    Error::failed(format!(
        "the running bootjack does not answer at {}: {why}; it is very busy, or of another version: try again, or restart it",
        socket.display()
    ))
}

/// What is another user's, a file or the folder that hides it: whose, and the command that helps.
pub(super) fn denied(folder: &Path, file: &Path) -> Error {
    let owner = |path: &Path| Some(fs::metadata(path).ok()?.uid());
    let (what, owner) = match owner(file) {
        Some(owner) => (file, Some(owner)),
        None => (folder, owner(folder)),
    };
    let whose = owner.map_or_else(String::new, |uid| {
        let name = privilege::name_of(Uid::from_raw(uid));
        format!(", which is user {name}'s alone")
    });
    let (what, again) = (what.display(), again(folder));
    Error::failed(format!(
        "permission denied at {what}{whose}; run `sudo {again}`"
    ))
}

/// The command that was given, for a shell. `sudo` leaves the environment out: what was said
/// there is said by flags.
fn again(folder: &Path) -> String {
    let given = env::args_os().skip(1);
    let given: Vec<String> = given.map(|w| w.to_string_lossy().into_owned()).collect();
    let said = |flag: &str| {
        let mut words = given.iter().map(|word| word.split('=').next());
        words.any(|word| word == Some(flag))
    };
    let config = env::var_os("BOOTJACK_CONFIG").map(PathBuf::from);
    let flags = [("--config", config), ("--state", Some(folder.to_owned()))];
    let added = flags.into_iter().filter(|(flag, _)| !said(flag));
    let added = added.filter_map(|(flag, path)| Some((flag, path?)));
    let added = added.flat_map(|(flag, path)| [flag.to_owned(), path.display().to_string()]);
    // After the command and what to do, before what it is done to.
    let words = given.iter().take_while(|word| !word.starts_with('-'));
    let (command, rest) = given.split_at(words.count().min(2));
    let words = command.iter().cloned().chain(added).chain(rest.to_vec());
    let words: Vec<String> = words.map(|word| shell_word(&word)).collect();
    format!("bootjack {}", words.join(" "))
}

/// What is no error, but to be known.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "bootjack: {text}");
}

/// There is no such file.
pub(super) fn is_none(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}
