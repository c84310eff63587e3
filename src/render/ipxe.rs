//! The iPXE dialect.
//!
//! iPXE has no quoting at all (core/exec.c): a line is split at white space, a token that begins
//! with `#` starts a comment, the tokens `&&`, `||` and `;` end a command, and `${…}` is expanded
//! token by token afterwards. So a dangerous token is disarmed by an empty expansion in front of
//! it, more than one space in a row is made by expansion, and `${` itself, which cannot be
//! disarmed, is refused when the profile is compiled.
//!
//! Local boot is `exit 1`: Dell and Lenovo firmware drops into setup on `exit 0` (quirk 47).

use std::fmt::Write as _;
use std::time::Duration;

use super::{Boot, Item, View, ascii};

/// The whole script: a menu, or the only entry at once.
pub fn script(view: &View) -> String {
    let mut out = format!("#!ipxe\n# {}\n", comment(&view.comment));
    // A setting that nobody defines expands to nothing; this one expands to a space.
    out.push_str("set sp:hex 20\n");
    match view.default_item() {
        None => out.push_str(
            "echo bootjack: this machine's menu has no entry that it can boot\nsleep 10\nexit 1\n",
        ),
        Some(_) if view.shows_menu() => menu(view, &mut out),
        Some(item) => only(item, &mut out),
    }
    out
}

/// A user's script, made to start as iPXE demands, with a network: the iPXE that pxelinux starts
/// (`ipxe.lkrn`) has none yet. One without a network may still have something to do.
pub(super) fn headed(script: &str) -> String {
    let script = script.trim();
    let body = match script.split_once('\n') {
        Some((head, body)) if head.starts_with("#!ipxe") => body,
        None if script.starts_with("#!ipxe") => "",
        _ => script,
    };
    format!("#!ipxe\nisset ${{ip}} || dhcp ||\n{body}\n")
}

/// A script that only hands over.
pub(super) fn chain_to(uri: &str) -> String {
    format!("#!ipxe\nisset ${{ip}} || dhcp || exit 1\nchain {uri} || exit 1\n")
}

fn menu(view: &View, out: &mut String) {
    let _ = writeln!(
        out,
        ":menu\nmenu {}",
        words(ascii(&view.title).trim_start_matches('-'))
    );
    for item in &view.items {
        let _ = writeln!(out, "item {} {}", item.id, words(&ascii(&item.title)));
    }
    let default = view
        .default_item()
        .map(|i| format!("--default {} ", i.id))
        .unwrap_or_default();
    let timeout = view
        .timeout
        .map(|t| format!("--timeout {} ", t.as_millis()))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "choose {default}{timeout}chosen || exit 1\ngoto entry-${{chosen}}"
    );
    for item in &view.items {
        let _ = writeln!(out, "\n:entry-{}", item.id);
        boot(&item.boot, "goto menu", out);
    }
    out.push_str("\n:failed\necho bootjack: that did not boot; back to the menu in 10 seconds\nsleep 10\ngoto menu\n");
}

fn only(item: &Item, out: &mut String) {
    boot(&item.boot, "exit 1", out);
    out.push_str("\n:failed\necho bootjack: that did not boot; leaving iPXE in 10 seconds\nsleep 10\nexit 1\n");
}

/// What was started may come back without an error: a script that has ended, a program that was
/// left. `back` says where to then; without it the next entry would start.
fn boot(boot: &Boot, back: &str, out: &mut String) {
    match boot {
        Boot::Local => return out.push_str("exit 1\n"),
        Boot::Linux {
            kernel,
            initrd,
            args,
            ..
        } => linux(kernel, initrd, args, out),
        // A web server's disk has no description for the system that boots from it.
        Boot::Image { uri, .. } => {
            let _ = writeln!(out, "imgfree\nsanboot --no-describe {uri} || goto failed");
        }
        Boot::Program(uri) | Boot::Script(uri) => {
            let _ = writeln!(out, "imgfree\nchain {uri} || goto failed");
        }
    }
    let _ = writeln!(out, "{back}");
}

/// UEFI kernels find their RAM disks by `initrd=` and the name that iPXE gives them.
fn linux(kernel: &str, initrd: &[String], args: &str, out: &mut String) {
    out.push_str("imgfree\n");
    for (n, uri) in initrd.iter().enumerate() {
        let _ = writeln!(out, "initrd --name initrd{n} {uri} || goto failed");
    }
    let names: Vec<String> = (0..initrd.len())
        .map(|n| format!("initrd=initrd{n}"))
        .collect();
    let args = words(&[&names.join(" "), args].join(" "));
    let _ = writeln!(
        out,
        "kernel {kernel} {args} || goto failed\nboot || goto failed"
    );
}

/// Text as iPXE takes it word for word.
fn words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let next = after.trim_start();
        let spaces = after.len() - next.len();
        out.push_str(&disarmed(word));
        match spaces {
            0 => {}
            1 => out.push(' '),
            // joined into one token, so that no space is lost
            n => out.push_str(&"${sp:string}".repeat(n)),
        }
        rest = next;
    }
    out
}

fn disarmed(word: &str) -> String {
    let dangerous = word.starts_with('#') || matches!(word, "&&" | "||" | ";");
    if dangerous {
        format!("${{none}}{word}")
    } else {
        word.to_owned()
    }
}

fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// How long a menu waits, for the other dialects' whole seconds.
pub(super) const fn seconds(timeout: Duration) -> u64 {
    timeout.as_millis().div_ceil(1000) as u64
}
