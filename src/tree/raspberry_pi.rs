//! What a Raspberry Pi asks for → a file of its profile's folder.
//!
//! The folder is what such a machine takes for the root of the server. Its boot ROM puts its serial
//! number in front of each name, or, where its settings say so (`TFTP_PREFIX`), its MAC or a word of
//! the operator's; and where no `start.elf` or `start4.elf` is there, nothing (raspberrypi/documentation).
//! Here all of these are there:
//!
//! ```text
//! FOLDER/5b154510/cmdline.txt    that machine's own, where there is one
//! profile: cmdline, config       the texts that differ by a number or a name
//! FOLDER/cmdline.txt             for all of them
//! ```
//!
//! Absent on purpose: words of the operator's in front. They are folders below the folder; were they
//! taken off, a Pi would find the old kernel where the new one is missing (`os_prefix`).

use super::resolve::{chosen, image, place, text};
use super::{Absence, Choice, CleanPath, Found, Missing, Rendered, Requester};
use crate::client::{Client, Serial};
use crate::profile::{Profile, RaspberryPi, Snapshot, Template};
use crate::render::template;
use crate::wire::Mac;

/// What no Raspberry Pi can do without, where its model asks for it.
const NEEDED: [&str; 7] = [
    "bootcode.bin",
    "start.elf",
    "start4.elf",
    "fixup.dat",
    "fixup4.dat",
    "config.txt",
    "cmdline.txt",
];
/// Kernels, in the order that firmware asks for them: the 64-bit ones of a Pi 5 and of all others, and the
/// 32-bit ones.
const KERNELS: [&str; 5] = [
    "kernel_2712.img",
    "kernel8.img",
    "kernel7l.img",
    "kernel7.img",
    "kernel.img",
];

/// What this name is for the machine; `None` where its profile has no such folder.
pub(super) fn file(
    snapshot: &Snapshot,
    requester: &Requester,
    name: &CleanPath,
) -> Option<Result<Found, Missing>> {
    let client = requester.client.as_ref()?;
    let profile = chosen(snapshot, client).ok()?.profile;
    let Some(pi) = &profile.raspberry_pi else {
        let is_pi = snapshot.quirks.treat(client).tells_pi(client);
        return is_pi.then(|| Err(Missing::NoFolder(profile.name.to_string())));
    };
    let asked = Asked::of(client, name);
    Some(asked.found(snapshot, requester, (&profile, pi)))
}

/// A name as a Pi asks for it.
struct Asked<'a> {
    client: &'a Client,
    /// Whole.
    name: &'a CleanPath,
    /// Whose folder it names.
    serial: Option<Serial>,
    /// Without that folder.
    shared: CleanPath,
    has_folder: bool,
}

impl<'a> Asked<'a> {
    fn of(client: &'a Client, name: &'a CleanPath) -> Self {
        let (first, rest) = name.split_first();
        let serial = Serial::of_folder(first);
        let is_own = serial.is_some() || first.parse::<Mac>().is_ok_and(|mac| mac == client.mac);
        let shared = rest.filter(|_| is_own);
        Self {
            client,
            name,
            serial: serial.filter(|_| shared.is_some()),
            has_folder: shared.is_some(),
            shared: shared.unwrap_or_else(|| name.clone()),
        }
    }

    fn found(
        &self,
        snapshot: &Snapshot,
        requester: &Requester,
        (profile, pi): (&Profile, &RaspberryPi),
    ) -> Result<Found, Missing> {
        let below = |path: &CleanPath| {
            let path = CleanPath::new(format!("{}/{path}", pi.folder).as_bytes());
            path.map(image).map_err(Missing::from)
        };
        let shared = match self.template(pi) {
            Some(template) => self.filled(template, snapshot, requester, profile)?,
            None => below(&self.shared)?,
        };
        let own = self.has_folder.then(|| below(self.name)).transpose()?;
        let (first, then) = match own {
            Some(own) => (own, Some(shared)),
            None => (shared, None),
        };
        Ok(Found::First(Box::new(Choice {
            first,
            then,
            otherwise: self.missing(&pi.folder),
        })))
    }

    /// The profile's own text of that name.
    fn template<'p>(&self, pi: &'p RaspberryPi) -> Option<&'p Template> {
        match self.shared.as_str() {
            "cmdline.txt" => pi.cmdline.as_ref(),
            "config.txt" => pi.config.as_ref(),
            _ => None,
        }
    }

    fn filled(
        &self,
        template: &Template,
        snapshot: &Snapshot,
        requester: &Requester,
        profile: &Profile,
    ) -> Result<Found, Missing> {
        let place = place(snapshot, requester);
        let mut values = template::variables(profile, self.client, place);
        if let Some(serial) = self.serial {
            values.insert("serial".to_owned(), serial.to_string());
        }
        let filled = template::fill(template, &values).map_err(Missing::Render)?;
        let rendered = Rendered {
            dialect: super::RASPBERRY_PI,
            profile: profile.name.to_string(),
            entries: 0,
        };
        Ok(text(format!("{}\n", filled.trim_end()), rendered))
    }

    fn missing(&self, folder: &str) -> Absence {
        let file = self.shared.as_str();
        let stand_ins = stand_ins(file);
        let needed = NEEDED.contains(&file) || stand_ins.is_some();
        let below = |name: &String| CleanPath::new(format!("{folder}/{name}").as_bytes());
        let stand_ins = stand_ins.unwrap_or_default();
        let instead = stand_ins.iter().filter_map(|name| below(name).ok());
        let words = if needed {
            format!(
                "a Raspberry Pi needs {file}: copy {file} into images/{folder}, best with its whole boot partition"
            )
        } else {
            format!(
                "{file} is not in images/{folder}; a Raspberry Pi looks for much that it does without"
            )
        };
        Absence {
            words,
            needed,
            instead: instead.map(image).collect(),
        }
    }
}

/// What firmware takes in the place of a kernel or of the device tree of a board; `None`: the file is neither.
fn stand_ins(file: &str) -> Option<Vec<String>> {
    if let Some(at) = KERNELS.iter().position(|kernel| *kernel == file) {
        let older = KERNELS.iter().skip(at.saturating_add(1));
        return Some(older.map(ToString::to_string).collect());
    }
    let board = file.strip_suffix(".dtb")?;
    let is_board = board.starts_with("bcm27") && board.contains("-rpi-");
    // The newer stepping of a Pi 5's chip, and the newer board of a Pi 3.
    let older = board.replace("d0-", "-");
    let older = older.strip_suffix("-plus").unwrap_or(&older);
    let other = (older != board).then(|| format!("{older}.dtb"));
    is_board.then(|| other.into_iter().collect())
}
