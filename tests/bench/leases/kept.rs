//! What 100,000 leases take: memory, and time from the start to `ready`.

use std::fs;
use std::path::Path;

use bootjack::service::lease::store::FILE;

use super::{Lab, config};
use crate::support::appliance::Setup;
use crate::table::{Figure, Row, Table};
use crate::{meter, start, store};

/// 100,000 leases: memory, and start to `ready`.
pub fn measure(lab: &Lab<'_>, table: &mut Table) {
    let (closed, killed) = (lab.server.file("closed"), lab.server.file("killed"));
    let began = lab.server.file("began");
    for folder in [&closed, &killed, &began] {
        fs::create_dir_all(folder).expect("the lab's folder");
    }
    store::filled_and_as_killed(&closed, &killed);
    let empty = held(lab, None);
    let full = held(lab, Some(&closed));
    let figure = Figure::plain(full - empty, "MiB");
    table.add(Row::less("memory of 100,000 leases", &[figure]));
    for (what, store) in [("", &closed), (" after kill -9", &killed)] {
        let rounds = (0..lab.run.rounds(10)).map(|_| {
            copy(store, &began);
            start::to_ready(lab.run, &lab.server, &flags(lab, &began))
        });
        let rounds: Vec<Figure> = rounds.map(|took| Figure::plain(took, "ms")).collect();
        let what = format!("start to `ready` with 100,000 leases{what}");
        table.add(Row::less(what, &rounds));
    }
}

/// MiB held by a server with no leases, or those of a folder.
fn held(lab: &Lab<'_>, leases: Option<&Path>) -> f64 {
    let state = lab.server.file("bootjack").join("state");
    let _ = fs::remove_file(state.join(FILE));
    if let Some(leases) = leases {
        copy(leases, &state);
    }
    let setup = Setup::new(&lab.server, &lab.run.binary).text_log();
    let setup = setup.config(&config("each")).flag("--user=root");
    meter::memory(setup.start().process().id()).0
}

fn flags(lab: &Lab<'_>, state: &Path) -> [String; 3] {
    let file = lab.server.file("bench.yaml");
    fs::write(&file, config("each")).expect("a config file");
    [
        format!("--config={}", file.display()),
        format!("--state={}", state.display()),
        "--user=root".to_owned(),
    ]
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from.join(FILE), to.join(FILE)).expect("a copy");
}
