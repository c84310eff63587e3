//! `{{ variables }}` in arguments and scripts: strict about names, bounded in work and output.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};

use super::Place;
use crate::client::Client;
use crate::profile::{Profile, Template};

/// Instructions a template may take.
const FUEL: u64 = 50_000;
/// The longest text a template may become, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;

/// The values a profile's templates see: its own `vars`, then what is known of the client. A
/// client without UUID has an empty `uuid`.
pub fn variables(profile: &Profile, client: &Client, place: Place) -> BTreeMap<String, String> {
    let mut values = profile.vars.clone();
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
    ];
    values.extend(known.map(|(name, value)| (name.to_owned(), value)));
    values
}

/// Fills a template in; the error is a sentence.
pub fn fill(template: &Template, values: &BTreeMap<String, String>) -> Result<String, String> {
    if !template.0.contains('{') {
        return Ok(template.0.clone());
    }
    let text = environment()
        .render_str(&template.0, values)
        .map_err(|e| e.to_string())?;
    if text.len() > MAX_OUTPUT {
        return Err(format!(
            "the text becomes {} bytes; at most {MAX_OUTPUT} are served",
            text.len()
        ));
    }
    Ok(text)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
}
