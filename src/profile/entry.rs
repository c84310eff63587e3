//! `entries:` → [`Entry`]s: one boot target each.

use super::boot_server;
use super::http_boot::has_ending;
use super::model::{Action, DeviceTree, Entry, PerArch, Target, Template};
use super::schema::{ACTIONS, ENTRY, LINUX, per_arch};
use super::template::{self, Values};
use super::words::{bad_line, id, target, title};
use crate::yaml::{At, Node, Report, Section, Value, archs, kind, report::place_of, text, yes_no};

/// The longest kernel command line, in bytes: x86 Linux cuts at its `COMMAND_LINE_SIZE`.
pub(super) const MAX_ARGS: usize = 2047;
/// The longest iPXE script, in bytes.
const MAX_SCRIPT: usize = 32 << 10;

/// An entry and where its id stands.
#[derive(Debug)]
pub(super) struct Placed {
    /// The entry.
    pub entry: Entry,
    /// Where its id stands.
    pub at: At,
}

/// Reads one entry; templates are tried with `sample`.
pub(super) fn read(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Placed> {
    let section = Section::open(node, &ENTRY, report)?;
    let name = section.need("id", report);
    let id = name.and_then(|n| id(n, report));
    let title = match section.get("title") {
        Some(node) => title(node, "title", report),
        None => id.clone(),
    };
    let arch = section.or("arch", Vec::new(), |n| archs(n, report));
    let servers = boot_server::read(&section, report);
    let action = if boot_server::is_elsewhere(&section, servers.as_ref()) {
        Some(Action::Elsewhere)
    } else {
        action(&section, sample, report)
    };
    let ((servers, told), id, action) = (servers?, id?, action?);
    Some(Placed {
        at: name.map_or(node.at, |n| n.at),
        entry: Entry {
            item_type: boot_server::item_type(&id, &action, told),
            id,
            title: title?,
            arch: arch?,
            action,
            servers,
        },
    })
}

fn action(section: &Section<'_>, sample: &Values, report: &mut Report<'_>) -> Option<Action> {
    let mut given = ACTIONS.iter().filter_map(|name| section.field(name));
    let Some((key, node)) = given.next() else {
        if let Some((servers, _)) = section.field("servers") {
            let message = "self is among the servers, and there is nothing that bootjack boots";
            let hint = "give the entry one of linux, loader, chain, ipxe, image, or take self out"
                .to_owned();
            report.error(servers.at, message, hint);
            return None;
        }
        let message =
            "the entry does nothing; give it one of linux, loader, local, chain, ipxe, image";
        report.error(section.at, message, None);
        return None;
    };
    for (other, _) in given {
        let message = format!("the entry has both \"{}\" and \"{}\"", key.text, other.text);
        report.error(other.at, message, "make two entries of it".to_owned());
    }
    match key.text.as_str() {
        "linux" => linux(node, sample, report),
        "loader" => {
            per_arch(node, "loader", report, |n, r| target(n, "loader", r)).map(Action::Loader)
        }
        "chain" => per_arch(node, "chain", report, |n, r| target(n, "chain", r)).map(Action::Chain),
        "image" => per_arch(node, "image", report, image).map(Action::Image),
        "ipxe" => script(node, sample, report).map(Action::Ipxe),
        _ => local(node, report),
    }
}

/// Everybody tells by the name what kind of image it is: firmware, memdisk, and our content type.
fn image(node: &Node, report: &mut Report<'_>) -> Option<Target> {
    let image = target(node, "image", report)?;
    if !has_ending(&image, &["iso", "img"]) {
        let message = format!(
            "image \"{}\" ends neither in .iso nor in .img",
            image.written()
        );
        let hint = "rename it; what is packed (.gz, .xz) has to be unpacked".to_owned();
        report.error(node.at, message, hint);
        return None;
    }
    if matches!(&image, Target::Url(url) if url.starts_with("tftp:")) {
        let hint = "put it below the image folder, or name it by http".to_owned();
        report.error(node.at, "no loader boots an image by tftp", hint);
        return None;
    }
    Some(image)
}

fn local(node: &Node, report: &mut Report<'_>) -> Option<Action> {
    let yes = yes_no(node, "local", report)?;
    if !yes {
        let hint = "write local: true, or leave the entry out".to_owned();
        report.error(node.at, "local is false", hint);
    }
    yes.then_some(Action::Local)
}

fn linux(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Action> {
    let section = Section::open(node, &LINUX, report)?;
    let kernel = section
        .need("kernel", report)
        .and_then(|n| per_arch(n, "kernel", report, |n, r| target(n, "kernel", r)));
    let initrd = section.or("initrd", PerArch::All(Vec::new()), |n| {
        per_arch(n, "initrd", report, initrds)
    });
    let args = section.or("args", PerArch::All(Template::default()), |n| {
        per_arch(n, "args", report, |n, r| arguments(n, sample, r))
    });
    let device_tree = device_tree(&section, report);
    let (kernel, initrd, args) = (kernel?, initrd?, args?);
    warn_of_gaps(&section, &kernel, "initrd", &initrd, report);
    warn_of_gaps(&section, &kernel, "args", &args, report);
    Some(Action::Linux {
        kernel,
        initrd,
        args,
        device_tree: device_tree?,
    })
}

/// What U-Boot hands the kernel.
fn device_tree(section: &Section<'_>, report: &mut Report<'_>) -> Option<PerArch<DeviceTree>> {
    let (key, node, tree): (_, _, fn(Target) -> DeviceTree) =
        match (section.get("dtb"), section.get("fdtdir")) {
            (None, None) => return Some(PerArch::All(DeviceTree::Firmware)),
            (Some(file), None) => ("dtb", file, DeviceTree::File),
            (None, Some(folder)) => ("fdtdir", folder, DeviceTree::Folder),
            (Some(_), Some(folder)) => {
                let hint = "name the file, or the folder in which each board finds its own";
                let message = "linux has both \"dtb\" and \"fdtdir\"";
                report.error(folder.at, message, hint.to_owned());
                return None;
            }
        };
    per_arch(node, key, report, |n, r| own_path(n, key, r).map(tree))
}

/// U-Boot fetches by TFTP, and from where its menu came.
fn own_path(node: &Node, what: &str, report: &mut Report<'_>) -> Option<Target> {
    let named = target(node, what, report)?;
    if let Target::Url(url) = &named {
        let message = format!("{what} \"{url}\" is a URL, and U-Boot fetches by name alone");
        let hint = "put it below the image folder, and write its path there".to_owned();
        report.error(node.at, message, hint);
        return None;
    }
    Some(named)
}

fn initrds(node: &Node, report: &mut Report<'_>) -> Option<Vec<Target>> {
    let items = match &node.value {
        // "initrd: []" says "none" in so many words.
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let read: Vec<_> = items.iter().map(|n| target(n, "initrd", report)).collect();
    read.into_iter().collect()
}

/// A kernel for a platform beside an initrd or arguments for others only is a slip.
fn warn_of_gaps<T>(
    section: &Section<'_>,
    kernel: &PerArch<Target>,
    what: &str,
    other: &PerArch<T>,
    report: &mut Report<'_>,
) {
    let platforms = crate::wire::Platform::NAMED;
    let all = matches!(kernel, PerArch::All(_));
    let gap = platforms
        .into_iter()
        .find(|p| !all && kernel.get(*p).is_some() && other.get(*p).is_none());
    if let (Some(platform), Some(node)) = (gap, section.get(what)) {
        let message = format!("{platform} has a kernel, but no {what}");
        report.warn(node.at, message, format!("add {platform}: to {what}"));
    }
}

fn arguments(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Template> {
    let line = text(node, "args", report)?.trim();
    if let Some((message, hint)) = bad_line(line) {
        report.error(node.at, format!("args {message}"), hint.to_owned());
        return None;
    }
    let filled = filled(node, line, "args", sample, report)?;
    if let Some((message, hint)) = bad_line(&filled) {
        let message = format!("args, its variables filled in, {message}");
        report.error(node.at, message, hint.to_owned());
        return None;
    }
    if filled.len() > MAX_ARGS {
        let message = format!("args has {} bytes; Linux reads {MAX_ARGS}", filled.len());
        report.warn(node.at, message, None);
    }
    Some(Template(line.to_owned()))
}

fn script(node: &Node, sample: &Values, report: &mut Report<'_>) -> Option<Template> {
    if let Value::List(_) | Value::Map(_) = &node.value {
        let message = format!("ipxe must be the text of a script, not {}", kind(node));
        report.error(
            node.at,
            message,
            "begin it with ipxe: | and indent the lines".to_owned(),
        );
        return None;
    }
    let script = text(node, "ipxe", report)?;
    let control = |c: char| c.is_control() && !"\n\t\r".contains(c);
    if script.trim().is_empty() || script.len() > MAX_SCRIPT || script.contains(control) {
        let message = "ipxe must be a script of at most 32 KiB without control characters";
        report.error(node.at, message, None);
        return None;
    }
    filled(node, script, "ipxe", sample, report)?;
    Some(Template(script.to_owned()))
}

/// What a template becomes for a sample client; what is wrong in it is reported at its place.
pub(super) fn filled(
    node: &Node,
    template: &str,
    what: &str,
    sample: &Values,
    report: &mut Report<'_>,
) -> Option<String> {
    let flaws = match template::check(template, sample) {
        Ok(filled) => return Some(filled),
        Err(flaws) => flaws,
    };
    for flaw in flaws {
        let part = template.get(flaw.part.clone()).unwrap_or_default();
        let at = place_in(node, template, part, flaw.part.start, report.source());
        report.error(at, format!("{what}: {}", flaw.message), flaw.hint);
    }
    None
}

/// Where a part of a template stands in the file. The value has been unquoted, unfolded and
/// unindented since, so the part is counted off: its n-th occurrence there is the n-th here.
fn place_in(node: &Node, template: &str, part: &str, start: usize, source: &str) -> At {
    let Value::Scalar { raw, .. } = &node.value else {
        return node.at;
    };
    let written = source.get(raw.clone()).unwrap_or_default();
    let before = template.get(..start).unwrap_or_default();
    let nth = before.matches(part).count();
    let found = written.match_indices(part).nth(nth);
    match found {
        Some((at, _)) if !part.is_empty() => place_of(source, raw.start + at),
        _ => node.at,
    }
}
