//! A menu in option 43 as the firmware will show it.

use std::fmt::{self, Write as _};

use crate::profile::items::WAIT;
use crate::wire::pxe::menu::{BootMenu, LOCAL};

/// Prints the menu in an option 43, where it holds one.
pub(super) fn print(option_43: &[u8], out: &mut String) -> fmt::Result {
    let Some(menu) = BootMenu::decode(option_43) else {
        return Ok(());
    };
    let (seconds, prompt) = menu.prompt.clone().unwrap_or((WAIT, String::new()));
    let when = match seconds {
        0 => "its first line starts at once".to_owned(),
        WAIT => "it is shown at once and waits".to_owned(),
        seconds => format!("\"{prompt}\" for {seconds} s, then its first line starts"),
    };
    let how = match menu.multicast {
        Some(group) => format!("its items are asked for at {group}"),
        None => "its items are asked for at their servers".to_owned(),
    };
    writeln!(
        out,
        "    the firmware's menu, {} bytes: {when}; {how}",
        menu.len()
    )?;
    for (kind, line) in &menu.items {
        writeln!(out, "      {line:<40} {}", whence(&menu, *kind))?;
    }
    Ok(())
}

fn whence(menu: &BootMenu, kind: u16) -> String {
    if kind == LOCAL {
        return "type 0: back to the firmware".to_owned();
    }
    let of_kind = menu.servers.iter().filter(|(k, _)| *k == kind);
    let all = of_kind.flat_map(|(_, servers)| servers);
    let all: Vec<String> = all.map(ToString::to_string).collect();
    format!("type {kind} of {}", all.join(" "))
}
