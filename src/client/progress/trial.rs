//! Attempts of one firmware in a row: when a shape is left, and which one comes next.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::attempt::{At4011, Attempt, Offered, Proof};
use super::overheard::Hearing;
use super::{Learnt, Now, Step};
use crate::client::Shape;
use crate::client::quirk::Behaviour;

/// So many failed attempts in a row, and the next shape is tried.
pub const FAILURES: u8 = 2;
/// So many, all of them with a lease, before a shape is left that has worked.
pub const KNOWN_FAILURES: u8 = 3;
/// How long nothing is tried after the last shape of a ladder.
pub const REST: Duration = Duration::from_secs(3600);

/// One firmware's attempts.
#[derive(Debug, Default)]
pub(super) struct Trial {
    attempt: Option<Attempt>,
    /// The shape that is tried now, in the place of what was learnt.
    pub(super) trying: Option<Shape>,
    /// The shape that it was last seen to follow.
    followed: Option<Shape>,
    /// Attempts in a row that failed, all with this shape.
    failed: Option<(Shape, u8)>,
    /// Attempts in which it asked port 4011 although its OFFER had told it not to.
    all_the_same: u8,
    /// Shapes left since it last followed one, each once.
    left: Vec<Shape>,
    /// Nothing is tried until then.
    rests: Option<Instant>,
}

impl Trial {
    /// One whose machine was not seen for long: what was learnt of it is all that is known.
    pub(super) fn of(learnt: &Learnt, now: Now) -> Self {
        let gave_up = learnt.seen.contains(&Behaviour::FollowsNothing);
        let since = Duration::from_secs(now.wall.saturating_sub(learnt.at));
        let left = REST.checked_sub(since).filter(|_| gave_up);
        Self {
            followed: learnt.shape,
            rests: left.and_then(|left| now.at.checked_add(left)),
            ..Self::default()
        }
    }

    pub(super) const fn attempt(&mut self) -> Option<&mut Attempt> {
        self.attempt.as_mut()
    }

    /// The OFFER to a DISCOVER, which begins an attempt where none is under way.
    pub(super) fn offered(&mut self, now: Instant, xid: u32, offered: Option<Offered>) {
        match (&mut self.attempt, offered) {
            (Some(attempt), Some(offered)) => attempt.again(now, xid, offered),
            (attempt, offered) => {
                *attempt = offered.map(|offered| Attempt::new(now, xid, offered));
            }
        }
    }

    /// A DISCOVER, and what it says of the attempt before.
    pub(super) fn discovered(
        &mut self,
        now: Instant,
        xid: u32,
        hearing: &Hearing,
        learnt: &mut Learnt,
    ) -> Option<Step> {
        let proof = self.attempt.as_ref()?.discovered(now, xid, hearing);
        if proof == Proof::GoesOn {
            return None;
        }
        let attempt = self.attempt.take()?;
        match proof {
            Proof::GoesOn | Proof::Nothing => None,
            Proof::Weak | Proof::Strong => self.failed(now, proof, &attempt, learnt),
        }
    }

    fn failed(
        &mut self,
        now: Instant,
        proof: Proof,
        attempt: &Attempt,
        learnt: &mut Learnt,
    ) -> Option<Step> {
        let offered = &attempt.offered;
        let known = self.followed == Some(offered.shape);
        if self.rests(now) || (known && proof == Proof::Weak) {
            return None;
        }
        let before = self.failed.filter(|(shape, _)| *shape == offered.shape);
        let failures = before.map_or(0, |(_, count)| count).saturating_add(1);
        self.failed = Some((offered.shape, failures));
        let enough = if known { KNOWN_FAILURES } else { FAILURES };
        (failures >= enough).then(|| self.leave(now, failures, attempt, learnt))
    }

    fn leave(
        &mut self,
        now: Instant,
        failures: u8,
        attempt: &Attempt,
        learnt: &mut Learnt,
    ) -> Step {
        let offered = &attempt.offered;
        let (left, at_4011) = (offered.shape, attempt.at_4011 != At4011::Never);
        self.failed = None;
        self.followed = self.followed.filter(|shape| *shape != left);
        if !self.left.contains(&left) {
            self.left.push(left);
        }
        // Lease and loader offered, neither taken: that is firmware to which a proxy says nothing (quirk 14).
        let in_one = Some(Shape::Augment);
        let in_one = in_one.filter(|shape| !attempt.has_asked() && offered.ladder.contains(shape));
        let in_one = in_one.filter(|shape| !self.left.contains(shape));
        if let Some(next) = in_one.or_else(|| after(left, &offered.ladder, &self.left)) {
            self.trying = Some(next);
            return Step::Next {
                left,
                failures,
                at_4011,
                next,
            };
        }
        self.left.clear();
        self.trying = None;
        self.rests = now.checked_add(REST);
        learnt.shape = None;
        learnt.see(Behaviour::FollowsNothing);
        Step::NothingLeft {
            left,
            failures,
            at_4011,
            leased: attempt.has_asked(),
        }
    }

    /// Port 4011 is asked from an address. Once may be anybody's doing, or a menu's. Of a BIOS that
    /// is on record (quirk 5); other firmware that finds its file there does well, and what finds none
    /// is judged as all are.
    pub(super) fn asked_4011(
        &mut self,
        now: Instant,
        from: Ipv4Addr,
        bios: bool,
        learnt: &mut Learnt,
    ) -> Option<Step> {
        let behaviour = Behaviour::Asks4011AllTheSame;
        let told_not_to = self.attempt.as_mut()?.asked_4011(now, from, bios);
        if !told_not_to || learnt.seen.contains(&behaviour) {
            return None;
        }
        self.all_the_same = self.all_the_same.saturating_add(1);
        (self.all_the_same >= FAILURES).then(|| {
            // That changes its ladder: what it is known to follow stays, and what it did not follow
            // is not tried again.
            learnt.see(behaviour);
            learnt.shape = learnt.shape.or(self.followed);
            self.failed = None;
            Step::Seen(behaviour)
        })
    }

    /// The machine asks for a file: it has not failed, whatever it gets.
    pub(super) fn asks_for_a_file(&mut self, now: Instant) {
        let attempt = self.attempt.as_mut();
        if attempt.is_some_and(|attempt| attempt.asks_for_a_file(now)) {
            self.failed = None;
        }
    }

    /// What the machine asks for is there, or not; where the first is, it follows what it was
    /// offered: `true`.
    pub(super) fn fetched(&mut self, now: Instant, found: bool) -> bool {
        self.asks_for_a_file(now);
        let attempt = self.attempt.as_mut();
        attempt.is_some_and(|attempt| attempt.is_answered(now) && found)
    }

    /// It follows what it was offered.
    pub(super) fn follows(&mut self, learnt: &mut Learnt) -> Option<Step> {
        let Attempt {
            offered, at_4011, ..
        } = self.attempt.as_ref()?;
        let Offered {
            shape,
            ladder,
            bypass,
            ..
        } = offered;
        if *at_4011 == At4011::AllTheSame {
            // It went another way than that shape's.
            self.failed = None;
            return None;
        }
        let (shape, first, bypass) = (*shape, ladder.first() == Some(shape), *bypass);
        *self = Self {
            attempt: self.attempt.take(),
            followed: Some(shape),
            ..Self::default()
        };
        let before = learnt.clone();
        // What was kept is kept, also where it has become the first since.
        learnt.shape = Some(shape).filter(|_| !first || learnt.shape == Some(shape));
        learnt.seen.retain(|seen| match seen {
            Behaviour::FollowsNothing => false,
            Behaviour::SecureBoot => true,
            Behaviour::Asks4011AllTheSame => !bypass,
        });
        (*learnt != before).then_some(Step::Follows {
            shape,
            remembered: learnt.shape.is_some(),
        })
    }

    /// What it follows cannot be kept now: it is tried with it until that can be.
    pub(super) fn goes_on(&mut self) {
        self.trying = self.trying.or(self.followed);
    }

    /// The machine was booted, by us or from elsewhere.
    pub(super) fn booted(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.booted();
        }
    }

    fn rests(&mut self, now: Instant) -> bool {
        self.rests = self.rests.filter(|until| now < *until);
        self.rests.is_some()
    }
}

/// The shape after this one, after the last the first, of those that are not left.
fn after(shape: Shape, ladder: &[Shape], left: &[Shape]) -> Option<Shape> {
    let at = ladder.iter().position(|s| *s == shape)?;
    let others = ladder.iter().cycle().skip(at).take(ladder.len());
    others.copied().find(|shape| !left.contains(shape))
}
