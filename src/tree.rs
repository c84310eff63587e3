//! One tree, two doors: the name a client asks for, and who asks → what it is.
//!
//! A name is an embedded asset, a file below the image folder, or text rendered for this client.
//! TFTP and HTTP call the same [`files_first`] and [`resolve`]. Nothing is opened here: a file is
//! returned as a relative path that is lexically inside the folder; `service` opens it without
//! following links out of it.
//!
//! * [`names`]: what each path means; [`files_first`]: what loaders guess, and where that may be
//! * `raspberry_pi`: what a Raspberry Pi asks for → its profile's folder
//! * [`path`]: what a client wrote → a clean relative path, or the reason why not (it lives in
//!   `wire`, because profiles check the paths that operators write by the same rule)

mod beside;
pub mod names;
mod raspberry_pi;
mod resolve;

use std::net::IpAddr;

use bytes::Bytes;

use crate::client::Client;

pub use crate::wire::path::{self, BadPath, CleanPath};
pub use beside::{files_first, is_guess};
pub use resolve::{asker, for_everyone, resolve};

/// By which door a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// UDP 69
    Tftp,
    /// TCP, port 8067 unless told otherwise
    Http,
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tftp => "tftp",
            Self::Http => "http",
        })
    }
}

/// Who asks for a name.
#[derive(Debug, Clone)]
pub struct Requester {
    /// Its address.
    pub peer: IpAddr,
    /// The address of ours that it asked.
    pub server: IpAddr,
    /// The door.
    pub door: Door,
    /// The machine behind the address, where a DHCP packet has shown it.
    pub client: Option<Client>,
    /// Whether the loader that was fetched last from there speaks TFTP alone.
    pub tftp_only: bool,
    /// Where the loader that it runs is below the images, if that is one from there.
    pub loader: Option<CleanPath>,
}

/// What a name is.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// An embedded boot asset.
    Asset(Memory),
    /// A file below the image folder (or an override below the asset folder).
    File(FilePath),
    /// Text rendered for this client.
    Text(Memory, Rendered),
    /// The first of several that is there.
    First(Box<Choice>),
}

/// Several things that a name may be, as the image folder decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What goes before.
    pub first: Found,
    /// What it is where that is not there.
    pub then: Option<Found>,
    /// What it means that none of them is.
    pub otherwise: Absence,
}

/// What it means that something is not there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{words}")]
pub struct Absence {
    /// What is to be said.
    pub words: String,
    /// Whether who asks does not go on without.
    pub needed: bool,
    /// What he goes on with in its place; where one of these is there, it is not needed.
    pub instead: Vec<Found>,
}

impl Found {
    /// Everything that it may be, what goes before first.
    pub fn each(&self) -> Vec<&Self> {
        match self {
            Self::First(choice) => {
                let then = choice.then.iter().flat_map(Self::each);
                choice.first.each().into_iter().chain(then).collect()
            }
            only => vec![only],
        }
    }

    /// What it means that nothing of that is there, beside that.
    pub fn otherwise(&self) -> Option<&Absence> {
        match self {
            Self::First(choice) => Some(&choice.otherwise),
            _ => None,
        }
    }
}

impl Found {
    /// The path below the images, where it is a file there.
    pub fn image(&self) -> Option<&CleanPath> {
        match self {
            Self::File(file) if file.root == Root::Images => Some(&file.path),
            _ => None,
        }
    }
}

/// A body that is in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// The whole body.
    pub bytes: Bytes,
    /// MIME type.
    pub media: &'static str,
}

/// A file to be opened below one of the two folders.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilePath {
    /// Which folder.
    pub root: Root,
    /// The path below it: clean, relative, `/`-separated.
    pub path: CleanPath,
}

/// The folders files are served from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// `--images`
    Images,
    /// `--assets`: the operator's replacements of embedded assets
    Assets,
}

/// What was rendered, for the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// `pxelinux`, `ipxe`, `grub`.
    pub dialect: &'static str,
    /// The profile's name.
    pub profile: String,
    /// How many entries this client was shown.
    pub entries: usize,
}

/// The word for the texts of a Raspberry Pi, where menus have their dialect.
pub const RASPBERRY_PI: &str = "raspberry-pi";

/// Whether what was rendered is a menu in which a machine has nothing. Texts of a Raspberry Pi are no menus, nor is
/// what is said to a machine before it is known, by no profile.
pub fn is_empty_menu(dialect: &str, profile: &str, entries: usize) -> bool {
    entries == 0 && dialect != RASPBERRY_PI && !profile.is_empty()
}

/// Why a name leads nowhere. The peer hears "not found" for each of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The path tries to leave the tree or is no path.
    #[error("{0}")]
    BadPath(#[from] BadPath),
    /// No such asset, file or menu.
    #[error("no such name")]
    Unknown,
    /// A menu was asked for by an address behind which no machine is known.
    #[error("a menu for an address that no DHCP packet has shown; ask by MAC instead")]
    UnknownClient,
    /// No profile matches the machine.
    #[error("no profile matches this machine")]
    NoProfile,
    /// A Raspberry Pi asks, and its profile says nothing of such.
    #[error(
        "profile \"{0}\" has nothing for a Raspberry Pi; write raspberry_pi: {{ folder: … }} into it, and copy the boot partition there"
    )]
    NoFolder(String),
    /// A template failed.
    #[error("{0}")]
    Render(String),
}

/// The MIME type of a name by its ending. EDK2's HTTP boot takes exactly these three for boot
/// files and images (facts F); all else is bytes.
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "efi" => "application/efi",
        "iso" => "application/vnd.efi-iso",
        "img" => "application/vnd.efi-img",
        "ipxe" | "cfg" | "txt" | "yaml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
