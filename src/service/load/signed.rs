//! Which programs firmware and shim will not start: those that profiles with `secure_boot: true` name,
//! and the shim and GRUB that stand in for ours.
//!
//! * [`wanted`]: what is to be started
//! * [`file`]: what is in a file
//! * [`words`]: what is said of it
//!
//! All of it is warnings, and what is warned of stays in the menus: a machine may know keys that nobody
//! can see from here. Bounded: so many files, and so many bytes of them for each load; past those a file is
//! judged by whose signature it has, without looking whether it is still what was signed.
//!
//! Absent on purpose: what is not there (see `absent`), files of other servers, what is in an image (`.iso`,
//! `.img`), and machines that were learnt to have Secure Boot on: their profile does not say so, and others
//! of it may have it off.

mod file;
mod wanted;
mod words;

use std::collections::HashSet;
use std::path::PathBuf;

use crate::assets::pair::{self, Pair};
use crate::firmware::secure::trust::MAX_SHIM;
use crate::firmware::secure::{self, Program, Refused, Starter, Trust};
use crate::profile::{Named, Profiles, Snapshot, Source};
use crate::service::files::{self, Body};
use crate::service::shared::Folders;
use crate::tree::{self, CleanPath, Found, Root};
use crate::yaml::Finding;
use file::{Identity, Known};
use wanted::Wanted;
use words::Why;

/// What is known of files, and which of them will not start.
#[derive(Debug, Default)]
pub struct Signed {
    known: Known,
    /// Files that were told of, as they were.
    told: Vec<(PathBuf, Option<Identity>)>,
}

impl Signed {
    /// Looks at all of them. `named`: where profiles name their files. It blocks on the disk.
    pub fn look(
        &mut self,
        folders: &Folders,
        tree: &Snapshot,
        profiles: &Profiles,
        named: &[(&Source, &Named)],
    ) -> Vec<Finding> {
        self.known.begin();
        self.told.clear();
        let mut look = Look {
            folders,
            tree,
            signed: self,
        };
        let mut findings = Vec::new();
        for pair in &pair::ALL {
            if profiles.all().any(|p| p.boots_by_shim(pair.platform)) {
                let wanted = wanted::all(profiles, pair.platform, tree);
                findings.extend(look.platform(wanted, pair, named));
            }
        }
        once(findings)
    }

    /// Whether a file that was told of is another one now. It blocks on the disk.
    pub fn have_changed(&self) -> bool {
        let mut told = self.told.iter();
        told.any(|(path, was)| Identity::at(path) != *was)
    }
}

/// What is to be said of a file on several platforms, said once.
fn once(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut said = HashSet::new();
    findings.retain(|f| said.insert((f.file.clone(), f.line, f.column, f.message.clone())));
    findings
}

/// One look at everything.
struct Look<'l> {
    folders: &'l Folders,
    tree: &'l Snapshot,
    signed: &'l mut Signed,
}

impl Look<'_> {
    /// What firmware of one platform starts.
    fn platform(
        &mut self,
        all: Vec<Wanted<'_>>,
        pair: &Pair,
        named: &[(&Source, &Named)],
    ) -> Vec<Finding> {
        let Some(trust) = self.trust(pair.shim) else {
            return self
                .own(pair.shim)
                .iter()
                .map(|p| words::of_no_shim(p))
                .collect();
        };
        let mut findings = self.pair(pair, &trust);
        let assets = self.folders.assets.as_deref();
        for wanted in all {
            let judged = self.judged(&wanted.name, |p| {
                secure::judge(p, &trust, wanted.by.starter())
            });
            findings
                .extend(judged.map(|why| words::of_wanted(&wanted, &why, (pair, assets), named)));
        }
        findings
    }

    /// Whom the shim that is served trusts; `None`: it is none.
    fn trust(&mut self, shim: &str) -> Option<Trust> {
        let name = format!("assets/{shim}");
        let (found, body) = self.open(&name)?;
        let size = usize::try_from(body.len.min(MAX_SHIM)).ok()?;
        let trust = Trust::of_shim(&file::read(&body.data, 0, size).ok()?);
        if trust.is_none() {
            self.note(&found, Identity::of(&name, &body).ok());
        }
        trust
    }

    /// An operator's shim or GRUB that will not start.
    fn pair(&mut self, &Pair { shim, grub, .. }: &Pair, trust: &Trust) -> Vec<Finding> {
        let (own_shim, own_grub) = (self.own(shim), self.own(grub));
        let mut findings = Vec::new();
        if let Some(path) = &own_shim {
            let judge = |p: &Program| secure::judge(p, trust, Starter::Firmware);
            let why = self.judged(&format!("assets/{shim}"), judge);
            findings.extend(why.map(|why| words::of_shim(path, &why)));
        }
        if let Some(path) = own_grub.as_ref().or(own_shim.as_ref()) {
            let judge = |p: &Program| secure::judge_second(p, trust);
            let why = self.judged(&format!("assets/{grub}"), judge);
            let ours = own_grub.is_none();
            findings.extend(why.map(|why| words::of_grub(path, grub, ours, &why)));
        }
        findings
    }

    /// Why the file of this name will not start; `None`: it will, or is not there, or nobody can tell.
    fn judged(
        &mut self,
        name: &str,
        judge: impl Fn(&Program) -> Result<(), Refused>,
    ) -> Option<Why> {
        let (found, body) = self.open(name)?;
        let identity = Identity::of(name, &body).ok()?;
        let facts = self.signed.known.facts(&identity, &body)?;
        let why = match facts.as_ref() {
            Err(why) => Why::NoProgram(*why),
            Ok(program) => Why::Refused(judge(program).err()?),
        };
        self.note(&found, Some(identity));
        Some(why)
    }

    /// Another file in its place is worth another look; not where the folder spells its name in another
    /// way, for there nothing is.
    fn note(&mut self, found: &Found, was: Option<Identity>) {
        let there = self.path(found).filter(|path| Identity::at(path) == was);
        self.signed.told.extend(there.map(|path| (path, was)));
    }

    fn find(&self, name: &str) -> Option<Found> {
        let path = CleanPath::new(name.as_bytes()).ok()?;
        tree::for_everyone(self.tree, &path)?.ok()
    }

    fn open(&self, name: &str) -> Option<(Found, Body)> {
        let found = self.find(name)?;
        let (body, _) = files::open_now(self.folders, &found).ok()?;
        Some((found, body))
    }

    /// The operator's file that stands in for an asset.
    fn own(&self, asset: &str) -> Option<PathBuf> {
        self.path(&self.find(&format!("assets/{asset}"))?)
    }

    fn path(&self, found: &Found) -> Option<PathBuf> {
        let Found::File(file) = found else {
            return None;
        };
        let folder = match file.root {
            Root::Images => Some(&self.folders.images),
            Root::Assets => self.folders.assets.as_ref(),
        };
        Some(folder?.join(file.path.as_str()))
    }
}
