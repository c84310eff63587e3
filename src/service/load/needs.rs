//! Whether what an operator wrote has machines that take lease and loader of one server alone.
//!
//! Absent on purpose: what was learnt of machines, which is kept elsewhere.

use super::{Loader, networks};
use crate::decide::needs;
use crate::network::Beside;
use crate::profile::Profiles;

impl Loader {
    /// Whether a profile or a quirk row of the operator's has machines take lease and loader of one server;
    /// not where they cannot be read. It blocks on the disk.
    pub fn needs_leases(&mut self) -> bool {
        let material = self.read();
        let (profiles, _) = self.compiler.compile(&material.sources);
        let beside = Beside {
            own: &material.own,
            profiles: None,
        };
        let config = networks::compile(&self.places, material.config.as_deref(), beside);
        let mut rows = config.quirks.own().iter();
        let by_row = rows.any(|row| needs::by_row(&row.changes));
        let each = profiles.iter().flat_map(Profiles::with_platforms);
        let mut needy = each.flat_map(|(profile, platforms)| {
            let needs = move |platform| needs::by_profile(profile, platform);
            platforms.into_iter().map(needs)
        });
        by_row || needy.any(|needs| needs)
    }
}
