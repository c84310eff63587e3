//! What random walks have come by.

/// How often what happened.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub offers: usize,
    pub acks: usize,
    pub void: usize,
    pub naks: usize,
    pub unstored: usize,
    pub conflicts: usize,
    pub exhausted: usize,
    pub expired: usize,
    pub survived: usize,
    pub declined: usize,
    pub bootp: usize,
    pub evicted: usize,
    /// ACKs by a reservation for what the client did not show.
    pub kept: usize,
    /// Offers that went to another client because nothing else was left.
    pub unclaimed: usize,
    /// ACKs of what another server leased, by a reservation alone.
    pub taken_over: usize,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.offers += other.offers;
        self.acks += other.acks;
        self.void += other.void;
        self.naks += other.naks;
        self.unstored += other.unstored;
        self.conflicts += other.conflicts;
        self.exhausted += other.exhausted;
        self.expired += other.expired;
        self.survived += other.survived;
        self.declined += other.declined;
        self.bootp += other.bootp;
        self.evicted += other.evicted;
        self.kept += other.kept;
        self.unclaimed += other.unclaimed;
        self.taken_over += other.taken_over;
    }
}
