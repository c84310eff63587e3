//! The pxelinux dialect (SYSLINUX 6 configuration).
//!
//! A value runs to the end of its line, so nothing needs quoting; line breaks are refused when a
//! profile is compiled. `^` in a label marks a hotkey and is left out. `TIMEOUT` counts tenths of
//! a second, and 0 means "wait for ever".
//!
//! File types are said by keyword, never left to the name's ending: `.bin` would be taken for a
//! boot sector.

use std::fmt::Write as _;

use super::{Boot, Item, View};

/// The whole configuration.
pub fn config(view: &View) -> String {
    let mut out = format!("# {}\nPROMPT 0\nNOESCAPE 1\n", view.comment);
    match view.default_item() {
        None => return out + "SAY bootjack: this machine's menu has no entry that it can boot\n",
        Some(item) => {
            let _ = writeln!(out, "DEFAULT {}", item.id);
        }
    }
    if view.shows_menu() {
        menu(view, &mut out);
    }
    for item in &view.items {
        label(item, &mut out);
    }
    out
}

fn menu(view: &View, out: &mut String) {
    let tenths = view.timeout.map_or(0, |t| t.as_millis().div_ceil(100));
    let _ = writeln!(
        out,
        "UI menu.c32\nMENU TITLE {}\nTIMEOUT {tenths}",
        plain(&view.title)
    );
    if let Some(item) = view.default_item() {
        let _ = writeln!(out, "ONTIMEOUT {}", item.id);
    }
}

fn label(item: &Item, out: &mut String) {
    let _ = writeln!(
        out,
        "\nLABEL {}\n  MENU LABEL {}",
        item.id,
        plain(&item.title)
    );
    match &item.boot {
        Boot::Local => out.push_str("  LOCALBOOT 0\n"),
        Boot::Linux {
            kernel,
            initrd,
            args,
        } => linux(kernel, initrd, args, out),
        Boot::Program(uri) => {
            let _ = writeln!(out, "  {} {uri}", keyword(uri));
        }
        Boot::Script(uri) => linux("ipxe.lkrn", std::slice::from_ref(uri), "", out),
    }
}

fn linux(kernel: &str, initrd: &[String], args: &str, out: &mut String) {
    let _ = writeln!(out, "  LINUX {kernel}");
    if !initrd.is_empty() {
        let _ = writeln!(out, "  INITRD {}", initrd.join(","));
    }
    if !args.is_empty() {
        let _ = writeln!(out, "  APPEND {args}");
    }
}

/// How SYSLINUX is to start a program, by its ending.
fn keyword(uri: &str) -> &'static str {
    let ending = uri.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "0" | "kpxe" | "kkpxe" | "pxe" => "PXE",
        "c32" => "COM32",
        "cfg" => "CONFIG",
        _ => "LINUX",
    }
}

fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '^' && !c.is_control())
        .collect()
}
