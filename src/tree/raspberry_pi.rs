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
use super::{Choice, CleanPath, Found, Missing, Rendered, Requester};
use crate::client::{Client, Serial};
use crate::profile::{Profile, RaspberryPi, Snapshot, Template};
use crate::render::template;
use crate::wire::Mac;

/// What no Raspberry Pi can do without, where its model asks for it.
const NEEDED: [&str; 10] = [
    "bootcode.bin",
    "start.elf",
    "start4.elf",
    "fixup.dat",
    "fixup4.dat",
    "config.txt",
    "cmdline.txt",
    "kernel8.img",
    "kernel_2712.img",
    "kernel7l.img",
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
        return is_pi.then(|| Err(Missing::NoFolder(profile.name.clone())));
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
            dialect: "raspberry-pi",
            profile: profile.name.clone(),
            entries: 0,
        };
        Ok(text(format!("{}\n", filled.trim_end()), rendered))
    }

    fn missing(&self, folder: &str) -> String {
        let file = self.shared.as_str();
        if NEEDED.contains(&file) || is_device_tree(file) {
            format!(
                "the Raspberry Pi asks for {file}, which is not in images/{folder}: copy the whole boot partition there"
            )
        } else {
            format!(
                "{file} is not in images/{folder}; a Raspberry Pi looks for much that it does without"
            )
        }
    }
}

/// Whether this is the device tree of a board, as `bcm2711-rpi-4-b.dtb`.
fn is_device_tree(file: &str) -> bool {
    file.strip_suffix(".dtb")
        .is_some_and(|board| board.starts_with("bcm27") && board.contains("-rpi-"))
}
