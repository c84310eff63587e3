//! Where leases are: a running server is asked through its socket ([`control`]); without one the
//! store itself is read, and written by `release`. Nothing is made here: a store that is not there
//! is an error.
//!
//! Networks and reserved names are then the config file's, as far as it says them without mistakes.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::cli::state::{self, Folder};
use crate::config::Effective;
use crate::error::Error;
use crate::lease::{Book, Limits, State};
use crate::network::{Beside, Networks};
use crate::service::lease::clock::{Clock, Readings};
use crate::service::lease::control::{self, Answer, Ask};
use crate::service::lease::filter::{self, Known};
use crate::service::lease::row::Row;
use crate::service::lease::store::{FILE, Store};
use crate::service::lease::{is_held_by, nothing_leased};
use crate::service::load::{Places, networks};
use crate::yaml::counted;

/// The leases of a state folder.
pub(super) struct Source {
    settings: Effective,
}

impl Source {
    pub(super) fn open(folder: Folder) -> Result<Self, Error> {
        let settings = folder.settings()?;
        Ok(Self { settings })
    }

    /// Every lease, of the server or of the store.
    pub(super) fn rows(&self) -> Result<Vec<Row>, Error> {
        if let Some(answer) = self.asked(&Ask::List {})? {
            return answer.map_err(Error::failed);
        }
        self.is_there()?;
        let contents = Store::look(self.folder())?;
        let clock = Clock::start(contents.anchor.as_ref(), Readings::now());
        let (now, networks) = (clock.now(), self.networks());
        let mut unread = contents.unread;
        let mut rows = Vec::with_capacity(contents.records.len());
        for record in contents.records {
            match record.lease(now) {
                Some(lease) if lease.state == State::Available => {}
                Some(lease) => rows.push(Row::new(&lease, &networks, &clock)),
                None => unread += 1,
            }
        }
        if unread > 0 {
            state::say(&format!(
                "left out, for nothing can be made of it: {} of the store",
                counted(unread, "record")
            ));
        }
        Ok(rows)
    }

    /// The networks that leases can be of.
    pub(super) fn known(&self) -> Result<Vec<Known>, Error> {
        match self.asked(&Ask::Networks {})? {
            Some(answer) => answer.map_err(Error::failed),
            None => Ok(filter::known(&self.networks())),
        }
    }

    /// Ends the lease of an address, or its quarantine; with `mac`, if that machine has it.
    pub(super) fn release(
        &self,
        address: Ipv4Addr,
        mac: Option<&str>,
    ) -> Result<Result<(), String>, Error> {
        let ask = Ask::Release {
            address,
            mac: mac.map(str::to_owned),
        };
        if let Some(answer) = self.asked::<Row>(&ask)? {
            return Ok(answer.map(drop));
        }
        self.is_there()?;
        let (mut store, contents) = Store::existing(self.folder())?;
        let clock = Clock::start(contents.anchor.as_ref(), Readings::now());
        let mut book = Book::new(Limits::default());
        let now = clock.now();
        for record in contents.records.iter().filter(|r| r.address == address) {
            book.restore(now, record);
        }
        let _ = book.expire(now);
        let released = is_held_by(&book, address, mac)
            .then(|| book.release(now, address))
            .flatten();
        let Some((_, record)) = released else {
            return Ok(Err(nothing_leased(address)));
        };
        let written = store.write(&[record], &clock.anchor());
        Ok(written.map_err(|why| format!("cannot write {}: {why}", store.path().display())))
    }

    fn folder(&self) -> &Path {
        &self.settings.state
    }

    /// The networks of the config file; none where it has mistakes, which is said.
    fn networks(&self) -> Networks {
        let places = Places::from(&self.settings);
        let mut findings = Vec::new();
        let text = networks::read(&places, false, &mut findings);
        let config = networks::compile(&places, text.as_deref(), Beside::default());
        config.networks.unwrap_or_else(|| {
            state::say(&format!(
                "networks and reserved names are not shown: {} has mistakes, see `bootjack check`",
                places.config.path.display()
            ));
            Networks::default()
        })
    }

    /// Asks the running server, where there is one.
    fn asked<T: DeserializeOwned>(&self, ask: &Ask) -> Result<Option<Answer<T>>, Error> {
        state::asked(self.folder(), control::FILE, ask)
    }

    /// The store can be read, as far as the system has a say in it.
    fn is_there(&self) -> Result<(), Error> {
        let (folder, store) = (self.folder(), self.folder().join(FILE));
        match fs::metadata(&store).and_then(|found| {
            // A pipe would wait for its other end.
            found.is_file().then(|| File::open(&store)).transpose()
        }) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                Err(state::denied(folder, &store))
            }
            Err(e) if state::is_none(&e) => Err(Error::failed(format!(
                "no bootjack gives leases from {0}, and there is no lease store in it: `bootjack serve --mode dhcp` makes one; name another folder with --state",
                folder.display()
            ))),
            _ => Ok(()),
        }
    }
}
