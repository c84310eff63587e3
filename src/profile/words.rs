//! The small languages inside single values: titles, ids, timeouts, paths and URLs.
//!
//! What is checked here is what no dialect could carry: iPXE expands `${…}` everywhere and has no
//! escape for it, pxelinux ends a line at a newline and a path at a blank.

use std::time::Duration;

use super::model::Target;
use crate::wire::CleanPath;
use crate::yaml::{MAX_ID, Node, Report, duration, is_id, similar, text};

/// The longest title, in characters: what fits on a menu's line.
pub(super) const MAX_TITLE: usize = 120;
/// The longest timeout: pxelinux counts tenths of a second up to 35,996.
const MAX_TIMEOUT: Duration = Duration::from_secs(3599);
/// The longest URL, in bytes.
const MAX_URL: usize = 1024;

/// A line of text that a menu shows, or a name.
pub(super) fn title(node: &Node, what: &str, report: &mut Report<'_>) -> Option<String> {
    let line = text(node, what, report)?.trim();
    let length = line.chars().count();
    if length == 0 {
        report.error(node.at, format!("{what} is empty"), None);
    } else if length > MAX_TITLE {
        let message = format!("{what} has {length} characters; at most {MAX_TITLE} fit a menu");
        report.error(node.at, message, None);
    } else if let Some((message, hint)) = bad_line(line) {
        report.error(node.at, format!("{what} {message}"), hint.to_owned());
    } else if line.contains("{{") {
        let hint = "variables work in args and ipxe".to_owned();
        report.error(
            node.at,
            format!("{what} holds \"{{{{\", but is shown as it is"),
            hint,
        );
    } else {
        return Some(line.to_owned());
    }
    None
}

/// What firmware writes in front of the time left: nothing else than firmware shows it.
pub(super) fn prompt(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let line = text(node, "prompt", report)?.trim();
    match unshown(line) {
        None if line.contains("{{") => {
            let hint = "variables work in args and ipxe".to_owned();
            report.error(node.at, "prompt holds \"{{\", but is shown as it is", hint);
        }
        None => return Some(line.to_owned()),
        Some(why) => report.error(node.at, format!("prompt {why}"), None),
    }
    None
}

/// The longest line of a menu that firmware shows. EDK2 has a line of 70 characters and writes the
/// end mark into its 70th (`PxeBcSelectBootMenu`).
pub(super) const MAX_LINE: usize = 69;

/// Why firmware could not show a line as it is written: it knows ASCII alone.
pub(super) fn unshown(line: &str) -> Option<String> {
    let strange = |c: &char| !c.is_ascii_graphic() && *c != ' ';
    let length = line.chars().count();
    if line.is_empty() {
        return Some("is empty".to_owned());
    }
    if let Some(strange) = line.chars().find(strange) {
        let sign = strange.escape_debug();
        return Some(format!("holds \"{sign}\"; firmware shows ASCII alone"));
    }
    (length > MAX_LINE)
        .then(|| format!("has {length} characters; firmware shows {MAX_LINE} in a line"))
}

/// Why no dialect could carry this line: what is wrong with it, and what to do.
pub(super) fn bad_line(line: &str) -> Option<(&'static str, &'static str)> {
    if line.contains(['\n', '\r']) {
        return Some((
            "has more than one line",
            "write it on one line, or begin it with >-",
        ));
    }
    if line.chars().any(char::is_control) {
        return Some(("holds a control character", "leave it out"));
    }
    line.contains("${").then_some((
        "holds \"${\", which iPXE would expand; it has no escape for it",
        "for bootjack's own variables write {{ name }}",
    ))
}

/// An entry's id.
pub(super) fn id(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let id = text(node, "id", report)?;
    if is_id(id) {
        return Some(id.to_owned());
    }
    let hint = format!("use letters, digits, -, _ and ., at most {MAX_ID} characters");
    report.error(node.at, format!("\"{}\" is no id", id.escape_debug()), hint);
    None
}

/// `10s`, `500ms`, `2m`, or seconds.
pub(super) fn timeout(node: &Node, report: &mut Report<'_>) -> Option<Duration> {
    let word = text(node, "timeout", report)?;
    match duration(word) {
        Some(timeout) if timeout <= MAX_TIMEOUT => return timeout.into(),
        Some(_) => report.error(
            node.at,
            format!(
                "timeout {word} is too long; menus count up to {}s",
                MAX_TIMEOUT.as_secs()
            ),
            "the longest is 59m; without timeout the menu waits for the user".to_owned(),
        ),
        None => report.error(
            node.at,
            format!("\"{}\" is no timeout", word.escape_debug()),
            "write 10s, 500ms or 2m; 0s starts the default at once".to_owned(),
        ),
    }
    None
}

/// A path below the image folder (or an asset's name), or a URL.
pub(super) fn target(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Target> {
    let written = text(node, what, report)?;
    let (problem, hint) = match parse_target(written) {
        Ok(target) => {
            warn_of_images_folder(node, what, &target, report);
            return Some(target);
        }
        Err(problem) => problem,
    };
    let message = format!("{what} \"{}\" {problem}", written.escape_debug());
    report.error(node.at, message, hint);
    None
}

/// The path that such text is, where it is one.
pub(super) fn own_path(written: &str) -> Option<String> {
    match parse_target(written) {
        Ok(Target::Path(path)) => Some(path),
        Ok(Target::Url(_)) | Err(_) => None,
    }
}

type Bad = (&'static str, Option<String>);

fn parse_target(written: &str) -> Result<Target, Bad> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\^|".contains(c);
    if written.contains("{{") {
        return Err((
            "holds \"{{\", but variables work only in args and ipxe",
            None,
        ));
    }
    if written.contains('$') {
        return Err(("holds \"$\", which boot loaders expand", None));
    }
    if written.contains(bad) {
        let hint = "rename the file; boot loaders end a name at a blank or a quote".to_owned();
        return Err((
            "holds a blank, a quote or a sign that no loader takes",
            Some(hint),
        ));
    }
    match written.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") => url(written, scheme, rest),
        _ => path(written),
    }
}

fn path(written: &str) -> Result<Target, Bad> {
    let clean = CleanPath::new(written.as_bytes());
    match clean {
        Ok(clean) if clean.as_str() == written => Ok(Target::Path(written.to_owned())),
        Ok(clean) => Err((
            "is not written as a path below the image folder",
            Some(format!("did you mean \"{clean}\"?")),
        )),
        Err(crate::wire::BadPath::Escape) => Err((
            "leads out of the image folder",
            Some("put the file below the image folder and leave .. out".to_owned()),
        )),
        Err(crate::wire::BadPath::TooLong) => Err(("is longer than 512 bytes", None)),
        Err(_) => Err((
            "is no path",
            Some(
                "write a path below the image folder, such as debian-12/linux, or a URL".to_owned(),
            ),
        )),
    }
}

const SCHEMES: [&str; 3] = ["http", "https", "tftp"];

fn url(written: &str, scheme: &str, rest: &str) -> Result<Target, Bad> {
    if !SCHEMES.contains(&scheme) {
        let hint = similar::hint(scheme, SCHEMES);
        return Err(("has a scheme that boot loaders do not speak", Some(hint)));
    }
    if written.len() > MAX_URL || !written.is_ascii() {
        let hint = "percent-encode what is not ASCII; at most 1024 bytes".to_owned();
        return Err(("is no URL", Some(hint)));
    }
    let authority = rest.trim_start_matches("//");
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if is_authority(authority) {
        Ok(Target::Url(written.to_owned()))
    } else {
        let hint = "write http://server/path or http://server:port/path".to_owned();
        Err(("has no well-formed host", Some(hint)))
    }
}

/// `host`, `host:port`, `[v6]:port`, each perhaps with `user@` (RFC 3986 section 3.2).
fn is_authority(authority: &str) -> bool {
    let host_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match host_port.rfind([':', ']']) {
        Some(i) if host_port.get(i..=i) == Some(":") => host_port.split_at(i),
        _ => (host_port, ""),
    };
    let port = port.trim_start_matches(':');
    let named = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
    let good_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(named),
    };
    let good_port = host_port.len() == host.len() || port.parse::<u16>().is_ok_and(|p| p > 0);
    good_host && good_port
}

fn warn_of_images_folder(node: &Node, what: &str, target: &Target, report: &mut Report<'_>) {
    let Target::Path(path) = target else { return };
    if let Some(rest) = path.strip_prefix("images/") {
        let message = format!("{what} \"{path}\": paths begin below the image folder");
        report.warn(node.at, message, format!("did you mean \"{rest}\"?"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_that_every_loader_can_carry() {
        for good in [
            "debian-12/linux",
            "pxelinux.0",
            "http://10.0.0.2/linux",
            "http://10.0.0.2:8067/a?b=c#d",
            "https://[fd00::1]:443/x",
            "https://[fd00::1]/x",
            "tftp://boot.example.org/x",
            "http://user:secret@host/x",
        ] {
            assert!(parse_target(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/linux",
            "../linux",
            "a/../b",
            "a//b",
            "a b",
            "a\\b",
            "C:\\x",
            "http://",
            "http:///x",
            "http://a b/",
            "http://host:0/",
            "http://host:port/",
            "http://host:/",
            "http://[::zz]/",
            "ftp://host/x",
            "http://h/${net0/mac}",
            "http://höst/",
        ] {
            assert!(parse_target(bad).is_err(), "{bad}");
        }
    }
}
