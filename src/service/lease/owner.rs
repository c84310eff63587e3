//! Whether the store that is there is this user's: what a backup restored by root is not.
//!
//! Asked of the system, by the user that writes it; what is in the store is not looked at.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, Uid, access};

use super::store::FILE;
use crate::service::privilege;

/// Why the store in a folder, if there is one, cannot be opened by the user that we are, and what
/// to do.
pub fn denied(folder: &Path) -> Option<String> {
    let path = folder.join(FILE);
    let wanted = AccessFlags::R_OK | AccessFlags::W_OK;
    if access(&path, wanted) != Err(Errno::EACCES) {
        return None;
    }
    let (shown, user) = (path.display(), privilege::me());
    let owner = fs::metadata(&path).ok().map(|found| found.uid());
    let remedy = if owner == Some(Uid::effective().as_raw()) {
        format!("chmod u+rw {shown}")
    } else {
        format!("chown {user} {shown}")
    };
    Some(format!(
        "cannot open the lease store {shown}: permission denied to user {user}, who keeps the leases there; `{remedy}`"
    ))
}
