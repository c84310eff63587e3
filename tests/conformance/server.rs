//! What is in force when a case begins: profiles, quirks, networks.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bootjack::client::quirk::{self, Behaviour, Table};
use bootjack::client::{Cut, Past, Shape};
use bootjack::network;
use bootjack::profile::{Snapshot, Source, compile};
use serde::Deserialize;

/// The address that is asked.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What is known of a machine from earlier boots.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(default)]
    pub seen: Vec<String>,
    pub shape: Option<String>,
    pub cut: Option<String>,
}

impl Known {
    /// As a client has it.
    pub fn past(&self) -> Past {
        let behaviour = |word: &String| {
            let mut all = Behaviour::ALL.iter();
            all.find(|(name, _)| name == word).expect(word).1
        };
        Past {
            seen: self.seen.iter().map(behaviour).collect(),
            shape: self.shape.as_deref().map(|s| Shape::from_name(s).unwrap()),
            cut: self.cut.as_deref().map(|c| Cut::from_name(c).unwrap()),
        }
    }
}

/// One profile for everyone.
const ALL: &str = "menu: { title: Test, entries: [ { id: disk, title: Disk, local: true } ] }";

/// What an operator has written: profiles (one for everyone where there is none), rows below
/// `quirks:`, what stands below `dhcp:`.
pub fn snapshot(profiles: Option<&[String]>, quirks: &str, dhcp: &str) -> Snapshot {
    let texts = profiles.map_or_else(|| vec![ALL.to_owned()], <[String]>::to_vec);
    let source = |(n, text): (usize, String)| Source {
        file: format!("{n}.yaml").into(),
        text,
    };
    let sources: Vec<Source> = texts.into_iter().enumerate().map(source).collect();
    let (profiles, findings) = compile(&sources);
    Snapshot {
        profiles: profiles.unwrap_or_else(|| panic!("{findings:#?}")),
        quirks: Arc::new(table(quirks)),
        networks: Arc::new(networks(dhcp)),
        http_port: 8067,
        ..Snapshot::default()
    }
}

fn table(rows: &str) -> Table {
    let (rows, findings) = quirk::compile("bootjack.yaml", &below("quirks", rows));
    assert!(findings.is_empty(), "{findings:#?}");
    Table::with(rows.unwrap())
}

fn networks(dhcp: &str) -> network::Networks {
    let (networks, findings) = network::compile("bootjack.yaml", &below("dhcp", dhcp));
    networks.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn below(key: &str, text: &str) -> String {
    format!("{key}:\n  {}", text.replace('\n', "\n  "))
}
