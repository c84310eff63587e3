//! What is said of a program that will not start, and what to do.

use std::fmt;
use std::path::Path;

use super::wanted::{By, Wanted};
use crate::assets::pair::Pair;
use crate::firmware::secure::{NoProgram, Refused};
use crate::profile::{Named, Source};
use crate::service::load::about;
use crate::yaml::{Finding, Severity, report::line_of};

/// Why something will not start.
#[derive(Debug)]
pub(super) enum Why {
    NoProgram(NoProgram),
    Refused(Refused),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram(why) => why.fmt(f),
            Self::Refused(why) => why.fmt(f),
        }
    }
}

/// What stands between firmware and the program, and the operator's folder for his own of them.
type Behind<'p> = (&'p Pair, Option<&'p Path>);

/// Of what a profile starts, at the place that names it.
pub(super) fn of_wanted(
    wanted: &Wanted<'_>,
    why: &Why,
    behind: Behind<'_>,
    named: &[(&Source, &Named)],
) -> Finding {
    let who = match wanted.by {
        By::Shim => "shim",
        By::Menu => "firmware, which starts it from its own menu,",
        By::Http => "firmware, which starts it by HTTP boot (http_boot),",
    };
    let (key, written) = (
        wanted.key.unwrap_or("kernel"),
        wanted.written.escape_debug(),
    );
    let message = format!("{key} \"{written}\": {who} will not start it under Secure Boot: {why}");
    let hint = remedy(wanted.by, why, behind);
    let file = &wanted.profile.file;
    let finding = about(file, Severity::Warning, message, &hint);
    let place = named.iter().find(|(source, named)| {
        source.file == *file && Some(named.key) == wanted.key && named.path == wanted.written
    });
    let Some((source, named)) = place else {
        return finding;
    };
    Finding {
        line: named.at.line,
        column: named.at.column,
        text: line_of(&source.text, named.at),
        ..finding
    }
}

fn remedy(by: By, why: &Why, behind: Behind<'_>) -> String {
    let known = match why {
        Why::Refused(refused) => return of_refused(by, refused, behind),
        Why::NoProgram(NoProgram::Gzip) => {
            "unpack it (gunzip): what is verified is the file as it is"
        }
        Why::NoProgram(NoProgram::CutOff { .. }) => "copy it once more: it did not come to its end",
        Why::NoProgram(NoProgram::Other(_) | NoProgram::Broken) => {
            "name an EFI program: a kernel with its EFI stub, or a loader for UEFI"
        }
    };
    known.to_owned()
}

fn of_refused(by: By, refused: &Refused, (pair, assets): Behind<'_>) -> String {
    let remedy = match (refused, by) {
        (Refused::Untrusted(..) | Refused::Unsigned, By::Menu) => {
            "let GRUB start it (loader: auto), and have it signed by one whom shim trusts"
        }
        (Refused::Untrusted(..) | Refused::Unsigned, By::Http) => {
            "let http_boot name an entry with a program that Microsoft has signed, or leave it out: the machine \
             goes on to PXE then"
        }
        (Refused::Untrusted(..), By::Shim) => {
            let folder = assets.map_or_else(
                || "a folder that --assets names".to_owned(),
                |folder| folder.display().to_string(),
            );
            return format!(
                "put the signed shim and GRUB of who made it ({}, {}) into {folder}, \
                 or enrol its key in every machine (mokutil, MokManager)",
                pair.shim, pair.grub
            );
        }
        (Refused::Unsigned | Refused::Unreadable, _) => {
            "take the signed file of its distribution, sign it with a key that is enrolled in every \
             machine (sbsign, mokutil), or give machines whose Secure Boot is off a profile of their own"
        }
        (Refused::Changed(_) | Refused::Forged(_), _) => {
            "copy it once more from where it came; if it was changed on purpose, sign it again"
        }
        (Refused::Revoked | Refused::RevokedSigner(_) | Refused::NoGeneration, _) => {
            "take a newer one"
        }
    };
    remedy.to_owned()
}

/// Of an operator's shim.
pub(super) fn of_shim(path: &Path, why: &Why) -> Finding {
    let message = format!("firmware with Microsoft's keys will not start it: {why}");
    let hint = "take the signed one (Debian calls it shimx64.efi.signed), or enrol its key in the firmware of every machine";
    warning(path, message, hint)
}

/// Of an operator's file in the place of shim that is none.
pub(super) fn of_no_shim(path: &Path) -> Finding {
    let message = "it is no shim (it has no section .vendor_cert), so that nothing can be said of what it starts";
    let hint = "take the signed shim of a distribution, or remove it: bootjack has Debian's";
    warning(path, message.to_owned(), hint)
}

/// Of the GRUB behind an operator's shim, which is his own, or ours.
pub(super) fn of_grub(path: &Path, grub: &str, ours: bool, why: &Why) -> Finding {
    if ours {
        let message = format!("it will not start bootjack's {grub}, which comes behind it: {why}");
        let hint =
            "put the signed GRUB of the same distribution beside it, its image for the network";
        return warning(path, message, hint);
    }
    let message = format!("shim will not start it: {why}");
    let hint = "take shim and GRUB of the same distribution and age, both signed";
    warning(path, message, hint)
}

fn warning(path: &Path, message: String, hint: &str) -> Finding {
    about(
        &path.display().to_string(),
        Severity::Warning,
        message,
        hint,
    )
}
