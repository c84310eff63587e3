//! From root to nobody, once every socket is open.
//!
//! Called before any other thread exists: capabilities and `no_new_privs` belong to threads.
//! Afterwards the process has no effective, permitted, inheritable or ambient capability and cannot
//! gain one by executing a file; it owns nothing but the state folder that was made for it, where it
//! has one.

use std::path::Path;

use caps::CapSet;
use nix::unistd::{Uid, User, chown, setgid, setgroups, setuid};

use crate::error::Error;

/// Users taken when none is set, the first that exists.
const FALLBACK: [&str; 2] = ["bootjack", "nobody"];

/// Becomes `user` (root only), for whom the `state` folder is made, and gives up every capability.
/// Returns who we are now.
///
/// # Errors
/// No such user; a system call refused. The process must not go on serving then.
pub fn drop_to(user: Option<&str>, state: Option<&Path>) -> Result<String, Error> {
    let name = if Uid::effective().is_root() {
        become_user(&find(user)?, state)?
    } else {
        me()
    };
    for set in [
        CapSet::Ambient,
        CapSet::Inheritable,
        CapSet::Effective,
        CapSet::Permitted,
    ] {
        caps::clear(None, set)
            .map_err(|e| Error::failed(format!("cannot give up capabilities: {e}")))?;
    }
    nix::sys::prctl::set_no_new_privs()
        .map_err(|e| Error::failed(format!("cannot set no_new_privs: {e}")))?;
    Ok(name)
}

/// The user to become: the one named, else the first that exists of two.
///
/// # Errors
/// There is none.
pub fn find(user: Option<&str>) -> Result<User, Error> {
    let lookup = |name: &str| User::from_name(name).ok().flatten();
    match user {
        Some(name) => lookup(name).ok_or_else(|| {
            Error::usage(format!(
                "no user \"{name}\" on this host; create it or set `user` to another one"
            ))
        }),
        None => FALLBACK
            .into_iter()
            .find_map(lookup)
            .ok_or_else(|| Error::usage("neither user bootjack nor nobody exists; set `user`")),
    }
}

fn become_user(user: &User, state: Option<&Path>) -> Result<String, Error> {
    let failed = |what: &str, e: nix::Error| {
        Error::failed(format!("cannot {what} for user {}: {e}", user.name))
    };
    state.map_or(Ok(()), |state| own(state, user))?;
    setgroups(&[user.gid]).map_err(|e| failed("set groups", e))?;
    setgid(user.gid).map_err(|e| failed("set the group", e))?;
    setuid(user.uid).map_err(|e| failed("set the user", e))?;
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(Error::failed(
            "could become root again after giving it up; refusing to serve",
        ));
    }
    Ok(user.name.clone())
}

/// Makes the folder where it is missing, for `user`. One that is there keeps its owner: it may be
/// anything an operator has named.
fn own(state: &Path, user: &User) -> Result<(), Error> {
    if state.is_dir() {
        return Ok(());
    }
    let made = std::fs::create_dir_all(state)
        .and_then(|()| Ok(chown(state, Some(user.uid), Some(user.gid))?));
    made.map_err(|e| {
        Error::failed(format!(
            "cannot make the state folder {} that of user {}: {e}; create it for that user, or set `state`",
            state.display(),
            user.name
        ))
    })
}

/// The user that every user is who has no number here, in a container and outside (`overflowuid`, `proc_sys_kernel(5)`),
/// and as whom services run that have none of their own.
const NOBODY: Uid = Uid::from_raw(65534);

/// Whether others may be the user that this process is, and none is `named` to be shared with them.
pub fn is_anybodys(named: Option<&str>) -> bool {
    is_shared(Uid::effective(), named)
}

fn is_shared(uid: Uid, named: Option<&str>) -> bool {
    let named = named.and_then(|name| User::from_name(name).ok().flatten());
    uid == NOBODY && named.is_none_or(|named| named.uid != uid)
}

/// The name of the user that this process is.
pub fn me() -> String {
    name_of(Uid::effective())
}

/// A user's name, or its number where it has none.
pub fn name_of(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |u| u.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_anybody_unless_named() {
        let bin = Uid::from_raw(2);
        for (uid, named, shared) in [
            (NOBODY, None, true),
            (NOBODY, Some("root"), true),
            (NOBODY, Some("no such user"), true),
            (NOBODY, Some("nobody"), false),
            (bin, None, false),
            (Uid::from_raw(0), None, false),
        ] {
            assert_eq!(is_shared(uid, named), shared, "{uid} {named:?}");
        }
    }
}
