//! What tells a client. Every part that is given must hold; of a list, any.

use super::words::{Glob, MacPrefix, UndiRange};
use crate::assets::pair;
use crate::client::{Client, Stage};
use crate::wire::{ArchFilter, Platform, Uuid, pxe};

/// What tells a client; nothing in it tells everyone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tells {
    /// How its hardware address begins: an OUI, or all of it.
    pub mac: Vec<MacPrefix>,
    /// Option 60, with `*`.
    pub class: Vec<Glob>,
    /// The UNDI version, from option 94 or 60.
    pub undi: Vec<UndiRange>,
    /// Its architecture: the platform that its loader is for, or a number that it lists.
    pub arch: Vec<ArchFilter>,
    /// Who speaks.
    pub stage: Vec<Stage>,
    /// Option 77, with `*`.
    pub user_class: Vec<Glob>,
    /// Its UUID as text, with `*`, in either byte order.
    pub uuid: Vec<Glob>,
    /// What it was seen to do.
    pub seen: Vec<Behaviour>,
}

/// What a client was seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// It asked port 4011 although its OFFER had told it to boot without (quirk 5).
    #[serde(rename = "asks-4011-all-the-same")]
    Asks4011AllTheSame,
    /// It fetched nothing after every shape of its ladder.
    FollowsNothing,
    /// It was sent an unsigned loader whole, and came back without having run it.
    SecureBoot,
}

impl Behaviour {
    /// By name.
    pub const ALL: [(&'static str, Self); 3] = [
        ("asks-4011-all-the-same", Self::Asks4011AllTheSame),
        ("follows-nothing", Self::FollowsNothing),
        ("secure-boot", Self::SecureBoot),
    ];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asks4011AllTheSame => "asks-4011-all-the-same",
            Self::FollowsNothing => "follows-nothing",
            Self::SecureBoot => "secure-boot",
        }
    }
}

impl Tells {
    /// Whether this is such a client. What costs least is asked first.
    pub fn tells(&self, client: &Client) -> bool {
        any(&self.stage, |stage| *stage == client.stage)
            && any(&self.arch, |arch| is_of(client, *arch))
            && any(&self.mac, |prefix| prefix.begins(client.mac))
            && any(&self.undi, |range| {
                client.undi.is_some_and(|v| range.holds(v))
            })
            && any(&self.seen, |done| client.past.seen.contains(done))
            && any(&self.class, |glob| glob.matches(&client.vendor_class))
            && any(&self.user_class, |glob| glob.matches(&client.user_class))
            && any(&self.uuid, |glob| has_uuid(client, glob))
    }
}

impl Tells {
    /// The stages of those that it can tell; none, where its parts exclude each other.
    pub fn stages(&self) -> Vec<Stage> {
        let all = [Stage::Rom, Stage::HttpBoot, Stage::Ipxe];
        let possible = all.into_iter().filter(|stage| self.may_tell(*stage));
        possible.collect()
    }

    fn may_tell(&self, stage: Stage) -> bool {
        let ipxe = |class: &Glob| pxe::is_ipxe_user_class(class.as_str().as_bytes());
        any(&self.stage, |wanted| *wanted == stage)
            && any(&self.arch, |arch| has_arch(stage, *arch))
            && any(&self.class, |class| has_class(stage, class))
            && any(&self.user_class, |class| {
                stage == Stage::Ipxe || !ipxe(class)
            })
            && any(&self.seen, |done| self.is_seen(*done, stage))
    }

    /// Whether its architectures can do that, and whoever speaks is known to have done it.
    fn is_seen(&self, done: Behaviour, stage: Stage) -> bool {
        let rom = stage == Stage::Rom;
        let bios = |arch: &ArchFilter| arch.platform() == Platform::Bios;
        let signed = |arch: &ArchFilter| pair::of(arch.platform()).is_some();
        match done {
            Behaviour::Asks4011AllTheSame => rom && any(&self.arch, bios),
            Behaviour::FollowsNothing => rom,
            Behaviour::SecureBoot => stage != Stage::Ipxe && any(&self.arch, signed),
        }
    }
}

/// The numbers of HTTP boot are its firmware's; iPXE tells what it was built for.
fn has_arch(stage: Stage, arch: ArchFilter) -> bool {
    match arch {
        ArchFilter::Exact(arch) if arch.is_http() => stage == Stage::HttpBoot,
        _ => true,
    }
}

/// Whether somebody at this stage has such a class.
fn has_class(stage: Stage, class: &Glob) -> bool {
    let begins = |with: &[u8]| class.may_begin(with);
    match stage {
        Stage::Rom => begins(pxe::CLASS_PXE),
        Stage::HttpBoot => begins(pxe::CLASS_HTTP),
        _ => begins(pxe::CLASS_PXE) || begins(pxe::CLASS_HTTP),
    }
}

/// Of several architectures that a client lists, a platform's name means the one that its loader is
/// for, so that its row and its loader are of one platform; a number means any.
fn is_of(client: &Client, arch: ArchFilter) -> bool {
    match arch {
        ArchFilter::Platform(platform) => client.platform() == platform,
        ArchFilter::Exact(_) => arch.matches(&client.archs),
    }
}

/// Firmware sends the first parts of a UUID in either order, and profiles take both.
fn has_uuid(client: &Client, glob: &Glob) -> bool {
    let is = |uuid: Uuid| glob.matches(&uuid.to_string());
    client.uuid.is_some_and(|own| is(own) || is(own.swapped()))
}

/// Whether one of them holds; an empty list asks nothing.
fn any<T>(list: &[T], holds: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(holds)
}
