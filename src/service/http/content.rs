//! What a name led to, opened: bytes or a file, with what tells its state from another; or why
//! there is nothing.

use std::io;
use std::time::SystemTime;

use super::Http;
use super::condition::Validators;
use super::etag::ETag;
use super::head::Described;
use super::progress::Kind;
use crate::service::files::{self, Body, Data};
use crate::tree::{FilePath, Found};

/// A body ready to be judged and sent.
pub(super) struct Content {
    /// Its bytes.
    pub(super) body: Body,
    /// Its state.
    pub(super) validators: Validators,
    /// What a transfer of all of it is.
    pub(super) kind: Kind,
    /// Where it is, where it is in a file.
    pub(super) file: Option<FilePath>,
}

/// Why there is no content.
pub(super) enum Nothing {
    /// The client's affair: 404.
    Missing(String),
    /// The same, and its loader goes on without: that has been told.
    Unneeded,
    /// Ours: 500.
    Fault(String),
}

/// What was found and opened, with its state.
pub(super) fn of(http: &Http, found: &Found, body: Body) -> Result<Content, Nothing> {
    let etag = match (&body.data, body.stamp, found) {
        (_, Some(stamp), _) => http.tags.of_stamp(stamp),
        (Data::File(file), None, _) => ETag::of_file(file).map_err(|e| Nothing::of(&e))?,
        (Data::Memory(bytes), None, Found::Asset(_)) => http.tags.of(bytes),
        (Data::Memory(bytes), None, _) => ETag::of_bytes(bytes),
    };
    let kind = match found {
        Found::Text(_, rendered) => Kind::Menu(Box::new(rendered.clone())),
        Found::Asset(_) | Found::File(_) | Found::First(_) => Kind::Whole,
    };
    let file = match found {
        Found::File(file) => Some(file.clone()),
        _ => None,
    };
    Ok(Content {
        file,
        validators: Validators::new(etag, body.modified, SystemTime::now()),
        body,
        kind,
    })
}

impl Content {
    /// What its head tells of it.
    pub(super) fn described(&self) -> Described<'_> {
        Described {
            len: self.body.len,
            media: self.body.media,
            validators: &self.validators,
            is_menu: matches!(self.kind, Kind::Menu(_)),
        }
    }
}

impl Nothing {
    pub(super) fn of(e: &io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::NotFound => Self::Missing(files::no_file(e)),
            io::ErrorKind::PermissionDenied => Self::Missing(
                "the file may not be read; make it readable for bootjack's user".to_owned(),
            ),
            _ => Self::Fault(e.to_string()),
        }
    }
}
