//! Bootjack on one processor and on two. The clients may use both each time: where they cost as much
//! as it does, as with one block a window, a second processor can carry no more.

use super::sides::{self, CLIENTS};
use super::{Case, FETCHING, case};
use crate::Run;
use crate::support::lan::Lan;
use crate::table::{Figure, Row, Table};

const CASES: [Case; 2] = [case(1468, 64, 16, false), case(1468, 1, 16, false)];

/// A row of each.
pub fn measure(run: &Run, table: &mut Table) {
    for case in CASES.iter().filter(|_| !run.quick) {
        let rounds = (0..run.rounds(3)).map(|_| (on("0", case, run), on("0,1", case, run)));
        let (one, two): (Vec<Figure>, Vec<Figure>) = rounds.unzip();
        let name = format!("{}, on two processors", case.name());
        table.add(Row::more(name, &two).beside("bootjack on one", &one));
    }
}

fn on(processors: &str, case: &Case, run: &Run) -> Figure {
    let lan = Lan::new();
    let client = lan.host("client", &format!("{}/24", CLIENTS[0]));
    client.address("eth0", &format!("{}/24", CLIENTS[1]));
    let mut appliance = sides::ours(run, &lan.appliance_host(), processors);
    let side = sides::alone(&mut appliance);
    sides::measure(&client, || {}, &side, case, FETCHING)
}
