//! Which of an operator's rows may tell a client: those that name no hardware address, and by hash those that name
//! the beginning of its own. So ten thousand rows, one a machine, cost a packet what ten do.

use std::collections::{BTreeMap, HashMap};

use super::Quirk;
use crate::wire::Mac;

/// Places of rows that change an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Index {
    /// Of those that name no address.
    anyone: Vec<usize>,
    /// Of the others, by the bytes that they name, and by how many those are.
    begins: BTreeMap<usize, HashMap<Box<[u8]>, Vec<usize>>>,
}

impl Index {
    pub(super) fn of(rows: &[Quirk]) -> Self {
        let mut index = Self::default();
        let rows = rows.iter().enumerate();
        for (at, row) in rows.filter(|(_, row)| row.changes.are_some()) {
            if row.tells.mac.is_empty() {
                index.anyone.push(at);
            }
            for prefix in &row.tells.mac {
                let bytes = prefix.bytes();
                let alike = index.begins.entry(bytes.len()).or_default();
                alike.entry(bytes.into()).or_default().push(at);
            }
        }
        index
    }

    /// The places of all that may tell this machine, in the order of the rows.
    pub(super) fn may_tell(&self, mac: Mac) -> Vec<usize> {
        let bytes = mac.as_bytes();
        let begins = self.begins.iter();
        let named = begins.filter_map(|(length, alike)| alike.get(bytes.get(..*length)?));
        let mut places = self.anyone.clone();
        let some = places.len();
        places.extend(named.flatten());
        if places.len() > some {
            places.sort_unstable();
            places.dedup();
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use crate::client::Client;
    use crate::client::quirk::{Table, compile};
    use crate::wire::Mac;

    #[test]
    fn the_rows_that_tell_a_machine_are_found_in_their_order() {
        let rows = "quirks:
- { name: whole, tells: { mac: '02:00:00:00:00:01' }, changes: { padding: false } }
- { name: all, tells: { stage: rom }, changes: { padding: false } }
- { name: begin, tells: { mac: ['02:00:00', '02:00'] }, changes: { padding: false } }
- { name: other, tells: { mac: '02:01' }, changes: { padding: false } }
";
        let table = Table::with(compile("quirks.yaml", rows).0.unwrap());
        let told = |last: u8, second: u8| -> Vec<String> {
            let mac = Mac::ethernet([2, second, 0, 0, 0, last]);
            let client = Client::unknown(mac, Ipv4Addr::LOCALHOST);
            let treatment = table.treat(&client);
            let own = treatment.rows().iter().filter(|row| !row.ours);
            own.map(|row| row.name.to_string()).collect()
        };
        assert_eq!(told(1, 0), ["whole", "all", "begin"]);
        assert_eq!(told(2, 0), ["all", "begin"]);
        assert_eq!(told(1, 1), ["all", "other"]);
        assert_eq!(told(1, 2), ["all"]);
    }
}
