//! The pxelinux dialect (SYSLINUX 6 configuration), and the part of it that U-Boot reads.
//!
//! A value runs to the end of its line, so nothing needs quoting; line breaks are refused when a
//! profile is compiled. `^` in a label marks a hotkey and is left out. `TIMEOUT` counts tenths of
//! a second, and 0 means "wait for ever".
//!
//! File types are said by keyword, never left to the name's ending: `.bin` would be taken for a
//! boot sector.
//!
//! `LOCALBOOT 0` gives the machine back to the ROM that loaded pxelinux, and that to the BIOS and
//! its next boot device: seen on SeaBIOS with an iPXE ROM, whose disk then boots. It works whatever
//! the next device is, where `chain.c32 hd0` knows BIOS disks alone.

use std::fmt::Write as _;

use super::{BoardTree, Boot, Item, View, ascii};
use crate::profile::items;

/// The whole configuration.
pub fn config(view: &View) -> String {
    if view.for_u_boot {
        return u_boot(view);
    }
    let mut out = format!("# {}\nNOESCAPE 1\n", view.comment);
    match view.default_item() {
        None => out.push_str(NOTHING),
        Some(item) if view.shows_menu() => menu(view, item, &mut out),
        Some(item) => at_once(item, &mut out),
    }
    for item in &view.items {
        label(item, &mut out);
    }
    if !view.shows_menu() {
        out.push_str(LEAVE);
    }
    out
}

/// What U-Boot reads of it (`boot/pxe_utils.c`). `MENU` outside a label makes it ask; `LOCALBOOT` runs
/// `localcmd` where there is one, and gives the board back to its boot order. An entry that fails is
/// followed by all others, in their order: so one that starts at once is the only one.
fn u_boot(view: &View) -> String {
    let mut out = format!("# {}\n", view.comment);
    let Some(default) = view.default_item() else {
        return out;
    };
    let _ = writeln!(out, "DEFAULT {}", default.id);
    if !view.shows_menu() {
        board_label(default, &mut out);
        return out;
    }
    let tenths = view.timeout.map_or(0, |t| t.as_millis().div_ceil(100));
    let title = plain(&view.title);
    let _ = writeln!(out, "MENU TITLE {}\nTIMEOUT {tenths}", uncommented(&title));
    for item in &view.items {
        board_label(item, &mut out);
    }
    out
}

fn board_label(item: &Item, out: &mut String) {
    labelled(item, uncommented(&plain(&item.title)), out);
    let Boot::Linux { device_tree, .. } = &item.boot else {
        return;
    };
    let _ = match device_tree {
        Some(BoardTree::File(file)) => writeln!(out, "  FDT {file}"),
        Some(BoardTree::Folder(folder)) => writeln!(out, "  FDTDIR {folder}"),
        None => Ok(()),
    };
}

/// To U-Boot a value that begins with `#` is a comment.
fn uncommented(title: &str) -> &str {
    let rest = title.trim_start_matches(['#', ' ']);
    if rest.is_empty() { "-" } else { rest }
}

/// Where an entry leads that was started at once and failed: to the next boot device, as in iPXE.
/// No entry has this name, ids do not begin with a dot.
const LEAVE: &str = "\nLABEL .leave\n  LOCALBOOT 0\n";
/// It is shown for ten seconds.
const NOTHING: &str = "SAY bootjack: this machine's menu has no entry that it can boot\n\
    PROMPT 1\nTIMEOUT 100\nDEFAULT .leave\n";

/// Without `ONERROR` pxelinux starts a file that is missing again and again without a pause: 50
/// requests a second from one machine (measured).
fn at_once(item: &Item, out: &mut String) {
    let _ = writeln!(out, "PROMPT 0\nDEFAULT {}\nONERROR .leave", item.id);
}

fn menu(view: &View, default: &Item, out: &mut String) {
    let tenths = view.timeout.map_or(0, |t| t.as_millis().div_ceil(100));
    let (id, title) = (&default.id, plain(&view.title));
    let _ = writeln!(
        out,
        "PROMPT 0\nDEFAULT {id}\nUI menu.c32\nMENU TITLE {title}\nTIMEOUT {tenths}\nONTIMEOUT {id}"
    );
}

fn label(item: &Item, out: &mut String) {
    labelled(item, &plain(&item.title), out);
}

fn labelled(item: &Item, title: &str, out: &mut String) {
    let _ = writeln!(out, "\nLABEL {}\n  MENU LABEL {title}", item.id);
    match &item.boot {
        Boot::Local => out.push_str("  LOCALBOOT 0\n"),
        Boot::Linux {
            kernel,
            initrd,
            args,
            ..
        } => linux(kernel, initrd, args, out),
        Boot::Program(uri) => {
            let _ = writeln!(out, "  {} {uri}", keyword(uri));
        }
        // `raw` leaves the processor's mode alone, which is what most BIOSes can (memdisk.txt).
        Boot::Image { uri, cd } => {
            let kind = if *cd { "iso raw" } else { "raw" };
            linux("memdisk", std::slice::from_ref(uri), kind, out);
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

/// Whether a program is a network boot program. `lpxelinux.0` must fetch these by TFTP: one that it
/// has fetched by HTTP hangs when it starts (seen with undionly.kpxe).
pub(super) fn is_boot_program(uri: &str) -> bool {
    keyword(uri) == "PXE"
}

/// How SYSLINUX is to start a program, by its ending.
fn keyword(uri: &str) -> &'static str {
    let ending = uri.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        _ if items::is_boot_program(uri) => "PXE",
        "c32" => "COM32",
        "cfg" => "CONFIG",
        _ => "LINUX",
    }
}

fn plain(title: &str) -> String {
    ascii(title).replace('^', "")
}
