//! What `{{ variables }}` in arguments and scripts stand for, for one client. The language itself,
//! strict about names and bounded in work and output, is [`crate::profile::template`].

use std::collections::BTreeMap;

use super::Place;
use crate::client::{Client, Serial};
use crate::profile::{Profile, Template};

/// The values a profile's templates see: its own `vars`, then what is known of the client. A
/// client without UUID has an empty `uuid`, and all but Raspberry Pis an empty `serial`.
pub fn variables(profile: &Profile, client: &Client, place: Place) -> BTreeMap<String, String> {
    let mut values = profile.vars.clone();
    let serial = Serial::of(client).map(|serial| serial.to_string());
    let known = [
        ("mac", client.mac.to_string()),
        (
            "uuid",
            client.uuid.map(|u| u.to_string()).unwrap_or_default(),
        ),
        ("ip", place.peer.to_string()),
        ("arch", client.platform().to_string()),
        ("server", place.server.to_string()),
        ("http", place.http()),
        ("serial", serial.unwrap_or_default()),
    ];
    values.extend(known.map(|(name, value)| (name.to_owned(), value)));
    values
}

/// Fills a template in; the error is a sentence.
pub fn fill(template: &Template, values: &BTreeMap<String, String>) -> Result<String, String> {
    template.render(values).map_err(|e| e.to_string())
}
