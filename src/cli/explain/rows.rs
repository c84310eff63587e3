//! The rows of the quirk table that tell a machine: what each of them says, which decides, and what of
//! an operator's does nothing here.

use std::fmt::Write as _;

use crate::client::{Client, quirk};
use crate::config::Mode;
use crate::profile::Snapshot;

/// The rows of the quirk table that tell this machine, the first one first.
pub(super) fn quirks(
    (snapshot, mode): (&Snapshot, Mode),
    client: &Client,
    out: &mut String,
) -> std::fmt::Result {
    writeln!(
        out,
        "quirks that tell it, the first one that says something decides:"
    )?;
    let treatment = snapshot.quirks.treat(client);
    let answered = quirk::Answered::client(client, &treatment, mode.replies());
    let mut decided: Vec<&str> = Vec::new();
    for row in treatment.rows() {
        let whose = if row.ours { "" } else { " (yours)" };
        let said = row.changes.said().into_iter();
        let said = said.map(|(key, value)| {
            let idle = quirk::idle(key, &row.changes, &answered);
            (key, value, idle)
        });
        // What ours say of other stages and modes is no mistake.
        let said = said.filter(|(_, _, idle)| idle.is_none() || !row.ours);
        let overrules =
            |(key, _, idle): &(&str, _, Option<_>)| idle.is_none() && decided.contains(key);
        let (overruled, new): (Vec<_>, Vec<_>) = said.partition(overrules);
        let acting = new.iter().filter(|(_, _, idle)| idle.is_none());
        decided.extend(acting.map(|(key, ..)| *key));
        let mut parts: Vec<String> = new
            .iter()
            .map(|(key, value, idle)| match idle {
                None => format!("{key} {value}"),
                Some(why) => format!("{key} {value} (does nothing here: it is for {why})"),
            })
            .collect();
        if !overruled.is_empty() {
            let keys: Vec<&str> = overruled.iter().map(|(key, ..)| *key).collect();
            parts.push(format!("(decided above: {})", keys.join(", ")));
        }
        if parts.is_empty() {
            parts.push("nothing here".to_owned());
        }
        writeln!(out, "  {}{whose}: {}", row.name, parts.join("; "))?;
    }
    Ok(())
}
