//! The iPXE script of one entry alone, for loaders that hand over to iPXE (pxelinux to `ipxe.lkrn`).
//!
//! Absent on purpose: entries that every loader starts by itself; they have no script.

use super::place::Transport;
use super::{Place, RenderError, template};
use crate::client::Client;
use crate::profile::{Action, Profile, Snapshot};

/// One entry's own script.
///
/// # Errors
/// The menu has no such entry, or it has no script; or its template failed.
pub fn entry_script(
    snapshot: &Snapshot,
    profile: &Profile,
    client: &Client,
    place: Place,
    id: &str,
) -> Result<String, RenderError> {
    let entry = profile
        .menu
        .entries
        .iter()
        .find(|e| e.id == id)
        .ok_or_else(|| RenderError::NoScript(id.to_owned()))?;
    let values = template::variables(profile, client, place);
    let failed = |why| RenderError::Template {
        entry: id.to_owned(),
        why,
    };
    match &entry.action {
        Action::Ipxe(script) => Ok(super::ipxe::headed(
            &template::fill(script, &values).map_err(failed)?,
        )),
        Action::Chain(target) | Action::Loader(target) => {
            let target = target
                .get(client.platform())
                .ok_or_else(|| RenderError::NoScript(id.to_owned()))?;
            Ok(super::ipxe::chain_to(&place.target(
                snapshot,
                Transport::Http,
                target,
            )))
        }
        _ => Err(RenderError::NoScript(id.to_owned())),
    }
}
